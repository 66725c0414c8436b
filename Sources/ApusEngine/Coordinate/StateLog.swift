// SPDX-License-Identifier: Apache-2.0

// A table and the log that it is a fold of, for tables that many writers change at the same time. There is one write at a time, with everything
// that has come up meanwhile: thousands of small changes share a flush, and when one is told of its outcome, the table is exactly what the log
// says, with nothing under way that could still fail.
//
// When changes have become much more than the table they make, a snapshot of it is made beside everything else, from a copy, while changes go
// on; what came meanwhile follows in the same batch, because half a snapshot would forget something. Then what came before is trimmed.

import ApusModel
import ApusStorage
import DequeModule
import Logging
import NIOCore
import Synchronization

/// One thing that happened to a table, as bytes.
protocol StateChange: Sendable {
    /// Forget everything: a snapshot follows in the same batch.
    static var reset: Self { get }
    func encode(into buffer: inout ByteBuffer)
    /// All changes of one record's value; nil when it is not well-formed.
    static func decode(_ bytes: UnsafeRawBufferPointer) -> [Self]?
}

/// A table that changes make. A value: a copy of it is a snapshot.
protocol StateFold: Sendable {
    associatedtype Change: StateChange
    /// The table of nothing.
    init()
    mutating func apply(_ change: Change)
    /// Hands `body` the changes that make this table out of nothing, until it returns false.
    func forEachChange(_ body: (Change) -> Bool)
}

/// A table on a log.
final class StateLog<Fold: StateFold>: Sendable {
    typealias Change = Fold.Change

    /// Called once, in a turn of the worker, when the changes are durable and in the table, or with the reason why they are neither.
    typealias Completion = @Sendable (LogError?) -> Void

    private struct Write: Sendable {
        var changes: [Change]
        var value: ByteBuffer
        var completion: Completion
    }

    private struct State {
        var waiting = Deque<Write>()
        var waitingBytes = 0
        var underWay: [Write] = []
        var isWriting = false
        /// What was written since the last snapshot, and how large that one was.
        var deltaBytes = 0
        var snapshotBytes = 0
        /// A snapshot that is ready to be written.
        var draft: RecordBatchBuilder?
        /// What was written since the copy was taken that a snapshot is made of; nil while none is being made.
        var since: [ByteBuffer]?
        /// Whether what is under way begins with a snapshot, and how many bytes it has.
        var snapshotUnderWay = false
        var bytesUnderWay = 0
    }

    /// Bytes that may wait to be written, and bytes with which one write has enough.
    static var waitingBytesMax: Int { 32 << 20 }
    static var writeBytesMax: Int { 1 << 20 }
    /// Bytes of one record of a snapshot, about.
    private static var recordBytes: Int { 64 << 10 }

    private let log: LogID
    private let claim: LogClaim
    private let context: EngineContext
    /// Whether what waits was decided on the strength of what is under way, so that it fails with it.
    private let isChained: Bool
    private let state = Mutex(State())
    private let fold: Mutex<Fold>

    /// Opens the log and makes the table.
    init(_ log: LogID, isChained: Bool, context: EngineContext) throws(LogError) {
        self.log = log
        self.context = context
        self.isChained = isChained
        claim = try context.store.claim(log, LogConfiguration(segmentBytesMax: 16 << 20, isEssential: true)) {
            _ in
        }
        var table = Fold()
        var damage: Offset?
        try context.replay(log) { record in
            guard let value = record.value, let changes = Change.decode(value) else {
                damage = damage ?? record.offset
                return
            }
            for change in changes { table.apply(change) }
        }
        if let damage {
            throw .corrupt(
                log: log, offset: damage, next: damage.advanced(by: 1),
                reason: "not a list of changes of a coordinator")
        }
        fold = Mutex(table)
        // What is there at start is not known to be a snapshot.
        let bytes = Int(clamping: try context.store.bounds(log).bytes)
        state.withLock { $0.deltaBytes = bytes }
    }

    /// Hands the table to `body`, as the log makes it. `body` calls nothing that takes a lock.
    func read<Value: Sendable>(_ body: (Fold) -> Value) -> Value {
        fold.withLock { body($0) }
    }

    /// Bytes that wait to be written.
    var waitingBytes: Int { state.withLock(\.waitingBytes) }

    /// Writes changes down, all or none, after those that were handed over before.
    ///
    /// - Parameter isBounded: whether it is refused when much waits already.
    func write(_ changes: [Change], isBounded: Bool = true, completion: @escaping Completion) {
        var value = ByteBuffer()
        for change in changes { change.encode(into: &value) }
        guard value.readableBytes <= StateLog.waitingBytesMax / 2 else {
            let error = LogError.tooLarge(bytes: value.readableBytes, limit: StateLog.waitingBytesMax / 2)
            return context.inbox.post { completion(error) }
        }
        let write = Write(changes: changes, value: value, completion: completion)
        let isTaken = state.withLock { state in
            let bytes = state.waitingBytes + write.value.readableBytes
            guard !isBounded || bytes <= StateLog.waitingBytesMax else { return false }
            state.waitingBytes += write.value.readableBytes
            state.waiting.append(write)
            return true
        }
        guard isTaken else { return context.inbox.post { completion(.overloaded) } }
        advance()
    }

    // MARK: Writing

