// SPDX-License-Identifier: Apache-2.0

// Events that a subscription gave up on: to look at, to send back, to forget.

public import JSONText

/// A dead letter.
public struct DeadLetterInfo: Sendable, Hashable {
    /// `topic/partition/offset` of the dead letter itself.
    public var id: String
    /// The subscription that gave up; empty if it was a rule or a feed.
    public var subscription: String
    /// The rule whose transformation failed; empty if it was a subscription or a feed.
    public var rule: String
    /// The feed that could not publish the event; empty if it was a subscription or a rule.
    public var feed: String
    /// Why.
    public var reason: String
    /// After how many attempts.
    public var attempts: Int
    /// When it gave up (RFC 3339).
    public var last: String?
    /// The event.
    public var event: EventDocument
    /// The entry as it came.
    public var json: JSONValue

    /// Reads a dead letter of the API's answers.
    public init(_ json: JSONValue) throws(ApusClientError) {
        let fields = try JSONFields(json, "a dead letter")
        id = try fields.string("id")
        subscription = fields.optionalString("subscription") ?? ""
        rule = fields.optionalString("rule") ?? ""
        feed = fields.optionalString("feed") ?? ""
        reason = fields.optionalString("reason") ?? ""
        attempts = Int(fields.optionalInteger("attempts") ?? 0)
        last = fields.optionalString("last")
        event = EventDocument(fields.optionalValue("event") ?? .null)
        self.json = json
    }
}

/// Which dead letters are meant.
public struct DeadLetterSelection: Sendable, Hashable {
    /// Only those in this dead-letter topic.
    public var topic: String?
    /// Only those of this subscription.
    public var subscription: String?
    /// Only those of this rule.
    public var rule: String?
    /// Only those of this feed.
    public var feed: String?
    /// Only those of this cause: their reason, with `…` for its figures.
    public var cause: String?
    /// Only these; empty for all.
    public var ids: [String]
    /// Only those whose event matches this pattern.
    public var pattern: JSONValue?
    /// Only those given up at or after this time (RFC 3339), or since so long ago (`1h`).
    public var since: String?
    /// Only those given up before this time.
    public var until: String?

    /// Those that fit everything that is given.
    public init(
        topic: String? = nil, subscription: String? = nil, rule: String? = nil, feed: String? = nil,
        cause: String? = nil, ids: [String] = [],
        pattern: JSONValue? = nil, since: String? = nil, until: String? = nil
    ) {
        self.topic = topic
        self.subscription = subscription
        self.rule = rule
        self.feed = feed
        self.cause = cause
        self.ids = ids
        self.pattern = pattern
        self.since = since
        self.until = until
    }

    func body(dryRun: Bool) -> JSONObject {
        var body = JSONObject()
        body["pattern"] = pattern
        body["since"] = since.map { .string($0) }
        body["until"] = until.map { .string($0) }
        body["topic"] = topic.map { .string($0) }
        body["subscription"] = subscription.map { .string($0) }
        body["rule"] = rule.map { .string($0) }
        body["feed"] = feed.map { .string($0) }
        body["cause"] = cause.map { .string($0) }
        if !ids.isEmpty { body["ids"] = .array(ids.map { .string($0) }) }
        body["dry_run"] = .bool(dryRun)
        return body
    }
}

/// Dead letters that one subscription, rule or feed gave up for one cause.
public struct DeadLetterCauseInfo: Sendable, Hashable {
    /// The subscription that gave up; empty if it was a rule or a feed.
    public var subscription: String
    /// The rule whose transformation failed; empty if it was none.
    public var rule: String
    /// The feed that could not publish the event; empty if it was none.
    public var feed: String
    /// The reason, with `…` for its figures.
    public var cause: String
    /// How many letters wait.
    public var count: Int64
    /// When the first of them was given up (RFC 3339).
    public var first: String
    /// When the last of them was given up.
    public var last: String
    /// The last one.
    public var sample: DeadLetterInfo

