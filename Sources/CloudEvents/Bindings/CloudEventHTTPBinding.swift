// SPDX-License-Identifier: Apache-2.0

// Events in HTTP messages (HTTP Protocol Binding 1.0.2): writing. No HTTP library is assumed: headers are pairs.

/// The HTTP protocol binding: events to and from headers and body, in binary, structured and batched mode.
public enum CloudEventHTTPBinding {
    /// Calls `header` with the name and value of each header of the event in binary mode, the content type last.
    ///
    /// Values are percent-encoded as section 3.1.3.2 says, so that they hold printable ASCII only. The body is the
    /// event's data. The bytes are lent for the call. An event whose data is itself a CloudEvent in a structured
    /// format must be sent in structured mode (``encode(_:)`` sees to that).
    public static func writeHeaders(
        of event: CloudEvent,
        _ header: (_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Void
    ) {
        var times = TimestampText()
        HeaderWriter.forEach(in: event, prefix: .http, times: &times) { name, text in
            HTTPHeaderValue.withEncoded(text) { header(name, $0) }
        }
        if let type = event.dataContentType { HeaderWriter.emit("content-type", type, header) }
    }

    /// The event as a message in binary mode, or in structured mode if it has no binary form.
    ///
    /// That is the case if the data's content type starts with `application/cloudevents`.
    public static func encode(_ event: CloudEvent) -> CloudEventHTTPMessage {
        guard !event.needsStructuredMode else { return encodeStructured(event) }
        var headers: [CloudEventHTTPMessage.Header] = []
        headers.reserveCapacity(8 + event.extensions.count)
        writeHeaders(of: event) { name, value in
            headers.append(
                CloudEventHTTPMessage.Header(
                    name: String(decoding: name, as: UTF8.self), value: String(decoding: value, as: UTF8.self)
                ))
        }
        return CloudEventHTTPMessage(headers: headers, body: event.data?.bytes ?? [])
    }

    /// The event as a message in structured mode, as JSON.
    public static func encodeStructured(_ event: CloudEvent) -> CloudEventHTTPMessage {
        CloudEventHTTPMessage(
            contentType: CloudEventJSONFormat.contentType, body: CloudEventJSONFormat.encode(event))
    }

    /// The event as a message in structured mode, as XML.
    ///
    /// - Throws: `CloudEventError` for text that XML cannot hold.
    public static func encodeStructuredXML(
        _ event: CloudEvent
    ) throws(CloudEventError) -> CloudEventHTTPMessage {
        CloudEventHTTPMessage(
            contentType: CloudEventXMLFormat.contentType, body: try CloudEventXMLFormat.encode(event))
    }

    /// The events as a message in batched mode, as JSON.
    public static func encodeBatch(_ events: some Sequence<CloudEvent>) -> CloudEventHTTPMessage {
        CloudEventHTTPMessage(
            contentType: CloudEventJSONFormat.batchContentType, body: CloudEventJSONFormat.encodeBatch(events)
        )
    }
}

/// Headers and body of an HTTP message.
public struct CloudEventHTTPMessage: Sendable, Hashable {
    /// A header.
    public struct Header: Sendable, Hashable {
        /// The name, in lower case.
        public var name: String
        /// The value: printable ASCII for attributes, as it was given for the content type.
        public var value: String

        /// Creates a header.
        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// The headers that belong to the event or batch.
    public var headers: [Header]
    /// The body; empty for an event without data.
    public var body: [UInt8]

    /// Creates a message.
    public init(headers: [Header], body: [UInt8]) {
        self.headers = headers
        self.body = body
    }

    init(contentType: String, body: [UInt8]) {
        self.init(headers: [Header(name: "content-type", value: contentType)], body: body)
    }
}
