// SPDX-License-Identifier: Apache-2.0

// Memory for direct writes: aligned, and kept. Memory touched for the first time is several times slower to fill
// than memory used before, so a buffer lives as long as its owner and only grows.

import Glibc

/// Aligned memory that grows and is reused.
final class AlignedBuffer {
    private(set) var bytes: UnsafeMutableRawBufferPointer

    /// A buffer of at least `capacity` bytes.
    init(capacity: Int) {
        bytes = AlignedBuffer.allocate(capacity)
    }

    deinit { bytes.deallocate() }

    private static func allocate(_ capacity: Int) -> UnsafeMutableRawBufferPointer {
        .allocate(byteCount: roundUp(max(capacity, diskAlignment)), alignment: diskAlignment)
    }

    /// Makes room for `capacity` bytes, keeping the first `used`.
    func reserve(_ capacity: Int, keeping used: Int) {
        guard capacity > bytes.count else { return }
        let larger = AlignedBuffer.allocate(max(capacity, min(bytes.count * 2, capacity + (1 << 20))))
        if used > 0, let source = bytes.baseAddress {
            larger.baseAddress?.copyMemory(from: source, byteCount: used)
        }
        bytes.deallocate()
        bytes = larger
    }

    /// Gives back memory beyond `capacity`, whose content is lost.
    func shrink(to capacity: Int) {
        guard bytes.count > AlignedBuffer.roundUp(capacity) else { return }
        bytes.deallocate()
        bytes = AlignedBuffer.allocate(capacity)
    }

    /// The next multiple of the alignment.
    static func roundUp(_ count: Int) -> Int { (count + diskAlignment - 1) & ~(diskAlignment - 1) }
}
