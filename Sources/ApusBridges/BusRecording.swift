// SPDX-License-Identifier: Apache-2.0

// What an attempt on an outside broker sent and got, told to whoever looks into it later. It is put together only when somebody wants to see it; whatever of the
// connection's secrets turns up, in a broker's answer or an error of its client, is masked before it is told.

internal import ApusBus
internal import ApusModel
internal import ApusTransport
internal import CloudEvents

/// How one event of an attempt ended.
struct SendingEnd: Sendable {
    /// What the broker said.
    enum Answer: Sendable {
        /// Nothing: it was not reached, or did not answer.
        case none
        /// It has the event.
        case receipt(Receipt)
        /// It does not: what kind of error that is, and the text.
        case error(String, String)
    }

    var outcome: Outcome
    var answer: Answer
    /// When the event was sent.
    var sent: Timestamp
    /// From then until the answer was there, or was given up.
    var duration: Duration
}

/// Tells the witnesses of one attempt.
struct BusRecording {
    private let connections: Connections
    private let connection: ResourceName
    private let topic: String
    /// The URL when the attempt began: settings may change while it is under way.
    private let url: String
    private var known: Connections.Place?

    init(_ connections: Connections, _ connection: ResourceName, _ topic: String) {
        (self.connections, self.connection, self.topic) = (connections, connection, topic)
        url = connections.url(connection)
    }

    /// Where the connection leads. Looked up once for all events of the attempt, and only if anything is to be told: secrets are in files.
    private mutating func place() -> Connections.Place {
        if let known { return known }
        let found = connections.place(url)
        known = found
        return found
    }

    /// An event's attempt has ended.
    ///
    /// - Returns: its outcome, without secrets of the connection's.
    mutating func conclude(_ end: SendingEnd, _ event: CloudEvent, _ witness: AttemptWitness?) -> Outcome {
        let isWanted = witness?.wants(end.outcome) ?? false
        guard isWanted || end.outcome != .delivered else { return end.outcome }
        let place = place()
        let outcome = end.outcome.masked(place.secrets)
        guard isWanted else { return outcome }
        var exchange = Exchange(
            method: "publish", url: place.url, fields: Self.fields(event), body: event.data?.bytes ?? [],
            sent: end.sent, duration: end.duration)
        exchange.broker = Exchange.BrokerTopic(
            transport: place.transport, connection: "\(connection)", topic: topic)
        switch end.answer {
        case .none: break
        case .receipt(let receipt): exchange.responseFields = Self.fields(receipt, place.secrets)
        case .error(let word, let text):
            exchange.error = word
            let shown = Self.masked(text, place.secrets)
            exchange.responseBody = Array(shown.utf8.prefix(Exchange.bodyBytesMax))
        }
        witness?.note(exchange)
        return outcome
    }

    /// The attributes that went along, by the names that they have over HTTP.
    private static func fields(_ event: CloudEvent) -> [Exchange.Field] {
        var fields = [
            Exchange.Field("ce-id", event.id), Exchange.Field("ce-source", event.source),
            Exchange.Field("ce-type", event.type),
        ]
        let optional = [
            ("ce-subject", event.subject), ("ce-time", event.time?.description),
            ("content-type", event.dataContentType), ("ce-dataschema", event.dataSchema),
        ]
        for (name, value) in optional { if let value { fields.append(Exchange.Field(name, value)) } }
        for element in event.extensions {
            guard fields.count < Exchange.fieldsMax else { break }
            fields.append(Exchange.Field("ce-\(element.name)", element.value.text))
        }
        return fields
    }

    private static func fields(_ receipt: Receipt, _ secrets: [String]) -> [Exchange.Field] {
        var fields = [Exchange.Field("topic", receipt.topic)]
        if let partition = receipt.partition { fields.append(Exchange.Field("partition", "\(partition)")) }
        if let offset = receipt.offset { fields.append(Exchange.Field("offset", "\(offset)")) }
        if let id = receipt.brokerID { fields.append(Exchange.Field("message-id", masked(id, secrets))) }
        fields.append(Exchange.Field("durability", receipt.durability.rawValue))
        if receipt.isDuplicate { fields.append(Exchange.Field("duplicate", "true")) }
        return fields
    }

    fileprivate static func masked(_ text: String, _ secrets: [String]) -> String {
        let scrubbed = SecretMask.scrub(SecretMask.members(of: Array(text.utf8)), of: secrets)
        return String(decoding: scrubbed, as: UTF8.self)
    }
}

extension Outcome {
    /// The same, its reason without secrets.
    fileprivate func masked(_ secrets: [String]) -> Outcome {
        switch self {
        case .delivered: self
        case .retry(let after, let status, let reason):
            .retry(after: after, status: status, reason: BusRecording.masked(reason, secrets))
        case .refused(let status, let reason):
            .refused(status: status, reason: BusRecording.masked(reason, secrets))
        }
    }
}
