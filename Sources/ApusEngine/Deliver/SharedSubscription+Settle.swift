// SPDX-License-Identifier: Apache-2.0

// Settling: acknowledgements, releases, rejections, and what follows when attempts are used up. A verdict is answered when it is
// durable.

import ApusModel
import ApusStorage
import Logging
import Synchronization

extension SharedSubscription {
    typealias SettleCompletion = @Sendable (Result<[SettleResult], BrokerError>) -> Void

    /// What is to become of one lease.
    struct Settlement: Sendable {
        /// Nil when it was none.
        var token: LeaseToken?
        var verdict: Verdict
        /// Why an event is released, for its dead letter if this was the last attempt.
        var reason: String? = nil
    }

    /// Applies `verdict` to each lease.
    func settle(_ leases: [String], _ verdict: Verdict, completion: @escaping SettleCompletion) {
        settle(leases.map { Settlement(token: LeaseToken($0), verdict: verdict) }, completion: completion)
    }

    /// Applies to each lease a verdict of its own; `completion` comes when all of them are durable.
    func settle(_ settlements: [Settlement], completion: @escaping SettleCompletion) {
        var letters: [DeadLetterDraft] = []
        var wantsTurn = true
        let isWritten = context.options.writesSubscriptions
        let (results, parts, gathering) = state.withLock {
            state -> ([SettleResult], Int, SettleGathering?) in
            state.delivery.times.tell(context.clock.now)
            reopen(&state)
            noteUse(&state)
            var results: [SettleResult] = []
            var notes: [VerdictNote] = []
            var acknowledged = 0
            results.reserveCapacity(settlements.count)
            notes.reserveCapacity(settlements.count)
            for settlement in settlements {
                guard let token = settlement.token,
                    let (item, change) = apply(settlement, token, &state, &letters)
                else {
                    results.append(.expired)
                    continue
                }
                results.append(.ok)
                if case .acknowledge = settlement.verdict { acknowledged += 1 }
                noteVerdict(settlement, token.position, item.attempts, state)
                guard let change, isWritten else { continue }
                notes.append(VerdictNote(change: change, position: token.position, attempts: item.attempts))
            }
            if acknowledged > 0 { metrics.attempt(.acknowledged, count: acknowledged) }
            // Acknowledgements make room and nothing else: where nobody waits for that, the next who looks sees it.
            wantsTurn =
                acknowledged < results.count || state.delivery.arrangement != nil || !state.waiters.isEmpty
                || !state.watchers.isEmpty
                || state.definition.settings.push != nil
            state.version += 1
            rearm(&state)
            let parts = (notes.isEmpty ? 0 : 1) + (letters.isEmpty ? 0 : 1)
            guard parts > 1 else {
                if !notes.isEmpty { append(notes, &state) { [results] in completion($0.map { results }) } }
                if state.log.wantsSnapshot || state.wantsSnapshot { wantsTurn = true }
                return (results, parts, nil)
            }
            let gathering = SettleGathering(results, parts: parts, completion)
            append(notes, &state) { gathering.take($0) }
            return (results, parts, gathering)
        }
        if let gathering {
            bury(letters) { gathering.take($0) }
        } else if !letters.isEmpty {
            bury(letters) { outcome in completion(outcome.map { results }) }
        } else if parts == 0 {
            completion(.success(results))
        }
        if wantsTurn || context.options.onRest != nil { context.followers.enqueue(self) }
    }

    /// What a verdict writes down, and what is undone when that fails.
    struct VerdictNote: Sendable {
        var change: SubscriptionChange
        var position: Position
        var attempts: Int
    }

    /// Applies a verdict to the state, if the lease that it is about still holds its event: the item as it was, and the change to write down, if there is one.
    private func apply(
        _ settlement: Settlement, _ token: LeaseToken, _ state: inout State,
        _ letters: inout [DeadLetterDraft]
    ) -> (DeliveryState.Item, SubscriptionChange?)? {
        let position = token.position
        if case .acknowledge = settlement.verdict {
            // Most are that: it is one look at the item.
            guard let item = state.delivery.settle(position, nonce: token.nonce) else { return nil }
            state.leaseTraces.end(position, by: settlement.verdict, because: settlement.reason)
            if !state.failures.isEmpty { state.failures[position] = nil }
            return (item, .settled(position))
        }
        guard let item = state.delivery.leasedItem(position, nonce: token.nonce) else { return nil }
        return (item, apply(settlement.verdict, because: settlement.reason, token, item, &state, &letters))
    }

