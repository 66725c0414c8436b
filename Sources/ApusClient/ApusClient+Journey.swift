// SPDX-License-Identifier: Apache-2.0

// The way of single events: looking for them, their journeys, and attempts to deliver.

public import JSONText

/// Which attempts to deliver are looked for: those that are everything that is given.
public struct AttemptSearch: Sendable, Hashable {
    /// Only attempts to deliver to this subscription.
    public var subscription: String?
    /// Only those that failed.
    public var failedOnly = false
    /// Only those that the target answered with this status.
    public var status: Int?
    /// Only those in whose reason this text occurs.
    public var reason: String?
    /// Only those that ended at or after this time: RFC 3339, or a duration back from now.
    public var since: String?

    /// All attempts.
    public init() {}
}

/// Which events are looked for: those that are everything that is given.
public struct EventSearch: Sendable, Hashable {
    /// Only in these topics; empty for all.
    public var topics: [String] = []
    /// Only events with this id.
    public var id: String?
    /// Only events with this key.
    public var key: String?
    /// Only events of this chain.
    public var correlation: String?
    /// Only events that the one with this id caused.
    public var causation: String?
    /// Only events that have this text in an attribute or the data.
    public var text: String?
    /// Only events that came at or after this time (RFC 3339), or since so long ago (`1h`).
    public var since: String?
    /// Only events that came before this time.
    public var until: String?

    /// All events.
    public init() {}
}

/// One step of a search.
public struct FoundEvents: Sendable {
    /// What was found, per partition the newest first.
    public var events: [StoredEvent]
    /// How many events were looked at.
    public var looked: Int64
    /// Where to go on; nil when all were looked at.
    public var rest: String?
}

extension ApusClient {
    /// The way of one event, as it comes.
    public func journey(
        of topic: String, partition: Int, offset: Int64, explaining: Bool = false
    ) async throws(ApusClientError) -> JSONValue {
        var request = APIRequest(.get, "v1", "topics", topic, "journey")
        request.add("partition", String(partition))
        request.add("offset", String(offset))
        if explaining { request.add("explain", "true") }
        return try await send(request).json()
    }

    /// Looks for events; one step, `rest` of which is where the next begins.
    public func findEvents(
        _ search: EventSearch, limit: Int, rest: String? = nil
    ) async throws(ApusClientError) -> FoundEvents {
        var request = APIRequest(.get, "v1", "events")
        for topic in search.topics { request.add("topic", topic) }
        request.add("id", search.id)
        request.add("key", search.key)
        request.add("correlation", search.correlation)
        request.add("causation", search.causation)
        request.add("text", search.text)
        request.add("since", search.since)
        request.add("until", search.until)
        request.add("limit", String(limit))
        request.add("rest", rest)
        let fields = try JSONFields(try await send(request).json(), "an answer to a search")
        return FoundEvents(
            events: try fields.array("events").decoded(StoredEvent.init),
            looked: try fields.integer("looked"), rest: fields.optionalString("rest"))
    }

    /// Attempts to deliver, newest first, as they come.
    public func attempts(
        _ search: AttemptSearch, limit: Int, before: Int64? = nil
    ) async throws(ApusClientError) -> (attempts: [JSONValue], next: Int64?) {
        var request = APIRequest(.get, "v1", "attempts")
        request.add("subscription", search.subscription)
        if search.failedOnly { request.add("failed", "true") }
        request.add("status", search.status.map { String($0) })
        request.add("reason", search.reason)
        request.add("since", search.since)
        request.add("limit", String(limit))
        request.add("before", before.map { String($0) })
        let fields = try JSONFields(try await send(request).json(), "a list of attempts")
        return (try fields.array("attempts"), fields.optionalInteger("next"))
    }
}
