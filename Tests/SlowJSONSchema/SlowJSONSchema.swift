// SPDX-License-Identifier: Apache-2.0

// JSON Schema 2020-12 as plainly as it can be said: the schema's tree is walked beside the document's, every keyword by itself, and
// what was evaluated is kept in sets. Slow, and there to be obviously right: the compiled validator is held against it, by
// tests and by the fuzzer. References are those within the document, by pointer and by anchor.

import JSONSchema
package import JSONText

/// A plain evaluation of schemas.
package struct SlowJSONSchema {
    private let root: JSONValue
    private var fuel = 200_000

    /// Whether more was asked than the evaluation is willing to do; the answer then means nothing.
    package var isExhausted: Bool { fuel <= 0 }

    package init(_ root: JSONValue) { self.root = root }

    /// Whether the schema accepts the document.
    package mutating func accepts(_ document: JSONValue) -> Bool {
        evaluate(root, document, depth: 0).isValid
    }

    /// An answer, and which members and elements were looked at by a schema that accepted.
    private struct Outcome {
        var isValid = true
        var members: Set<String> = []
        var elements: Set<Int> = []

        mutating func merge(_ other: Outcome) {
            guard other.isValid else { return }
            members.formUnion(other.members)
            elements.formUnion(other.elements)
        }
    }

    private mutating func evaluate(_ schema: JSONValue, _ value: JSONValue, depth: Int) -> Outcome {
        fuel -= 1
        var outcome = Outcome()
        if fuel <= 0 || depth > 120 {
            fuel = min(fuel, 0)
            return outcome
        }
        guard let rules = schema.object else {
            outcome.isValid = schema.bool ?? true
            return outcome
        }
        outcome.isValid = checkValue(rules, value)
        switch value {
        case .object(let object): evaluateObject(rules, object, &outcome, depth)
        case .array(let elements): evaluateArray(rules, elements, &outcome, depth)
        default: break
        }
        evaluateInPlace(rules, value, &outcome, depth)
        if let rest = rules["unevaluatedProperties"], let object = value.object {
            for member in object.members where !outcome.members.contains(member.name) {
                if !evaluate(rest, member.value, depth: depth + 1).isValid { outcome.isValid = false }
                outcome.members.insert(member.name)
            }
        }
        if let rest = rules["unevaluatedItems"], let elements = value.array {
            for (index, element) in elements.enumerated() where !outcome.elements.contains(index) {
                if !evaluate(rest, element, depth: depth + 1).isValid { outcome.isValid = false }
                outcome.elements.insert(index)
            }
        }
        return outcome
    }

    // MARK: Scalars

    private func checkValue(_ rules: JSONObject, _ value: JSONValue) -> Bool {
        if let type = rules["type"] {
            let names = (type.array ?? [type]).compactMap(\.string)
            guard names.contains(where: { Self.isOf($0, value) }) else { return false }
        }
        if let values = rules["enum"]?.array, !values.contains(where: { Self.equal($0, value) }) {
            return false
        }
        if let constant = rules["const"], !Self.equal(constant, value) { return false }
        if let number = value.number { return Self.checkNumber(rules, SlowNumber(number.text)) }
        guard let text = value.string else { return true }
        let length = text.unicodeScalars.count
        if let least = Self.count(rules["minLength"]), Double(length) < least { return false }
        if let most = Self.count(rules["maxLength"]), Double(length) > most { return false }
        if let pattern = rules["pattern"]?.string, !Self.matches(pattern, text) { return false }
        return true
    }

    private static func checkNumber(_ rules: JSONObject, _ number: SlowNumber) -> Bool {
        func bound(_ name: String) -> SlowNumber? { rules[name]?.number.map { SlowNumber($0.text) } }
        if let bound = bound("minimum"), number < bound { return false }
        if let bound = bound("maximum"), bound < number { return false }
        if let bound = bound("exclusiveMinimum"), !(bound < number) { return false }
        if let bound = bound("exclusiveMaximum"), !(number < bound) { return false }
        if let divisor = bound("multipleOf"), !number.isMultiple(of: divisor) { return false }
        return true
    }

    private static func count(_ value: JSONValue?) -> Double? { value?.number?.double }

    private static func isOf(_ type: String, _ value: JSONValue) -> Bool {
        switch (type, value) {
        case ("null", .null), ("boolean", .bool), ("string", .string), ("array", .array), ("object", .object),
            ("number", .number):
            true
        case ("integer", .number(let number)): SlowNumber(number.text).exponent >= 0
        default: false
        }
    }

    private static func matches(_ pattern: String, _ text: String) -> Bool {
        guard let regex = try? Regex(pattern) else { return false }
        var steps = Int.max
        return Array(text.utf8).withUnsafeBytes { regex.matchesByFollowing($0, steps: &steps) }
    }

    /// Whether two values are the same to JSON Schema.
    package static func equal(_ left: JSONValue, _ right: JSONValue) -> Bool {
        switch (left, right) {
        case (.number(let left), .number(let right)): return SlowNumber(left.text) == SlowNumber(right.text)
        case (.array(let left), .array(let right)):
            return left.count == right.count && zip(left, right).allSatisfy { equal($0, $1) }
        case (.object(let left), .object(let right)):
            return left.members.count == right.members.count
                && left.members.allSatisfy { member in
                    right[member.name].map { equal(member.value, $0) } ?? false
                }
        default: return left == right
        }
    }

    // MARK: Containers

    private mutating func evaluateObject(
        _ rules: JSONObject, _ object: JSONObject, _ outcome: inout Outcome, _ depth: Int
    ) {
        let names = object.members.map(\.name)
        func has(_ name: String) -> Bool { names.contains(name) }
        if let least = Self.count(rules["minProperties"]), Double(names.count) < least {
            outcome.isValid = false
        }
        if let most = Self.count(rules["maxProperties"]), Double(names.count) > most {
            outcome.isValid = false
        }
        for name in rules["required"]?.array?.compactMap(\.string) ?? [] where !has(name) {
            outcome.isValid = false
        }
        for member in rules["dependentRequired"]?.object?.members ?? [] where has(member.name) {
            for name in member.value.array?.compactMap(\.string) ?? [] where !has(name) {
                outcome.isValid = false
            }
        }
        for member in rules["dependentSchemas"]?.object?.members ?? [] where has(member.name) {
            let inner = evaluate(member.value, .object(object), depth: depth + 1)
            if !inner.isValid { outcome.isValid = false }
            outcome.merge(inner)
        }
        for member in object.members {
            var schemas: [JSONValue] = []
            if let schema = rules["properties"]?.object?[member.name] { schemas.append(schema) }
            for pattern in rules["patternProperties"]?.object?.members ?? []
            where Self.matches(pattern.name, member.name) {
                schemas.append(pattern.value)
            }
            if schemas.isEmpty, let rest = rules["additionalProperties"] { schemas.append(rest) }
            for schema in schemas where !evaluate(schema, member.value, depth: depth + 1).isValid {
                outcome.isValid = false
            }
            if !schemas.isEmpty { outcome.members.insert(member.name) }
            if let schema = rules["propertyNames"],
                !evaluate(schema, .string(member.name), depth: depth + 1).isValid
            {
                outcome.isValid = false
            }
        }
    }

    private mutating func evaluateArray(
        _ rules: JSONObject, _ elements: [JSONValue], _ outcome: inout Outcome, _ depth: Int
    ) {
        if let least = Self.count(rules["minItems"]), Double(elements.count) < least {
            outcome.isValid = false
        }
        if let most = Self.count(rules["maxItems"]), Double(elements.count) > most { outcome.isValid = false }
        if rules["uniqueItems"]?.bool == true {
            for left in elements.indices {
                for right in elements.indices
                where left < right && Self.equal(elements[left], elements[right]) {
                    outcome.isValid = false
                }
            }
        }
        let prefix = rules["prefixItems"]?.array ?? []
        for (index, element) in elements.enumerated() {
            guard let schema = index < prefix.count ? prefix[index] : rules["items"] else { continue }
            if !evaluate(schema, element, depth: depth + 1).isValid { outcome.isValid = false }
            outcome.elements.insert(index)
        }
        guard let contains = rules["contains"] else { return }
        var count = 0.0
        for (index, element) in elements.enumerated()
        where evaluate(contains, element, depth: depth + 1).isValid {
            count += 1
            outcome.elements.insert(index)
        }
        if count < Self.count(rules["minContains"]) ?? 1 { outcome.isValid = false }
        if count > Self.count(rules["maxContains"]) ?? .infinity { outcome.isValid = false }
    }

    // MARK: The same value

    private mutating func evaluateInPlace(
        _ rules: JSONObject, _ value: JSONValue, _ outcome: inout Outcome, _ depth: Int
    ) {
        func all(_ keyword: String, _ slow: inout SlowJSONSchema) -> [Outcome] {
            (rules[keyword]?.array ?? []).map { slow.evaluate($0, value, depth: depth + 1) }
        }
        if let reference = rules["$ref"]?.string, let target = resolve(reference) {
            let inner = evaluate(target, value, depth: depth + 1)
            if !inner.isValid { outcome.isValid = false }
            outcome.merge(inner)
        }
        for inner in all("allOf", &self) {
            if !inner.isValid { outcome.isValid = false }
            outcome.merge(inner)
        }
        if rules["anyOf"] != nil {
            let inner = all("anyOf", &self)
            if !inner.contains(where: \.isValid) { outcome.isValid = false }
            for one in inner { outcome.merge(one) }
        }
        if rules["oneOf"] != nil {
            let inner = all("oneOf", &self)
            if inner.count(where: \.isValid) != 1 { outcome.isValid = false }
            for one in inner { outcome.merge(one) }
        }
        if let negated = rules["not"], evaluate(negated, value, depth: depth + 1).isValid {
            outcome.isValid = false
        }
        guard let condition = rules["if"] else { return }
        let holds = evaluate(condition, value, depth: depth + 1)
        outcome.merge(holds)
        guard let branch = rules[holds.isValid ? "then" : "else"] else { return }
        let inner = evaluate(branch, value, depth: depth + 1)
        if !inner.isValid { outcome.isValid = false }
        outcome.merge(inner)
    }

    private func resolve(_ reference: String) -> JSONValue? {
        var value = root
        for token in reference.split(separator: "/").dropFirst() {
            let name = String(token)
            if let next = value[name] {
                value = next
            } else if let index = Int(name), let list = value.array, list.indices.contains(index) {
                value = list[index]
            } else {
                return nil
            }
        }
        return value
    }
}

