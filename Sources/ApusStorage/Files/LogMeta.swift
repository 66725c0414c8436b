// SPDX-License-Identifier: Apache-2.0

// What is known about a log besides its segments: which life of its name this is, where it starts, and which
// offsets are known to be lost. Changed rarely, so each log has a small file of its own.

import ApusModel

/// Offsets whose records were acknowledged and are gone, found damaged beyond reading.
struct Gap: Hashable {
    var from: Offset
    var to: Offset
}

/// A segment that was written anew, or looked through for that: from `base` to `end` there is this one and no other.
struct Rewrite: Hashable {
    var base: Offset
    var end: Offset
    /// Which writing of it counts; 0 is the first.
    var generation: UInt32
    /// The time that whoever had it written wanted noted.
    var time: Timestamp
}

extension Timestamp {
    /// Stands for no time in a ``Rewrite``.
    static let unnoted = Timestamp(milliseconds: .min)
}

/// The `meta` file of a log.
struct LogMeta: Hashable {
    static let fileName = "meta"
    private static let version: UInt32 = 1
    /// With rewrites: who does not know of them must not open the log.
    private static let rewrittenVersion: UInt32 = 2

    /// Tells a log apart from a deleted one of the same name, whose batches may still stand in the journal.
    var life: UInt64
    /// Records before are forgotten.
    var start = Offset.zero
    /// Known losses, in order.
    var gaps: [Gap] = []
    /// Segments that were written anew, in order.
    var rewrites: [Rewrite] = []

    var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.write(rewrites.isEmpty ? LogMeta.version : LogMeta.rewrittenVersion)
        writer.write(life)
        writer.write(start.rawValue)
        writer.write(UInt32(truncatingIfNeeded: gaps.count))
        for gap in gaps {
            writer.write(gap.from.rawValue)
            writer.write(gap.to.rawValue)
        }
        guard !rewrites.isEmpty else { return writer.bytes }
        writer.write(UInt32(truncatingIfNeeded: rewrites.count))
        for rewrite in rewrites {
            writer.write(rewrite.base.rawValue)
            writer.write(rewrite.end.rawValue)
            writer.write(rewrite.generation)
            writer.write(rewrite.time.rawValue)
        }
        return writer.bytes
    }

    init(life: UInt64) { self.life = life }

    init?(_ bytes: [UInt8]) {
        var reader = LittleReader(bytes)
        guard let version = reader.read(UInt32.self),
            version == LogMeta.version || version == LogMeta.rewrittenVersion,
            let life = reader.read(UInt64.self),
            let start = reader.read(Int64.self), let count = reader.read(UInt32.self)
        else { return nil }
        self.life = life
        self.start = Offset(start)
        for _ in 0..<count {
            guard let from = reader.read(Int64.self), let to = reader.read(Int64.self) else { return nil }
            gaps.append(Gap(from: Offset(from), to: Offset(to)))
        }
        guard version == LogMeta.rewrittenVersion else { return }
        guard let count = reader.read(UInt32.self) else { return nil }
        for _ in 0..<count {
            guard let base = reader.read(Int64.self), let end = reader.read(Int64.self),
                let generation = reader.read(UInt32.self), let time = reader.read(Int64.self)
            else { return nil }
            rewrites.append(
                Rewrite(
                    base: Offset(base), end: Offset(end), generation: generation,
                    time: Timestamp(milliseconds: time)))
        }
    }

    /// What is known of the segment that begins at `base` having been written anew.
    func rewrite(of base: Offset) -> Rewrite? { rewrites.first { $0.base == base } }

    /// Whether files of this name count, or are of a writing that was replaced or never came to its end.
    func counts(_ name: SegmentFormat.Name) -> Bool {
        if let rewrite = rewrite(of: name.base) { return rewrite.generation == name.generation }
        return name.generation == 0 && !rewrites.contains { $0.base < name.base && name.base < $0.end }
    }

    /// Notes a rewrite in the place of all that it covers.
    mutating func add(_ rewrite: Rewrite) {
        rewrites.removeAll { $0.base >= rewrite.base && $0.base < rewrite.end }
        rewrites.append(rewrite)
        rewrites.sort { $0.base < $1.base }
    }
}
