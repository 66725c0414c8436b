// SPDX-License-Identifier: Apache-2.0

// Reading events from JSON text. One pass over the members; `data` is only noted on the way, because what it is
// depends on `datacontenttype`, which may come after it.

package import JSONText

extension CloudEventJSONFormat {
    /// Reads one event.
    ///
    /// Data without a content type is JSON by the format's rule (section 3.1.2), so that the event gets
    /// `application/json`, which makes it mean the same in every other format.
    ///
    /// - Throws: `CloudEventError` with the first rule that is broken.
    public static func decode(_ bytes: [UInt8]) throws(CloudEventError) -> CloudEvent {
        try bytes.withUnsafeBufferPointer { (bytes) throws(CloudEventError) in
            try decode(UnsafeRawBufferPointer(bytes))
        }
    }

    /// Reads one event from borrowed bytes.
    ///
    /// - Throws: `CloudEventError` with the first rule that is broken.
    public static func decode(_ bytes: UnsafeRawBufferPointer) throws(CloudEventError) -> CloudEvent {
        // One level more than data may have, for the event itself.
        var scanner = JSONScanner(bytes, depthLimit: dataDepthLimit + 1)
        let event = try decode(from: &scanner)
        try wrap { () throws(JSONError) in try scanner.expectEnd() }
        return event
    }

    /// Reads a batch.
    ///
    /// - Parameters:
    ///   - bytes: a JSON array of events, perhaps empty.
    ///   - eventCountMax: more events than this are refused.
    /// - Throws: `CloudEventError` with the first rule that is broken; its `eventIndex` tells by which event.
    public static func decodeBatch(
        _ bytes: [UInt8], eventCountMax: Int = 10_000
    ) throws(CloudEventError) -> [CloudEvent] {
        try bytes.withUnsafeBufferPointer { (bytes) throws(CloudEventError) in
            try decodeBatch(UnsafeRawBufferPointer(bytes), eventCountMax: eventCountMax)
        }
    }

    /// Reads a batch from borrowed bytes.
    ///
    /// - Parameters:
    ///   - bytes: a JSON array of events, perhaps empty.
    ///   - eventCountMax: more events than this are refused.
    /// - Throws: `CloudEventError` with the first rule that is broken; its `eventIndex` tells by which event.
    public static func decodeBatch(
        _ bytes: UnsafeRawBufferPointer, eventCountMax: Int = 10_000
    ) throws(CloudEventError) -> [CloudEvent] {
        var scanner = JSONScanner(bytes, depthLimit: dataDepthLimit + 2)
        var events: [CloudEvent] = []
        try wrap { () throws(JSONError) in try scanner.beginArray() }
        while try wrap({ () throws(JSONError) in try scanner.nextElement() }) {
            guard events.count < eventCountMax else {
                throw CloudEventError(.tooManyEvents(limit: eventCountMax))
            }
            do throws(CloudEventError) {
                events.append(try decode(from: &scanner))
            } catch {
                throw error.inEvent(events.count)
            }
        }
        try wrap { () throws(JSONError) in try scanner.expectEnd() }
        return events
    }

    /// Reads the event that comes next in a longer text.
    package static func decode(from scanner: inout JSONScanner) throws(CloudEventError) -> CloudEvent {
        var reader = JSONEventReader()
        try wrap { () throws(JSONError) in try scanner.beginObject() }
        while let name = try wrap({ () throws(JSONError) in try scanner.nextName() }) {
            try reader.readMember(name, &scanner)
        }
        return try reader.event(scanner)
    }

    /// Turns a JSON error into one of an event.
    static func wrap<Value>(_ body: () throws(JSONError) -> Value) throws(CloudEventError) -> Value {
        do throws(JSONError) {
            return try body()
        } catch {
            throw CloudEventError(.malformedJSON(reason: "\(error.reason)", offset: error.offset))
        }
    }
}

/// The members of one event, as they are read.
private struct JSONEventReader {
    private var attributes = AttributeCollector()
    /// Attributes that were `null`: absent, but not to be repeated. Nearly always empty.
    private var nullNames: [[UInt8]] = []
    private var data: Range<Int>?
    private var base64: JSONStringSlice?
    private var hasBase64 = false

    mutating func readMember(
        _ name: JSONStringSlice, _ scanner: inout JSONScanner
    ) throws(CloudEventError) {
        if scanner.string(name, equals: "data") {
            guard data == nil else { throw CloudEventError(.duplicate, attribute: "data") }
            data = try CloudEventJSONFormat.wrap { () throws(JSONError) in try scanner.skipValue() }
        } else if scanner.string(name, equals: "data_base64") {
            try readBase64(&scanner)
        } else if name.hasEscapes {
            let utf8 = scanner.utf8(name)
            try utf8.withUnsafeBufferPointer { (utf8) throws(CloudEventError) in
                try readAttribute(UnsafeRawBufferPointer(utf8), &scanner)
            }
        } else {
            try readAttribute(scanner.bytes(name.range), &scanner)
        }
    }

