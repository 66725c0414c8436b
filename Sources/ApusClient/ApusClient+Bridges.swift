// SPDX-License-Identifier: Apache-2.0

// Connections to outside brokers, and feeds from them.

internal import ApusModel
public import JSONText

/// Where a push goes, as text.
enum PushAddress {
    /// The URL, or `connection/topic`; nil for what is neither.
    static func text(_ push: JSONValue) -> String? {
        if let url = push["url"]?.string { return url }
        guard let connection = push["connection"]?.string, let topic = push["topic"]?.string else {
            return nil
        }
        return "\(connection)/\(topic)"
    }
}

/// A connection to an outside broker, as the server tells of it.
public struct ConnectionInfo: Sendable, Hashable {
    /// Its name.
    public var name: String
    /// The broker's URL, its secrets masked.
    public var url: String
    /// `unused`, `connecting`, `connected` or `failing`.
    public var state: String
    /// Why it fails.
    public var failure: String?
    /// How many feeds, rules and subscriptions use it.
    public var uses: Int64
    /// The answer as it came.
    public var json: JSONValue

    /// Reads a connection of the API's answers.
    public init(_ json: JSONValue) throws(ApusClientError) {
        let fields = try JSONFields(json, "a connection")
        name = try fields.string("name")
        url = try fields.string("url")
        state = try fields.string("state")
        failure = fields.optionalString("failure")
        uses = try fields.integer("uses")
        self.json = json
    }
}

/// A feed, as the server tells of it.
public struct FeedInfo: Sendable, Hashable {
    /// Its name.
    public var name: String
    /// The connection that it takes events by.
    public var connection: String
    /// The outside topic or queue.
    public var source: String
    /// The topic that it publishes to.
    public var into: String
    /// `paused`, `connecting`, `running`, `blocked` or `waiting`.
    public var state: String
    /// What last went wrong.
    public var lastFailure: String?
    /// Events taken since the server started.
    public var received: Int64
    /// Events published since the server started.
    public var published: Int64
    /// Events given up since the server started.
    public var refused: Int64
    /// How long the last event had waited at its source.
    public var lag: String?
    /// The answer as it came.
    public var json: JSONValue

    /// Reads a feed of the API's answers.
    public init(_ json: JSONValue) throws(ApusClientError) {
        let fields = try JSONFields(json, "a feed")
        name = try fields.string("name")
        connection = try fields.string("connection")
        source = fields.optionalString("from") ?? fields.optionalString("queue") ?? "-"
        into = try fields.string("into")
        state = try fields.string("state")
        lastFailure = fields.optionalString("last_failure")
        received = try fields.integer("received")
        published = try fields.integer("published")
        refused = try fields.integer("refused")
        lag = fields.optionalString("lag")
        self.json = json
    }
}

extension ApusClient {
    /// A page of the connections, by name.
    public func connections(
        limit: Int? = nil, after: String? = nil
    ) async throws(ApusClientError) -> Page<ConnectionInfo> {
        try await page(
            APIRequest(.get, "v1", "connections"), member: "connections", limit: limit, after: after,
            ConnectionInfo.init)
    }

    /// One connection.
    public func connection(_ name: String) async throws(ApusClientError) -> ConnectionInfo {
        try ConnectionInfo(try await send(APIRequest(.get, "v1", "connections", name)).json())
    }

    /// Creates a connection, or replaces it.
    public func putConnection(
        _ name: String, url: String
    ) async throws(ApusClientError) -> Stored<ConnectionInfo> {
        var settings = JSONObject()
        settings["url"] = .string(url)
        return try await put(APIRequest(.put, "v1", "connections", name), settings, ConnectionInfo.init)
    }

    /// Deletes a connection.
    public func deleteConnection(_ name: String) async throws(ApusClientError) {
        _ = try await send(APIRequest(.delete, "v1", "connections", name))
    }

    /// A page of the feeds, by name.
    public func feeds(
        limit: Int? = nil, after: String? = nil
    ) async throws(ApusClientError) -> Page<FeedInfo> {
        try await page(
            APIRequest(.get, "v1", "feeds"), member: "feeds", limit: limit, after: after, FeedInfo.init)
    }

    /// One feed.
    public func feed(_ name: String) async throws(ApusClientError) -> FeedInfo {
        try FeedInfo(try await send(APIRequest(.get, "v1", "feeds", name)).json())
    }

    /// Creates a feed, or replaces it.
    public func putFeed(
        _ name: String, _ settings: JSONObject
    ) async throws(ApusClientError) -> Stored<FeedInfo> {
        try await put(APIRequest(.put, "v1", "feeds", name), settings, FeedInfo.init)
    }

    /// Has a feed take nothing, or go on.
    public func pauseFeed(_ name: String, _ isPaused: Bool) async throws(ApusClientError) -> FeedInfo {
        let verb = isPaused ? "pause" : "resume"
        return try FeedInfo(try await send(APIRequest(.post, "v1", "feeds", name, verb)).json())
    }

    /// Deletes a feed.
    public func deleteFeed(_ name: String) async throws(ApusClientError) {
        _ = try await send(APIRequest(.delete, "v1", "feeds", name))
    }
}
