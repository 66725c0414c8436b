// SPDX-License-Identifier: Apache-2.0

// Events out of Kafka records that come one after another. Most of them have the same source, type and content type as the one before, so the event of one record is
// made into that of the next: what is the same is compared, and neither checked nor copied nor counted again.

/// Turns the event of one Kafka record into the event of the next, header by header.
///
/// The result is what ``CloudEventKafkaDecoder`` makes of the record, whichever valid event it begins with.
public struct CloudEventKafkaUpdate {
    /// What the record has.
    struct Seen: OptionSet {
        let rawValue: UInt16
        static let specVersion = Seen(rawValue: 1)
        static let id = Seen(rawValue: 2)
        static let source = Seen(rawValue: 4)
        static let type = Seen(rawValue: 8)
        static let subject = Seen(rawValue: 16)
        static let time = Seen(rawValue: 32)
        static let dataSchema = Seen(rawValue: 64)
        /// By `ce_datacontenttype`.
        static let dataContentType = Seen(rawValue: 128)
        /// By the header that every record can have.
        static let contentType = Seen(rawValue: 256)
        static let extensions = Seen(rawValue: 512)
        static let required: Seen = [.specVersion, .id, .source, .type]

        init(rawValue: UInt16) { self.rawValue = rawValue }

        @inline(__always)
        init(_ attribute: CoreAttribute) {
            self =
                switch attribute {
                case .specVersion: .specVersion
                case .id: .id
                case .source: .source
                case .type: .type
                case .subject: .subject
                case .time: .time
                case .dataSchema: .dataSchema
                case .dataContentType: .dataContentType
                }
        }
    }

    var seen: Seen = []
    private var mode = ContentMode.binary
    /// One that the event does not have yet. Checked only once the record turns out to be an event: other records may have any content type.
    private var contentType: String?
    var extensions = CloudEventExtensions()
    /// The last time that was read: events that were published together have the same.
    private var lastTime = LastTime()

    /// An event to begin with, which is none: its attributes are empty.
    public static var beginning: CloudEvent {
        CloudEvent(
            checkedID: "", source: "", type: "", subject: nil, time: nil, dataContentType: nil,
            dataSchema: nil, extensions: CloudEventExtensions(), data: nil)
    }

    /// Begins with a record.
    public init() {}

    /// Takes one header; those that are not about events are ignored. Skip headers with a null value.
    ///
    /// - Throws: `CloudEventError` if the header breaks a rule; the record then is no event, and the next one takes another update.
    public mutating func header(
        name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer, updating event: inout CloudEvent
    ) throws(CloudEventError) {
        if name.count > 3, name[0] == 0x63, name[1] == 0x65, name[2] == 0x5F {
            let name = name.slice(3..<name.count)
            if let attribute = CoreAttribute(name: name) {
                try take(attribute, value, &event)
            } else {
                seen.insert(.extensions)
                try extensions.take(name, text: value)
            }
        } else if name.count == 12, name.equals("content-type") || name.equalsIgnoringCase("content-type") {
            seen.insert(.contentType)
            mode = ContentMode(contentType: value)
            let isKnown = event.dataContentType?.hasBytes(value) ?? false
            contentType = isKnown ? nil : MediaType.string(value)
        }
    }

    @inline(__always)
    mutating func take(
        _ attribute: CoreAttribute, _ value: UnsafeRawBufferPointer, _ event: inout CloudEvent
    ) throws(CloudEventError) {
        let bit = Seen(attribute)
        guard !seen.contains(bit) else { throw CloudEventError(.duplicate, attribute: attribute.name) }
        seen.insert(bit)
        switch attribute {
        case .specVersion: try Self.check(value, attribute)
        case .id: try Self.put(value, attribute, &event.id)
        case .source: try Self.put(value, attribute, &event.source)
        case .type: try Self.put(value, attribute, &event.type)
        case .subject: try Self.put(value, attribute, &event.subject)
        case .dataSchema: try Self.put(value, attribute, &event.dataSchema)
        case .dataContentType: try Self.put(value, attribute, &event.dataContentType)
        case .time:
            guard let time = lastTime.read(value) else {
                throw CloudEventError(value.isEmpty ? .empty : .notTimestamp, attribute: "time", seen: value)
            }
            event.time = time
        }
    }

    /// Ends the record, whose value is lent; whether it is an event. If not, it has no `ce_` headers and is not in structured mode.
    ///
    /// - Throws: `CloudEventError` with the first rule that is broken; the next record then takes another update.
    public mutating func finish(
        value: UnsafeRawBufferPointer?, updating event: inout CloudEvent
    ) throws(CloudEventError) -> Bool {
        defer {
            let time = lastTime
            self = CloudEventKafkaUpdate()
            lastTime = time
        }
        switch mode {
        case .structured(.json):
            let value = value ?? UnsafeRawBufferPointer(start: nil, count: 0)
            if !Self.read(value, updating: &event) { event = try CloudEventJSONFormat.decode(value) }
        case .structured(.xml): event = try CloudEventXMLFormat.decode(value.map { [UInt8]($0) } ?? [])
        case .batch, .unsupported:
            throw CloudEventError(
                .unsupportedFormat, attribute: "content-type", seen: contentType ?? event.dataContentType)
        case .binary:
            guard !seen.subtracting(.contentType).isEmpty else { return false }
            if let contentType { try take(contentType, &event) }
            try checkThatAllIsThere()
            clear(&event)
            event.data = value.map { CloudEventData([UInt8]($0)) }
        }
        return true
    }

