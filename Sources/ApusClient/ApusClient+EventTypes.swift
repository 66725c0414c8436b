// SPDX-License-Identifier: Apache-2.0

// The catalogue of events, what is proposed from it, and the system as an AsyncAPI document.

public import JSONText

/// A type of events, as the server tells of it.
public struct EventTypeInfo: Sendable, Hashable {
    /// The attribute `type`.
    public var type: String
    /// Whether somebody has said something about it.
    public var isDeclared: Bool
    /// Whether it was seen in a topic.
    public var isDiscovered: Bool
    /// Whom to ask about it.
    public var owner: String?
    /// What it means.
    public var text: String?
    /// How many events of it were seen.
    public var count: Int64
    /// When the last one was seen (RFC 3339).
    public var last: String?
    /// The topics that it is in.
    public var topics: [String]
    /// The answer as it came.
    public var json: JSONValue

    /// Reads a type of the API's answers.
    public init(_ json: JSONValue) throws(ApusClientError) {
        let fields = try JSONFields(json, "a type of events")
        type = try fields.string("type")
        isDeclared = fields.optionalBool("declared") ?? false
        isDiscovered = fields.optionalBool("discovered") ?? false
        owner = fields.optionalString("owner")
        text = fields.optionalString("description")
        count = fields.optionalInteger("count") ?? 0
        last = fields.optionalString("last")
        // Names in a list, objects where one type is told of.
        topics = (json["topics"]?.array ?? []).compactMap { $0.string ?? $0["topic"]?.string }
        self.json = json
    }
}

extension ApusClient {
    /// A page of the types of events, by name.
    public func eventTypes(
        search: String? = nil, topic: String? = nil, limit: Int? = nil, after: String? = nil
    ) async throws(ApusClientError) -> Page<EventTypeInfo> {
        var request = APIRequest(.get, "v1", "event-types")
        request.add("search", search)
        request.add("topic", topic)
        return try await page(request, member: "event_types", limit: limit, after: after, EventTypeInfo.init)
    }

    /// Everything that is known of a type of events.
    public func eventType(_ type: String) async throws(ApusClientError) -> EventTypeInfo {
        try EventTypeInfo(try await send(APIRequest(.get, "v1", "event-types", type)).json())
    }

    /// Says something about a type of events, in place of what was said before.
    ///
    /// - Parameter declaration: what is said, as the API has it.
    public func declareEventType(
        _ type: String, _ declaration: JSONObject
    ) async throws(ApusClientError) -> Stored<EventTypeInfo> {
        try await put(APIRequest(.put, "v1", "event-types", type), declaration, EventTypeInfo.init)
    }

    /// Takes back what was said about a type of events.
    public func withdrawEventType(_ type: String) async throws(ApusClientError) {
        _ = try await send(APIRequest(.delete, "v1", "event-types", type))
    }

    /// A schema from what lies in a topic; nothing is registered.
    ///
    /// - Parameter settings: what is asked, as the API has it.
    public func proposeSchema(
        for topic: String, _ settings: JSONObject
    ) async throws(ApusClientError) -> JSONValue {
        var request = APIRequest(.post, "v1", "topics", topic, "schema-proposal")
        request.setBody(.object(settings))
        return try await send(request).json()
    }

    /// Topics, types of events, producers and consumers as an AsyncAPI document.
    public func asyncAPI(topic: String? = nil) async throws(ApusClientError) -> JSONValue {
        var request = APIRequest(.get, "v1", "asyncapi")
        request.add("topic", topic)
        return try await send(request).json()
    }
}
