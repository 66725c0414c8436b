// SPDX-License-Identifier: Apache-2.0

// Reads the fields of a message from untrusted bytes. Every length is held against the bytes that are left
// before anything is reserved for it; record data and bytes are slices of the frame, text is copied.

public import NIOCore

/// Fills the fields of a message from bytes.
public struct KafkaDecoder: FieldCoder {
    public let version: Int16
    public let isFlexible: Bool
    /// What is left to read.
    var buffer: ByteBuffer
    /// Where reading began, to say where errors are.
    private let start: Int
    private let elementsMax: Int
    private var elementsLeft: Int

    /// A decoder of the readable bytes of `buffer`.
    init(_ buffer: ByteBuffer, version: Int16, isFlexible: Bool, limits: KafkaCodecLimits) {
        self.buffer = buffer
        self.version = version
        self.isFlexible = isFlexible
        start = buffer.readerIndex
        elementsMax = limits.elementsMax
        elementsLeft = limits.elementsMax
    }

    /// Throws when bytes are left.
    func finish() throws(KafkaCodecError) {
        guard buffer.readableBytes == 0 else { throw error(.trailingBytes(buffer.readableBytes), in: "end") }
    }

    /// An error in the field that begins here.
    @inline(never)
    func error(_ reason: KafkaCodecError.Reason, in name: StaticString) -> KafkaCodecError {
        KafkaCodecError(reason, in: name.description, at: buffer.readerIndex - start)
    }

    // MARK: Integers.

    @inline(__always)
    mutating func integer<Value: FixedWidthInteger>(_ name: StaticString) throws(KafkaCodecError) -> Value {
        guard let value = buffer.readInteger(as: Value.self) else {
            throw error(.truncated(needed: MemoryLayout<Value>.size, left: buffer.readableBytes), in: name)
        }
        return value
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
        guard let halves = buffer.readMultipleIntegers(as: (UInt64, UInt64).self) else {
            throw error(.truncated(needed: 16, left: buffer.readableBytes), in: name)
        }
        value = KafkaUUID(high: halves.0, low: halves.1)
    }

    /// An unsigned variable-length integer of at most 32 bits.
    @inline(__always)
    mutating func varint(_ name: StaticString) throws(KafkaCodecError) -> UInt32 {
        // Nearly all lengths and tags are one byte.
        if let byte = buffer.getInteger(at: buffer.readerIndex, as: UInt8.self), byte < 0x80 {
            buffer.moveReaderIndex(forwardBy: 1)
            return UInt32(byte)
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
        guard length <= buffer.readableBytes else {
            throw error(.truncated(needed: length, left: buffer.readableBytes), in: name)
        }
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

    @inline(__always)
    private mutating func text(_ name: StaticString, nullable: Bool) throws(KafkaCodecError) -> String? {
        guard let length = try length(name, .two, nullable: nullable) else { return nil }
        let text = buffer.withUnsafeReadableBytes { bytes in
            String(validating: UnsafeRawBufferPointer(rebasing: bytes[..<length]), as: UTF8.self)
        }
        guard let text else { throw error(.invalidText, in: name) }
        buffer.moveReaderIndex(forwardBy: length)
        return text
    }

    @inline(__always)
    private mutating func bytes(_ name: StaticString, nullable: Bool) throws(KafkaCodecError) -> ByteBuffer? {
        guard let length = try length(name, .four, nullable: nullable) else { return nil }
        return buffer.readSlice(length: length)
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
        value = try bytes(name, nullable: false) ?? ByteBuffer()
    }

    public mutating func field(_ name: StaticString, _ value: inout ByteBuffer?) throws(KafkaCodecError) {
        value = try bytes(name, nullable: true)
    }

    public mutating func field(_ name: StaticString, _ value: inout RecordData) throws(KafkaCodecError) {
        value = try bytes(name, nullable: true).map(RecordData.bytes) ?? .null
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
        guard count <= buffer.readableBytes / Element.minimumLength else {
            throw error(.countBeyondEnd(count: count, bytesLeft: buffer.readableBytes), in: name)
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

    public mutating func openTags() throws(KafkaCodecError) -> TagSection {
        guard isFlexible else { return TagSection() }
        let count = Int(try varint("tagged fields"))
        var section = TagSection(start: buffer.readerIndex, end: buffer.readerIndex, count: count)
        guard count > 0 else { return section }
        guard count <= buffer.readableBytes / 2 else {
            throw error(.countBeyondEnd(count: count, bytesLeft: buffer.readableBytes), in: "tagged fields")
        }
        var last = -1
        for _ in 0..<count {
            let tag = Int(try varint("tag"))
            guard tag > last else { throw error(.tagsOutOfOrder, in: "tag") }
            last = tag
            let length = Int(try varint("length of a tagged field"))
            guard length <= buffer.readableBytes else {
                throw error(.truncated(needed: length, left: buffer.readableBytes), in: "tagged field")
            }
            buffer.moveReaderIndex(forwardBy: length)
        }
        section.end = buffer.readerIndex
        return section
    }

    public mutating func tag<Value: KafkaCodable>(
        _ tag: UInt32, in section: inout TagSection, _ name: StaticString, _ value: inout Value,
        default: Value
    ) throws(KafkaCodecError) {
        value = `default`
        guard section.count > 0 else { return }
        buffer.moveReaderIndex(to: section.start)
        for _ in 0..<section.count {
            let found = try varint("tag")
            let length = Int(try varint("length of a tagged field"))
            guard found <= tag else { return }
            guard found == tag else {
                buffer.moveReaderIndex(forwardBy: length)
                continue
            }
            let begin = buffer.readerIndex
            try value.code(with: &self)
            let read = buffer.readerIndex - begin
            guard read == length else { throw error(.tagLength(said: length, was: read), in: name) }
            return
        }
    }

    public mutating func closeTags(_ section: TagSection) throws(KafkaCodecError) {
        guard section.count > 0 else { return }
        buffer.moveReaderIndex(to: section.end)
    }
}
