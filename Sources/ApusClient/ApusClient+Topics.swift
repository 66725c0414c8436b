// SPDX-License-Identifier: Apache-2.0

// Topics and their settings.

public import JSONText

/// A topic, as the server tells of it.
public struct TopicInfo: Sendable, Hashable {
    /// One of its partitions.
    public struct Partition: Sendable, Hashable {
        /// The first offset kept.
        public var start: Int64
        /// The offset that the next event gets.
        public var end: Int64
        /// Bytes kept.
        public var bytes: Int64
    }

    /// Its name.
    public var name: String
    /// How many partitions it has.
    public var partitionCount: Int
    /// When a publish is acknowledged: `flush`, `none` or an interval.
    public var durability: String
    /// How long events are kept, as the API spells it; nil for ever.
    public var retentionAge: String?
    /// Bytes kept per partition; nil for no limit.
    public var retentionBytes: Int64?
    /// When it was made (RFC 3339).
    public var created: String?
    /// Its partitions as they stand; empty where the answer was only about settings.
    public var partitions: [Partition]
    /// The answer as it came.
    public var json: JSONValue

    /// Reads a topic of the API's answers.
    public init(_ json: JSONValue) throws(ApusClientError) {
        let fields = try JSONFields(json, "a topic")
        name = try fields.string("name")
        partitions = try (json["positions"]?.array ?? []).decoded {
            json throws(ApusClientError) in
            let fields = try JSONFields(json, "a partition")
            return Partition(
                start: try fields.integer("start"), end: try fields.integer("end"),
                bytes: fields.optionalInteger("bytes") ?? 0)
        }
        partitionCount = Int(try fields.integer("partitions"))
        durability = try fields.string("durability")
        retentionAge = json["retention"]?["age"]?.string
        retentionBytes = json["retention"]?["bytes"]?.int64
        created = fields.optionalString("created")
        self.json = json
    }

    /// Events kept, as far as offsets tell; nil where the answer was only about settings.
    public var events: Int64? { partitions.isEmpty ? nil : partitions.reduce(0) { $0 + $1.end - $1.start } }
    /// Bytes kept; nil where the answer was only about settings.
    public var bytes: Int64? { partitions.isEmpty ? nil : partitions.reduce(0) { $0 + $1.bytes } }
}

/// The answer to a request that creates or changes.
public struct Stored<Value: Sendable>: Sendable {
    /// What there is now.
    public var value: Value
    /// Whether it is new.
    public var created: Bool
}

extension ApusClient {
    /// A page of the topics, by name.
    public func topics(
        limit: Int? = nil, after: String? = nil
    ) async throws(ApusClientError) -> Page<TopicInfo> {
        try await page(
            APIRequest(.get, "v1", "topics"), member: "topics", limit: limit, after: after, TopicInfo.init)
    }

    /// One topic.
    public func topic(_ name: String) async throws(ApusClientError) -> TopicInfo {
        try TopicInfo(try await send(APIRequest(.get, "v1", "topics", name)).json())
    }

    /// Creates a topic, or changes the settings that are named.
    public func putTopic(
        _ name: String, _ settings: JSONObject = JSONObject()
    ) async throws(ApusClientError) -> Stored<TopicInfo> {
        try await put(APIRequest(.put, "v1", "topics", name), settings, TopicInfo.init)
    }

    /// Deletes a topic with all its events; with `cascade` also the rules and subscriptions that use it.
    public func deleteTopic(_ name: String, cascade: Bool = false) async throws(ApusClientError) {
        var request = APIRequest(.delete, "v1", "topics", name)
        request.add("cascade", cascade ? "true" : nil)
        _ = try await send(request)
    }

    /// Forgets events of a topic: those before a position, or all that are there; of one partition, or of all.
    public func purgeTopic(
        _ name: String, partition: Int? = nil, before position: Position? = nil
    ) async throws(ApusClientError) -> TopicInfo {
        var request = APIRequest(.post, "v1", "topics", name, "purge")
        var body = JSONObject()
        if let partition { body["partition"] = .number(JSONNumber(Int64(partition))) }
        if let position { body["before"] = .string(position.description) }
        request.setBody(.object(body))
        return try TopicInfo(try await send(request).json())
    }

    /// Sends settings and reads what there is now.
    func put<Value: Sendable>(
        _ request: APIRequest, _ settings: JSONObject, _ decode: (JSONValue) throws(ApusClientError) -> Value
    ) async throws(ApusClientError) -> Stored<Value> {
        var request = request
        request.setBody(.object(settings))
        let answer = try await send(request)
        return Stored(value: try decode(try answer.json()), created: answer.status == 201)
    }
}
