// SPDX-License-Identifier: Apache-2.0

// Push: the subscription receives for its target. As many attempts run as the target takes at a time; outcomes are gathered between turns
// and settled together.

import ApusModel
import ApusTransport
import Synchronization

extension SharedSubscription {
    /// How much longer than an attempt's timeout its lease lasts: the outcome must find the lease alive.
    private static let leaseMargin = Duration.seconds(60)
    /// Leased together at most, so that one record counts many attempts and none waits long for its turn.
    private static let groupMax = 64

    /// Starts as many attempts as there is room for.
    func pump() {
        while true {
            let (settings, free) = state.withLock { state in
                (
                    state.definition.settings,
                    (state.definition.settings.push?.concurrency ?? 0) - state.pushing
                )
            }
            guard let push = settings.push, free > 0 else { return }
            let limit = min(free, SharedSubscription.groupMax)
            let (count, _) = handOut(limit: limit, lease: push.timeout + SharedSubscription.leaseMargin) {
                [weak self] result in
                guard let self, case .success(let handouts) = result else { return }
                self.dispatch(handouts, push, attemptsMax: settings.attemptsMax)
            }
            guard count > 0 else { return }
            state.withLock { $0.pushing += count }
        }
    }

    private func dispatch(_ handouts: [Handout], _ push: PushSettings, attemptsMax: Int) {
        for handout in handouts {
            let delivery = Delivery(
                subscription: name, topic: topic.name, partition: handout.token.position.partition,
                offset: handout.token.position.offset, attempt: handout.attempt, attemptsMax: attemptsMax,
                event: handout.stored.event)
            dispatch(delivery, of: handout.stored, to: push) { [weak self] outcome in
                guard let self else { return }
                self.outcomes.withLock { $0.append((handout.token, outcome)) }
                self.context.followers.enqueue(self)
            }
        }
    }

    /// Settles attempts that have ended.
    func conclude(_ outcomes: [(LeaseToken, Outcome)]) {
        var letters: [DeadLetterDraft] = []
        state.withLock { state in
            state.pushing -= outcomes.count
            var changes: [SubscriptionChange] = []
            for (token, outcome) in outcomes {
                guard let item = state.delivery.leasedItem(token.position, nonce: token.nonce) else {
                    continue
                }
                switch outcome {
                case .delivered:
                    metrics.attempt(.acknowledged)
                    state.delivery.settle(token.position)
                    state.failures[token.position] = nil
                    changes.append(.settled(token.position))
                case .retry(let after, let status, let reason):
                    metrics.attempt(.failed)
                    note(token.position, status, reason, isFinal: false, &state)
                    if item.attempts >= state.definition.settings.attemptsMax {
                        letters.append(draft(token.position, item.attempts, &state))
                    } else {
                        let wait = state.definition.settings.retry.wait(
                            after: item.attempts, asked: after, entropy: context.entropy)
                        changes.append(putBack(token.position, attempts: item.attempts, after: wait, &state))
                    }
                case .refused(let status, let reason):
                    metrics.attempt(.refused)
                    note(token.position, status, reason, isFinal: true, &state)
                    letters.append(draft(token.position, item.attempts, &state))
                }
            }
            rearm(&state)
            guard !changes.isEmpty else { return }
            // A lost settlement is a repeated delivery, which at-least-once allows; nobody waits for this one.
            state.log.append(changes) { _ in }
        }
        bury(letters)
    }

    private func note(
        _ position: Position, _ status: Int?, _ reason: String, isFinal: Bool, _ state: inout State
    ) {
        state.failures[position] = DeliveryFailure(status: status, reason: reason, isFinal: isFinal)
        state.lastFailure = reason
    }
}
