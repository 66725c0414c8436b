// SPDX-License-Identifier: Apache-2.0

// Reading events from XML. Elements of other namespaces and unknown XML attributes are passed over, as the format
// asks; everything in the CloudEvents namespace is taken at its word.

extension CloudEventXMLFormat {
    /// Reads one event.
    ///
    /// - Throws: `CloudEventError` with the first rule that is broken.
    public static func decode(_ bytes: [UInt8]) throws(CloudEventError) -> CloudEvent {
        try bytes.withUnsafeBufferPointer { (bytes) throws(CloudEventError) in
            var scanner = try XMLScanner(UnsafeRawBufferPointer(bytes))
            let root = try scanner.readRoot("event")
            let event = try scanner.readEvent(root)
            try scanner.expectEndOfDocument()
            return event
        }
    }

    /// Reads a batch.
    ///
    /// - Parameters:
    ///   - bytes: a document whose root is `batch`.
    ///   - eventCountMax: more events than this are refused.
    /// - Throws: `CloudEventError` with the first rule that is broken; its `eventIndex` tells by which event.
    public static func decodeBatch(
        _ bytes: [UInt8], eventCountMax: Int = 10_000
    ) throws(CloudEventError) -> [CloudEvent] {
        try bytes.withUnsafeBufferPointer { (bytes) throws(CloudEventError) in
            var scanner = try XMLScanner(UnsafeRawBufferPointer(bytes))
            _ = try scanner.readRoot("batch")
            var events: [CloudEvent] = []
            while let tag = try scanner.nextChild(of: "batch") {
                guard scanner.text(tag.local) == "event" else {
                    throw scanner.failure("a batch may contain only events")
                }
                guard events.count < eventCountMax else {
                    throw CloudEventError(.tooManyEvents(limit: eventCountMax))
                }
                do throws(CloudEventError) {
                    events.append(try scanner.readEvent(tag))
                } catch {
                    throw error.inEvent(events.count)
                }
            }
            try scanner.expectEndOfDocument()
            return events
        }
    }
}

// MARK: - Structure

extension XMLScanner {
    func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

    /// Reads up to the root's start tag, which must have this name.
    fileprivate mutating func readRoot(_ name: String) throws(CloudEventError) -> XMLStartTag {
        while true {
            guard case .start(let tag) = try next() else { continue }
            guard text(tag.local) == name, tag.namespace.elementsEqual(CloudEventXMLFormat.namespace.utf8)
            else {
                throw failure("the root is not \(name) in the namespace \(CloudEventXMLFormat.namespace)")
            }
            return tag
        }
    }

    fileprivate mutating func expectEndOfDocument() throws(CloudEventError) {
        while true {
            if case .endOfDocument = try next() { return }
        }
    }

    /// The next child element in the CloudEvents namespace, nil at the end of the parent; others are skipped.
    fileprivate mutating func nextChild(of parent: StaticString) throws(CloudEventError) -> XMLStartTag? {
        while true {
            switch try next() {
            case .start(let tag):
                if tag.namespace.elementsEqual(CloudEventXMLFormat.namespace.utf8) { return tag }
                try skipElement()
            case .text(let text):
                guard text.allSatisfy(Self.isSpace) else { throw failure("text directly inside \(parent)") }
            case .end, .endOfDocument: return nil
            case .other: continue
            }
        }
    }

    fileprivate mutating func readEvent(_ tag: XMLStartTag) throws(CloudEventError) -> CloudEvent {
        var attributes = AttributeCollector()
        if let version = tag.attributes.first(where: {
            $0.namespace.isEmpty && bytes[$0.local].elementsEqual("specversion".utf8)
        }) {
            try version.value.withUnsafeBufferPointer { (value) throws(CloudEventError) in
                try attributes.take(.specVersion, UnsafeRawBufferPointer(value))
            }
        }
        var data: CloudEventData?
        while let child = try nextChild(of: "event") {
            if bytes[child.local].elementsEqual("data".utf8) {
                guard data == nil else { throw CloudEventError(.ambiguousData, attribute: "data") }
                data = try readData(child)
            } else {
                try readAttribute(child, &attributes)
            }
        }
        return try attributes.event(data: data)
    }

    /// The text of an element without children.
    private mutating func readContent(of name: String) throws(CloudEventError) -> [UInt8] {
        var content: [UInt8] = []
        while true {
            switch try next() {
            case .text(let text): content += text
            case .other: continue
            case .end, .endOfDocument: return content
            case .start: throw CloudEventError(.wrongValueType, attribute: name, seen: "an element inside")
            }
        }
    }
}

// MARK: - Attributes

extension XMLScanner {
    private mutating func readAttribute(
        _ tag: XMLStartTag, _ attributes: inout AttributeCollector
    ) throws(CloudEventError) {
        let name = text(tag.local)
        let type = try self.type(of: tag, in: CloudEventXMLFormat.namespace, usualPrefixes: ["ce"])
        let content = try readContent(of: name)
        guard !content.contains(0x0A), !content.contains(0x0D) else {
            throw CloudEventError(
                .controlCharacter, attribute: name, seen: String(decoding: content, as: UTF8.self))
        }
        try content.withUnsafeBufferPointer { (content) throws(CloudEventError) in
            let content = UnsafeRawBufferPointer(content)
            if let core = CoreAttribute(name: bytes.slice(tag.local)), core != .specVersion {
                guard type == nil || type == core.xmlType else {
                    throw CloudEventError(.wrongValueType, attribute: name, seen: type)
                }
                try attributes.take(core, content)
            } else {
                guard let type else {
                    throw CloudEventError(.wrongValueType, attribute: name, seen: "no xsi:type")
                }
                let value = try Self.value(content, type: type, of: name)
                try attributes.take(bytes.slice(tag.local), value)
            }
        }
    }

