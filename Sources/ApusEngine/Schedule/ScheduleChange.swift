// SPDX-License-Identifier: Apache-2.0

// What the ledger of schedules says: which logs of waiting events there are, what of them is done with, how far recurring schedules have come,
// and where copies may be that no note knows of. Binary, as the logs of subscriptions are.

import ApusModel
import NIOCore

/// One thing that happened to schedules and must outlive the process.
enum ScheduleChange: Hashable, Sendable {
    /// Forget everything: a snapshot follows in the same batch.
    case reset
    /// There is a log of waiting events with this number.
    case opened(bucket: Int, ScheduleSpan)
    /// The log is over; everything in it was done with.
    case removed(bucket: Int)
    /// These events have been copied to their topics, or cancelled.
    case done(bucket: Int, offsets: [Int64])
    /// Everything before `floor` is done.
    case floor(bucket: Int, Int64)
    /// What is done from `first` on, a bit each.
    case bits(bucket: Int, first: Int64, words: [UInt64])
    /// Copies that are not noted as done are in these logs from these offsets on, and nowhere else.
    case copying([LogID: Offset])
    /// The recurring schedule has fired, or passed over, everything up to this time.
    case fired(schedule: LogID, time: Int64)
    /// The last number given to a log of waiting events.
    case numbered(Int)

    private enum Operation: UInt8 {
        case reset = 0, opened, removed, done, floor, bits, copying, fired, numbered
    }

    func encode(into buffer: inout ByteBuffer) {
        func write(_ operation: Operation, _ numbers: Int64...) {
            buffer.writeInteger(operation.rawValue)
            for number in numbers { buffer.writeVarint(number) }
        }
        switch self {
        case .reset: write(.reset)
        case .opened(let bucket, let span): write(.opened, Int64(bucket), span.width, span.start)
        case .removed(let bucket): write(.removed, Int64(bucket))
        case .done(let bucket, let offsets):
            write(.done, Int64(bucket), Int64(offsets.count))
            var last: Int64 = 0
            for offset in offsets {
                buffer.writeVarint(offset - last)
                last = offset
            }
        case .floor(let bucket, let floor): write(.floor, Int64(bucket), floor)
        case .bits(let bucket, let first, let words):
            write(.bits, Int64(bucket), first, Int64(words.count))
            for word in words { buffer.writeInteger(word) }
        case .copying(let logs):
            write(.copying, Int64(logs.count))
            for (log, offset) in logs.sorted(by: { $0.key < $1.key }) {
                buffer.writeInteger(log.high)
                buffer.writeInteger(log.low)
                buffer.writeVarint(offset.rawValue)
            }
        case .fired(let schedule, let time):
            write(.fired)
            buffer.writeInteger(schedule.high)
            buffer.writeInteger(schedule.low)
            buffer.writeVarint(time)
        case .numbered(let number): write(.numbered, Int64(number))
        }
    }

    /// All changes of one record's value; nil when it is not well-formed.
    static func decode(_ bytes: UnsafeRawBufferPointer) -> [ScheduleChange]? {
        var reader = ByteReader(bytes)
        var changes: [ScheduleChange] = []
        while reader.remaining > 0 {
            guard let change = decodeOne(&reader) else { return nil }
            changes.append(change)
        }
        return changes
    }

    private static func decodeOne(_ reader: inout ByteReader) -> ScheduleChange? {
        guard let byte: UInt8 = reader.integer(), let operation = Operation(rawValue: byte) else {
            return nil
        }
        switch operation {
        case .reset: return .reset
        case .copying: return decodeCopying(&reader)
        case .fired:
            guard let schedule = identity(&reader), let time = reader.varint() else { return nil }
            return .fired(schedule: schedule, time: time)
        default: break
        }
        guard let number = reader.varint(), number >= 0, number <= ScheduleBucket.numbersMax else {
            return nil
        }
        let bucket = Int(number)
        switch operation {
        case .removed: return .removed(bucket: bucket)
        case .numbered: return .numbered(bucket)
        case .opened:
            guard let width = reader.varint(), width > 0, let start = reader.varint() else { return nil }
            return .opened(bucket: bucket, ScheduleSpan(width: width, start: start))
        case .floor: return reader.varint().map { .floor(bucket: bucket, $0) }
        case .bits:
            guard let first = reader.varint(), let count = reader.varint(), count >= 0,
                count <= reader.remaining / 8
            else { return nil }
            var words: [UInt64] = []
            for _ in 0..<count {
                guard let word: UInt64 = reader.integer() else { return nil }
                words.append(word)
            }
            return .bits(bucket: bucket, first: first, words: words)
        default: return decodeDone(bucket, &reader)
        }
    }

    private static func decodeDone(_ bucket: Int, _ reader: inout ByteReader) -> ScheduleChange? {
        guard let count = reader.varint(), count >= 0, count <= reader.remaining else { return nil }
        var offsets: [Int64] = []
        var last: Int64 = 0
        for _ in 0..<count {
            guard let step = reader.varint() else { return nil }
            last &+= step
            guard last >= 0 else { return nil }
            offsets.append(last)
        }
        return .done(bucket: bucket, offsets: offsets)
    }

    private static func decodeCopying(_ reader: inout ByteReader) -> ScheduleChange? {
        guard let count = reader.varint(), count >= 0, count <= reader.remaining / 17 else { return nil }
        var logs: [LogID: Offset] = [:]
        for _ in 0..<count {
            guard let log = identity(&reader), let offset = reader.varint() else { return nil }
            logs[log] = Offset(offset)
        }
        return .copying(logs)
    }

    private static func identity(_ reader: inout ByteReader) -> LogID? {
        guard let high: UInt64 = reader.integer(), let low: UInt64 = reader.integer() else { return nil }
        return LogID(high: high, low: low)
    }
}
