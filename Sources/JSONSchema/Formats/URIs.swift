// SPDX-License-Identifier: Apache-2.0

// URIs (RFC 3986), IRIs (RFC 3987) and templates of them (RFC 6570).

enum URIs {
    static func isReference(_ text: UnsafeRawBufferPointer, needsScheme: Bool, allowsUnicode: Bool) -> Bool {
        var end = text.count
        if let hash = text.firstIndex(ofByte: 0x23) {
            guard isText(text.part(hash + 1, end), extra: Self.isPathOrQuery, allowsUnicode) else {
                return false
            }
            end = hash
        }
        if let mark = text.part(0, end).firstIndex(ofByte: 0x3F) {
            guard isText(text.part(mark + 1, end), extra: Self.isPathOrQuery, allowsUnicode) else {
                return false
            }
            end = mark
        }
        var start = 0
        let slash = text.part(0, end).firstIndex(ofByte: 0x2F) ?? end
        if let colon = text.part(0, slash).firstIndex(ofByte: 0x3A) {
            guard isScheme(text.part(0, colon)) else { return false }
            start = colon + 1
        } else if needsScheme {
            return false
        }
        if end - start >= 2, text[start] == 0x2F, text[start + 1] == 0x2F {
            var index = start + 2
            while index < end, text[index] != 0x2F { index += 1 }
            guard isAuthority(text.part(start + 2, index), allowsUnicode) else { return false }
            start = index
        }
        return isText(text.part(start, end), extra: { isPathOrQuery($0) && $0 != 0x3F }, allowsUnicode)
    }

    private static func isScheme(_ text: UnsafeRawBufferPointer) -> Bool {
        guard text.count > 0, ASCII.isLetter(text[0]) else { return false }
        return text.allSatisfy {
            ASCII.isLetter($0) || ASCII.isDigit($0) || $0 == 0x2B || $0 == 0x2D || $0 == 0x2E
        }
    }

    private static func isAuthority(_ text: UnsafeRawBufferPointer, _ allowsUnicode: Bool) -> Bool {
        var start = 0
        if let at = text.lastIndex(of: 0x40) {
            guard isText(text.part(0, at), extra: { $0 == 0x3A }, allowsUnicode) else { return false }
            start = at + 1
        }
        var end = text.count
        if text.at(start) == 0x5B {
            guard let close = text.lastIndex(of: 0x5D), close > start else { return false }
            let literal = text.part(start + 1, close)
            guard Hosts.isIPv6(literal) || isFutureAddress(literal) else { return false }
            start = close + 1
            guard start == end || text[start] == 0x3A else { return false }
        } else {
            let host = text.part(start, end)
            if let colon = host.firstIndex(ofByte: 0x3A) { end = start + colon }
            guard isText(text.part(start, end), extra: { _ in false }, allowsUnicode) else { return false }
            start = end
        }
        return text.part(min(start + 1, text.count), text.count).allSatisfy(ASCII.isDigit)
    }

    private static func isFutureAddress(_ text: UnsafeRawBufferPointer) -> Bool {
        guard text.count > 3, text[0] | 0x20 == 0x76, let dot = text.firstIndex(ofByte: 0x2E), dot > 1,
            dot + 1 < text.count, text.part(1, dot).allSatisfy(ASCII.isHex)
        else { return false }
        return isText(text.part(dot + 1, text.count), extra: { $0 == 0x3A }, false)
    }

    private static func isPathOrQuery(_ byte: UInt8) -> Bool {
        byte == 0x3A || byte == 0x40 || byte == 0x2F || byte == 0x3F
    }

    /// Unreserved characters, sub-delimiters, percent escapes, and `extra`.
    private static func isText(
        _ text: UnsafeRawBufferPointer, extra: (UInt8) -> Bool, _ allowsUnicode: Bool
    ) -> Bool {
        var index = 0
        while index < text.count {
            let byte = text[index]
            if byte == 0x25 {
                guard ASCII.isHex(text.at(index + 1)), ASCII.isHex(text.at(index + 2)) else { return false }
                index += 3
                continue
            }
            if byte >= 0x80 {
                guard allowsUnicode else { return false }
            } else {
                guard isUnreserved(byte) || isDelimiter(byte) || extra(byte) else { return false }
            }
            index += 1
        }
        return true
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        ASCII.isLetter(byte) || ASCII.isDigit(byte) || byte == 0x2D || byte == 0x2E || byte == 0x5F
            || byte == 0x7E
    }

    private static func isDelimiter(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x21, 0x24, 0x26...0x2C, 0x3B, 0x3D: true
        default: false
        }
    }

    static func isTemplate(_ text: UnsafeRawBufferPointer) -> Bool {
        var index = 0
        while index < text.count {
            switch text[index] {
            case 0x7B:
                guard let close = text.part(index, text.count).firstIndex(ofByte: 0x7D),
                    isExpression(text.part(index + 1, index + close))
                else { return false }
                index += close + 1
            case 0x25:
                guard ASCII.isHex(text.at(index + 1)), ASCII.isHex(text.at(index + 2)) else { return false }
                index += 3
            case 0...0x20, 0x22, 0x27, 0x3C, 0x3E, 0x5C, 0x5E, 0x60, 0x7C, 0x7D, 0x7F: return false
            default: index += 1
            }
        }
        return true
    }

    private static func isExpression(_ text: UnsafeRawBufferPointer) -> Bool {
        var start = 0
        switch text.at(0) {
        case 0x2B, 0x23, 0x2E, 0x2F, 0x3B, 0x3F, 0x26, 0x3D, 0x2C, 0x21, 0x40, 0x7C: start = 1
        default: break
        }
        return text.part(start, text.count).split(separator: 0x2C, omittingEmptySubsequences: false)
            .allSatisfy {
                isVariable(UnsafeRawBufferPointer(rebasing: $0))
            }
    }

    private static func isVariable(_ text: UnsafeRawBufferPointer) -> Bool {
        var end = text.count
        if end > 1, text[end - 1] == 0x2A {
            end -= 1
        } else if let colon = text.firstIndex(ofByte: 0x3A) {
            let length = text.part(colon + 1, end)
            guard length.count > 0, length.count <= 4, length[0] != 0x30, length.allSatisfy(ASCII.isDigit)
            else {
                return false
            }
            end = colon
        }
        var index = 0
        var isAfterDot = true
        while index < end {
            let byte = text[index]
            if byte == 0x2E {
                guard !isAfterDot else { return false }
                isAfterDot = true
                index += 1
                continue
            }
            isAfterDot = false
            if byte == 0x25 {
                guard ASCII.isHex(text.at(index + 1)), ASCII.isHex(text.at(index + 2)) else { return false }
                index += 3
                continue
            }
            guard ASCII.isLetter(byte) || ASCII.isDigit(byte) || byte == 0x5F else { return false }
            index += 1
        }
        return !isAfterDot
    }
}
