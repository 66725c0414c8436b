// SPDX-License-Identifier: Apache-2.0

// Field tables: named values, as arguments and headers have them. A table is kept as the bytes that it is on the wire, checked once: most of what
// a broker or a client gets is passed on or looked at by a few names, and a dictionary of all of it would be an allocation for each entry.

package import NIOCore

/// Named values, in order. Names may repeat; the first counts.
package struct FieldTable: Sendable, Hashable {
    /// The entries as they are on the wire, without the length of the table. Always well-formed.
    package internal(set) var bytes: ByteBuffer

    /// How deep tables and arrays may be within each other.
    package static let depthMax = 16

    /// A table without entries.
    package init() { bytes = ByteBuffer() }

    /// A table without entries, with room for some.
    package init(capacity: Int) {
        bytes = ByteBuffer()
        bytes.reserveCapacity(capacity)
    }

    /// A table of the entries that these bytes are.
    ///
    /// - Throws: `AMQPCodecError` when they are none.
    package init(checking bytes: ByteBuffer) throws(AMQPCodecError) {
        let error = bytes.withUnsafeReadableBytes { bytes -> AMQPCodecError? in
            var scanner = FieldScanner(bytes)
            do throws(AMQPCodecError) {
                while try scanner.nextEntry() != nil {}
                return nil
            } catch {
                return error
            }
        }
        if let error { throw error }
        self.bytes = bytes
    }

    /// A table of entries.
    ///
    /// - Throws: `AMQPCodecError` when a name is longer than 255 bytes, or a value cannot be written.
    package init(_ entries: [(String, FieldValue)]) throws(AMQPCodecError) {
        bytes = ByteBuffer()
        for (name, value) in entries { try append(name, value) }
    }

    /// Whether there are no entries.
    package var isEmpty: Bool { bytes.readableBytes == 0 }

    /// Adds an entry.
    ///
    /// - Throws: `AMQPCodecError` when the name is longer than 255 bytes, or the value cannot be written.
    package mutating func append(_ name: String, _ value: FieldValue) throws(AMQPCodecError) {
        guard let length = UInt8(exactly: name.utf8.count) else {
            throw AMQPCodecError(.tooLong(length: name.utf8.count, max: 255), in: "field-name")
        }
        bytes.writeInteger(length)
        bytes.writeString(name)
        try value.write(to: &bytes, depth: 1)
    }

    /// Adds an entry with text, without a value in between.
    package mutating func append(_ name: StaticString, text: String) {
        bytes.writeInteger(UInt8(clamping: name.utf8CodeUnitCount))
        bytes.writeStaticString(name)
        bytes.writeMultipleIntegers(FieldType.longString.rawValue, UInt32(0))
        let place = bytes.writerIndex
        let length = bytes.writeString(text)
        bytes.setInteger(UInt32(clamping: length), at: place - 4)
    }

    /// Adds an entry as another table has it.
    package mutating func append(_ name: UnsafeRawBufferPointer, raw value: RawFieldValue) {
        bytes.writeInteger(UInt8(clamping: name.count))
        bytes.writeBytes(name)
        bytes.writeInteger(value.type.rawValue)
        if value.type.hasLength { bytes.writeInteger(UInt32(clamping: value.bytes.count)) }
        bytes.writeBytes(value.bytes)
    }

    /// The value of this name, nil if there is none.
    package subscript(name: String) -> FieldValue? {
        var found: FieldValue?
        var name = name
        name.withUTF8 { wanted in
            forEach { name, value in
                guard found == nil, name.elementsEqual(wanted) else { return }
                found = FieldValue(value)
            }
        }
        return found
    }

    /// All entries, in order. A name that is not UTF-8 is mended.
    package var entries: [(name: String, value: FieldValue)] {
        var entries: [(name: String, value: FieldValue)] = []
        forEach { name, value in
            guard let value = FieldValue(value) else { return }
            entries.append((String(decoding: name, as: UTF8.self), value))
        }
        return entries
    }

    /// Lends each entry in order.
    package func forEach(_ body: (_ name: UnsafeRawBufferPointer, _ value: RawFieldValue) -> Void) {
        bytes.withUnsafeReadableBytes { bytes in
            var scanner = FieldScanner(bytes)
            // The bytes were checked when the table was made, so that nothing is thrown here.
            while let entry = try? scanner.nextEntry() { body(entry.name, entry.value) }
        }
    }

    /// Whether the table may be within others that are this deep.
    func fits(depth: Int) -> Bool {
        bytes.withUnsafeReadableBytes { bytes in
            var scanner = FieldScanner(bytes, depth: depth)
            do throws(AMQPCodecError) {
                while try scanner.nextEntry() != nil {}
                return true
            } catch {
                return false
            }
        }
    }
}

