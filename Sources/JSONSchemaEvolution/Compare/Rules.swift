// SPDX-License-Identifier: Apache-2.0

// A schema's keywords as values, the same for all drafts: what its draft or its vocabularies leave out is not there.

import JSONSchema
import JSONText

/// What a schema says.
struct Rules: Sendable {
    struct NumberRule: Hashable, Sendable {
        var keyword: String
        /// Nil if it has more digits than are compared.
        var value: ExactNumber?
        var text: String
    }

    struct Dependent<Value: Sendable>: Sendable {
        var name: String
        var value: Value
        var keyword: String
    }

    struct Named: Hashable, Sendable {
        var name: String
        var place: Place
    }

    struct Condition: Sendable {
        var test: Place
        var then: Place?
        var otherwise: Place?
    }

    var isFalse = false
    var kinds = Kinds.all
    /// What `enum` and `const` leave.
    var values: [JSONValue]?
    var numbers: [NumberRule] = []
    var minLength = 0
    var maxLength: Int?
    var pattern: String?
    /// Only if it is checked.
    var format: String?
    /// Keywords that are obeyed when documents are checked and that nothing is known of here.
    var unknown: [String] = []
    var properties: [Named] = []
    var patterns: [Named] = []
    var additional: Place?
    var names: Place?
    var required: [String] = []
    var minProperties = 0
    var maxProperties: Int?
    var dependentRequired: [Dependent<[String]>] = []
    var dependentSchemas: [Dependent<Place>] = []
    var prefix: [Place] = []
    var items: Place?
    var contains: Place?
    var minContains = 1
    var maxContains: Int?
    var containsEvaluates = true
    var minItems = 0
    var maxItems: Int?
    var isUnique = false
    /// Of references and `allOf`, with their keywords.
    var all: [Named] = []
    var any: [Place] = []
    var one: [Place] = []
    var not: Place?
    var condition: Condition?
    var unevaluatedProperties: Place?
    var unevaluatedItems: Place?

    /// Whether every value is accepted.
    var isTrivial: Bool {
        !isFalse && kinds == .all && values == nil && numbers.isEmpty && minLength == 0 && maxLength == nil
            && pattern == nil && format == nil && unknown.isEmpty && saysNothingOfContainers && all.isEmpty
            && any.isEmpty && one.isEmpty && not == nil && condition == nil
    }

    private var saysNothingOfContainers: Bool {
        properties.isEmpty && patterns.isEmpty && additional == nil && names == nil && required.isEmpty
            && minProperties == 0 && maxProperties == nil && dependentRequired.isEmpty
            && dependentSchemas.isEmpty && prefix.isEmpty && items == nil && contains == nil && minItems == 0
            && maxItems == nil && !isUnique && unevaluatedProperties == nil && unevaluatedItems == nil
    }
}

/// Reads the schemas of the two documents, each once.
struct Places {
    private var graphs: [SchemaGraph]
    private var known: [Place: Rules] = [:]
    private(set) var regexes: [String: Regex?] = [:]
    /// Pairs of places that are known to say the same.
    private var same: Set<[Place]> = []
    private var different: Set<[Place]> = []
    /// Schemas looked at since somebody asked.
    private var work = 0

    init(_ left: SchemaGraph, _ right: SchemaGraph) { graphs = [left, right] }

    var left: Place { Place(side: 0, index: graphs[0].root) }
    var right: Place { Place(side: 1, index: graphs[1].root) }

    func value(_ place: Place) -> JSONValue { graphs[place.side].value(at: place.index) }

    func location(_ place: Place) -> String { graphs[place.side].location(of: place.index) }

    /// Whether a schema accepts a value; nil if that cannot be told.
    func accepts(_ value: JSONValue, _ place: Place) -> Bool? {
        graphs[place.side].accepts(value.serialized(), at: place.index)
    }

    /// How much was looked at since this was asked last.
    mutating func takeWork() -> Int {
        defer { work = 0 }
        return work
    }

