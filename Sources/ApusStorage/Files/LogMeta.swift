// SPDX-License-Identifier: Apache-2.0

// What is known about a log besides its segments: which life of its name this is, where it starts, and which
// offsets are known to be lost. Changed rarely, so each log has a small file of its own.

import ApusModel

/// Offsets whose records were acknowledged and are gone, found damaged beyond reading.
struct Gap: Hashable {
    var from: Offset
    var to: Offset
}

/// The `meta` file of a log.
struct LogMeta: Hashable {
    static let fileName = "meta"
    private static let version: UInt32 = 1

    /// Tells a log apart from a deleted one of the same name, whose batches may still stand in the journal.
    var life: UInt64
    /// Records before are forgotten.
    var start = Offset.zero
    /// Known losses, in order.
    var gaps: [Gap] = []

    var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.write(LogMeta.version)
        writer.write(life)
        writer.write(start.rawValue)
        writer.write(UInt32(truncatingIfNeeded: gaps.count))
        for gap in gaps {
            writer.write(gap.from.rawValue)
            writer.write(gap.to.rawValue)
        }
        return writer.bytes
    }

    init(life: UInt64) { self.life = life }

    init?(_ bytes: [UInt8]) {
        var reader = LittleReader(bytes)
        guard reader.read(UInt32.self) == LogMeta.version, let life = reader.read(UInt64.self),
            let start = reader.read(Int64.self), let count = reader.read(UInt32.self)
        else { return nil }
        self.life = life
        self.start = Offset(start)
        for _ in 0..<count {
            guard let from = reader.read(Int64.self), let to = reader.read(Int64.self) else { return nil }
            gaps.append(Gap(from: Offset(from), to: Offset(to)))
        }
    }
}
