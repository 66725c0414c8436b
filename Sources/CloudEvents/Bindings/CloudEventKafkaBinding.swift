// SPDX-License-Identifier: Apache-2.0

// Events in Kafka records (Kafka Protocol Binding 1.0.2). This is also how Apus keeps events on disk, so it must
// give back every valid event: binary mode does, except that extensions come back as strings; the one event it
// cannot hold, whose data is itself a structured CloudEvent, is written in structured mode.

import JSONText

/// The Kafka protocol binding: events to and from record headers and value.
public enum CloudEventKafkaBinding {
    /// Writes an event: calls `header` for each record header, then returns the record's value.
    ///
    /// Header values are UTF-8 without further encoding. The bytes are lent for the call. A nil value stands for an
    /// event without data; to a compacted Kafka topic it is a tombstone.
    public static func encode(
        _ event: CloudEvent,
        header: (_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Void
    ) -> [UInt8]? {
        var times = TimestampText()
        return encode(event, times: &times, header: header)
    }

    /// Writes an event after others that may have had the same time.
    package static func encode(
        _ event: CloudEvent, times: inout TimestampText,
        header: (_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Void
    ) -> [UInt8]? {
        guard !event.needsStructuredMode else {
            HeaderWriter.emit("content-type", CloudEventJSONFormat.contentType, header)
            var value: [UInt8] = []
            encodeStructured(event, into: &value)
            return value
        }
        HeaderWriter.forEach(in: event, prefix: .kafka, times: &times, header)
        if let type = event.dataContentType { HeaderWriter.emit("content-type", type, header) }
        return event.data?.bytes
    }

    /// Writes an event in structured mode, as JSON; the record's one header says so: `content-type`, ``CloudEventJSONFormat/contentType``.
    ///
    /// Every event is read as it was, extensions that are numbers or booleans too.
    ///
    /// - Parameter value: becomes the record's value; what was in it goes, its memory is used again.
    public static func encodeStructured(_ event: CloudEvent, into value: inout [UInt8]) {
        var bytes: [UInt8] = []
        swap(&bytes, &value)
        bytes.removeAll(keepingCapacity: true)
        bytes.reserveCapacity(CloudEventJSONFormat.sizeEstimate(event))
        var writer = JSONWriter(appendingTo: bytes)
        bytes = []
        CloudEventJSONFormat.write(event, to: &writer, keepingWhitespace: true)
        value = writer.finish()
    }

    /// The event as headers and value.
    public static func encode(_ event: CloudEvent) -> CloudEventKafkaMessage {
        var headers: [CloudEventKafkaMessage.Header] = []
        let value = encode(event) { name, value in
            headers.append(
                CloudEventKafkaMessage.Header(
                    name: String(decoding: name, as: UTF8.self), value: Array(value)))
        }
        return CloudEventKafkaMessage(headers: headers, value: value)
    }

    /// Reads the event of a record, nil if the record has no `ce_` headers and is not in structured mode.
    ///
    /// - Throws: `CloudEventError` with the first rule that is broken.
    @inlinable
    public static func decode(
        headers: some Sequence<(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer)>, value: [UInt8]?
    ) throws(CloudEventError) -> CloudEvent? {
        var decoder = CloudEventKafkaDecoder()
        for (name, value) in headers { try decoder.header(name: name, value: value) }
        return try decoder.event(value: value)
    }

    /// Reads the event of a record, nil if the record has no `ce_` headers and is not in structured mode.
    ///
    /// - Throws: `CloudEventError` with the first rule that is broken.
    public static func decode(_ message: CloudEventKafkaMessage) throws(CloudEventError) -> CloudEvent? {
        var decoder = CloudEventKafkaDecoder()
        for header in message.headers {
            try Array(header.name.utf8).withUnsafeBufferPointer { (name) throws(CloudEventError) in
                try header.value.withUnsafeBufferPointer { (value) throws(CloudEventError) in
                    try decoder.header(
                        name: UnsafeRawBufferPointer(name), value: UnsafeRawBufferPointer(value))
                }
            }
        }
        return try decoder.event(value: message.value)
    }
}

/// Headers and value of a Kafka record.
public struct CloudEventKafkaMessage: Sendable, Hashable {
    /// A record header.
    public struct Header: Sendable, Hashable {
        /// The name.
        public var name: String
        /// The value.
        public var value: [UInt8]

        /// Creates a header.
        public init(name: String, value: [UInt8]) {
            self.name = name
            self.value = value
        }
    }

    /// The headers, in order.
    public var headers: [Header]
    /// The value; nil for an event without data.
    public var value: [UInt8]?

    /// Creates a message.
    public init(headers: [Header], value: [UInt8]?) {
        self.headers = headers
        self.value = value
    }
}

/// Reads a Kafka record header by header.
public struct CloudEventKafkaDecoder {
    private var attributes = AttributeCollector()
    private var mode = ContentMode.binary
    private var hasAttributes = false
    /// Checked only once the record turns out to be an event: other records may have any content type.
    private var contentType: String?

    /// Creates a decoder for one record.
    public init() {}

    /// Takes one header; those that are not about events are ignored. Skip headers with a null value.
    ///
    /// - Throws: `CloudEventError` if the header breaks a rule.
    public mutating func header(
        name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer
    ) throws(CloudEventError) {
        if name.count > 3, name[0] == 0x63, name[1] == 0x65, name[2] == 0x5F {
            hasAttributes = true
            try attributes.take(name.slice(3..<name.count), text: value)
        } else if name.count == 12, name.equalsIgnoringCase("content-type") {
            mode = ContentMode(contentType: value)
            contentType = MediaType.string(value)
        }
    }

    /// The event, nil if the record has no `ce_` headers and is not in structured mode.
    ///
    /// - Throws: `CloudEventError` with the first rule that is broken.
    public consuming func event(value: [UInt8]?) throws(CloudEventError) -> CloudEvent? {
        switch mode {
        case .structured(.json): return try CloudEventJSONFormat.decode(value ?? [])
        case .structured(.xml): return try CloudEventXMLFormat.decode(value ?? [])
        case .batch, .unsupported:
            throw CloudEventError(.unsupportedFormat, attribute: "content-type", seen: contentType)
        case .binary:
            guard hasAttributes else { return nil }
            if let contentType { try attributes.take(contentType: contentType) }
            return try attributes.event(data: value.map { CloudEventData($0) })
        }
    }
}