    /// The automaton of a pattern.
    mutating func regex(_ text: String) -> Regex? {
        if let known = regexes[text] { return known }
        let regex = try? Regex(text)
        regexes[text] = .some(regex)
        return regex
    }

    /// Whether a pattern matches a text.
    mutating func matches(_ pattern: String, _ text: String) -> Bool? {
        guard let regex = regex(pattern) else { return nil }
        var steps = 100_000
        let matches = Array(text.utf8).withUnsafeBytes { regex.matches($0, steps: &steps) }
        return steps >= 0 ? matches : nil
    }

    mutating func rules(_ place: Place) -> Rules {
        if let rules = known[place] { return rules }
        let rules = read(place)
        known[place] = rules
        return rules
    }

    // MARK: Reading

    private mutating func read(_ place: Place) -> Rules {
        var rules = Rules()
        guard let object = value(place).object else {
            rules.isFalse = value(place).bool == false
            return rules
        }
        let graph = graphs[place.side]
        let draft = graph.draft(at: place.index)
        if draft == .draft7, object["$ref"] != nil {
            addReference("$ref", place, &rules)
            return rules
        }
        addReference("$ref", place, &rules)
        if draft == .draft2019 { addReference("$recursiveRef", place, &rules) }
        if draft == .draft2020 { addReference("$dynamicRef", place, &rules) }
        if graph.understands(.validation, at: place.index) {
            readValidation(object, draft, &rules)
        }
        if graph.understands(.format, at: place.index), let format = object["format"]?.string,
            StringFormats.accepts("", format: format) != nil
        {
            rules.format = format
        }
        if graph.understands(.content, at: place.index) {
            rules.unknown += ["contentEncoding", "contentMediaType"].filter { object[$0] != nil }
        }
        if graph.understands(.applicator, at: place.index) {
            readApplicators(object, draft, place, &rules)
        }
        if graph.understands(.unevaluated, at: place.index) {
            rules.unevaluatedProperties = child("unevaluatedProperties", place, object)
            rules.unevaluatedItems = child("unevaluatedItems", place, object)
        }
        return rules
    }

    private mutating func addReference(_ keyword: String, _ place: Place, _ rules: inout Rules) {
        guard value(place)[keyword] != nil else { return }
        if let target = graphs[place.side].target(of: keyword, at: place.index) {
            rules.all.append(
                Rules.Named(name: keyword, place: Place(side: place.side, index: target)))
        } else {
            rules.unknown.append(keyword)
        }
    }

