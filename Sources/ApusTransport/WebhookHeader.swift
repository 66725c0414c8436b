// SPDX-License-Identifier: Apache-2.0

// A header that somebody wants on every request of a webhook. What says how a message is framed, what it is and who signed it is not theirs
// to set: one wrong `content-length` makes two requests out of one.

/// Why a header is refused.
public struct WebhookHeaderError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Why.
    public let description: String
}

/// A header of every request to a target.
public struct WebhookHeader: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible {
    /// The name, in lower case.
    public let name: String
    /// The value: printable ASCII and inner spaces. Nobody is told those of ``isSensitive`` headers but the registry's log.
    public let value: String

    /// The longest value, in bytes.
    public static let valueBytesMax = 4096
    /// What stands for a value that is not told.
    public static let mask = "****"

    /// Checks a header.
    ///
    /// - Throws: ``WebhookHeaderError`` if the name is no token (RFC 9110) or one that Apus sets itself, or the value holds anything but
    ///   printable ASCII.
    public init(name: String, value: String) throws(WebhookHeaderError) {
        let lowered = name.lowercased()
        guard !lowered.isEmpty, lowered.utf8.count <= 128, lowered.utf8.allSatisfy(Self.isTokenByte) else {
            throw WebhookHeaderError(description: "'\(name)' is no name of a header")
        }
        guard !Self.isReserved(lowered) else {
            throw WebhookHeaderError(description: "header '\(lowered)' is set by Apus or by the connection")
        }
        guard value.utf8.count <= Self.valueBytesMax else {
            throw WebhookHeaderError(
                description: "header '\(lowered)' has more than \(Self.valueBytesMax) bytes")
        }
        guard value.utf8.allSatisfy({ (0x20...0x7E).contains($0) }), value.first != " ", value.last != " "
        else {
            throw WebhookHeaderError(
                description:
                    "the value of header '\(lowered)' holds more than printable ASCII, or begins or ends "
                    + "with a space")
        }
        self.name = lowered
        self.value = value
    }

    /// Whether the value is a credential and therefore masked in every answer: whatever is named like one.
    public var isSensitive: Bool {
        let words = ["auth", "token", "key", "secret", "password", "cookie", "credential", "signature"]
        return words.contains { name.contains($0) }
    }

    /// The value as everybody may see it.
    public var masked: String { isSensitive ? Self.mask : value }

    public var description: String { "\(name): \(masked)" }
    public var debugDescription: String { description }

    /// Names that say how a message is framed or what it is; hop-by-hop fields (RFC 9110 section 7.6.1) among them.
    private static let reserved: Set<String> = [
        "connection", "content-encoding", "content-length", "content-type", "expect", "host",
        "idempotency-key", "keep-alive", "origin", "proxy-authenticate", "proxy-authorization",
        "proxy-connection", "te", "traceparent", "tracestate", "trailer", "transfer-encoding", "upgrade",
        "user-agent",
    ]

    private static func isReserved(_ name: String) -> Bool {
        reserved.contains(name) || ["ce-", "apus-", "webhook-"].contains { name.hasPrefix($0) }
    }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}

extension WebhookHeader: CustomReflectable {
    /// Dumps show no more than ``masked``.
    public var customMirror: Mirror { Mirror(self, children: ["name": name, "masked": masked]) }
}
