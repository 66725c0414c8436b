// SPDX-License-Identifier: Apache-2.0

// Where a field goes in its element, said at the field.

/// Where a field is.
enum Place {
    case element
    case attribute
    /// The text between the tags.
    case text
}

protocol Placed {
    static var place: Place { get }
}

/// A field that is an attribute in XML; in other formats it is what it is without.
@propertyWrapper public struct AsAttribute<Value> {
    /// The value of the field.
    public var wrappedValue: Value

    /// A field that is an attribute in XML.
    public init(wrappedValue: Value) { self.wrappedValue = wrappedValue }
}

/// A field that is the text of its element in XML, beside attributes; in other formats it is what it is without.
///
/// Of an optional, no text is nil.
@propertyWrapper public struct AsText<Value> {
    /// The value of the field.
    public var wrappedValue: Value

    /// A field that is the text of its element in XML.
    public init(wrappedValue: Value) { self.wrappedValue = wrappedValue }
}

extension AsAttribute: Placed { static var place: Place { .attribute } }
extension AsText: Placed { static var place: Place { .text } }

extension AsAttribute: Sendable where Value: Sendable {}
extension AsAttribute: Equatable where Value: Equatable {}
extension AsAttribute: Hashable where Value: Hashable {}
extension AsText: Sendable where Value: Sendable {}
extension AsText: Equatable where Value: Equatable {}
extension AsText: Hashable where Value: Hashable {}

// As a single value, so that what a format does with dates and bytes is done with these, too.

extension AsAttribute: Encodable where Value: Encodable {
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(wrappedValue)
    }
}

extension AsAttribute: Decodable where Value: Decodable {
    public init(from decoder: any Decoder) throws {
        wrappedValue = try decoder.singleValueContainer().decode(Value.self)
    }
}

extension AsText: Encodable where Value: Encodable {
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(wrappedValue)
    }
}

extension AsText: Decodable where Value: Decodable {
    public init(from decoder: any Decoder) throws {
        wrappedValue = try decoder.singleValueContainer().decode(Value.self)
    }
}

extension KeyedDecodingContainer {
    /// An optional attribute may be missing; what the compiler writes for a struct calls this.
    public func decode<Wrapped: Decodable>(
        _ type: AsAttribute<Wrapped?>.Type, forKey key: Key
    ) throws -> AsAttribute<Wrapped?> {
        try decodeIfPresent(type, forKey: key) ?? AsAttribute(wrappedValue: nil)
    }
}

extension KeyedEncodingContainer {
    /// An optional attribute that is nil is left out; what the compiler writes for a struct calls this.
    public mutating func encode<Wrapped: Encodable>(
        _ value: AsAttribute<Wrapped?>, forKey key: Key
    ) throws {
        guard let wrapped = value.wrappedValue else { return }
        try encode(AsAttribute<Wrapped>(wrappedValue: wrapped), forKey: key)
    }
}