    private func readValidation(_ object: JSONObject, _ draft: SchemaDraft, _ rules: inout Rules) {
        if let type = object["type"] {
            rules.kinds = []
            for name in type.array ?? [type] { rules.kinds.formUnion(Self.kinds(name.string ?? "")) }
        }
        rules.values = object["enum"]?.array
        if let constant = object["const"] {
            rules.values =
                rules.values.map { $0.filter { JSONEquality.mayEqual($0, constant) } } ?? [constant]
        }
        for keyword in ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"] {
            guard let number = object[keyword]?.number else { continue }
            rules.numbers.append(
                Rules.NumberRule(keyword: keyword, value: ExactNumber(number), text: number.text))
        }
        rules.minLength = Self.count(object["minLength"]) ?? 0
        rules.maxLength = Self.count(object["maxLength"])
        rules.pattern = object["pattern"]?.string
        rules.required = object["required"]?.array?.compactMap(\.string) ?? []
        rules.minProperties = Self.count(object["minProperties"]) ?? 0
        rules.maxProperties = Self.count(object["maxProperties"])
        rules.minItems = Self.count(object["minItems"]) ?? 0
        rules.maxItems = Self.count(object["maxItems"])
        rules.isUnique = object["uniqueItems"]?.bool ?? false
        if draft != .draft7 {
            rules.minContains = Self.count(object["minContains"]) ?? 1
            rules.maxContains = Self.count(object["maxContains"])
            for member in object["dependentRequired"]?.object?.members ?? [] {
                rules.dependentRequired.append(
                    Rules.Dependent(
                        name: member.name, value: member.value.array?.compactMap(\.string) ?? [],
                        keyword: "dependentRequired"))
            }
        }
    }

    private mutating func readApplicators(
        _ object: JSONObject, _ draft: SchemaDraft, _ place: Place, _ rules: inout Rules
    ) {
        rules.properties = named("properties", place, object)
        rules.patterns = named("patternProperties", place, object)
        rules.additional = child("additionalProperties", place, object)
        rules.names = child("propertyNames", place, object)
        for keyword in draft == .draft7 ? ["dependencies"] : ["dependentSchemas", "dependencies"] {
            for member in object[keyword]?.object?.members ?? [] {
                if let names = member.value.array {
                    rules.dependentRequired.append(
                        Rules.Dependent(
                            name: member.name, value: names.compactMap(\.string), keyword: keyword))
                } else if let inner = self.place(
                    below: "/\(keyword)/\(SchemaGraph.escape(member.name))", place)
                {
                    rules.dependentSchemas.append(
                        Rules.Dependent(name: member.name, value: inner, keyword: keyword))
                }
            }
        }
        let isNew = draft == .draft2020
        let prefix = isNew ? "prefixItems" : "items"
        if object[prefix]?.array != nil {
            rules.prefix = list(prefix, place, object)
            if !isNew { rules.items = child("additionalItems", place, object) }
        }
        if isNew || object["items"]?.array == nil, let items = child("items", place, object) {
            rules.items = items
        }
        rules.contains = child("contains", place, object)
        rules.containsEvaluates = isNew
        for inner in list("allOf", place, object) {
            rules.all.append(Rules.Named(name: "allOf", place: inner))
        }
        rules.any = list("anyOf", place, object)
        rules.one = list("oneOf", place, object)
        rules.not = child("not", place, object)
        if let test = child("if", place, object) {
            rules.condition = Rules.Condition(
                test: test, then: child("then", place, object), otherwise: child("else", place, object))
        }
    }

    private mutating func place(below pointer: String, _ place: Place) -> Place? {
        graphs[place.side].child(pointer, of: place.index).map { Place(side: place.side, index: $0) }
    }

    private mutating func child(_ keyword: String, _ place: Place, _ object: JSONObject) -> Place? {
        object[keyword] == nil ? nil : self.place(below: "/" + keyword, place)
    }

    private mutating func list(_ keyword: String, _ place: Place, _ object: JSONObject) -> [Place] {
        (object[keyword]?.array ?? []).indices.compactMap { self.place(below: "/\(keyword)/\($0)", place) }
    }

    private mutating func named(_ keyword: String, _ place: Place, _ object: JSONObject) -> [Rules.Named] {
        (object[keyword]?.object?.members ?? []).compactMap { member in
            self.place(below: "/\(keyword)/\(SchemaGraph.escape(member.name))", place)
                .map { Rules.Named(name: member.name, place: $0) }
        }
    }

    private static func kinds(_ name: String) -> Kinds {
        switch name {
        case "null": .null
        case "boolean": .bool
        case "integer": .integer
        case "number": .number
        case "string": .string
        case "array": .array
        case "object": .object
        default: []
        }
    }

    /// A count; one that is beyond all documents is as good as the largest.
    private static func count(_ value: JSONValue?) -> Int? {
        guard let double = value?.number.flatMap({ $0.double ?? .infinity }) else { return nil }
        return double >= 1e9 ? 1_000_000_000 : Int(double.rounded(.up))
    }
}

// MARK: - The same schema twice

