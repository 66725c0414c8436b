// SPDX-License-Identifier: Apache-2.0

// The elements of a schema document, as far as they are XML Schema's own, for what is looked at before libxml2 gets it.

internal import CloudEvents

/// An element of XML Schema.
struct SchemaNode {
    let kind: String
    let attributes: [String: String]
    let line: Int
    /// Where the value of `schemaLocation` stands in the text, between its quotes.
    let location: Range<Int>?
    var children: [SchemaNode] = []

    /// The part of a name behind its prefix.
    static func local(_ name: String) -> String {
        name.lastIndex(of: ":").map { String(name[name.index(after: $0)...]) } ?? name
    }

    private static let namespace = Array("http://www.w3.org/2001/XMLSchema".utf8)

    /// Reads a schema document.
    static func read(_ text: [UInt8]) throws(XSDError) -> SchemaNode {
        // The elements that are open; of those that are not XML Schema's, nil, and nothing below them is looked at.
        var open: [SchemaNode?] = []
        var root: SchemaNode?
        var line = 1
        var lineEnd = 0
        _ = try XMLWalk.run(text) { token in
            switch token {
            case .start(let tag):
                let start = tag.local.lowerBound
                while lineEnd < start {
                    if text[lineEnd] == 0x0A { line += 1 }
                    lineEnd += 1
                }
                let isOurs = tag.namespace == namespace && (open.isEmpty || open.last.flatMap { $0 } != nil)
                open.append(isOurs ? node(tag, text, line) : nil)
            case .end:
                guard let last = open.popLast(), let node = last else { break }
                if open.isEmpty {
                    root = node
                } else {
                    open[open.count - 1]?.children.append(node)
                }
            case .text, .other, .endOfDocument: break
            }
            return true
        }
        guard let root, root.kind == "schema" else {
            throw .notASchema("the root element is not 'schema' of http://www.w3.org/2001/XMLSchema", line: 1)
        }
        return root
    }

    private static func node(_ tag: XMLStartTag, _ text: [UInt8], _ line: Int) -> SchemaNode {
        var attributes: [String: String] = [:]
        var location: Range<Int>?
        for attribute in tag.attributes where attribute.namespace.isEmpty {
            let name = String(decoding: text[attribute.local], as: UTF8.self)
            attributes[name] = String(decoding: attribute.value, as: UTF8.self)
            if name == "schemaLocation" { location = value(after: attribute.name.upperBound, text) }
        }
        return SchemaNode(
            kind: String(decoding: text[tag.local], as: UTF8.self), attributes: attributes, line: line,
            location: location)
    }

    /// The value that comes after the name of an attribute. A value does not contain its quotes.
    private static func value(after position: Int, _ text: [UInt8]) -> Range<Int>? {
        guard let start = text[position...].firstIndex(where: { $0 == 0x22 || $0 == 0x27 }),
            let end = text[(start + 1)...].firstIndex(of: text[start])
        else { return nil }
        return start + 1..<end
    }
}