/// The type of a value in a table, by its octet on the wire.
package enum FieldType: UInt8, Sendable {
    case boolean = 0x74  // t
    case int8 = 0x62  // b
    case uint8 = 0x42  // B
    case int16 = 0x73  // s
    case uint16 = 0x75  // u
    case int32 = 0x49  // I
    case uint32 = 0x69  // i
    case int64 = 0x6C  // l
    case float = 0x66  // f
    case double = 0x64  // d
    case decimal = 0x44  // D
    case longString = 0x53  // S
    case array = 0x41  // A
    case timestamp = 0x54  // T
    case table = 0x46  // F
    case void = 0x56  // V
    case bytes = 0x78  // x

    /// How many bytes a value has; nil if a length of four bytes says it.
    package var size: Int? {
        switch self {
        case .void: 0
        case .boolean, .int8, .uint8: 1
        case .int16, .uint16: 2
        case .int32, .uint32, .float: 4
        case .decimal: 5
        case .int64, .double, .timestamp: 8
        case .longString, .array, .table, .bytes: nil
        }
    }

    /// Whether a length of four bytes is before the value.
    package var hasLength: Bool { size == nil }
}

/// A value as it is on the wire: its type, and its bytes without type and length. Lent, not kept.
package struct RawFieldValue {
    package var type: FieldType
    package var bytes: UnsafeRawBufferPointer

    package init(type: FieldType, bytes: UnsafeRawBufferPointer) {
        self.type = type
        self.bytes = bytes
    }
}

/// Goes through the entries of a table or the values of an array.
struct FieldScanner {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0
    private let depth: Int
    /// Where the bytes begin within the table that is read, for errors.
    private let offset: Int

    init(_ bytes: UnsafeRawBufferPointer, depth: Int = 0, offset: Int = 0) {
        self.bytes = bytes
        self.depth = depth
        self.offset = offset
    }

    private func error(_ reason: AMQPCodecError.Reason, _ field: String) -> AMQPCodecError {
        AMQPCodecError(reason, in: field, at: offset + position)
    }

    private mutating func take(_ count: Int, _ field: String) throws(AMQPCodecError) -> UnsafeRawBufferPointer
    {
        guard bytes.count - position >= count else {
            throw error(.truncated(needed: count, left: bytes.count - position), field)
        }
        let taken = UnsafeRawBufferPointer(rebasing: bytes[position..<position + count])
        position += count
        return taken
    }

    /// The next entry of a table; nil at its end.
    mutating func nextEntry() throws(AMQPCodecError) -> (
        name: UnsafeRawBufferPointer, value: RawFieldValue
    )? {
        guard position < bytes.count else { return nil }
        let length = Int(try take(1, "field-name")[0])
        let name = try take(length, "field-name")
        guard let value = try nextValue() else {
            throw error(.truncated(needed: 1, left: 0), "field-value")
        }
        return (name, value)
    }

    /// The next value of an array; nil at its end.
    mutating func nextValue() throws(AMQPCodecError) -> RawFieldValue? {
        guard position < bytes.count else { return nil }
        let octet = try take(1, "field-value")[0]
        guard let type = FieldType(rawValue: octet) else {
            position -= 1
            throw error(.unknownFieldType(octet), "field-value")
        }
        if let size = type.size { return RawFieldValue(type: type, bytes: try take(size, "field-value")) }
        let prefix = try take(4, "field-value")
        let length = Int(UInt32(bigEndian: prefix.loadUnaligned(as: UInt32.self)))
        let start = position
        let content = try take(length, "field-value")
        guard type == .table || type == .array else { return RawFieldValue(type: type, bytes: content) }
        guard depth + 1 < FieldTable.depthMax else {
            throw error(.nestedTooDeeply(max: FieldTable.depthMax), "field-value")
        }
        var inner = FieldScanner(content, depth: depth + 1, offset: offset + start)
        if type == .table {
            while try inner.nextEntry() != nil {}
        } else {
            while try inner.nextValue() != nil {}
        }
        return RawFieldValue(type: type, bytes: content)
    }
}
