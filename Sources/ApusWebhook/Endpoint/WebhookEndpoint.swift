// SPDX-License-Identifier: Apache-2.0

// One address that somebody sends events to: who that is, how it is known, what is taken of it. An endpoint has one sender: where several send, each has an
// address of its own, so that nobody can choose the weakest of several proofs.

internal import ApusTransport
internal import Crypto

/// One address that somebody sends events to.
public struct WebhookEndpoint: Sendable {
    /// Who sends, and how it is known.
    public struct Sender: Sendable {
        enum Kind: Sendable {
            case standard(keys: [SymmetricKey], tolerance: Duration, takesBinary: Bool)
            case sharedKey(digests: [[UInt8]], place: KeyPlace)
            case sns(topics: Set<String>, versions: Set<Int>)
            case anybody
        }

        let kind: Kind

        /// Requests signed as Standard Webhooks has it: an Apus server's push subscriptions, and those of many others.
        ///
        /// - Parameters:
        ///   - secrets: `whsec_…`; while a secret is being changed, the old and the new one.
        ///   - tolerance: how far the time of a request may be from the time here; what is older is a replay. 5 min.
        ///   - takesBinary: whether events whose attributes are headers are taken. The signature covers the body alone: where attributes matter, false.
        /// - Throws: ``WebhookConfigurationError``; never with a secret.
        public static func standardWebhooks(
            secrets: [String], tolerance: Duration = .seconds(300), takesBinary: Bool = true
        ) throws(WebhookConfigurationError) -> Sender {
            guard !secrets.isEmpty else {
                throw WebhookConfigurationError(description: "at least one secret is needed")
            }
            var keys: [SymmetricKey] = []
            for secret in secrets {
                do throws(WebhookSecretError) {
                    keys.append(SymmetricKey(data: try WebhookSecret(secret).key))
                } catch { throw WebhookConfigurationError(description: error.description) }
            }
            return Sender(kind: .standard(keys: keys, tolerance: tolerance, takesBinary: takesBinary))
        }

        /// Requests that bring a key which nobody else knows: Event Grid, which can add one to the URL or as a header.
        ///
        /// - Throws: ``WebhookConfigurationError`` for a key of less than 16 characters; never with the key.
        public static func sharedKey(
            _ keys: [String], in place: KeyPlace = .query("code")
        ) throws(WebhookConfigurationError) -> Sender {
            guard !keys.isEmpty, keys.allSatisfy({ $0.utf8.count >= 16 }) else {
                throw WebhookConfigurationError(
                    description: "at least one key is needed, and a key has at least 16 characters")
            }
            return Sender(kind: .sharedKey(digests: keys.map(SharedKey.digest), place: place))
        }

        /// Amazon SNS: messages signed with a certificate of Amazon's, of these topics.
        ///
        /// Anybody can have a topic, and Amazon signs for all: what says that a message is meant for this endpoint is its topic.
        ///
        /// - Parameters:
        ///   - topics: their ARNs; at least one.
        ///   - versions: of the signature: 1 (SHA-1, which topics have unless told otherwise) and 2 (SHA-256).
        /// - Throws: ``WebhookConfigurationError``.
        public static func sns(
            topics: Set<String>, versions: Set<Int> = [1, 2]
        ) throws(WebhookConfigurationError) -> Sender {
            guard !topics.isEmpty, versions.isSubset(of: [1, 2]), !versions.isEmpty else {
                throw WebhookConfigurationError(
                    description: "the ARN of at least one topic is needed, and signatures of version 1 or 2")
            }
            return Sender(kind: .sns(topics: topics, versions: versions))
        }

        /// Whoever can reach the endpoint: where something in front of it knows who sends.
        public static var anybody: Sender { Sender(kind: .anybody) }
    }

    /// Where a key is in a request.
    public enum KeyPlace: Sendable, Hashable {
        /// A name in the URL's query.
        case query(String)
        /// A header.
        case header(String)
    }

    /// Who gets consent when it asks (CloudEvents' `OPTIONS` with `WebHook-Request-Origin`).
    public enum Consent: Sendable, Hashable {
        /// Nobody: such requests are not answered.
        case none
        /// Senders that go by these names.
        case origins(Set<String>)
        /// All senders.
        case all
    }

    /// Who sends, and how it is known.
    public var sender: Sender
    /// Who gets consent when it asks.
    public var consent: Consent
    /// What consent says of the rate, in requests per minute; nil for no limit.
    public var ratePerMinute: Int?
    /// The most bytes of a body. 1 MiB.
    public var bodyBytesMax: Int
    /// The most events of a request.
    public var eventsMax: Int

    /// One address that somebody sends events to.
    public init(
        from sender: Sender, consent: Consent = .none, ratePerMinute: Int? = nil,
        bodyBytesMax: Int = 1 << 20, eventsMax: Int = 1_000
    ) {
        self.sender = sender
        self.consent = consent
        self.ratePerMinute = ratePerMinute
        self.bodyBytesMax = bodyBytesMax
        self.eventsMax = eventsMax
    }
}

/// Why an endpoint cannot be as it was asked for.
public struct WebhookConfigurationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Why.
    public let description: String
}