    /// Begins the next write unless one is under way.
    private func advance() {
        let time = context.clock.wall
        guard let batch = state.withLock({ next(&$0, time) }) else { return }
        context.store.append(batch, holding: claim) { [self] result in
            context.inbox.post { [self] in wrote(result) }
        }
    }

    private func next(_ state: inout State, _ time: Timestamp) -> RecordBatch? {
        guard !state.isWriting, !state.waiting.isEmpty || state.draft != nil else { return nil }
        var builder = begin(&state, time)
        var written = 0
        while let write = state.waiting.first, written < StateLog.writeBytesMax {
            builder.append(time, write.value)
            written += write.value.readableBytes
            state.waitingBytes -= write.value.readableBytes
            state.underWay.append(write)
            state.waiting.removeFirst()
        }
        state.bytesUnderWay = builder.length
        state.isWriting = true
        return builder.finish()
    }

    /// The beginning of the next write: a snapshot with what came after it, if one is ready.
    private func begin(_ state: inout State, _ time: Timestamp) -> RecordBatchBuilder {
        guard var draft = state.draft else { return RecordBatchBuilder(capacity: 1024) }
        for value in state.since ?? [] { draft.append(time, value) }
        (state.draft, state.since) = (nil, nil)
        // One that is too large, or fails, is tried again after as much change.
        state.deltaBytes = 0
        guard draft.length < RecordBatch.lengthMax - StateLog.waitingBytesMax / 2 - StateLog.writeBytesMax
        else {
            state.snapshotBytes = draft.length
            return RecordBatchBuilder(capacity: 1024)
        }
        state.snapshotUnderWay = true
        return draft
    }

    private func wrote(_ result: Result<Offset, LogError>) {
        var failure: LogError?
        if case .failure(let error) = result { failure = error }
        let (ended, snapshot) = state.withLock { state -> ([Write], Int?) in
            var ended = state.underWay
            let snapshot = state.snapshotUnderWay ? state.bytesUnderWay : nil
            if failure == nil {
                if let snapshot {
                    state.snapshotBytes = snapshot
                } else {
                    state.deltaBytes += state.bytesUnderWay
                }
                if state.since != nil { state.since?.append(contentsOf: ended.map(\.value)) }
            } else if isChained {
                ended.append(contentsOf: state.waiting)
                state.waiting = []
                state.waitingBytes = 0
            }
            (state.underWay, state.snapshotUnderWay) = ([], false)
            return (ended, snapshot)
        }
        if failure == nil {
            fold.withLock { fold in
                for write in ended { for change in write.changes { fold.apply(change) } }
            }
        }
        if snapshot != nil, case .success(let base) = result { forget(before: base) }
        beginSnapshot()
        for write in ended { write.completion(failure) }
        state.withLock { $0.isWriting = false }
        advance()
    }

    // MARK: Snapshots

    /// After much change, has a snapshot made. The table is what the log says now: nothing is under way.
    private func beginSnapshot() {
        let isDue = state.withLock { state in
            guard state.since == nil,
                state.deltaBytes > max(4 * context.options.snapshotBytes, 2 * state.snapshotBytes)
            else { return false }
            state.since = []
            return true
        }
        guard isDue else { return }
        let (table, time) = (fold.withLock { $0 }, context.clock.wall)
        context.offload { [self] in
            let draft = StateLog.draft(table, time)
            context.inbox.post { [self] in
                state.withLock { $0.draft = draft }
                advance()
            }
        }
    }

    private static func draft(_ table: Fold, _ time: Timestamp) -> RecordBatchBuilder {
        var builder = RecordBatchBuilder(capacity: 1 << 20)
        var value = ByteBuffer()
        Change.reset.encode(into: &value)
        table.forEachChange { change in
            change.encode(into: &value)
            guard value.readableBytes >= StateLog.recordBytes else { return true }
            builder.append(time, value)
            value.clear()
            return builder.length < RecordBatch.lengthMax
        }
        if value.readableBytes > 0 { builder.append(time, value) }
        return builder
    }

    private func forget(before base: Offset) {
        context.forget(log, before: base)
    }
}

extension RecordBatchBuilder {
    fileprivate mutating func append(_ time: Timestamp, _ value: ByteBuffer) {
        value.withUnsafeReadableBytes { append(timestamp: time, key: nil, value: $0) }
    }
}

extension ByteBuffer {
    /// Appends a text with its length.
    mutating func writeText(_ text: String) {
        writeVarint(Int64(text.utf8.count))
        writeString(text)
    }

    /// Appends an identity.
    mutating func writeIdentity(_ identity: LogID) {
        writeInteger(identity.high)
        writeInteger(identity.low)
    }
}

extension ByteReader {
    /// The next text with its length, of valid UTF-8; nil when there is none.
    mutating func text() -> String? {
        guard let count = varint(), count >= 0, count <= remaining, let bytes = slice(Int(count)) else {
            return nil
        }
        return String(validating: bytes, as: UTF8.self)
    }

    /// The next identity.
    mutating func identity() -> LogID? {
        guard let high: UInt64 = integer(), let low: UInt64 = integer() else { return nil }
        return LogID(high: high, low: low)
    }

    /// The next varint between 0 and `limit`.
    mutating func count(upTo limit: Int) -> Int? {
        guard let count = varint(), count >= 0, count <= limit else { return nil }
        return Int(count)
    }
}
