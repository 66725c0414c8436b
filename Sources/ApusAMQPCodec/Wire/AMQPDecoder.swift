// SPDX-License-Identifier: Apache-2.0

// Reads fields from untrusted bytes. Every length is held against the bytes that are left before anything is made of it. Fields are read through a
// pointer that is valid for the length of one call: a ByteBuffer checks for each integer whether somebody else is writing to it.

package import NIOCore

/// Fills the fields of a method or a content header from bytes.
package struct AMQPDecoder: AMQPFieldCoder, ~Copyable {
    private let bytes: UnsafeRawBufferPointer
    private let source: ByteBuffer
    /// Where the next field begins; never beyond the end of `bytes`.
    private(set) var position = 0
    /// The byte whose bits are being handed out, and which of them is next; 8 when there is none.
    private var bits: UInt8 = 0
    private var nextBit = 8

    private init(_ bytes: UnsafeRawBufferPointer, of source: ByteBuffer) {
        self.bytes = bytes
        self.source = source
    }

    /// Lets `body` read from the readable bytes of `source`, all of which it has to read.
    @inline(__always)
    static func read<Value>(
        _ source: ByteBuffer, _ body: (inout AMQPDecoder) throws(AMQPCodecError) -> Value
    ) throws(AMQPCodecError) -> Value {
        let result = source.withUnsafeReadableBytes { bytes -> Result<Value, AMQPCodecError> in
            var decoder = AMQPDecoder(bytes, of: source)
            do throws(AMQPCodecError) {
                let value = try body(&decoder)
                guard decoder.left == 0 else {
                    throw AMQPCodecError(.trailingBytes(decoder.left), in: "end", at: decoder.position)
                }
                return .success(value)
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private var left: Int { bytes.count - position }

    @inline(never)
    private func truncated(_ name: StaticString, _ needed: Int) -> AMQPCodecError {
        AMQPCodecError(.truncated(needed: needed, left: left), in: name.description, at: position)
    }

    @inline(__always)
    private mutating func integer<Value: FixedWidthInteger & BitwiseCopyable>(
        _ name: StaticString, _ value: inout Value
    ) throws(AMQPCodecError) {
        nextBit = 8
        let size = MemoryLayout<Value>.size
        guard left >= size else { throw truncated(name, size) }
        value = Value(bigEndian: bytes.loadUnaligned(fromByteOffset: position, as: Value.self))
        position += size
    }

    package mutating func field(_ name: StaticString, _ value: inout UInt8) throws(AMQPCodecError) {
        try integer(name, &value)
    }

    package mutating func field(_ name: StaticString, _ value: inout UInt16) throws(AMQPCodecError) {
        try integer(name, &value)
    }

    package mutating func field(_ name: StaticString, _ value: inout UInt32) throws(AMQPCodecError) {
        try integer(name, &value)
    }

    package mutating func field(_ name: StaticString, _ value: inout UInt64) throws(AMQPCodecError) {
        try integer(name, &value)
    }

    package mutating func field(_ name: StaticString, _ value: inout Bool) throws(AMQPCodecError) {
        if nextBit == 8 {
            var byte: UInt8 = 0
            try integer(name, &byte)
            (bits, nextBit) = (byte, 0)
        }
        value = bits & 1 << nextBit != 0
        nextBit += 1
    }

    package mutating func field(_ name: StaticString, _ value: inout String) throws(AMQPCodecError) {
        var length: UInt8 = 0
        try integer(name, &length)
        guard left >= length else { throw truncated(name, Int(length)) }
        guard length > 0 else { return value = "" }
        let utf8 = UnsafeRawBufferPointer(rebasing: bytes[position..<position + Int(length)])
        guard let text = String(validating: utf8, as: UTF8.self) else {
            throw AMQPCodecError(.invalidText, in: name.description, at: position)
        }
        value = text
        position += Int(length)
    }

    package mutating func field(_ name: StaticString, _ value: inout ByteBuffer) throws(AMQPCodecError) {
        var length: UInt32 = 0
        try integer(name, &length)
        guard left >= length, let slice = slice(Int(length)) else { throw truncated(name, Int(length)) }
        value = slice
    }

    package mutating func field(_ name: StaticString, _ value: inout FieldTable) throws(AMQPCodecError) {
        let start = position
        var bytes = ByteBuffer()
        try field(name, &bytes)
        do throws(AMQPCodecError) {
            value = try FieldTable(checking: bytes)
        } catch {
            throw AMQPCodecError(error.reason, in: name.description, at: start + 4 + error.position)
        }
    }

    /// The next bytes, not copied.
    private mutating func slice(_ length: Int) -> ByteBuffer? {
        let slice = source.getSlice(at: source.readerIndex + position, length: length)
        position += length
        return slice
    }
}
