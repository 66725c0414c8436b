// SPDX-License-Identifier: Apache-2.0

// Writes the fields of a message. Record data is not copied: the place where it goes is noted, and the message
// becomes a list of buffers, all that was written between two of those places being a slice of one.

public import NIOCore

/// Writes the fields of a message as bytes.
public struct KafkaEncoder: FieldCoder, ~Copyable {
    public let version: Int16
    public let isFlexible: Bool
    /// All bytes of the message but the record data that was set aside.
    private var output: OutputBytes
    /// Record data that goes in before the byte at `position` of `output`.
    private var inserts: [(position: Int, bytes: ByteBuffer)] = []
    private var insertedBytes = 0

    /// Below this size a buffer of its own costs more than copying the bytes.
    static let insertBytesMin = 1024

    /// An encoder of one message.
    init(version: Int16, isFlexible: Bool) {
        self.version = version
        self.isFlexible = isFlexible
        output = OutputBytes(capacity: 256)
    }

    /// How many bytes were written, record data that was set aside included.
    var count: Int { output.count + insertedBytes }

    @inline(never)
    private func error(_ reason: KafkaCodecError.Reason, in name: StaticString) -> KafkaCodecError {
        KafkaCodecError(reason, in: name.description, at: count)
    }

    /// Writes a message.
    @inline(__always)
    mutating func encode<Message: KafkaCodable>(_ message: Message) throws(KafkaCodecError) {
        var message = message
        try message.code(with: &self)
    }

    // MARK: Frames.

    /// Leaves room for the length of a frame, which begins here. To be called first thing.
    mutating func openFrame() { output.integer(Int32(0)) }

    /// The frame that was opened first thing, as buffers to write one after another.
    consuming func closeFrame() throws(KafkaCodecError) -> [ByteBuffer] {
        let length = count - 4
        guard let prefix = Int32(exactly: length) else {
            throw error(.tooLong(length: length, max: Int(Int32.max)), in: "frame")
        }
        output.replace(at: 0, with: prefix)
        return pieces()
    }

    /// What was written, as buffers to write one after another.
    func pieces() -> [ByteBuffer] {
        var rest = output.buffer()
        guard !inserts.isEmpty else { return [rest] }
        var pieces: [ByteBuffer] = []
        pieces.reserveCapacity(inserts.count * 2 + 1)
        for (position, bytes) in inserts {
            if position > rest.readerIndex, let piece = rest.readSlice(length: position - rest.readerIndex) {
                pieces.append(piece)
            }
            pieces.append(bytes)
        }
        if rest.readableBytes > 0 { pieces.append(rest) }
        return pieces
    }

    /// What was written of a message that has no record data.
    func buffer() -> ByteBuffer { output.buffer() }

    // MARK: Integers.

    public mutating func field(_ name: StaticString, _ value: inout Bool) throws(KafkaCodecError) {
        output.byte(value ? 1 : 0)
    }

    public mutating func field(_ name: StaticString, _ value: inout Int8) throws(KafkaCodecError) {
        output.integer(value)
    }

    public mutating func field(_ name: StaticString, _ value: inout Int16) throws(KafkaCodecError) {
        output.integer(value)
    }

    public mutating func field(_ name: StaticString, _ value: inout Int32) throws(KafkaCodecError) {
        output.integer(value)
    }

    public mutating func field(_ name: StaticString, _ value: inout Int64) throws(KafkaCodecError) {
        output.integer(value)
    }

    public mutating func field(_ name: StaticString, _ value: inout KafkaUUID) throws(KafkaCodecError) {
        output.integer(value.high)
        output.integer(value.low)
    }

    // MARK: Text and bytes.

    /// A length of two bytes, or compact; nil means null.
    @inline(__always)
    private mutating func shortLength(
        _ name: StaticString, _ length: Int?, nullable: Bool
    ) throws(KafkaCodecError) {
        guard !isFlexible else { return try longLength(name, length, nullable: nullable) }
        guard length != nil || nullable else { throw error(.unexpectedNull, in: name) }
        guard let prefix = Int16(exactly: length ?? -1) else {
            throw error(.tooLong(length: length ?? 0, max: Int(Int16.max)), in: name)
        }
        output.integer(prefix)
    }

