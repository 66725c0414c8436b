// SPDX-License-Identifier: Apache-2.0

// The JSON under the matcher: positions in, positions out, nil for text that is not JSON. Every byte is checked,
// also of values nobody asked about: otherwise whether broken data matches one pattern would depend on which
// other patterns are compiled with it. It accepts exactly what JSONScanner accepts, and leaves strings with
// escapes to it; it is separate because it runs over every event: no throwing, no recursion into what is skipped.

import CApus
import JSONText

/// JSON text being passed over once.
struct JSONPass {
    /// A string's content, between its quotes.
    struct Text {
        var start: Int
        var end: Int
        var hasEscapes: Bool
    }

    /// The same as the scanner's, so that the same data is readable for both; a literal, because a constant of
    /// another module is fetched through a call.
    static let depthLimit = 128

    let base: UnsafeRawPointer
    let end: Int

    @inline(__always)
    init(_ bytes: UnsafeRawBufferPointer) {
        base = ByteTable.address(bytes)
        end = bytes.count
    }

    @inline(__always)
    func byte(_ index: Int) -> UInt8 { base.load(fromByteOffset: index, as: UInt8.self) }

    @inline(__always)
    func skipWhitespace(_ index: Int) -> Int {
        // Mostly there is none: then the call, which is not inlined across modules, is saved.
        index < end && byte(index) > 0x20 ? index : JSONBytes.skipWhitespace(base, index, end)
    }

    /// The position of the next byte that is not white space; nil at the end.
    @inline(__always)
    func next(_ index: Int) -> Int? {
        // Mostly there is none.
        if index < end, byte(index) > 0x20 { return index }
        return nextAfterWhitespace(index)
    }

    @inline(never)
    private func nextAfterWhitespace(_ index: Int) -> Int? {
        let index = skipWhitespace(index)
        return index < end ? index : nil
    }

    // MARK: - Scalars

    /// Passes a string whose opening quote is at `index`; its closing quote is at the result's `end`.
    @inline(__always)
    func text(at index: Int) -> Text? {
        var next = index &+ 1
        while true {
            next = JSONBytes.endOfPlainRun(base, next, end)
            guard next < end else { return nil }
            let found = byte(next)
            if found == 0x22 { return Text(start: index &+ 1, end: next, hasEscapes: false) }
            if found == 0x5C { return escapedText(at: index) }
            guard found >= 0x80, let after = JSONBytes.endOfScalar(base, next, end) else { return nil }
            next = after
        }
    }

    /// Where the closing quote of a string stands whose content begins at `index`; nil if it is not among the first sixteen bytes, or if anything
    /// but plain characters is before it.
    @inline(__always)
    func endOfShortText(at index: Int) -> Int? {
        guard index &+ 16 <= end else { return nil }
        let special = capus_special(base + index)
        guard special != 0 else { return nil }
        let place = index &+ special.trailingZeroBitCount
        return byte(place) == 0x22 ? place : nil
    }

    /// Passes the string whose opening quote is at `index`; nil if there is anything but plain characters in it, or if the data ends soon after it.
    @inline(__always)
    func plainText(at index: Int) -> Text? {
        var next = index &+ 1
        while next &+ 16 <= end {
            let special = capus_special(base + next)
            guard special == 0 else {
                next &+= special.trailingZeroBitCount
                return byte(next) == 0x22 ? Text(start: index &+ 1, end: next, hasEscapes: false) : nil
            }
            next &+= 16
        }
        return nil
    }

    @inline(never)
    private func escapedText(at index: Int) -> Text? {
        var scanner = scanner(from: index)
        guard let slice = try? scanner.scanString() else { return nil }
        return Text(
            start: index + slice.range.lowerBound, end: index + slice.range.upperBound,
            hasEscapes: slice.hasEscapes)
    }

    private func scanner(from index: Int) -> JSONScanner {
        JSONScanner(UnsafeRawBufferPointer(start: base + index, count: end - index))
    }

    /// The value of a string with escapes.
    func unescaped(_ text: Text) -> [UInt8] {
        scanner(from: 0).utf8(JSONStringSlice(range: text.start..<text.end, hasEscapes: true))
    }

