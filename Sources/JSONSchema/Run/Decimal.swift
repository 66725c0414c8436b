// SPDX-License-Identifier: Apache-2.0

// Numbers as decimal text, compared and divided exactly whatever their length, without copying them.

/// A JSON number, read where it stands: its significant digits and the power of ten they are multiplied with.
///
/// The bytes must stay where they are while it is used.
struct Decimal {
    let isNegative: Bool
    /// Significant digits: no zeros at either end. None for zero.
    let count: Int
    /// The power of ten of the last significant digit.
    let exponent: Int
    /// The first significant digit; the digits may have a point between them.
    private let base: UnsafeRawPointer
    private let start: Int

    private static let exponentLimit = 1 << 40

    /// Reads `text`, which must be a JSON number.
    init(_ text: UnsafeRawBufferPointer) {
        let base = text.baseAddress ?? UnsafeRawPointer(("0" as StaticString).utf8Start)
        let length = text.count
        @inline(__always) func byte(_ index: Int) -> UInt8 {
            base.load(fromByteOffset: index, as: UInt8.self)
        }
        var index = 0
        isNegative = length > 0 && byte(0) == 0x2D
        if isNegative { index = 1 }
        var first = -1
        var last = -1
        var digits = 0
        var significant = 0
        var fraction = 0
        var isInFraction = false
        var trailing = 0
        while index < length {
            let found = byte(index)
            if found == 0x2E {
                isInFraction = true
            } else if found &- 0x30 <= 9 {
                if isInFraction { fraction += 1 }
                if found != 0x30 || first >= 0 {
                    if first < 0 { first = index }
                    digits += 1
                    if found != 0x30 {
                        last = index
                        significant = digits
                        trailing = 0
                    } else {
                        trailing += 1
                    }
                }
            } else {
                break
            }
            index += 1
        }
        var power = 0
        if index < length, byte(index) | 0x20 == 0x65 {
            index += 1
            var isBelow = false
            if index < length, byte(index) == 0x2B || byte(index) == 0x2D {
                isBelow = byte(index) == 0x2D
                index += 1
            }
            while index < length, byte(index) &- 0x30 <= 9 {
                if power < Self.exponentLimit { power = power * 10 + Int(byte(index) - 0x30) }
                index += 1
            }
            power = min(power, Self.exponentLimit)
            if isBelow { power = -power }
        }
        self.base = base
        start = max(first, 0)
        count = last < 0 ? 0 : significant
        exponent = last < 0 ? 0 : power - fraction + trailing
    }

    var isZero: Bool { count == 0 }
    /// Whether there is nothing behind the decimal point.
    var isInteger: Bool { count == 0 || exponent >= 0 }

    /// The power of ten just above the number.
    private var magnitude: Int { exponent + count }

    /// Calls `body` with each significant digit until it says false.
    @inline(__always)
    func forEachDigit(_ body: (UInt8) -> Void) {
        var index = start
        var left = count
        while left > 0 {
            let found = base.load(fromByteOffset: index, as: UInt8.self)
            if found != 0x2E {
                body(found &- 0x30)
                left -= 1
            }
            index += 1
        }
    }

    /// -1, 0 or 1: this number is less than, equal to or greater than the other.
    func compared(to other: Decimal) -> Int {
        if isZero || other.isZero {
            if isZero && other.isZero { return 0 }
            return isZero ? (other.isNegative ? 1 : -1) : (isNegative ? -1 : 1)
        }
        if isNegative != other.isNegative { return isNegative ? -1 : 1 }
        let absolute = comparedDigits(to: other)
        return isNegative ? -absolute : absolute
    }