    /// A length or count of four bytes, or compact; nil means null.
    @inline(__always)
    private mutating func longLength(
        _ name: StaticString, _ length: Int?, nullable: Bool
    ) throws(KafkaCodecError) {
        guard length != nil || nullable else { throw error(.unexpectedNull, in: name) }
        guard let prefix = Int32(exactly: length ?? -1) else {
            throw error(.tooLong(length: length ?? 0, max: Int(Int32.max)), in: name)
        }
        if isFlexible { output.varint(UInt32(bitPattern: prefix) &+ 1) } else { output.integer(prefix) }
    }

    public mutating func field(_ name: StaticString, _ value: inout String) throws(KafkaCodecError) {
        try shortLength(name, value.utf8.count, nullable: false)
        output.text(value)
    }

    public mutating func field(
        _ name: StaticString, _ value: inout String?, nullable: Bool
    ) throws(KafkaCodecError) {
        try shortLength(name, value?.utf8.count, nullable: nullable)
        if let value { output.text(value) }
    }

    /// The client id of a request header, whose length is never compact.
    mutating func clientID(_ value: String?) throws(KafkaCodecError) {
        guard let prefix = Int16(exactly: value?.utf8.count ?? -1) else {
            throw error(.tooLong(length: value?.utf8.count ?? 0, max: Int(Int16.max)), in: "clientID")
        }
        output.integer(prefix)
        if let value { output.text(value) }
    }

    public mutating func field(_ name: StaticString, _ value: inout ByteBuffer) throws(KafkaCodecError) {
        try longLength(name, value.readableBytes, nullable: false)
        output.bytes(value)
    }

    public mutating func field(_ name: StaticString, _ value: inout ByteBuffer?) throws(KafkaCodecError) {
        try longLength(name, value?.readableBytes, nullable: true)
        if let value { output.bytes(value) }
    }

    public mutating func field(_ name: StaticString, _ value: inout RecordData) throws(KafkaCodecError) {
        switch value {
        case .null: try longLength(name, nil, nullable: true)
        case .bytes(let bytes):
            try longLength(name, bytes.readableBytes, nullable: true)
            insert(bytes)
        case .pieces(let pieces):
            try longLength(name, value.count, nullable: true)
            for piece in pieces { insert(piece) }
        }
    }

    private mutating func insert(_ bytes: ByteBuffer) {
        guard bytes.readableBytes >= Self.insertBytesMin else { return output.bytes(bytes) }
        inserts.append((position: output.count, bytes: bytes))
        insertedBytes += bytes.readableBytes
    }

    // MARK: Structures and arrays.

    public mutating func field<Value: KafkaStruct>(
        _ name: StaticString, _ value: inout Value?
    ) throws(KafkaCodecError) {
        output.integer(value == nil ? Int8(-1) : 1)
        if let value { try encode(value) }
    }

    public mutating func field<Element: KafkaCodable>(
        _ name: StaticString, _ value: inout [Element]
    ) throws(KafkaCodecError) {
        try longLength(name, value.count, nullable: false)
        for element in value { try encode(element) }
    }

    public mutating func field<Element: KafkaCodable>(
        _ name: StaticString, _ value: inout [Element]?, nullable: Bool
    ) throws(KafkaCodecError) {
        try longLength(name, value?.count, nullable: nullable)
        guard let value else { return }
        for element in value { try encode(element) }
    }

    // MARK: Tagged fields.

    @inline(__always)
    public mutating func openTags() throws(KafkaCodecError) -> TagSection {
        let section = TagSection(start: output.count, end: 0, count: 0)
        if isFlexible { output.byte(0) }
        return section
    }

    @inline(__always)
    public mutating func tag<Value: KafkaCodable>(
        _ tag: UInt32, in section: inout TagSection, _ name: StaticString, _ value: inout Value,
        default: Value
    ) throws(KafkaCodecError) {
        guard isFlexible, value != `default` else { return }
        section.count += 1
        try write(tag, value)
    }

    private mutating func write<Value: KafkaCodable>(
        _ tag: UInt32, _ value: Value
    ) throws(KafkaCodecError) {
        output.varint(tag)
        // The length comes first and is known last; tagged fields are rare, short and without record data.
        var content = KafkaEncoder(version: version, isFlexible: isFlexible)
        try content.encode(value)
        output.varint(UInt32(truncatingIfNeeded: content.output.count))
        output.bytes(of: content.output)
    }

    public mutating func closeTags(_ section: TagSection) throws(KafkaCodecError) {
        // No structure has as many tags as would need a second byte.
        guard section.count > 0 else { return }
        output.replace(at: section.start, with: UInt8(truncatingIfNeeded: section.count))
    }
}
