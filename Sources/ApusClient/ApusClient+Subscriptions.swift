// SPDX-License-Identifier: Apache-2.0

// Subscriptions: what is decided about them, and where they stand.

public import JSONText

/// A subscription, as the server tells of it.
public struct SubscriptionInfo: Sendable, Hashable {
    /// Its name.
    public var name: String
    /// The topic that it reads.
    public var topic: String
    /// `shared` or `cursor`.
    public var kind: String
    /// Where Apus delivers by itself; nil when consumers receive.
    public var pushURL: String?
    /// `closed`, `open` or `probing`: whether Apus delivers now, or leaves a failing receiver alone; nil when consumers receive.
    public var circuit: String?
    /// Whether handing out is stopped.
    public var isPaused: Bool
    /// Events neither settled nor handed out.
    public var backlog: Int64?
    /// Leased now.
    public var inFlight: Int64?
    /// Waiting for a retry.
    public var waiting: Int64?
    /// When the oldest event that is not settled arrived (RFC 3339).
    public var oldestUnsettled: String?
    /// Dead-lettered since the server started.
    public var deadLettered: Int64?
    /// Whether it has an end and everything before that is settled.
    public var isComplete: Bool
    /// The answer as it came.
    public var json: JSONValue

    /// Reads a subscription of the API's answers.
    public init(_ json: JSONValue) throws(ApusClientError) {
        let fields = try JSONFields(json, "a subscription")
        name = try fields.string("name")
        topic = try fields.string("topic")
        kind = fields.optionalString("kind") ?? "shared"
        pushURL = json["push"].flatMap(PushAddress.text)
        circuit = json["circuit"]?["state"]?.string
        isPaused = fields.optionalBool("paused") ?? false
        backlog = fields.optionalInteger("backlog")
        inFlight = fields.optionalInteger("in_flight")
        waiting = fields.optionalInteger("waiting")
        oldestUnsettled = fields.optionalString("oldest_unsettled")
        deadLettered = fields.optionalInteger("dead_lettered")
        isComplete = fields.optionalBool("complete") ?? false
        self.json = json
    }
}

extension ApusClient {
    /// A page of the subscriptions, by name; those of one topic only, if given.
    public func subscriptions(
        of topic: String? = nil, limit: Int? = nil, after: String? = nil
    ) async throws(ApusClientError) -> Page<SubscriptionInfo> {
        var request = APIRequest(.get, "v1", "subscriptions")
        request.add("topic", topic)
        return try await page(
            request, member: "subscriptions", limit: limit, after: after, SubscriptionInfo.init)
    }

    /// One subscription.
    public func subscription(_ name: String) async throws(ApusClientError) -> SubscriptionInfo {
        try SubscriptionInfo(try await send(APIRequest(.get, "v1", "subscriptions", name)).json())
    }

    /// Creates a subscription, or changes the settings that are named.
    public func putSubscription(
        _ name: String, _ settings: JSONObject
    ) async throws(ApusClientError) -> Stored<SubscriptionInfo> {
        try await put(APIRequest(.put, "v1", "subscriptions", name), settings, SubscriptionInfo.init)
    }

    /// Deletes a subscription.
    public func deleteSubscription(_ name: String) async throws(ApusClientError) {
        _ = try await send(APIRequest(.delete, "v1", "subscriptions", name))
    }

    /// Moves a subscription; what was settled from there on comes again.
    public func replay(_ subscription: String, from position: Position) async throws(ApusClientError) {
        var request = APIRequest(.post, "v1", "subscriptions", subscription, "replay")
        request.setBody(["from": .string(position.description)])
        _ = try await send(request)
    }

    /// Hands out once more what lies between two positions, beside what is new.
    public func replay(
        _ subscription: String, from start: Position, to end: Position
    ) async throws(ApusClientError) {
        var request = APIRequest(.post, "v1", "subscriptions", subscription, "replay")
        request.setBody(["from": .string(start.description), "to": .string(end.description)])
        _ = try await send(request)
    }

