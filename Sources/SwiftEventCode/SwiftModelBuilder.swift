// SPDX-License-Identifier: Apache-2.0

// From schemas to types. What has no counterpart is refused with its place.

import JSONSchema
import JSONText

struct SwiftModelBuilder {
    private var graph: SchemaGraph
    private let root: String
    private var declarations: [SwiftDeclaration] = []
    private var types: [Int: SwiftType] = [:]
    private var names = SwiftNames.takenTypes
    private var usesAny = false
    /// Types that are being made.
    private var open: Set<Int> = []

    private static let declarationsMax = 1_000
    private static let depthMax = 64
    private var depth = 0

    init(_ graph: SchemaGraph, root: String) {
        self.graph = graph
        self.root = root
        names.formUnion(["AnyValue", root])
    }

    mutating func build() throws(SwiftCodeError) -> SwiftModel {
        let type = try type(graph.root, name: root)
        guard type == .named(0), case .structure = declarations[0].body else {
            throw error("an event is an object with declared members", graph.root)
        }
        try refuseEndlessTypes()
        return SwiftModel(declarations: declarations, usesAny: usesAny)
    }

    private func error(_ reason: String, _ place: Int, _ keyword: String = "") -> SwiftCodeError {
        SwiftCodeError(reason, at: graph.location(of: place) + keyword)
    }

    // MARK: Types

    /// The type for a schema. `name` is what a new one is called.
    private mutating func type(_ place: Int, name: String) throws(SwiftCodeError) -> SwiftType {
        if let known = types[place] { return known }
        guard declarations.count < Self.declarationsMax, depth < Self.depthMax else {
            throw error("the schema has too many types, or they are nested too deep", place)
        }
        depth += 1
        defer { depth -= 1 }
        let result = try make(place, name: name)
        types[place] = result
        return result
    }

    private mutating func make(_ place: Int, name: String) throws(SwiftCodeError) -> SwiftType {
        guard let object = graph.value(at: place).object else {
            guard graph.value(at: place) == true else { throw error("nothing can stand here", place) }
            usesAny = true
            return .any
        }
        for keyword in ["$dynamicRef", "$recursiveRef"] where object[keyword] != nil {
            throw error("'\(keyword)' has no counterpart in Swift", place, "/" + keyword)
        }
        if object["$ref"] != nil, let target = graph.target(of: "$ref", at: place) {
            guard object["properties"] == nil else {
                throw error("'$ref' beside 'properties' is not supported; use 'allOf'", place, "/$ref")
            }
            let last = object["$ref"]?.string?.split(separator: "/").last.map(String.init) ?? name
            return try type(target, name: SwiftNames.type(last))
        }
        for keyword in ["oneOf", "anyOf"] where object[keyword]?.array != nil {
            guard object["properties"] == nil else {
                throw error("'\(keyword)' beside 'properties' is not supported", place, "/" + keyword)
            }
            return try alternatives(place, object, keyword, name: name)
        }
        var values = object["enum"]?.array ?? object["const"].map { [$0] }
        let isNullable = values?.contains(.null) ?? false
        values?.removeAll { $0 == .null }
        if let values, !values.isEmpty {
            let type = try enumeration(place, values, name: name)
            return isNullable ? .optional(type) : type
        }
        return try byKind(place, object, name: name)
    }

