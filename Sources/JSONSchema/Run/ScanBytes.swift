// SPDX-License-Identifier: Apache-2.0

// The innermost loops of a run. They are those of JSONText's scanner, kept here as well because they have to become part of
// the functions that use them, which across modules they do not: a call for each comma would cost a third of a run.

enum ScanBytes {
    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let highs: UInt64 = 0x8080_8080_8080_8080

    /// The first position at or after `index` that is not white space, or `end`.
    @inline(__always)
    static func skipWhitespace(_ base: UnsafeRawPointer, _ index: Int, _ end: Int) -> Int {
        var index = index
        while index < end {
            let byte = base.load(fromByteOffset: index, as: UInt8.self)
            if byte > 0x20 { break }
            guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { break }
            index &+= 1
        }
        return index
    }

    /// The first byte at or after `index` that is a quote, a backslash, a control character or not ASCII; or `end`.
    @inline(__always)
    static func endOfPlainRun(_ base: UnsafeRawPointer, _ index: Int, _ end: Int) -> Int {
        var index = index
        while index &+ 8 <= end {
            let word = UInt64(littleEndian: base.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            let quotes = word ^ (ones &* 0x22)
            let slashes = word ^ (ones &* 0x5C)
            // Bits above the lowest flag may be wrong, the lowest is exact.
            let found =
                (((quotes &- ones) & ~quotes) | ((slashes &- ones) & ~slashes)
                    | ((word &- (ones &* 0x20)) & ~word)
                    | word) & highs
            if found != 0 { return index &+ (found.trailingZeroBitCount &>> 3) }
            index &+= 8
        }
        while index < end {
            let byte = base.load(fromByteOffset: index, as: UInt8.self)
            if byte == 0x22 || byte == 0x5C || byte < 0x20 || byte >= 0x80 { break }
            index &+= 1
        }
        return index
    }
}