    /// The position after the number at `index`.
    @inline(__always)
    func endOfNumber(_ index: Int) -> Int? {
        var index = index
        if byte(index) == 0x2D { index &+= 1 }
        guard index < end else { return nil }
        if byte(index) == 0x30 {
            index &+= 1
        } else {
            guard let next = endOfDigits(index) else { return nil }
            index = next
        }
        if index < end, byte(index) == 0x2E {
            guard let next = endOfDigits(index &+ 1) else { return nil }
            index = next
        }
        if index < end, byte(index) | 0x20 == 0x65 {
            index &+= 1
            if index < end, byte(index) == 0x2B || byte(index) == 0x2D { index &+= 1 }
            guard let next = endOfDigits(index) else { return nil }
            index = next
        }
        return index
    }

    @inline(__always)
    private func endOfDigits(_ index: Int) -> Int? {
        var next = index
        while next < end, byte(next) &- 0x30 <= 9 { next &+= 1 }
        return next > index ? next : nil
    }

    /// A number that was passed over, with its value if that is short.
    struct Number {
        var end: Int
        /// The digits as they are written, the sign and the point left out; there are 15 at most.
        var digits: UInt64 = 0
        /// How many of them stand behind the point.
        var scale = 0
        var isNegative = false
        /// Whether that is all there is to it.
        var isPlain = true
    }

    /// Passes the number at `index`.
    @inline(__always)
    func number(at start: Int) -> Number? {
        let isNegative = byte(start) == 0x2D
        let first = isNegative ? start &+ 1 : start
        // Most numbers have up to eight digits: then they are read together.
        guard let (whole, count) = digits(at: first), byte(first) != 0x30 || count == 1 else {
            return anyNumber(at: start)
        }
        var number = Number(end: first &+ count, digits: Self.value(of: whole, count), isNegative: isNegative)
        if byte(number.end) == 0x2E {
            guard let (fraction, scale) = digits(at: number.end &+ 1), count &+ scale <= 8 else {
                return anyNumber(at: start)
            }
            let both = whole | fraction &<< UInt64(truncatingIfNeeded: count &* 8)
            number.digits = Self.value(of: both, count &+ scale)
            number.scale = scale
            number.end &+= scale &+ 1
        }
        if number.end < end, byte(number.end) | 0x20 == 0x65 { return longNumber(at: start) }
        return number
    }

    /// Passes the number at `index`; nil unless it has no sign, up to seven digits before the point and after it, and no exponent.
    @inline(__always)
    func wholeNumber(at index: Int) -> (whole: Int64, end: Int)? {
        guard let (word, count) = digits(at: index), byte(index) != 0x30 || count == 1 else { return nil }
        // What is no digit behind them is there.
        var end = index &+ count
        if byte(end) == 0x2E {
            guard let fraction = digits(at: end &+ 1) else { return nil }
            end &+= fraction.count &+ 1
        }
        guard byte(end) | 0x20 != 0x65 else { return nil }
        return (Int64(truncatingIfNeeded: Self.value(of: word, count)), end)
    }

    /// The number that so many digits are, one to eight, the first in the lowest byte.
    @inline(__always)
    private static func value(of digits: UInt64, _ count: Int) -> UInt64 {
        // Moved to the end of the eight, then pairs, fours and all of them are put together.
        var word = digits &<< UInt64(truncatingIfNeeded: 64 &- count &* 8)
        word = (word &* 2561) &>> 8 & 0x00FF_00FF_00FF_00FF
        word = (word &* 6_553_601) &>> 16 & 0x0000_FFFF_0000_FFFF
        return (word &* 42_949_672_960_001) &>> 32
    }

    /// The digits at `index` by their values, the first in the lowest byte, and how many they are: one to seven, nil if not so, or too near the end.
    @inline(__always)
    private func digits(at index: Int) -> (word: UInt64, count: Int)? {
        guard index &+ 8 <= end else { return nil }
        let word = UInt64(littleEndian: ByteTable.word(base, index)) ^ 0x3030_3030_3030_3030
        // Of those that are no digit; the first flag is right.
        let others = (word &+ 0x7676_7676_7676_7676 | word) & 0x8080_8080_8080_8080
        let bits = others.trailingZeroBitCount & ~7
        guard others != 0, bits != 0 else { return nil }
        return (word & (1 &<< UInt64(truncatingIfNeeded: bits) &- 1), bits &>> 3)
    }

