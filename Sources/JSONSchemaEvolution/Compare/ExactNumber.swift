// SPDX-License-Identifier: Apache-2.0

// Numbers of schemas as whole numbers times powers of ten: compared and divided exactly. Those with more digits than fit are nobody's
// bound, and are told as undecided.

import JSONText

/// A decimal number of up to 30 digits.
struct ExactNumber: Hashable, Sendable {
    /// Without zeros at its end.
    let mantissa: Int128
    let exponent: Int

    private static let digitsMax = 30
    private static let exponentMax = 1_000

    private init(mantissa: Int128, exponent: Int) {
        var mantissa = mantissa
        var exponent = mantissa == 0 ? 0 : exponent
        while mantissa != 0, mantissa % 10 == 0 {
            mantissa /= 10
            exponent += 1
        }
        self.mantissa = mantissa
        self.exponent = exponent
    }

    /// A whole number.
    init(_ value: Int) { self.init(mantissa: Int128(value), exponent: 0) }

    /// The number of a JSON text; nil if it has too many digits or is too far from one.
    init?(_ number: JSONNumber) {
        var mantissa: Int128 = 0
        var digits = 0
        var fraction = 0
        var power = 0
        var isBehindPoint = false
        var isNegative = false
        var rest = Substring(number.text).utf8
        while let byte = rest.popFirst() {
            switch byte {
            case 0x2D: isNegative = true
            case 0x2E: isBehindPoint = true
            case 0x65, 0x45:
                guard let value = Int(Substring(rest)) else { return nil }
                power = value
                rest = Substring().utf8
            default:
                mantissa = mantissa * 10 + Int128(byte - 0x30)
                if mantissa != 0 { digits += 1 }
                if isBehindPoint { fraction += 1 }
                guard digits <= Self.digitsMax, fraction <= Self.exponentMax else { return nil }
            }
        }
        guard abs(power) <= Self.exponentMax else { return nil }
        self.init(mantissa: isNegative ? -mantissa : mantissa, exponent: power - fraction)
    }

    /// Digits before the point.
    private var magnitude: Int {
        var count = 0
        var rest = mantissa
        while rest != 0 {
            rest /= 10
            count += 1
        }
        return count + exponent
    }

    var isInteger: Bool { exponent >= 0 }

    /// Whether this is a whole multiple of a number that is not zero.
    func isMultiple(of divisor: ExactNumber) -> Bool {
        guard mantissa != 0 else { return true }
        guard exponent >= divisor.exponent, divisor.mantissa != 0 else { return false }
        let modulus = divisor.mantissa.magnitude
        var rest = mantissa.magnitude % modulus
        for _ in 0..<exponent - divisor.exponent where rest != 0 { rest = rest * 10 % modulus }
        return rest == 0
    }

    /// The greatest whole number that is not above this one; nil if it does not fit.
    var floor: ExactNumber? {
        guard !isInteger else { return self }
        guard let divisor = Self.power(-exponent) else {
            return mantissa < 0 ? ExactNumber(-1) : ExactNumber(0)
        }
        let quotient = mantissa / divisor
        return ExactNumber(mantissa: mantissa < 0 ? quotient - 1 : quotient, exponent: 0)
    }

    /// The least whole number that is not below this one.
    var ceiling: ExactNumber? { negated.floor?.negated }

    var negated: ExactNumber { ExactNumber(mantissa: -mantissa, exponent: exponent) }

    /// The sum; nil if it has too many digits.
    func adding(_ other: ExactNumber) -> ExactNumber? {
        let lowest = min(exponent, other.exponent)
        guard let mine = scaled(to: lowest), let theirs = other.scaled(to: lowest) else { return nil }
        return ExactNumber(mantissa: mine + theirs, exponent: lowest)
    }

    /// How often `divisor`, which is above zero, goes into this number, rounded down; nil if that does not fit.
    func quotient(_ divisor: ExactNumber) -> Int128? {
        let lowest = min(exponent, divisor.exponent)
        guard let mine = scaled(to: lowest), let theirs = divisor.scaled(to: lowest), theirs > 0 else {
            return nil
        }
        let quotient = mine / theirs
        return mine < 0 && mine % theirs != 0 ? quotient - 1 : quotient
    }

    /// The product; nil if it has too many digits.
    func multiplied(_ factor: Int128) -> ExactNumber? {
        let (product, overflows) = mantissa.multipliedReportingOverflow(by: factor)
        guard !overflows, product.magnitude < 1_000_000_000_000_000_000_000_000_000_000 else { return nil }
        return ExactNumber(mantissa: product, exponent: exponent)
    }

    private func scaled(to lowest: Int) -> Int128? {
        guard mantissa != 0 else { return 0 }
        guard exponent - lowest + magnitude - exponent <= 36, let factor = Self.power(exponent - lowest)
        else {
            return nil
        }
        return mantissa * factor
    }

    private static func power(_ exponent: Int) -> Int128? {
        guard exponent >= 0, exponent <= 37 else { return nil }
        var result: Int128 = 1
        for _ in 0..<exponent { result *= 10 }
        return result
    }

    var value: JSONValue { .number(JSONNumber(text) ?? JSONNumber(0)) }

    var text: String {
        if exponent >= 0, exponent <= 20 { return "\(mantissa)" + String(repeating: "0", count: exponent) }
        guard exponent < 0, exponent >= -20 else { return "\(mantissa)e\(exponent)" }
        var digits = "\(mantissa.magnitude)"
        while digits.utf8.count <= -exponent { digits = "0" + digits }
        digits.insert(".", at: digits.index(digits.endIndex, offsetBy: exponent))
        return (mantissa < 0 ? "-" : "") + digits
    }
}

extension ExactNumber: Comparable {
    static func < (left: ExactNumber, right: ExactNumber) -> Bool {
        if left.mantissa.signum() != right.mantissa.signum() {
            return left.mantissa.signum() < right.mantissa.signum()
        }
        guard left.mantissa != 0 else { return false }
        let isNegative = left.mantissa < 0
        let (mine, theirs) = (left.magnitude, right.magnitude)
        if mine != theirs { return mine < theirs ? !isNegative : isNegative }
        // Of one magnitude: they differ by no more zeros than they have digits.
        let lowest = min(left.exponent, right.exponent)
        guard let first = left.scaled(to: lowest), let second = right.scaled(to: lowest) else { return false }
        return first < second
    }
}
