// SPDX-License-Identifier: Apache-2.0

// Why a subscription may be slow: each cause by itself, with what it is seen by and what helps. Pure: figures in, a finding or nothing out. Their order
// is the order in which they are told: what stops everything first, then what limits, then what adds to it.

internal import ApusEngine
internal import ApusModel
internal import ApusTransport

/// Why a subscription may be slow.
enum SubscriptionCause: String, Sendable, Hashable, CaseIterable {
    case paused
    case storage
    case consentWithheld = "consent_withheld"
    case receiverDown = "receiver_down"
    case nobodyReceives = "nobody_receives"
    case leasesHeld = "leases_held"
    case keysBlocked = "keys_blocked"
    case attemptsFail = "attempts_fail"
    case rateLimited = "rate_limited"
    case serverCrowded = "server_crowded"
    case slowReceiver = "slow_receiver"
    case slowConsumers = "slow_consumers"
    case hotKey = "hot_key"
    case hotPartition = "hot_partition"
    case sparsePattern = "sparse_pattern"
    case retriesWait = "retries_wait"
    case replaying
    case fallingBehind = "falling_behind"
    case catchingUp = "catching_up"

    /// What it looks like in these figures; nil when it is not among the causes.
    func finding(_ figures: SubscriptionFigures) -> Explanation.Cause? {
        switch self {
        case .paused: SubscriptionCause.paused(figures)
        case .storage: SubscriptionCause.storage(figures)
        case .consentWithheld: SubscriptionCause.consent(figures)
        case .receiverDown: SubscriptionCause.receiver(figures)
        case .nobodyReceives: SubscriptionCause.nobody(figures)
        case .leasesHeld: SubscriptionCause.leases(figures)
        case .keysBlocked: SubscriptionCause.blocked(figures)
        case .attemptsFail: SubscriptionCause.failures(figures)
        case .rateLimited: SubscriptionCause.rate(figures)
        case .serverCrowded: SubscriptionCause.crowd(figures)
        case .slowReceiver: SubscriptionCause.slowReceiver(figures)
        case .slowConsumers: SubscriptionCause.slowConsumers(figures)
        case .hotKey: SubscriptionCause.key(figures)
        case .hotPartition: SubscriptionCause.partition(figures)
        case .sparsePattern: SubscriptionCause.pattern(figures)
        case .retriesWait: SubscriptionCause.retries(figures)
        case .replaying: SubscriptionCause.replay(figures)
        case .fallingBehind: SubscriptionCause.behind(figures)
        case .catchingUp: SubscriptionCause.catching(figures)
        }
    }
}

// MARK: - What stops everything

extension SubscriptionCause {
    private static func paused(_ figures: SubscriptionFigures) -> Explanation.Cause? {
        let one = figures.description
        guard one.settings.isPaused else { return nil }
        return Explanation.Cause(
            .paused, .note,
            "it is paused" + (figures.open > 0 ? ", with \(Plural.events(one.backlog)) waiting" : ""),
            hint: "let it go on with 'apus subscription resume \(one.name)'")
    }

    private static func storage(_ figures: SubscriptionFigures) -> Explanation.Cause? {
        switch figures.unavailability {
        case .diskFailed(let reason)?, .undecided(let reason)?:
            Explanation.Cause(
                .storage, .error, "the disk fails, and no attempt begins before it is counted on the disk",
                [reason], hint: "look at the server's log, and at the disk's health")
        default: nil
        }
    }

    private static func consent(_ figures: SubscriptionFigures) -> Explanation.Cause? {
        guard case .withheld(let reason)? = figures.description.push?.consent else { return nil }
        return Explanation.Cause(
            .consentWithheld, .error, "its receiver does not consent to events", [reason],
            hint: "have the receiver answer the handshake; it is asked again by itself")
    }

    private static func receiver(_ figures: SubscriptionFigures) -> Explanation.Cause? {
        let one = figures.description
        guard let push = one.push, push.circuit != .closed, one.lastFailure != nil || push.openSince != nil
        else { return nil }
        if case .withheld? = push.consent { return nil }
        var evidence: [String] = []
        if let since = push.openSince {
            evidence.append("left alone for \(DurationText.about(since.duration(to: figures.now))) so far")
        }
        if let probe = push.nextProbe, probe > figures.now {
            evidence.append("tried again in \(DurationText.about(figures.now.duration(to: probe)))")
        }
        if let failure = one.lastFailure { evidence.append("the last attempt: \(failure)") }
        return Explanation.Cause(
            .receiverDown, .error,
            "its receiver keeps failing and is left alone; \(Plural.eventsWait(one.backlog))",
            evidence,
            hint:
                "mend the receiver; single events find out by themselves when it works again, and "
                + "'apus subscription retry \(one.name)' tries it at once")
    }

