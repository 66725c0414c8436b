// SPDX-License-Identifier: Apache-2.0

// Events that a subscription gave up on: to look at, to send back, to forget.

public import JSONText

/// A dead letter.
public struct DeadLetterInfo: Sendable, Hashable {
    /// `topic/partition/offset` of the dead letter itself.
    public var id: String
    /// The subscription that gave up; empty if it was a rule.
    public var subscription: String
    /// The rule whose transformation failed; empty if it was a subscription.
    public var rule: String
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
    /// Only these; empty for all.
    public var ids: [String]

    /// Those that fit everything that is given.
    public init(
        topic: String? = nil, subscription: String? = nil, rule: String? = nil, ids: [String] = []
    ) {
        self.topic = topic
        self.subscription = subscription
        self.rule = rule
        self.ids = ids
    }

    func body(dryRun: Bool) -> JSONValue {
        var body = JSONObject()
        body["topic"] = topic.map { .string($0) }
        body["subscription"] = subscription.map { .string($0) }
        body["rule"] = rule.map { .string($0) }
        if !ids.isEmpty { body["ids"] = .array(ids.map { .string($0) }) }
        body["dry_run"] = .bool(dryRun)
        return .object(body)
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
        topic: String? = nil, subscription: String? = nil, rule: String? = nil, limit: Int? = nil,
        after: String? = nil
    ) async throws(ApusClientError) -> Page<DeadLetterInfo> {
        var request = APIRequest(.get, "v1", "dead-letters")
        request.add("topic", topic)
        request.add("subscription", subscription)
        request.add("rule", rule)
        return try await page(
            request, member: "dead_letters", limit: limit, after: after, DeadLetterInfo.init)
    }

    /// Sends dead letters back to the subscriptions that gave them up.
    public func redrive(
        _ selection: DeadLetterSelection, dryRun: Bool = false
    ) async throws(ApusClientError) -> DeadLetterResult {
        try await change("redrive", "redriven", selection, dryRun)
    }

    /// Forgets dead letters for good.
    public func discard(
        _ selection: DeadLetterSelection, dryRun: Bool = false
    ) async throws(ApusClientError) -> DeadLetterResult {
        try await change("discard", "discarded", selection, dryRun)
    }

    private func change(
        _ verb: String, _ member: String, _ selection: DeadLetterSelection, _ dryRun: Bool
    ) async throws(ApusClientError) -> DeadLetterResult {
        var request = APIRequest(.post, "v1", "dead-letters", verb)
        request.setBody(selection.body(dryRun: dryRun))
        let json = try await send(request).json()
        let fields = try JSONFields(json, "an answer to \(verb)")
        return DeadLetterResult(
            matched: try fields.integer("matched"), done: fields.optionalInteger(member) ?? 0, json: json)
    }
}
