// SPDX-License-Identifier: Apache-2.0

// From JSON to a transformation. Everything that can be known to be wrong without an event is refused here.

import CloudEvents
import JSONText

/// Reads the members of a transformation.
struct TransformationReader {
    private static let members = [
        "input_paths", "input_template", "input_path", "input", "output", "missing", "attributes",
    ]

    private let object: JSONObject
    private let limits: TransformationLimits
    private var variables = Variables([:])
    private var attributes = AttributeChanges()
    private var usesPaths = false

    init(_ value: JSONValue, limits: TransformationLimits) throws(TransformationError) {
        guard let object = value.object else {
            throw TransformationError(.wrongKind(expected: "an object"), pointer: "")
        }
        for member in object.members where !Self.members.contains(member.name) {
            throw TransformationError(
                .unknownMember(member.name, hint: Self.hint(member.name)),
                pointer: Pointer.member(member.name))
        }
        self.object = object
        self.limits = limits
    }

    mutating func read() throws(TransformationError) -> Transformation {
        try readVariables()
        let output = try choice("output", OutputKind.allCases.map(\.rawValue)).flatMap {
            OutputKind(rawValue: $0)
        }
        let missing = try choice("missing", ["null", "fail"])
        let input = try readInput(output ?? .json)
        if object["attributes"] != nil { try readAttributes(input) }
        if case .unchanged = input {
            guard !attributes.isEmpty else { throw TransformationError(.nothingToDo, pointer: "") }
            if output != nil { throw TransformationError(.needsTemplate, pointer: "/output") }
        }
        if !usesPaths, object["input_paths"] != nil {
            throw TransformationError(.needsTemplate, pointer: "/input_paths")
        }
        return Transformation(
            text: canonicalText, variables: variables, input: input, attributes: attributes,
            failsOnMissing: missing == "fail", limits: limits)
    }

    // MARK: - Members

    private func string(
        _ name: String, in object: JSONObject, _ parent: String = ""
    ) throws(TransformationError)
        -> String?
    {
        guard let value = object[name] else { return nil }
        guard let text = value.string else {
            throw TransformationError(
                .wrongKind(expected: "a string"), pointer: Pointer.member(name, of: parent))
        }
        return text
    }

    private func choice(_ name: String, _ choices: [String]) throws(TransformationError) -> String? {
        guard let text = try string(name, in: object) else { return nil }
        guard choices.contains(text) else {
            throw TransformationError(
                .wrongKind(expected: choices.map { "\"\($0)\"" }.joined(separator: " or ")),
                pointer: Pointer.member(name))
        }
        return text
    }

    private func members(
        _ name: String, of object: JSONObject, _ parent: String = ""
    ) throws(TransformationError) -> [JSONObject.Member] {
        guard let value = object[name] else { return [] }
        guard let members = value.object?.members else {
            throw TransformationError(
                .wrongKind(expected: "an object"), pointer: Pointer.member(name, of: parent))
        }
        return members
    }

    private mutating func readVariables() throws(TransformationError) {
        let members = try members("input_paths", of: object)
        guard members.count <= limits.variablesMax else {
            throw TransformationError(.tooMany(limit: limits.variablesMax), pointer: "/input_paths")
        }
        var paths: [String: EventPath] = [:]
        for member in members {
            let pointer = Pointer.member(member.name, of: "/input_paths")
            guard member.name.utf8.count <= limits.variableNameBytesMax else {
                throw TransformationError(.tooLong(limit: limits.variableNameBytesMax), pointer: pointer)
            }
            guard !member.name.isEmpty, member.name.utf8.allSatisfy({ VariableText.isNameByte($0) }) else {
                throw TransformationError(.variableName(member.name), pointer: pointer)
            }
            guard let text = member.value.string else {
                throw TransformationError(
                    .wrongKind(expected: "a path, such as \"$.data.total\""), pointer: pointer)
            }
            paths[member.name] = try EventPath(parsing: text, pointer: pointer, limits: limits)
        }
        variables = Variables(paths)
    }

