// SPDX-License-Identifier: Apache-2.0

// From a document to a Swift value.

/// What a value is read from.
enum Source {
    case element(XMLElement)
    /// All elements of one name in one element, which may be none; and where that one is.
    case elements([XMLElement], line: Int)
    /// The value of an attribute, or the text of an element, which is no value when it is empty and may be none.
    case text(String, line: Int, isContent: Bool)

    var line: Int {
        switch self {
        case .element(let element): element.line
        case .elements(let elements, let line): elements.first?.line ?? line
        case .text(_, let line, _): line
        }
    }
}

struct ValueDecoder: Decoder, SingleValueDecodingContainer {
    let source: Source
    let codingPath: [any CodingKey]
    let codec: XMLEventCodec

    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(FieldReader<Key>(element: try element(), decoder: self))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        switch (source, codec.arrays) {
        case (.element(let element), _): return ItemReader(items: element.children, decoder: self)
        case (.elements(let elements, _), .repeated): return ItemReader(items: elements, decoder: self)
        case (.elements, .wrapped): return ItemReader(items: try element().children, decoder: self)
        case (.text, _): throw failure("text where a list is expected")
        }
    }

    func singleValueContainer() throws -> any SingleValueDecodingContainer { self }

    func decodeNil() -> Bool {
        if case .text(let text, _, isContent: true) = source { return text.isEmpty }
        guard let element = try? element() else { return false }
        let mark = element.attribute("nil")
        return mark == "true" || mark == "1"
    }

    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try value(type) }

    func value<Value: Decodable>(_ type: Value.Type) throws -> Value {
        // Whether the type is text by itself is asked first, so that nothing else has its text gathered.
        guard SimpleValue.value(type, from: "") != nil else { return try Value(from: self) }
        let text = try self.text()
        guard let read = SimpleValue.value(type, from: text) else { return try Value(from: self) }
        guard let value = read.value else {
            throw failure("'\(text.prefix(64))' is not \(read.what)")
        }
        return value
    }

    private func text() throws -> String {
        if case .text(let text, _, _) = source { return text }
        let element = try element()
        guard element.children.isEmpty else {
            throw failure("'\(element.name)' has elements in it where text is expected")
        }
        return element.text
    }

    private func element() throws -> XMLElement {
        switch source {
        case .element(let element): return element
        case .elements(let elements, _):
            guard elements.count == 1, let element = elements.first else {
                throw failure("\(elements.count) elements where one is expected")
            }
            return element
        case .text: throw failure("text where an element is expected")
        }
    }

    func failure(_ reason: String) -> DecodingError { Unreadable.at(source.line, codingPath, reason) }

    func below(_ key: any CodingKey, _ source: Source) -> ValueDecoder {
        ValueDecoder(source: source, codingPath: codingPath + [key], codec: codec)
    }
}

/// What is read as empty when it is missing, because that is how an empty one is written.
private protocol List {}
extension Array: List {}
extension ContiguousArray: List {}
extension Set: List {}

private struct FieldReader<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let element: XMLElement
    let decoder: ValueDecoder
    /// By name, once: a dictionary of many keys asks for each of them.
    private let children: [String: [XMLElement]]

    init(element: XMLElement, decoder: ValueDecoder) {
        self.element = element
        self.decoder = decoder
        children = Dictionary(grouping: element.children, by: \.name)
    }

    var codingPath: [any CodingKey] { decoder.codingPath }

    var allKeys: [Key] {
        var seen: Set<String> = []
        return (element.attributes.map(\.name) + element.children.map(\.name)).compactMap {
            seen.insert($0).inserted ? Key(stringValue: $0) : nil
        }
    }

    /// What there is for a field: where it should be, or else where others may have put it.
    private func source(_ name: String, _ place: Place) -> Source? {
        if place == .text { return .text(element.text, line: element.line, isContent: true) }
        let attribute = element.attribute(name).map { Source.text($0, line: element.line, isContent: false) }
        if place == .attribute, let attribute { return attribute }
        return children[name].map { .elements($0, line: element.line) } ?? attribute
    }

    private func below(_ key: any CodingKey, _ place: Place, isList: Bool = false) throws -> ValueDecoder {
        if let source = source(key.stringValue, place) { return decoder.below(key, source) }
        if isList, decoder.codec.arrays == .repeated {
            return decoder.below(key, .elements([], line: element.line))
        }
        throw DecodingError.keyNotFound(
            key,
            DecodingError.Context(
                codingPath: codingPath,
                debugDescription: "line \(element.line): '\(element.name)' has no \(key.stringValue)"))
    }

    func contains(_ key: Key) -> Bool { source(key.stringValue, .element) != nil }

    func decodeNil(forKey key: Key) throws -> Bool {
        source(key.stringValue, .element).map { decoder.below(key, $0).decodeNil() } ?? true
    }

    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        try below(key, decoder.codec.place(of: key.stringValue, type), isList: type is any List.Type).value(
            type)
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> { try below(key, .element).container(keyedBy: type) }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try below(key, .element, isList: true).unkeyedContainer()
    }

    func superDecoder() throws -> any Decoder { try below(PlainKey(stringValue: "super"), .element) }
    func superDecoder(forKey key: Key) throws -> any Decoder { try below(key, .element) }
}

private struct ItemReader: UnkeyedDecodingContainer {
    let items: [XMLElement]
    let decoder: ValueDecoder
    private(set) var currentIndex = 0

    init(items: [XMLElement], decoder: ValueDecoder) {
        self.items = items
        self.decoder = decoder
    }

    var codingPath: [any CodingKey] { decoder.codingPath }
    var count: Int? { items.count }
    var isAtEnd: Bool { currentIndex >= items.count }

    private mutating func next() throws -> ValueDecoder {
        guard currentIndex < items.count else {
            throw decoder.failure("a list of \(items.count) where more are expected")
        }
        defer { currentIndex += 1 }
        return decoder.below(PlainKey(intValue: currentIndex), .element(items[currentIndex]))
    }

    mutating func decodeNil() throws -> Bool {
        guard !isAtEnd else { return false }
        let isNil = decoder.below(PlainKey(intValue: currentIndex), .element(items[currentIndex])).decodeNil()
        if isNil { currentIndex += 1 }
        return isNil
    }

    mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try next().value(type) }

    mutating func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type
    ) throws -> KeyedDecodingContainer<Nested> { try next().container(keyedBy: type) }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
        try next().unkeyedContainer()
    }
    mutating func superDecoder() throws -> any Decoder { try next() }
}