    /// What a replay would do, as the API tells it: `positions`, each with `partition`, `cursor`, `to`, `again` and `skipped`.
    public func previewReplay(
        _ subscription: String, from start: Position, to end: Position? = nil
    ) async throws(ApusClientError) -> JSONValue {
        var request = APIRequest(.get, "v1", "subscriptions", subscription, "replay")
        request.add("from", start.description)
        request.add("to", end?.description)
        return try await send(request).json()
    }

    /// Has what waits for its next attempt handed out now: all of it, only events at these places (`topic/partition/offset`), or only those
    /// that came at or after a time (RFC 3339, or a duration back from now).
    ///
    /// - Returns: how many events did wait, and whether a receiver that was left alone is tried again at once.
    public func retryNow(
        _ subscription: String, events: [String]? = nil, since: String? = nil
    ) async throws(ApusClientError) -> (retried: Int64, isProbed: Bool) {
        var request = APIRequest(.post, "v1", "subscriptions", subscription, "retry")
        var body = JSONObject()
        body["events"] = events.map { .array($0.map { .string($0) }) }
        body["since"] = since.map { .string($0) }
        if events != nil || since != nil { request.setBody(.object(body)) }
        let answer = try await send(request).json()
        return (answer["retried"]?.int64 ?? 0, answer["probed"]?.bool ?? false)
    }

    /// Sends one event to where a subscription pushes, beside everything else: nothing is stored or counted.
    ///
    /// - Parameter event: what is sent, as CloudEvents JSON; nil for an event that says of itself that it is a test.
    /// - Returns: how it ended, what was sent and what came back, as the API tells it.
    public func testPush(
        _ subscription: String, event: JSONValue? = nil
    ) async throws(ApusClientError) -> JSONValue {
        var request = APIRequest(.post, "v1", "subscriptions", subscription, "test")
        if let event { request.setBody(["event": event]) }
        // A question for consent and an attempt may each take as long as a push may.
        request.timeout = .seconds(2 * 300 + 10)
        return try await send(request).json()
    }

    /// Has the server make a new secret and sign with it too.
    ///
    /// - Returns: the secret, which is not told again, and all that requests are signed with now, masked, the newest first.
    public func rotateSecret(
        _ subscription: String
    ) async throws(ApusClientError) -> (secret: String, inUse: [String]) {
        let answer = try await send(
            APIRequest(.post, "v1", "subscriptions", subscription, "rotate-secret")
        ).json()
        return (try JSONFields(answer, "a new secret").string("secret"), Self.secrets(answer))
    }

    /// Has the server sign with the newest secret alone.
    ///
    /// - Returns: what requests are signed with now, masked.
    public func retireSecrets(_ subscription: String) async throws(ApusClientError) -> [String] {
        Self.secrets(
            try await send(APIRequest(.post, "v1", "subscriptions", subscription, "retire-secrets")).json())
    }

    private static func secrets(_ answer: JSONValue) -> [String] {
        answer["secrets"]?.array?.compactMap(\.string) ?? []
    }

    /// Stops handing out.
    public func pause(_ subscription: String) async throws(ApusClientError) {
        _ = try await send(APIRequest(.post, "v1", "subscriptions", subscription, "pause"))
    }

    /// Starts handing out again.
    public func resume(_ subscription: String) async throws(ApusClientError) {
        _ = try await send(APIRequest(.post, "v1", "subscriptions", subscription, "resume"))
    }

    /// Cursor kind: everything of the partition before `offset` is done.
    public func commit(
        _ subscription: String, partition: Int = 0, offset: Int64
    ) async throws(ApusClientError) {
        var request = APIRequest(.post, "v1", "subscriptions", subscription, "commit")
        request.setBody(["partition": .number(JSONNumber(partition)), "offset": .number(JSONNumber(offset))])
        _ = try await send(request)
    }
}
