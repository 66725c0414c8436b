// SPDX-License-Identifier: Apache-2.0

// Names and addresses of hosts (RFC 1123, 2673, 4291) and mailboxes (RFC 5321, 6531).

enum Hosts {
    static func isHostname(_ text: UnsafeRawBufferPointer) -> Bool {
        guard text.count > 0, text.count <= 253 else { return false }
        var start = 0
        while true {
            var index = start
            while index < text.count, text[index] != 0x2E { index += 1 }
            guard isLabel(text.part(start, index)) else { return false }
            if index == text.count { return true }
            start = index + 1
        }
    }

    /// A label of letters, digits and hyphens; one that begins with `xn--` stands for one in Unicode and must be right.
    static func isLabel(_ label: UnsafeRawBufferPointer) -> Bool {
        guard label.count > 0, label.count <= 63, label[0] != 0x2D, label[label.count - 1] != 0x2D else {
            return false
        }
        for byte in label {
            guard ASCII.isLetter(byte) || ASCII.isDigit(byte) || byte == 0x2D else { return false }
        }
        guard label.at(2) == 0x2D, label.at(3) == 0x2D else { return true }
        guard label[0] | 0x20 == 0x78, label[1] | 0x20 == 0x6E else { return false }
        return InternationalHosts.isEncodedLabel(label.part(4, label.count))
    }

    static func isIPv4(_ text: UnsafeRawBufferPointer) -> Bool {
        var index = 0
        for part in 0..<4 {
            let start = index
            var value = 0
            while ASCII.isDigit(text.at(index)), index - start < 4 {
                value = value * 10 + Int(text[index] - 0x30)
                index += 1
            }
            guard index > start, value <= 255, index == start + 1 || text[start] != 0x30 else { return false }
            if part < 3 {
                guard text.at(index) == 0x2E else { return false }
                index += 1
            }
        }
        return index == text.count
    }

    static func isIPv6(_ text: UnsafeRawBufferPointer) -> Bool {
        guard text.count >= 2, text.count <= 45 else { return false }
        var groups = 0
        var isShortened = false
        var index = 0
        if text[0] == 0x3A {
            guard text[1] == 0x3A else { return false }
            isShortened = true
            index = 2
        }
        while index < text.count {
            let start = index
            while ASCII.isHex(text.at(index)) { index += 1 }
            if text.at(index) == 0x2E {
                guard isIPv4(text.part(start, text.count)) else { return false }
                groups += 2
                index = text.count
                break
            }
            guard index > start, index - start <= 4 else { return false }
            groups += 1
            if index == text.count { break }
            guard text[index] == 0x3A else { return false }
            index += 1
            if text.at(index) == 0x3A {
                guard !isShortened else { return false }
                isShortened = true
                index += 1
            } else if index == text.count {
                return false
            }
        }
        return isShortened ? groups <= 7 : groups == 8
    }

    static func isMailbox(_ text: UnsafeRawBufferPointer, allowsUnicode: Bool) -> Bool {
        guard let at = text.lastIndex(of: 0x40), at > 0, at < text.count - 1 else { return false }
        let local = text.part(0, at)
        let domain = text.part(at + 1, text.count)
        guard isLocalPart(local, allowsUnicode: allowsUnicode) else { return false }
        if domain[0] == 0x5B {
            guard domain[domain.count - 1] == 0x5D else { return false }
            let literal = domain.part(1, domain.count - 1)
            let isTagged = literal.count > 5 && literal.part(0, 5).elementsEqual("IPv6:".utf8)
            return isTagged ? isIPv6(literal.part(5, literal.count)) : isIPv4(literal)
        }
        return allowsUnicode ? InternationalHosts.isHostname(domain) : isHostname(domain)
    }

    private static func isLocalPart(_ text: UnsafeRawBufferPointer, allowsUnicode: Bool) -> Bool {
        if text[0] == 0x22 {
            guard text.count > 2, text[text.count - 1] == 0x22 else { return false }
            var index = 1
            while index < text.count - 1 {
                let byte = text[index]
                if byte == 0x5C {
                    index += 1
                    guard index < text.count - 1, text[index] >= 0x20, text[index] < 0x7F else {
                        return false
                    }
                } else if byte == 0x22 || byte < 0x20 || byte == 0x7F || (byte >= 0x80 && !allowsUnicode) {
                    return false
                }
                index += 1
            }
            return true
        }
        var previous: UInt8 = 0x2E
        for byte in text {
            if byte == 0x2E {
                guard previous != 0x2E else { return false }
            } else {
                guard isAtomText(byte) || (byte >= 0x80 && allowsUnicode) else { return false }
            }
            previous = byte
        }
        return previous != 0x2E
    }

    private static func isAtomText(_ byte: UInt8) -> Bool {
        if ASCII.isLetter(byte) || ASCII.isDigit(byte) { return true }
        switch byte {
        case 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2F, 0x3D, 0x3F, 0x5E...0x60, 0x7B...0x7E: return true
        default: return false
        }
    }
}