    private static func nobody(_ figures: SubscriptionFigures) -> Explanation.Cause? {
        let (one, load) = (figures.description, figures.load)
        let evidence =
            [Plural.eventsWait(one.backlog) + ", and no consumer asks for them"]
            + (load.unread.map { ["nobody has asked for \(DurationText.about($0))"] } ?? [])
        let hint = "start consumers; delete the subscription if nobody needs it"
        if load.isUnread, !one.settings.isPaused {
            return Explanation.Cause(
                .nobodyReceives, .warning, one.settings.kind == .cursor ? "nobody reads" : "nobody receives",
                evidence, hint: hint)
        }
        // Who follows with a cursor may read now and then: that is nobody only after a while.
        guard one.settings.kind == .shared, one.push == nil, one.settings.push == nil, !one.settings.isPaused,
            one.inFlight == 0, load.receivers == 0, load.delivered.minute < 0.01, figures.isWaiting,
            one.blocked == 0, one.waiting == 0
        else { return nil }
        return Explanation.Cause(.nobodyReceives, .warning, "nobody receives", evidence, hint: hint)
    }

    private static func leases(_ figures: SubscriptionFigures) -> Explanation.Cause? {
        let one = figures.description
        guard one.settings.push == nil, one.settings.kind == .shared,
            one.inFlight >= one.settings.inFlightMax,
            one.backlog > 0
        else { return nil }
        return Explanation.Cause(
            .leasesHeld, .error, "as many events as allowed are leased and not settled",
            [
                "\(one.inFlight) of \(one.settings.inFlightMax) are out, and \(Plural.eventsWait(one.backlog)) behind them"
            ]
                + figures.timeOut,
            hint: "see that consumers acknowledge what they receive, or raise 'max_in_flight'")
    }

    private static func blocked(_ figures: SubscriptionFigures) -> Explanation.Cause? {
        let one = figures.description
        guard one.blocked > 0 else { return nil }
        return Explanation.Cause(
            .keysBlocked, .warning,
            one.blocked == 1
                ? "1 key waits for somebody to deal with a dead letter"
                : "\(one.blocked) keys wait for somebody to deal with a dead letter",
            hint:
                "see them with 'apus dead-letter list --subscription \(one.name)', then redrive or discard them"
        )
    }
}

// MARK: - What limits

extension SubscriptionCause {
    private static func failures(_ figures: SubscriptionFigures) -> Explanation.Cause? {
        let (one, load) = (figures.description, figures.load)
        let failsNow = load.failed.minute > 0.01 && figures.failing >= 0.05
        // Between two attempts of few events nothing fails for minutes.
        let failedLast = one.waiting > 0 && one.lastFailure != nil
        // What is refused for good at the first attempt never waits for another one.
        let endsAtOnce = one.inFlight == 0 || load.deadLettered.minute >= load.failed.minute * 0.9
        if one.waiting == 0, endsAtOnce, one.deadLettered > 0, failsNow { return givenUp(figures) }
        // Events whose time was over were given up without an attempt.
        if !failsNow, !failedLast, load.deadLettered.minute > 0.01, figures.givingUp >= 0.05 {
            return givenUp(figures)
        }
        guard failsNow || failedLast else { return nil }
        var evidence: [String] = []
        if failsNow {
            evidence.append(
                "\(Int((figures.failing * 100).rounded())) % of the attempts of the last minute failed (\(Plural.rate(load.failed.minute)))"
            )
        }
        if one.waiting > 0 { evidence.append("\(Plural.eventsWait(Int64(one.waiting))) for another attempt") }
        if let failure = one.lastFailure { evidence.append("the last one failed: \(failure)") }
        return Explanation.Cause(
            .attemptsFail, figures.failing >= 0.5 || !failsNow ? .warning : .note,
            one.waiting > 0
                ? "\(Plural.eventsWait(Int64(one.waiting))) for another attempt; the last one failed: \(one.lastFailure ?? "")"
                : "attempts fail", evidence,
            hint: "mend the consumer; events that wait are tried again by themselves"
                + (one.deadLettered > 0 ? ", those that were given up are not: \(redrive(one))" : ""))
    }