/// A number as sign, digits and a power of ten: without zeros at either end.
private struct SlowNumber: Equatable {
    var isNegative = false
    var digits: [UInt8] = []
    var exponent = 0

    init(_ text: String) {
        var mantissa = Substring(text)
        if let mark = text.firstIndex(where: { $0 == "e" || $0 == "E" }) {
            exponent = Int(text[text.index(after: mark)...].filter { $0 != "+" }) ?? 0
            mantissa = text[..<mark]
        }
        isNegative = mantissa.hasPrefix("-")
        let parts = mantissa.split(separator: ".")
        if parts.count == 2 { exponent -= parts[1].utf8.count }
        digits = mantissa.utf8.filter { $0 >= 0x30 && $0 <= 0x39 }.map { $0 - 0x30 }
        digits = Array(digits.drop { $0 == 0 })
        while digits.last == 0 {
            digits.removeLast()
            exponent += 1
        }
        if digits.isEmpty { (isNegative, exponent) = (false, 0) }
    }

    /// The digits with so many zeros behind them, as one text to compare.
    private func padded(to exponent: Int) -> [UInt8] {
        digits + Array(repeating: 0, count: self.exponent - exponent)
    }

    static func < (left: SlowNumber, right: SlowNumber) -> Bool {
        guard left.isNegative == right.isNegative else {
            return left.isNegative
        }
        let lowest = min(left.exponent, right.exponent)
        // Numbers of tests are not that far apart.
        var mine = left.padded(to: lowest)
        var theirs = right.padded(to: lowest)
        let width = max(mine.count, theirs.count)
        mine = Array(repeating: 0, count: width - mine.count) + mine
        theirs = Array(repeating: 0, count: width - theirs.count) + theirs
        return left.isNegative
            ? theirs.lexicographicallyPrecedes(mine) : mine.lexicographicallyPrecedes(theirs)
    }

    /// By long division.
    func isMultiple(of divisor: SlowNumber) -> Bool {
        if digits.isEmpty { return true }
        let lowest = min(exponent, divisor.exponent)
        var modulus = 0
        for digit in divisor.padded(to: lowest) { modulus = modulus * 10 + Int(digit) }
        var rest = 0
        for digit in padded(to: lowest) { rest = (rest * 10 + Int(digit)) % modulus }
        return rest == 0
    }
}
