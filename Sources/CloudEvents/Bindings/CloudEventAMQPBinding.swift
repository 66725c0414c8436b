// SPDX-License-Identifier: Apache-2.0

// Events in AMQP messages (AMQP Protocol Binding 1.0.2, whose application properties are the headers of AMQP 0-9-1). Headers have types of their own,
// so that extensions need not become text. Independent of any AMQP library: headers go in one by one.

/// The AMQP protocol binding: what headers are called, and when an event has to be structured.
public enum CloudEventAMQPBinding {
    /// What is in front of attribute names when they are written. `cloudEvents:` is read too.
    public static let prefix: StaticString = "cloudEvents_"

    /// Whether binary mode cannot hold an event: its data is itself a structured event, or a name or content type is longer than a short string.
    public static func needsStructuredMode(_ event: CloudEvent) -> Bool {
        if event.needsStructuredMode || event.dataContentType?.utf8.count ?? 0 > 255 { return true }
        return event.extensions.contains { $0.name.utf8.count > 255 - prefix.utf8CodeUnitCount }
    }
}

/// Reads the event of an AMQP message header by header.
public struct CloudEventAMQPDecoder {
    private var attributes = AttributeCollector()
    private var mode = ContentMode.binary
    private var hasAttributes = false
    /// Checked only once the message turns out to be an event: other messages may have any content type.
    private var contentType: String?

    /// Creates a decoder for one message.
    public init() {}

    /// Takes the property content-type.
    public mutating func take(contentType: String) {
        var text = contentType
        mode = text.withUTF8 { ContentMode(contentType: UnsafeRawBufferPointer($0)) }
        self.contentType = contentType
    }

    /// Takes a header with text; those that are not about events are ignored.
    ///
    /// - Throws: `CloudEventError` if the header breaks a rule.
    public mutating func header(
        name: UnsafeRawBufferPointer, text: UnsafeRawBufferPointer
    ) throws(CloudEventError) {
        guard Self.isAttribute(name) else { return }
        hasAttributes = true
        try attributes.take(UnsafeRawBufferPointer(rebasing: name[12...]), text: text)
    }

    /// Takes a header with a value of another type; those that are not about events are ignored.
    ///
    /// - Throws: `CloudEventError` if the header breaks a rule.
    public mutating func header(
        name: UnsafeRawBufferPointer, value: CloudEventValue
    ) throws(CloudEventError) {
        guard Self.isAttribute(name) else { return }
        hasAttributes = true
        let name = UnsafeRawBufferPointer(rebasing: name[12...])
        guard CoreAttribute(name: name) == nil else {
            return try Array(value.text.utf8).withUnsafeBufferPointer { (text) throws(CloudEventError) in
                try attributes.take(name, text: UnsafeRawBufferPointer(text))
            }
        }
        try attributes.take(name, value)
    }

    /// The event, nil if the message has no attributes in its headers and is not in structured mode.
    ///
    /// - Parameter body: the message's body. An empty one is data only where there is a content type.
    /// - Throws: `CloudEventError` with the first rule that is broken.
    public consuming func event(body: [UInt8]) throws(CloudEventError) -> CloudEvent? {
        switch mode {
        case .structured(.json): return try CloudEventJSONFormat.decode(body)
        case .structured(.xml): return try CloudEventXMLFormat.decode(body)
        case .batch, .unsupported:
            throw CloudEventError(.unsupportedFormat, attribute: "content-type", seen: contentType)
        case .binary:
            guard hasAttributes else { return nil }
            if let contentType { try attributes.take(contentType: contentType) }
            let hasData = !body.isEmpty || contentType != nil
            return try attributes.event(data: hasData ? CloudEventData(body) : nil)
        }
    }

    private static func isAttribute(_ name: UnsafeRawBufferPointer) -> Bool {
        guard name.count > 12, name[11] == UInt8(ascii: "_") || name[11] == UInt8(ascii: ":") else {
            return false
        }
        return UnsafeRawBufferPointer(rebasing: name[..<11]).elementsEqual("cloudEvents".utf8)
    }
}
