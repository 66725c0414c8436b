// SPDX-License-Identifier: Apache-2.0

// What a server has done so far, for metrics. Each loop counts for itself, so that counting costs no more than
// an addition; the numbers meet only when somebody asks.

internal import ApusHTTPCodec
internal import Synchronization

/// Counts since the server started, and what is open now.
public struct HTTPServerStatistics: Sendable, Hashable {
    /// Connections open now.
    public var connectionsOpen = 0
    /// Connections accepted.
    public var connectionsAccepted = 0
    /// Responses begun, by the class of their status: element 0 is 1xx, element 4 is 5xx.
    public var responses = [0, 0, 0, 0, 0]
    /// Requests refused because they could not be read; their answers count as responses too.
    public var requestsMalformed = 0
    /// Bytes received in requests.
    public var bytesReceived = 0
    /// Bytes handed to sockets in responses.
    public var bytesSent = 0

    /// Connections closed.
    public var connectionsClosed: Int { connectionsAccepted - connectionsOpen }
    /// Responses begun, of any status.
    public var responseCount: Int { responses.reduce(0, +) }
}

/// The counters of one loop. Only that loop writes, so a load and a store make an addition.
final class HTTPLoopCounters: Sendable {
    let accepted = Atomic(0)
    let closed = Atomic(0)
    let malformed = Atomic(0)
    let received = Atomic(0)
    let sent = Atomic(0)
    private let informational = Atomic(0)
    private let successful = Atomic(0)
    private let redirected = Atomic(0)
    private let refused = Atomic(0)
    private let failed = Atomic(0)

    func countResponse(_ status: HTTPStatus) {
        switch status.category {
        case 1: Self.add(1, to: informational)
        case 2: Self.add(1, to: successful)
        case 3: Self.add(1, to: redirected)
        case 4: Self.add(1, to: refused)
        default: Self.add(1, to: failed)
        }
    }

    @inline(__always)
    static func add(_ count: Int, to counter: borrowing Atomic<Int>) {
        counter.store(counter.load(ordering: .relaxed) &+ count, ordering: .relaxed)
    }

    /// Adds these counts to `statistics`.
    func report(into statistics: inout HTTPServerStatistics) {
        let closedCount = closed.load(ordering: .relaxed)
        let acceptedCount = accepted.load(ordering: .relaxed)
        statistics.connectionsAccepted += acceptedCount
        statistics.connectionsOpen += max(acceptedCount - closedCount, 0)
        statistics.requestsMalformed += malformed.load(ordering: .relaxed)
        statistics.bytesReceived += received.load(ordering: .relaxed)
        statistics.bytesSent += sent.load(ordering: .relaxed)
        statistics.responses[0] += informational.load(ordering: .relaxed)
        statistics.responses[1] += successful.load(ordering: .relaxed)
        statistics.responses[2] += redirected.load(ordering: .relaxed)
        statistics.responses[3] += refused.load(ordering: .relaxed)
        statistics.responses[4] += failed.load(ordering: .relaxed)
    }
}