    private func take(_ contentType: String, _ event: inout CloudEvent) throws(CloudEventError) {
        var text = contentType
        let rule = text.withUTF8 { CoreAttribute.dataContentType.violation(in: UnsafeRawBufferPointer($0)) }
        if let rule { throw CloudEventError(rule, attribute: "datacontenttype", seen: contentType) }
        event.dataContentType = contentType
    }

    @inline(__always)
    func checkThatAllIsThere() throws(CloudEventError) {
        if seen.isSuperset(of: .required), !seen.isSuperset(of: [.contentType, .dataContentType]) { return }
        guard !seen.isSuperset(of: [.contentType, .dataContentType]) else {
            throw CloudEventError(.duplicate, attribute: "datacontenttype")
        }
        let missing: CoreAttribute =
            if !seen.contains(.specVersion) {
                .specVersion
            } else if !seen.contains(.id) { .id } else if !seen.contains(.source) { .source } else { .type }
        throw CloudEventError(.missing, attribute: missing.name)
    }

    /// Takes away what the event before had and this one does not.
    @inline(__always)
    mutating func clear(_ event: inout CloudEvent) {
        if event.subject != nil, !seen.contains(.subject) { event.subject = nil }
        if event.time != nil, !seen.contains(.time) { event.time = nil }
        if event.dataSchema != nil, !seen.contains(.dataSchema) { event.dataSchema = nil }
        if event.dataContentType != nil, seen.isDisjoint(with: [.contentType, .dataContentType]) {
            event.dataContentType = nil
        }
        if seen.contains(.extensions) {
            event.extensions = extensions
        } else if !event.extensions.isEmpty {
            event.extensions = CloudEventExtensions()
        }
    }

    private static func check(
        _ value: UnsafeRawBufferPointer, _ attribute: CoreAttribute
    ) throws(CloudEventError) {
        if let rule = attribute.violation(in: value) {
            throw CloudEventError(rule, attribute: attribute.name, seen: value)
        }
    }

    @inline(__always)
    private static func put(
        _ value: UnsafeRawBufferPointer, _ attribute: CoreAttribute, _ place: inout String
    ) throws(CloudEventError) {
        if place.hasBytes(value) { return }
        try check(value, attribute)
        place = String(decoding: value, as: UTF8.self)
    }

    @inline(__always)
    private static func put(
        _ value: UnsafeRawBufferPointer, _ attribute: CoreAttribute, _ place: inout String?
    ) throws(CloudEventError) {
        if let text = place, text.hasBytes(value) { return }
        try check(value, attribute)
        place = String(decoding: value, as: UTF8.self)
    }
}

/// A timestamp and its text, which is compared before another is read.
private struct LastTime {
    private var text = SIMD32<UInt8>()
    private var count = 0
    private var time: CloudEventTimestamp?

    /// The timestamp that `bytes` are; nil when they are none.
    @inline(__always)
    mutating func read(_ bytes: UnsafeRawBufferPointer) -> CloudEventTimestamp? {
        guard bytes.count <= SIMD32<UInt8>.scalarCount else { return CloudEventTimestamp(utf8: bytes) }
        var text = SIMD32<UInt8>()
        withUnsafeMutableBytes(of: &text) { $0.copyMemory(from: bytes) }
        if let time, count == bytes.count, text == self.text { return time }
        guard let time = CloudEventTimestamp(utf8: bytes) else { return nil }
        (self.text, count, self.time) = (text, bytes.count, time)
        return time
    }
}

extension CloudEventExtensions {
    /// Adds an attribute in its text form.
    mutating func take(
        _ name: UnsafeRawBufferPointer, text value: UnsafeRawBufferPointer
    ) throws(CloudEventError) {
        let text = String(decoding: name, as: UTF8.self)
        if let rule = TextSyntax.violation(in: value) {
            throw CloudEventError(rule, attribute: text, seen: value)
        }
        if let rule = AttributeName.violation(in: name) { throw CloudEventError(rule, attribute: text) }
        guard insert(text, .string(String(decoding: value, as: UTF8.self))) else {
            throw CloudEventError(.duplicate, attribute: text)
        }
    }
}

extension String {
    /// Whether its UTF-8 is these bytes, of which there are some.
    @inline(__always)
    fileprivate func hasBytes(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard !bytes.isEmpty, utf8.count == bytes.count else { return false }
        let isSame = utf8.withContiguousStorageIfAvailable { own in
            UnsafeRawBufferPointer(own).equals(bytes)
        }
        return isSame ?? false
    }
}
