// SPDX-License-Identifier: Apache-2.0

// The inner loops: over white space, strings and trusted values, on raw pointers, eight bytes at a step.
// They are inlinable because a rule matcher runs them for every byte of every event.
//
// All take `base` and an `end` (exclusive) and never read at or beyond `end`.

/// Byte-level steps through JSON text.
package enum JSONBytes {
    @usableFromInline static let ones: UInt64 = 0x0101_0101_0101_0101
    @usableFromInline static let highs: UInt64 = 0x8080_8080_8080_8080

    /// Flags, by its high bit, every byte of `word` that equals `byte`.
    ///
    /// Bits above the lowest flag may be wrong (borrows), the lowest is exact: use it for "first" only.
    @inlinable @inline(__always)
    static func flags(of byte: UInt8, in word: UInt64) -> UInt64 {
        let difference = word ^ (ones &* UInt64(byte))
        return (difference &- ones) & ~difference & highs
    }

    /// The first position at or after `index` that is not white space, or `end`.
    @inlinable @inline(__always)
    package static func skipWhitespace(_ base: UnsafeRawPointer, _ index: Int, _ end: Int) -> Int {
        var index = index
        while index < end {
            let byte = base.load(fromByteOffset: index, as: UInt8.self)
            guard byte <= 0x20, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { break }
            index &+= 1
        }
        return index
    }

    /// The first byte at or after `index` that a plain string run cannot contain, or `end`.
    ///
    /// That is a quote, a backslash, a control character or a byte outside ASCII.
    @inlinable @inline(__always)
    package static func endOfPlainRun(_ base: UnsafeRawPointer, _ index: Int, _ end: Int) -> Int {
        var index = index
        while index &+ 8 <= end {
            let word = UInt64(littleEndian: base.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            let controls = (word &- (ones &* 0x20)) & ~word & highs
            let found = flags(of: 0x22, in: word) | flags(of: 0x5C, in: word) | controls | (word & highs)
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

    /// The closing quote of a string whose content starts at `index`, or `end`, without validating it.
    ///
    /// `hasEscapes` says whether a backslash was met on the way.
    @inlinable @inline(__always)
    package static func endOfTrustedString(
        _ base: UnsafeRawPointer, _ index: Int, _ end: Int
    ) -> (closingQuote: Int, hasEscapes: Bool) {
        var index = index
        var hasEscapes = false
        while index < end {
            while index &+ 8 <= end {
                let word = UInt64(littleEndian: base.loadUnaligned(fromByteOffset: index, as: UInt64.self))
                let found = flags(of: 0x22, in: word) | flags(of: 0x5C, in: word)
                if found != 0 {
                    index &+= found.trailingZeroBitCount &>> 3
                    break
                }
                index &+= 8
            }
            guard index < end else { break }
            let byte = base.load(fromByteOffset: index, as: UInt8.self)
            if byte == 0x22 { return (index, hasEscapes) }
            if byte == 0x5C {
                hasEscapes = true
                index &+= 2
            } else {
                index &+= 1
            }
        }
        return (end, hasEscapes)
    }

    /// The position after the value that starts at `index`, for text that is known to be valid.
    ///
    /// On text that is not valid the answer is some position up to `end`, never a read outside.
    @inlinable
    package static func skipTrustedValue(_ base: UnsafeRawPointer, _ index: Int, _ end: Int) -> Int {
        var index = index
        var depth = 0
        while index < end {
            switch base.load(fromByteOffset: index, as: UInt8.self) {
            case 0x22:
                index = min(endOfTrustedString(base, index &+ 1, end).closingQuote &+ 1, end)
                if depth == 0 { return index }
            case 0x7B, 0x5B:
                depth &+= 1
                index &+= 1
            case 0x7D, 0x5D:
                if depth == 0 { return index }
                depth &-= 1
                index &+= 1
                if depth == 0 { return index }
            case 0x2C, 0x3A, 0x20, 0x0A, 0x0D, 0x09:
                if depth == 0 { return index }
                index &+= 1
            default:
                index = endOfTrustedScalar(base, index, end)
                if depth == 0 { return index }
            }
        }
        return index
    }

    /// The position after a number, `true`, `false` or `null` that starts at `index`.
    @inlinable @inline(__always)
    static func endOfTrustedScalar(_ base: UnsafeRawPointer, _ index: Int, _ end: Int) -> Int {
        var index = index &+ 1
        while index < end {
            switch base.load(fromByteOffset: index, as: UInt8.self) {
            case 0x2C, 0x7D, 0x5D, 0x3A, 0x20, 0x0A, 0x0D, 0x09, 0x22, 0x7B, 0x5B: return index
            default: index &+= 1
            }
        }
        return index
    }

    /// The position after the UTF-8 scalar that starts at `index`, or nil if it is not well-formed.
    ///
    /// Follows table 3-7 of the Unicode Standard: no overlong forms, no surrogates, nothing above U+10FFFF.
    @inlinable
    package static func endOfScalar(_ base: UnsafeRawPointer, _ index: Int, _ end: Int) -> Int? {
        let first = base.load(fromByteOffset: index, as: UInt8.self)
        let length: Int
        var lowest: UInt8 = 0x80
        var highest: UInt8 = 0xBF
        switch first {
        case 0x00...0x7F: return index &+ 1
        case 0xC2...0xDF: length = 2
        case 0xE0...0xEF:
            length = 3
            if first == 0xE0 { lowest = 0xA0 }
            if first == 0xED { highest = 0x9F }
        case 0xF0...0xF4:
            length = 4
            if first == 0xF0 { lowest = 0x90 }
            if first == 0xF4 { highest = 0x8F }
        default: return nil
        }
        guard end &- index >= length else { return nil }
        let second = base.load(fromByteOffset: index &+ 1, as: UInt8.self)
        guard second >= lowest, second <= highest else { return nil }
        for next in 2..<max(length, 2)
        where base.load(fromByteOffset: index &+ next, as: UInt8.self) & 0xC0 != 0x80 {
            return nil
        }
        return index &+ length
    }
}
