// SPDX-License-Identifier: Apache-2.0

// Consumer groups of Kafka clients: their members and how far they are.

public import JSONText

/// A consumer group in a list.
public struct GroupInfo: Sendable, Hashable {
    /// Its name.
    public var name: String
    /// `classic`, `consumer` or `share`.
    public var kind: String
    /// `Stable`, `Empty` and so on.
    public var state: String
    /// How many members it has.
    public var memberCount: Int
    /// The topics that it has positions in.
    public var topics: [String]
    /// Events between its positions and the ends.
    public var lag: Int64
    /// The answer as it came.
    public var json: JSONValue

    /// Reads a group of the API's list.
    public init(_ json: JSONValue) throws(ApusClientError) {
        let fields = try JSONFields(json, "a group")
        name = try fields.string("name")
        kind = try fields.string("kind")
        state = try fields.string("state")
        memberCount = Int(try fields.integer("members"))
        topics = try fields.array("topics").compactMap(\.string)
        lag = try fields.integer("lag")
        self.json = json
    }
}

/// A consumer group with its members and positions.
public struct GroupDetail: Sendable, Hashable {
    /// One of its members.
    public struct Member: Sendable, Hashable {
        /// As the coordinator named it.
        public var id: String
        /// The name that a static member keeps.
        public var instance: String?
        /// What the client calls itself.
        public var client: String
        /// Where it comes from.
        public var host: String
        /// How many partitions it has.
        public var partitionCount: Int
    }

    /// How far it is in one partition.
    public struct Position: Sendable, Hashable {
        /// The topic.
        public var topic: String
        /// The partition.
        public var partition: Int64
        /// What is committed; nil for nothing.
        public var committed: Int64?
        /// Where the partition ends.
        public var end: Int64?
        /// What is between.
        public var lag: Int64?
        /// The id of the member that has the partition.
        public var member: String?
    }

    /// Its name.
    public var name: String
    /// `classic`, `consumer` or `share`.
    public var kind: String
    /// `Stable`, `Empty` and so on.
    public var state: String
    /// Its members.
    public var members: [Member]
    /// How far it is.
    public var positions: [Position]
    /// The answer as it came.
    public var json: JSONValue

    /// Reads a group of the API's answers.
    public init(_ json: JSONValue) throws(ApusClientError) {
        let fields = try JSONFields(json, "a group")
        name = try fields.string("name")
        kind = try fields.string("kind")
        state = try fields.string("state")
        members = try fields.array("members").decoded { json throws(ApusClientError) in
            let fields = try JSONFields(json, "a member")
            return Member(
                id: try fields.string("id"), instance: fields.optionalString("instance"),
                client: try fields.string("client"), host: try fields.string("host"),
                partitionCount: try fields.array("partitions").count)
        }
        positions = try fields.array("positions").decoded { json throws(ApusClientError) in
            let fields = try JSONFields(json, "a position")
            return Position(
                topic: try fields.string("topic"), partition: try fields.integer("partition"),
                committed: fields.optionalInteger("committed"), end: fields.optionalInteger("end"),
                lag: fields.optionalInteger("lag"), member: fields.optionalString("member"))
        }
        self.json = json
    }
}

extension ApusClient {
    /// A page of the consumer groups, by name.
    public func groups(
        limit: Int? = nil, after: String? = nil
    ) async throws(ApusClientError) -> Page<GroupInfo> {
        try await page(
            APIRequest(.get, "v1", "groups"), member: "groups", limit: limit, after: after, GroupInfo.init)
    }

    /// One consumer group.
    public func group(_ name: String) async throws(ApusClientError) -> GroupDetail {
        try GroupDetail(try await send(APIRequest(.get, "v1", "groups", name)).json())
    }

    /// Moves the positions of a group that has no members, or tells what that would change; the answer as it came.
    ///
    /// - Parameters:
    ///   - topic: only there; in all topics that the group has positions in if nil.
    ///   - partition: only this one of the topic.
    public func resetGroup(
        _ name: String, topic: String?, partition: Int?, to position: Position, isDryRun: Bool
    ) async throws(ApusClientError) -> JSONValue {
        var request = APIRequest(.post, "v1", "groups", name, "reset")
        var body = JSONObject()
        body["to"] = .string(position.description)
        body["topic"] = topic.map { .string($0) }
        body["partition"] = partition.map { .number(JSONNumber($0)) }
        if isDryRun { body["dry_run"] = true }
        request.setBody(.object(body))
        return try await send(request).json()
    }

    /// Forgets a group that has no members.
    public func deleteGroup(_ name: String) async throws(ApusClientError) {
        _ = try await send(APIRequest(.delete, "v1", "groups", name))
    }
}
