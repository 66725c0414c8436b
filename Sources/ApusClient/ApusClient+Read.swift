// SPDX-License-Identifier: Apache-2.0

// Reading a partition from a place on.

import ApusModel
public import JSONText

/// An event as it stands in a topic.
public struct StoredEvent: Sendable, Hashable {
    /// The topic; nil where the question had named it.
    public var topic: String?
    /// The partition.
    public var partition: Int
    /// Its place in the partition.
    public var offset: Int64
    /// When it arrived (RFC 3339).
    public var time: String
    /// Its key, if it has one.
    public var key: String?
    /// The event itself.
    public var event: EventDocument
    /// The whole entry as it came.
    public var json: JSONValue

    /// Reads an entry of the API's answers.
    public init(_ json: JSONValue) throws(ApusClientError) {
        let fields = try JSONFields(json, "a stored event")
        topic = fields.optionalString("topic")
        partition = Int(try fields.integer("partition"))
        offset = try fields.integer("offset")
        time = fields.optionalString("time") ?? ""
        key = fields.optionalString("key")
        event = EventDocument(try fields.value("event"))
        self.json = json
    }
}

/// A range of a partition.
public struct ReadResult: Sendable {
    /// The events, in order.
    public var events: [StoredEvent]
    /// Where to go on.
    public var next: Int64
    /// Where the partition ended when it was read.
    public var end: Int64

    init(_ json: JSONValue) throws(ApusClientError) {
        let fields = try JSONFields(json, "an answer to a read")
        events = try fields.array("events").decoded(StoredEvent.init)
        next = try fields.integer("next")
        end = try fields.integer("end")
    }
}

extension ApusClient {
    /// Events of a partition from a place on.
    ///
    /// - Parameters:
    ///   - topic: the topic.
    ///   - partition: the partition, from 0.
    ///   - from: where to begin.
    ///   - limit: the most events, 1 to 1000; nil for the server's default.
    ///   - wait: how long to wait for the first event, up to 30 s.
    ///   - pattern: only events that match it.
    public func read(
        _ topic: String, partition: Int = 0, from: Position = .earliest, limit: Int? = nil,
        wait: Duration = .zero, pattern: JSONValue? = nil
    ) async throws(ApusClientError) -> ReadResult {
        var request = APIRequest(.get, "v1", "topics", topic, "events")
        request.add("from", from.description)
        request.add("pattern", pattern?.description)
        return try await read(request, partition, limit, wait)
    }

    /// Events of a subscription of the cursor kind, from its committed position on.
    public func read(
        subscription: String, partition: Int = 0, limit: Int? = nil, wait: Duration = .zero
    ) async throws(ApusClientError) -> ReadResult {
        try await read(
            APIRequest(.get, "v1", "subscriptions", subscription, "events"), partition, limit, wait)
    }

    private func read(
        _ request: APIRequest, _ partition: Int, _ limit: Int?, _ wait: Duration
    ) async throws(ApusClientError) -> ReadResult {
        var request = request
        request.add("partition", String(partition))
        request.add("limit", limit.map(String.init))
        if wait > .zero { request.add("wait", DurationText.format(wait)) }
        request.wait = wait
        return try ReadResult(try await send(request).json())
    }
}
