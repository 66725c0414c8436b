// SPDX-License-Identifier: Apache-2.0

// What follows from attempts that have ended: settled, tried again, given up; and what they tell about the target.

import ApusModel
import ApusTransport
import Logging
import Synchronization

extension SharedSubscription {
    /// Takes in what happened to pushes since the last turn.
    func conclude(_ news: [PushNews]) {
        var letters: [DeadLetterDraft] = []
        state.withLock { state in
            state.delivery.times.tell(context.clock.now)
            let before = state.push.breaker.pause
            var changes: [SubscriptionChange] = []
            for item in news { take(item, &state, &changes, &letters) }
            let pause = state.push.breaker.pause
            if pause != before { changes.append(.circuit(pause)) }
            rearm(&state)
            guard !changes.isEmpty else { return }
            // A lost settlement is a repeated delivery, which at-least-once allows; nobody waits for this one.
            state.log.append(changes) { _ in }
        }
        bury(letters)
    }

    private func take(
        _ news: PushNews, _ state: inout State, _ changes: inout [SubscriptionChange],
        _ letters: inout [DeadLetterDraft]
    ) {
        switch news {
        case .ended(let token, let outcome, let arrived, let seen):
            state.pushing = max(0, state.pushing - 1)
            judgeTarget(outcome, &state)
            guard let item = state.delivery.leasedItem(token.position, nonce: token.nonce) else { return }
            conclude(token.position, item.attempts, outcome, arrived, &state, &changes, &letters)
            noteAttempt(token.position, item.attempts, outcome, seen, state)
        case .tooOld(let token):
            state.pushing = max(0, state.pushing - 1)
            state.push.breaker.loseProbe(now: context.clock.now)
            guard let item = state.delivery.leasedItem(token.position, nonce: token.nonce) else { return }
            metrics.attempt(.expired)
            let last = state.failures[token.position]
            note(token.position, last?.status, tooOld(last?.reason), isFinal: true, &state)
            noteLate(token.position, item.attempts, tooOld(last?.reason), state)
            // The attempt that was counted was not made.
            letters.append(draft(token.position, item.attempts - 1, &state))
        case .unfit(let token, let reason, let arrived):
            state.pushing = max(0, state.pushing - 1)
            // This tells nothing of the target.
            state.push.breaker.loseProbe(now: context.clock.now)
            guard let item = state.delivery.leasedItem(token.position, nonce: token.nonce) else { return }
            let outcome = Outcome.refused(status: nil, reason: reason)
            conclude(token.position, item.attempts, outcome, arrived, &state, &changes, &letters)
            noteAttempt(token.position, item.attempts, outcome, nil, state)
        case .counted(let handouts): gather(handouts, &state)
        case .notCounted:
            state.push.breaker.loseProbe(now: context.clock.now)
            state.push.hasLostHandouts = true
        case .permission(let permission, let url): take(permission, url, &state)
        }
    }

    // MARK: The event

    private func conclude(
        _ position: Position, _ attempts: Int, _ outcome: Outcome, _ arrived: Timestamp, _ state: inout State,
        _ changes: inout [SubscriptionChange], _ letters: inout [DeadLetterDraft]
    ) {
        switch outcome {
        case .delivered:
            metrics.attempt(.acknowledged)
            state.delivery.settle(position)
            state.failures[position] = nil
            changes.append(.settled(position))
        case .retry(let after, let status, let reason):
            metrics.attempt(.failed)
            let settings = state.definition.settings
            note(position, status, reason, isFinal: false, &state)
            guard attempts < settings.attemptsMax else {
                return letters.append(draft(position, attempts, &state))
            }
            let wait = settings.retry.wait(after: attempts, asked: after, entropy: context.entropy)
            if let ageMax = settings.retry.ageMax,
                arrived.duration(to: context.clock.wall.advanced(by: wait)) > ageMax
            {
                note(position, status, tooOld(reason), isFinal: true, &state)
                return letters.append(draft(position, attempts, &state))
            }
            changes.append(putBack(position, attempts: attempts, after: wait, &state))
        case .refused(let status, let reason):
            metrics.attempt(.refused)
            note(position, status, reason, isFinal: true, &state)
            letters.append(draft(position, attempts, &state))
        }
    }

    private func tooOld(_ lastReason: String?) -> String {
        "too old" + (lastReason.map { "; the last attempt: \($0)" } ?? "")
    }

    private func note(
        _ position: Position, _ status: Int?, _ reason: String, isFinal: Bool, _ state: inout State
    ) {
        state.failures[position] = DeliveryFailure(status: status, reason: reason, isFinal: isFinal)
        state.lastFailure = reason
    }

    // MARK: The target

    private func judgeTarget(_ outcome: Outcome, _ state: inout State) {
        guard let settings = state.definition.settings.push?.breaker else { return }
        let isOpening: Bool
        switch outcome {
        case .delivered, .refused:
            if state.push.breaker.answered() {
                context.logger.info("a target works again", metadata: ["subscription": "\(name)"])
            }
            isOpening = false
        case .retry(let after, _, _):
            isOpening = state.push.breaker.failed(
                settings, asked: after, now: context.clock.now, wall: context.clock.wall
            ) { context.entropy.jitter(upTo: $0) }
        }
        guard isOpening, let pause = state.push.breaker.pause, pause.rounds == 1 else { return }
        context.logger.warning(
            "a target keeps failing and is left alone for a while; its events wait",
            metadata: ["subscription": "\(name)", "probe": "\(pause.probe)"])
    }

    private func take(_ permission: Permission, _ url: String, _ state: inout State) {
        // The address may have changed since it was asked.
        guard let push = state.definition.settings.push, push.url == url, push.handshake else { return }
        let now = context.clock.now
        switch permission {
        case .granted(let rate):
            state.push.consent = .granted(ratePerSecond: rate, until: now + Defaults.webhookConsentLifetime)
        case .withheld(let reason):
            state.push.consent = .withheld(reason: reason)
            state.lastFailure = reason
            state.push.breaker.leaveAlone(push.breaker, asked: nil, now: now, wall: context.clock.wall) {
                context.entropy.jitter(upTo: $0)
            }
        }
    }

    /// Another address is another target: what was known of the old one does not hold.
    func pushChanged(from old: PushSettings?, _ state: inout State) {
        let push = state.definition.settings.push
        guard old?.url != push?.url || old?.handshake != push?.handshake || old?.breaker != push?.breaker
        else { return }
        if old?.url != push?.url || old?.handshake != push?.handshake { state.push.consent = .unknown }
        if state.push.breaker.answered() { state.log.append([.circuit(nil)]) { _ in } }
    }

    // MARK: Telling

    /// How pushing goes, for a person.
    func pushDescription(_ state: State) -> PushDescription? {
        guard let push = state.definition.settings.push else { return nil }
        var description = PushDescription(underWay: state.pushing)
        switch state.push.breaker.phase {
        case .closed(let failures): description.failures = failures
        case .open: description.circuit = .open
        case .probing: description.circuit = .probing
        }
        if let pause = state.push.breaker.pause {
            (description.openSince, description.nextProbe) = (pause.since, pause.probe)
        }
        guard push.handshake else { return description }
        switch state.push.consent {
        case .unknown, .asking: description.consent = .unknown
        case .granted(let rate, _): description.consent = .granted(ratePerSecond: rate)
        case .withheld(let reason): description.consent = .withheld(reason: reason)
        }
        return description
    }
}
