// SPDX-License-Identifier: Apache-2.0

// What strings carry inside: base64 and JSON, when content is checked at all.

import JSONText

enum Content {
    /// Whether the text is base64 of RFC 4648 section 4, padded.
    static func isBase64(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count % 4 == 0 else { return false }
        for (index, byte) in bytes.enumerated() {
            if byte == 0x3D {
                // Only at the end: one sign, or two.
                return index >= bytes.count - 2
                    && (index == bytes.count - 1 || bytes[bytes.count - 1] == 0x3D)
            }
            if digit(byte) == nil { return false }
        }
        return true
    }

    /// Whether the text, or what it is base64 of, is JSON.
    static func isJSON(_ bytes: UnsafeRawBufferPointer, isBase64: Bool) -> Bool {
        guard isBase64 else { return isJSON(bytes) }
        guard Self.isBase64(bytes) else { return true }
        var decoded: [UInt8] = []
        decoded.reserveCapacity(bytes.count / 4 * 3)
        var buffer: UInt32 = 0
        var count = 0
        for byte in bytes {
            guard let digit = digit(byte) else { break }
            buffer = buffer << 6 | UInt32(digit)
            count += 6
            if count >= 8 {
                count -= 8
                decoded.append(UInt8(truncatingIfNeeded: buffer >> UInt32(count)))
            }
        }
        return decoded.withUnsafeBytes(isJSON)
    }

    private static func isJSON(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var scanner = JSONScanner(bytes)
        return (try? scanner.skipValue()) != nil && (try? scanner.expectEnd()) != nil
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
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