    /// Applies a verdict to the state; the change to write down, if there is one. Whoever calls counts acknowledgements.
    func apply(
        _ verdict: Verdict, because given: String? = nil, _ token: LeaseToken, _ item: DeliveryState.Item,
        _ state: inout State, _ letters: inout [DeadLetterDraft]
    ) -> SubscriptionChange? {
        let position = token.position
        state.leaseTraces.end(position, by: verdict, because: given)
        switch verdict {
        case .acknowledge:
            state.delivery.settle(position)
            if !state.failures.isEmpty { state.failures[position] = nil }
            return .settled(position)
        case .release(let delay, let counted):
            metrics.attempt(.released)
            let attempts = counted ? item.attempts : item.attempts - 1
            guard attempts >= state.definition.settings.attemptsMax else {
                return putBack(position, attempts: attempts, after: delay, &state)
            }
            state.failures[position] = DeliveryFailure(
                status: nil, reason: given ?? "released by the consumer at the last attempt",
                isFinal: true, isConsumersReason: given != nil)
            letters.append(draft(position, attempts, &state))
            return nil
        case .reject(let reason):
            metrics.attempt(.rejected)
            state.failures[position] = DeliveryFailure(
                status: nil, reason: reason, isFinal: true, isConsumersReason: true)
            letters.append(draft(position, item.attempts, &state))
            return nil
        case .extend(let duration):
            state.delivery.extend(position, nonce: token.nonce, deadline: context.clock.now + duration)
            return nil
        }
    }

    /// Returns an event to be handed out after `delay`, and the change that says so.
    func putBack(
        _ position: Position, attempts: Int, after delay: Duration, _ state: inout State
    ) -> SubscriptionChange {
        guard delay > .zero else {
            state.delivery.putBack(position, attempts: attempts)
            return .ready(position, attempts: attempts)
        }
        let wall = context.clock.wall.advanced(by: delay)
        state.delivery.postpone(position, attempts: attempts, due: context.clock.now + delay, wall: wall)
        return .waiting(position, attempts: attempts, due: wall)
    }

    /// Writes verdicts down; what could not be written did not happen.
    func append(
        _ notes: [VerdictNote], _ state: inout State,
        _ completion: @escaping @Sendable (Result<Void, BrokerError>) -> Void
    ) {
        state.log.append(notes.lazy.map(\.change)) { [weak self] result in
            switch result {
            case .success: completion(.success(()))
            case .failure(let error):
                completion(.failure(BrokerError(error)))
                guard let self else { return }
                self.undone.withLock { $0 += notes }
                self.context.inbox.post {
                    self.state.withLock { self.reopen(&$0) }
                    self.context.followers.enqueue(self)
                }
            }
        }
    }

    /// Verdicts that could not be written down did not happen: the events come again. Before any other verdict, since what was put back may have been
    /// handed out meanwhile, and what is settled then is settled.
    func reopen(_ state: inout State) {
        let undo = undone.withLock { undone in
            defer { undone = [] }
            return undone
        }
        // A replay in between has its own plans for them.
        for entry in undo where state.delivery.isPast(entry.position) {
            state.delivery.putBack(entry.position, attempts: entry.attempts)
        }
    }

    // MARK: Dead letters

    /// Takes an event out of delivery, to be dead-lettered.
    func draft(_ position: Position, _ attempts: Int, _ state: inout State) -> DeadLetterDraft {
        state.delivery.close(position)
        let failure = state.failures.removeValue(forKey: position)
        return DeadLetterDraft(
            position: position, attempts: attempts, status: failure?.status,
            reason: failure?.reason ?? "no attempts left; the last outcome was lost at a restart",
            isConsumersReason: failure?.isConsumersReason ?? false)
    }

