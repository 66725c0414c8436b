// SPDX-License-Identifier: Apache-2.0

// Events as XML (the CloudEvents XML Event Format): writing. The `ce` prefix is used throughout, and no default
// namespace, so that an XML payload without namespace stays without.
//
// Data is written as an element only if reading it back gives the same bytes: one element, nothing around it,
// relying on no namespace of ours. Other text becomes `xs:string`, and what is not text Base64.

/// The XML event format: `application/cloudevents+xml` and `application/cloudevents-batch+xml`.
public enum CloudEventXMLFormat {
    /// The content type of one event.
    public static let contentType = "application/cloudevents+xml"
    /// The content type of a batch of events.
    public static let batchContentType = "application/cloudevents-batch+xml"

    static let namespace = "http://cloudevents.io/xmlformat/V1"
    static let instanceNamespace = "http://www.w3.org/2001/XMLSchema-instance"
    static let schemaNamespace = "http://www.w3.org/2001/XMLSchema"
    private static let preamble = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    private static let declarations =
        " xmlns:ce=\"\(namespace)\" xmlns:xsi=\"\(instanceNamespace)\" xmlns:xs=\"\(schemaNamespace)\""

    /// The event as an XML document in UTF-8.
    ///
    /// - Throws: `CloudEventError` if the event is not valid, or has an extension whose name starts with a digit.
    public static func encode(_ event: CloudEvent) throws(CloudEventError) -> [UInt8] {
        var text = Array(preamble.utf8)
        try write(event, declarations: declarations, to: &text)
        return text
    }

    /// The events as an XML document.
    ///
    /// - Throws: `CloudEventError` if an event cannot be written; its `eventIndex` tells which.
    public static func encodeBatch(_ events: some Sequence<CloudEvent>) throws(CloudEventError) -> [UInt8] {
        var text = Array("\(preamble)<ce:batch\(declarations)>".utf8)
        for (index, event) in events.enumerated() {
            do throws(CloudEventError) {
                try write(event, declarations: "", to: &text)
            } catch {
                throw error.inEvent(index)
            }
        }
        text.append(contentsOf: "</ce:batch>".utf8)
        return text
    }

    private static func write(
        _ event: CloudEvent, declarations: String, to text: inout [UInt8]
    ) throws(CloudEventError) {
        try event.validate()
        text.append(contentsOf: "<ce:event\(declarations) specversion=\"\(CloudEvent.specVersion)\">".utf8)
        write("id", nil, event.id, to: &text)
        write("source", nil, event.source, to: &text)
        write("type", nil, event.type, to: &text)
        if let subject = event.subject { write("subject", nil, subject, to: &text) }
        if let time = event.time { write("time", nil, time.description, to: &text) }
        if let type = event.dataContentType { write("datacontenttype", nil, type, to: &text) }
        if let schema = event.dataSchema { write("dataschema", nil, schema, to: &text) }
        for element in event.extensions {
            if let first = element.name.utf8.first, first.isASCIIDigit {
                throw CloudEventError(.notXMLName, attribute: element.name)
            }
            write(element.name, element.value.xmlType, element.value.text, to: &text)
        }
        if let data = event.data { write(data, of: event, to: &text) }
        text.append(contentsOf: "</ce:event>".utf8)
    }

    private static func write(_ name: String, _ type: String?, _ value: String, to text: inout [UInt8]) {
        text.append(contentsOf: "<ce:\(name)".utf8)
        if let type { text.append(contentsOf: " xsi:type=\"ce:\(type)\"".utf8) }
        text.append(0x3E)
        appendEscaped(value.utf8, to: &text)
        text.append(contentsOf: "</ce:\(name)>".utf8)
    }

    private static func write(_ data: CloudEventData, of event: CloudEvent, to text: inout [UInt8]) {
        let kind = event.isDataUTF8 ? event.dataKind : .binary
        if kind == .xml, isBareElement(data.bytes) {
            text.append(contentsOf: "<ce:data xsi:type=\"xs:any\">".utf8)
            text.append(contentsOf: data.bytes)
        } else if kind != .binary, isText(data.bytes) {
            text.append(contentsOf: "<ce:data xsi:type=\"xs:string\">".utf8)
            appendEscaped(data.bytes, to: &text)
        } else {
            text.append(contentsOf: "<ce:data xsi:type=\"xs:base64Binary\">".utf8)
            text.append(contentsOf: Base64.encodedUTF8(data.bytes))
        }
        text.append(contentsOf: "</ce:data>".utf8)
    }

    /// Appends character data; a carriage return must be a reference or it would be read as a line feed.
    static func appendEscaped(_ value: some Sequence<UInt8>, to text: inout [UInt8]) {
        for byte in value {
            switch byte {
            case 0x26: text.append(contentsOf: "&amp;".utf8)
            case 0x3C: text.append(contentsOf: "&lt;".utf8)
            case 0x3E: text.append(contentsOf: "&gt;".utf8)
            case 0x22: text.append(contentsOf: "&quot;".utf8)
            case 0x0D: text.append(contentsOf: "&#13;".utf8)
            default: text.append(byte)
            }
        }
    }

    /// Whether the bytes are UTF-8 text of characters that XML allows.
    private static func isText(_ bytes: [UInt8]) -> Bool {
        guard let text = String(validating: bytes, as: UTF8.self) else { return false }
        return text.unicodeScalars.allSatisfy {
            switch $0.value {
            case 0x09, 0x0A, 0x0D, 0x20...0xFFFD, 0x10000...: true
            default: false
            }
        }
    }

    /// Whether the bytes are one element that can be placed in an event and cut out again unchanged.
    private static func isBareElement(_ bytes: [UInt8]) -> Bool {
        guard bytes.first == 0x3C, bytes.last == 0x3E else { return false }
        // Read in place, with our namespaces in scope and two levels used by event and batch.
        let framed =
            Array("<ce:batch\(declarations)><ce:event><ce:data>".utf8) + bytes
            + Array("</ce:data></ce:event></ce:batch>".utf8)
        let element = framed.withUnsafeBytes { framed -> [UInt8]? in
            do throws(CloudEventError) {
                var scanner = try XMLScanner(framed)
                for _ in 0..<3 { _ = try scanner.next() }
                return try scanner.readOnlyChild()
            } catch {
                return nil
            }
        }
        return element == bytes
    }
}

extension CloudEventValue {
    /// The XML format's name for the value's type.
    fileprivate var xmlType: String {
        switch self {
        case .boolean: "boolean"
        case .integer: "integer"
        case .string: "string"
        case .binary: "binary"
        case .uri: "uri"
        case .uriReference: "uriRef"
        case .timestamp: "timestamp"
        }
    }
}
