// SPDX-License-Identifier: Apache-2.0

// From a Swift value to what is to be written: Codable hands out containers that are filled in any order, so a tree is made first.

/// A place that a value is put into.
final class Slot {
    enum Content {
        case nothing
        case text(String)
        case fields([Field])
        case list([Slot])
    }

    struct Field {
        var name: String
        var place: Place
        var slot: Slot
    }

    var content = Content.nothing

    func field(_ name: String, _ place: Place) -> Slot {
        let slot = Slot()
        if case .fields(var fields) = content {
            content = .nothing
            fields.append(Field(name: name, place: place, slot: slot))
            content = .fields(fields)
        } else {
            content = .fields([Field(name: name, place: place, slot: slot)])
        }
        return slot
    }

    func item() -> Slot {
        let slot = Slot()
        if case .list(var items) = content {
            content = .nothing
            items.append(slot)
            content = .list(items)
        } else {
            content = .list([slot])
        }
        return slot
    }

    var count: Int { if case .list(let items) = content { items.count } else { 0 } }
}

struct ValueEncoder: Encoder, SingleValueEncodingContainer {
    let slot: Slot
    let codingPath: [any CodingKey]
    let codec: XMLEventCodec

    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        if case .fields = slot.content {} else { slot.content = .fields([]) }
        return KeyedEncodingContainer(FieldWriter<Key>(encoder: self))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        if case .list = slot.content {} else { slot.content = .list([]) }
        return ItemWriter(encoder: self)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { self }

    func encodeNil() throws { slot.content = .nothing }
    func encode<Value: Encodable>(_ value: Value) throws { try put(value) }

    func put(_ value: some Encodable) throws {
        if let text = SimpleValue.text(of: value) {
            slot.content = .text(text)
            return
        }
        guard codingPath.count < XMLLimits.depthMax else {
            throw EncodingError.invalidValue(
                value,
                EncodingError.Context(
                    codingPath: codingPath,
                    debugDescription: "nested deeper than \(XMLLimits.depthMax) elements"))
        }
        try value.encode(to: self)
    }

    func below(_ key: any CodingKey, _ slot: Slot) -> ValueEncoder {
        ValueEncoder(slot: slot, codingPath: codingPath + [key], codec: codec)
    }
}

private struct FieldWriter<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let encoder: ValueEncoder
    var codingPath: [any CodingKey] { encoder.codingPath }

    private func below(_ key: any CodingKey, _ place: Place = .element) -> ValueEncoder {
        encoder.below(key, encoder.slot.field(key.stringValue, place))
    }

    func encodeNil(forKey key: Key) throws {}

    func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws {
        try below(key, encoder.codec.place(of: key.stringValue, Value.self)).put(value)
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy keyType: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> { below(key).container(keyedBy: keyType) }

    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        below(key).unkeyedContainer()
    }

    func superEncoder() -> any Encoder { below(PlainKey(stringValue: "super")) }
    func superEncoder(forKey key: Key) -> any Encoder { below(key) }
}

private struct ItemWriter: UnkeyedEncodingContainer {
    let encoder: ValueEncoder
    var codingPath: [any CodingKey] { encoder.codingPath }
    var count: Int { encoder.slot.count }

    private func below() -> ValueEncoder {
        encoder.below(PlainKey(intValue: count), encoder.slot.item())
    }

    func encodeNil() throws {
        throw EncodingError.invalidValue(
            Int?.none as Any,
            EncodingError.Context(
                codingPath: codingPath,
                debugDescription: "XML has no way to say that an item of a list is nil"))
    }

    func encode<Value: Encodable>(_ value: Value) throws { try below().put(value) }

    func nestedContainer<Nested: CodingKey>(keyedBy keyType: Nested.Type) -> KeyedEncodingContainer<Nested> {
        below().container(keyedBy: keyType)
    }

    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { below().unkeyedContainer() }
    func superEncoder() -> any Encoder { below() }
}

/// A key that no type declares: the place in a list, or `super`.
struct PlainKey: CodingKey {
    let stringValue: String
    let intValue: Int?

    init(stringValue: String) {
        self.stringValue = stringValue
        intValue = nil
    }

    init(intValue: Int) {
        stringValue = "\(intValue)"
        self.intValue = intValue
    }
}
