// SPDX-License-Identifier: Apache-2.0

// A small strict XML reader: XML 1.0 with namespaces, UTF-8 only, without what makes XML dangerous. There is no
// DOCTYPE, hence no entities but the five predefined ones and character references; nesting, attributes and
// namespace bindings are limited. It checks well-formedness, except that any character beyond ASCII may stand in
// a name.
//
// Characters, references and names are in XMLScanner+Characters, namespaces in XMLNamespaces.

/// A step through an XML document.
package enum XMLToken {
    /// A start tag; an empty element is a start tag followed by an end.
    case start(XMLStartTag)
    /// An end tag, or the end of an empty element.
    case end
    /// Character data with references resolved, or the content of a CDATA section.
    case text([UInt8])
    /// A comment or processing instruction.
    case other
    /// The end of a document whose elements are all closed.
    case endOfDocument
}

/// A start tag.
package struct XMLStartTag {
    /// The name with its prefix, in the document.
    let name: Range<Int>
    /// Where the name is split: the local name starts here.
    let localStart: Int
    /// The namespace, empty if none.
    package let namespace: [UInt8]
    /// The attributes, without namespace declarations.
    package let attributes: [XMLAttribute]

    package var local: Range<Int> { localStart..<name.upperBound }
    /// Where the tag's `<` is.
    var start: Int { name.lowerBound - 1 }
}

/// An attribute of a start tag.
package struct XMLAttribute {
    /// The name with its prefix, in the document.
    package let name: Range<Int>
    let localStart: Int
    /// The namespace, empty if none.
    package internal(set) var namespace: [UInt8] = []
    /// The value with references resolved and white space made spaces.
    package let value: [UInt8]

    package var local: Range<Int> { localStart..<name.upperBound }
}

/// A pull reader over borrowed bytes.
package struct XMLScanner {
    static let depthLimit = 128
    static let attributeLimit = 64

    package let bytes: UnsafeRawBufferPointer
    /// The next byte to look at.
    package internal(set) var position = 0
    var namespaces = XMLNamespaces()
    /// The open elements: the name to close with, and the bindings to go back to.
    private var open: [(name: Range<Int>, bindingCount: Int)] = []
    private var isEmptyElement = false
    private var hasRoot = false

    var depth: Int { open.count }

    /// Starts at the beginning of a document: passes a byte order mark and the XML declaration.
    package init(_ bytes: UnsafeRawBufferPointer) throws(CloudEventError) {
        self.bytes = bytes
        if starts(with: "\u{FEFF}") { position = 3 }
        if starts(with: "<?xml"), position + 5 < bytes.count, Self.isSpace(bytes[position + 5]) {
            try readDeclaration()
        }
    }

    /// The next token.
    package mutating func next() throws(CloudEventError) -> XMLToken {
        if isEmptyElement {
            isEmptyElement = false
            close()
            return .end
        }
        guard position < bytes.count else {
            guard open.isEmpty, hasRoot else { throw failure("the document ends inside an element") }
            return .endOfDocument
        }
        guard bytes[position] == 0x3C else { return try readText() }
        if starts(with: "</") { return try readEndTag() }
        if starts(with: "<?") { return try readInstruction() }
        if starts(with: "<!--") { return try readComment() }
        if starts(with: "<![CDATA[") { return try readCDATA() }
        if starts(with: "<!") { throw failure("document type declarations are not accepted") }
        return try readStartTag()
    }

    /// Passes everything up to the end of the element whose start tag was just read.
    package mutating func skipElement() throws(CloudEventError) {
        let outer = open.count - 1
        while open.count > outer { _ = try next() }
    }

    func failure(_ reason: String) -> CloudEventError {
        CloudEventError(.malformedXML(reason: reason, offset: position))
    }

    private mutating func close() {
        if let element = open.popLast() { namespaces.count = element.bindingCount }
    }
}

// MARK: - Markup

extension XMLScanner {
    private mutating func readStartTag() throws(CloudEventError) -> XMLToken {
        guard !open.isEmpty || !hasRoot else { throw failure("a second root element") }
        guard open.count < Self.depthLimit else { throw failure("elements nested too deep") }
        position += 1
        let bindingCount = namespaces.count
        let name = try readName()
        let localStart = try self.localStart(of: name)
        var attributes = try readAttributes()
        isEmptyElement = bytes[position] == 0x2F
        position += isEmptyElement ? 2 : 1
        hasRoot = true
        open.append((name, bindingCount))

        let namespace = try resolve(name, localStart, isAttribute: false)
        for index in attributes.indices {
            if namespaces.trackedCount > 0 { namespaces.noteQualifiedName(in: attributes[index].value) }
            attributes[index].namespace = try resolve(
                attributes[index].name, attributes[index].localStart, isAttribute: true)
        }
        try checkDistinct(attributes)
        return .start(
            XMLStartTag(name: name, localStart: localStart, namespace: namespace, attributes: attributes))
    }

