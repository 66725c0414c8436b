// SPDX-License-Identifier: Apache-2.0

// Values that are judged while they are passed over, where a member or an element stands: most of what is in events. Whatever is unusual about
// them (white space before them, escapes, exponents, very long numbers) is left to the general way, which begins anew.

import JSONText

extension Run {
    /// Applies a node to the value of a member or an element.
    @inline(__always)
    mutating func evaluateContent(_ id: Int32) -> Bool {
        let node = view.nodes + Int(id)
        // Steps and levels that are used up are found by the general way.
        guard position < end, steps > 0, levels > 0 else { return evaluate(id, marks: Self.noMarks) }
        switch byte(position) {
        case 0x22 where node.pointee.quick & QuickBits.string != 0:
            let start = position &+ 1
            let index = ScanBytes.endOfPlainRun(base, start, end)
            guard index < end, byte(index) == 0x22 else { return evaluate(id, marks: Self.noMarks) }
            steps &-= 1
            position = index &+ 1
            // Nothing but ASCII: bytes are characters.
            let length = Int64(index &- start)
            return length >= node.pointee.shortest && length <= node.pointee.longest
        case 0x2D, 0x30...0x39:
            guard node.pointee.quick & QuickBits.number != 0, let number = scanQuickNumber() else {
                return evaluate(id, marks: Self.noMarks)
            }
            steps &-= 1
            return number.isWhole
                ? node.pointee.wholes.contains(number.floor) : node.pointee.fractions.contains(number.floor)
        case 0x66, 0x6E, 0x74:
            guard node.pointee.quick & QuickBits.literal != 0 else {
                return evaluate(id, marks: Self.noMarks)
            }
            steps &-= 1
            return node.pointee.types & scanLiteral() != 0
        default: return evaluate(id, marks: Self.noMarks)
        }
    }

    /// Passes over a number of up to 18 digits before the point and without exponent. Nil leaves it where it is.
    @inline(__always)
    private mutating func scanQuickNumber() -> (floor: Int64, isWhole: Bool)? {
        var index = position
        let isNegative = byte(index) == 0x2D
        if isNegative { index &+= 1 }
        let first = index
        var value: Int64 = 0
        while index < end {
            let digit = byte(index) &- 0x30
            guard digit <= 9 else { break }
            value = value &* 10 &+ Int64(digit)
            index &+= 1
        }
        let digits = index &- first
        guard digits > 0, digits <= 18, digits == 1 || byte(first) != 0x30 else { return nil }
        var isWhole = true
        if index < end, byte(index) == 0x2E {
            index &+= 1
            let point = index
            var rest: UInt8 = 0
            while index < end {
                let digit = byte(index) &- 0x30
                guard digit <= 9 else { break }
                rest |= digit
                index &+= 1
            }
            guard index > point else { return nil }
            isWhole = rest == 0
        }
        if index < end, byte(index) | 0x20 == 0x65 { return nil }
        position = index
        guard isNegative else { return (value, isWhole) }
        return (isWhole ? 0 &- value : -1 &- value, isWhole)
    }
}