    private mutating func readInput(_ output: OutputKind) throws(TransformationError) -> Transformation.Input
    {
        let given = ["input_template", "input_path", "input"].filter { object[$0] != nil }
        guard given.count <= 1 else { throw TransformationError(.severalInputs, pointer: "") }
        if let text = try string("input_template", in: object) {
            usesPaths = true
            let template = try TemplateParser.parse(
                text, as: output, pointer: "/input_template", &variables, limits: limits)
            return .template(template, output, pointer: "/input_template")
        }
        if let text = try string("input_path", in: object) {
            guard output == .json else {
                throw TransformationError(
                    .wrongKind(expected: "\"json\" beside 'input_path'"), pointer: "/output")
            }
            let path = try EventPath(parsing: text, pointer: "/input_path", limits: limits)
            var template = Template()
            template.append(.value(variable: variables.use(path, as: ""), depth: 0))
            return .template(template, .json, pointer: "/input_path")
        }
        if let value = object["input"] { return .constant(try constant(value, output), output) }
        return .unchanged
    }

    private func constant(_ value: JSONValue, _ output: OutputKind) throws(TransformationError) -> [UInt8] {
        let text: [UInt8]
        if output == .json {
            text = value.serialized()
        } else {
            text = Array(try string("input", in: object).map(\.utf8) ?? "".utf8)
        }
        guard text.count <= limits.templateBytesMax else {
            throw TransformationError(.tooLong(limit: limits.templateBytesMax), pointer: "/input")
        }
        if output == .json, value.depth > limits.templateDepthMax {
            throw TransformationError(.json(.tooDeep(limit: limits.templateDepthMax)), pointer: "/input")
        }
        if output == .xml, let error = XMLPathPass.error(in: text) {
            throw TransformationError(.xml(error.reason), pointer: "/input", offset: error.offset)
        }
        return text
    }

    // MARK: - Attributes

    private mutating func readAttributes(_ input: Transformation.Input) throws(TransformationError) {
        let pointer = "/attributes"
        guard let changes = object["attributes"]?.object else {
            throw TransformationError(.wrongKind(expected: "an object"), pointer: pointer)
        }
        for member in changes.members where !["rename", "remove", "set"].contains(member.name) {
            throw TransformationError(
                .unknownMember(member.name, hint: nil), pointer: Pointer.member(member.name, of: pointer))
        }
        var touched = TouchedAttributes()
        try readRenames(changes, &touched)
        try readRemovals(changes, &touched)
        try readSettings(changes, &touched, input)
        let count = attributes.renamed.count + attributes.removed.count + attributes.set.count
        guard count <= limits.attributesMax else {
            throw TransformationError(.tooMany(limit: limits.attributesMax), pointer: pointer)
        }
        guard !attributes.isEmpty else { throw TransformationError(.nothingToDo, pointer: pointer) }
    }

    private func check(
        _ name: String, _ use: AttributeChanges.Use, _ pointer: String, _ touched: inout TouchedAttributes
    ) throws(TransformationError) {
        if let reason = AttributeChanges.objection(to: name, use) {
            throw TransformationError(reason, pointer: pointer)
        }
        guard touched.insert(name, use) else {
            throw TransformationError(.attributeTwice(name), pointer: pointer)
        }
    }

    private mutating func readRenames(
        _ changes: JSONObject, _ touched: inout TouchedAttributes
    ) throws(TransformationError) {
        for member in try members("rename", of: changes, "/attributes") {
            let pointer = Pointer.member(member.name, of: "/attributes/rename")
            try check(member.name, .oldName, pointer, &touched)
            guard let new = member.value.string else {
                throw TransformationError(.wrongKind(expected: "the new name"), pointer: pointer)
            }
            try check(new, .newName, pointer, &touched)
            attributes.renamed.append((member.name, new))
        }
    }

    private mutating func readRemovals(
        _ changes: JSONObject, _ touched: inout TouchedAttributes
    ) throws(TransformationError) {
        guard let value = changes["remove"] else { return }
        guard let names = value.array else {
            throw TransformationError(.wrongKind(expected: "a list of names"), pointer: "/attributes/remove")
        }
        for (place, value) in names.enumerated() {
            let pointer = "/attributes/remove/\(place)"
            guard let name = value.string else {
                throw TransformationError(.wrongKind(expected: "a name"), pointer: pointer)
            }
            try check(name, .removal, pointer, &touched)
            attributes.removed.append(name)
        }
    }

