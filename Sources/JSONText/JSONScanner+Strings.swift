// SPDX-License-Identifier: Apache-2.0

// Strings: checked as they are passed, decoded only on demand. Most strings have no escapes, and those
// become a String straight from the text.

extension JSONScanner {
    /// Consumes a string, checking UTF-8, escapes and control characters, and returns where its content is.
    @discardableResult
    package mutating func scanString() throws(JSONError) -> JSONStringSlice {
        skipWhitespace()
        guard position < end, byte(position) == 0x22 else { throw unexpected(.string) }
        let start = position + 1
        var index = start
        var hasEscapes = false
        while true {
            index = JSONBytes.endOfPlainRun(base, index, end)
            guard index < end else { throw JSONError(.unexpectedEnd, at: end) }
            let found = byte(index)
            if found == 0x22 { break }
            if found == 0x5C {
                hasEscapes = true
                index = try endOfEscape(at: index)
            } else if found < 0x20 {
                throw JSONError(.controlCharacter(found), at: index)
            } else {
                guard let next = JSONBytes.endOfScalar(base, index, end) else {
                    throw JSONError(.invalidUTF8, at: index)
                }
                index = next
            }
        }
        position = index + 1
        return JSONStringSlice(range: start..<index, hasEscapes: hasEscapes)
    }

    /// Consumes a string and returns its value.
    package mutating func readString() throws(JSONError) -> String {
        string(try scanString())
    }

    /// The value of a string that this scanner passed.
    package func string(_ slice: JSONStringSlice) -> String {
        guard slice.hasEscapes else { return String(decoding: bytes(slice.range), as: UTF8.self) }
        return String(decoding: unescaped(slice), as: UTF8.self)
    }

    /// The value of a string that this scanner passed, as UTF-8.
    package func utf8(_ slice: JSONStringSlice) -> [UInt8] {
        slice.hasEscapes ? unescaped(slice) : [UInt8](bytes(slice.range))
    }

    /// Whether a string that this scanner passed has the given value, which must be ASCII.
    package func string(_ slice: JSONStringSlice, equals text: StaticString) -> Bool {
        if slice.hasEscapes {
            return unescaped(slice).elementsEqual(
                UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
        }
        guard slice.range.count == text.utf8CodeUnitCount else { return false }
        for index in 0..<text.utf8CodeUnitCount
        where byte(slice.range.lowerBound + index) != text.utf8Start[index] { return false }
        return true
    }
}

// MARK: - Escapes

extension JSONScanner {
    /// Checks the escape whose backslash is at `index`; returns the position after it (or after the pair).
    private func endOfEscape(at index: Int) throws(JSONError) -> Int {
        guard index + 1 < end else { throw JSONError(.unexpectedEnd, at: end) }
        switch byte(index + 1) {
        case 0x22, 0x5C, 0x2F, 0x62, 0x66, 0x6E, 0x72, 0x74: return index + 2
        case 0x75: break
        default: throw JSONError(.invalidEscape, at: index)
        }
        let unit = try codeUnit(at: index)
        guard unit & 0xF800 == 0xD800 else { return index + 6 }
        guard unit < 0xDC00, index + 7 < end, byte(index + 6) == 0x5C, byte(index + 7) == 0x75,
            try codeUnit(at: index + 6) & 0xFC00 == 0xDC00
        else { throw JSONError(.unpairedSurrogate, at: index) }
        return index + 12
    }

    /// The UTF-16 code unit of the `\uXXXX` at `index`.
    private func codeUnit(at index: Int) throws(JSONError) -> UInt32 {
        guard index + 6 <= end else { throw JSONError(.unexpectedEnd, at: end) }
        var unit: UInt32 = 0
        for place in index + 2..<index + 6 {
            guard let digit = Self.hexValue(byte(place)) else { throw JSONError(.invalidEscape, at: index) }
            unit = unit << 4 | digit
        }
        return unit
    }

    private static func hexValue(_ byte: UInt8) -> UInt32? {
        switch byte {
        case 0x30...0x39: UInt32(byte - 0x30)
        case 0x41...0x46: UInt32(byte - 0x41 + 10)
        case 0x61...0x66: UInt32(byte - 0x61 + 10)
        default: nil
        }
    }

    /// Resolves the escapes of a string already checked by `scanString()`.
    private func unescaped(_ slice: JSONStringSlice) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(slice.range.count)
        var index = slice.range.lowerBound
        while index < slice.range.upperBound {
            let found = byte(index)
            if found != 0x5C {
                result.append(found)
                index += 1
            } else if byte(index + 1) == 0x75 {
                index = appendScalar(at: index, to: &result)
            } else {
                result.append(Self.meaning(ofEscape: byte(index + 1)))
                index += 2
            }
        }
        return result
    }

    private func appendScalar(at index: Int, to result: inout [UInt8]) -> Int {
        // Checked before: the fallbacks below are never taken.
        var value = (try? codeUnit(at: index)) ?? 0xFFFD
        var next = index + 6
        if value & 0xFC00 == 0xD800, let low = try? codeUnit(at: next) {
            value = 0x10000 + (value & 0x3FF) << 10 + (low & 0x3FF)
            next += 6
        }
        let scalar = Unicode.Scalar(value) ?? "\u{FFFD}"
        result.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
        return next
    }

    private static func meaning(ofEscape byte: UInt8) -> UInt8 {
        switch byte {
        case 0x62: 0x08
        case 0x66: 0x0C
        case 0x6E: 0x0A
        case 0x72: 0x0D
        case 0x74: 0x09
        default: byte
        }
    }
}