    private mutating func byKind(
        _ place: Int, _ object: JSONObject, name: String
    ) throws(SwiftCodeError) -> SwiftType {
        var kinds = object["type"].map { ($0.array ?? [$0]).compactMap(\.string) } ?? []
        if kinds.isEmpty, object["properties"] != nil || object["allOf"] != nil { kinds = ["object"] }
        let isNullable = kinds.contains("null")
        kinds.removeAll { $0 == "null" }
        if kinds.contains("number") { kinds.removeAll { $0 == "integer" } }
        guard kinds.count <= 1 else {
            throw error(
                "values of several types (\(kinds.joined(separator: ", "))); use 'oneOf'", place, "/type")
        }
        let type: SwiftType
        switch kinds.first {
        case "string": type = .string
        case "boolean": type = .bool
        case "integer": type = .int
        case "number": type = .double
        case "array":
            guard object["prefixItems"] == nil, object["items"]?.array == nil else {
                throw error("elements that differ by their place have no counterpart in Swift", place)
            }
            if object["items"] != nil, let items = graph.child("/items", of: place) {
                type = .array(try self.type(items, name: Self.singular(name)))
            } else {
                usesAny = true
                type = .array(.any)
            }
        case "object": type = try self.object(place, object, name: name)
        default:
            guard !isNullable else { throw error("only null can stand here", place, "/type") }
            usesAny = true
            return .any
        }
        return isNullable ? .optional(type) : type
    }

    private static func singular(_ name: String) -> String {
        name.count > 3 && name.hasSuffix("s") && !name.hasSuffix("ss") ? String(name.dropLast()) : name
    }

    /// A place among the declarations, with a name that nothing else has.
    private mutating func declare(_ name: String, _ place: Int) -> Int {
        let isRoot = declarations.isEmpty && name == root
        let unused = isRoot ? name : SwiftNames.unused(name, names)
        names.insert(unused)
        declarations.append(
            SwiftDeclaration(
                name: unused, documentation: graph.value(at: place)["description"]?.string,
                body: .structure([]), location: graph.location(of: place)))
        return declarations.count - 1
    }

    private mutating func enumeration(
        _ place: Int, _ values: [JSONValue], name: String
    ) throws(SwiftCodeError) -> SwiftType {
        var taken: Set<String> = ["init", "self", "rawValue", "allCases"]
        let texts = values.compactMap(\.string)
        let numbers = values.compactMap(\.int64)
        if texts.count == values.count {
            let index = declare(name, place)
            var cases: [(name: String, value: String)] = []
            for text in texts where !cases.contains(where: { $0.value == text }) {
                let name = SwiftNames.unused(text.isEmpty ? "empty" : SwiftNames.member(text), taken)
                taken.insert(name)
                cases.append((name, text))
            }
            declarations[index].body = .texts(cases)
            return .named(index)
        }
        if numbers.count == values.count {
            let index = declare(name, place)
            var cases: [(name: String, value: Int64)] = []
            for number in numbers where !cases.contains(where: { $0.value == number }) {
                cases.append((number < 0 ? "minus\(number.magnitude)" : "value\(number)", number))
            }
            declarations[index].body = .numbers(cases)
            return .named(index)
        }
        guard values.allSatisfy({ $0.bool != nil }) else {
            throw error(
                "values of several kinds, or ones that are neither text nor whole numbers", place, "/enum")
        }
        return .bool
    }

    // MARK: Objects

    private mutating func object(
        _ place: Int, _ object: JSONObject, name: String
    ) throws(SwiftCodeError) -> SwiftType {
        for keyword in ["patternProperties", "unevaluatedProperties"]
        where object[keyword]?.object.map({ !$0.members.isEmpty }) ?? false {
            throw error("members told by '\(keyword)' have no counterpart in Swift", place, "/" + keyword)
        }
        guard object["properties"]?.object != nil || object["allOf"]?.array != nil else {
            if let additional = object["additionalProperties"], additional != false, additional != true,
                let place = graph.child("/additionalProperties", of: place)
            {
                return .dictionary(try type(place, name: Self.singular(name)))
            }
            usesAny = true
            return .dictionary(.any)
        }
        guard object["additionalProperties"]?.object.map({ $0.members.isEmpty }) ?? true else {
            throw error(
                "declared members beside others of a type have no counterpart in Swift", place,
                "/additionalProperties")
        }
        let index = declare(name, place)
        // Whoever refers back to it while it is made finds it.
        types[place] = .named(index)
        open.insert(place)
        defer { open.remove(place) }
        var members: [SwiftMember] = []
        var required: Set<String> = []
        try collect(place, object, &members, &required, depth: 0)
        for number in members.indices where required.contains(members[number].jsonName) {
            members[number].isRequired = true
        }
        var taken = SwiftNames.takenMembers
        for number in members.indices {
            let wanted = SwiftNames.member(members[number].jsonName)
            let usable = SwiftNames.takenMembers.contains(wanted) ? wanted + "Value" : wanted
            members[number].name = SwiftNames.unused(usable, taken)
            taken.insert(members[number].name)
        }
        declarations[index].body = .structure(members)
        return .named(index)
    }

