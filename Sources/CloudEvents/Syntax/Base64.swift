// SPDX-License-Identifier: Apache-2.0

// Base64 (RFC 4648 section 4): the standard alphabet, padding required, unused bits zero, nothing else.

/// Base64 text and back.
package enum Base64 {
    private static let alphabet: StaticString =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

    /// The text of some bytes.
    package static func encoded(_ bytes: [UInt8]) -> String {
        String(decoding: encodedUTF8(bytes), as: UTF8.self)
    }

    /// The text of some bytes, as ASCII.
    package static func encodedUTF8(_ bytes: [UInt8]) -> [UInt8] {
        let count = (bytes.count + 2) / 3 * 4
        let letters = UnsafeBufferPointer(start: alphabet.utf8Start, count: 64)
        return [UInt8](unsafeUninitializedCapacity: count) { text, written in
            var (index, place) = (0, 0)
            func put(_ group: UInt32) {
                text.initializeElement(at: place, to: letters[Int(group >> 18 & 63)])
                text.initializeElement(at: place + 1, to: letters[Int(group >> 12 & 63)])
                text.initializeElement(at: place + 2, to: letters[Int(group >> 6 & 63)])
                text.initializeElement(at: place + 3, to: letters[Int(group & 63)])
                place += 4
            }
            while index + 3 <= bytes.count {
                put(UInt32(bytes[index]) << 16 | UInt32(bytes[index + 1]) << 8 | UInt32(bytes[index + 2]))
                index += 3
            }
            if index < bytes.count {
                let second = index + 1 < bytes.count ? UInt32(bytes[index + 1]) : nil
                put(UInt32(bytes[index]) << 16 | (second ?? 0) << 8)
                text[place - 1] = 0x3D
                if second == nil { text[place - 2] = 0x3D }
            }
            written = place
        }
    }

    /// The bytes of a text, nil if it is not Base64.
    package static func decoded(_ text: String) -> [UInt8]? {
        var text = text
        return text.withUTF8 { decoded(UnsafeRawBufferPointer($0)) }
    }

    /// The bytes of a text, nil if it is not Base64.
    package static func decoded(_ text: UnsafeRawBufferPointer) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        guard !text.isEmpty else { return [] }
        let padding = text[text.count - 1] != 0x3D ? 0 : text[text.count - 2] != 0x3D ? 1 : 2
        var result: [UInt8] = []
        result.reserveCapacity(text.count / 4 * 3)
        var group: UInt32 = 0
        for index in 0..<text.count - padding {
            guard let value = value(text[index]) else { return nil }
            group = group << 6 | UInt32(value)
            if index & 3 == 3 {
                result.append(UInt8(truncatingIfNeeded: group >> 16))
                result.append(UInt8(truncatingIfNeeded: group >> 8))
                result.append(UInt8(truncatingIfNeeded: group))
                group = 0
            }
        }
        switch padding {
        case 1:
            guard group & 3 == 0 else { return nil }
            result.append(UInt8(truncatingIfNeeded: group >> 10))
            result.append(UInt8(truncatingIfNeeded: group >> 2))
        case 2:
            guard group & 15 == 0 else { return nil }
            result.append(UInt8(truncatingIfNeeded: group >> 4))
        default: break
        }
        return result
    }

    @inline(__always)
    private static func value(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x41...0x5A: byte - 0x41
        case 0x61...0x7A: byte - 0x61 + 26
        case 0x30...0x39: byte - 0x30 + 52
        case 0x2B: 62
        case 0x2F: 63
        default: nil
        }
    }
}
