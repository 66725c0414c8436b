// SPDX-License-Identifier: Apache-2.0

// How attribute values travel in HTTP headers (HTTP Protocol Binding 3.1.3.2): percent-encoded on the way out;
// on the way in, quoted strings are resolved first, then one round of percent-decoding.

/// The encoding of attribute values in HTTP header values.
enum HTTPHeaderValue {
    /// Whether a received value must go through `decoded(_:)`.
    @inline(__always)
    static func needsDecoding(_ value: UnsafeRawBufferPointer) -> Bool {
        for byte in value where byte == 0x25 || byte == 0x22 { return true }
        return false
    }

    /// The attribute's text, nil if a percent sequence is broken or a quote is left open.
    static func decoded(_ value: UnsafeRawBufferPointer) -> [UInt8]? {
        guard let unquoted = unquoted(value) else { return nil }
        var result: [UInt8] = []
        result.reserveCapacity(unquoted.count)
        var index = 0
        while index < unquoted.count {
            if unquoted[index] == 0x25 {
                guard index + 2 < unquoted.count, let high = unquoted[index + 1].hexValue,
                    let low = unquoted[index + 2].hexValue
                else { return nil }
                result.append(high << 4 | low)
                index += 3
            } else {
                result.append(unquoted[index])
                index += 1
            }
        }
        return result
    }

    /// The value with the double-quoted strings in it replaced by their content.
    private static func unquoted(_ value: UnsafeRawBufferPointer) -> [UInt8]? {
        guard value.contains(0x22) else { return Array(value) }
        var result: [UInt8] = []
        var isQuoted = false
        var index = 0
        while index < value.count {
            if value[index] == 0x22 {
                isQuoted.toggle()
            } else {
                if isQuoted, value[index] == 0x5C {
                    index += 1
                    guard index < value.count else { return nil }
                }
                result.append(value[index])
            }
            index += 1
        }
        return isQuoted ? nil : result
    }

    @inline(__always)
    private static func isPlain(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte < 0x7F && byte != 0x22 && byte != 0x25
    }

    /// Calls `body` with the header value for an attribute's text.
    @inline(__always)
    static func withEncoded(_ text: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void) {
        var length = 0
        for byte in text { length &+= isPlain(byte) ? 1 : 3 }
        guard length > text.count else { return body(text) }
        withUnsafeTemporaryAllocation(byteCount: length, alignment: 1) { buffer in
            let digits: StaticString = "0123456789ABCDEF"
            var place = 0
            for byte in text {
                if isPlain(byte) {
                    buffer[place] = byte
                    place += 1
                } else {
                    buffer[place] = 0x25
                    buffer[place + 1] = digits.utf8Start[Int(byte >> 4)]
                    buffer[place + 2] = digits.utf8Start[Int(byte & 15)]
                    place += 3
                }
            }
            body(UnsafeRawBufferPointer(buffer))
        }
    }
}