    /// Reads attributes up to the `>` or `/>`, where it stops; namespace declarations take effect.
    private mutating func readAttributes() throws(CloudEventError) -> [XMLAttribute] {
        var attributes: [XMLAttribute] = []
        let outerCount = namespaces.count
        var declared = 0
        while true {
            let hasSpace = skipSpace()
            guard position < bytes.count else { throw failure("the document ends inside a tag") }
            if bytes[position] == 0x3E || starts(with: "/>") { return attributes }
            guard hasSpace else { throw failure("white space is missing before an attribute") }
            guard attributes.count + declared < Self.attributeLimit else {
                throw failure("too many attributes")
            }
            let name = try readName()
            let localStart = try self.localStart(of: name)
            skipSpace()
            guard position < bytes.count, bytes[position] == 0x3D else { throw failure("'=' is missing") }
            position += 1
            skipSpace()
            let value = try readAttributeValue()
            if try declare(name, localStart, value, outerCount: outerCount) {
                declared += 1
            } else {
                attributes.append(XMLAttribute(name: name, localStart: localStart, value: value))
            }
        }
    }

    /// Takes the attribute as a namespace declaration if it is one.
    private mutating func declare(
        _ name: Range<Int>, _ localStart: Int, _ value: [UInt8], outerCount: Int
    ) throws(CloudEventError) -> Bool {
        let isDefault = bytes.slice(name).elementsEqual("xmlns".utf8)
        guard isDefault || bytes.slice(name).starts(with: "xmlns:".utf8) else { return false }
        let prefix = isDefault ? [] : Array(bytes[localStart..<name.upperBound])
        if let reason = namespaces.bind(prefix, to: value, outerCount: outerCount) { throw failure(reason) }
        return true
    }

    private func checkDistinct(_ attributes: [XMLAttribute]) throws(CloudEventError) {
        for (index, attribute) in attributes.enumerated() {
            for earlier in attributes[..<index]
            where earlier.namespace == attribute.namespace
                && bytes[earlier.local].elementsEqual(bytes[attribute.local])
            {
                throw failure("an attribute appears twice")
            }
        }
    }

    private mutating func readEndTag() throws(CloudEventError) -> XMLToken {
        position += 2
        let name = try readName()
        guard let element = open.last, bytes[element.name].elementsEqual(bytes[name]) else {
            throw failure("an end tag does not match the start tag")
        }
        skipSpace()
        guard position < bytes.count, bytes[position] == 0x3E else { throw failure("'>' is missing") }
        position += 1
        close()
        return .end
    }

    private mutating func readComment() throws(CloudEventError) -> XMLToken {
        position += 4
        while !starts(with: "--") { try skipCharacter("the document ends inside a comment") }
        guard starts(with: "-->") else { throw failure("'--' inside a comment") }
        position += 3
        return .other
    }

    private mutating func readInstruction() throws(CloudEventError) -> XMLToken {
        position += 2
        let target = try readName()
        guard !bytes.slice(target).equalsIgnoringCase("xml") else {
            throw failure("an XML declaration that is not at the start")
        }
        guard starts(with: "?>") || skipSpace() else { throw failure("malformed processing instruction") }
        while !starts(with: "?>") {
            try skipCharacter("the document ends inside a processing instruction")
        }
        position += 2
        return .other
    }

    private mutating func readCDATA() throws(CloudEventError) -> XMLToken {
        guard !open.isEmpty else { throw failure("text outside the root element") }
        position += 9
        var text: [UInt8] = []
        while !starts(with: "]]>") {
            try readCharacter(into: &text, "the document ends inside a CDATA section")
        }
        position += 3
        return .text(text)
    }

    private mutating func readText() throws(CloudEventError) -> XMLToken {
        var text: [UInt8] = []
        while position < bytes.count, bytes[position] != 0x3C {
            if bytes[position] == 0x26 {
                try readReference(into: &text)
            } else {
                guard !starts(with: "]]>") else { throw failure("']]>' in text") }
                try readCharacter(into: &text, "")
            }
        }
        guard !open.isEmpty || text.allSatisfy(Self.isSpace) else {
            throw failure("text outside the root element")
        }
        return .text(text)
    }

    /// Reads `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>`.
    private mutating func readDeclaration() throws(CloudEventError) {
        position += 5
        var place = 0
        while true {
            let hasSpace = skipSpace()
            if starts(with: "?>") { break }
            guard hasSpace else { throw failure("malformed XML declaration") }
            let name = bytes.slice(try readName())
            skipSpace()
            guard position < bytes.count, bytes[position] == 0x3D else { throw failure("'=' is missing") }
            position += 1
            skipSpace()
            let value = try readAttributeValue()
            guard let next = Self.declarationPlace(name, value, after: place) else {
                throw failure("an XML declaration that is not version 1.0 in UTF-8")
            }
            place = next
        }
        guard place > 0 else { throw failure("an XML declaration without version") }
        position += 2
    }

    /// The rank of a part of the declaration if its value is acceptable and it comes after `place`.
    private static func declarationPlace(
        _ name: UnsafeRawBufferPointer, _ value: [UInt8], after place: Int
    ) -> Int? {
        let text = String(decoding: value, as: UTF8.self).lowercased()
        if place == 0, name.elementsEqual("version".utf8), text == "1.0" { return 1 }
        if place == 1, name.elementsEqual("encoding".utf8), text == "utf-8" || text == "us-ascii" { return 2 }
        if place == 1 || place == 2, name.elementsEqual("standalone".utf8), text == "yes" || text == "no" {
            return 3
        }
        return nil
    }
}
