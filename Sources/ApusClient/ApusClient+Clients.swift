// SPDX-License-Identifier: Apache-2.0

// Clients that are connected to the server.

public import JSONText

/// A client that is connected.
public struct ClientInfo: Sendable, Hashable {
    /// What its connection is known by.
    public var id: String
    /// What it speaks: `http` or `kafka`.
    public var service: String
    /// Where it comes from.
    public var address: String
    /// What it calls itself.
    public var client: String?
    /// The library that it says it uses.
    public var software: String?
    /// What it asked for last.
    public var lastRequest: String?
    /// Since when it is connected, as the server wrote it.
    public var since: String
    /// Requests so far.
    public var requests: Int64
    /// Topics that it has worked with.
    public var topics: [String]
    /// Groups that it has taken part in.
    public var groups: [String]
    /// The answer as it came.
    public var json: JSONValue

    /// Reads a client of the API's list.
    public init(_ json: JSONValue) throws(ApusClientError) {
        let fields = try JSONFields(json, "a client")
        id = try fields.string("id")
        service = try fields.string("service")
        address = try fields.string("address")
        client = fields.optionalString("client")
        software = fields.optionalString("software")
        lastRequest = fields.optionalString("last_request")
        since = try fields.string("since")
        requests = try fields.integer("requests")
        topics = try fields.array("topics").compactMap(\.string)
        groups = try fields.array("groups").compactMap(\.string)
        self.json = json
    }
}

extension ApusClient {
    /// A page of the clients that are connected, by id.
    ///
    /// - Parameter search: only those with this in an address, a name, a topic or a group.
    public func clients(
        search: String? = nil, limit: Int? = nil, after: String? = nil
    ) async throws(ApusClientError) -> Page<ClientInfo> {
        var request = APIRequest(.get, "v1", "clients")
        request.add("search", search)
        return try await page(request, member: "clients", limit: limit, after: after, ClientInfo.init)
    }

    /// Closes a client's connection.
    public func disconnectClient(_ id: String) async throws(ApusClientError) {
        _ = try await send(APIRequest(.delete, "v1", "clients", id))
    }
}