    /// Copies events to the dead-letter topic, and settles them when the copies are durable.
    func bury(
        _ letters: [DeadLetterDraft], then completion: (@Sendable (Result<Void, BrokerError>) -> Void)? = nil
    ) {
        guard !letters.isEmpty else { return }
        let definition = state.withLock { state in
            state.deadLettersUnderWay += 1
            return state.definition
        }
        deadLetters.bury(letters, of: definition, from: topic) { [weak self] result in
            guard let self else { return }
            // The store's thread must not take the lock that an append may be holding.
            self.context.inbox.post { self.buried(letters, result, completion) }
        }
    }

    private func buried(
        _ letters: [DeadLetterDraft], _ result: Result<BurialMark, BrokerError>,
        _ completion: (@Sendable (Result<Void, BrokerError>) -> Void)?
    ) {
        switch result {
        case .success(let mark):
            metrics.deadLettered.increment(by: Int64(letters.count))
            state.withLock { state in
                noteBurials(letters, mark, state)
                state.deadLettersUnderWay -= 1
                // What a replay has set free meanwhile comes again; settled after the replay it would take what is before it along.
                let closed = letters.filter { state.delivery.items[$0.position]?.phase == .closing }
                var changes = closed.map { finish($0.position, attempts: $0.attempts, &state) }
                for letter in letters { state.passing.remove(letter.position) }
                // Another burial may have put its copies before this mark and not be written down yet, or never.
                if state.deadLettersUnderWay == 0, state.settlementsUnderWay == 0, !state.hasLostSettlement {
                    state.deadLetterMark = mark
                    changes.append(.deadLetterMark(partition: mark.partition, end: mark.end))
                }
                guard !changes.isEmpty else {
                    completion?(.success(()))
                    return
                }
                state.settlementsUnderWay += 1
                state.log.append(changes) { [weak self] result in
                    completion?(.success(()))
                    guard let self else { return }
                    self.context.inbox.post { self.settled(letters.count, result) }
                }
            }
        case .failure(let error):
            context.logger.error(
                "dead letters could not be written and will be tried again: \(error)",
                metadata: ["subscription": "\(name)"])
            state.withLock { state in
                state.deadLettersUnderWay -= 1
                let due = context.clock.now + context.options.storeRetryInterval
                for letter in letters { state.passing.remove(letter.position) }
                for letter in letters where state.delivery.items[letter.position]?.phase == .closing {
                    state.failures[letter.position] = DeliveryFailure(
                        status: letter.status, reason: letter.reason, isFinal: true,
                        isConsumersReason: letter.isConsumersReason)
                    state.delivery.postpone(
                        letter.position, attempts: letter.attempts, due: due, wall: context.clock.wall)
                }
                rearm(&state)
            }
            completion?(.failure(error))
        }
        context.followers.enqueue(self)
    }

    /// Settlements of dead letters are written down, or not.
    func settled(_ count: Int, _ result: Result<Offset, LogError>) {
        state.withLock { state in
            state.settlementsUnderWay -= 1
            guard case .failure(let error) = result else { return }
            context.logger.warning(
                "dead letters are not noted as such yet: \(error)",
                metadata: ["subscription": "\(name)", "events": "\(count)"])
            (state.hasLostSettlement, state.wantsSnapshot) = (true, true)
        }
        if case .failure = result { context.enqueue(self, after: context.options.storeRetryInterval) }
    }
}

/// Waits for the parts of one call that become durable apart from each other: settlements and dead letters.
private final class SettleGathering: Sendable {
    private let state: Mutex<(missing: Int, error: BrokerError?)>
    private let results: [SettleResult]
    private let completion: SharedSubscription.SettleCompletion

    init(
        _ results: [SettleResult], parts: Int, _ completion: @escaping SharedSubscription.SettleCompletion
    ) {
        state = Mutex((parts, nil))
        self.results = results
        self.completion = completion
    }

    func take(_ result: Result<Void, BrokerError>) {
        let (isLast, error) = state.withLock { state in
            state.missing -= 1
            if case .failure(let error) = result { state.error = error }
            return (state.missing == 0, state.error)
        }
        if isLast { completion(error.map { .failure($0) } ?? .success(results)) }
    }
}
