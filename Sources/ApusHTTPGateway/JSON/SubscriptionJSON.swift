// SPDX-License-Identifier: Apache-2.0

// Subscriptions as JSON, both ways. One body serves to create and to change: what it does not name takes its default, or stays.

internal import ApusEngine
internal import ApusModel
internal import ApusRules
internal import ApusTransport
internal import JSONText

/// What a request says about a subscription.
struct SubscriptionInput {
    /// What can be said only once.
    var topic: ResourceName?
    var kind: SubscriptionKind?
    var start: StartPosition?
    var end: StartPosition?
    /// What can be changed.
    var changes = SubscriptionChanges()

    /// - Parameter stored: the push settings in force, which masked secrets stand for.
    init(_ reader: MemberReader, now: Timestamp, stored: PushSettings? = nil) throws(Problem) {
        topic = try reader.name("topic")
        kind = try reader.choice("kind", SubscriptionKind.self)
        start = try reader.position("start", now: now)
        end = reader.isNull("end") ? nil : try reader.position("end", now: now)
        if reader.isNull("pattern") {
            changes.pattern = .some(nil)
        } else if let pattern = try reader.pattern("pattern") {
            changes.pattern = pattern
        }
        changes.lease = try reader.duration("lease", in: Bounds.lease)
        changes.inFlightMax = try reader.int("max_in_flight", in: Bounds.inFlight)
        changes.attemptsMax = try reader.int("max_attempts", in: Bounds.attempts)
        changes.deadLetter = try reader.name("dead_letter")
        changes.isPaused = try reader.bool("paused")
        if reader.isNull("expires_after") {
            changes.expiresAfter = .some(nil)
        } else if let limit = try reader.duration("expires_after", in: Bounds.expiry) {
            changes.expiresAfter = limit
        }
        try changes.readAlarm(reader)
        try changes.readOrder(reader)
        isPushTakenAway = reader.isNull("push")
        if !isPushTakenAway, let value = reader.value("push") {
            changes.push = try PushSettings(value, in: "push.", stored: [stored].compactMap { $0 })
        }
        if let value = reader.value("retry") { retry = try RetryInput(value) }
    }

    private var isPushTakenAway: Bool
    private var retry: RetryInput?

    /// The settings of a new subscription.
    func settings() throws(Problem) -> SubscriptionSettings {
        guard let topic else { throw Problem(.malformed, "'topic' is missing") }
        var settings = SubscriptionSettings(
            topic: topic, kind: kind ?? .shared, start: start ?? .latest, end: end)
        if let pattern = changes.pattern { settings.pattern = pattern }
        if let lease = changes.lease { settings.lease = lease }
        if let inFlightMax = changes.inFlightMax { settings.inFlightMax = inFlightMax }
        if let attemptsMax = changes.attemptsMax { settings.attemptsMax = attemptsMax }
        if let retry { settings.retry = try retry.applied(to: settings.retry) }
        settings.deadLetter = changes.deadLetter
        settings.push = changes.push
        if let isPaused = changes.isPaused { settings.isPaused = isPaused }
        if let ordering = changes.ordering { settings.ordering = ordering }
        if let fairness = changes.fairness { settings.fairness = fairness }
        if let priority = changes.priority { settings.priority = priority }
        if let limit = changes.expiresAfter { settings.expiresAfter = limit }
        if let limit = changes.alarmAge { settings.alarm.age = limit }
        if let limit = changes.alarmBacklog { settings.alarm.backlog = limit }
        return settings
    }

    /// What is to be changed of a subscription that exists.
    func changes(to current: SubscriptionSettings) throws(Problem) -> SubscriptionChanges {
        if let topic, topic != current.topic { throw fixed("topic", current.topic.description) }
        if let kind, kind != current.kind { throw fixed("kind", current.kind.rawValue) }
        if let start, start != current.start { throw fixed("start", PositionText.text(current.start)) }
        if let end, end != current.end {
            throw fixed("end", current.end.map { PositionText.text($0) } ?? "null")
        }
        if isPushTakenAway, current.push != nil {
            throw Problem(
                .conflict, "a push subscription cannot become one that is received from",
                hint: "delete it and create another one")
        }
        var changes = changes
        if let retry { changes.retry = try retry.applied(to: current.retry) }
        return changes
    }

    private func fixed(_ name: String, _ value: String) -> Problem {
        Problem(
            .conflict, "'\(name)' cannot change: it is '\(value)'",
            hint: name == "start"
                ? "POST .../replay moves a subscription" : "delete the subscription and create it again")
    }
}

extension MemberReader {
    func position(_ name: String, now: Timestamp) throws(Problem) -> StartPosition? {
        guard let value = value(name) else { return nil }
        if let offset = value.int64, offset >= 0 { return .offset(Offset(offset)) }
        guard let text = value.string, let position = PositionText.parse(text, now: now) else {
            throw wrong(name, expected: PositionText.grammar)
        }
        return position
    }

    func pattern(_ name: String) throws(Problem) -> Pattern? {
        guard let value = value(name) else { return nil }
        guard value.object != nil else {
            throw wrong(name, expected: "an object, such as {\"type\": [\"order.placed\"]}")
        }
        do {
            return try Pattern(parsing: value.serialized())
        } catch {
            throw Problem(.malformed, "'\(path(name))': \(error.description)")
        }
    }
}

// MARK: - Writing

extension JSONWriter {
    mutating func subscription(_ subscription: SubscriptionDescription) {
        object { writer in
            writer.member("name", subscription.name.description)
            writer.member("state", SubscriptionState(subscription).rawValue)
            writer.subscriptionSettings(subscription)
            writer.member("rule", subscription.rule?.description)
            writer.member("created", subscription.created)
            writer.member("backlog", subscription.backlog)
            writer.member("in_flight", subscription.inFlight)
            writer.member("waiting", subscription.waiting)
            writer.member("blocked", subscription.blocked)
            writer.member("oldest_unsettled", subscription.oldestUnsettled.map(TimeText.text))
            writer.member("delivered", subscription.delivered)
            writer.member("acknowledged", subscription.acknowledged)
            writer.member("failed", subscription.failed)
            writer.member("dead_lettered", subscription.deadLettered)
            writer.member("last_failure", subscription.lastFailure)
            writer.member("replaying", subscription.replaying)
            writer.member("complete", subscription.isComplete)
            writer.pushState(subscription.push)
            writer.load(subscription)
            writer.member("positions", list: subscription.positions) { $0.position($1) }
        }
    }

    private mutating func subscriptionSettings(_ subscription: SubscriptionDescription) {
        let settings = subscription.settings
        member("topic", settings.topic.description)
        member("kind", settings.kind.rawValue)
        member("start", PositionText.text(settings.start))
        member("end", settings.end.map { PositionText.text($0) })
        key("pattern")
        if let pattern = settings.pattern { raw(Array(pattern.text.utf8)) } else { null() }
        member("lease", settings.lease)
        member("max_in_flight", settings.inFlightMax)
        member("max_attempts", settings.attemptsMax)
        key("retry")
        retry(settings.retry)
        member("dead_letter", subscription.deadLetter.description)
        key("push")
        if let settings = settings.push { push(settings) } else { null() }
        member("paused", settings.isPaused)
        member("expires_after", settings.expiresAfter.map(DurationText.format))
        alarm(settings.alarm)
        order(settings)
    }

    private mutating func position(_ position: SubscriptionPosition) {
        object { writer in
            writer.member("partition", position.partition)
            writer.member("cursor", position.cursor)
            writer.member("next", position.next)
            writer.member("end", position.end)
        }
    }
}
