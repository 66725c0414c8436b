// SPDX-License-Identifier: Apache-2.0

// JSON values compared and hashed as text that is known to be well-formed: `1.0` equals `1`, members have no order, `"\u0061"` is `"a"`.

import JSONText

/// Bytes of names and strings.
enum TextBytes {
    /// Whether `count` bytes are the same. The last step overlaps the one before.
    @inline(__always)
    static func equal(_ left: UnsafeRawPointer, _ right: UnsafeRawPointer, _ count: Int) -> Bool {
        if count >= 8 {
            var index = 0
            while index &+ 8 < count {
                guard word(left, index) == word(right, index) else { return false }
                index &+= 8
            }
            return word(left, count &- 8) == word(right, count &- 8)
        }
        if count >= 4 {
            return half(left, 0) == half(right, 0) && half(left, count &- 4) == half(right, count &- 4)
        }
        guard count > 0 else { return true }
        // Three bytes at most: the first, the middle and the last.
        return byte(left, 0) == byte(right, 0) && byte(left, count &>> 1) == byte(right, count &>> 1)
            && byte(left, count &- 1) == byte(right, count &- 1)
    }

    @inline(__always)
    private static func word(_ base: UnsafeRawPointer, _ index: Int) -> UInt64 {
        base.loadUnaligned(fromByteOffset: index, as: UInt64.self)
    }

    @inline(__always)
    private static func half(_ base: UnsafeRawPointer, _ index: Int) -> UInt32 {
        base.loadUnaligned(fromByteOffset: index, as: UInt32.self)
    }

    @inline(__always)
    private static func byte(_ base: UnsafeRawPointer, _ index: Int) -> UInt8 {
        base.load(fromByteOffset: index, as: UInt8.self)
    }

    /// A number that equal bytes share.
    @inline(__always)
    static func hash(_ bytes: UnsafeRawPointer, _ count: Int) -> UInt64 {
        var hash = UInt64(truncatingIfNeeded: count) &* 0x9E37_79B9_7F4A_7C15
        var index = 0
        while index &+ 8 <= count {
            hash = mix(hash ^ bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            index &+= 8
        }
        var rest: UInt64 = 0
        while index < count {
            rest = rest << 8 | UInt64(bytes.load(fromByteOffset: index, as: UInt8.self))
            index &+= 1
        }
        return mix(hash ^ rest)
    }

    /// The hash of a string as a value.
    @inline(__always)
    static func hash(ofString bytes: UnsafeRawPointer, _ count: Int) -> UInt64 {
        mix(hash(bytes, count) &+ 1)
    }

    @inline(__always)
    static func mix(_ value: UInt64) -> UInt64 {
        let product = (value ^ value >> 32) &* 0xD6E8_FEB8_6659_FD93
        return product ^ product >> 29
    }
}

/// A cursor at a value in text that is known to be well-formed.
struct TextValue {
    let base: UnsafeRawPointer
    var position: Int
    let end: Int

    init(_ base: UnsafeRawPointer, _ position: Int, _ end: Int) {
        self.base = base
        self.position = position
        self.end = end
    }

    @inline(__always)
    private func byte(_ index: Int) -> UInt8 { base.load(fromByteOffset: index, as: UInt8.self) }

    private mutating func skipSeparators() {
        while position < end {
            switch byte(position) {
            case 0x20, 0x0A, 0x0D, 0x09, 0x2C, 0x3A: position += 1
            default: return
            }
        }
    }

    private func endOfNumber(_ index: Int) -> Int {
        var index = index
        while index < end {
            switch byte(index) {
            case 0x30...0x39, 0x2B, 0x2D, 0x2E, 0x45, 0x65: index += 1
            default: return index
            }
        }
        return index
    }

    /// Reads the string at `position`, moves behind it, and calls `body` with its value as UTF-8.
    private mutating func withString<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        let start = position + 1
        let found = JSONBytes.endOfTrustedString(base, start, end)
        position = min(found.closingQuote + 1, end)
        let content = UnsafeRawBufferPointer(start: base + start, count: found.closingQuote - start)
        guard found.hasEscapes else { return body(content) }
        let quoted = UnsafeRawBufferPointer(start: base + start - 1, count: position - start + 1)
        var scanner = JSONScanner(quoted)
        guard let slice = try? scanner.scanString() else { return body(content) }
        return scanner.utf8(slice).withUnsafeBytes(body)
    }