    private mutating func readSettings(
        _ changes: JSONObject, _ touched: inout TouchedAttributes, _ input: Transformation.Input
    ) throws(TransformationError) {
        for member in try members("set", of: changes, "/attributes") {
            let pointer = Pointer.member(member.name, of: "/attributes/set")
            try check(member.name, .setting, pointer, &touched)
            guard let text = member.value.string else {
                throw TransformationError(.wrongKind(expected: "a string"), pointer: pointer)
            }
            usesPaths = true
            let template = try TemplateParser.parse(
                text, as: .text, pointer: pointer, &variables, limits: limits)
            if let constant = template.constant {
                let value = String(decoding: constant, as: UTF8.self)
                let rule = constant.isEmpty ? .empty : AttributeChanges.violation(member.name, value)
                if let rule { throw TransformationError(.attribute(rule), pointer: pointer) }
            }
            if member.name == "datacontenttype" { try check(contentType: template, input, pointer) }
            attributes.set.append((member.name, template))
        }
    }

    /// The data's content type must say what the data is, or somebody reads it wrongly.
    private func check(
        contentType template: Template, _ input: Transformation.Input, _ pointer: String
    ) throws(TransformationError) {
        let kind: OutputKind?
        switch input {
        case .unchanged: kind = nil
        case .template(_, let output, _), .constant(_, let output): kind = output
        }
        let expected = kind?.rawValue ?? "any kind"
        guard let constant = template.constant else {
            throw TransformationError(.contentType(expected: expected), pointer: pointer)
        }
        guard let kind else { return }
        let announced = constant.withUnsafeBytes { CloudEventDataKind(contentType: $0) }
        let isRight: Bool
        switch kind {
        case .json: isRight = announced == .json
        case .xml: isRight = announced == .xml
        case .text: isRight = announced == .text
        }
        var probe = try? CloudEvent(id: "x", source: "x", type: "x")
        probe?.dataContentType = String(decoding: constant, as: UTF8.self)
        guard isRight, probe?.isDataUTF8 == true else {
            throw TransformationError(.contentType(expected: "\(expected) in UTF-8"), pointer: pointer)
        }
    }

    // MARK: - Text

    /// The members in a fixed order, those whose order means nothing by name.
    private var canonicalText: String {
        var result = JSONObject()
        for name in Self.members {
            guard let value = object[name] else { continue }
            switch name {
            case "input_paths": result[name] = Self.sorted(value)
            case "output" where value == .string(OutputKind.json.rawValue): continue
            case "missing" where value == .string("null"): continue
            case "attributes":
                var changes = JSONObject()
                for part in ["rename", "remove", "set"] {
                    changes[part] = value[part].map { Self.sorted($0) }
                }
                result[name] = .object(changes)
            default: result[name] = value
            }
        }
        return JSONValue.object(result).description
    }

    private static func sorted(_ value: JSONValue) -> JSONValue {
        guard let object = value.object else { return value }
        var result = JSONObject()
        for member in object.members.sorted(by: { $0.name < $1.name }) { result[member.name] = member.value }
        return .object(result)
    }

    /// What someone who knows EventBridge, or writes in another style, may mean.
    private static func hint(_ name: String) -> String? {
        switch name.lowercased().filter({ $0 != "_" && $0 != "-" }) {
        case "inputpathsmap", "inputpaths": "input_paths"
        case "inputtemplate", "template": "input_template"
        case "inputpath": "input_path"
        case "input": "input"
        case "inputtransformer": "input_paths and input_template"
        case "outputs", "output": "output"
        case "attributes": "attributes"
        default: nil
        }
    }
}

/// The attributes that changes are about: each goes once and comes once at most. Two may swap their names.
private struct TouchedAttributes {
    private var gone: Set<String> = []
    private var made: Set<String> = []
    private var removed: Set<String> = []

    /// Notes a use; false if it does not go with those before.
    mutating func insert(_ name: String, _ use: AttributeChanges.Use) -> Bool {
        switch use {
        case .oldName: return gone.insert(name).inserted
        case .newName: return made.insert(name).inserted
        case .removal:
            removed.insert(name)
            return gone.insert(name).inserted && !made.contains(name)
        case .setting: return made.insert(name).inserted && !removed.contains(name)
        }
    }
}

extension JSONValue {
    /// How many arrays and objects are nested in one another.
    fileprivate var depth: Int {
        switch self {
        case .array(let elements): 1 + (elements.map(\.depth).max() ?? 0)
        case .object(let object): 1 + (object.members.map(\.value.depth).max() ?? 0)
        default: 0
        }
    }
}
