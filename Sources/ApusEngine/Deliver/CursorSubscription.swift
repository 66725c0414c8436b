// SPDX-License-Identifier: Apache-2.0

// A cursor subscription at work: one committed position per partition, moved by its consumer. Reading is fetching; there is nothing to lease.

import ApusModel
import ApusStorage
import Synchronization

/// A cursor subscription at work.
final class CursorSubscription: Sendable {
    private struct State {
        var definition: SubscriptionDefinition
        var committed: [Offset]
        /// Per partition, the offset before which events were certainly there.
        var seen: [Offset]
        var log: SubscriptionLog
        /// When somebody last read or committed.
        var asked: Duration?
        /// How many events commits have passed since start.
        var passed: Int64 = 0
    }

    let name: ResourceName
    let id: LogID
    let topic: Topic
    private let context: EngineContext
    private let state: Mutex<State>

    /// Opens the subscription as its log left it.
    init(_ definition: SubscriptionDefinition, topic: Topic, context: EngineContext) throws(LogError) {
        name = definition.name
        id = definition.id
        self.topic = topic
        self.context = context
        var log = try SubscriptionLog(definition.log, context: context)
        var committed = definition.startOffsets
        var seen = definition.seenAtStart
        var isSnapshot = false
        try log.replay { change in
            switch change {
            case .sequence: isSnapshot = false
            case .reset: (committed, seen, isSnapshot) = ([], [], true)
            case .advanced(let partition, let next):
                committed.set(next, at: partition)
                // Commits are never beyond the end; a start that nobody moved since may be.
                if !isSnapshot { seen.raise(to: next, at: partition) }
            case .seen(let partition, let end): seen.raise(to: end, at: partition)
            case .attempted, .settled, .waiting, .ready, .deadLetterMark, .parked, .blocked, .replaying,
                .circuit:
                break
            }
        }
        state = Mutex(State(definition: definition, committed: committed, seen: seen, log: log))
    }

    /// Per partition, the offset before which events were certainly there.
    var seen: [Offset] { state.withLock(\.seen) }

    var definition: SubscriptionDefinition { state.withLock(\.definition) }

    func alter(_ definition: SubscriptionDefinition) { state.withLock { $0.definition = definition } }

    /// When somebody last read or committed, on the monotonic clock; nil before anybody did.
    var asked: Duration? { state.withLock(\.asked) }

    /// How many events commits have passed since start; those that were passed again count again.
    var passed: Int64 { state.withLock(\.passed) }

    /// Somebody reads.
    func noteUse() { state.withLock { $0.asked = context.clock.now } }

    /// The committed position of each partition.
    var committed: [Offset] {
        let count = topic.partitions.count
        return state.withLock { state in
            (0..<count).map { $0 < state.committed.count ? state.committed[$0] : .zero }
        }
    }

    /// Moves positions; forwards or backwards is the consumer's business. They count once they are durable.
    func commit(
        _ positions: [(partition: Int, offset: Offset)],
        completion: @escaping @Sendable (Result<Void, BrokerError>) -> Void
    ) {
        let changes = positions.map { SubscriptionChange.advanced(partition: $0.partition, next: $0.offset) }
        state.withLock { state in
            state.log.append(changes) { [weak self] result in
                guard let self, case .success = result else {
                    return completion(result.map { _ in () }.mapError { BrokerError($0) })
                }
                // The store may complete while the append is being made, and so under the lock.
                self.context.inbox.post {
                    self.moved(to: positions)
                    completion(.success(()))
                }
            }
        }
    }

    private func moved(to positions: [(partition: Int, offset: Offset)]) {
        state.withLock { state in
            state.asked = context.clock.now
            for (partition, offset) in positions {
                let before = partition < state.committed.count ? state.committed[partition] : .zero
                state.passed += max(0, offset.rawValue - before.rawValue)
                state.committed.set(offset, at: partition)
                state.seen.raise(to: offset, at: partition)
            }
            guard state.log.wantsSnapshot else { return }
            let positions = state.committed.enumerated().map {
                SubscriptionChange.advanced(partition: $0.offset, next: $0.element)
            }
            let seen = state.seen.enumerated().map {
                SubscriptionChange.seen(partition: $0.offset, end: $0.element)
            }
            state.log.appendSnapshot([.reset] + positions + seen)
        }
    }
}