    /// Passes a number of any length.
    @inline(never)
    private func anyNumber(at start: Int) -> Number? {
        var number = Number(end: start)
        var index = start
        if byte(index) == 0x2D {
            number.isNegative = true
            index &+= 1
        }
        let first = index
        while index < end, byte(index) &- 0x30 <= 9 {
            number.digits = number.digits &* 10 &+ UInt64(byte(index) &- 0x30)
            index &+= 1
        }
        guard index > first, byte(first) != 0x30 || index == first &+ 1 else { return nil }
        var count = index &- first
        if index < end, byte(index) == 0x2E {
            index &+= 1
            let point = index
            while index < end, byte(index) &- 0x30 <= 9 {
                number.digits = number.digits &* 10 &+ UInt64(byte(index) &- 0x30)
                index &+= 1
            }
            guard index > point else { return nil }
            number.scale = index &- point
            count &+= number.scale
        }
        number.end = index
        if count > 15 || index < end && byte(index) | 0x20 == 0x65 { return longNumber(at: start) }
        return number
    }

    @inline(never)
    private func longNumber(at start: Int) -> Number? {
        endOfNumber(start).map { Number(end: $0, isPlain: false) }
    }

    /// The position after the literal at `index`.
    @inline(__always)
    func endOf(_ literal: StaticString, at index: Int) -> Int? {
        let count = literal.utf8CodeUnitCount
        guard end &- index >= count else { return nil }
        for offset in 0..<count where byte(index &+ offset) != literal.utf8Start[offset] { return nil }
        return index &+ count
    }

    /// The position after the value at `index`, which is no container.
    @inline(__always)
    func endOfScalar(at index: Int) -> Int? {
        switch byte(index) {
        case 0x22: text(at: index).map { $0.end &+ 1 }
        case 0x2D, 0x30...0x39: endOfNumber(index)
        case 0x74: endOf("true", at: index)
        case 0x66: endOf("false", at: index)
        case 0x6E: endOf("null", at: index)
        default: nil
        }
    }

    // MARK: - Containers

    /// Passes the member name at or after `index` and its colon.
    @inline(__always)
    func name(_ index: Int) -> (name: Text, after: Int)? {
        guard let start = next(index), byte(start) == 0x22, let name = text(at: start),
            let colon = next(name.end &+ 1), byte(colon) == 0x3A
        else { return nil }
        return (name, colon &+ 1)
    }

    /// The position after the value of a member that nothing is asked of, at or after `index`, inside `depth` containers.
    @inline(__always)
    func skipMember(_ index: Int, depth: Int) -> Int? {
        guard let start = next(index) else { return nil }
        // Without the bookkeeping that containers need.
        return byte(start) == 0x22 ? text(at: start).map { $0.end &+ 1 } : skipValue(start, depth: depth)
    }

    /// The position after the value at or after `index`, inside `depth` containers.
    func skipValue(_ index: Int, depth: Int) -> Int? {
        var index = index
        var depth = depth
        let outerDepth = depth
        // One bit for each open container, the innermost lowest: whether it is an object.
        var kinds: UInt128 = 0
        while true {
            guard let start = next(index) else { return nil }
            let first = byte(start)
            if first == 0x7B || first == 0x5B {
                guard depth < Self.depthLimit, let inside = next(start &+ 1) else { return nil }
                let isObject = first == 0x7B
                if byte(inside) == first &+ 2 {
                    index = inside &+ 1
                } else {
                    depth &+= 1
                    kinds = kinds &<< 1 | (isObject ? 1 : 0)
                    guard isObject else {
                        index = inside
                        continue
                    }
                    guard let after = name(inside)?.after else { return nil }
                    index = after
                    continue
                }
            } else {
                guard let after = endOfScalar(at: start) else { return nil }
                index = after
            }
            // After a value: a comma and the next one, or the ends of containers.
            while true {
                if depth == outerDepth { return index }
                guard let separator = next(index) else { return nil }
                let isObject = kinds & 1 == 1
                index = separator &+ 1
                if byte(separator) == 0x2C {
                    guard isObject else { break }
                    guard let after = name(index)?.after else { return nil }
                    index = after
                    break
                }
                guard byte(separator) == (isObject ? 0x7D : 0x5D) else { return nil }
                depth &-= 1
                kinds = kinds &>> 1
            }
        }
    }
}
