// SPDX-License-Identifier: Apache-2.0

// Push: the subscription receives for its target. As many attempts run as the target takes at a time, as its rate allows and its circuit
// lets through; outcomes are gathered between turns and settled together.

import ApusModel
import ApusTransport
import CloudEvents
import Synchronization

extension SharedSubscription {
    /// How much longer than an attempt's timeout its lease lasts: the outcome must find the lease alive.
    private static let leaseMargin = Duration.seconds(60)
    /// Leased together at most, so that one record counts many attempts and none waits long for its turn.
    private static let groupMax = 64

    /// What may be handed out now.
    private struct Plan {
        var push: PushSettings
        var settings: SubscriptionSettings
        var limit: Int
        var isProbe: Bool
    }

    /// Starts as many attempts as there is room for.
    func pump() {
        releaseLostSlots()
        while let plan = state.withLock({ plan(&$0) }) {
            // A request of a batch takes its slot when it is sent.
            let isBatch = plan.push.mode == .batch
            // Requests of another mode may be under way: slots count them all.
            let room = min(plan.limit, plan.push.concurrency - context.slots.held(by: id))
            let limit = isBatch ? plan.limit : context.slots.take(upTo: room, for: id, self)
            guard limit > 0 else { break }
            let count = start(plan, limit: limit)
            if !isBatch { context.slots.give(limit - count, from: id) }
            guard count > 0 else { break }
            let now = context.clock.now
            state.withLock { state in
                state.pushing += count
                if let rate = state.push.rate(plan.push) {
                    state.push.limiter.take(count, perSecond: rate, now: now)
                }
                if plan.isProbe { state.push.breaker.beginProbe() }
            }
        }
        state.withLock { sendBatches(&$0) }
    }

    private func start(_ plan: Plan, limit: Int) -> Int {
        let (slots, id, queue) = (context.slots, id, context.followers)
        let isBatch = plan.push.mode == .batch
        let margin = SharedSubscription.leaseMargin + (isBatch ? plan.push.batch.linger : .zero)
        let (count, _) = handOut(limit: limit, lease: plan.push.timeout + margin) { [weak self] result in
            switch result {
            case .success(let handouts) where handouts.isEmpty: break
            case .success(let handouts):
                guard let self else { return isBatch ? () : slots.give(handouts.count, from: id) }
                if isBatch {
                    self.news.withLock { $0.append(.counted(handouts)) }
                    queue.enqueue(self)
                } else {
                    self.dispatch(handouts, plan.push, plan.settings)
                }
            case .failure:
                guard let self else { return }
                self.news.withLock { $0.append(.notCounted) }
                queue.enqueue(self)
            }
        }
        return count
    }

    /// Attempts that could not be counted were taken back, and the slots that they had with them.
    private func releaseLostSlots() {
        let pushing = state.withLock { $0.push.hasLostHandouts ? $0.pushing : nil }
        guard let pushing else { return }
        if context.slots.trim(id, to: pushing) || pushing == 0 {
            state.withLock { $0.push.hasLostHandouts = false }
        }
    }

    // MARK: What may be sent

    private func plan(_ state: inout State) -> Plan? {
        let settings = state.definition.settings
        guard let push = settings.push, !settings.isPaused, !state.isClosed else { return nil }
        let now = context.clock.now
        let isProbe: Bool
        switch state.push.breaker.admission(now: now) {
        case .free: isProbe = false
        case .probe: isProbe = true
        case .wait(let due):
            if let due { arm(at: due, &state) }
            return nil
        }
        guard mayBeSentTo(push, now, &state) else { return nil }
        let room = push.concurrency * (push.mode == .batch ? push.batch.eventsMax : 1) - state.pushing
        var limit = min(room, isProbe ? 1 : SharedSubscription.groupMax)
        guard limit > 0 else { return nil }
        if let rate = state.push.rate(push) {
            let tokens = state.push.limiter.available(perSecond: rate, now: now)
            guard tokens > 0 else {
                arm(at: state.push.limiter.due, &state)
                return nil
            }
            limit = min(limit, tokens)
        }
        return Plan(push: push, settings: settings, limit: limit, isProbe: isProbe)
    }

