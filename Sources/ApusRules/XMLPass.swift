// SPDX-License-Identifier: Apache-2.0

// The XML under the matcher: one pass over the bytes, tokens out. XML 1.0 in UTF-8 without what makes XML dangerous: a document type
// declaration makes the data unreadable, so there are no entities but the five predefined ones and character references. Everything is
// checked that well-formedness asks for, except that any character beyond ASCII may stand in a name; namespaces are not looked up.
//
// It is separate from the reader of the CloudEvents XML format because it runs over every event: no throwing, no name or value copied unless
// references stand in it.

import JSONText

/// An XML document being passed over once.
struct XMLPass {
    /// A name as written, and where the part after its prefix begins.
    struct Name {
        var start: Int
        var local: Int
        var end: Int
        var hasPrefix: Bool { local > start }
    }

    /// A piece of text as it stands between markup or quotes.
    struct Text {
        /// What stands for what in it.
        enum Kind { case content, cdata, attribute }

        var kind: Kind
        var start: Int
        var end: Int
        /// Whether it means other bytes than these: references or line ends are in it.
        var isCoded: Bool
    }

    /// What was passed.
    enum Token {
        /// `<name`: attributes follow, then `tagEnd`.
        case start(Name)
        case attribute(Name, Text)
        /// The end of a start tag; of an empty element if `isEmpty`, which has no end of its own then.
        case tagEnd(isEmpty: Bool)
        case end
        /// Character data, or the content of a CDATA section.
        case text(Text)
        case endOfDocument
    }

    /// As for JSON.
    static let depthLimit = 128
    /// Attributes of one element.
    static let attributeLimit = 256

    private let base: UnsafeRawPointer
    private let count: Int
    private var position = 0
    /// The names of the open elements.
    private var open: [Name] = []
    /// The names of the attributes of the tag that is open.
    private var attributes: [Name] = []
    private var isInTag = false
    private var hasRoot = false

    init(_ bytes: UnsafeRawBufferPointer) {
        base = ByteTable.address(bytes)
        count = bytes.count
        open.reserveCapacity(16)
    }

