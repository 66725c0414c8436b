// SPDX-License-Identifier: Apache-2.0

// Events from HTTP messages. The decoder is fed header by header with borrowed bytes, so that a server hands on
// its own buffer; sequences of pairs are a convenience on top.

/// What an HTTP message carried.
public enum CloudEventHTTPContent: Sendable, Hashable {
    /// One event, in binary mode.
    case binary(CloudEvent)
    /// One event, in structured mode.
    case structured(CloudEvent)
    /// A batch, perhaps empty.
    case batch([CloudEvent])

    /// The events, in order.
    public var events: [CloudEvent] {
        switch self {
        case .binary(let event), .structured(let event): [event]
        case .batch(let events): events
        }
    }
}

/// Reads an HTTP message header by header.
public struct CloudEventHTTPDecoder {
    private var attributes = AttributeCollector()
    private var mode = ContentMode.binary
    private var unsupportedType: String?
    private var hasContentType = false
    private let eventCountMax: Int

    /// Creates a decoder for one message.
    ///
    /// - Parameter eventCountMax: batches of more events than this are refused.
    public init(eventCountMax: Int = 10_000) { self.eventCountMax = eventCountMax }

    /// Takes one header; those that are not about events are ignored.
    ///
    /// - Throws: `CloudEventError` if the header breaks a rule.
    public mutating func header(
        name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer
    ) throws(CloudEventError) {
        if name.count > 3, name[2] == 0x2D, name[0] | 0x20 == 0x63, name[1] | 0x20 == 0x65 {
            let attribute = name.slice(3..<name.count)
            let value = value.trimmed
            guard HTTPHeaderValue.needsDecoding(value) else {
                return try attributes.take(attribute, text: value, ignoringCase: true)
            }
            guard let text = HTTPHeaderValue.decoded(value) else {
                throw CloudEventError(
                    .invalidHeaderEncoding, attribute: String(decoding: name, as: UTF8.self), seen: value)
            }
            try text.withUnsafeBufferPointer { (text) throws(CloudEventError) in
                try attributes.take(attribute, text: UnsafeRawBufferPointer(text), ignoringCase: true)
            }
        } else if name.count == 12, name.equalsIgnoringCase("content-type") {
            try takeContentType(value.trimmed)
        }
    }

    private mutating func takeContentType(_ value: UnsafeRawBufferPointer) throws(CloudEventError) {
        guard !hasContentType else { throw CloudEventError(.duplicate, attribute: "content-type") }
        hasContentType = true
        mode = ContentMode(contentType: value)
        switch mode {
        case .binary: try attributes.take(.dataContentType, value)
        case .unsupported: unsupportedType = String(decoding: value, as: UTF8.self)
        case .structured, .batch: break
        }
    }

    /// The event or events of the message.
    ///
    /// An empty body in binary mode is an event without data: HTTP does not tell it from empty data.
    ///
    /// - Throws: `CloudEventError` with the first rule that is broken; `.notAnEvent` if the message has neither
    ///   `ce-` headers nor a CloudEvents content type.
    public consuming func content(body: [UInt8]) throws(CloudEventError) -> CloudEventHTTPContent {
        switch mode {
        case .binary: return .binary(try binaryEvent(body: body))
        case .structured(.json): return .structured(try CloudEventJSONFormat.decode(body))
        case .structured(.xml): return .structured(try CloudEventXMLFormat.decode(body))
        case .batch(.json):
            return .batch(try CloudEventJSONFormat.decodeBatch(body, eventCountMax: eventCountMax))
        case .batch(.xml):
            return .batch(try CloudEventXMLFormat.decodeBatch(body, eventCountMax: eventCountMax))
        case .unsupported:
            throw CloudEventError(.unsupportedFormat, attribute: "content-type", seen: unsupportedType)
        }
    }

    /// The event of a message in binary mode, whatever its content type.
    ///
    /// - Throws: `CloudEventError`, as ``content(body:)``.
    public consuming func binaryEvent(body: [UInt8]) throws(CloudEventError) -> CloudEvent {
        guard !attributes.isEmpty else { throw CloudEventError(.notAnEvent) }
        return try attributes.event(data: body.isEmpty ? nil : CloudEventData(body))
    }
}

extension CloudEventHTTPBinding {
    /// Reads a message in any mode.
    ///
    /// - Parameters:
    ///   - headers: names and values; names in any case.
    ///   - body: the body.
    /// - Throws: `CloudEventError` with the first rule that is broken.
    public static func decode(
        headers: some Sequence<(name: String, value: String)>, body: [UInt8]
    ) throws(CloudEventError) -> CloudEventHTTPContent {
        var decoder = CloudEventHTTPDecoder()
        for (name, value) in headers {
            try Array(name.utf8).withUnsafeBufferPointer { (name) throws(CloudEventError) in
                try Array(value.utf8).withUnsafeBufferPointer { (value) throws(CloudEventError) in
                    try decoder.header(
                        name: UnsafeRawBufferPointer(name), value: UnsafeRawBufferPointer(value))
                }
            }
        }
        return try decoder.content(body: body)
    }

    /// Reads a message in any mode.
    ///
    /// - Throws: `CloudEventError` with the first rule that is broken.
    public static func decode(
        _ message: CloudEventHTTPMessage
    ) throws(CloudEventError) -> CloudEventHTTPContent {
        try decode(headers: message.headers.lazy.map { (name: $0.name, value: $0.value) }, body: message.body)
    }

    /// Reads a message in binary mode from borrowed headers.
    ///
    /// - Throws: `CloudEventError` with the first rule that is broken.
    @inlinable
    public static func decodeBinary(
        headers: some Sequence<(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer)>, body: [UInt8]
    ) throws(CloudEventError) -> CloudEvent {
        var decoder = CloudEventHTTPDecoder()
        for (name, value) in headers { try decoder.header(name: name, value: value) }
        return try decoder.binaryEvent(body: body)
    }
}
