// SPDX-License-Identifier: Apache-2.0

// The registry's log: every change of what is defined, and now and then a snapshot of all that is.
//
// A snapshot of many definitions takes seconds to encode and to write, so it is made beside the worker, in parts, while changes go on and are
// written between the parts. It holds what was defined at some moment and ends with the offset that the log had then: whoever reads it puts
// the changes from there on to it, those before its end and those behind. So no change waits for it, and a snapshot that a crash
// interrupted has no end and does not count.

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
        /// How many bytes were written since the definitions were taken for the last snapshot, and how many that one had.
        var deltaBytes = 0
        var snapshotBytes = 0
        var isMakingSnapshot = false
    }

    init(context: EngineContext) throws(LogError) {
        self.context = context
        claim = try context.store.claim(
            RegistryLog.log, LogConfiguration(segmentBytesMax: 16 << 20, isEssential: true)
        ) { _ in }
    }

    /// What is defined, and the logs of what was deleted and may still be there.
    func load() throws(LogError) -> (Definitions, gone: [LogID]) {
        var fold = RegistryFold()
        var damage: (Offset, String)?
        try context.replay(RegistryLog.log) { record in
            do throws(RegistryCodingError) {
                try fold.take(record)
            } catch { damage = damage ?? (record.offset, error.reason) }
        }
        if let (offset, reason) = damage {
            throw .corrupt(log: RegistryLog.log, offset: offset, next: offset.advanced(by: 1), reason: reason)
        }
        return (fold.definitions, fold.gone.subtracting(fold.definitions.logs).sorted())
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

    /// Takes note of changes that made these definitions, in the worker's turn; the log ended at `end` then. After much change it has a snapshot
    /// made, and what came before forgotten.
    func applied(_ definitions: Definitions, end: Offset) {
        let isDue = state.withLock { state in
            // As much change as the last one had at least, so that it never costs more than what it saves.
            guard !state.isMakingSnapshot,
                state.deltaBytes > max(16 * context.options.snapshotBytes, state.snapshotBytes)
            else { return false }
            (state.deltaBytes, state.isMakingSnapshot) = (0, true)
            return true
        }
        guard isDue else { return }
        context.offload { [self] in
            write(RegistrySnapshot(definitions, end: end), bytes: 0)
        }
    }

    /// Appends what is left of a snapshot, of which there are so many bytes already; at its end forgets the log before it.
    private func write(_ snapshot: RegistrySnapshot, bytes: Int) {
        var rest = snapshot
        let part = rest.next(bytes: context.options.snapshotBytes, at: context.clock.wall)
        guard let part else { return conclude(bytes: bytes) }
        let length = bytes + part.length
        // One part at a time: changes need not wait for more than one of them.
        context.store.append(part, holding: claim) { [self, rest] result in
            context.inbox.post { [self] in
                context.offload { [self] in
                    guard case .success = result else { return conclude(bytes: length) }
                    if rest.isWritten { try? context.store.trim(RegistryLog.log, before: rest.end) }
                    write(rest, bytes: length)
                }
            }
        }
    }

    /// A snapshot was written, or could not be: then the next try comes after as much change.
    private func conclude(bytes: Int) {
        state.withLock { ($0.snapshotBytes, $0.isMakingSnapshot) = (bytes, false) }
    }
}

extension RegistryChange {
    /// The logs that this change says good-bye to.
    func logsGiven(_ definitions: Definitions) -> Set<LogID> {
        switch self {
        case .topicDeleted(let name): Set(definitions.topics[name]?.logs ?? [])
        case .subscriptionDeleted(let name): Set([definitions.subscriptions[name]?.log].compactMap { $0 })
        case .topic, .subscription, .rule, .ruleDeleted, .schedule, .scheduleDeleted, .group, .groupDeleted,
            .connection, .connectionDeleted, .feed, .feedDeleted:
            []
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
