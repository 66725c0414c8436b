// SPDX-License-Identifier: Apache-2.0

// Where every decoder puts the attributes it meets: checks each value once, on the bytes as they arrived,
// refuses repetitions, and makes one String per attribute. This is the hot half of reading an event.

/// An event under construction.
struct AttributeCollector {
    private var hasSpecVersion = false
    private var id: String?
    private var source: String?
    private var type: String?
    private var subject: String?
    private var time: CloudEventTimestamp?
    private(set) var dataContentType: String?
    private var dataSchema: String?
    private var extensions = CloudEventExtensions()

    /// Whether nothing was collected but perhaps a content type.
    var isEmpty: Bool {
        !hasSpecVersion && id == nil && source == nil && type == nil && subject == nil && time == nil
            && dataSchema == nil && extensions.isEmpty
    }

    /// Takes an attribute in its text form.
    ///
    /// - Parameters:
    ///   - name: the name without a binding's prefix.
    ///   - value: the text, decoded from what the binding makes of it.
    ///   - ignoringCase: whether the letters of `name` count without regard to case.
    @inline(__always)
    mutating func take(
        _ name: UnsafeRawBufferPointer, text value: UnsafeRawBufferPointer, ignoringCase: Bool = false
    ) throws(CloudEventError) {
        if let attribute = CoreAttribute(name: name, ignoringCase: ignoringCase) {
            try take(attribute, value)
        } else {
            if let rule = TextSyntax.violation(in: value) {
                throw CloudEventError(rule, attribute: String(decoding: name, as: UTF8.self), seen: value)
            }
            let text = String(decoding: value, as: UTF8.self)
            try take(name, .string(text), ignoringCase: ignoringCase)
        }
    }

    /// Takes an attribute of the specification.
    mutating func take(
        _ attribute: CoreAttribute, _ value: UnsafeRawBufferPointer
    ) throws(CloudEventError) {
        if attribute == .time {
            guard let timestamp = CloudEventTimestamp(utf8: value) else {
                throw CloudEventError(value.isEmpty ? .empty : .notTimestamp, attribute: "time", seen: value)
            }
            guard time == nil else { throw CloudEventError(.duplicate, attribute: "time") }
            time = timestamp
            return
        }
        if let rule = attribute.violation(in: value) {
            throw CloudEventError(rule, attribute: attribute.name, seen: value)
        }
        let isFirst: Bool
        switch attribute {
        case .specVersion:
            isFirst = !hasSpecVersion
            hasSpecVersion = true
        case .id: isFirst = Self.put(value, &id)
        case .source: isFirst = Self.put(value, &source)
        case .type: isFirst = Self.put(value, &type)
        case .subject: isFirst = Self.put(value, &subject)
        case .dataSchema: isFirst = Self.put(value, &dataSchema)
        case .dataContentType:
            isFirst = dataContentType == nil
            dataContentType = MediaType.string(value)
        case .time: isFirst = true
        }
        guard isFirst else { throw CloudEventError(.duplicate, attribute: attribute.name) }
    }

    /// Takes a content type that a binding has kept aside.
    mutating func take(contentType: String) throws(CloudEventError) {
        var text = contentType
        let rule = text.withUTF8 { CoreAttribute.dataContentType.violation(in: UnsafeRawBufferPointer($0)) }
        if let rule { throw CloudEventError(rule, attribute: "datacontenttype", seen: contentType) }
        guard dataContentType == nil else { throw CloudEventError(.duplicate, attribute: "datacontenttype") }
        dataContentType = contentType
    }

    /// Takes an extension whose value is checked; its name is checked here.
    mutating func take(
        _ name: UnsafeRawBufferPointer, _ value: CloudEventValue, ignoringCase: Bool = false
    ) throws(CloudEventError) {
        var rule = AttributeName.violation(in: name)
        var text = String(decoding: name, as: UTF8.self)
        if ignoringCase, rule == .invalidName {
            text = String(decoding: name.lazy.map(\.asciiLowercased), as: UTF8.self)
            rule = text.withUTF8 { AttributeName.violation(in: UnsafeRawBufferPointer($0)) }
        }
        if let rule { throw CloudEventError(rule, attribute: text) }
        guard extensions.insert(text, value) else { throw CloudEventError(.duplicate, attribute: text) }
    }

    /// Whether an attribute with this exact name was taken.
    func has(_ name: UnsafeRawBufferPointer) -> Bool {
        switch CoreAttribute(name: name) {
        case .specVersion: hasSpecVersion
        case .id: id != nil
        case .source: source != nil
        case .type: type != nil
        case .subject: subject != nil
        case .time: time != nil
        case .dataContentType: dataContentType != nil
        case .dataSchema: dataSchema != nil
        case nil: extensions[String(decoding: name, as: UTF8.self)] != nil
        }
    }

    /// The event, if all required attributes are there.
    ///
    /// - Parameter impliedContentType: what the format says the data is, if the event does not.
    consuming func event(
        data: CloudEventData?, impliedContentType: String? = nil
    ) throws(CloudEventError) -> CloudEvent {
        guard hasSpecVersion else { throw CloudEventError(.missing, attribute: "specversion") }
        guard let id else { throw CloudEventError(.missing, attribute: "id") }
        guard let source else { throw CloudEventError(.missing, attribute: "source") }
        guard let type else { throw CloudEventError(.missing, attribute: "type") }
        return CloudEvent(
            checkedID: id, source: source, type: type, subject: subject, time: time,
            dataContentType: dataContentType ?? impliedContentType, dataSchema: dataSchema,
            extensions: extensions, data: data)
    }

    /// Stores a value; false if there was one.
    @inline(__always)
    private static func put(_ value: UnsafeRawBufferPointer, _ place: inout String?) -> Bool {
        guard place == nil else { return false }
        place = String(decoding: value, as: UTF8.self)
        return true
    }
}

extension MediaType {
    /// The text of a media type; the most common one costs no allocation.
    @inline(__always)
    static func string(_ value: UnsafeRawBufferPointer) -> String {
        value.equals("application/json") ? "application/json" : String(decoding: value, as: UTF8.self)
    }
}
