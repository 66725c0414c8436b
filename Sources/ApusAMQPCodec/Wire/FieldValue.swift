// SPDX-License-Identifier: Apache-2.0

// The values that tables and arrays have: those of the specification as RabbitMQ and its clients write them, where the two differ.

package import NIOCore

/// A value in a table or array.
package enum FieldValue: Sendable, Hashable {
    case boolean(Bool)
    case int8(Int8)
    case uint8(UInt8)
    case int16(Int16)
    case uint16(UInt16)
    case int32(Int32)
    case uint32(UInt32)
    case int64(Int64)
    case float(UInt32)
    /// By its bits, so that what is no number is the same as itself.
    case double(UInt64)
    /// `value` divided by ten to the power of `scale`.
    case decimal(scale: UInt8, value: Int32)
    /// Text mostly; RabbitMQ does not check.
    case longString(ByteBuffer)
    case array([FieldValue])
    /// Seconds since 1970.
    case timestamp(UInt64)
    case table(FieldTable)
    case void
    case bytes(ByteBuffer)

    /// Text.
    package static func text(_ text: String) -> FieldValue { .longString(ByteBuffer(string: text)) }

    /// The text, if it is any.
    package var text: String? {
        guard case .longString(let bytes) = self else { return nil }
        return String(validating: bytes.readableBytesView, as: UTF8.self)
    }

    /// The number, if it is a whole one.
    package var integer: Int64? {
        switch self {
        case .int8(let value): Int64(value)
        case .uint8(let value): Int64(value)
        case .int16(let value): Int64(value)
        case .uint16(let value): Int64(value)
        case .int32(let value): Int64(value)
        case .uint32(let value): Int64(value)
        case .int64(let value): value
        case .timestamp(let value): Int64(exactly: value)
        default: nil
        }
    }
}

extension FieldValue {
    /// A value from the bytes of a table that was checked; nil only for what was not.
    package init?(_ raw: RawFieldValue) {
        let bytes = raw.bytes
        switch raw.type {
        case .boolean: self = .boolean(bytes[0] != 0)
        case .int8: self = .int8(Int8(bitPattern: bytes[0]))
        case .uint8: self = .uint8(bytes[0])
        case .int16: self = .int16(Self.integer(bytes))
        case .uint16: self = .uint16(Self.integer(bytes))
        case .int32: self = .int32(Self.integer(bytes))
        case .uint32: self = .uint32(Self.integer(bytes))
        case .int64: self = .int64(Self.integer(bytes))
        case .float: self = .float(Self.integer(bytes))
        case .double: self = .double(Self.integer(bytes))
        case .decimal:
            self = .decimal(
                scale: bytes[0], value: Self.integer(UnsafeRawBufferPointer(rebasing: bytes[1...])))
        case .longString: self = .longString(ByteBuffer(bytes: bytes))
        case .array:
            var scanner = FieldScanner(bytes)
            var values: [FieldValue] = []
            while let raw = try? scanner.nextValue() {
                guard let value = FieldValue(raw) else { return nil }
                values.append(value)
            }
            self = .array(values)
        case .timestamp: self = .timestamp(Self.integer(bytes))
        case .table:
            guard let table = try? FieldTable(checking: ByteBuffer(bytes: bytes)) else { return nil }
            self = .table(table)
        case .void: self = .void
        case .bytes: self = .bytes(ByteBuffer(bytes: bytes))
        }
    }

    private static func integer<Value: FixedWidthInteger & BitwiseCopyable>(
        _ bytes: UnsafeRawBufferPointer
    ) -> Value {
        Value(bigEndian: bytes.loadUnaligned(as: Value.self))
    }

    /// Writes type and value.
    func write(to buffer: inout ByteBuffer, depth: Int) throws(AMQPCodecError) {
        switch self {
        case .boolean(let value):
            buffer.writeMultipleIntegers(FieldType.boolean.rawValue, UInt8(value ? 1 : 0))
        case .int8(let value): buffer.writeMultipleIntegers(FieldType.int8.rawValue, value)
        case .uint8(let value): buffer.writeMultipleIntegers(FieldType.uint8.rawValue, value)
        case .int16(let value): buffer.writeMultipleIntegers(FieldType.int16.rawValue, value)
        case .uint16(let value): buffer.writeMultipleIntegers(FieldType.uint16.rawValue, value)
        case .int32(let value): buffer.writeMultipleIntegers(FieldType.int32.rawValue, value)
        case .uint32(let value): buffer.writeMultipleIntegers(FieldType.uint32.rawValue, value)
        case .int64(let value): buffer.writeMultipleIntegers(FieldType.int64.rawValue, value)
        case .float(let value): buffer.writeMultipleIntegers(FieldType.float.rawValue, value)
        case .double(let value): buffer.writeMultipleIntegers(FieldType.double.rawValue, value)
        case .decimal(let scale, let value):
            buffer.writeMultipleIntegers(FieldType.decimal.rawValue, scale, value)
        case .longString(let bytes): try Self.write(.longString, bytes, to: &buffer)
        case .array(let values):
            guard depth < FieldTable.depthMax else { throw Self.tooDeep }
            buffer.writeMultipleIntegers(FieldType.array.rawValue, UInt32(0))
            let start = buffer.writerIndex
            for value in values { try value.write(to: &buffer, depth: depth + 1) }
            buffer.setInteger(UInt32(clamping: buffer.writerIndex - start), at: start - 4)
        case .timestamp(let value): buffer.writeMultipleIntegers(FieldType.timestamp.rawValue, value)
        case .table(let table):
            guard depth < FieldTable.depthMax, table.fits(depth: depth) else { throw Self.tooDeep }
            try Self.write(.table, table.bytes, to: &buffer)
        case .void: buffer.writeInteger(FieldType.void.rawValue)
        case .bytes(let bytes): try Self.write(.bytes, bytes, to: &buffer)
        }
    }

    private static var tooDeep: AMQPCodecError {
        AMQPCodecError(.nestedTooDeeply(max: FieldTable.depthMax), in: "field-value")
    }

    private static func write(
        _ type: FieldType, _ bytes: ByteBuffer, to buffer: inout ByteBuffer
    ) throws(AMQPCodecError) {
        guard let length = UInt32(exactly: bytes.readableBytes) else {
            throw AMQPCodecError(
                .tooLong(length: bytes.readableBytes, max: Int(UInt32.max)), in: "field-value")
        }
        buffer.writeMultipleIntegers(type.rawValue, length)
        buffer.writeImmutableBuffer(bytes)
    }
}
