// SPDX-License-Identifier: Apache-2.0

// Passing over JSON text: checked like JSONText's scanner does, and stopping with a flag instead of a throw.

import JSONText

/// The place of a string's content, between its quotes.
struct StringPlace {
    var start: Int
    var end: Int
    var hasEscapes: Bool
    /// Whether it has nothing but ASCII and no escapes: each byte is a character.
    var isPlain: Bool
}

extension Run {
    @inline(__always)
    mutating func skipWhitespace() {
        position = ScanBytes.skipWhitespace(base, position, end)
    }

    /// Passes over a string, whose quote is at `position`; nil if it is not well-formed.
    @inline(__always)
    mutating func scanString() -> StringPlace? {
        let start = position &+ 1
        let index = ScanBytes.endOfPlainRun(base, start, end)
        if index < end, byte(index) == 0x22 {
            position = index &+ 1
            return StringPlace(start: start, end: index, hasEscapes: false, isPlain: true)
        }
        return scanUnusualString(from: start, at: index)
    }

    /// The rest of a string that has escapes or characters outside ASCII.
    @inline(never)
    private mutating func scanUnusualString(from start: Int, at index: Int) -> StringPlace? {
        var index = index
        var hasEscapes = false
        while true {
            guard index < end else {
                _ = fail(.unexpectedEnd, at: end)
                return nil
            }
            let found = byte(index)
            if found == 0x22 { break }
            if found == 0x5C {
                hasEscapes = true
                guard let next = endOfEscape(at: index) else { return nil }
                index = next
            } else if found < 0x20 {
                _ = fail(.controlCharacter(found), at: index)
                return nil
            } else {
                guard let next = JSONBytes.endOfScalar(base, index, end) else {
                    _ = fail(.invalidUTF8, at: index)
                    return nil
                }
                index = next
            }
            index = ScanBytes.endOfPlainRun(base, index, end)
        }
        position = index + 1
        return StringPlace(start: start, end: index, hasEscapes: hasEscapes, isPlain: false)
    }

    private mutating func endOfEscape(at index: Int) -> Int? {
        guard index + 1 < end else {
            _ = fail(.unexpectedEnd, at: end)
            return nil
        }
        switch byte(index + 1) {
        case 0x22, 0x5C, 0x2F, 0x62, 0x66, 0x6E, 0x72, 0x74: return index + 2
        case 0x75: break
        default:
            _ = fail(.invalidEscape, at: index)
            return nil
        }
        guard let unit = codeUnit(at: index) else {
            _ = fail(index + 6 > end ? .unexpectedEnd : .invalidEscape, at: index)
            return nil
        }
        guard unit & 0xF800 == 0xD800 else { return index + 6 }
        guard unit < 0xDC00, index + 7 < end, byte(index + 6) == 0x5C, byte(index + 7) == 0x75,
            let low = codeUnit(at: index + 6), low & 0xFC00 == 0xDC00
        else {
            _ = fail(.unpairedSurrogate, at: index)
            return nil
        }
        return index + 12
    }

    /// The UTF-16 code unit of the `\uXXXX` at `index`, if it is one.
    private func codeUnit(at index: Int) -> UInt32? {
        guard index + 6 <= end else { return nil }
        var unit: UInt32 = 0
        for place in index + 2..<index + 6 {
            guard let digit = JSONPointer.hexValue(byte(place)) else { return nil }
            unit = unit << 4 | UInt32(digit)
        }
        return unit
    }

    /// Resolves the escapes of a string that was passed over, into `unescaped`.
    mutating func unescape(_ place: StringPlace) {
        unescaped.removeAll(keepingCapacity: true)
        var index = place.start
        while index < place.end {
            let found = byte(index)
            if found != 0x5C {
                unescaped.append(found)
                index += 1
                continue
            }
            switch byte(index + 1) {
            case 0x62: unescaped.append(0x08)
            case 0x66: unescaped.append(0x0C)
            case 0x6E: unescaped.append(0x0A)
            case 0x72: unescaped.append(0x0D)
            case 0x74: unescaped.append(0x09)
            case 0x75:
                var value = codeUnit(at: index) ?? 0xFFFD
                if value & 0xFC00 == 0xD800, let low = codeUnit(at: index + 6) {
                    value = 0x10000 + (value & 0x3FF) << 10 + (low & 0x3FF)
                    index += 6
                }
                let scalar = Unicode.Scalar(value) ?? "\u{FFFD}"
                unescaped.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
                index += 4
            default: unescaped.append(byte(index + 1))
            }
            index += 2
        }
    }

