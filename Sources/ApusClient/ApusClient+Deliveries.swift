// SPDX-License-Identifier: Apache-2.0

// Receiving under a lease, and settling.

import ApusModel
public import JSONText

/// An event handed out under a lease.
public struct Delivery: Sendable, Hashable {
    /// The lease, to settle with.
    public var lease: String
    /// Which try this is, from 1.
    public var attempt: Int
    /// The last try there will be, if the server says.
    public var attemptsMax: Int?
    /// When the lease ends unless it is extended (RFC 3339).
    public var deadline: String?
    /// The event and its place.
    public var stored: StoredEvent

    init(_ json: JSONValue) throws(ApusClientError) {
        let fields = try JSONFields(json, "a delivery")
        lease = try fields.string("lease")
        attempt = Int(try fields.integer("attempt"))
        attemptsMax = fields.optionalInteger("max_attempts").map(Int.init)
        deadline = fields.optionalString("deadline")
        stored = try StoredEvent(json)
    }
}

/// What became of a verdict on a lease.
public struct SettleResult: Sendable, Hashable {
    /// The lease.
    public var lease: String
    /// Whether the verdict counts; if not, the lease had ended and the event goes, or went, to somebody else.
    public var isOK: Bool
    /// The result as it came.
    public var json: JSONValue

    init(_ json: JSONValue) throws(ApusClientError) {
        let fields = try JSONFields(json, "a result")
        lease = try fields.string("lease")
        isOK = try fields.string("status") == "ok"
        self.json = json
    }
}

extension ApusClient {
    /// Leases events of a subscription.
    ///
    /// - Parameters:
    ///   - subscription: of the shared kind.
    ///   - max: the most events; nil for the server's default.
    ///   - wait: how long to wait for the first, up to 30 s.
    ///   - lease: how long they are kept from others; nil for the subscription's own.
    public func receive(
        _ subscription: String, max: Int? = nil, wait: Duration = .zero, lease: Duration? = nil
    ) async throws(ApusClientError) -> [Delivery] {
        var body = JSONObject()
        body["max"] = max.map { .number(JSONNumber($0)) }
        if wait > .zero { body["wait"] = .string(DurationText.format(wait)) }
        body["lease"] = lease.map { .string(DurationText.format($0)) }
        var request = APIRequest(.post, "v1", "subscriptions", subscription, "receive")
        request.setBody(.object(body))
        request.wait = wait
        let answer = try JSONFields(try await send(request).json(), "an answer to receive")
        return try answer.array("deliveries").decoded(Delivery.init)
    }

    /// Done: the events do not come again.
    public func acknowledge(
        _ leases: [String], of subscription: String
    ) async throws(ApusClientError) -> [SettleResult] {
        try await settle("ack", leases, subscription, JSONObject())
    }

    /// Back to their place, after `delay`; when not `counted`, the attempt is given back.
    public func release(
        _ leases: [String], of subscription: String, delay: Duration? = nil, counted: Bool = true
    ) async throws(ApusClientError) -> [SettleResult] {
        var body = JSONObject()
        body["delay"] = delay.map { .string(DurationText.format($0)) }
        body["counted"] = .bool(counted)
        return try await settle("release", leases, subscription, body)
    }

    /// To the dead letters, now.
    public func reject(
        _ leases: [String], of subscription: String, reason: String? = nil
    ) async throws(ApusClientError) -> [SettleResult] {
        var body = JSONObject()
        body["reason"] = reason.map { .string($0) }
        return try await settle("reject", leases, subscription, body)
    }

    /// Not yet done: the leases end this long from now.
    public func extend(
        _ leases: [String], of subscription: String, lease: Duration
    ) async throws(ApusClientError) -> [SettleResult] {
        var body = JSONObject()
        body["lease"] = .string(DurationText.format(lease))
        return try await settle("extend", leases, subscription, body)
    }

    private func settle(
        _ verb: String, _ leases: [String], _ subscription: String, _ extra: JSONObject
    ) async throws(ApusClientError) -> [SettleResult] {
        var body = JSONObject()
        body["leases"] = .array(leases.map { .string($0) })
        for member in extra.members { body[member.name] = member.value }
        var request = APIRequest(.post, "v1", "subscriptions", subscription, verb)
        request.setBody(.object(body))
        let answer = try JSONFields(try await send(request).json(), "an answer to \(verb)")
        return try answer.array("results").decoded(SettleResult.init)
    }
}