    private func comparedDigits(to other: Decimal) -> Int {
        if magnitude != other.magnitude { return magnitude < other.magnitude ? -1 : 1 }
        var mine = start
        var theirs = other.start
        for _ in 0..<min(count, other.count) {
            var left = base.load(fromByteOffset: mine, as: UInt8.self)
            if left == 0x2E {
                mine += 1
                left = base.load(fromByteOffset: mine, as: UInt8.self)
            }
            var right = other.base.load(fromByteOffset: theirs, as: UInt8.self)
            if right == 0x2E {
                theirs += 1
                right = other.base.load(fromByteOffset: theirs, as: UInt8.self)
            }
            if left != right { return left < right ? -1 : 1 }
            mine += 1
            theirs += 1
        }
        return count == other.count ? 0 : count < other.count ? -1 : 1
    }

    /// A number that equal numbers share.
    var hash: UInt64 {
        var hash: UInt64 = isZero ? 7 : isNegative ? 11 : 13
        forEachDigit { hash = (hash ^ UInt64($0)) &* 0x9E37_79B9_7F4A_7C15 }
        return (hash ^ UInt64(bitPattern: Int64(exponent))) &* 0xD6E8_FEB8_6659_FD93
    }

    /// Whether this number is a whole multiple of `divisor`, which is not zero.
    func isMultiple(of divisor: Decimal) -> Bool {
        guard !isZero else { return true }
        // Digits of mine end with another than zero, so that 10 to a positive power never divides them.
        guard exponent >= divisor.exponent else { return false }
        let zeros = exponent - divisor.exponent
        guard divisor.count <= 18 else { return isMultiple(ofLong: divisor, zeros: zeros) }
        var modulus: UInt64 = 0
        divisor.forEachDigit { modulus = modulus * 10 + UInt64($0) }
        var rest: UInt64 = 0
        forEachDigit { digit in
            let product = rest.multipliedFullWidth(by: 10)
            let (sum, carry) = product.low.addingReportingOverflow(UInt64(digit))
            rest = modulus.dividingFullWidth((product.high + (carry ? 1 : 0), sum)).remainder
        }
        // A divisor below 2^64 has fewer than 64 factors of two or five: more zeros change nothing.
        for _ in 0..<min(zeros, 64) where rest != 0 {
            rest = modulus.dividingFullWidth(rest.multipliedFullWidth(by: 10)).remainder
        }
        return rest == 0
    }

    /// The same for divisors of any length: slower, and rare.
    private func isMultiple(ofLong divisor: Decimal, zeros: Int) -> Bool {
        var modulus = LongNumber()
        divisor.forEachDigit { modulus.appendDigit($0) }
        var rest = LongNumber()
        func add(_ digit: UInt8) {
            rest.appendDigit(digit)
            while rest.isAtLeast(modulus) { rest.subtract(modulus) }
        }
        forEachDigit { add($0) }
        for _ in 0..<min(zeros, divisor.count * 4) where !rest.isZero { add(0) }
        return rest.isZero
    }
}

/// A natural number of any length, in limbs of 32 bits, the least first.
private struct LongNumber {
    private var limbs: [UInt32] = []

    var isZero: Bool { limbs.isEmpty }

    mutating func appendDigit(_ digit: UInt8) {
        var carry = UInt64(digit)
        for index in limbs.indices {
            let product = UInt64(limbs[index]) * 10 + carry
            limbs[index] = UInt32(truncatingIfNeeded: product)
            carry = product >> 32
        }
        if carry != 0 { limbs.append(UInt32(carry)) }
    }

    func isAtLeast(_ other: LongNumber) -> Bool {
        if limbs.count != other.limbs.count { return limbs.count > other.limbs.count }
        for index in limbs.indices.reversed() where limbs[index] != other.limbs[index] {
            return limbs[index] > other.limbs[index]
        }
        return true
    }

    mutating func subtract(_ other: LongNumber) {
        var borrow: Int64 = 0
        for index in limbs.indices {
            var value = Int64(limbs[index]) - borrow
            if index < other.limbs.count { value -= Int64(other.limbs[index]) }
            borrow = value < 0 ? 1 : 0
            limbs[index] = UInt32(truncatingIfNeeded: value)
        }
        while limbs.last == 0 { limbs.removeLast() }
    }
}
