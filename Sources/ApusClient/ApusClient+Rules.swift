// SPDX-License-Identifier: Apache-2.0

// Rules, and trying a pattern on an event.

public import JSONText

/// A rule, as the server tells of it.
public struct RuleInfo: Sendable, Hashable {
    /// Its name.
    public var name: String
    /// The topic whose events it looks at.
    public var topic: String
    /// Which events it takes.
    public var pattern: JSONValue
    /// Whether it is at work.
    public var isEnabled: Bool
    /// Where events go, in words: topics by name, webhooks by address, outside topics as `connection/topic`.
    public var targets: [String]
    /// Events matched since the server started.
    public var matched: Int64?
    /// The answer as it came.
    public var json: JSONValue

    /// Reads a rule of the API's answers.
    public init(_ json: JSONValue) throws(ApusClientError) {
        let fields = try JSONFields(json, "a rule")
        name = try fields.string("name")
        topic = try fields.string("topic")
        pattern = fields.optionalValue("pattern") ?? .null
        isEnabled = fields.optionalBool("enabled") ?? true
        targets = (json["targets"]?.array ?? []).map { target in
            target["topic"]?.string
                ?? (target["webhook"] ?? target["bus"]).flatMap(PushAddress.text) ?? target.description
        }
        matched = fields.optionalInteger("matches")
        self.json = json
    }
}

/// What a pattern says to an event.
public struct RuleTest: Sendable, Hashable {
    /// Whether it matches.
    public var matched: Bool
    /// What each condition of the pattern expected and found, as it came.
    public var leaves: [JSONValue]
    /// What else there is to say, if anything.
    public var note: String?
    /// What the target would get, if a transformation was tried and could be done.
    public var transformed: JSONValue?
    /// Why it could not.
    public var failure: String?
    /// The answer as it came.
    public var json: JSONValue

    init(_ json: JSONValue) throws(ApusClientError) {
        guard let matched = json["matched"]?.bool else { throw .unexpected("it has no member 'matched'") }
        self.matched = matched
        leaves = json["leaves"]?.array ?? []
        note = json["note"]?.string
        transformed = json["transformed"].flatMap { $0 == .null ? nil : $0 }
        failure = json["failure"]?.string
        self.json = json
    }
}

/// One step of trying a rule over stored events.
public struct RuleTrialStep: Sendable, Hashable {
    /// Events looked at.
    public var looked: Int64
    /// Events that matched.
    public var matched: Int64
    /// How often something that cannot be read was passed over.
    public var unreadable: Int64
    /// The first that matched, each with its destinations, as they came.
    public var events: [JSONValue]
    /// What is left, to be sent back as `rest`; empty at the end.
    public var rest: [JSONValue]

    init(_ json: JSONValue) throws(ApusClientError) {
        let fields = try JSONFields(json, "a trial")
        looked = try fields.integer("looked")
        matched = try fields.integer("matched")
        unreadable = fields.optionalInteger("unreadable") ?? 0
        events = json["events"]?.array ?? []
        rest = json["rest"]?.array ?? []
    }
}

extension ApusClient {
    /// Tells which stored events a rule would match and where they would go: one step, of which the answer says what is left.
    public func tryRule(_ trial: JSONObject) async throws(ApusClientError) -> RuleTrialStep {
        var request = APIRequest(.post, "v1", "rules", "try")
        request.setBody(.object(trial))
        return try RuleTrialStep(try await send(request).json())
    }

    /// A page of the rules, by name; those of one topic only, if given.
    public func rules(
        of topic: String? = nil, limit: Int? = nil, after: String? = nil
    ) async throws(ApusClientError) -> Page<RuleInfo> {
        var request = APIRequest(.get, "v1", "rules")
        request.add("topic", topic)
        return try await page(request, member: "rules", limit: limit, after: after, RuleInfo.init)
    }

    /// One rule.
    public func rule(_ name: String) async throws(ApusClientError) -> RuleInfo {
        try RuleInfo(try await send(APIRequest(.get, "v1", "rules", name)).json())
    }

    /// Creates a rule, or replaces it.
    public func putRule(
        _ name: String, _ settings: JSONObject
    ) async throws(ApusClientError) -> Stored<RuleInfo> {
        try await put(APIRequest(.put, "v1", "rules", name), settings, RuleInfo.init)
    }

    /// Deletes a rule.
    public func deleteRule(_ name: String) async throws(ApusClientError) {
        _ = try await send(APIRequest(.delete, "v1", "rules", name))
    }

    /// Tries a pattern on an event, and says why.
    public func testPattern(
        _ pattern: JSONValue, on event: JSONValue, transformation: JSONValue? = nil, rule: String? = nil,
        topic: String? = nil
    ) async throws(ApusClientError) -> RuleTest {
        var request = APIRequest(.post, "v1", "rules", "test")
        var body = JSONObject()
        body["pattern"] = pattern
        body["event"] = event
        body["transformation"] = transformation
        body["rule"] = rule.map { .string($0) }
        body["topic"] = topic.map { .string($0) }
        request.setBody(.object(body))
        return try RuleTest(try await send(request).json())
    }
}
