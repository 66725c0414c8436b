// SPDX-License-Identifier: Apache-2.0

// Rules for strings, numbers, and values that must be among given ones.

import JSONText

extension Run {
    /// Checks what a node says of strings.
    mutating func check(_ node: UnsafePointer<Node>, string place: StringPlace) -> Bool {
        guard place.hasEscapes else {
            let length = place.end - place.start
            return check(
                node, UnsafeRawBufferPointer(start: base + place.start, count: length),
                length: place.isPlain ? length : -1)
        }
        guard spend(bytes: place.end - place.start) else { return false }
        unescape(place)
        // A copy of the reference, so that the run is free while the bytes are looked at.
        let bytes = unescaped
        return bytes.withUnsafeBytes { check(node, $0, length: -1) }
    }

    /// - Parameter length: the characters, if they are counted; else -1.
    private mutating func check(
        _ node: UnsafePointer<Node>, _ bytes: UnsafeRawBufferPointer, length: Int
    ) -> Bool {
        var length = length
        for index in node.pointee.strings.range where !holds(view.strings[index], bytes, length: &length) {
            return false
        }
        return true
    }

    /// Whether one condition holds for a string; `length` keeps its length in characters once it was counted.
    mutating func holds(_ check: StringCheck, _ bytes: UnsafeRawBufferPointer, length: inout Int) -> Bool {
        switch check.kind {
        case .minLength:
            // A character takes between one byte and four.
            if bytes.count < check.value { return false }
            if length < 0, bytes.count >= 4 * check.value { return true }
            if length < 0 {
                guard spend(bytes: bytes.count) else { return false }
                length = Self.characters(bytes)
            }
            return length >= check.value
        case .maxLength:
            if bytes.count <= check.value { return true }
            if length < 0 {
                guard spend(bytes: bytes.count) else { return false }
                length = Self.characters(bytes)
            }
            return length <= check.value
        case .pattern: return matches(bytes, regex: Int(check.value))
        case .format:
            guard let format = Format(rawValue: UInt8(truncatingIfNeeded: check.value)) else { return true }
            // Expressions are compiled, and letters beyond ASCII brought into one form: dozens of nanoseconds for each byte.
            let isCostly = format == .regex || format == .idnHostname || format == .idnEmail
            guard spend(isCostly ? 16 + 2 * bytes.count : 1 + bytes.count >> 3) else { return false }
            return format.accepts(bytes)
        case .encoding:
            guard spend(bytes.count >> 4) else { return false }
            return Content.isBase64(bytes)
        case .mediaType:
            guard spend(bytes.count >> 3) else { return false }
            return Content.isJSON(bytes, isBase64: check.value == 1)
        }
    }

    /// Unicode scalars in UTF-8.
    static func characters(_ bytes: UnsafeRawBufferPointer) -> Int {
        var count = 0
        for byte in bytes where byte & 0xC0 != 0x80 { count &+= 1 }
        return count
    }

    /// Whether a name matches a regular expression.
    mutating func matches(_ place: StringPlace, regex: Int) -> Bool {
        guard place.hasEscapes else {
            return matches(
                UnsafeRawBufferPointer(start: base + place.start, count: place.end - place.start),
                regex: regex)
        }
        guard spend(bytes: place.end - place.start) else { return false }
        unescape(place)
        let bytes = unescaped
        return bytes.withUnsafeBytes { matches($0, regex: regex) }
    }

    private mutating func matches(_ bytes: UnsafeRawBufferPointer, regex: Int) -> Bool {
        // Some for each match: thousands of patterns may be held against names of a byte.
        guard spend(2 + bytes.count >> 4) else { return false }
        let plan = view.regexPlans + regex
        if plan.pointee.width > 0 {
            return RegexTableView(
                classes: view.regexClasses + Int(plan.pointee.classes),
                rows: view.regexRows + Int(plan.pointee.rows),
                width: Int(plan.pointee.width), start: plan.pointee.start,
                acceptsEmpty: plan.pointee.acceptsEmpty
            ).matches(bytes)
        }
        let isMatch = program.regexes[regex].matches(bytes, steps: &steps)
        return spend(0) && isMatch
    }
}

// MARK: - Numbers

extension Run {
    /// Checks what a node says of numbers. `isPlain`: only digits, perhaps with a sign.
    mutating func check(_ node: UnsafePointer<Node>, numberFrom start: Int, isPlain: Bool) -> Bool {
        let types = node.pointee.types
        guard let number = quickNumber(from: start, isPlain: isPlain) else {
            return check(node, longNumberFrom: start)
        }
        guard types & (number.isIntegral ? TypeBits.integer : TypeBits.fraction) != 0 else { return false }
        for index in node.pointee.numbers.range {
            let check = view.numbers + index
            guard check.pointee.isSmall, check.pointee.kind != .multipleOf || number.isIntegral else {
                guard holds(check, for: UnsafeRawBufferPointer(start: base + start, count: position - start))
                else {
                    return false
                }
                continue
            }
            let bound = check.pointee.small
            let ceiling = number.isIntegral ? number.floor : number.floor &+ 1
            let isHeld =
                switch check.pointee.kind {
                case .minimum: number.floor >= bound
                case .maximum: ceiling <= bound
                case .exclusiveMinimum: number.isIntegral ? number.floor > bound : number.floor >= bound
                case .exclusiveMaximum: number.isIntegral ? number.floor < bound : ceiling <= bound
                // Never zero; -1 would overflow for the least number, which has 19 digits.
                case .multipleOf: number.floor % bound == 0
                }
            guard isHeld else { return false }
        }
        return true
    }