    /// The members of an object and of all schemas that hold for it as well.
    private mutating func collect(
        _ place: Int, _ object: JSONObject, _ members: inout [SwiftMember], _ required: inout Set<String>,
        depth: Int
    ) throws(SwiftCodeError) {
        guard depth < 16 else { throw error("'allOf' is nested too deep", place) }
        required.formUnion(object["required"]?.array?.compactMap(\.string) ?? [])
        for member in object["properties"]?.object?.members ?? [] {
            guard member.value != false,
                let child = graph.child("/properties/" + SchemaGraph.escape(member.name), of: place)
            else { continue }
            let type = try type(child, name: SwiftNames.type(member.name))
            if let known = members.first(where: { $0.jsonName == member.name }) {
                guard known.type == type else {
                    throw error("'\(member.name)' is declared twice with different types", child)
                }
                continue
            }
            members.append(
                SwiftMember(
                    jsonName: member.name, name: "", type: type, isRequired: false,
                    documentation: member.value["description"]?.string))
        }
        for number in (object["allOf"]?.array ?? []).indices {
            guard var inner = graph.child("/allOf/\(number)", of: place) else { continue }
            for _ in 0..<16 {
                guard graph.value(at: inner)["$ref"] != nil,
                    let target = graph.target(of: "$ref", at: inner)
                else { break }
                inner = target
            }
            guard let rules = graph.value(at: inner).object else { continue }
            guard rules["oneOf"] == nil, rules["anyOf"] == nil, rules["$ref"] == nil else {
                throw error("alternatives inside 'allOf' are not supported", inner)
            }
            try collect(inner, rules, &members, &required, depth: depth + 1)
        }
    }

    // MARK: Alternatives

    private mutating func alternatives(
        _ place: Int, _ object: JSONObject, _ keyword: String, name: String
    ) throws(SwiftCodeError) -> SwiftType {
        var places: [Int] = []
        var isNullable = false
        for number in (object[keyword]?.array ?? []).indices {
            guard let inner = graph.child("/\(keyword)/\(number)", of: place) else { continue }
            if graph.value(at: inner)["type"] == "null" || graph.value(at: inner)["const"] == .null {
                isNullable = true
            } else {
                places.append(inner)
            }
        }
        guard !places.isEmpty else { throw error("only null can stand here", place, "/" + keyword) }
        if places.count == 1 {
            let type = try type(places[0], name: name)
            return isNullable ? .optional(type) : type
        }
        let type = try told(places, place, keyword, name: name)
        return isNullable ? .optional(type) : type
    }

