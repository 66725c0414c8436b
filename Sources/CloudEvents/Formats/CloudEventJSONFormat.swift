// SPDX-License-Identifier: Apache-2.0

// Events as JSON text (JSON Event Format 1.0.2): writing. Reading is in CloudEventJSONFormat+Decoding.
//
// Data whose content type announces JSON is placed in the text byte for byte; other text becomes a JSON string;
// everything else, and whatever is not what its content type says, becomes Base64, so that no byte is lost.

package import JSONText

/// The JSON event format: `application/cloudevents+json` and `application/cloudevents-batch+json`.
public enum CloudEventJSONFormat {
    /// The content type of one event.
    public static let contentType = "application/cloudevents+json"
    /// The content type of a batch of events.
    public static let batchContentType = "application/cloudevents-batch+json"
    /// Nesting of `data` that is placed in the text as JSON; deeper data is written as Base64.
    static let dataDepthLimit = 128

    /// The event as UTF-8 JSON text.
    public static func encode(_ event: CloudEvent) -> [UInt8] {
        var writer = JSONWriter(capacity: sizeEstimate(event))
        write(event, to: &writer)
        return writer.bytes
    }

    /// The events as a JSON array.
    public static func encodeBatch(_ events: some Sequence<CloudEvent>) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginArray()
        for event in events { write(event, to: &writer) }
        writer.endArray()
        return writer.bytes
    }

    /// Writes the event as a JSON object.
    ///
    /// - Parameter keepingWhitespace: whether JSON data with white space around it is written as Base64, because
    ///   a reader cannot know that white space; else it is placed as it is.
    package static func write(
        _ event: CloudEvent, to writer: inout JSONWriter, keepingWhitespace: Bool = false
    ) {
        writer.beginObject()
        writer.key("specversion" as StaticString)
        writer.string(CloudEvent.specVersion)
        writer.key("id" as StaticString)
        writer.string(event.id)
        writer.key("source" as StaticString)
        writer.string(event.source)
        writer.key("type" as StaticString)
        writer.string(event.type)
        writeOptional("subject", event.subject, to: &writer)
        if let time = event.time {
            writer.key("time" as StaticString)
            withUnsafeTemporaryAllocation(byteCount: CloudEventTimestamp.textCountMax, alignment: 1) {
                let count = time.write(to: $0)
                writer.string(utf8: UnsafeRawBufferPointer(rebasing: $0[..<count]))
            }
        }
        writeOptional("datacontenttype", event.dataContentType, to: &writer)
        writeOptional("dataschema", event.dataSchema, to: &writer)
        for element in event.extensions {
            writer.key(element.name)
            switch element.value {
            case .boolean(let value): writer.bool(value)
            case .integer(let value): writer.integer(Int64(value))
            default: writer.string(element.value.text)
            }
        }
        if let data = event.data { write(data, of: event, to: &writer, keepingWhitespace) }
        writer.endObject()
    }

    private static func writeOptional(_ name: StaticString, _ value: String?, to writer: inout JSONWriter) {
        guard let value else { return }
        writer.key(name)
        writer.string(value)
    }

    private static func write(
        _ data: CloudEventData, of event: CloudEvent, to writer: inout JSONWriter, _ keepingWhitespace: Bool
    ) {
        data.bytes.withUnsafeBytes { bytes in
            switch event.dataKind {
            case .json where event.isDataUTF8 && isJSON(bytes, bare: keepingWhitespace):
                writer.key("data" as StaticString)
                writer.raw(bytes)
            case .text where event.isDataUTF8 && isUTF8(bytes), .xml where event.isDataUTF8 && isUTF8(bytes):
                writer.key("data" as StaticString)
                writer.string(utf8: bytes)
            default:
                writer.key("data_base64" as StaticString)
                Base64.encodedUTF8(data.bytes).withUnsafeBytes { writer.string(utf8: $0) }
            }
        }
    }

    /// Whether the bytes are one JSON value; `bare` forbids white space around it.
    private static func isJSON(_ bytes: UnsafeRawBufferPointer, bare: Bool) -> Bool {
        var scanner = JSONScanner(bytes, depthLimit: dataDepthLimit)
        do throws(JSONError) {
            let range = try scanner.skipValue()
            try scanner.expectEnd()
            return !bare || range.count == bytes.count
        } catch {
            return false
        }
    }

    static func isUTF8(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let base = bytes.baseAddress else { return true }
        var index = 0
        while index < bytes.count {
            guard let next = JSONBytes.endOfScalar(base, index, bytes.count) else { return false }
            index = next
        }
        return true
    }

    static func sizeEstimate(_ event: CloudEvent) -> Int {
        256 + (event.data?.bytes.count ?? 0) * 4 / 3 + event.extensions.count * 48
    }
}

extension CloudEvent {
    /// Whether the content type leaves the data's text in UTF-8.
    package var isDataUTF8: Bool {
        guard var type = dataContentType else { return true }
        return type.withUTF8 { MediaType.isUTF8(UnsafeRawBufferPointer($0)) }
    }
}
