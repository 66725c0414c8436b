// SPDX-License-Identifier: Apache-2.0

// Numbers of up to nineteen digits, read in one go: a key of sixteen bytes for the hash table, and a double for the ranges. Longer ones take
// the long way, by DecimalKey; their keys are longer too, so the two never meet.

/// A number of an event or a pattern, read from its text.
struct NumberText {
    /// The digits without zeros in front and at the end, as far as they fit.
    private var digits: UInt64 = 0
    /// What to multiply the digits with, as a power of ten.
    private var exponent = 0
    private var isNegative = false
    /// Whether all digits fit.
    private(set) var isShort = true

    /// Reads text that follows the grammar of RFC 8259 section 6.
    @inline(__always)
    init(_ text: UnsafeRawBufferPointer) {
        var zeros = 0
        var scale = 0
        var isFraction = false
        var index = 0
        if text.first == 0x2D {
            isNegative = true
            index = 1
        }
        while index < text.count {
            let byte = text[index]
            index &+= 1
            if byte &- 0x30 <= 9 {
                if isFraction { scale &-= 1 }
                if byte == 0x30 {
                    zeros &+= 1
                } else if digits == 0 {
                    digits = UInt64(byte &- 0x30)
                    zeros = 0
                } else {
                    append(byte &- 0x30, after: zeros)
                    zeros = 0
                }
            } else if byte == 0x2E {
                isFraction = true
            } else {
                scale &+= Self.writtenExponent(text, from: index)
                break
            }
        }
        if digits == 0 {
            isNegative = false
        } else {
            exponent = scale &+ zeros
        }
    }

    /// A number of few digits that was read already.
    init(_ number: JSONPass.Number) {
        guard number.digits != 0 else { return }
        (digits, exponent, isNegative) = (number.digits, -number.scale, number.isNegative)
        while digits % 10 == 0 {
            digits /= 10
            exponent += 1
        }
    }

    private mutating func append(_ digit: UInt8, after zeros: Int) {
        // 18 digits fit, and one more if it is small; who has so many takes the long way.
        guard zeros < 18 else {
            isShort = false
            return
        }
        for _ in 0...zeros {
            let (product, overflow) = digits.multipliedReportingOverflow(by: 10)
            guard !overflow, product < UInt64.max / 2 else {
                isShort = false
                return
            }
            digits = product
        }
        digits &+= UInt64(digit)
    }

    private static func writtenExponent(_ text: UnsafeRawBufferPointer, from index: Int) -> Int {
        var magnitude = 0
        for byte in text[index...] where byte != 0x2B && byte != 0x2D {
            // As DecimalKey limits it.
            magnitude = min(magnitude * 10 + Int(byte & 0xF), 1 << 56)
        }
        return index < text.count && text[index] == 0x2D ? -magnitude : magnitude
    }

    // MARK: - As a key

    /// The key of a short number, as two words in the order of their bytes here.
    var words: (UInt64, UInt64) {
        (digits, UInt64(bitPattern: Int64(exponent)) &<< 1 | (isNegative ? 1 : 0))
    }

    /// The key of a number in `text`, which it was read from.
    func key(_ text: UnsafeRawBufferPointer) -> [UInt8] {
        guard isShort else {
            var key: [UInt8] = []
            DecimalKey.append(keyOf: text, to: &key)
            return key
        }
        return withUnsafeBytes(of: words) { Array($0) }
    }

    // MARK: - As a double

    /// The nearest double, and whether no other number of few digits has the same.
    func double(_ text: UnsafeRawBufferPointer) -> (value: Double, isExact: Bool) {
        guard isShort, digits < 1_000_000_000_000_000, (-22...22).contains(exponent) else {
            return (Double(String(decoding: text, as: UTF8.self)) ?? 0, false)
        }
        // Both are exact, so their quotient or product is the nearest there is.
        let power = Self.power(abs(exponent))
        let value = exponent < 0 ? Double(digits) / power : Double(digits) * power
        return (isNegative ? -value : value, true)
    }

    /// The nearest double to a number of few digits, which no other such number has.
    @inline(__always)
    static func double(_ number: JSONPass.Number) -> Double {
        let value = Double(Int64(truncatingIfNeeded: number.digits)) / power(number.scale)
        return number.isNegative ? -value : value
    }

    /// A power of ten up to 22.
    @inline(__always)
    private static func power(_ exponent: Int) -> Double { powers[exponent] }

    /// All exact. Literals, so that they are there without being computed.
    private static let powers: [Double] = [
        1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
        1e19, 1e20, 1e21, 1e22,
    ]
}
