// SPDX-License-Identifier: Apache-2.0

// The registry's log: every change of what is defined, and now and then a snapshot of all that is, in one batch that begins with a record
// with the key `snapshot`.

import ApusModel
import ApusStorage
import Synchronization

/// The log in which definitions are kept.
final class RegistryLog: Sendable {
    /// The registry is the same log in every store.
    static let log = LogID(high: 0x6170_7573, low: 1 << 24)

    private let context: EngineContext
    private let claim: LogClaim
    private let deltaBytes = Mutex(0)

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
        write(changes, isSnapshot: false, completion: completion)
    }

    /// Appends everything that is defined, when there has been much change, and forgets what came before.
    func snapshotIfDue(_ definitions: Definitions) {
        guard deltaBytes.withLock({ $0 }) > 16 * context.options.snapshotBytes else { return }
        let (context, changes) = (context, definitions.snapshot)
        guard !changes.isEmpty else { return }
        deltaBytes.withLock { $0 = 0 }
        write(changes, isSnapshot: true) { result in
            guard case .success(let base) = result else { return }
            context.inbox.post { try? context.store.trim(RegistryLog.log, before: base) }
        }
    }

    private func write(_ changes: [RegistryChange], isSnapshot: Bool, completion: @escaping AppendCompletion)
    {
        var builder = RecordBatchBuilder(capacity: 1024 * changes.count)
        for (index, change) in changes.enumerated() {
            let key = isSnapshot && index == 0 ? Array("snapshot".utf8) : nil
            builder.append(timestamp: context.clock.wall, key: key, value: change.encoded())
        }
        guard let batch = builder.finish() else { return }
        deltaBytes.withLock { $0 += batch.length }
        context.store.append(batch, holding: claim, completion: completion)
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
    var logs: [LogID] { (0..<settings.partitions).map { partitionLog($0) } + [routesLog, ledgerLog] }
}
