// SPDX-License-Identifier: Apache-2.0

// Schemas and documents by chance, of few names and values, so that rules often meet what they are about.

package import JSONText

package struct RandomSchemas<Chance: RandomNumberGenerator> {
    package var chance: Chance

    package init(chance: Chance) { self.chance = chance }

    static var names: [String] { ["a", "b", "ab", "x1", "é"] }
    static var patterns: [String] { ["^a", "b$", "[x-z]", "^.{2}$", "\\d", "a|é"] }

    package mutating func pick<Element>(_ list: [Element]) -> Element {
        list[Int.random(in: list.indices, using: &chance)]
    }
    package mutating func isChosen(_ percent: Int) -> Bool {
        Int.random(in: 0..<100, using: &chance) < percent
    }
    package mutating func number() -> JSONValue {
        let texts = [
            "0", "1", "2", "3", "-1", "1.0", "2.5", "10e-1", "0.5", "1e2", "-2.50", "100", "-0",
            "9007199254740993",
        ]
        return JSONNumber(pick(texts)).map(JSONValue.number) ?? .null
    }

    /// A document.
    package mutating func document(_ depth: Int = 0) -> JSONValue {
        switch Int.random(in: 0..<(depth > 2 ? 5 : 9), using: &chance) {
        case 0: return .null
        case 1: return .bool(isChosen(50))
        case 2, 3: return number()
        case 4: return .string(pick(["", "a", "ab", "b", "xyz", "é", "a1", "💩", "b\"\\"]))
        case 5, 6: return .array((0..<Int.random(in: 0...4, using: &chance)).map { _ in document(depth + 1) })
        default:
            var object = JSONObject()
            for _ in 0..<Int.random(in: 0...4, using: &chance) {
                object[pick(Self.names)] = document(depth + 1)
            }
            return .object(object)
        }
    }

    /// A schema; `isRoot` gives it definitions.
    package mutating func schema(_ depth: Int = 0) -> JSONValue {
        if depth > 0, isChosen(12) { return .bool(isChosen(70)) }
        var rules = JSONObject()
        for _ in 0..<Int.random(in: 1...4, using: &chance) { addRule(to: &rules, depth) }
        if depth == 0 {
            rules["$defs"] = ["one": schema(2), "two": schema(2)]
        }
        return .object(rules)
    }

    private mutating func schemas(_ depth: Int) -> JSONValue {
        .array((0..<Int.random(in: 1...3, using: &chance)).map { _ in schema(depth + 1) })
    }

    private mutating func count() -> JSONValue { .number(JSONNumber(Int.random(in: 0...3, using: &chance))) }

    package mutating func addRule(to rules: inout JSONObject, _ depth: Int) {
        let isDeep = depth > 2
        switch Int.random(in: 0..<(isDeep ? 14 : 34), using: &chance) {
        case 0:
            rules["type"] = .string(
                pick(["null", "boolean", "integer", "number", "string", "array", "object"]))
        case 1: rules["type"] = .array(["string", "object", "integer"])
        case 2: rules["enum"] = .array((0..<3).map { _ in document(1) })
        case 3: rules["const"] = document(1)
        case 4: rules["minimum"] = number()
        case 5: rules["exclusiveMaximum"] = number()
        case 6:
            rules["multipleOf"] = pick([
                2, 3, JSONNumber("0.5").map(JSONValue.number) ?? 1,
                JSONNumber("1.5").map(JSONValue.number) ?? 1,
            ])
        case 7: rules["minLength"] = count()
        case 8: rules["maxLength"] = count()
        case 9: rules["pattern"] = .string(pick(Self.patterns))
        case 10: rules["required"] = .array([.string(pick(Self.names))])
        case 11: rules[pick(["minItems", "maxItems", "minProperties", "maxProperties"])] = count()
        case 12: rules["uniqueItems"] = .bool(isChosen(70))
        case 13:
            rules["dependentRequired"] = .object(
                named(depth) { (self: inout Self) in .array([.string(self.pick(Self.names))]) })
        case 14, 15, 16:
            rules["properties"] = .object(named(depth) { (self: inout Self) in self.schema(depth + 1) })
        case 17:
            var object = JSONObject()
            object[pick(Self.patterns)] = schema(depth + 1)
            rules["patternProperties"] = .object(object)
        case 18: rules["additionalProperties"] = schema(depth + 1)
        case 19: rules["propertyNames"] = schema(3)
        case 20: rules["prefixItems"] = schemas(depth)
        case 21: rules["items"] = schema(depth + 1)
        case 22:
            rules["contains"] = schema(depth + 1)
            if isChosen(50) { rules["minContains"] = count() }
            if isChosen(50) { rules["maxContains"] = count() }
        case 23: rules["allOf"] = schemas(depth)
        case 24: rules["anyOf"] = schemas(depth)
        case 25: rules["oneOf"] = schemas(depth)
        case 26: rules["not"] = schema(depth + 1)
        case 27:
            rules["if"] = schema(depth + 1)
            rules["then"] = schema(depth + 1)
            rules["else"] = schema(depth + 1)
        case 28:
            rules["dependentSchemas"] = .object(named(depth) { (self: inout Self) in self.schema(depth + 1) })
        case 29, 30: rules["unevaluatedProperties"] = schema(max(depth + 1, 2))
        case 31: rules["unevaluatedItems"] = schema(max(depth + 1, 2))
        case 32: rules["$ref"] = .string(pick(["#/$defs/one", "#/$defs/two"]))
        default: rules["items"] = ["$ref": "#"]
        }
    }

    private mutating func named(_ depth: Int, _ make: (inout Self) -> JSONValue) -> JSONObject {
        var object = JSONObject()
        for _ in 0..<Int.random(in: 1...3, using: &chance) { object[pick(Self.names)] = make(&self) }
        return object
    }
}
