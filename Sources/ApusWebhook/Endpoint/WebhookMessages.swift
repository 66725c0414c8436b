// SPDX-License-Identifier: Apache-2.0

// A request as a webhook sees it and the answer to it, whichever server carries them.

internal import JSONText

/// A request to a webhook, whole.
public struct WebhookRequest: Sendable {
    /// In capitals: `POST`, `OPTIONS`.
    public var method: String
    /// Path and query, as they came.
    public var target: String
    /// Names in any case, in the order in which they came.
    public var headers: [(name: String, value: String)]
    /// The body.
    public var body: [UInt8]

    /// A request to a webhook, whole.
    public init(method: String, target: String, headers: [(name: String, value: String)], body: [UInt8]) {
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
    }

    /// The value of a header that is there once; nil where it is missing or is there several times, which is what somebody who wants two readers to see two
    /// requests would send.
    func header(_ name: String) -> String? {
        var found: String?
        for header in headers where Self.isSame(header.name, name) {
            guard found == nil else { return nil }
            found = header.value
        }
        return found
    }

    private static func isSame(_ name: String, _ other: String) -> Bool {
        name.utf8.count == other.utf8.count
            && zip(name.utf8, other.utf8).allSatisfy { $0 == $1 || ($0 | 0x20 == $1 | 0x20 && $0 > 0x40) }
    }

    /// The first value of a name in the query, percent-encoding resolved.
    func query(_ name: String) -> String? {
        guard let mark = target.firstIndex(of: "?") else { return nil }
        for pair in target[target.index(after: mark)...].split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, PercentEncoding.decoded(parts[0]) == name else { continue }
            return PercentEncoding.decoded(parts[1])
        }
        return nil
    }
}

/// An answer to a webhook's sender.
public struct WebhookResponse: Sendable {
    /// The HTTP status.
    public var status: Int
    /// Names and values.
    public var headers: [(name: String, value: String)]
    /// The body.
    public var body: [UInt8]

    /// An answer to a webhook's sender.
    public init(status: Int, headers: [(name: String, value: String)] = [], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// One line for a person.
    static func text(
        _ status: Int, _ reason: String, _ headers: [(name: String, value: String)] = []
    )
        -> WebhookResponse
    {
        WebhookResponse(
            status: status, headers: headers + [("content-type", "text/plain; charset=utf-8")],
            body: Array("\(reason)\n".utf8))
    }

    /// Everything was handled.
    static var handled: WebhookResponse { WebhookResponse(status: 204) }

    /// To be sent again.
    static func later(_ reason: String, after: Duration = .zero) -> WebhookResponse {
        let (seconds, rest) = after.components
        let wait = seconds + (rest > 0 ? 1 : 0)
        return text(503, reason, wait > 0 ? [("retry-after", "\(wait)")] : [])
    }
}
