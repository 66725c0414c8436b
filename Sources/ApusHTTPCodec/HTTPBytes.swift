// SPDX-License-Identifier: Apache-2.0

// Which bytes may stand where (RFC 9110 section 5.6.2, RFC 9112), as bit sets tested in a few instructions,
// and comparisons of raw bytes with literals. All of it runs for every byte of every head.

/// Tests of single bytes.
@usableFromInline
enum HTTPByte {
    /// Whether `byte` may stand in a token: a method or field name.
    @inline(__always)
    static func isToken(_ byte: UInt8) -> Bool {
        isMember(byte, low: 0x03ff_6cfa_0000_0000, high: 0x57ff_ffff_c7ff_fffe)
    }

    /// Whether `byte` may stand in an authority: host, brackets, colon, port.
    @inline(__always)
    static func isAuthority(_ byte: UInt8) -> Bool {
        isMember(byte, low: 0x2fff_7ff2_0000_0000, high: 0x47ff_fffe_afff_fffe)
    }

    /// Whether `byte` may stand in a request target: visible ASCII, but never a fragment's `#`.
    @inline(__always)
    static func isTarget(_ byte: UInt8) -> Bool { byte > 0x20 && byte < 0x7f && byte != UInt8(ascii: "#") }

    /// Whether `byte` is a decimal digit.
    @inline(__always)
    static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

    /// Whether `byte` is a space or tab.
    @inline(__always)
    static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    /// The value of a hexadecimal digit, or nil.
    @inline(__always)
    static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte &- 0x30
        case 0x41...0x46: byte &- 0x37
        case 0x61...0x66: byte &- 0x57
        default: nil
        }
    }

    /// `byte`, in lower case if it is an ASCII capital.
    @inlinable @inline(__always)
    static func lowercased(_ byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte | 0x20 : byte }

    @inline(__always)
    private static func isMember(_ byte: UInt8, low: UInt64, high: UInt64) -> Bool {
        byte < 128 && ((byte < 64 ? low : high) >> UInt64(byte & 63)) & 1 == 1
    }

    /// Whether `bytes` hold no control character other than tab, eight bytes at a time.
    static func isFieldValue(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let tops: UInt64 = 0x8080_8080_8080_8080
        var index = 0
        while index &+ 8 <= bytes.count {
            let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            let below32 = (word &- ones &* 0x20) & ~word & tops
            let del = word ^ (ones &* 0x7f)
            let isDel = (del &- ones) & ~del & tops
            if below32 | isDel != 0, !isFieldValueBytewise(bytes, from: index, to: index &+ 8) {
                return false
            }
            index &+= 8
        }
        return isFieldValueBytewise(bytes, from: index, to: bytes.count)
    }

    private static func isFieldValueBytewise(
        _ bytes: UnsafeRawBufferPointer, from start: Int, to end: Int
    ) -> Bool {
        for index in start..<end where (bytes[index] < 0x20 && bytes[index] != 0x09) || bytes[index] == 0x7f {
            return false
        }
        return true
    }
}

extension UnsafeRawBufferPointer {
    /// Whether these are exactly the bytes of `literal`.
    @inline(__always)
    func equals(_ literal: StaticString) -> Bool {
        guard count == literal.utf8CodeUnitCount else { return false }
        for index in 0..<count where self[index] != literal.utf8Start[index] { return false }
        return true
    }

    /// Whether these are the bytes of `literal`, which must be in lower case, whatever their own case.
    @inlinable @inline(__always)
    func equalsIgnoringCase(_ literal: StaticString) -> Bool {
        guard count == literal.utf8CodeUnitCount else { return false }
        for index in 0..<count where HTTPByte.lowercased(self[index]) != literal.utf8Start[index] {
            return false
        }
        return true
    }

    /// The bytes from `start` to `end`, as a buffer that starts at zero.
    @inline(__always)
    func part(_ start: Int, _ end: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: self[start..<end])
    }
}
