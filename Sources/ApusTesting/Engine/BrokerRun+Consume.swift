// SPDX-License-Identifier: Apache-2.0

// Consumers in a simulated history: they receive, acknowledge, release, reject, hold on, forget. What they see is held against the model.

import ApusEngine
import ApusModel
import ApusTransport
import CloudEvents

/// What the model has to know of a delivery.
struct SeenDelivery {
    let place: Place
    let attempt: Int
    let attemptsMax: Int
    let event: CloudEvent
    /// When the lease ends; nil when that is not told.
    let deadline: Duration?
    /// It was not chosen before this step, though what follows from that may have taken some.
    let step: Int
}

extension BrokerRun {
    private var sharedSubscriptions: [SubscriptionModel] {
        subscriptions.filter { $0.certainty == .certain && $0.isShared }
    }

    // MARK: Receiving

    func receiveSome() {
        let candidates = sharedSubscriptions.filter { $0.settings.push == nil }
        guard !candidates.isEmpty else { return }
        let lease = random.oneIn(3) ? Duration.milliseconds(random.below(20_000)) : nil
        let wait = random.oneIn(3) ? Duration.milliseconds(random.below(10_000)) : .zero
        receive(
            candidates[random.below(candidates.count)], limit: 1 + random.below(8), wait: wait, lease: lease)
    }

    func receive(_ subscription: SubscriptionModel, limit: Int, wait: Duration, lease: Duration?) {
        let (name, clock, era) = (subscription.name, clock, subscription.era)
        let asked = step
        note("receive \(limit) from \(name)")
        call { engine throws(BrokerError) in
            let events = try await engine.receive(name, limit: limit, wait: wait, lease: lease)
            return (events, clock.now, clock.wall)
        } then: { [self] (answer: Answer<([LeasedEvent], Duration, Timestamp)>) in
            guard case .done(let (events, now, wall)) = answer else {
                return note("receive from \(name): \(answer)")
            }
            if events.count > limit {
                violate("I6: \(events.count) events were handed out instead of \(limit)")
            }
            for leased in events {
                let place = Place(partition: leased.stored.partition, offset: leased.stored.offset)
                held.append(
                    HeldLease(
                        subscription: subscription, token: leased.lease, place: place,
                        attempt: leased.attempt, era: era))
                see(
                    SeenDelivery(
                        place: place, attempt: leased.attempt, attemptsMax: leased.attemptsMax,
                        event: leased.stored.event,
                        deadline: now + wall.duration(to: leased.deadline), step: asked), subscription, era)
            }
        }
    }

    /// Somebody is handed an event.
    func see(_ seen: SeenDelivery, _ subscription: SubscriptionModel, _ era: Int) {
        report.delivered += 1
        mix(seen.place.offset.rawValue)
        let (place, what) = (seen.place, "\(subscription.name) \(seen.place.partition)/\(seen.place.offset)")
        note("delivered \(what) attempt \(seen.attempt)")
        settleDebts(place, of: subscription)
        subscription.handedOut.insert(place)
        guard subscription.certainty != .gone, era == subscription.era, subscription.openReplays == 0 else {
            return exempt(place, of: subscription)
        }
        checkOrder(seen, subscription, what)
        checkContent(seen, subscription, what)
        var model = subscription.places[place] ?? PlaceModel()
        takeReplayed(seen, &model, of: subscription)
        // A redrive of what its key waits for brings the same event from attempt 1 on, which nobody needs to have seen: one that waits for
        // a batch may be taken out of it again.
        let redrives = redrives(of: place, subscription)
        if redrives > model.redrives || redrives > 0 && seen.attempt == 1 {
            (model.attempts, model.notBefore) = (0, nil)
        }
        model.redrives = redrives
        if seen.attempt <= model.attempts {
            violate("I7: \(what) comes as attempt \(seen.attempt) after attempt \(model.attempts)")
        }
        if seen.attempt > subscription.attemptsMax {
            violate("I7: \(what) comes as attempt \(seen.attempt) of at most \(subscription.attemptsMax)")
        }
        if model.isAcknowledged { violate("I6: \(what) was acknowledged and comes again") }
        if model.isPushed { violate("I6: \(what) was delivered and comes again in the same life") }
        if let until = model.leasedUntil, until > clock.now {
            violate("I6: \(what) is leased until \(until)")
        }
        if let due = model.notBefore, due > clock.now { violate("I6: \(what) comes before its time, \(due)") }
        if subscription.replays == 0, !subscription.topic.wasCut,
            subscription.createdAt < seen.step, redrives == 0,
            model.attempts > 0 || !subscription.mayBlock,
            truth.burials(
                of: subscription.origin(place), by: subscription.name, in: subscription.createdAt..<seen.step)
                > 0
        {
            violate("I6: \(what) comes again after its dead letter")
        }
        model.attempts = seen.attempt
        model.notBefore = nil
        model.leasedUntil = seen.deadline
        subscription.places[place] = model
    }

