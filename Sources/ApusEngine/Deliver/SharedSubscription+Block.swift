// SPDX-License-Identifier: Apache-2.0

// Keys that wait for somebody to deal with their dead letter. The event that was given up stays where it is, not settled, and so keeps its key waiting,
// over restarts too. A redrive hands out that very event again, ahead of those behind it; a discard settles it.

import ApusModel
import ApusStorage
import Synchronization

extension SharedSubscription {
    /// What a dead letter that is to be moved means for its key.
    enum Blocking {
        /// Nothing.
        case none
        /// It is about to wait: the letter has to be asked for again.
        case soon
        /// It waits.
        case blocked
    }

    /// What ends an event whose dead letter is durable: its settlement, or that its key waits.
    func finish(_ position: Position, attempts: Int, _ state: inout State) -> SubscriptionChange {
        guard state.passing.remove(position) == nil, blocks(position, state) else {
            state.delivery.settle(position)
            return .settled(position)
        }
        state.delivery.block(position, attempts: attempts)
        return .blocked(position, attempts: attempts)
    }

    /// Whether the event's key waits after its dead letter; one that cannot be read has no key.
    private func blocks(_ position: Position, _ state: State) -> Bool {
        let partitions = topic.partitions
        guard state.definition.settings.ordering?.onDeadLetter == .block,
            partitions.indices.contains(position.partition)
        else { return false }
        let tags = try? context.withRecord(partitions[position.partition].log, at: position.offset) {
            state.tagger.tags(of: $0)
        }
        return (tags ?? nil)?.orderKey != nil
    }

    /// Whether the key of the event at `position` waits for its dead letter.
    func blocking(by position: Position) -> Blocking {
        state.withLock { state in
            switch state.delivery.items[position]?.phase {
            case .blocked: .blocked
            case .closing
            where state.definition.settings.ordering?.onDeadLetter == .block
                && !state.passing.contains(position):
                .soon
            default: .none
            }
        }
    }

    /// Hands out again, from attempt 1 on, or settles events whose keys wait for them; `completion` comes when that is durable.
    func unblock(
        _ position: Position, isRedriven: Bool,
        completion: @escaping @Sendable (Result<Void, BrokerError>) -> Void
    ) {
        let isBlocked = state.withLock { state in
            guard state.delivery.items[position]?.phase == .blocked else { return false }
            let change: SubscriptionChange
            if isRedriven {
                state.delivery.putBack(position, attempts: 0)
                change = .ready(position, attempts: 0)
            } else {
                state.delivery.settle(position)
                change = .settled(position)
            }
            state.log.append([change]) { [weak self] result in
                completion(result.map { _ in () }.mapError { BrokerError($0) })
                guard let self, case .failure = result else { return }
                // The event is on its way already, so the log has to follow, whatever the caller was told.
                self.context.inbox.post { self.state.withLock { $0.wantsSnapshot = true } }
            }
            return true
        }
        if !isBlocked { completion(.success(())) }
        context.followers.enqueue(self)
    }

    /// From now on keys wait for their dead letters, or do not: what is being given up while that changes goes by the old settings, because somebody
    /// may have dealt with its letter already, who then was not told that a key waits for it.
    func passOnClosing(from old: SubscriptionSettings, _ state: inout State) {
        let isBlocking = state.definition.settings.ordering?.onDeadLetter == .block
        if !isBlocking {
            state.passing = []
        } else if old.ordering?.onDeadLetter != .block {
            state.passing = Set(state.delivery.items.lazy.filter { $0.value.phase == .closing }.map(\.key))
        }
    }

    /// Lets all keys go on when the settings no longer make them wait.
    func unblockAll(_ state: inout State) {
        guard state.delivery.blocked > 0, state.definition.settings.ordering?.onDeadLetter != .block else {
            return
        }
        let positions = state.delivery.items.lazy.filter { $0.value.phase == .blocked }.map(\.key).sorted()
        for position in positions { state.delivery.settle(position) }
        state.log.append(positions.map { .settled($0) }) { [weak self] result in
            guard let self, case .failure = result else { return }
            self.context.inbox.post { self.state.withLock { $0.wantsSnapshot = true } }
        }
    }
}