    /// Attempts have failed, and nothing is left to be tried again: everything that failed was given up.
    private static func givenUp(_ figures: SubscriptionFigures) -> Explanation.Cause {
        let one = figures.description
        let count = Int64(clamping: one.deadLettered)
        var evidence = one.waiting == 0 ? ["no event waits for another attempt"] : []
        if figures.load.deadLettered.minute > 0.01 {
            evidence.append(
                "\(Int((figures.givingUp * 100).rounded())) % of what was decided in the last minute was given up "
                    + "(\(Plural.rate(figures.load.deadLettered.minute)))")
        }
        if let failure = one.lastFailure { evidence.append("the last one failed: \(failure)") }
        return Explanation.Cause(
            .attemptsFail, .warning,
            "attempts fail, and \(Plural.events(count)) \(count == 1 ? "was" : "were") given up since the server started",
            evidence,
            hint: "mend the consumer, then send back what was given up: \(redrive(one))")
    }

    private static func redrive(_ one: SubscriptionDescription) -> String {
        "apus dead-letter redrive --subscription \(one.name)"
    }

    private static func rate(_ figures: SubscriptionFigures) -> Explanation.Cause? {
        let (one, load) = (figures.description, figures.load)
        guard let push = one.settings.push, figures.isWaiting else { return nil }
        var limits = [push.rate.map { Double($0) }].compactMap { $0 }
        if case .granted(let rate?)? = one.push?.consent { limits.append(rate) }
        guard let limit = limits.min(), load.delivered.minute >= limit * 0.85 else { return nil }
        return Explanation.Cause(
            .rateLimited, .warning, "its rate is limited to \(Plural.rate(limit))",
            ["\(Plural.rate(load.delivered.minute)) are sent, \(Plural.rate(load.arrival.minute)) arrive"],
            hint: push.rate.map { Double($0) } == limit
                ? "raise 'push.rate'" : "the receiver grants no more: ask its owner")
    }

    private static func crowd(_ figures: SubscriptionFigures) -> Explanation.Cause? {
        let load = figures.load
        guard figures.description.settings.push != nil, load.crowded.minute >= 0.3, figures.isWaiting else {
            return nil
        }
        return Explanation.Cause(
            .serverCrowded, .warning,
            "all subscriptions together have as many attempts under way as the server allows",
            [
                "it had to wait for others in \(Int(load.crowded.minute * 100)) % of the looks of the last minute"
            ],
            hint: "mend the receivers that take long, or raise the limit of open files (ulimit -n)")
    }

    private static func slowReceiver(_ figures: SubscriptionFigures) -> Explanation.Cause? {
        let (one, load) = (figures.description, figures.load)
        guard let push = one.settings.push, one.push?.circuit == .closed, figures.isWaiting,
            let utilisation = load.utilisation, utilisation >= 0.8, load.crowded.minute < 0.3
        else { return nil }
        return Explanation.Cause(
            .slowReceiver, .warning, "its receiver is slow: every attempt that may be under way is",
            ["\(Int(utilisation * 100)) % of \(load.room) at a time are out"] + figures.timeOut
                + figures.rates,
            hint:
                "make the receiver faster, or raise 'push.concurrency' (\(push.concurrency)) if it can do more at a time"
        )
    }

    private static func slowConsumers(_ figures: SubscriptionFigures) -> Explanation.Cause? {
        let (one, load) = (figures.description, figures.load)
        guard one.settings.push == nil, one.settings.kind == .shared, figures.isWaiting,
            one.inFlight < one.settings.inFlightMax, load.delivered.minute >= 0.01 || one.inFlight > 0,
            load.receivers == 0
        else { return nil }
        return Explanation.Cause(
            .slowConsumers, .warning,
            "consumers do not keep up: none of them waits for events, and events wait",
            figures.rates + figures.timeOut,
            hint: "start more consumers, or have them receive more at a time")
    }
}

// MARK: - What adds to it

extension SubscriptionCause {
    private static func key(_ figures: SubscriptionFigures) -> Explanation.Cause? {
        let sample = figures.sample
        guard figures.isWaiting, sample.events >= 20, let key = sample.keys.first,
            Double(key.events) >= Double(sample.events) * 0.5, figures.description.settings.kind == .shared
        else { return nil }
        let isOrdered = figures.description.settings.ordering != nil
        let share = Int((100 * Double(key.events) / Double(sample.events)).rounded())
        return Explanation.Cause(
            .hotKey, isOrdered ? .warning : .note,
            "most of what waits has one key"
                + (isOrdered ? ", and its events are handed out one after another" : ""),
            // Beside the text, which goes on into findings and alarms: a key is part of an event.
            ["\(share) % of the first \(sample.events) events have the key '\(key.key.prefix(80))'"],
            hint: isOrdered
                ? "use keys that spread the work, or do without 'ordering' where order does not matter"
                : "use keys that spread the work; 'fairness' keeps one key from holding up others")
    }