    private struct QuickNumber {
        var floor: Int64
        var isIntegral: Bool
    }

    /// The number from `start` to `position` as an integer not above it, unless it is long or has an exponent.
    @inline(__always)
    private func quickNumber(from start: Int, isPlain: Bool) -> QuickNumber? {
        var index = start
        let isNegative = byte(index) == 0x2D
        if isNegative { index &+= 1 }
        var value: Int64 = 0
        let limit = min(position, index &+ 18)
        while index < limit, byte(index) &- 0x30 <= 9 {
            value = value &* 10 &+ Int64(byte(index) &- 0x30)
            index &+= 1
        }
        if index == position { return QuickNumber(floor: isNegative ? -value : value, isIntegral: true) }
        guard !isPlain, byte(index) == 0x2E else { return nil }
        var isIntegral = true
        index &+= 1
        while index < position {
            let digit = byte(index)
            guard digit &- 0x30 <= 9 else { return nil }
            if digit != 0x30 { isIntegral = false }
            index &+= 1
        }
        guard isNegative else { return QuickNumber(floor: value, isIntegral: isIntegral) }
        return QuickNumber(floor: isIntegral ? -value : -value - 1, isIntegral: isIntegral)
    }

    private mutating func check(_ node: UnsafePointer<Node>, longNumberFrom start: Int) -> Bool {
        let text = UnsafeRawBufferPointer(start: base + start, count: position - start)
        let type = Decimal(text).isInteger ? TypeBits.integer : TypeBits.fraction
        guard spend(text.count >> 4), node.pointee.types & type != 0 else { return false }
        for index in node.pointee.numbers.range where !holds(view.numbers + index, for: text) { return false }
        return true
    }

    /// Whether a condition holds for any number.
    mutating func holds(_ check: UnsafePointer<NumberCheck>, for text: UnsafeRawBufferPointer) -> Bool {
        let number = Decimal(text)
        let bound = Decimal(
            UnsafeRawBufferPointer(
                start: view.bytes + Int(check.pointee.text.start), count: Int(check.pointee.text.count)))
        guard spend(text.count >> 4) else { return false }
        switch check.pointee.kind {
        case .minimum: return number.compared(to: bound) >= 0
        case .maximum: return number.compared(to: bound) <= 0
        case .exclusiveMinimum: return number.compared(to: bound) > 0
        case .exclusiveMaximum: return number.compared(to: bound) < 0
        case .multipleOf:
            // Zeros that an exponent stands for are divided like digits.
            let digits = number.count + (bound.count > 18 ? 4 * bound.count : 40)
            guard spend((digits >> 2) * (1 + bound.count >> 4)) else { return false }
            return number.isMultiple(of: bound)
        }
    }
}

// MARK: - Given values

extension Run {
    /// Whether the value from `start` to `position` is in a table.
    mutating func isAmong(_ table: UnsafePointer<ValueTable>, from start: Int) -> Bool {
        guard spend((position - start) >> 4) else { return false }
        var text = TextValue(base, start, end)
        let hash = text.hash()
        let mask = Int(table.pointee.slots.count) &- 1
        let slots = view.slots + Int(table.pointee.slots.start)
        var slot = Int(truncatingIfNeeded: hash) & mask
        while slots[slot] != 0 {
            let entry = view.entries + Int(table.pointee.entries.start) + Int(slots[slot]) - 1
            if entry.pointee.hash == hash {
                var mine = TextValue(base, start, end)
                var given = TextValue(
                    UnsafeRawPointer(view.bytes), Int(entry.pointee.text.start),
                    Int(entry.pointee.text.start) + Int(entry.pointee.text.count))
                if mine.equals(&given, steps: &steps) { return true }
            }
            guard spend(1) else { return false }
            slot = (slot &+ 1) & mask
        }
        return false
    }

    /// Whether a string without escapes is in a table. What is in tables is written with no more escapes than must be, so that
    /// equal strings are equal text.
    mutating func isAmong(_ table: UnsafePointer<ValueTable>, string place: StringPlace) -> Bool {
        let length = place.end &- place.start
        let entries = view.entries + Int(table.pointee.entries.start)
        if table.pointee.entries.count == 1 { return isSame(entries, place, length) }
        guard spend(length >> 4) else { return false }
        let hash = TextBytes.hash(ofString: base + place.start, length)
        let mask = Int(table.pointee.slots.count) &- 1
        let slots = view.slots + Int(table.pointee.slots.start)
        var slot = Int(truncatingIfNeeded: hash) & mask
        while slots[slot] != 0 {
            let entry = entries + Int(slots[slot]) - 1
            if entry.pointee.hash == hash, isSame(entry, place, length) { return true }
            guard spend(1) else { return false }
            slot = (slot &+ 1) & mask
        }
        return false
    }

    /// Whether the text of an entry is that string in quotes.
    @inline(__always)
    private func isSame(_ entry: UnsafePointer<ValueEntry>, _ place: StringPlace, _ length: Int) -> Bool {
        Int(entry.pointee.text.count) == length &+ 2
            && TextBytes.equal(
                base + place.start - 1, view.bytes + Int(entry.pointee.text.start), length &+ 2)
    }
}
