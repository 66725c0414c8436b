// SPDX-License-Identifier: Apache-2.0

// Events to messages and back: the CloudEvents AMQP binding in the headers of AMQP 0-9-1, beside which Apus has a few headers of its own for what
// becomes of an event.

internal import ApusAMQPCodec
internal import CloudEvents
internal import NIOCore

/// The headers that Apus adds to copies of an event.
enum ApusHeader {
    /// How often the event was handed out before this copy was made.
    static let attempts: StaticString = "apus-attempts"
    /// Why it was given up.
    static let reason: StaticString = "apus-reason"
    /// By which subscription.
    static let subscription: StaticString = "apus-subscription"
    /// A number by which a copy is known if it goes nowhere.
    static let copy: StaticString = "apus-copy"

    /// Whether a header belongs to this way of a message, and not to its copies: those above, what the broker counts and notes, and where else
    /// it was sent.
    static func isOfThisWay(_ name: UnsafeRawBufferPointer) -> Bool {
        name.starts(with: "apus-".utf8) || name.elementsEqual("CC".utf8) || name.starts(with: "x-death".utf8)
            || name.starts(with: "x-first-death".utf8) || name.starts(with: "x-last-death".utf8)
            || name.elementsEqual("x-delivery-count".utf8) || name.elementsEqual("x-acquired-count".utf8)
    }
}

/// Events in messages.
enum AMQPEventBinding {
    /// Properties and body of an event.
    ///
    /// - Throws: `AMQPCodecError` when the event has what AMQP cannot express.
    static func encode(
        _ event: CloudEvent
    ) throws(AMQPCodecError) -> (properties: BasicProperties, body: [UInt8]) {
        var properties = BasicProperties()
        properties.deliveryMode = 2
        guard !CloudEventAMQPBinding.needsStructuredMode(event) else {
            properties.contentType = CloudEventJSONFormat.contentType
            return (properties, CloudEventJSONFormat.encode(event))
        }
        properties.contentType = event.dataContentType
        var headers = FieldTable(capacity: 384)
        headers.append("cloudEvents_specversion", text: CloudEvent.specVersion)
        headers.append("cloudEvents_id", text: event.id)
        headers.append("cloudEvents_source", text: event.source)
        headers.append("cloudEvents_type", text: event.type)
        if let subject = event.subject { headers.append("cloudEvents_subject", text: subject) }
        // As text: timestamps of AMQP 0-9-1 know neither fractions nor offsets.
        if let time = event.time { headers.append("cloudEvents_time", text: time.description) }
        if let schema = event.dataSchema { headers.append("cloudEvents_dataschema", text: schema) }
        for element in event.extensions {
            let value: FieldValue =
                switch element.value {
                case .boolean(let value): .boolean(value)
                case .integer(let value): .int32(value)
                case .binary(let value): .bytes(ByteBuffer(bytes: value))
                case .string, .uri, .uriReference, .timestamp: .text(element.value.text)
                }
            try headers.append("\(CloudEventAMQPBinding.prefix)\(element.name)", value)
        }
        // Where instrumentation of other clients looks for it, beside the attribute.
        if let parent = event.extensions[.traceParent] {
            headers.append("traceparent", text: parent)
            if let state = event.extensions[.traceState] { headers.append("tracestate", text: state) }
        }
        properties.headers = headers
        return (properties, event.data?.bytes ?? [])
    }

    /// What a message is as an event.
    struct Decoded {
        var event: CloudEvent
        /// Why it is not a whole one.
        var problem: String?
        /// When the broker got it, if it says so.
        var publishedAt: CloudEventTimestamp?
    }

    /// The event of a message; one made up for it if it has none, or a broken one.
    static func decode(_ message: AMQPMessage, topic: String) -> Decoded {
        var decoder = CloudEventAMQPDecoder()
        var problem: CloudEventError?
        var publishedAt: CloudEventTimestamp?
        if let contentType = message.properties.contentType { decoder.take(contentType: contentType) }
        var trace = TraceHeaders()
        message.properties.headers?.forEach { name, value in
            if value.type == .longString { trace.header(name: name, value: value.bytes) }
            guard problem == nil else { return }
            do throws(CloudEventError) {
                if value.type == .longString {
                    try decoder.header(name: name, text: value.bytes)
                } else if let value = attribute(value) {
                    try decoder.header(name: name, value: value)
                }
            } catch {
                problem = error
            }
            if name.elementsEqual("timestamp_in_ms".utf8), let milliseconds = FieldValue(value)?.integer {
                publishedAt = CloudEventTimestamp(millisecondsSinceEpoch: milliseconds)
            }
        }
        let body = Array(message.body.readableBytesView)
        if problem == nil {
            do throws(CloudEventError) {
                if var event = try decoder.event(body: body) {
                    trace.complete(&event)
                    return Decoded(event: event, problem: nil, publishedAt: publishedAt)
                }
            } catch {
                problem = error
            }
        }
        var event = madeUp(message.properties, body, topic)
        trace.complete(&event)
        return Decoded(event: event, problem: problem?.description, publishedAt: publishedAt)
    }

    /// The attribute that a value of another type than text is.
    private static func attribute(_ raw: RawFieldValue) -> CloudEventValue? {
        switch FieldValue(raw) {
        case .boolean(let value): .boolean(value)
        case .bytes(let bytes): .binary(Array(bytes.readableBytesView))
        case .timestamp(let seconds):
            CloudEventTimestamp(secondsSinceEpoch: Int64(clamping: seconds)).map { .timestamp($0) }
        case let value?:
            value.integer.map { number in
                Int32(exactly: number).map { .integer($0) } ?? .string(String(number))
            }
        case nil: nil
        }
    }

    /// A plain message as an event: its own id and type if it has any.
    private static func madeUp(_ properties: BasicProperties, _ body: [UInt8], _ topic: String) -> CloudEvent
    {
        let time = properties.timestamp.flatMap {
            CloudEventTimestamp(secondsSinceEpoch: Int64(clamping: $0))
        }
        let path = topic.utf8.map { byte -> String in
            let isPlain =
                byte < 0x80
                && (Character(UnicodeScalar(byte)).isLetter || byte &- 0x30 < 10
                    || byte == 0x2D || byte == 0x2E || byte == 0x5F)
            return isPlain
                ? String(UnicodeScalar(byte))
                : "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
        }.joined()
        // Each of what came from outside is tried, and left out if it is no attribute.
        let random =
            String(UInt64.random(in: .min ... .max), radix: 16)
            + String(UInt64.random(in: .min ... .max), radix: 16)
        for id in [properties.messageID, random] {
            for type in [properties.type, "amqp.message"] {
                for contentType in [properties.contentType, nil] {
                    guard let id, let type else { continue }
                    if let event = try? CloudEvent(
                        id: id, source: "/exchanges/\(path)", type: type, time: time,
                        dataContentType: contentType,
                        data: CloudEventData(body))
                    {
                        return event
                    }
                }
            }
        }
        preconditionFailure("an event made of checked names and numbers is valid")
    }
}
