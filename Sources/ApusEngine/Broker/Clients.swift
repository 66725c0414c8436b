// SPDX-License-Identifier: Apache-2.0

// Clients that are connected, as people look at them. Connections are known only to the gateways that have accepted them, which let others look through
// a seam. Nothing of it is kept: a client that has gone is not told of any more.

/// What a client's connection is known by, for as long as it is open; never that of a later one.
public struct ClientID: Sendable, Hashable, Comparable, LosslessStringConvertible {
    /// What is spoken: `http` or `kafka`.
    public var service: String
    /// The event loop that serves it.
    public var loop: Int
    /// Its place there.
    public var place: Int
    /// How many were at that place before.
    public var generation: UInt32

    /// What a connection is known by.
    public init(service: String, loop: Int, place: Int, generation: UInt32) {
        (self.service, self.loop, self.place, self.generation) = (service, loop, place, generation)
    }

    /// Reads `kafka-0-12-3`; nil for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 4, let service = parts.first, !service.isEmpty, let loop = UInt16(parts[1]),
            let place = UInt32(parts[2]), let generation = UInt32(parts[3])
        else { return nil }
        self.init(service: String(service), loop: Int(loop), place: Int(place), generation: generation)
    }

    public var description: String { "\(service)-\(loop)-\(place)-\(generation)" }

    public static func < (left: ClientID, right: ClientID) -> Bool {
        (left.service, left.loop, left.place, left.generation)
            < (right.service, right.loop, right.place, right.generation)
    }
}

/// A client that is connected.
public struct ConnectedClient: Sendable, Hashable {
    /// What its connection is known by.
    public var id: ClientID
    /// Where it comes from, with its port.
    public var address: String
    /// What it calls itself: Kafka's client id, or HTTP's `User-Agent`; it may say anything.
    public var client: String?
    /// Which library it says that it uses, with its version.
    public var software: String?
    /// Who it has shown itself to be; nil where nobody has to.
    public var user: String?
    /// For how long it has been connected, to a second or so.
    public var age: Duration
    /// For how long it has asked for nothing.
    public var idle: Duration
    /// Requests since it connected.
    public var requests: Int
    /// Requests that are not answered yet: a stream, a long poll, or work.
    public var underWay: Int
    /// Bytes that came from it.
    public var bytesReceived: Int
    /// Bytes that went to it.
    public var bytesSent: Int
    /// What it asked for last.
    public var lastRequest: String?
    /// Topics that it has produced to or fetched from; not more than ``namesMax``.
    public var topics: [String] = []
    /// Groups that it has taken part in; not more than ``namesMax``.
    public var groups: [String] = []

    /// How many topics, and how many groups, are told of a client.
    public static let namesMax = 16

    /// A client that is connected.
    public init(
        id: ClientID, address: String, client: String? = nil, software: String? = nil, user: String? = nil,
        age: Duration, idle: Duration, requests: Int, underWay: Int, bytesReceived: Int, bytesSent: Int,
        lastRequest: String? = nil, topics: [String] = [], groups: [String] = []
    ) {
        self.id = id
        self.address = address
        self.client = client
        self.software = software
        self.user = user
        self.age = age
        self.idle = idle
        self.requests = requests
        self.underWay = underWay
        self.bytesReceived = bytesReceived
        self.bytesSent = bytesSent
        self.lastRequest = lastRequest
        self.topics = topics
        self.groups = groups
    }

    /// Whether `text`, in lower case, is in anything that names it.
    public func isFound(by text: String) -> Bool {
        ([id.description, address, client, software, user, lastRequest].compactMap { $0 } + topics + groups)
            .contains { $0.lowercased().contains(text) }
    }
}

/// Whoever knows the clients that are connected.
public protocol ClientObserver: Sendable {
    /// What is spoken: `http` or `kafka`.
    var service: String { get }

    /// Clients behind `id`, in the order of ids, of which `isWanted` says that they are: at most `limit`. Event loops are asked for some of their connections at
    /// a time, so that however many there are, others are served in between.
    func clients(
        after id: ClientID?, limit: Int, where isWanted: @escaping @Sendable (ConnectedClient) -> Bool
    ) async -> [ConnectedClient]

    /// Closes a client's connection; what it asked for and has no answer to is not answered. False when it is not there (any more).
    func disconnect(_ id: ClientID) async -> Bool
}