    /// Whether the receiver gave its consent, where it has to; asks it if need be.
    private func mayBeSentTo(_ push: PushSettings, _ now: Duration, _ state: inout State) -> Bool {
        guard push.handshake else { return true }
        switch state.push.consent {
        case .asking: return false
        case .granted(_, let until) where until > now: return true
        case .granted, .unknown, .withheld: break
        }
        state.push.consent = .asking
        let queue = context.followers
        context.dispatcher.requestPermission(push) { [weak self] permission in
            guard let self else { return }
            self.news.withLock { $0.append(.permission(permission, url: push.url)) }
            queue.enqueue(self)
        }
        return false
    }

    /// Makes sure of a turn at `deadline`.
    private func arm(at deadline: Duration, _ state: inout State) {
        if let timer = state.push.timer {
            if timer.deadline <= deadline, timer.deadline > context.clock.now { return }
            context.timers.cancel(timer.token)
        }
        let token = context.timers.schedule(at: deadline) { [weak self] in
            guard let self else { return }
            self.state.withLock { $0.push.timer = nil }
            self.context.followers.enqueue(self)
        }
        state.push.timer = (deadline, token)
    }

    // MARK: Sending

    private func dispatch(_ handouts: [Handout], _ push: PushSettings, _ settings: SubscriptionSettings) {
        let (slots, id, queue) = (context.slots, id, context.followers)
        for handout in handouts {
            guard !isTooOld(handout, settings) else {
                slots.give(1, from: id)
                news.withLock { $0.append(.tooOld(handout.token)) }
                queue.enqueue(self)
                continue
            }
            guard var delivery = delivery(of: handout, settings) else {
                slots.give(1, from: id)
                queue.enqueue(self)
                continue
            }
            let seen = beginSighting([handout])
            delivery.witness = seen?.witness
            context.dispatcher.dispatch([delivery], to: push) { [weak self] outcome in
                slots.give(1, from: id)
                guard let self else { return }
                let seen = seen?.ended(at: self.context.clock.now)
                self.news.withLock {
                    $0.append(.ended(handout.token, outcome, arrived: handout.stored.timestamp, seen: seen))
                }
                queue.enqueue(self)
            }
        }
    }

    /// What the target gets; nil, and news of it, when the event cannot be made that: no further attempt would end otherwise.
    private func delivery(of handout: Handout, _ settings: SubscriptionSettings) -> Delivery? {
        switch outgoing(handout.stored) {
        case .success(let event):
            return Delivery(
                subscription: name, topic: topic.name, partition: handout.token.position.partition,
                offset: handout.token.position.offset, attempt: handout.attempt,
                attemptsMax: settings.attemptsMax, event: event, key: handout.stored.key,
                traceparent: handout.stored.traceHop)
        case .failure(let failure):
            news.withLock {
                $0.append(
                    .unfit(handout.token, reason: "\(failure)", arrived: handout.stored.timestamp))
            }
            return nil
        }
    }

    private func isTooOld(_ handout: Handout, _ settings: SubscriptionSettings) -> Bool {
        guard let ageMax = settings.retry.ageMax else { return false }
        return handout.stored.timestamp.duration(to: context.clock.wall) > ageMax
    }

    // MARK: Batches