    private mutating func readBase64(_ scanner: inout JSONScanner) throws(CloudEventError) {
        guard !hasBase64 else { throw CloudEventError(.duplicate, attribute: "data_base64") }
        hasBase64 = true
        switch try kind(&scanner) {
        case .null: try CloudEventJSONFormat.wrap { () throws(JSONError) in try scanner.scanNull() }
        case .string:
            base64 = try CloudEventJSONFormat.wrap { () throws(JSONError) in try scanner.scanString() }
        default: throw CloudEventError(.wrongValueType, attribute: "data_base64")
        }
    }

    private mutating func readAttribute(
        _ name: UnsafeRawBufferPointer, _ scanner: inout JSONScanner
    ) throws(CloudEventError) {
        let kind = try kind(&scanner)
        if kind == .null || !nullNames.isEmpty { try checkRepetition(name, isNull: kind == .null) }
        switch kind {
        case .string:
            let slice = try CloudEventJSONFormat.wrap { () throws(JSONError) in try scanner.scanString() }
            try take(name, slice, scanner)
        case .null:
            try CloudEventJSONFormat.wrap { () throws(JSONError) in try scanner.scanNull() }
        case .bool where CoreAttribute(name: name) == nil:
            let value = try CloudEventJSONFormat.wrap { () throws(JSONError) in try scanner.scanBool() }
            try attributes.take(name, .boolean(value))
        case .number where CoreAttribute(name: name) == nil:
            let range = try CloudEventJSONFormat.wrap { () throws(JSONError) in try scanner.scanNumber() }
            let text = String(decoding: scanner.bytes(range), as: UTF8.self)
            guard let value = Int32(text) else {
                throw CloudEventError(
                    .notInteger, attribute: String(decoding: name, as: UTF8.self), seen: text)
            }
            try attributes.take(name, .integer(value))
        default:
            throw CloudEventError(.wrongValueType, attribute: String(decoding: name, as: UTF8.self))
        }
    }

    private mutating func take(
        _ name: UnsafeRawBufferPointer, _ slice: JSONStringSlice, _ scanner: JSONScanner
    ) throws(CloudEventError) {
        guard slice.hasEscapes else { return try attributes.take(name, text: scanner.bytes(slice.range)) }
        let utf8 = scanner.utf8(slice)
        try utf8.withUnsafeBufferPointer { (utf8) throws(CloudEventError) in
            try attributes.take(name, text: UnsafeRawBufferPointer(utf8))
        }
    }

    private mutating func checkRepetition(
        _ name: UnsafeRawBufferPointer, isNull: Bool
    ) throws(CloudEventError) {
        let text = String(decoding: name, as: UTF8.self)
        if nullNames.contains(where: { name.elementsEqual($0) }) || attributes.has(name) {
            throw CloudEventError(.duplicate, attribute: text)
        }
        guard isNull else { return }
        if CoreAttribute(name: name) == nil, let rule = AttributeName.violation(in: name) {
            throw CloudEventError(rule, attribute: text)
        }
        nullNames.append(Array(name))
    }

    private func kind(_ scanner: inout JSONScanner) throws(CloudEventError) -> JSONKind {
        try CloudEventJSONFormat.wrap { () throws(JSONError) in try scanner.peekKind() }
    }

    // MARK: - The end

    consuming func event(_ scanner: JSONScanner) throws(CloudEventError) -> CloudEvent {
        if let base64 {
            guard data == nil else { throw CloudEventError(.ambiguousData, attribute: "data") }
            let text = scanner.utf8(base64)
            guard let bytes = text.withUnsafeBytes({ Base64.decoded($0) }) else {
                throw CloudEventError(
                    .notBase64, attribute: "data_base64", seen: String(decoding: text, as: UTF8.self))
            }
            return try attributes.event(data: CloudEventData(bytes))
        }
        guard let data else { return try attributes.event(data: nil) }
        guard var type = attributes.dataContentType else {
            return try attributes.event(
                data: CloudEventData(Array(scanner.bytes(data))), impliedContentType: "application/json")
        }
        let (kind, isUTF8) = type.withUTF8 { type in
            let type = UnsafeRawBufferPointer(type)
            return (MediaType.kind(of: type), MediaType.isUTF8(type))
        }
        guard kind != .json else {
            return try attributes.event(data: CloudEventData(Array(scanner.bytes(data))))
        }
        guard isUTF8 else { throw CloudEventError(.unsupportedCharset, attribute: "data", seen: type) }
        return try attributes.event(data: CloudEventData(try Self.text(scanner.bytes(data))))
    }

    /// The value of the JSON string that `bytes` are.
    private static func text(_ bytes: UnsafeRawBufferPointer) throws(CloudEventError) -> [UInt8] {
        var scanner = JSONScanner(bytes)
        guard bytes.first == 0x22, let slice = try? scanner.scanString() else {
            throw CloudEventError(.wrongValueType, attribute: "data", seen: bytes)
        }
        return scanner.utf8(slice)
    }
}
