// SPDX-License-Identifier: Apache-2.0

// From the tree of what is to be written to bytes, with what XML does not allow refused by name.

struct DocumentWriter {
    let codec: XMLEventCodec
    private(set) var bytes: [UInt8] = []
    private var path: [String] = []

    init(codec: XMLEventCodec) { self.codec = codec }

    mutating func writeDocument(_ name: String, _ slot: Slot) throws {
        switch slot.content {
        case .nothing: throw failure("there is no value to write")
        case .list(let items):
            // A list at the root has no field to repeat.
            try writeElement(name, attributes: [], isRoot: true) { writer throws in
                for item in items { try writer.write(writer.itemName, item) }
            }
        case .text, .fields: try write(name, slot, isRoot: true)
        }
    }

    private var itemName: String {
        switch codec.arrays {
        case .repeated: "item"
        case .wrapped(let item): item
        }
    }

    private mutating func write(_ name: String, _ slot: Slot, isRoot: Bool = false) throws {
        switch slot.content {
        case .nothing: throw failure("there is no value for '\(name)', and XML cannot say nil in a list")
        case .text(let text):
            try writeElement(name, attributes: [], isRoot: isRoot) { writer throws in
                try writer.append(text, isAttribute: false)
            }
        case .fields(let fields):
            let attributes = fields.filter { $0.place == .attribute }
            try writeElement(name, attributes: attributes, isRoot: isRoot) { writer throws in
                for field in fields where field.place != .attribute { try writer.write(field) }
            }
        case .list(let items):
            try writeElement(name, attributes: [], isRoot: isRoot) { writer throws in
                for item in items { try writer.write(writer.itemName, item) }
            }
        }
    }

    private mutating func write(_ field: Slot.Field) throws {
        if field.place == .text {
            if case .nothing = field.slot.content { return }
            return try append(try simple(field), isAttribute: false)
        }
        switch (field.slot.content, codec.arrays) {
        case (.nothing, _): return
        case (.list(let items), .repeated): for item in items { try write(field.name, item) }
        default: try write(field.name, field.slot)
        }
    }

    private func simple(_ field: Slot.Field) throws -> String {
        guard case .text(let text) = field.slot.content else {
            throw failure("'\(field.name)' is more than one value, which an attribute or a text cannot hold")
        }
        return text
    }

    private mutating func writeElement(
        _ name: String, attributes: [Slot.Field], isRoot: Bool,
        _ content: (inout DocumentWriter) throws -> Void
    ) throws {
        try check(name)
        path.append(name)
        guard path.count <= XMLLimits.depthMax else {
            throw failure("nested deeper than \(XMLLimits.depthMax) elements")
        }
        bytes.append(UInt8(ascii: "<"))
        bytes += name.utf8
        if isRoot, let namespace = codec.namespace {
            bytes += #" xmlns=""#.utf8
            try append(namespace, isAttribute: true)
            bytes.append(UInt8(ascii: "\""))
        }
        for attribute in attributes {
            if case .nothing = attribute.slot.content { continue }
            try check(attribute.name)
            bytes.append(UInt8(ascii: " "))
            bytes += attribute.name.utf8
            bytes += #"=""#.utf8
            try append(try simple(attribute), isAttribute: true)
            bytes.append(UInt8(ascii: "\""))
        }
        bytes.append(UInt8(ascii: ">"))
        let start = bytes.count
        try content(&self)
        if bytes.count == start {
            bytes.removeLast()
            bytes += "/>".utf8
        } else {
            bytes += "</".utf8
            bytes += name.utf8
            bytes.append(UInt8(ascii: ">"))
        }
        path.removeLast()
    }

    /// Names are those of fields: ASCII letters, digits, `-`, `_` and `.`, and any character beyond ASCII. A colon would be a prefix that nobody declares.
    private func check(_ name: String) throws {
        func isLetter(_ byte: UInt8) -> Bool {
            (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7A || byte == 0x5F || byte >= 0x80
        }
        let isName =
            name.utf8.first.map(isLetter) == true
            && name.utf8.allSatisfy { isLetter($0) || ($0 >= 0x30 && $0 <= 0x39) || $0 == 0x2D || $0 == 0x2E }
        guard isName, name != "xmlns" else { throw failure("'\(name)' cannot be a name in XML") }
    }

    private mutating func append(_ text: String, isAttribute: Bool) throws {
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": bytes += "&amp;".utf8
            case "<": bytes += "&lt;".utf8
            case ">": bytes += "&gt;".utf8
            case "\"" where isAttribute: bytes += "&quot;".utf8
            // A reader makes these line feeds and spaces unless they are references.
            case "\r": bytes += "&#13;".utf8
            case "\n" where isAttribute: bytes += "&#10;".utf8
            case "\t" where isAttribute: bytes += "&#9;".utf8
            case "\n", "\t": bytes.append(UInt8(truncatingIfNeeded: scalar.value))
            default:
                guard scalar.value >= 0x20, scalar.value != 0xFFFE, scalar.value != 0xFFFF else {
                    throw failure(
                        "the character U+\(String(scalar.value, radix: 16, uppercase: true)) cannot be in XML"
                    )
                }
                bytes += UTF8.encode(scalar).map(Array.init) ?? []
            }
        }
    }

    private func failure(_ reason: String) -> EncodingError {
        let place = path.isEmpty ? "" : "\(path.joined(separator: "/")): "
        return .invalidValue(
            path, EncodingError.Context(codingPath: path.map(PlainKey.init), debugDescription: place + reason)
        )
    }
}
