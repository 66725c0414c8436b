// SPDX-License-Identifier: Apache-2.0

// A document as a tree, within bounds, with the lines that errors name.

internal import CloudEvents

struct XMLElement {
    var name: String
    /// Counted from 1, of the start tag.
    var line: Int
    var attributes: [(name: String, value: String)] = []
    /// All text between the tags that is not in an element within.
    var text = ""
    var children: [XMLElement] = []

    func attribute(_ name: String) -> String? { attributes.first { $0.name == name }?.value }
}

enum Unreadable {
    static func document(_ reason: String) -> DecodingError {
        .dataCorrupted(DecodingError.Context(codingPath: [], debugDescription: reason))
    }

    static func at(_ line: Int, _ path: [any CodingKey], _ reason: String) -> DecodingError {
        let place = path.map(\.stringValue).joined(separator: "/")
        return .dataCorrupted(
            DecodingError.Context(
                codingPath: path,
                debugDescription: "line \(line)\(place.isEmpty ? "" : ", \(place)"): \(reason)"))
    }
}

extension XMLElement {
    /// - Throws: `DecodingError` for what is not well-formed, too large, or in another namespace than `namespace`.
    static func parse(_ bytes: [UInt8], namespace: String?) throws -> XMLElement {
        guard !bytes.isEmpty else { throw Unreadable.document("there is no data") }
        guard bytes.count <= XMLLimits.bytesMax else {
            throw Unreadable.document(
                "\(bytes.count) bytes are more than the \(XMLLimits.bytesMax) that are read")
        }
        return try bytes.withUnsafeBytes { bytes in
            do { return try read(bytes, namespace) } catch let error as CloudEventError {
                guard case .malformedXML(let reason, let offset) = error.rule else {
                    throw Unreadable.document(error.rule.explanation)
                }
                let line = 1 + bytes[..<min(offset, bytes.count)].count { $0 == 0x0A }
                throw Unreadable.at(line, [], reason)
            }
        }
    }

    private static func read(_ bytes: UnsafeRawBufferPointer, _ namespace: String?) throws -> XMLElement {
        var scanner = try XMLScanner(bytes)
        var open: [XMLElement] = []
        var (line, counted, elements) = (1, 0, 0)
        var root: XMLElement?
        while true {
            let token = try scanner.next()
            switch token {
            case .start(let tag):
                // Lines up to the name, which is just behind the `<` of the tag.
                line += bytes[counted..<tag.local.lowerBound].count { $0 == 0x0A }
                counted = tag.local.lowerBound
                elements += 1
                guard elements <= XMLLimits.elementsMax else {
                    throw Unreadable.at(line, [], "more than \(XMLLimits.elementsMax) elements")
                }
                guard open.count < XMLLimits.depthMax else {
                    throw Unreadable.at(line, [], "nested deeper than \(XMLLimits.depthMax) elements")
                }
                if open.isEmpty, let namespace, !tag.namespace.elementsEqual(namespace.utf8) {
                    let found = String(decoding: tag.namespace, as: UTF8.self)
                    throw Unreadable.at(
                        line, [], "the document is in the namespace '\(found)', not '\(namespace)'")
                }
                open.append(
                    XMLElement(
                        name: String(decoding: bytes[tag.local], as: UTF8.self), line: line,
                        attributes: tag.attributes.map {
                            (
                                String(decoding: bytes[$0.local], as: UTF8.self),
                                String(decoding: $0.value, as: UTF8.self)
                            )
                        }))
            case .text(let text):
                if !open.isEmpty { open[open.count - 1].text += String(decoding: text, as: UTF8.self) }
            case .end:
                guard let element = open.popLast() else { continue }
                if open.isEmpty { root = element } else { open[open.count - 1].children.append(element) }
            case .other: continue
            case .endOfDocument:
                guard let root else { throw Unreadable.document("there is no element") }
                return root
            }
        }
    }
}