    /// The bytes of a range.
    @inline(__always)
    func bytes(_ start: Int, _ end: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: base + start, count: end &- start)
    }

    // MARK: - Tokens

    /// The next token, nil if the text is not XML.
    mutating func next() -> Token? {
        if isInTag { return inTag() }
        if position == 0, !passProlog() { return nil }
        while position < count {
            if byte(position) != 0x3C { return characters() }
            guard position &+ 1 < count else { return nil }
            switch byte(position &+ 1) {
            case 0x2F: return endTag()
            case 0x3F: guard passInstruction() else { return nil }
            case 0x21:
                if starts(with: "<!--") {
                    guard passComment() else { return nil }
                } else if starts(with: "<![CDATA["), !open.isEmpty {
                    return cdata()
                } else {
                    // A document type declaration, or nothing that XML knows.
                    return nil
                }
            default: return startTag()
            }
        }
        return open.isEmpty && hasRoot ? .endOfDocument : nil
    }

    private mutating func startTag() -> Token? {
        guard !open.isEmpty || !hasRoot, open.count < Self.depthLimit else { return nil }
        position &+= 1
        guard let name = passName() else { return nil }
        hasRoot = true
        open.append(name)
        if !attributes.isEmpty { attributes.removeAll(keepingCapacity: true) }
        isInTag = true
        return .start(name)
    }

    private mutating func inTag() -> Token? {
        let hasSpace = skipSpace()
        guard position < count else { return nil }
        if byte(position) == 0x3E {
            position &+= 1
            isInTag = false
            return .tagEnd(isEmpty: false)
        }
        if byte(position) == 0x2F {
            guard position &+ 1 < count, byte(position &+ 1) == 0x3E else { return nil }
            position &+= 2
            isInTag = false
            open.removeLast()
            return .tagEnd(isEmpty: true)
        }
        guard hasSpace, attributes.count < Self.attributeLimit, let name = passName(),
            !attributes.contains(where: { isSame($0, name) }), let value = passEqualsAndValue()
        else { return nil }
        attributes.append(name)
        return .attribute(name, value)
    }

    private mutating func endTag() -> Token? {
        position &+= 2
        guard let name = passName(), let element = open.popLast(), isSame(element, name) else { return nil }
        skipSpace()
        guard position < count, byte(position) == 0x3E else { return nil }
        position &+= 1
        return .end
    }

    /// Character data up to the next markup.
    private mutating func characters() -> Token? {
        let start = position
        var isCoded = false
        while position < count {
            let found = byte(position)
            if found == 0x3C { break }
            if found == 0x26 {
                isCoded = true
                guard passReference() != nil else { return nil }
            } else {
                if found == 0x5D, starts(with: "]]>") { return nil }
                isCoded = isCoded || found == 0x0D
                guard passCharacter() else { return nil }
            }
        }
        // Around the root only white space, as it is.
        guard !open.isEmpty || bytes(start, position).allSatisfy({ Self.isSpace($0) }) else { return nil }
        return .text(Text(kind: .content, start: start, end: position, isCoded: isCoded))
    }

    private mutating func cdata() -> Token? {
        position &+= 9
        let start = position
        var isCoded = false
        while position < count {
            if byte(position) == 0x5D, starts(with: "]]>") {
                let text = Text(kind: .cdata, start: start, end: position, isCoded: isCoded)
                position &+= 3
                return .text(text)
            }
            isCoded = isCoded || byte(position) == 0x0D
            guard passCharacter() else { return nil }
        }
        return nil
    }

    // MARK: - What stands in the document and says nothing

    /// Passes a byte order mark and the XML declaration.
    private mutating func passProlog() -> Bool {
        if starts(with: "\u{FEFF}") { position = 3 }
        guard starts(with: "<?xml"), position &+ 5 < count, Self.isSpace(byte(position &+ 5)) else {
            return true
        }
        position &+= 5
        var place = 0
        while true {
            let hasSpace = skipSpace()
            if starts(with: "?>") {
                position &+= 2
                return place > 0
            }
            guard hasSpace, let name = passName(), let value = passEqualsAndValue(), !value.isCoded,
                let next = declarationPlace(bytes(name.start, name.end), bytes(value.start, value.end), place)
            else { return false }
            place = next
        }
    }

    /// The rank of a part of the declaration, nil if it cannot stand after `place` or says what is not served.
    private func declarationPlace(
        _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, _ place: Int
    ) -> Int? {
        let text = String(decoding: value, as: UTF8.self).lowercased()
        if place == 0, name.elementsEqual("version".utf8), text == "1.0" { return 1 }
        if place == 1, name.elementsEqual("encoding".utf8), text == "utf-8" || text == "us-ascii" { return 2 }
        if place == 1 || place == 2, name.elementsEqual("standalone".utf8), text == "yes" || text == "no" {
            return 3
        }
        return nil
    }

    private mutating func passComment() -> Bool {
        position &+= 4
        while position < count {
            if byte(position) == 0x2D, starts(with: "--") {
                guard starts(with: "-->") else { return false }
                position &+= 3
                return true
            }
            guard passCharacter() else { return false }
        }
        return false
    }

    private mutating func passInstruction() -> Bool {
        position &+= 2
        guard let name = passName(),
            !String(decoding: bytes(name.start, name.end), as: UTF8.self).lowercased().elementsEqual("xml"),
            starts(with: "?>") || skipSpace()
        else { return false }
        while position < count {
            if byte(position) == 0x3F, starts(with: "?>") {
                position &+= 2
                return true
            }
            guard passCharacter() else { return false }
        }
        return false
    }

    // MARK: - Parts

    private mutating func passEqualsAndValue() -> Text? {
        skipSpace()
        guard position < count, byte(position) == 0x3D else { return nil }
        position &+= 1
        skipSpace()
        guard position < count, byte(position) == 0x22 || byte(position) == 0x27 else { return nil }
        let quote = byte(position)
        position &+= 1
        let start = position
        var isCoded = false
        while position < count {
            let found = byte(position)
            if found == quote {
                position &+= 1
                return Text(kind: .attribute, start: start, end: position &- 1, isCoded: isCoded)
            }
            if found == 0x26 {
                isCoded = true
                guard passReference() != nil else { return nil }
            } else {
                isCoded = isCoded || found < 0x20
                guard found != 0x3C, passCharacter() else { return nil }
            }
        }
        return nil
    }

    /// Passes a reference and returns the character it stands for.
    private mutating func passReference() -> Unicode.Scalar? {
        let start = position &+ 1
        var end = start
        // The longest is a number with leading zeros; nobody needs more than a few.
        while end < count, end &- start < 16, byte(end) != 0x3B { end &+= 1 }
        guard end < count, byte(end) == 0x3B else { return nil }
        position = end &+ 1
        return Self.scalar(of: bytes(start, end))
    }

    private static func scalar(of reference: UnsafeRawBufferPointer) -> Unicode.Scalar? {
        switch String(decoding: reference, as: UTF8.self) {
        case "lt": return "<"
        case "gt": return ">"
        case "amp": return "&"
        case "apos": return "'"
        case "quot": return "\""
        default: break
        }
        guard reference.first == 0x23 else { return nil }
        let isHex = reference.count > 1 && reference[1] == 0x78
        let digits = reference[(isHex ? 2 : 1)...]
        guard !digits.isEmpty else { return nil }
        var value: UInt32 = 0
        for digit in digits {
            guard let number = Self.number(digit), isHex || number < 10, value <= 0x10FFFF else { return nil }
            value = value * (isHex ? 16 : 10) + number
        }
        guard value >= 0x20 || value == 0x09 || value == 0x0A || value == 0x0D, value != 0xFFFE,
            value != 0xFFFF
        else { return nil }
        return Unicode.Scalar(value)
    }

    private static func number(_ digit: UInt8) -> UInt32? {
        switch digit {
        case 0x30...0x39: UInt32(digit - 0x30)
        case 0x41...0x46: UInt32(digit - 0x41 + 10)
        case 0x61...0x66: UInt32(digit - 0x61 + 10)
        default: nil
        }
    }

    private mutating func passName() -> Name? {
        let start = position
        var colon: Int?
        while position < count, Self.isNameByte(byte(position)) {
            if byte(position) == 0x3A {
                guard colon == nil, position > start else { return nil }
                colon = position
            }
            guard passCharacter() else { return nil }
        }
        guard position > start, Self.isNameStart(byte(start)) else { return nil }
        guard let colon else { return Name(start: start, local: start, end: position) }
        guard colon &+ 1 < position, Self.isNameStart(byte(colon &+ 1)) else { return nil }
        return Name(start: start, local: colon &+ 1, end: position)
    }

    private func isSame(_ left: Name, _ right: Name) -> Bool {
        left.end &- left.start == right.end &- right.start
            && ByteTable.equal(base + left.start, base + right.start, left.end &- left.start)
    }

    // MARK: - Characters

    @inline(__always)
    private func byte(_ index: Int) -> UInt8 { base.load(fromByteOffset: index, as: UInt8.self) }

    private func starts(with text: StaticString) -> Bool {
        count &- position >= text.utf8CodeUnitCount
            && ByteTable.equal(base + position, UnsafeRawPointer(text.utf8Start), text.utf8CodeUnitCount)
    }

    @discardableResult
    @inline(__always)
    private mutating func skipSpace() -> Bool {
        let start = position
        while position < count, Self.isSpace(byte(position)) { position &+= 1 }
        return position > start
    }

    /// Passes one character that XML allows.
    @inline(__always)
    private mutating func passCharacter() -> Bool {
        let first = byte(position)
        if first < 0x80 {
            guard first >= 0x20 || Self.isSpace(first) else { return false }
            position &+= 1
            return true
        }
        guard let end = JSONBytes.endOfScalar(base, position, count) else { return false }
        // U+FFFE and U+FFFF are EF BF BE and EF BF BF.
        if first == 0xEF, byte(position &+ 1) == 0xBF, byte(position &+ 2) >= 0xBE { return false }
        position = end
        return true
    }

    @inline(__always)
    static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
    }

    private static func isNameStart(_ byte: UInt8) -> Bool {
        byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A || byte == 0x5F || byte >= 0x80
    }

    @inline(__always)
    private static func isNameByte(_ byte: UInt8) -> Bool {
        isNameStart(byte) || byte >= 0x30 && byte <= 0x3A || byte == 0x2D || byte == 0x2E
    }

    // MARK: - Meaning

    /// Whether a name declares a namespace: then it is no attribute.
    func isDeclaration(_ name: Name) -> Bool {
        bytes(name.start, name.hasPrefix ? name.local - 1 : name.end).elementsEqual("xmlns".utf8)
    }

    /// Appends what a text means: references resolved, line ends made line feeds, in attributes white space made spaces.
    func append(_ text: Text, to result: inout [UInt8]) {
        guard text.isCoded else {
            result.append(contentsOf: bytes(text.start, text.end))
            return
        }
        var reader = self
        reader.position = text.start
        while reader.position < text.end {
            let found = byte(reader.position)
            if found == 0x26, text.kind != .cdata {
                // It was passed before, so it is one.
                if let scalar = reader.passReference(), let utf8 = UTF8.encode(scalar) {
                    result.append(contentsOf: utf8)
                }
                continue
            }
            reader.position &+= 1
            if found == 0x0D {
                if reader.position < text.end, byte(reader.position) == 0x0A { reader.position &+= 1 }
                result.append(text.kind == .attribute ? 0x20 : 0x0A)
            } else {
                result.append(text.kind == .attribute && Self.isSpace(found) ? 0x20 : found)
            }
        }
    }
}
