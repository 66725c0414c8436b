// SPDX-License-Identifier: Apache-2.0

// Types as text: formatted as swift-format does it, so that the files can be checked in beside others.

struct SwiftPrinter {
    let model: SwiftModel
    let options: SwiftEventCode.Options
    private var lines: [String] = []
    private var indent = 0

    init(model: SwiftModel, options: SwiftEventCode.Options) {
        self.model = model
        self.options = options
    }

    private var access: String { options.isPublic ? "public " : "" }

    /// The file.
    func text() throws(SwiftCodeError) -> String {
        var printer = self
        printer.add("// Made by `apus schema generate swift`: changes belong into the schema.")
        printer.add("")
        printer.add("\(access)import Apus")
        printer.add("")
        try printer.addEvent()
        return printer.lines.joined(separator: "\n") + "\n"
    }

    private mutating func add(_ line: String) {
        lines.append(line.isEmpty ? "" : String(repeating: " ", count: indent * 4) + line)
    }

    private mutating func open(_ line: String) {
        add(line + " {")
        indent += 1
    }

    private mutating func close() {
        indent -= 1
        add("}")
    }

    private mutating func addDocumentation(_ text: String?) {
        guard let text else { return }
        for line in text.split(whereSeparator: \.isNewline) {
            let clean = line.unicodeScalars.filter { $0.value >= 0x20 }
            add("/// " + String(String.UnicodeScalarView(clean)))
        }
    }

    private func name(_ type: SwiftType) -> String {
        switch type {
        case .string: "String"
        case .bool: "Bool"
        case .int: "Int"
        case .double: "Double"
        case .any: "AnyValue"
        case .array(let element): "[\(name(element))]"
        case .dictionary(let value): "[String: \(name(value))]"
        case .optional(let inner): name(inner) + "?"
        case .named(let index): model.declarations[index].name
        }
    }

    /// The type of a member: optional if it need not be there.
    private func name(_ member: SwiftMember) -> String {
        if case .optional = member.type { return name(member.type) }
        return name(member.type) + (member.isRequired ? "" : "?")
    }

    // MARK: Structs

    private mutating func addEvent() throws(SwiftCodeError) {
        guard case .structure(let members) = model.declarations[0].body else { return }
        addDocumentation(model.declarations[0].documentation)
        open("\(access)struct \(model.declarations[0].name): Event, Hashable")
        add("\(access)static let type = \(SwiftNames.literal(options.type))")
        add("\(access)static let topic = \(SwiftNames.literal(options.topic))")
        if options.version != 1 { add("\(access)static let version = \(options.version)") }
        if !members.isEmpty { add("") }
        addMembers(members)
        if let key = options.key {
            guard let member = members.first(where: { $0.jsonName == key }) else {
                throw SwiftCodeError("the event has no member '\(key)' to be its key", at: "")
            }
            switch member.type {
            case .string, .int, .optional(.string), .optional(.int): break
            default:
                throw SwiftCodeError(
                    "the member '\(key)' is no text and no whole number, so it cannot be the key", at: "")
            }
            add("")
            add("\(access)var key: \(name(member)) { \(SwiftNames.escaped(member.name)) }")
        }
        addCoding(members)
        for index in model.declarations.indices.dropFirst() {
            add("")
            addDeclaration(model.declarations[index])
        }
        if model.usesAny {
            add("")
            addAnyValue()
        }
        close()
    }

    private mutating func addMembers(_ members: [SwiftMember]) {
        for member in members {
            addDocumentation(member.documentation)
            add("\(access)var \(SwiftNames.escaped(member.name)): \(name(member))")
        }
    }

    /// Everything of a struct behind its members.
    private mutating func addCoding(_ members: [SwiftMember]) {
        add("")
        guard !members.isEmpty else { return add("\(access)init() {}") }
        add("\(access)init(")
        indent += 1
        for (index, member) in members.enumerated() {
            let initial = name(member).hasSuffix("?") ? " = nil" : ""
            let comma = index < members.count - 1 ? "," : ""
            add("\(SwiftNames.escaped(member.name)): \(name(member))\(initial)\(comma)")
        }
        indent -= 1
        open(")")
        for member in members { add("self.\(member.name) = \(SwiftNames.escaped(member.name))") }
        close()
        add("")
        open("private enum CodingKeys: String, CodingKey")
        for member in members {
            let raw = member.name == member.jsonName ? "" : " = \(SwiftNames.literal(member.jsonName))"
            add("case \(SwiftNames.escaped(member.name))\(raw)")
        }
        close()
        // A member that has to be there is written as null when it has no value.
        guard members.contains(where: { $0.isRequired && name($0).hasSuffix("?") }) else { return }
        add("")
        open("\(access)func encode(to encoder: any Encoder) throws")
        add("var container = encoder.container(keyedBy: CodingKeys.self)")
        for member in members {
            let isOmitted = !member.isRequired && name(member).hasSuffix("?")
            let function = isOmitted ? "encodeIfPresent" : "encode"
            add("try container.\(function)(\(SwiftNames.escaped(member.name)), forKey: .\(member.name))")
        }
        close()
    }

