// SPDX-License-Identifier: Apache-2.0

// Reads the fields of a message from untrusted bytes. Every length is held against the bytes that are left
// before anything is reserved for it. Record data is a slice of the frame; text and other bytes are copied, since they
// are short and may be kept for long, which would keep all that was received with them.
//
// Fields are read through a pointer that is valid for the length of one call (`read`): a ByteBuffer checks for
// each integer whether somebody else is writing to it, which costs several times as much as the integer.

public import NIOCore

/// Fills the fields of a message from bytes.
public struct KafkaDecoder: FieldCoder, ~Copyable {
    public let version: Int16
    public let isFlexible: Bool
    /// The bytes, which are those of `source`.
    private let bytes: UnsafeRawBufferPointer
    private let source: ByteBuffer
    /// Where the next field begins. Never beyond the end of `bytes`.
    private(set) var position = 0
    private let elementsMax: Int
    private var elementsLeft: Int

    private init(
        _ bytes: UnsafeRawBufferPointer, of source: ByteBuffer, version: Int16, isFlexible: Bool,
        limits: KafkaCodecLimits
    ) {
        self.bytes = bytes
        self.source = source
        self.version = version
        self.isFlexible = isFlexible
        elementsMax = limits.elementsMax
        elementsLeft = limits.elementsMax
    }

