// SPDX-License-Identifier: Apache-2.0

// A sliding view of a file for those who walk through it: few system calls, one buffer.

/// A sliding view of the first `limit` bytes of a file.
final class FileWindow {
    private static let stepBytes = 64 << 10

    private let file: any DiskFile
    private let buffer: AlignedBuffer
    private var start: Int64 = 0
    private var count = 0
    /// Bytes from here on are not looked at.
    let limit: Int64

    /// A view that reads at least `step` bytes at a time.
    init(_ file: any DiskFile, limit: Int64, step: Int = FileWindow.stepBytes) {
        self.file = file
        self.limit = limit
        buffer = AlignedBuffer(capacity: max(64, min(step, Int(clamping: limit))))
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
            buffer.reserve(needed, keeping: 0)
            let wanted = min(buffer.bytes.count, AlignedBuffer.roundUp(Int(clamping: limit - page)))
            start = page
            count = 0
            count = try file.read(
                into: UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<wanted]), at: page)
            guard count >= needed else { return nil }
        }
        let from = Int(position - start)
        return UnsafeRawBufferPointer(rebasing: buffer.bytes[from..<from + length])
    }
}
