// SPDX-License-Identifier: Apache-2.0

// What the server says about load: explanations, bottlenecks, alarms, and what goes on once a second. Answers are for people, and come as they are.

internal import AsyncHTTPClient
public import JSONText
internal import NIOCore

extension ApusClient {
    /// The last lines of the server's log.
    public func recentLog(limit: Int? = nil) async throws(ApusClientError) -> JSONValue {
        var request = APIRequest(.get, "v1", "log")
        request.add("limit", limit.map(String.init))
        return try await send(request).json()["lines"] ?? .array([])
    }

    /// Why a subscription is slow, as it comes.
    public func explanation(of subscription: String) async throws(ApusClientError) -> JSONValue {
        try await send(APIRequest(.get, "v1", "subscriptions", subscription, "explanation")).json()
    }

    /// Where it is tight, as it comes.
    ///
    /// - Parameters:
    ///   - order: what subscriptions are put in order by: `backlog`, `age`, `arrival`, `service`, `failed`, `utilisation` or `name`.
    ///   - limit: how many of them are wanted.
    ///   - search: a part of their names.
    public func bottlenecks(
        by order: String? = nil, limit: Int? = nil, search: String? = nil
    ) async throws(ApusClientError) -> JSONValue {
        var request = APIRequest(.get, "v1", "bottlenecks")
        request.add("sort", order)
        request.add("limit", limit.map(String.init))
        request.add("search", search)
        return try await send(request).json()
    }

    /// Alarms that are raised, as they come.
    public func alarms() async throws(ApusClientError) -> JSONValue {
        try await send(APIRequest(.get, "v1", "alarms")).json()
    }

    /// The metrics, as Prometheus text.
    public func metrics() async throws(ApusClientError) -> [UInt8] {
        try await send(APIRequest(.get, "metrics")).body
    }

    /// Hands samples of what goes on to `body`, about one a second, until the connection ends or `body` returns false.
    public func activity(
        _ body: @Sendable (JSONValue) async -> Bool
    ) async throws(ApusClientError) {
        var request = APIRequest(.get, "v1", "activity")
        request.accept = "text/event-stream"
        var parser = ServerSentEventParser(bytesMax: 1 << 20)
        let stream = try await stream(request)
        do {
            for try await bytes in stream {
                for message in try parser.parse(bytes.readableBytesView) where message.name == "sample" {
                    guard await body(try JSONValue(parsing: message.data)) else { return }
                }
            }
        } catch { throw failure(error) }
    }
}