    /// Sends what was gathered, as far as it makes whole batches or has waited long enough.
    private func sendBatches(_ state: inout State) {
        dropEnded(&state)
        guard !state.push.gathered.isEmpty, !state.isClosed, let push = state.definition.settings.push else {
            return
        }
        while context.slots.held(by: id) < push.concurrency, !state.push.gathered.isEmpty {
            // The mode may have changed since they were gathered.
            let count = push.mode == .batch ? batchCount(state.push.gathered, push.batch) : 1
            let isWhole =
                count < state.push.gathered.count || count == push.batch.eventsMax || push.mode != .batch
            let isLate = state.push.gatheredUntil.map { $0 <= context.clock.now } ?? true
            guard isWhole || isLate else {
                if let until = state.push.gatheredUntil { arm(at: until, &state) }
                return
            }
            guard context.slots.take(upTo: 1, for: id, self) == 1 else { return }
            let batch = Array(state.push.gathered.prefix(count))
            state.push.gathered.removeFirst(count)
            // What is left came later, and waits its own time.
            state.push.gatheredUntil = context.clock.now + push.batch.linger
            send(batch, push, state.definition.settings)
        }
        if state.push.gathered.isEmpty { state.push.gatheredUntil = nil }
    }

    /// Takes out what was handed to somebody else meanwhile: it waited for longer than its lease, or was replayed.
    private func dropEnded(_ state: inout State) {
        let kept = state.push.gathered.filter {
            state.delivery.leasedItem($0.token.position, nonce: $0.token.nonce) != nil
        }
        guard kept.count < state.push.gathered.count else { return }
        state.pushing -= state.push.gathered.count - kept.count
        state.push.gathered = kept
        // The probe may have been among them; then nothing will be told of it.
        state.push.breaker.loseProbe(now: context.clock.now)
        // They kept the room that they themselves, ready again, now wait for.
        context.followers.enqueue(self)
    }

    private func batchCount(_ handouts: [Handout], _ batch: PushSettings.Batch) -> Int {
        var bytes = 0
        var count = 0
        for handout in handouts.prefix(batch.eventsMax) {
            bytes += handout.stored.event.data?.bytes.count ?? 0
            guard count == 0 || bytes <= batch.bytesMax else { break }
            count += 1
        }
        return count
    }

    private func send(_ handouts: [Handout], _ push: PushSettings, _ settings: SubscriptionSettings) {
        let (slots, id, queue) = (context.slots, id, context.followers)
        let old = handouts.filter { isTooOld($0, settings) }
        news.withLock { $0 += old.map { .tooOld($0.token) } }
        var (fresh, deliveries): ([Handout], [Delivery]) = ([], [])
        for handout in handouts where !isTooOld(handout, settings) {
            guard let delivery = delivery(of: handout, settings) else { continue }
            fresh.append(handout)
            deliveries.append(delivery)
        }
        guard !fresh.isEmpty else {
            slots.give(1, from: id)
            return queue.enqueue(self)
        }
        if fresh.count < handouts.count { queue.enqueue(self) }
        // A broker answers for each event by itself, a webhook for all of a request.
        let sightings =
            push.connection == nil
            ? Array(repeating: beginSighting(fresh), count: fresh.count) : fresh.map { beginSighting([$0]) }
        for index in deliveries.indices { deliveries[index].witness = sightings[index]?.witness }
        let sent = zip(fresh, sightings).map { $0 }
        context.dispatcher.dispatchEach(deliveries, to: push) { [weak self] outcomes in
            slots.give(1, from: id)
            guard let self else { return }
            let now = self.context.clock.now
            self.news.withLock {
                $0 += zip(sent, outcomes).map { sent, outcome in
                    let (handout, seen) = sent
                    return .ended(
                        handout.token, outcome, arrived: handout.stored.timestamp, seen: seen?.ended(at: now))
                }
            }
            queue.enqueue(self)
        }
    }

    /// Takes in what is counted and waits for company.
    func gather(_ handouts: [Handout], _ state: inout State) {
        if state.push.gathered.isEmpty {
            let linger = state.definition.settings.push?.batch.linger ?? .zero
            state.push.gatheredUntil = context.clock.now + linger
        }
        state.push.gathered += handouts
    }
}
