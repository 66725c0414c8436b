// SPDX-License-Identifier: Apache-2.0

// The lower half of the XML reader: characters, references, names, attribute values.

import JSONText

extension XMLScanner {
    static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
    }

    /// Passes white space; false if there is none.
    @discardableResult
    mutating func skipSpace() -> Bool {
        let start = position
        while position < bytes.count, Self.isSpace(bytes[position]) { position += 1 }
        return position > start
    }

    func starts(with text: StaticString) -> Bool {
        guard bytes.count - position >= text.utf8CodeUnitCount else { return false }
        for index in 0..<text.utf8CodeUnitCount where bytes[position + index] != text.utf8Start[index] {
            return false
        }
        return true
    }

    /// The position after the character at `position`, which must be one that XML allows.
    private func endOfCharacter(_ reasonAtEnd: String) throws(CloudEventError) -> Int {
        guard position < bytes.count, let base = bytes.baseAddress else { throw failure(reasonAtEnd) }
        let byte = bytes[position]
        if byte < 0x80 {
            guard byte >= 0x20 || Self.isSpace(byte) else { throw failure("a control character") }
            return position + 1
        }
        guard let end = JSONBytes.endOfScalar(base, position, bytes.count) else { throw failure("not UTF-8") }
        // U+FFFE and U+FFFF are EF BF BE and EF BF BF.
        if byte == 0xEF, bytes[position + 1] == 0xBF, bytes[position + 2] >= 0xBE {
            throw failure("a character that XML does not allow")
        }
        return end
    }

    /// Passes one character.
    mutating func skipCharacter(_ reasonAtEnd: String) throws(CloudEventError) {
        position = try endOfCharacter(reasonAtEnd)
    }

    /// Takes one character; line ends become line feeds (XML 1.0 section 2.11).
    mutating func readCharacter(into text: inout [UInt8], _ reasonAtEnd: String) throws(CloudEventError) {
        let end = try endOfCharacter(reasonAtEnd)
        if bytes[position] == 0x0D {
            if end == bytes.count || bytes[end] != 0x0A { text.append(0x0A) }
        } else {
            text.append(contentsOf: bytes[position..<end])
        }
        position = end
    }

    /// Takes a character reference or one of the five predefined entities.
    mutating func readReference(into text: inout [UInt8]) throws(CloudEventError) {
        let start = position + 1
        // The longest is `#x` with leading zeros; nobody needs more than a few.
        guard let end = bytes[start..<min(bytes.count, start + 16)].firstIndex(of: 0x3B) else {
            throw failure("'&' does not start a reference")
        }
        let name = String(decoding: bytes[start..<end], as: UTF8.self)
        switch name {
        case "lt": text.append(0x3C)
        case "gt": text.append(0x3E)
        case "amp": text.append(0x26)
        case "apos": text.append(0x27)
        case "quot": text.append(0x22)
        default:
            guard let scalar = Self.scalar(ofReference: name), let utf8 = UTF8.encode(scalar) else {
                throw failure("the reference &\(name); is not known")
            }
            text.append(contentsOf: utf8)
        }
        position = end + 1
    }

    private static func scalar(ofReference name: String) -> Unicode.Scalar? {
        let digits: Substring
        let radix: Int
        if name.hasPrefix("#x") {
            (digits, radix) = (name.dropFirst(2), 16)
        } else if name.hasPrefix("#") {
            (digits, radix) = (name.dropFirst(1), 10)
        } else {
            return nil
        }
        // Int's parser also takes a sign.
        guard let first = digits.utf8.first, first.hexValue != nil, let value = UInt32(digits, radix: radix),
            let scalar = Unicode.Scalar(value), value != 0xFFFE, value != 0xFFFF,
            value >= 0x20 || value == 0x09 || value == 0x0A || value == 0x0D
        else { return nil }
        return scalar
    }

    /// Takes a quoted attribute value.
    mutating func readAttributeValue() throws(CloudEventError) -> [UInt8] {
        guard position < bytes.count, bytes[position] == 0x22 || bytes[position] == 0x27 else {
            throw failure("an attribute value without quotes")
        }
        let quote = bytes[position]
        position += 1
        var value: [UInt8] = []
        while position < bytes.count, bytes[position] != quote {
            switch bytes[position] {
            case 0x3C: throw failure("'<' in an attribute value")
            case 0x26: try readReference(into: &value)
            case 0x09, 0x0A, 0x0D:
                if !starts(with: "\r\n") { value.append(0x20) }
                position += 1
            default: try readCharacter(into: &value, "")
            }
        }
        guard position < bytes.count else { throw failure("the document ends inside an attribute value") }
        position += 1
        return value
    }

    /// Takes a name, perhaps with a prefix.
    mutating func readName() throws(CloudEventError) -> Range<Int> {
        let start = position
        while position < bytes.count, Self.isNameByte(bytes[position]) {
            position = try endOfCharacter("")
        }
        guard position > start, Self.isNameStart(bytes[start]) else { throw failure("a name is missing") }
        return start..<position
    }

    /// Where the part after the prefix starts.
    func localStart(of name: Range<Int>) throws(CloudEventError) -> Int {
        guard let colon = bytes[name].firstIndex(of: 0x3A) else { return name.lowerBound }
        let local = colon + 1
        guard colon > name.lowerBound, local < name.upperBound, Self.isNameStart(bytes[local]),
            bytes[local] != 0x3A, bytes[local..<name.upperBound].firstIndex(of: 0x3A) == nil
        else { throw failure("a colon at a wrong place in a name") }
        return local
    }

    private static func isNameStart(_ byte: UInt8) -> Bool {
        byte.isASCIILetter || byte == 0x5F || byte >= 0x80 || byte == 0x3A
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        isNameStart(byte) || byte.isASCIIDigit || byte == 0x2D || byte == 0x2E
    }
}