    /// Lets `body` read from the readable bytes of `source`.
    @inline(__always)
    static func read<Value>(
        _ source: ByteBuffer, version: Int16, isFlexible: Bool, limits: KafkaCodecLimits,
        _ body: (inout KafkaDecoder) throws(KafkaCodecError) -> Value
    ) throws(KafkaCodecError) -> Value {
        let result = source.withUnsafeReadableBytes { bytes -> Result<Value, KafkaCodecError> in
            var decoder = KafkaDecoder(
                bytes, of: source, version: version, isFlexible: isFlexible, limits: limits)
            do throws(KafkaCodecError) {
                return .success(try body(&decoder))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// How many bytes are left.
    private var left: Int { bytes.count - position }

    /// Throws when bytes are left.
    func finish() throws(KafkaCodecError) {
        guard left == 0 else { throw error(.trailingBytes(left), in: "end") }
    }

    /// An error in the field that begins here.
    @inline(never)
    private func error(_ reason: KafkaCodecError.Reason, in name: StaticString) -> KafkaCodecError {
        KafkaCodecError(reason, in: name.description, at: position)
    }

    // MARK: Integers.

    @inline(__always)
    private mutating func integer<Value: FixedWidthInteger & BitwiseCopyable>(
        _ name: StaticString
    ) throws(KafkaCodecError) -> Value {
        let size = MemoryLayout<Value>.size
        guard left >= size else { throw error(.truncated(needed: size, left: left), in: name) }
        let value = bytes.loadUnaligned(fromByteOffset: position, as: Value.self)
        position += size
        return Value(bigEndian: value)
    }

    public mutating func field(_ name: StaticString, _ value: inout Bool) throws(KafkaCodecError) {
        let byte: UInt8 = try integer(name)
        value = byte != 0
    }

    public mutating func field(_ name: StaticString, _ value: inout Int8) throws(KafkaCodecError) {
        value = try integer(name)
    }

    public mutating func field(_ name: StaticString, _ value: inout Int16) throws(KafkaCodecError) {
        value = try integer(name)
    }

    public mutating func field(_ name: StaticString, _ value: inout Int32) throws(KafkaCodecError) {
        value = try integer(name)
    }

    public mutating func field(_ name: StaticString, _ value: inout Int64) throws(KafkaCodecError) {
        value = try integer(name)
    }

    public mutating func field(_ name: StaticString, _ value: inout KafkaUUID) throws(KafkaCodecError) {
        guard left >= 16 else { throw error(.truncated(needed: 16, left: left), in: name) }
        value.high = try integer(name)
        value.low = try integer(name)
    }

    /// An unsigned variable-length integer of at most 32 bits.
    @inline(__always)
    private mutating func varint(_ name: StaticString) throws(KafkaCodecError) -> UInt32 {
        // Nearly all lengths and tags are one byte.
        if left > 0, bytes[position] < 0x80 {
            position += 1
            return UInt32(bytes[position - 1])
        }
        return try longVarint(name)
    }

    @inline(never)
    private mutating func longVarint(_ name: StaticString) throws(KafkaCodecError) -> UInt32 {
        var value: UInt64 = 0
        for index in 0..<5 {
            let byte: UInt8 = try integer(name)
            value |= UInt64(byte & 0x7f) << UInt64(7 * index)
            if byte < 0x80 {
                guard let value = UInt32(exactly: value) else { throw error(.invalidVarint, in: name) }
                return value
            }
        }
        throw error(.invalidVarint, in: name)
    }

    // MARK: Text and bytes.

    /// How wide a length is where it is not compact.
    private enum LengthWidth { case two, four }

    /// A length that the rest of the message has bytes for; nil means null.
    @inline(__always)
    private mutating func length(
        _ name: StaticString, _ width: LengthWidth, nullable: Bool
    ) throws(KafkaCodecError) -> Int? {
        guard let length = try count(name, width, nullable: nullable) else { return nil }
        guard length <= left else { throw error(.truncated(needed: length, left: left), in: name) }
        return length
    }

    /// A length or count that is not negative; nil means null.
    @inline(__always)
    private mutating func count(
        _ name: StaticString, _ width: LengthWidth, nullable: Bool
    ) throws(KafkaCodecError) -> Int? {
        let count: Int
        if isFlexible {
            count = Int(try varint(name)) - 1
        } else if width == .two {
            count = Int(try integer(name) as Int16)
        } else {
            count = Int(try integer(name) as Int32)
        }
        if count >= 0 { return count }
        guard count == -1 else { throw error(.negativeLength(count), in: name) }
        guard nullable else { throw error(.unexpectedNull, in: name) }
        return nil
    }

    private mutating func text(_ name: StaticString, nullable: Bool) throws(KafkaCodecError) -> String? {
        guard let length = try length(name, .two, nullable: nullable) else { return nil }
        let utf8 = UnsafeRawBufferPointer(rebasing: bytes[position..<position + length])
        guard let text = String(validating: utf8, as: UTF8.self) else {
            throw error(.invalidText, in: name)
        }
        position += length
        return text
    }

    private mutating func copy(_ name: StaticString, nullable: Bool) throws(KafkaCodecError) -> ByteBuffer? {
        guard let length = try length(name, .four, nullable: nullable) else { return nil }
        defer { position += length }
        return ByteBuffer(bytes: UnsafeRawBufferPointer(rebasing: bytes[position..<position + length]))
    }

    public mutating func field(_ name: StaticString, _ value: inout String) throws(KafkaCodecError) {
        value = try text(name, nullable: false) ?? ""
    }

    public mutating func field(
        _ name: StaticString, _ value: inout String?, nullable: Bool
    ) throws(KafkaCodecError) {
        value = try text(name, nullable: nullable)
    }

    public mutating func field(_ name: StaticString, _ value: inout ByteBuffer) throws(KafkaCodecError) {
        value = try copy(name, nullable: false) ?? ByteBuffer()
    }

    public mutating func field(_ name: StaticString, _ value: inout ByteBuffer?) throws(KafkaCodecError) {
        value = try copy(name, nullable: true)
    }

    public mutating func field(_ name: StaticString, _ value: inout RecordData) throws(KafkaCodecError) {
        guard let length = try length(name, .four, nullable: true) else {
            value = .null
            return
        }
        value = .bytes(source.getSlice(at: source.readerIndex + position, length: length) ?? ByteBuffer())
        position += length
    }

    // MARK: Structures and arrays.

    public mutating func field<Value: KafkaStruct>(
        _ name: StaticString, _ value: inout Value?
    ) throws(KafkaCodecError) {
        let presence: Int8 = try integer(name)
        guard presence >= 0 else {
            value = nil
            return
        }
        var present = Value()
        try present.code(with: &self)
        value = present
    }

    public mutating func field<Element: KafkaCodable>(
        _ name: StaticString, _ value: inout [Element]
    ) throws(KafkaCodecError) {
        value = try elements(name, nullable: false) ?? []
    }

    public mutating func field<Element: KafkaCodable>(
        _ name: StaticString, _ value: inout [Element]?, nullable: Bool
    ) throws(KafkaCodecError) {
        value = try elements(name, nullable: nullable)
    }

    private mutating func elements<Element: KafkaCodable>(
        _ name: StaticString, nullable: Bool
    ) throws(KafkaCodecError) -> [Element]? {
        guard let count = try count(name, .four, nullable: nullable) else { return nil }
        guard count > 0 else { return [] }
        guard count <= left / Element.minimumLength else {
            throw error(.countBeyondEnd(count: count, bytesLeft: left), in: name)
        }
        guard count <= elementsLeft else { throw error(.tooManyElements(max: elementsMax), in: name) }
        elementsLeft -= count
        var elements: [Element] = []
        // An element takes more in memory than on the wire: many of them must be there before room is made.
        elements.reserveCapacity(min(count, 256))
        for _ in 0..<count {
            var element = Element()
            try element.code(with: &self)
            elements.append(element)
        }
        return elements
    }

    // MARK: Tagged fields.

    @inline(__always)
    public mutating func openTags() throws(KafkaCodecError) -> TagSection {
        guard isFlexible else { return TagSection() }
        let count = Int(try varint("tagged fields"))
        guard count > 0 else { return TagSection() }
        return try scanTags(count)
    }

    /// Checks tags and lengths of a section, and finds its end.
    private mutating func scanTags(_ count: Int) throws(KafkaCodecError) -> TagSection {
        guard count <= left / 2 else {
            throw error(.countBeyondEnd(count: count, bytesLeft: left), in: "tagged fields")
        }
        let start = position
        var last = -1
        for _ in 0..<count {
            let tag = Int(try varint("tag"))
            guard tag > last else { throw error(.tagsOutOfOrder, in: "tag") }
            last = tag
            let length = Int(try varint("length of a tagged field"))
            guard length <= left else {
                throw error(.truncated(needed: length, left: left), in: "tagged field")
            }
            position += length
        }
        return TagSection(start: start, end: position, count: count)
    }

    @inline(__always)
    public mutating func tag<Value: KafkaCodable>(
        _ tag: UInt32, in section: inout TagSection, _ name: StaticString, _ value: inout Value,
        default: Value
    ) throws(KafkaCodecError) {
        value = `default`
        guard section.count > 0 else { return }
        try find(tag, in: section, name, &value)
    }

    private mutating func find<Value: KafkaCodable>(
        _ tag: UInt32, in section: TagSection, _ name: StaticString, _ value: inout Value
    ) throws(KafkaCodecError) {
        position = section.start
        for _ in 0..<section.count {
            let found = try varint("tag")
            let length = Int(try varint("length of a tagged field"))
            guard found <= tag else { return }
            guard found == tag else {
                position += length
                continue
            }
            let begin = position
            try value.code(with: &self)
            let read = position - begin
            guard read == length else { throw error(.tagLength(said: length, was: read), in: name) }
            return
        }
    }

    public mutating func closeTags(_ section: TagSection) throws(KafkaCodecError) {
        guard section.count > 0 else { return }
        position = section.end
    }
}
