// SPDX-License-Identifier: Apache-2.0

// The rule for strings (specification, "Type System"): UTF-8 without control characters and noncharacters.
// Nearly all attributes are printable ASCII; eight bytes of that are accepted at a step.

import JSONText

/// The rule for values of type String.
enum TextSyntax {
    /// The rule that the bytes break, nil if they are allowed.
    static func violation(in bytes: UnsafeRawBufferPointer) -> CloudEventError.Rule? {
        guard let base = bytes.baseAddress else { return nil }
        var index = endOfPrintableASCII(base, 0, bytes.count)
        while index < bytes.count {
            let byte = bytes[index]
            if byte < 0x20 || byte == 0x7F { return .controlCharacter }
            guard let next = JSONBytes.endOfScalar(base, index, bytes.count) else { return .invalidUTF8 }
            if let rule = violation(ofScalar: bytes.slice(index..<next)) { return rule }
            index = endOfPrintableASCII(base, next, bytes.count)
        }
        return nil
    }

    /// The first byte at or after `index` outside U+0020-U+007E, or `end`.
    @inline(__always)
    static func endOfPrintableASCII(_ base: UnsafeRawPointer, _ index: Int, _ end: Int) -> Int {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highs: UInt64 = 0x8080_8080_8080_8080
        var index = index
        while index &+ 8 <= end {
            let word = UInt64(littleEndian: base.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            // Adding one carries 0x7F into the high bit; subtracting 0x20 borrows it from controls.
            let found = (word | (word &+ ones) | (word &- ones &* 0x20)) & highs
            if found != 0 { break }
            index &+= 8
        }
        while index < end {
            let byte = base.load(fromByteOffset: index, as: UInt8.self)
            if byte &- 0x20 >= 0x5F { break }
            index &+= 1
        }
        return index
    }

    /// The rule that a well-formed scalar outside printable ASCII breaks.
    private static func violation(ofScalar bytes: UnsafeRawBufferPointer) -> CloudEventError.Rule? {
        var value = UInt32(bytes[0])
        if bytes.count > 1 {
            value &= 0x7F >> UInt32(bytes.count)
            for byte in bytes.dropFirst() { value = value << 6 | UInt32(byte & 0x3F) }
        }
        if (0x80...0x9F).contains(value) { return .controlCharacter }
        if (0xFDD0...0xFDEF).contains(value) || value & 0xFFFE == 0xFFFE { return .noncharacter }
        return nil
    }
}
