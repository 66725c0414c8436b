// SPDX-License-Identifier: Apache-2.0

// How far everything is known to be durable in segments: what recovery need not look at. Losing it costs time,
// not data.

import ApusModel

/// How far one segment is durable.
struct DurableMark: Hashable {
    var bytes: Int64 = 0
    var batches = 0
    var indexEntries = 0
    /// Position of the last index entry.
    var lastIndexed: Int64 = 0
    /// The offset after the last batch.
    var end: Offset
    /// The greatest timestamp so far.
    var maxTimestamp = Timestamp(milliseconds: .min)
}

/// The `checkpoint` file of a store.
struct Checkpoint: Hashable {
    static let fileName = "checkpoint"
    private static let version: UInt32 = 1

    /// The first segment of a log that is not, or might soon not be, durable as a whole.
    struct Entry: Hashable {
        var life: UInt64
        var base: Offset
        var mark: DurableMark
    }

    /// Journal files before this sequence are done with.
    var journalLow: UInt64 = 0
    var logs: [LogID: Entry] = [:]

    var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.write(Checkpoint.version)
        writer.write(journalLow)
        writer.write(UInt32(truncatingIfNeeded: logs.count))
        for (log, entry) in logs.sorted(by: { $0.key < $1.key }) {
            writer.write(log.high)
            writer.write(log.low)
            writer.write(entry.life)
            writer.write(entry.base.rawValue)
            writer.write(entry.mark.bytes)
            writer.write(UInt32(truncatingIfNeeded: entry.mark.batches))
            writer.write(UInt32(truncatingIfNeeded: entry.mark.indexEntries))
            writer.write(entry.mark.lastIndexed)
            writer.write(entry.mark.end.rawValue)
            writer.write(entry.mark.maxTimestamp.rawValue)
        }
        return writer.bytes
    }

    init() {}

    init?(_ bytes: [UInt8]) {
        var reader = LittleReader(bytes)
        guard reader.read(UInt32.self) == Checkpoint.version, let low = reader.read(UInt64.self),
            let count = reader.read(UInt32.self)
        else { return nil }
        journalLow = low
        for _ in 0..<count {
            guard let high = reader.read(UInt64.self), let lower = reader.read(UInt64.self),
                let life = reader.read(UInt64.self), let base = reader.read(Int64.self),
                let bytes = reader.read(Int64.self),
                let batches = reader.read(UInt32.self), let entries = reader.read(UInt32.self),
                let lastIndexed = reader.read(Int64.self), let end = reader.read(Int64.self),
                let time = reader.read(Int64.self)
            else { return nil }
            logs[LogID(high: high, low: lower)] = Entry(
                life: life, base: Offset(base),
                mark: DurableMark(
                    bytes: bytes, batches: Int(batches), indexEntries: Int(entries), lastIndexed: lastIndexed,
                    end: Offset(end), maxTimestamp: Timestamp(milliseconds: time)))
        }
    }
}