    private func checkContent(_ seen: SeenDelivery, _ subscription: SubscriptionModel, _ what: String) {
        guard let log = subscription.topic.log(seen.place.partition) else { return }
        guard let record = truth.log(log)?.records[seen.place.offset] else {
            // Pieces that a power cut left may read well for one and not for another.
            if !subscription.topic.wasCut { violate("I1: \(what) was delivered and is not there") }
            return
        }
        if record.id != seen.event.id || record.value != seen.event.data?.bytes ?? [] {
            violate("I1: \(what) was delivered with other content")
        }
        if isHidden(record) { violate("I16: \(what) is of a transaction that is not committed") }
        if let recipient = record.recipient, recipient != subscription.name.description {
            violate("I6: \(what) is for \(recipient)")
        }
        if seen.place.partition < subscription.allowedFrom.count,
            seen.place.offset < subscription.allowedFrom[seen.place.partition]
        {
            violate("I6: \(what) is before the start of the subscription")
        }
        if isBeyondEnd(seen.place, of: subscription) {
            violate("I15: \(what) is beyond the end of the subscription")
        }
        if !subscription.filters.mayMatch(record.type, since: subscription.createdAt) {
            violate("I6: \(what) of type \(record.type) does not match")
        }
    }

    // MARK: Settling

    func settleSome() {
        guard !held.isEmpty else { return }
        let first = held[random.below(held.count)]
        let subscription = first.subscription
        var chosen = held.indices.filter {
            held[$0].subscription === subscription && held[$0].era == first.era
        }
        chosen = Array(chosen.prefix(1 + random.below(6)))
        let leases = chosen.map { held[$0] }
        let verdict: Verdict
        switch random.below(10) {
        case 0..<5: verdict = .acknowledge
        case 5..<7:
            verdict = .release(
                delay: .milliseconds(random.oneIn(2) ? 0 : random.below(60_000)), counted: true)
        case 7:
            verdict = .release(
                delay: .milliseconds(random.oneIn(2) ? 0 : random.below(9_000)), counted: false)
        case 8: verdict = .reject(reason: "no good")
        default: verdict = .extend(.milliseconds(random.below(60_000)))
        }
        // A consumer may also settle twice, or too late.
        if !random.oneIn(8) { for index in chosen.reversed() { held.remove(at: index) } }
        settle(leases, of: subscription, verdict)
    }

    func settle(_ leases: [HeldLease], of subscription: SubscriptionModel, _ verdict: Verdict) {
        let (name, tokens, asked, era) = (subscription.name, leases.map(\.token), clock.now, subscription.era)
        let retries = subscription.retries
        note("settle \(name) \(leases.map { "\($0.place.partition)/\($0.place.offset)" }) \(verdict)")
        for lease in leases { prepare(lease, of: subscription, verdict) }
        call { engine throws(BrokerError) in
            try await engine.settle(name, leases: tokens, verdict: verdict)
        } then: { [self] answer in
            note("settled \(name): \(answer)")
            guard subscription.certainty != .gone else { return }
            for (index, lease) in leases.enumerated() where lease.era == era {
                let isOK: Bool? =
                    if case .done(let results) = answer {
                        index < results.count && results[index] == .ok
                    } else { nil }
                conclude(lease, of: subscription, verdict, isOK, asked, sameEra: subscription.era == era)
                // Somebody has asked for a retry meanwhile: it may have come after the release.
                if subscription.retries != retries { subscription.places[lease.place]?.notBefore = nil }
            }
        }
    }