    /// Passes over a number and says whether it is plain digits, perhaps with a sign.
    @inline(__always)
    mutating func scanNumber(isPlain: inout Bool) -> Bool {
        let start = position
        var index = start
        if byte(index) == 0x2D { index &+= 1 }
        let integer = index
        while index < end, byte(index) &- 0x30 <= 9 { index &+= 1 }
        guard index > integer, !(index > integer &+ 1 && byte(integer) == 0x30) else {
            return fail(index == end ? .unexpectedEnd : .invalidNumber, at: index == end ? end : start)
        }
        isPlain = true
        if index < end, byte(index) == 0x2E {
            isPlain = false
            let fraction = index &+ 1
            index = fraction
            while index < end, byte(index) &- 0x30 <= 9 { index &+= 1 }
            guard index > fraction else {
                return fail(index == end ? .unexpectedEnd : .invalidNumber, at: index == end ? end : start)
            }
        }
        if index < end, byte(index) | 0x20 == 0x65 {
            isPlain = false
            index &+= 1
            if index < end, byte(index) == 0x2B || byte(index) == 0x2D { index &+= 1 }
            let exponent = index
            while index < end, byte(index) &- 0x30 <= 9 { index &+= 1 }
            guard index > exponent else {
                return fail(index == end ? .unexpectedEnd : .invalidNumber, at: index == end ? end : start)
            }
        }
        position = index
        return true
    }

    /// Passes over `true`, `false` or `null`, whichever begins at `position`; the type's bit, or 0.
    @inline(__always)
    mutating func scanLiteral() -> UInt8 {
        // The four letters from the first (of `false`, from the second) as one word.
        if position &+ 4 <= end {
            switch UInt32(littleEndian: base.loadUnaligned(fromByteOffset: position, as: UInt32.self)) {
            case 0x6575_7274:
                position &+= 4
                return TypeBits.bool
            case 0x6C6C_756E:
                position &+= 4
                return TypeBits.null
            case 0x736C_6166 where position &+ 4 < end && byte(position &+ 4) == 0x65:
                position &+= 5
                return TypeBits.bool
            default: break
            }
        }
        return failLiteral()
    }

    @inline(never)
    private mutating func failLiteral() -> UInt8 {
        let literal: StaticString =
            switch byte(position) {
            case 0x74: "true"
            case 0x66: "false"
            case 0x6E: "null"
            default: ""
            }
        var index = 0
        while index < literal.utf8CodeUnitCount, position < end, byte(position) == literal.utf8Start[index] {
            position += 1
            index += 1
        }
        _ = failUnexpected(.value)
        return 0
    }

    /// Passes over a value, checking it.
    mutating func skipValue() -> Bool {
        skipWhitespace()
        guard position < end else { return failUnexpected(.value) }
        switch byte(position) {
        case 0x22: return scanString() != nil
        case 0x2D, 0x30...0x39:
            var isPlain = false
            return scanNumber(isPlain: &isPlain)
        case 0x7B: return skipContainer(isObject: true)
        case 0x5B: return skipContainer(isObject: false)
        default: return scanLiteral() != 0
        }
    }

    private mutating func skipContainer(isObject: Bool) -> Bool {
        guard enter() else { return false }
        // Dense brackets take longer than their bytes say; whoever looks at the step budget next finds them counted.
        steps &-= 1
        var isFirst = true
        while true {
            if isObject {
                guard let more = nextMember(isFirst: isFirst) else { return false }
                guard more else { break }
                guard scanString() != nil, scanColon() else { return false }
            } else {
                guard let more = nextElement(isFirst: isFirst) else { return false }
                guard more else { break }
            }
            isFirst = false
            guard skipValue() else { return false }
        }
        depth &+= 1
        return true
    }

    /// Steps over an opening bracket, one level deeper.
    @inline(__always)
    mutating func enter() -> Bool {
        guard depth > 0 else {
            return fail(.tooDeep(limit: min(max(program.limits.documentDepth, 1), 512)), at: position)
        }
        depth &-= 1
        position &+= 1
        return true
    }

    /// Moves to the quote of the next member's name (true) or behind the object (false); nil is a failure.
    @inline(__always)
    mutating func nextMember(isFirst: Bool) -> Bool? {
        // Nearly always, in text without white space.
        if !isFirst, position &+ 1 < end, byte(position) == 0x2C, byte(position &+ 1) == 0x22 {
            position &+= 1
            return true
        }
        skipWhitespace()
        guard position < end else {
            _ = failUnexpected(.commaOrBrace)
            return nil
        }
        if byte(position) == 0x7D {
            position &+= 1
            return false
        }
        if !isFirst {
            guard byte(position) == 0x2C else {
                _ = failUnexpected(.commaOrBrace)
                return nil
            }
            position &+= 1
            skipWhitespace()
        }
        guard position < end, byte(position) == 0x22 else {
            _ = failUnexpected(.name)
            return nil
        }
        return true
    }

    /// Moves to the next element (true) or behind the array (false); nil is a failure.
    @inline(__always)
    mutating func nextElement(isFirst: Bool) -> Bool? {
        skipWhitespace()
        guard position < end else {
            _ = failUnexpected(.commaOrBracket)
            return nil
        }
        if byte(position) == 0x5D {
            position &+= 1
            return false
        }
        if !isFirst {
            guard byte(position) == 0x2C else {
                _ = failUnexpected(.commaOrBracket)
                return nil
            }
            position &+= 1
        }
        return true
    }

    @inline(__always)
    mutating func scanColon() -> Bool {
        if position < end, byte(position) == 0x3A {
            position &+= 1
            return true
        }
        skipWhitespace()
        guard position < end, byte(position) == 0x3A else { return failUnexpected(.colon) }
        position &+= 1
        return true
    }
}