    /// A number that equal values share; moves behind the value.
    mutating func hash() -> UInt64 {
        skipSeparators()
        guard position < end else { return 0 }
        switch byte(position) {
        case 0x22:
            return withString { bytes in
                TextBytes.hash(
                    ofString: bytes.baseAddress ?? UnsafeRawPointer(("" as StaticString).utf8Start),
                    bytes.count)
            }
        case 0x2D, 0x30...0x39:
            let start = position
            position = endOfNumber(start)
            return Decimal(UnsafeRawBufferPointer(start: base + start, count: position - start)).hash
        case 0x7B:
            position += 1
            var sum: UInt64 = 3
            while !closes(0x7D) {
                let name = hash()
                sum &+= TextBytes.mix(name &* 31 &+ hash())
            }
            return TextBytes.mix(sum)
        case 0x5B:
            position += 1
            var sum: UInt64 = 5
            while !closes(0x5D) { sum = TextBytes.mix(sum &+ hash()) }
            return sum
        case let first:
            position += first == 0x66 ? 5 : 4
            return TextBytes.mix(UInt64(first) << 8)
        }
    }

    /// Moves behind the closing bracket, if nothing else comes before it.
    private mutating func closes(_ bracket: UInt8) -> Bool {
        skipSeparators()
        guard position < end else { return true }
        guard byte(position) == bracket else { return false }
        position += 1
        return true
    }

    /// Whether the values are equal; moves behind both if they are.
    mutating func equals(_ other: inout TextValue, steps: inout Int) -> Bool {
        skipSeparators()
        other.skipSeparators()
        steps -= 1
        guard steps >= 0, position < end, other.position < other.end else { return false }
        let first = byte(position)
        switch (first, other.byte(other.position)) {
        case (0x22, 0x22): return equalsString(&other, steps: &steps)
        case (0x2D, 0x2D), (0x2D, 0x30...0x39), (0x30...0x39, 0x2D), (0x30...0x39, 0x30...0x39):
            let start = position
            position = endOfNumber(start)
            let otherStart = other.position
            other.position = other.endOfNumber(otherStart)
            steps -= (position - start) >> 4
            let mine = Decimal(UnsafeRawBufferPointer(start: base + start, count: position - start))
            let theirs = Decimal(
                UnsafeRawBufferPointer(start: other.base + otherStart, count: other.position - otherStart))
            return mine.compared(to: theirs) == 0
        case (0x7B, 0x7B): return equalsObject(&other, steps: &steps)
        case (0x5B, 0x5B):
            position += 1
            other.position += 1
            while true {
                let isEnd = closes(0x5D)
                guard isEnd == other.closes(0x5D) else { return false }
                if isEnd { return true }
                guard equals(&other, steps: &steps) else { return false }
            }
        case (let left, let right):
            guard left == right else { return false }
            position += left == 0x66 ? 5 : 4
            other.position += left == 0x66 ? 5 : 4
            return true
        }
    }

    private mutating func equalsString(_ other: inout TextValue, steps: inout Int) -> Bool {
        let start = position
        let isEqual = withString { mine in
            other.withString { theirs in
                guard mine.count == theirs.count else { return false }
                guard let left = mine.baseAddress, let right = theirs.baseAddress else { return true }
                return TextBytes.equal(left, right, mine.count)
            }
        }
        steps -= (position - start) >> 4
        return isEqual
    }

    private mutating func equalsObject(_ other: inout TextValue, steps: inout Int) -> Bool {
        position += 1
        other.position += 1
        let otherStart = other.position
        var count = 0
        while !closes(0x7D) {
            count += 1
            // The other's member of the same name: usually the next one.
            var name = self
            var isFound = false
            for round in 0..<2 where !isFound {
                if round == 1 { other.position = otherStart }
                while !other.closes(0x7D) {
                    steps -= 1
                    guard steps >= 0 else { return false }
                    name.position = position
                    if name.equalsString(&other, steps: &steps) {
                        isFound = true
                        break
                    }
                    other.skip()
                }
            }
            guard isFound else { return false }
            position = name.position
            guard equals(&other, steps: &steps) else { return false }
        }
        var otherCount = 0
        other.position = otherStart
        while !other.closes(0x7D) {
            other.skip()
            other.skip()
            otherCount += 1
        }
        return count == otherCount
    }

    private mutating func skip() {
        skipSeparators()
        position = JSONBytes.skipTrustedValue(base, position, end)
    }
}
