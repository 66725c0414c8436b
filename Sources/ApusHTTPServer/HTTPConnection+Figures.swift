// SPDX-License-Identifier: Apache-2.0

// What is told of connections to whoever looks at them.

public import ApusHTTPCodec
internal import NIOCore

/// A connection as it stands.
public struct HTTPConnectionFigures: Sendable, Hashable {
    /// The event loop that serves it, its place there, and how many were at that place before.
    public var loop: Int
    /// See ``loop``.
    public var place: Int
    /// See ``loop``.
    public var generation: UInt32
    /// Where it comes from: `host:port`; nil if the system would not tell.
    public var peer: String?
    /// For how long it has been open, to a tick of the server's clock.
    public var age: Duration
    /// For how long nothing was asked.
    public var idle: Duration
    /// Requests so far.
    public var requests: Int
    /// Requests that are not answered, streams among them.
    public var underWay: Int
    /// Bytes that came from the client.
    public var bytesReceived: Int
    /// Bytes that went to it.
    public var bytesSent: Int
    /// What the client's first request said in `User-Agent`, cut off after ``agentBytesMax``.
    public var agent: String?
    /// The method of the last request; nil before the first.
    public var method: HTTPMethod?
    /// The path of the last request, without its query, cut off after ``pathBytesMax``.
    public var path: String?

    /// Bytes of ``agent``.
    public static let agentBytesMax = 120
    /// Bytes of ``path``.
    public static let pathBytesMax = 120
}

/// What a connection remembers for that. Kept small: every connection has one, and each request changes it.
struct HTTPConnectionNotes {
    /// By the server's clock, when the connection was opened, and when it last asked for something.
    var opened: UInt64 = 0
    var asked: UInt64 = 0
    private var agent: String?
    private var method: HTTPMethod?
    /// Taken anew for each request; the memory stays.
    private var path: [UInt8] = []

    mutating func note(_ head: HTTPRequestHead, isFirst: Bool, now: UInt64) {
        asked = now
        method = head.method
        path.removeAll(keepingCapacity: true)
        head.withPathBytes { path.append(contentsOf: $0.prefix(HTTPConnectionFigures.pathBytesMax)) }
        guard isFirst else { return }
        agent = head.withFirstValueBytes(of: "user-agent") {
            String(decoding: $0.prefix(HTTPConnectionFigures.agentBytesMax), as: UTF8.self)
        }
    }

    func report(into figures: inout HTTPConnectionFigures, now: UInt64) {
        figures.age = .nanoseconds(Int64(clamping: now &- opened))
        figures.idle = .nanoseconds(Int64(clamping: now &- asked))
        (figures.agent, figures.method) = (agent, method)
        figures.path = method.map { _ in String(decoding: path, as: UTF8.self) }
    }
}

extension HTTPConnection {
    /// The connection as it stands.
    func figures(loop: Int) -> HTTPConnectionFigures {
        var figures = HTTPConnectionFigures(
            loop: loop, place: Int(id.index), generation: id.generation,
            peer: peer.address.flatMap { address in
                address.ipAddress.map { "\($0.contains(":") ? "[\($0)]" : $0):\(address.port ?? 0)" }
            }, age: .zero, idle: .zero, requests: Int(nextSequence), underWay: exchanges.count,
            bytesReceived: bytesReceived, bytesSent: bytesQueued)
        notes.report(into: &figures, now: server.now)
        return figures
    }
}

extension HTTPServer {
    /// Connections behind a place, in order, of which `isWanted` says that they are: at most `limit`. Loops are asked for some at a time, so that however
    /// many there are, others are served in between.
    public func connections(
        after last: (loop: Int, place: Int)? = nil, limit: Int,
        where isWanted: (HTTPConnectionFigures) -> Bool = { _ in true }
    ) async -> [HTTPConnectionFigures] {
        var found: [HTTPConnectionFigures] = []
        for loop in max(0, last?.loop ?? 0)..<max(loopCount, last?.loop ?? 0) {
            var place = last.flatMap { $0.loop == loop ? $0.place + 1 : nil } ?? 0
            while found.count < limit, let (some, next) = await connections(ofLoop: loop, from: place) {
                found += some.lazy.filter(isWanted).prefix(limit - found.count)
                guard let next else { break }
                place = next
            }
        }
        return found
    }
}
