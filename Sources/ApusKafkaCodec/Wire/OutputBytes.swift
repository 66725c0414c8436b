// SPDX-License-Identifier: Apache-2.0

// Memory that a message is written to, and that becomes one buffer when all of it is there. A ByteBuffer checks
// for each integer whether somebody else has it too; here there is one owner, which the compiler checks.

import NIOCore

/// Bytes that grow at the end.
struct OutputBytes: ~Copyable {
    private var memory: UnsafeMutableRawBufferPointer
    /// How many bytes were written.
    private(set) var count = 0

    /// Room for `capacity` bytes, and for more when they come.
    init(capacity: Int) {
        memory = .allocate(byteCount: max(capacity, 16), alignment: 16)
    }

    deinit { memory.deallocate() }

    @inline(__always)
    private mutating func reserve(_ length: Int) {
        if length > memory.count - count { grow(length) }
    }

    @inline(never)
    private mutating func grow(_ length: Int) {
        let larger = UnsafeMutableRawBufferPointer.allocate(
            byteCount: max(count + length, 2 * memory.count), alignment: 16)
        larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[..<count]))
        memory.deallocate()
        memory = larger
    }

    @inline(__always)
    mutating func byte(_ value: UInt8) {
        reserve(1)
        memory[count] = value
        count += 1
    }

    /// An integer, the most significant byte first.
    @inline(__always)
    mutating func integer<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value) {
        reserve(MemoryLayout<Value>.size)
        memory.storeBytes(of: value.bigEndian, toByteOffset: count, as: Value.self)
        count += MemoryLayout<Value>.size
    }

    /// An integer in the place of another one.
    mutating func replace<Value: FixedWidthInteger & BitwiseCopyable>(at position: Int, with value: Value) {
        precondition(position + MemoryLayout<Value>.size <= count, "nothing was written there")
        memory.storeBytes(of: value.bigEndian, toByteOffset: position, as: Value.self)
    }

    @inline(__always)
    mutating func varint(_ value: UInt32) {
        var rest = value
        while rest >= 0x80 {
            byte(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        byte(UInt8(truncatingIfNeeded: rest))
    }

    mutating func text(_ text: String) {
        var text = text
        text.withUTF8 { bytes(UnsafeRawBufferPointer($0)) }
    }

    mutating func bytes(_ buffer: ByteBuffer) {
        buffer.withUnsafeReadableBytes { bytes($0) }
    }

    mutating func bytes(of other: borrowing OutputBytes) {
        bytes(UnsafeRawBufferPointer(rebasing: other.memory[..<other.count]))
    }

    private mutating func bytes(_ source: UnsafeRawBufferPointer) {
        guard source.count > 0 else { return }
        reserve(source.count)
        UnsafeMutableRawBufferPointer(rebasing: memory[count...]).copyMemory(from: source)
        count += source.count
    }

    /// What was written.
    func buffer() -> ByteBuffer { ByteBuffer(bytes: UnsafeRawBufferPointer(rebasing: memory[..<count])) }
}
