// SPDX-License-Identifier: Apache-2.0

// RFC 3986 as far as characters and the places of delimiters go: enough to refuse what is no URI, without
// judging what a scheme makes of its parts.

/// The syntax of URIs and URI-references.
enum URISyntax {
    /// Whether the bytes are a URI with a scheme (RFC 3986 section 3).
    static func isURI(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let end = endOfScheme(bytes) else { return false }
        return end > 0 && hasValidRest(bytes, from: end)
    }

    /// Whether the bytes are a URI or a relative reference (RFC 3986 section 4.1); an empty one is.
    static func isReference(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let end = endOfScheme(bytes) else { return false }
        return hasValidRest(bytes, from: end)
    }

    /// The place after the scheme's colon, 0 if there is no scheme; nil if a colon stands where only a scheme
    /// could end but what precedes it is none.
    private static func endOfScheme(_ bytes: UnsafeRawBufferPointer) -> Int? {
        for index in 0..<bytes.count {
            switch bytes[index] {
            case 0x3A: return isScheme(bytes.slice(0..<index)) ? index + 1 : nil
            case 0x2F, 0x3F, 0x23: return 0
            default: continue
            }
        }
        return 0
    }

    private static func isScheme(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let first = bytes.first, first.isASCIILetter else { return false }
        return bytes.allSatisfy {
            $0.isASCIILetter || $0.isASCIIDigit || $0 == 0x2B || $0 == 0x2D || $0 == 0x2E
        }
    }

    /// Checks authority, path, query and fragment.
    private static func hasValidRest(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Bool {
        var index = start
        if bytes.count >= start + 2, bytes[start] == 0x2F, bytes[start + 1] == 0x2F {
            index = start + 2
            while index < bytes.count, bytes[index] != 0x2F, bytes[index] != 0x3F, bytes[index] != 0x23 {
                index += 1
            }
            guard isAuthority(bytes.slice(start + 2..<index)) else { return false }
        }
        var hasFragment = false
        while index < bytes.count {
            let byte = bytes[index]
            if byte == 0x23 {
                guard !hasFragment else { return false }
                hasFragment = true
            } else if byte == 0x25 {
                guard isEscape(bytes, at: index) else { return false }
                index += 2
            } else if byte != 0x2F, byte != 0x3F, byte != 0x40, byte != 0x3A, !isPlain(byte) {
                return false
            }
            index += 1
        }
        return true
    }

    /// Checks `[userinfo "@"] host [":" port]`, the host perhaps an address in brackets.
    private static func isAuthority(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let host = bytes.lastIndex(of: 0x40).map { $0 + 1 } ?? 0
        guard host == 0 || isRun(bytes.slice(0..<host - 1), colons: true) else { return false }
        var end = bytes.count
        if host < end, bytes[host] == 0x5B {
            guard let close = bytes.lastIndex(of: 0x5D), close > host + 1,
                isRun(bytes.slice(host + 1..<close), colons: true)
            else { return false }
            end = close + 1
            guard end == bytes.count || bytes[end] == 0x3A else { return false }
        } else if let colon = bytes[host...].lastIndex(of: 0x3A) {
            end = colon
            guard isRun(bytes.slice(host..<end), colons: false) else { return false }
        } else {
            return isRun(bytes.slice(host..<end), colons: false)
        }
        return bytes[end...].dropFirst().allSatisfy(\.isASCIIDigit)
    }

    private static func isRun(_ bytes: UnsafeRawBufferPointer, colons: Bool) -> Bool {
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            if byte == 0x25 {
                guard isEscape(bytes, at: index) else { return false }
                index += 2
            } else if !isPlain(byte), !(colons && byte == 0x3A) {
                return false
            }
            index += 1
        }
        return true
    }

    private static func isEscape(_ bytes: UnsafeRawBufferPointer, at index: Int) -> Bool {
        index + 2 < bytes.count && bytes[index + 1].hexValue != nil && bytes[index + 2].hexValue != nil
    }

    /// RFC 3986 `unreserved` and `sub-delims`.
    @inline(__always)
    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x61...0x7A, 0x41...0x5A, 0x30...0x39: true
        case 0x2D, 0x2E, 0x5F, 0x7E: true
        case 0x21, 0x24, 0x26, 0x27, 0x28, 0x29, 0x2A, 0x2B, 0x2C, 0x3B, 0x3D: true
        default: false
        }
    }
}