    private static func value(
        _ content: UnsafeRawBufferPointer, type: String, of name: String
    ) throws(CloudEventError) -> CloudEventValue {
        if let rule = TextSyntax.violation(in: content) {
            throw CloudEventError(rule, attribute: name, seen: content)
        }
        let text = String(decoding: content, as: UTF8.self)
        let value: CloudEventValue?
        let rule: CloudEventError.Rule
        switch type {
        case "boolean":
            (value, rule) = (CloudEventValue.string(text).asBoolean.map { .boolean($0) }, .notBoolean)
        case "integer": (value, rule) = (Int32(canonical: text).map { .integer($0) }, .notInteger)
        case "string": (value, rule) = (.string(text), .wrongValueType)
        case "binary": (value, rule) = (Base64.decoded(content).map { .binary($0) }, .notBase64)
        case "uri": (value, rule) = (.uri(text), .notURI)
        case "uriRef": (value, rule) = (.uriReference(text), .notURIReference)
        case "timestamp":
            (value, rule) = (CloudEventTimestamp(utf8: content).map { .timestamp($0) }, .notTimestamp)
        default: throw CloudEventError(.wrongValueType, attribute: name, seen: "ce:\(type)")
        }
        guard let value, value.violation == nil else {
            throw CloudEventError(rule, attribute: name, seen: text)
        }
        return value
    }

    /// The local part of `xsi:type` if it is of the given namespace, nil if there is no such attribute.
    ///
    /// Writers are known to leave out the declaration of the prefix inside the value, as a plain XML parser does
    /// not need it; hence the usual prefixes are understood when they are not declared as something else.
    private mutating func type(
        of tag: XMLStartTag, in namespace: String, usualPrefixes: [String]
    ) throws(CloudEventError) -> String? {
        guard
            let attribute = tag.attributes.first(where: {
                $0.namespace.elementsEqual(CloudEventXMLFormat.instanceNamespace.utf8)
                    && bytes[$0.local].elementsEqual("type".utf8)
            })
        else { return nil }
        let parts = attribute.value.split(separator: 0x3A, omittingEmptySubsequences: false)
        let prefix = parts.count == 2 ? Array(parts[0]) : []
        let isRight: Bool
        if let uri = namespaces.uri(of: prefix) {
            isRight = uri.elementsEqual(namespace.utf8)
        } else {
            isRight = usualPrefixes.contains { prefix.elementsEqual($0.utf8) }
        }
        let value = String(decoding: attribute.value, as: UTF8.self)
        guard isRight, parts.count <= 2, let local = parts.last else {
            throw CloudEventError(.wrongValueType, attribute: text(tag.local), seen: value)
        }
        return String(decoding: local, as: UTF8.self)
    }
}

extension CoreAttribute {
    fileprivate var xmlType: String {
        switch self {
        case .specVersion, .id, .type, .subject, .dataContentType: "string"
        case .source: "uriRef"
        case .dataSchema: "uri"
        case .time: "timestamp"
        }
    }
}

// MARK: - Data

extension XMLScanner {
    private mutating func readData(_ tag: XMLStartTag) throws(CloudEventError) -> CloudEventData {
        let type = try self.type(
            of: tag, in: CloudEventXMLFormat.schemaNamespace, usualPrefixes: ["xs", "xsd"])
        switch type {
        case "string": return CloudEventData(try readContent(of: "data"))
        case "base64Binary":
            let text = try readContent(of: "data").filter { !Self.isSpace($0) }
            guard let bytes = text.withUnsafeBytes({ Base64.decoded($0) }) else {
                throw CloudEventError(
                    .notBase64, attribute: "data", seen: String(decoding: text, as: UTF8.self))
            }
            return CloudEventData(bytes)
        case "any": return CloudEventData(try readOnlyChild())
        default: throw CloudEventError(.wrongValueType, attribute: "data", seen: type ?? "no xsi:type")
        }
    }

    /// The one child element of the element just entered, byte for byte, with the namespace declarations added
    /// that it takes from its surroundings.
    mutating func readOnlyChild() throws(CloudEventError) -> [UInt8] {
        var element: [UInt8]?
        while true {
            namespaces.startTracking()
            switch try next() {
            case .start(let tag):
                guard element == nil else { throw failure("more than one element in data") }
                try skipElement()
                let inherited = namespaces.finishTracking()
                element = cut(tag.start..<position, nameEnd: tag.name.upperBound, adding: inherited)
            case .text(let text):
                guard text.allSatisfy(Self.isSpace) else { throw failure("text next to the element in data") }
            case .other: continue
            case .end, .endOfDocument:
                _ = namespaces.finishTracking()
                guard let element else { throw failure("data of type xs:any without an element") }
                return element
            }
        }
    }

    private func cut(
        _ range: Range<Int>, nameEnd: Int, adding inherited: [XMLNamespaces.Binding]
    ) -> [UInt8] {
        var result = Array(bytes[range.lowerBound..<nameEnd])
        // Of bindings for the same prefix, lookups found the innermost only. A default namespace that was
        // switched off needs no declaration once outside.
        for binding in inherited where !binding.uri.isEmpty {
            result += Array((binding.prefix.isEmpty ? " xmlns" : " xmlns:").utf8) + binding.prefix
            result += Array("=\"".utf8)
            CloudEventXMLFormat.appendEscaped(binding.uri, to: &result)
            result.append(0x22)
        }
        result += bytes[nameEnd..<range.upperBound]
        return result
    }
}
