// SPDX-License-Identifier: Apache-2.0

// The registry's log: every change of what is defined, and now and then a snapshot of all that is, in one batch that begins with a record
// with the key `snapshot`.
//
// A snapshot of many definitions takes seconds to encode, so it is made beside the worker while changes go on. Those that come meanwhile are
// in the log before it, where the fold that it begins does not see them: they are put at its end, in the same batch. For that its last part
// is a command of the engine like any change: no other change is under way then, so that what is in the log was either acknowledged and is
// in the snapshot, or refused and is in neither. A crash before the batch is durable leaves the log as it was; after it, the batch alone says all.

import ApusModel
import ApusStorage
import Synchronization

/// The log in which definitions are kept.
final class RegistryLog: Sendable {
    /// The registry is the same log in every store.
    static let log = LogID(high: 0x6170_7573, low: 1 << 24)

    private let context: EngineContext
    private let claim: LogClaim
    private let state = Mutex(State())

    private struct State {
        /// How many bytes were written since the last snapshot, and how many that one had.
        var deltaBytes = 0
        var snapshotBytes = 0
        /// What was put to work since the definitions were taken of which a snapshot is being made; nil while none is.
        var since: [RegistryChange]?
    }

    init(context: EngineContext) throws(LogError) {
        self.context = context
        claim = try context.store.claim(
            RegistryLog.log, LogConfiguration(segmentBytesMax: 16 << 20, isEssential: true)
        ) { _ in }
    }

    /// What is defined, and the logs of what was deleted and may still be there.
    func load() throws(LogError) -> (Definitions, gone: [LogID]) {
        var definitions = Definitions()
        var gone: Set<LogID> = []
        var damage: (Offset, String)?
        try context.replay(RegistryLog.log) { record in
            do throws(RegistryCodingError) {
                if record.key?.elementsEqual("snapshot".utf8) == true { definitions = Definitions() }
                let change = try RegistryChange(decoding: record.value.map { Array($0) } ?? [])
                gone.formUnion(change.logsGiven(definitions))
                definitions.apply(change)
            } catch { damage = damage ?? (record.offset, error.reason) }
        }
        if let (offset, reason) = damage {
            throw .corrupt(log: RegistryLog.log, offset: offset, next: offset.advanced(by: 1), reason: reason)
        }
        return (definitions, gone.subtracting(definitions.logs).sorted())
    }

    /// Appends changes, all or none.
    func append(_ changes: [RegistryChange], completion: @escaping AppendCompletion) {
        var builder = RecordBatchBuilder(capacity: 1024 * changes.count)
        for change in changes {
            builder.append(timestamp: context.clock.wall, key: nil, value: change.encoded())
        }
        guard let batch = builder.finish() else { return }
        state.withLock { $0.deltaBytes += batch.length }
        context.store.append(batch, holding: claim, completion: completion)
    }

    /// Takes note of changes that were put to work and made these definitions, in the worker's turn. After much change it has a snapshot made,
    /// and what came before forgotten.
    func applied(_ changes: [RegistryChange], _ definitions: Definitions, _ gate: CommandGate) {
        let isDue = state.withLock { state in
            guard state.since == nil else {
                state.since?.append(contentsOf: changes)
                return false
            }
            // As much change as the last one had at least, so that it never costs more than what it saves.
            guard state.deltaBytes > max(16 * context.options.snapshotBytes, state.snapshotBytes) else {
                return false
            }
            state.since = []
            return true
        }
        guard isDue else { return }
        context.offload { [self] in
            let draft = RegistrySnapshot(definitions, at: context.clock.wall)
            gate.run { [self] ended in
                context.offload { [self] in
                    finish(draft)
                    ended()
                }
            }
        }
    }

    /// Appends a snapshot and what came while it was made, and forgets the log before it. No change is under way.
    private func finish(_ draft: RegistrySnapshot) {
        let since = state.withLock { state in
            defer { state.since = nil }
            return state.since ?? []
        }
        let batch = draft.finish(adding: since, at: context.clock.wall)
        // One that is too large counts as one of the largest size: the log grows, and the next try comes after as much change.
        state.withLock { ($0.deltaBytes, $0.snapshotBytes) = (0, batch?.length ?? RecordBatch.lengthMax) }
        guard let batch else { return }
        context.store.append(batch, holding: claim) { [context] result in
            guard case .success(let base) = result else { return }
            context.inbox.post {
                context.offload { try? context.store.trim(RegistryLog.log, before: base) }
            }
        }
    }
}

/// A batch that makes definitions out of nothing, in the making.
private final class RegistrySnapshot: Sendable {
    private let builder: Mutex<RecordBatchBuilder>

    init(_ definitions: Definitions, at time: Timestamp) {
        var builder = RecordBatchBuilder(capacity: 1 << 20)
        definitions.forEachChange { change in
            builder.add(change, at: time)
            return builder.length <= RecordBatch.lengthMax
        }
        self.builder = Mutex(builder)
    }

    /// The batch, ended with `changes`; nil when there is nothing, or more than a batch can hold.
    func finish(adding changes: [RegistryChange], at time: Timestamp) -> RecordBatch? {
        builder.withLock { builder in
            for change in changes where builder.length <= RecordBatch.lengthMax {
                builder.add(change, at: time)
            }
            return builder.length <= RecordBatch.lengthMax ? builder.finish() : nil
        }
    }
}

extension RecordBatchBuilder {
    /// Adds a change to a snapshot; the first has the key that begins a fold.
    fileprivate mutating func add(_ change: RegistryChange, at time: Timestamp) {
        append(timestamp: time, key: count == 0 ? Array("snapshot".utf8) : nil, value: change.encoded())
    }
}

extension RegistryChange {
    /// The logs that this change says good-bye to.
    func logsGiven(_ definitions: Definitions) -> Set<LogID> {
        switch self {
        case .topicDeleted(let name): Set(definitions.topics[name]?.logs ?? [])
        case .subscriptionDeleted(let name): Set([definitions.subscriptions[name]?.log].compactMap { $0 })
        case .topic, .subscription, .rule, .ruleDeleted, .schedule, .scheduleDeleted: []
        }
    }
}

extension Definitions {
    /// Every log that belongs to something defined.
    var logs: Set<LogID> {
        Set(topics.values.flatMap(\.logs)).union(subscriptions.values.map(\.log))
    }
}

extension TopicDefinition {
    /// Every log of the topic.
    var logs: [LogID] {
        (0..<settings.partitions).map { partitionLog($0) } + [routesLog, ledgerLog, producersLog]
    }
}