    /// Reads a cause of the API's answers.
    public init(_ json: JSONValue) throws(ApusClientError) {
        let fields = try JSONFields(json, "a cause of dead letters")
        subscription = fields.optionalString("subscription") ?? ""
        rule = fields.optionalString("rule") ?? ""
        feed = fields.optionalString("feed") ?? ""
        cause = try fields.string("cause")
        count = try fields.integer("count")
        first = try fields.string("first")
        last = try fields.string("last")
        sample = try DeadLetterInfo(fields.optionalValue("sample") ?? .null)
    }

    /// Takes in what another step found of the same cause.
    public mutating func add(_ other: DeadLetterCauseInfo) {
        count += other.count
        // Times are of one length and zone, so that they compare as text.
        first = min(first, other.first)
        guard other.last >= last else { return }
        (last, sample) = (other.last, other.sample)
    }
}

/// What a redrive or a discard did.
public struct DeadLetterResult: Sendable, Hashable {
    /// How many dead letters were meant.
    public var matched: Int64
    /// How many went.
    public var done: Int64
    /// The answer as it came.
    public var json: JSONValue
}

extension ApusClient {
    /// A page of the dead letters, oldest first.
    public func deadLetters(
        _ selection: DeadLetterSelection = DeadLetterSelection(), limit: Int? = nil, after: String? = nil
    ) async throws(ApusClientError) -> Page<DeadLetterInfo> {
        var request = APIRequest(.get, "v1", "dead-letters")
        request.add(selection)
        return try await page(
            request, member: "dead_letters", limit: limit, after: after, DeadLetterInfo.init)
    }

    /// One step of going through the dead letters by cause.
    public func deadLetterCauses(
        _ selection: DeadLetterSelection, after: String? = nil
    ) async throws(ApusClientError) -> (causes: [DeadLetterCauseInfo], next: String?) {
        var request = APIRequest(.get, "v1", "dead-letters", "causes")
        request.add(selection)
        request.add("after", after)
        let fields = try JSONFields(try await send(request).json(), "causes of dead letters")
        let causes = try fields.array("causes").decoded(DeadLetterCauseInfo.init)
        return (causes, fields.optionalString("next"))
    }

    /// Sends dead letters back to the subscriptions that gave them up.
    public func redrive(
        _ selection: DeadLetterSelection, dryRun: Bool = false
    ) async throws(ApusClientError) -> DeadLetterResult {
        try await change("redrive", "redriven", selection.body(dryRun: dryRun))
    }

    /// Sends one dead letter back, its event changed to `event`, which keeps its source and id.
    public func redrive(_ id: String, as event: JSONValue) async throws(ApusClientError) -> DeadLetterResult {
        var body = JSONObject()
        body["ids"] = [.string(id)]
        body["event"] = event
        return try await change("redrive", "redriven", body)
    }

    /// Forgets dead letters for good.
    ///
    /// - Parameter reason: why, for whoever looks into their journeys.
    public func discard(
        _ selection: DeadLetterSelection, reason: String? = nil, dryRun: Bool = false
    ) async throws(ApusClientError) -> DeadLetterResult {
        var body = selection.body(dryRun: dryRun)
        body["reason"] = reason.map { .string($0) }
        return try await change("discard", "discarded", body)
    }

    private func change(
        _ verb: String, _ member: String, _ body: JSONObject
    ) async throws(ApusClientError) -> DeadLetterResult {
        var request = APIRequest(.post, "v1", "dead-letters", verb)
        request.setBody(.object(body))
        let json = try await send(request).json()
        let fields = try JSONFields(json, "an answer to \(verb)")
        return DeadLetterResult(
            matched: try fields.integer("matched"), done: fields.optionalInteger(member) ?? 0, json: json)
    }
}

extension APIRequest {
    fileprivate mutating func add(_ selection: DeadLetterSelection) {
        add("topic", selection.topic)
        add("subscription", selection.subscription)
        add("rule", selection.rule)
        add("feed", selection.feed)
        add("cause", selection.cause)
        add("pattern", selection.pattern?.description)
        add("since", selection.since)
        add("until", selection.until)
    }
}
