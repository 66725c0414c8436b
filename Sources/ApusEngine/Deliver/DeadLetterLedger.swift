// SPDX-License-Identifier: Apache-2.0

// Which dead letters of one dead-letter topic are done with. The letters themselves stay in the topic, untouched; the ledger's log says which
// were redriven or discarded, as ranges of offsets.

import ApusModel
import ApusStorage
import NIOCore
import Synchronization

/// The ledger of one dead-letter topic.
final class DeadLetterLedger: Sendable {
    private struct State {
        var done: [Int: IntervalSet] = [:]
        var bytes = 0
        var isBusy = false
    }

    let topic: Topic
    private let context: EngineContext
    private let log: LogID
    private let claim: LogClaim
    private let state: Mutex<State>

    init(topic: Topic, context: EngineContext) throws(LogError) {
        self.topic = topic
        self.context = context
        log = topic.definition.ledgerLog
        claim = try context.store.claim(log, LogConfiguration(segmentBytesMax: 4 << 20, isEssential: true)) {
            _ in
        }
        var done: [Int: IntervalSet] = [:]
        try context.replay(log) { record in
            guard let value = record.value else { return }
            var reader = ByteReader(value)
            while let partition = reader.varint(), let from = reader.varint(), let to = reader.varint(),
                from <= to
            {
                done[Int(truncatingIfNeeded: partition), default: IntervalSet()].insert(from..<to)
            }
        }
        state = Mutex(State(done: done))
    }

    /// How many dead letters wait for somebody to deal with them.
    var waiting: Int64 {
        topic.partitions.reduce(0) { sum, partition in
            guard let bounds = try? context.store.bounds(partition.log) else { return sum }
            let range = bounds.start.rawValue..<max(bounds.start.rawValue, bounds.end.rawValue)
            let done = state.withLock { $0.done[partition.number] ?? IntervalSet() }
            return sum + Int64(range.count) - done.count(in: range)
        }
    }

    /// The first dead letter of `partition` at or after `offset` that is not done with.
    func firstWaiting(partition: Int, from offset: Offset) -> Offset {
        state.withLock { $0.done[partition]?.firstAbsent(from: offset) ?? offset }
    }

    func isDone(_ position: Position) -> Bool {
        state.withLock { $0.done[position.partition]?.contains(position.offset) ?? false }
    }

    /// Keeps others from moving the same letters at the same time; false when somebody else does.
    func begin() -> Bool {
        state.withLock { state in
            defer { state.isBusy = true }
            return !state.isBusy
        }
    }

    func end() { state.withLock { $0.isBusy = false } }

    /// Marks letters as done with; `completion` comes when that is durable.
    func settle(_ positions: [Position], completion: @escaping AppendCompletion) {
        state.withLock { state in
            var value = ByteBuffer()
            for position in positions {
                let offset = position.offset.rawValue
                state.done[position.partition, default: IntervalSet()].insert(offset..<offset + 1)
                value.writeVarint(Int64(position.partition))
                value.writeVarint(offset)
                value.writeVarint(offset + 1)
            }
            state.bytes += value.readableBytes
            append(value, completion: completion)
            if state.bytes > 4 * context.options.snapshotBytes { snapshot(&state) }
        }
    }

    private func append(_ value: ByteBuffer, completion: @escaping AppendCompletion) {
        var builder = RecordBatchBuilder(capacity: 128 + value.readableBytes)
        value.withUnsafeReadableBytes { builder.append(timestamp: context.clock.wall, key: nil, value: $0) }
        guard let batch = builder.finish() else { return }
        context.store.append(batch, holding: claim, completion: completion)
    }

    private func snapshot(_ state: inout State) {
        var value = ByteBuffer()
        for (partition, set) in state.done.sorted(by: { $0.key < $1.key }) {
            for range in set.ranges {
                value.writeVarint(Int64(partition))
                value.writeVarint(range.lowerBound)
                value.writeVarint(range.upperBound)
            }
        }
        state.bytes = 0
        append(value) { [context, log] result in
            guard case .success(let base) = result else { return }
            context.inbox.post { context.forget(log, before: base) }
        }
    }
}
