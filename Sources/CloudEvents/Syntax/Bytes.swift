// SPDX-License-Identifier: Apache-2.0

// Small comparisons on borrowed bytes, shared by the syntax rules and the header bindings.

extension UnsafeRawBufferPointer {
    /// Whether the bytes are `letters`, which are lower-case ASCII letters only.
    ///
    /// - Parameter mask: 0 to compare exactly, 0x20 to compare without regard to case.
    @inline(__always)
    func equalsLetters(_ letters: StaticString, _ mask: UInt8) -> Bool {
        for index in 0..<count where self[index] | mask != letters.utf8Start[index] { return false }
        return true
    }

    /// Whether the bytes are exactly `text`.
    @inline(__always)
    func equals(_ text: StaticString) -> Bool {
        guard count == text.utf8CodeUnitCount else { return false }
        for index in 0..<count where self[index] != text.utf8Start[index] { return false }
        return true
    }

    /// Whether the bytes are those of `other`, which are as many.
    @inline(__always)
    func equals(_ other: UnsafeRawBufferPointer) -> Bool {
        var index = 0
        while index + 8 <= count {
            let (one, two) = (
                loadUnaligned(fromByteOffset: index, as: UInt64.self),
                other.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            )
            guard one == two else { return false }
            index += 8
        }
        while index < count {
            guard self[index] == other[index] else { return false }
            index += 1
        }
        return true
    }

    /// Whether the bytes start with `text`, ASCII letters compared without regard to case.
    func startsIgnoringCase(_ text: StaticString) -> Bool {
        guard count >= text.utf8CodeUnitCount else { return false }
        for index in 0..<text.utf8CodeUnitCount {
            guard self[index].asciiLowercased == text.utf8Start[index] else { return false }
        }
        return true
    }

    /// Whether the bytes are `text`, ASCII letters compared without regard to case.
    func equalsIgnoringCase(_ text: StaticString) -> Bool {
        count == text.utf8CodeUnitCount && startsIgnoringCase(text)
    }

    /// Part of the bytes.
    @inline(__always)
    func slice(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: self[range])
    }

    /// The bytes without spaces and tabs at both ends.
    @inline(__always)
    var trimmed: UnsafeRawBufferPointer {
        var start = 0
        var end = count
        while start < end, self[start] == 0x20 || self[start] == 0x09 { start += 1 }
        while end > start, self[end - 1] == 0x20 || self[end - 1] == 0x09 { end -= 1 }
        return slice(start..<end)
    }
}

extension UInt8 {
    @inline(__always)
    var asciiLowercased: UInt8 { self &- 0x41 < 26 ? self | 0x20 : self }

    @inline(__always)
    var isASCIIDigit: Bool { self &- 0x30 < 10 }

    @inline(__always)
    var isASCIILetter: Bool { (self | 0x20) &- 0x61 < 26 }

    /// The value of a hexadecimal digit.
    var hexValue: UInt8? {
        switch self {
        case 0x30...0x39: self - 0x30
        case 0x41...0x46: self - 0x41 + 10
        case 0x61...0x66: self - 0x61 + 10
        default: nil
        }
    }
}