    // MARK: Nested types

    private mutating func addDeclaration(_ declaration: SwiftDeclaration) {
        addDocumentation(declaration.documentation)
        switch declaration.body {
        case .structure(let members):
            open("\(access)struct \(declaration.name): Codable, Sendable, Hashable")
            addMembers(members)
            if members.isEmpty { add("\(access)init() {}") } else { addCoding(members) }
            close()
        case .texts(let cases):
            open("\(access)enum \(declaration.name): String, Codable, Sendable, Hashable, CaseIterable")
            for item in cases {
                let raw = item.name == item.value ? "" : " = \(SwiftNames.literal(item.value))"
                add("case \(SwiftNames.escaped(item.name))\(raw)")
            }
            close()
        case .numbers(let cases):
            open("\(access)enum \(declaration.name): Int, Codable, Sendable, Hashable, CaseIterable")
            for item in cases { add("case \(SwiftNames.escaped(item.name)) = \(item.value)") }
            close()
        case .kinds(let cases): addKinds(declaration.name, cases)
        case .tagged(let tag, let cases): addTagged(declaration.name, tag, cases)
        }
    }

    private mutating func addKinds(_ name: String, _ cases: [(name: String, type: SwiftType)]) {
        open("\(access)enum \(name): Codable, Sendable, Hashable")
        for item in cases { add("case \(SwiftNames.escaped(item.name))(\(self.name(item.type)))") }
        add("")
        open("\(access)init(from decoder: any Decoder) throws")
        add("let container = try decoder.singleValueContainer()")
        for item in cases.dropLast() {
            open("if let value = try? container.decode(\(self.name(item.type)).self)")
            add("self = .\(item.name)(value)")
            add("return")
            close()
        }
        if let last = cases.last {
            add("self = .\(last.name)(try container.decode(\(self.name(last.type)).self))")
        }
        close()
        add("")
        open("\(access)func encode(to encoder: any Encoder) throws")
        add("var container = encoder.singleValueContainer()")
        add("switch self {")
        for item in cases { add("case .\(item.name)(let value): try container.encode(value)") }
        add("}")
        close()
        close()
    }

    private mutating func addTagged(
        _ name: String, _ tag: String, _ cases: [(name: String, values: [String], type: SwiftType)]
    ) {
        open("\(access)enum \(name): Codable, Sendable, Hashable")
        for item in cases { add("case \(SwiftNames.escaped(item.name))(\(self.name(item.type)))") }
        add("")
        open("private enum Tag: String, CodingKey")
        add("case tag = \(SwiftNames.literal(tag))")
        close()
        add("")
        open("\(access)init(from decoder: any Decoder) throws")
        add("let tag = try decoder.container(keyedBy: Tag.self).decode(String.self, forKey: .tag)")
        add("switch tag {")
        for item in cases {
            let values = item.values.map(SwiftNames.literal).joined(separator: ", ")
            add("case \(values): self = .\(item.name)(try \(self.name(item.type))(from: decoder))")
        }
        add("default:")
        indent += 1
        add("throw DecodingError.dataCorrupted(")
        indent += 1
        add("DecodingError.Context(")
        indent += 1
        add("codingPath: decoder.codingPath,")
        add("debugDescription: \"'\\(tag)' is none of the alternatives\"))")
        indent -= 3
        add("}")
        close()
        add("")
        open("\(access)func encode(to encoder: any Encoder) throws")
        add("switch self {")
        for item in cases { add("case .\(item.name)(let value): try value.encode(to: encoder)") }
        add("}")
        close()
        close()
    }

    private mutating func addAnyValue() {
        add("/// Any JSON value. Whole numbers that fit are integers.")
        open("\(access)enum AnyValue: Codable, Sendable, Hashable")
        let cases = [
            ("bool", "Bool"), ("integer", "Int64"), ("number", "Double"), ("string", "String"),
            ("array", "[AnyValue]"), ("object", "[String: AnyValue]"),
        ]
        add("case null")
        for item in cases { add("case \(item.0)(\(item.1))") }
        add("")
        open("\(access)init(from decoder: any Decoder) throws")
        add("let container = try decoder.singleValueContainer()")
        add("if container.decodeNil() {")
        indent += 1
        add("self = .null")
        for item in cases.dropLast() {
            indent -= 1
            add("} else if let value = try? container.decode(\(item.1).self) {")
            indent += 1
            add("self = .\(item.0)(value)")
        }
        indent -= 1
        add("} else {")
        indent += 1
        add("self = .object(try container.decode([String: AnyValue].self))")
        close()
        close()
        add("")
        open("\(access)func encode(to encoder: any Encoder) throws")
        add("var container = encoder.singleValueContainer()")
        add("switch self {")
        add("case .null: try container.encodeNil()")
        for item in cases { add("case .\(item.0)(let value): try container.encode(value)") }
        add("}")
        close()
        close()
    }
}