    /// From now on the verdict may have an effect.
    private func prepare(_ lease: HeldLease, of subscription: SubscriptionModel, _ verdict: Verdict) {
        if verdict == .acknowledge {
            subscription.places[lease.place, default: PlaceModel()].isDone = true
            if lease.era == subscription.era { subscription.finished.insert(lease.place) }
        }
        guard lease.era == subscription.era, var model = subscription.places[lease.place] else { return }
        guard lease.attempt == model.attempts else { return }
        switch verdict {
        case .release(_, let counted): if !counted { model.attempts = min(model.attempts, lease.attempt - 1) }
        case .acknowledge, .reject, .extend: break
        }
        model.leasedUntil = nil
        subscription.places[lease.place] = model
    }

    private func conclude(
        _ lease: HeldLease, of subscription: SubscriptionModel, _ verdict: Verdict, _ isOK: Bool?,
        _ asked: Duration,
        sameEra: Bool
    ) {
        guard sameEra, isOK == true, var model = subscription.places[lease.place] else { return }
        switch verdict {
        case .acknowledge: model.isAcknowledged = true
        case .release(let delay, let counted):
            // It may have come again before the answer did.
            let isStillBack = model.attempts == lease.attempt - (counted ? 0 : 1)
            if isStillBack, delay > .zero { model.notBefore = asked + delay }
        case .extend(let duration):
            if model.attempts == lease.attempt { model.leasedUntil = asked + duration }
        case .reject: break
        }
        subscription.places[lease.place] = model
    }

    // MARK: Targets

    /// Takes over the attempts that the engine has begun.
    func takeAttempts() {
        for attempt in target.takeBegun() {
            guard let first = attempt.deliveries.first else { continue }
            let subscription = subscriptions.last {
                $0.name == first.subscription && $0.certainty != .gone
            }
            attempts.append(
                HeldAttempt(
                    attempt: attempt, begun: idleAt, era: subscription?.era ?? 0, subscription: subscription))
            guard let subscription else { continue }
            for delivery in attempt.deliveries {
                let seen = SeenDelivery(
                    place: Place(partition: delivery.partition, offset: delivery.offset),
                    attempt: delivery.attempt, attemptsMax: delivery.attemptsMax, event: delivery.event,
                    deadline: nil, step: idleStep)
                see(seen, subscription, subscription.era)
            }
            let open = attempts.count { $0.subscription === subscription }
            if open > max(subscription.concurrencyMax, 1) {
                violate("I6: \(subscription.name) has \(open) attempts at once")
            }
        }
    }

    func answerTarget() {
        // Now and then everything behind the targets goes down, for long enough that circuits open.
        if random.oneIn(60) { targetsAreDownUntil = clock.now + .milliseconds(random.below(120_000)) }
        guard !attempts.isEmpty else { return }
        for _ in 0...random.below(3) where !attempts.isEmpty {
            let held = attempts.remove(at: random.below(attempts.count))
            guard clock.now >= targetsAreDownUntil else {
                end(held, .retry(after: nil, status: nil, reason: "down"))
                continue
            }
            switch random.below(8) {
            case 0..<5: end(held, .delivered)
            case 5..<7:
                let after = random.oneIn(2) ? nil : Duration.milliseconds(random.below(100_000))
                end(held, .retry(after: after, status: 503, reason: "busy"))
            default: end(held, .refused(status: 400, reason: "no"))
            }
        }
    }

    /// An attempt ends.
    func end(_ held: HeldAttempt, _ outcome: Outcome) {
        for delivery in held.attempt.deliveries {
            note("\(delivery.subscription) \(delivery.partition)/\(delivery.offset) ends: \(outcome)")
        }
        held.attempt.end(outcome)
        for delivery in held.attempt.deliveries { end(delivery, held, outcome) }
    }

    private func end(_ delivery: Delivery, _ held: HeldAttempt, _ outcome: Outcome) {
        let attempt = held.attempt
        let place = Place(partition: delivery.partition, offset: delivery.offset)
        if outcome == .delivered {
            held.subscription?.places[place, default: PlaceModel()].isDone = true
            if held.era == held.subscription?.era { held.subscription?.finished.insert(place) }
        }
        guard let subscription = held.subscription, subscription.era == held.era,
            var model = subscription.places[place],
            model.attempts == delivery.attempt
        else { return }
        // An outcome that comes after the lease has ended changes nothing.
        let isLeased = held.begun + attempt.settings.timeout > clock.now
        switch outcome {
        case .delivered:
            model.isPushed = isLeased
        case .retry(let after, _, _):
            if let after, isLeased, subscription.openRetries == 0 { model.notBefore = clock.now + after }
        case .refused: break
        }
        subscription.places[place] = model
    }
}