    /// An enumeration with a case for each alternative, if a document tells which it is.
    private mutating func told(
        _ places: [Int], _ place: Int, _ keyword: String, name: String
    ) throws(SwiftCodeError) -> SwiftType {
        let targets = places.map { follow($0) }
        let kinds = targets.map { kind($0) }
        let index = declare(name, place)
        types[place] = .named(index)
        if !kinds.contains(nil), Set(kinds).count == kinds.count,
            !Set(kinds).isSuperset(of: ["integer", "number"])
        {
            var cases: [(name: String, type: SwiftType)] = []
            for (alternative, kind) in zip(places, kinds) {
                let kind = kind ?? ""
                cases.append((kind, try type(alternative, name: name + SwiftNames.type(kind))))
            }
            declarations[index].body = .kinds(cases)
            return .named(index)
        }
        guard let tag = discriminator(targets) else {
            throw error(
                "a document does not tell which of the alternatives it is: they need different types, "
                    + "or a required member with a different 'const' each", place, "/" + keyword)
        }
        var cases: [(name: String, values: [String], type: SwiftType)] = []
        var taken: Set<String> = ["init", "self"]
        for (alternative, values) in zip(places, tag.values) {
            let type = try type(alternative, name: name + SwiftNames.type(values[0]))
            guard case .named(let inner) = type, case .structure = declarations[inner].body else {
                throw error("an alternative that is told by a member has to be an object", alternative)
            }
            let caseName = SwiftNames.unused(SwiftNames.member(values[0]), taken)
            taken.insert(caseName)
            cases.append((caseName, values, type))
        }
        declarations[index].body = .tagged(tag: tag.name, cases)
        return .named(index)
    }

    private mutating func follow(_ place: Int) -> Int {
        var place = place
        for _ in 0..<16 {
            guard graph.value(at: place)["$ref"] != nil, let next = graph.target(of: "$ref", at: place) else {
                break
            }
            place = next
        }
        return place
    }

    /// The one kind of values that a schema is about.
    private func kind(_ place: Int) -> String? {
        let schema = graph.value(at: place)
        if let type = schema["type"] { return type.string }
        if schema["properties"] != nil { return nil }
        let values = schema["enum"]?.array ?? schema["const"].map { [$0] } ?? []
        return !values.isEmpty && values.allSatisfy { $0.string != nil } ? "string" : nil
    }

    /// A member that is required in all, with texts that differ.
    private mutating func discriminator(_ places: [Int]) -> (name: String, values: [[String]])? {
        let first = graph.value(at: places[0])
        for member in first["properties"]?.object?.members ?? [] {
            var all: [[String]] = []
            for place in places {
                let schema = graph.value(at: place)
                guard schema["required"]?.array?.contains(.string(member.name)) ?? false,
                    let property = schema["properties"]?[member.name]
                else { break }
                let values = property["enum"]?.array ?? property["const"].map { [$0] } ?? []
                let texts = values.compactMap(\.string)
                guard !texts.isEmpty, texts.count == values.count else { break }
                all.append(texts)
            }
            let texts = all.flatMap { $0 }
            if all.count == places.count, Set(texts).count == texts.count { return (member.name, all) }
        }
        return nil
    }

    // MARK: Types that contain themselves

    /// Structs of Swift cannot contain themselves but in arrays and dictionaries.
    private func refuseEndlessTypes() throws(SwiftCodeError) {
        // 0: not seen, 1: on the way, 2: done.
        var states = [Int](repeating: 0, count: declarations.count)
        func visit(_ index: Int) throws(SwiftCodeError) {
            if states[index] == 2 { return }
            guard states[index] == 0 else {
                throw SwiftCodeError(
                    "values that contain themselves other than in arrays have no counterpart in Swift structs",
                    at: declarations[index].location)
            }
            states[index] = 1
            for type in Self.parts(declarations[index].body) {
                if let inner = Self.direct(type) { try visit(inner) }
            }
            states[index] = 2
        }
        for index in declarations.indices { try visit(index) }
    }

    private static func parts(_ body: SwiftDeclaration.Body) -> [SwiftType] {
        switch body {
        case .structure(let members): members.map(\.type)
        case .tagged(_, let cases): cases.map(\.type)
        case .kinds(let cases): cases.map(\.type)
        case .texts, .numbers: []
        }
    }

    private static func direct(_ type: SwiftType) -> Int? {
        switch type {
        case .named(let index): index
        case .optional(let inner): direct(inner)
        case .string, .bool, .int, .double, .any, .array, .dictionary: nil
        }
    }
}
