// SPDX-License-Identifier: Apache-2.0

// Ranges with two ends. The number line is cut into cells whose size is a power of two; a range that is no wider than a cell lies in at most two
// of them, which are keys like texts are. So a value finds the ranges that may hold it in one probe for each size there is, and mostly there are
// few. What has one end only, or is very wide, goes into RangeTree.

/// A range with two ends, as doubles.
struct NumberWindow: Sendable {
    var low = 0.0
    var high = 0.0
    /// Whether the ends themselves do not belong to the range.
    var isLowOpen = false
    var isHighOpen = false
    /// Whether the ends are what the pattern says, and not only near it.
    var isExact = false

    private static let sizeMin = -31
    private static let sizeMax = 31

    /// A range, nil if it has no two ends or is too wide for cells.
    init?(_ range: NumericRange) {
        guard range.lower != nil, range.upper != nil else { return nil }
        let entry = ClausePlan.entry(of: range, step: MatchProgram.none, test: MatchProgram.none)
        guard entry.low.isFinite, entry.high.isFinite else { return nil }
        (low, high, isExact) = (entry.low, entry.high, entry.isExact)
        (isLowOpen, isHighOpen) = (entry.isLowOpen, entry.isHighOpen)
        // Differences of doubles are rounded: a size with room.
        guard high - low <= Self.scale(Self.sizeMax) / 2 else { return nil }
    }

    /// The range of a test as it stands in `ConditionCode`, nil if it is no range.
    init?(code: ArraySlice<UInt32>) {
        let words = Array(code)
        guard words.count > 5, words[0] >> 24 == ConditionCode.Operation.range.rawValue else { return nil }
        low = Double(bitPattern: UInt64(words[2]) | UInt64(words[3]) << 32)
        high = Double(bitPattern: UInt64(words[4]) | UInt64(words[5]) << 32)
        isLowOpen = words[1] & ConditionCode.isLowOpen != 0
        isHighOpen = words[1] & ConditionCode.isHighOpen != 0
        isExact = words[1] & ConditionCode.isExact != 0
    }

    func isSame(as other: NumberWindow) -> Bool {
        (low, high) == (other.low, other.high)
            && (isLowOpen, isHighOpen, isExact) == (other.isLowOpen, other.isHighOpen, other.isExact)
    }

    /// The number of the size of its cells, from 0.
    var size: Int {
        var size = Self.sizeMin
        while Self.scale(size) < high - low { size += 1 }
        // One more than would just do, since the difference is rounded.
        return min(size + 1, Self.sizeMax) - Self.sizeMin
    }

    /// The keys of its cells, one or two.
    var keys: [[UInt8]] {
        let first = Self.key(of: low, size: size)
        let last = Self.key(of: high, size: size)
        return [first, last][..<(first == last ? 1 : 2)].map { key in
            withUnsafeBytes(of: key) { Array($0) }
        }
    }

    private static func scale(_ size: Int) -> Double { Double(sign: .plus, exponent: size, significand: 1) }

    /// The greatest integer that is not greater; without the call that this takes on processors of any age.
    @inline(__always)
    private static func floor(_ number: Double) -> Double {
        // Beyond this all doubles are integers.
        guard number.magnitude < 0x1p52 else { return number }
        let integer = Double(Int64(number))
        return integer > number ? integer - 1 : integer
    }

    /// A bit for each size less than one.
    static let fractions: UInt64 = 1 << UInt64(-sizeMin) - 1

    /// The key of the cell of a number of which this stands before the point and which is not negative, for a size that is no fraction.
    @inline(__always)
    static func key(of whole: Int64, size: Int) -> (UInt64, UInt64) {
        let cell = Double(whole &>> Int64(size &+ sizeMin))
        return (cell.bitPattern, UInt64(truncatingIfNeeded: size))
    }

    /// The key of the cell of a number.
    @inline(__always)
    static func key(of number: Double, size: Int) -> (UInt64, UInt64) {
        let exponent = UInt64(truncatingIfNeeded: 1023 &- (size &+ sizeMin))
        // Two to the power of the size, taken apart: multiplying by it is exact. Adding zero turns -0 into 0.
        let scaled = number * Double(bitPattern: exponent &<< 52)
        let cell = floor(scaled) + 0
        return (cell.bitPattern, UInt64(truncatingIfNeeded: size))
    }
}
