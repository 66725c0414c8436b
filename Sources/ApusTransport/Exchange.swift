// SPDX-License-Identifier: Apache-2.0

// What an attempt sent and what came back, for whoever looks into it later: the beginnings of bodies, and no secret. Targets tell it through a
// witness that comes with the delivery; nobody has to.

public import ApusModel
internal import Synchronization

/// What was sent to an outside system in one attempt, and what it answered. Whoever makes one has masked it: nothing in it is a secret of the settings'.
public struct Exchange: Sendable, Hashable {
    /// A header field.
    public struct Field: Sendable, Hashable {
        /// The name.
        public var name: String
        /// The value, or a mask.
        public var value: String

        /// A header field, its value cut to ``Exchange/valueBytesMax``.
        public init(_ name: String, _ value: String) {
            (self.name, self.value) = (name, Exchange.cut(value))
        }
    }

    /// A topic of an outside broker.
    public struct BrokerTopic: Sendable, Hashable {
        /// The transport, as its URLs name it: `amqp`, `kafka`…
        public var transport: String
        /// The connection that was used.
        public var connection: String
        /// The topic there: an exchange, an event bus, whatever stands for a topic.
        public var topic: String

        /// A topic of an outside broker.
        public init(transport: String, connection: String, topic: String) {
            (self.transport, self.connection, self.topic) = (transport, connection, topic)
        }
    }

    /// The most header fields of each side.
    public static let fieldsMax = 40
    /// The most bytes of a header's value.
    public static let valueBytesMax = 512
    /// The most bytes of each body.
    public static let bodyBytesMax = 2048

    /// The method of the request; `publish` to outside brokers.
    public var method: String
    /// Where it went, secrets masked.
    public var url: String
    /// Where it went to an outside broker; nil for requests over HTTP.
    public var broker: BrokerTopic?
    /// The request's header fields; to an outside broker the event's attributes.
    public var requestFields: [Field]
    /// The beginning of the request's body.
    public var requestBody: [UInt8]
    /// How many bytes the request's body had.
    public var requestBytes: Int
    /// The answer's status; nil when there was no answer, and for outside brokers.
    public var status: Int?
    /// What kind of error an outside broker answered with; nil when it did as asked, or did not answer.
    public var error: String?
    /// The answer's header fields; of an outside broker its receipt.
    public var responseFields: [Field] = []
    /// The beginning of the answer's body; of an outside broker what it said of its error.
    public var responseBody: [UInt8] = []
    /// When the request was sent.
    public var sent: Timestamp
    /// From then until the answer was there, or was given up.
    public var duration: Duration

    /// A request without an answer yet.
    public init(
        method: String, url: String, fields: [Field], body: some Collection<UInt8>, sent: Timestamp,
        duration: Duration
    ) {
        (self.method, self.url) = (method, url)
        requestFields = Array(fields.prefix(Exchange.fieldsMax))
        requestBody = Array(body.prefix(Exchange.bodyBytesMax))
        requestBytes = body.count
        (self.sent, self.duration) = (sent, duration)
    }

    /// Whether anything came back.
    public var isAnswered: Bool { status != nil || error != nil || !responseFields.isEmpty }

    /// The first ``valueBytesMax`` bytes of a text, whole characters.
    fileprivate static func cut(_ text: String) -> String {
        guard text.utf8.count > valueBytesMax else { return text }
        return String(decoding: text.utf8.prefix(valueBytesMax - 3), as: UTF8.self) + "…"
    }

    /// About how many bytes it takes.
    public var approximateBytes: Int {
        (requestFields + responseFields).reduce(
            128 + url.utf8.count + requestBody.count + responseBody.count
        ) { $0 + $1.name.utf8.count + $1.value.utf8.count }
    }
}

/// Comes with a delivery, for what the target has to tell about the attempt beside its outcome.
public final class AttemptWitness: Sendable {
    /// Whether an attempt is of interest that succeeded; one that failed always is.
    public let wantsSuccesses: Bool
    private let seen = Mutex<Exchange?>(nil)

    /// A witness that has seen nothing.
    public init(wantsSuccesses: Bool) { self.wantsSuccesses = wantsSuccesses }

    /// Whether an attempt with this outcome is of interest.
    public func wants(_ outcome: Outcome) -> Bool { wantsSuccesses || outcome != .delivered }

    /// Tells what was sent and what came back; before the outcome, or not at all.
    public func note(_ exchange: Exchange) { seen.withLock { $0 = exchange } }

    /// What was told.
    public var exchange: Exchange? { seen.withLock(\.self) }
}
