// SPDX-License-Identifier: Apache-2.0

// Numbers by value, exactly: 1, 1.0 and 1e0 get the same key, and keys compare as the numbers do. No
// detour through Double, which would make 64-bit identifiers that differ in the last digit equal.
//
//   zero       01
//   positive   02  exponent (8 bytes, biased, big-endian)  significant digits
//   negative   00  the complement of the bytes a positive number would have  FF
//
// The exponent is that of 0.ddd x 10^exponent; digits have no leading or trailing zero. The FF makes the
// longer of two negative keys with a common start the smaller, as it must be.

/// Keys of decimal numbers, ordered bytewise.
enum DecimalKey {
    private static let bias: Int64 = 1 << 62
    /// Exponents beyond this are clamped: such numbers are equal when their digits are.
    private static let exponentMax: Int64 = 1 << 56

    /// The key of a number that follows the grammar of RFC 8259 section 6.
    static func bytes(of text: [UInt8]) -> [UInt8] {
        var key: [UInt8] = []
        text.withUnsafeBytes { append(keyOf: $0, to: &key) }
        return key
    }

    /// Appends the key of a number that follows the grammar of RFC 8259 section 6.
    static func append(keyOf text: UnsafeRawBufferPointer, to key: inout [UInt8]) {
        let isNegative = text.first == 0x2D
        let start = key.count
        key.append(isNegative ? 0x00 : 0x02)
        for _ in 0..<8 { key.append(0) }
        let exponent = appendDigits(of: text[(isNegative ? 1 : 0)...], to: &key)
        while key.count > start + 9, key[key.count - 1] == 0x30 { key.removeLast() }
        guard key.count > start + 9 else {
            key.removeSubrange(start...)
            key.append(0x01)
            return
        }
        let biased = UInt64(bitPattern: exponent + bias)
        for index in 0..<8 {
            key[start + 1 + index] = UInt8(truncatingIfNeeded: biased >> UInt64(56 - 8 * index))
        }
        guard isNegative else { return }
        for index in start + 1..<key.count { key[index] = ~key[index] }
        key.append(0xFF)
    }

    /// Appends the digits from the first that is not zero; returns the exponent of 0.ddd.
    private static func appendDigits(of text: Slice<UnsafeRawBufferPointer>, to key: inout [UInt8]) -> Int64 {
        var exponent: Int64 = 0
        var hasDigit = false
        var isFraction = false
        var index = text.startIndex
        while index < text.endIndex {
            let byte = text[index]
            if byte == 0x2E {
                isFraction = true
            } else if byte | 0x20 == 0x65 {
                return exponent + writtenExponent(text[(index + 1)...])
            } else {
                hasDigit = hasDigit || byte != 0x30
                if hasDigit { key.append(byte) }
                if hasDigit != isFraction { exponent += hasDigit ? 1 : -1 }
            }
            index += 1
        }
        return exponent
    }

    private static func writtenExponent(_ text: Slice<UnsafeRawBufferPointer>) -> Int64 {
        var magnitude: Int64 = 0
        for byte in text where byte != 0x2B && byte != 0x2D {
            magnitude = min(magnitude * 10 + Int64(byte & 0xF), exponentMax)
        }
        return text.first == 0x2D ? -magnitude : magnitude
    }
}
