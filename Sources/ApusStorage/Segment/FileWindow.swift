// SPDX-License-Identifier: Apache-2.0

// A sliding view of a file for those who walk through it: few system calls, one buffer. For readers that hand on what they find there is one whose
// buffers can be shared: what is large is not copied a second time.

import NIOCore

/// A sliding view of the first `limit` bytes of a file.
final class FileWindow {
    private static let stepBytes = 64 << 10

    private let file: any DiskFile
    private let buffer: AlignedBuffer
    /// What was read last, where that is shared; `buffer` is not used then.
    private var shared: ByteBuffer?
    private let isShared: Bool
    private let step: Int
    private var start: Int64 = 0
    private var count = 0
    /// Bytes from here on are not looked at.
    let limit: Int64

    /// Shorter pieces than this are copied, so that they do not keep all that was read with them.
    private static let sharedBytesMin = 16 << 10

    /// A view that reads at least `step` bytes at a time.
    ///
    /// - Parameter isShared: whether ``piece(at:_:)`` may share memory with the view. Not for files open for direct reading.
    init(_ file: any DiskFile, limit: Int64, step: Int = FileWindow.stepBytes, isShared: Bool = false) {
        self.file = file
        self.limit = limit
        self.isShared = isShared
        self.step = max(64, min(step, Int(clamping: limit)))
        buffer = AlignedBuffer(capacity: isShared ? 0 : self.step)
    }

    /// As ``bytes(at:_:)``, to keep.
    func piece(at position: Int64, _ length: Int) throws(DiskError) -> ByteBuffer? {
        guard let found = try bytes(at: position, length) else { return nil }
        guard length >= FileWindow.sharedBytesMin, let shared else { return ByteBuffer(bytes: found) }
        return shared.getSlice(at: shared.readerIndex + Int(position - start), length: length)
    }

    /// `length` bytes at `position`, valid until the next call; nil when fewer are there.
    func bytes(at position: Int64, _ length: Int) throws(DiskError) -> UnsafeRawBufferPointer? {
        guard length >= 0, position >= 0, position <= limit, Int64(length) <= limit - position else {
            return nil
        }
        if position < start || position + Int64(length) > start + Int64(count) {
            // Whole pages, since the file may be open for direct reading.
            let page = position & ~Int64(diskAlignment - 1)
            let needed = Int(position - page) + length
            if isShared { return try share(from: position, length) }
            buffer.reserve(needed, keeping: 0)
            let wanted = min(buffer.bytes.count, AlignedBuffer.roundUp(Int(clamping: limit - page)))
            start = page
            count = 0
            count = try file.read(
                into: UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<wanted]), at: page)
            guard count >= needed else { return nil }
        }
        let from = Int(position - start)
        guard let shared else { return UnsafeRawBufferPointer(rebasing: buffer.bytes[from..<from + length]) }
        // Valid for as long as `shared` is the same, like the other.
        return shared.withUnsafeReadableBytes { UnsafeRawBufferPointer(rebasing: $0[from..<from + length]) }
    }

    /// Reads into memory of its own, since what was read before may have been handed on.
    private func share(from position: Int64, _ length: Int) throws(DiskError) -> UnsafeRawBufferPointer? {
        let wanted = min(max(step, length), Int(clamping: limit - position))
        var next = ByteBuffer()
        next.reserveCapacity(wanted)
        var failure: DiskError?
        next.writeWithUnsafeMutableBytes(minimumWritableBytes: wanted) { memory in
            do throws(DiskError) {
                return try file.read(
                    into: UnsafeMutableRawBufferPointer(rebasing: memory[..<wanted]), at: position)
            } catch {
                failure = error
                return 0
            }
        }
        (shared, start, count) = (next, position, next.readableBytes)
        if let failure { throw failure }
        guard count >= length else { return nil }
        return next.withUnsafeReadableBytes { UnsafeRawBufferPointer(rebasing: $0[..<length]) }
    }
}
