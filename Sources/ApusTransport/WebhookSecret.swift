// SPDX-License-Identifier: Apache-2.0

// A secret that requests are signed with. It prints masked, whoever prints it, so that no log line and no error message can give it away.

internal import CloudEvents

/// Why a text is no secret.
public struct WebhookSecretError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Why.
    public let description: String
}

/// A secret of Standard Webhooks: `whsec_` and 24 to 64 bytes in Base64.
public struct WebhookSecret: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible {
    /// The secret as it was given. Nobody is told but the registry's log.
    public let text: String
    /// The key.
    public let key: [UInt8]

    /// How secrets begin.
    public static let prefix = "whsec_"
    /// How many bytes a key has.
    public static let keyBytes = 24...64

    /// Reads a secret.
    ///
    /// - Throws: ``WebhookSecretError`` if it does not begin with ``prefix``, or is not Base64 of ``keyBytes`` bytes. The error does
    ///   not repeat the text.
    public init(_ text: String) throws(WebhookSecretError) {
        guard text.hasPrefix(Self.prefix) else {
            throw WebhookSecretError(description: "a secret begins with '\(Self.prefix)'")
        }
        guard let key = CloudEventValue.string(String(text.dropFirst(Self.prefix.count))).asBinary else {
            throw WebhookSecretError(
                description: "after '\(Self.prefix)' a secret is Base64 (RFC 4648, with padding)")
        }
        guard Self.keyBytes.contains(key.count) else {
            throw WebhookSecretError(
                description: "a secret has \(Self.keyBytes.lowerBound) to \(Self.keyBytes.upperBound) bytes, "
                    + "this one \(key.count)")
        }
        self.text = text
        self.key = key
    }

    /// A new secret of 32 bytes, which nobody can foresee.
    public static func random() -> WebhookSecret {
        var generator = SystemRandomNumberGenerator()
        let key = (0..<randomKeyBytes).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        return WebhookSecret(key)
    }

    private static let randomKeyBytes = 32

    private init(_ key: [UInt8]) {
        self.key = key
        text = Self.prefix + CloudEventValue.binary(key).text
    }

    /// The secret as everybody may see it: its last four characters tell secrets apart, and leave at least 168 bits unknown.
    public var masked: String { Self.prefix + "****" + text.suffix(4) }

    /// Whether a text is the masked form of some secret.
    public static func isMasked(_ text: String) -> Bool { text.hasPrefix(prefix + "****") }

    public var description: String { masked }
    public var debugDescription: String { masked }
}

extension WebhookSecret: CustomReflectable {
    /// Dumps show no more than ``masked``.
    public var customMirror: Mirror { Mirror(self, children: ["masked": masked]) }
}