extension Places {
    /// Whether two schemas say the same, keyword by keyword. What leads back to a pair that is looked at is taken to be the same.
    mutating func isSame(_ left: Place, _ right: Place) -> Bool {
        if left == right || same.contains([left, right]) { return true }
        if different.contains([left, right]) { return false }
        var pending = [(left, right)]
        var assumed: Set<[Place]> = [[left, right]]
        while let (first, second) = pending.popLast() {
            work += 1
            guard let pairs = childPairs(first, second) else {
                different.insert([left, right])
                return false
            }
            for pair in pairs where pair.0 != pair.1 && !same.contains([pair.0, pair.1]) {
                if assumed.insert([pair.0, pair.1]).inserted { pending.append(pair) }
            }
        }
        same.formUnion(assumed)
        return true
    }

    /// The schemas inside two that must be the same if these are; nil if the two themselves differ.
    private mutating func childPairs(_ first: Place, _ second: Place) -> [(Place, Place)]? {
        let (mine, theirs) = (rules(first), rules(second))
        work += (mine.values?.count ?? 0) / 4
        guard mine.unknown.isEmpty, theirs.unknown.isEmpty, mine.isFalse == theirs.isFalse,
            mine.kinds == theirs.kinds, mine.numbers == theirs.numbers, mine.minLength == theirs.minLength,
            mine.maxLength == theirs.maxLength, mine.pattern == theirs.pattern, mine.format == theirs.format,
            Set(mine.required) == Set(theirs.required), mine.minProperties == theirs.minProperties,
            mine.maxProperties == theirs.maxProperties, mine.minItems == theirs.minItems,
            mine.maxItems == theirs.maxItems, mine.isUnique == theirs.isUnique,
            mine.minContains == theirs.minContains, mine.maxContains == theirs.maxContains,
            mine.contains == nil || mine.containsEvaluates == theirs.containsEvaluates,
            Self.equal(mine.values, theirs.values)
        else { return nil }
        var pairs: [(Place, Place)] = []
        func add(_ left: [Place?], _ right: [Place?]) -> Bool {
            guard left.count == right.count else { return false }
            for (one, other) in zip(left, right) {
                switch (one, other) {
                case (nil, nil): break
                case (let one?, let other?): pairs.append((one, other))
                default: return false
                }
            }
            return true
        }
        func add(_ left: [Rules.Named], _ right: [Rules.Named]) -> Bool {
            let (left, right) = (left.sorted { $0.name < $1.name }, right.sorted { $0.name < $1.name })
            return left.map(\.name) == right.map(\.name) && add(left.map(\.place), right.map(\.place))
        }
        func key(_ dependents: [Rules.Dependent<[String]>]) -> [String: Set<String>] {
            dependents.reduce(into: [:]) { $0[$1.name, default: []].formUnion($1.value) }
        }
        let agrees =
            add(mine.properties, theirs.properties) && add(mine.patterns, theirs.patterns)
            && key(mine.dependentRequired) == key(theirs.dependentRequired)
            && add(
                mine.dependentSchemas.map { Rules.Named(name: $0.name, place: $0.value) },
                theirs.dependentSchemas.map { Rules.Named(name: $0.name, place: $0.value) })
            && add(mine.prefix, theirs.prefix) && add(mine.all.map(\.place), theirs.all.map(\.place))
            && add(mine.any, theirs.any) && add(mine.one, theirs.one)
            && add(
                [mine.additional, mine.names, mine.items, mine.contains, mine.not],
                [theirs.additional, theirs.names, theirs.items, theirs.contains, theirs.not])
            && add(
                [mine.unevaluatedProperties, mine.unevaluatedItems],
                [theirs.unevaluatedProperties, theirs.unevaluatedItems])
            && add(
                [mine.condition?.test, mine.condition?.then, mine.condition?.otherwise],
                [theirs.condition?.test, theirs.condition?.then, theirs.condition?.otherwise])
        return agrees ? pairs : nil
    }

    private static func equal(_ left: [JSONValue]?, _ right: [JSONValue]?) -> Bool {
        guard let left, let right else { return left == nil && right == nil }
        guard left.count == right.count, left.count <= 256 else { return false }
        return left.allSatisfy { value in right.contains { JSONEquality.equal(value, $0) } }
            && right.allSatisfy { value in left.contains { JSONEquality.equal(value, $0) } }
    }
}
