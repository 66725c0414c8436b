// SPDX-License-Identifier: Apache-2.0

// Zig-zag variable-length integers (Protocol Buffers' encoding, used by Kafka's record format v2).

public import NIOCore

extension ByteBuffer {
    /// Appends `value` as a zig-zag varint of 1 to 10 bytes.
    @inlinable
    public mutating func writeVarint(_ value: Int64) {
        var rest = UInt64(bitPattern: (value << 1) ^ (value >> 63))
        while rest >= 0x80 {
            writeInteger(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        writeInteger(UInt8(truncatingIfNeeded: rest))
    }
}

/// How many bytes `value` takes as a zig-zag varint.
@inlinable
public func varintLength(_ value: Int64) -> Int {
    let encoded = UInt64(bitPattern: (value << 1) ^ (value >> 63))
    return (70 - (encoded | 1).leadingZeroBitCount) / 7
}

/// A forward writer into memory that the caller has measured: everything fits, which is checked.
struct ByteWriter {
    private let target: UnsafeMutableRawBufferPointer
    /// Where the next write goes.
    private(set) var position = 0

    init(_ target: UnsafeMutableRawBufferPointer) { self.target = target }

    @inline(__always)
    mutating func byte(_ value: UInt8) {
        target[position] = value
        position += 1
    }

    /// A big-endian integer.
    @inline(__always)
    mutating func integer<Value: FixedWidthInteger>(_ value: Value) {
        target.storeBytes(of: value.bigEndian, toByteOffset: position, as: Value.self)
        position += MemoryLayout<Value>.size
    }

    /// A zig-zag varint.
    @inline(__always)
    mutating func varint(_ value: Int64) {
        var rest = UInt64(bitPattern: (value << 1) ^ (value >> 63))
        while rest >= 0x80 {
            byte(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        byte(UInt8(truncatingIfNeeded: rest))
    }

    @inline(__always)
    mutating func bytes(_ source: UnsafeRawBufferPointer) {
        guard let from = source.baseAddress, source.count > 0 else { return }
        precondition(source.count <= target.count - position, "the target was measured too small")
        UnsafeMutableRawBufferPointer(rebasing: target[position...]).copyMemory(
            from: UnsafeRawBufferPointer(start: from, count: source.count))
        position += source.count
    }
}

/// A forward reader of untrusted bytes: every read is checked and a failed one says so with nil.
public struct ByteReader {
    /// The bytes being read.
    public let bytes: UnsafeRawBufferPointer
    /// Where the next read begins.
    @inlinable
    public var position: Int { next }
    @usableFromInline
    var next: Int

    /// A reader of `bytes` from `position` on.
    @inlinable
    public init(_ bytes: UnsafeRawBufferPointer, at position: Int = 0) {
        self.bytes = bytes
        next = min(max(position, 0), bytes.count)
    }

    /// How many bytes are left.
    @inlinable
    public var remaining: Int { bytes.count - next }

    /// The next big-endian integer, or nil when too few bytes are left.
    @inlinable @inline(__always)
    public mutating func integer<Value: FixedWidthInteger>(as type: Value.Type = Value.self) -> Value? {
        guard remaining >= MemoryLayout<Value>.size else { return nil }
        let value = bytes.loadUnaligned(fromByteOffset: next, as: type)
        next += MemoryLayout<Value>.size
        return Value(bigEndian: value)
    }

    /// The next zig-zag varint of at most 10 bytes, or nil when there is none.
    @inlinable @inline(__always)
    public mutating func varint() -> Int64? {
        // Nearly all are one byte.
        if next < bytes.count, bytes[next] < 0x80 {
            let byte = UInt64(bytes[next])
            next += 1
            return Int64(bitPattern: (byte >> 1) ^ (0 &- (byte & 1)))
        }
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while next < bytes.count, shift < 64 {
            let byte = bytes[next]
            next += 1
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return Int64(bitPattern: (value >> 1) ^ (0 &- (value & 1))) }
            shift += 7
        }
        return nil
    }

    /// The next `count` bytes, or nil when fewer are left.
    @inlinable @inline(__always)
    public mutating func slice(_ count: Int) -> UnsafeRawBufferPointer? {
        guard count >= 0, count <= remaining else { return nil }
        // Within bounds, which was just looked at: rebasing a part would look again.
        let start = bytes.baseAddress.map { $0 + next }
        next += count
        return UnsafeRawBufferPointer(start: start, count: count)
    }
}
