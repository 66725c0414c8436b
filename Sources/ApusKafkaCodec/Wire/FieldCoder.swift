// SPDX-License-Identifier: Apache-2.0

// How a message is defined once for both directions: it hands each of its fields, in the order of the wire, to
// a coder, which fills the field (decoder) or writes it (encoder). Versions are plain conditions in between.
// Everything here is specialised within the module; other modules use `KafkaRequest` and `KafkaResponse`.

public import NIOCore

/// Visits the fields of a message in the order in which the wire has them.
public protocol FieldCoder: ~Copyable {
    /// The version of the API in which the message is coded.
    var version: Int16 { get }
    /// True from the version on that has compact lengths and tagged fields.
    var isFlexible: Bool { get }

    /// One byte, zero or not.
    mutating func field(_ name: StaticString, _ value: inout Bool) throws(KafkaCodecError)
    /// One byte.
    mutating func field(_ name: StaticString, _ value: inout Int8) throws(KafkaCodecError)
    /// Two bytes, the most significant first.
    mutating func field(_ name: StaticString, _ value: inout Int16) throws(KafkaCodecError)
    /// Four bytes, the most significant first.
    mutating func field(_ name: StaticString, _ value: inout Int32) throws(KafkaCodecError)
    /// Eight bytes, the most significant first.
    mutating func field(_ name: StaticString, _ value: inout Int64) throws(KafkaCodecError)
    /// Sixteen bytes.
    mutating func field(_ name: StaticString, _ value: inout KafkaUUID) throws(KafkaCodecError)
    /// Text that is never null.
    mutating func field(_ name: StaticString, _ value: inout String) throws(KafkaCodecError)
    /// Text that may be null where `nullable`.
    mutating func field(
        _ name: StaticString, _ value: inout String?, nullable: Bool
    ) throws(KafkaCodecError)
    /// Bytes that are never null.
    mutating func field(_ name: StaticString, _ value: inout ByteBuffer) throws(KafkaCodecError)
    /// Bytes that may be null.
    mutating func field(_ name: StaticString, _ value: inout ByteBuffer?) throws(KafkaCodecError)
    /// Record batches, which are neither copied nor looked into.
    mutating func field(_ name: StaticString, _ value: inout RecordData) throws(KafkaCodecError)
    /// A structure that may be null.
    mutating func field<Value: KafkaStruct>(
        _ name: StaticString, _ value: inout Value?
    ) throws(KafkaCodecError)
    /// An array that is never null.
    mutating func field<Element: KafkaCodable>(
        _ name: StaticString, _ value: inout [Element]
    ) throws(KafkaCodecError)
    /// An array that may be null where `nullable`.
    mutating func field<Element: KafkaCodable>(
        _ name: StaticString, _ value: inout [Element]?, nullable: Bool
    ) throws(KafkaCodecError)

    /// Begins the tagged fields at the end of a structure.
    mutating func openTags() throws(KafkaCodecError) -> TagSection
    /// A tagged field, which is left out where it has its default. Tags are visited in ascending order.
    mutating func tag<Value: KafkaCodable>(
        _ tag: UInt32, in section: inout TagSection, _ name: StaticString, _ value: inout Value,
        default: Value
    ) throws(KafkaCodecError)
    /// Ends the tagged fields.
    mutating func closeTags(_ section: TagSection) throws(KafkaCodecError)
}

/// Where the tagged fields of a structure are.
public struct TagSection: Sendable {
    /// Reading: where the first tag begins. Writing: where the number of tags goes.
    var start = 0
    /// Reading: where the section ends.
    var end = 0
    /// How many tagged fields there are.
    var count = 0

    /// A section without tags.
    public init() {}

    init(start: Int, end: Int, count: Int) {
        self.start = start
        self.end = end
        self.count = count
    }
}

/// What can be an element of an array or the value of a tag.
public protocol KafkaCodable: Sendable, Equatable {
    /// The value with each field at its default.
    init()
    /// How many bytes it takes at least, in any version.
    static var minimumLength: Int { get }
    /// Shows each field to the coder, in the order of the wire.
    mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
}

/// A structure of named fields: a message or a part of one.
public protocol KafkaStruct: KafkaCodable {}

extension KafkaStruct {
    /// The structure with the fields that `fill` sets; the others have their defaults.
    @inlinable
    public init<Failure: Error>(_ fill: (inout Self) throws(Failure) -> Void) throws(Failure) {
        self.init()
        try fill(&self)
    }
}

extension KafkaCodable {
    /// A byte at least.
    public static var minimumLength: Int { 1 }
}

extension FieldCoder where Self: ~Copyable {
    /// A code that is not known is read as the one for unknown errors.
    @inline(__always)
    mutating func field(_ name: StaticString, _ value: inout KafkaErrorCode) throws(KafkaCodecError) {
        var code = value.rawValue
        try field(name, &code)
        value = KafkaErrorCode(rawValue: code) ?? .unknownServerError
    }

    /// Text that may be null.
    @inline(__always)
    mutating func field(_ name: StaticString, _ value: inout String?) throws(KafkaCodecError) {
        try field(name, &value, nullable: true)
    }

    /// An array that may be null.
    @inline(__always)
    mutating func field<Element: KafkaCodable>(
        _ name: StaticString, _ value: inout [Element]?
    ) throws(KafkaCodecError) {
        try field(name, &value, nullable: true)
    }

    /// A structure within another.
    @inline(__always)
    mutating func field<Value: KafkaStruct>(
        _ name: StaticString, _ value: inout Value
    ) throws(KafkaCodecError) {
        try value.code(with: &self)
    }

    /// The tagged fields of a structure that has none of its own.
    @inline(__always)
    mutating func noTags() throws(KafkaCodecError) {
        guard isFlexible else { return }
        let section = try openTags()
        try closeTags(section)
    }
}

extension Int8: KafkaCodable {
    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("element", &self)
    }
}

extension Int32: KafkaCodable {
    public static var minimumLength: Int { 4 }
    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("element", &self)
    }
}

extension Int64: KafkaCodable {
    public static var minimumLength: Int { 8 }
    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("element", &self)
    }
}

extension Bool: KafkaCodable {
    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("element", &self)
    }
}

extension String: KafkaCodable {
    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("element", &self)
    }
}

extension KafkaUUID: KafkaCodable {
    public static var minimumLength: Int { 16 }
    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("element", &self)
    }
}

extension KafkaErrorCode: KafkaCodable {
    public init() { self = .noError }
    public static var minimumLength: Int { 2 }
    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("element", &self)
    }
}

extension Array: KafkaCodable where Element: KafkaCodable {
    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("elements", &self)
    }
}

/// Only text is both optional and tagged.
extension Optional: KafkaCodable where Wrapped == String {
    public init() { self = nil }
    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("text", &self)
    }
}