    private static func partition(_ figures: SubscriptionFigures) -> Explanation.Cause? {
        let behind = figures.behind
        let sum = behind.reduce(0) { $0 + $1.events }
        guard figures.isWaiting, behind.count > 1, sum >= 20, let first = behind.first,
            Double(first.events) >= Double(sum) * max(0.5, 2 / Double(behind.count))
        else { return nil }
        return Explanation.Cause(
            .hotPartition, .note, "most of what waits is in partition \(first.partition)",
            ["\(first.events) of \(sum) events, over \(behind.count) partitions"],
            hint: "see which keys go there: events of a key are always in the same partition")
    }

    private static func pattern(_ figures: SubscriptionFigures) -> Explanation.Cause? {
        let sample = figures.sample
        guard figures.description.settings.pattern != nil, figures.isWaiting, sample.events >= 20,
            Double(sample.matching) <= Double(sample.events) * 0.05
        else { return nil }
        return Explanation.Cause(
            .sparsePattern, .note, "hardly anything of what waits matches its pattern, and is passed over",
            ["\(sample.matching) of the first \(sample.events) events match"],
            hint:
                "the backlog counts what is not looked at yet; a rule to a topic of its own keeps such events apart"
        )
    }

    private static func retries(_ figures: SubscriptionFigures) -> Explanation.Cause? {
        let one = figures.description
        guard one.waiting > 0, Double(one.waiting) >= Double(one.backlog) * 0.5,
            one.settings.retry.max >= .seconds(60),
            one.lastFailure != nil
        else { return nil }
        return Explanation.Cause(
            .retriesWait, .note, "most of what waits has failed before and waits for its time",
            [
                "\(one.waiting) of \(one.backlog); the longest wait is \(DurationText.about(one.settings.retry.max))"
            ],
            hint: "lower 'retry.max' if the receiver mends sooner than that")
    }

    private static func replay(_ figures: SubscriptionFigures) -> Explanation.Cause? {
        let left = figures.description.replaying
        guard left > 0 else { return nil }
        return Explanation.Cause(
            .replaying, .note, "a replay is under way",
            ["at most \(Plural.events(left)) of the past \(left == 1 ? "is" : "are") left"],
            hint: "it ends by itself; replayed events share the consumers with new ones")
    }

    private static func behind(_ figures: SubscriptionFigures) -> Explanation.Cause? {
        let load = figures.load
        guard figures.isWaiting, figures.hasLoad, !figures.description.settings.isPaused,
            // Less would be told as 0/s.
            load.arrival.minute >= 0.05, load.arrival.minute > load.settled * 1.02
        else { return nil }
        return Explanation.Cause(
            .fallingBehind, .warning, "more arrives than is done", figures.rates,
            hint: "at these rates what waits grows for as long as this lasts")
    }

    private static func catching(_ figures: SubscriptionFigures) -> Explanation.Cause? {
        let one = figures.description
        guard one.backlog > 0, let drain = figures.load.drain(one.backlog), drain > .zero else { return nil }
        return Explanation.Cause(
            .catchingUp, .note, "what waits becomes less: done in about \(DurationText.about(drain))",
            figures.rates, hint: "nothing has to be done if that is soon enough")
    }
}

extension SubscriptionFigures {
    /// Whether something waits for longer than it takes to hand it out.
    var isWaiting: Bool { description.backlog > 0 && age > .seconds(2) || age > .seconds(3600) }

    /// What arrives and what is done.
    fileprivate var rates: [String] {
        guard hasLoad else { return [] }
        let givenUp = load.deadLettered.minute
        return [
            "\(Plural.rate(load.arrival.minute)) arrive, \(Plural.rate(load.service.minute)) are done"
                + (givenUp >= 0.05 ? ", \(Plural.rate(givenUp)) are given up" : "")
        ]
    }

    /// How long an event is out.
    fileprivate var timeOut: [String] {
        load.timeInFlight.map { ["an event is out for about \(DurationText.about($0))"] } ?? []
    }
}
