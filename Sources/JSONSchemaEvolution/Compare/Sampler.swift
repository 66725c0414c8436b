// SPDX-License-Identifier: Apache-2.0

// Values that a conjunction allows, for witnesses. What is made here is a guess: every value is held against the schemas that are known
// to hold, and every witness against the two whole schemas, before anybody sees it.

import JSONSchema
import JSONText

extension Prover {
    /// Values of one conjunction that are made at most.
    private static var samplesMax: Int { 6 }
    private static var depthMax: Int { 16 }
    /// Longer strings and arrays, and larger objects, are not made.
    private static var sizeMax: Int { 2_000 }

    private static var texts: [String] {
        [
            "a", "", "ab", "A1", "2024-01-31T00:00:00Z", "2024-01-31", "00:00:00Z", "P1D", "a@b.example",
            "b.example", "https://b.example/a", "127.0.0.1", "::1", "123e4567-e89b-12d3-a456-426614174000",
            "/a", "1/a", "[",
        ]
    }

    /// Values that the conjunction allows, few and small; with `forced`, objects or arrays that have this value there.
    mutating func samples(
        _ conjunction: Conjunction, forced: (step: Site.Step, value: JSONValue)? = nil, depth: Int = 0,
        splits: Int = 0
    ) -> [JSONValue] {
        sampleFuel -= 1
        guard sampleFuel > 0, depth < Self.depthMax else { return [] }
        let facts = places.facts(conjunction)
        sampleFuel -= facts.weight
        guard !facts.isContradiction else { return [] }
        if splits < 6, let choice = facts.choices.min(by: { $0.count < $1.count }) {
            var result: [JSONValue] = []
            for alternative in choice.prefix(8) where result.count < Self.samplesMax {
                result += samples(
                    conjunction.adding(alternative), forced: forced, depth: depth, splits: splits + 1
                ).prefix(3)
            }
            return result
        }
        var candidates: [JSONValue] = []
        switch forced?.step {
        case .member?, .name?: candidates = objects(facts, forced, depth)
        case .element?: candidates = arrays(facts, forced, depth)
        case nil:
            if let values = facts.values {
                candidates = Array(values.prefix(64))
            } else {
                if facts.kinds.contains(.object) { candidates += objects(facts, nil, depth) }
                if facts.kinds.contains(.string) { candidates += strings(facts) }
                if !facts.kinds.isDisjoint(with: .number) { candidates += numbers(facts) }
                if facts.kinds.contains(.null) { candidates.append(.null) }
                if facts.kinds.contains(.bool) { candidates += [.bool(true), .bool(false)] }
                if facts.kinds.contains(.array) { candidates += arrays(facts, nil, depth) }
            }
        }
        var result: [JSONValue] = []
        for candidate in candidates where result.count < Self.samplesMax && !result.contains(candidate) {
            sampleFuel -= 1
            if allows(facts, candidate), fits(facts, candidate) { result.append(candidate) }
        }
        return result
    }

    /// A name that is as the atoms say.
    mutating func sampleName(_ atoms: [Atom], avoiding taken: Set<String>) -> String? {
        guard atoms.count > 1 else {
            return ["x", "other", "another", "z9", "x-1"].first { !taken.contains($0) }
        }
        return samples(Conjunction(atoms)).lazy.compactMap(\.string).first { !taken.contains($0) }
    }

    /// What `allows` leaves out.
    private func fits(_ facts: Facts, _ value: JSONValue) -> Bool {
        switch value {
        case .number(let number):
            guard let exact = ExactNumber(number) else { return true }
            return facts.multiples.allSatisfy { exact.isMultiple(of: $0) }
                && facts.notMultiples.allSatisfy { !exact.isMultiple(of: $0) }
        case .string(let text):
            let length = text.unicodeScalars.count
            return length >= facts.minLength && facts.maxLength.map { length <= $0 } ?? true
                && facts.antiformats.allSatisfy { StringFormats.accepts(text, format: $0) != true }
        case .array(let elements):
            return elements.count >= facts.minItems && facts.maxItems.map { elements.count <= $0 } ?? true
        case .object(let object):
            return object.members.count >= facts.minProperties
                && facts.maxProperties.map { object.members.count <= $0 } ?? true
        default: return true
        }
    }

    // MARK: Scalars

    private mutating func strings(_ facts: Facts) -> [JSONValue] {
        var result: [JSONValue] = []
        if !facts.patterns.isEmpty || !facts.antipatterns.isEmpty {
            let answer = try? search(
                facts.patterns, facts.antipatterns, least: facts.minLength, greatest: facts.maxLength)
            if case .found(let text)? = answer { result.append(.string(text)) }
            // A longer one, should that be taken.
            let longer = try? search(
                facts.patterns, facts.antipatterns, least: facts.minLength + 2, greatest: facts.maxLength)
            if case .found(let text)? = longer { result.append(.string(text)) }
        }
        result += Self.texts.map { .string($0) }
        for length in [facts.minLength, facts.maxLength ?? 0] where length > 2 && length <= Self.sizeMax {
            result.append(.string(String(repeating: "a", count: length)))
        }
        return result
    }

    private func numbers(_ facts: Facts) -> [JSONValue] {
        let halves = [ExactNumber(1), JSONNumber("0.5").flatMap { ExactNumber($0) }].compactMap { $0 }
        var bases: [ExactNumber] = []
        for bound in [facts.high, facts.low].compactMap({ $0?.value }) {
            bases.append(bound)
            for step in halves + facts.multiples + facts.notMultiples {
                bases += [bound.adding(step), bound.adding(step.negated)].compactMap { $0 }
            }
            for step in facts.multiples {
                guard let count = bound.quotient(step) else { continue }
                bases += [step.multiplied(count), step.multiplied(count + 1)].compactMap { $0 }
            }
        }
        bases += [1, 0, -1].map { ExactNumber($0) } + halves + facts.multiples
        for divisor in facts.notMultiples {
            for step in halves { bases += [divisor.adding(step)].compactMap { $0 } }
            for step in facts.multiples {
                bases += [2, 3].compactMap { step.multiplied($0) }
            }
        }
        return bases.filter { number in
            facts.low.map { $0.value < number || $0.value == number && !$0.isExclusive } ?? true
                && facts.high.map { number < $0.value || $0.value == number && !$0.isExclusive } ?? true
        }.map(\.value)
    }

    // MARK: Containers

    private mutating func objects(
        _ facts: Facts, _ forced: (step: Site.Step, value: JSONValue)?, _ depth: Int
    ) -> [JSONValue] {
        var names = facts.required
        if case .member(let name)? = forced?.step, !names.contains(name) { names.append(name) }
        guard names.count <= Self.sizeMax else { return [] }
        var choices: [(name: String, values: [JSONValue])] = []
        for name in names {
            if let forced, forced.step == .member(name) {
                choices.append((name, [forced.value]))
                continue
            }
            guard let atoms = memberAtoms(facts, name) else { return [] }
            let values = samples(Conjunction(atoms), depth: depth + 1)
            guard !values.isEmpty else { return [] }
            choices.append((name, values))
        }
        fill(&choices, facts, depth)
        let variants = min(choices.map(\.values.count).max() ?? 1, 3)
        return (0..<max(variants, 1)).map { variant in
            var object = JSONObject()
            for choice in choices {
                object[choice.name] = choice.values[min(variant, choice.values.count - 1)]
            }
            return .object(object)
        }
    }

    /// Adds members until there are enough.
    private mutating func fill(
        _ choices: inout [(name: String, values: [JSONValue])], _ facts: Facts, _ depth: Int
    ) {
        guard facts.minProperties > choices.count, facts.minProperties <= Self.sizeMax else { return }
        var taken = Set(choices.map(\.name))
        let fresh = (0..<facts.minProperties).map { "x\($0)" } + ["a", "b", "ab"]
        for name in facts.knownNames + fresh where choices.count < facts.minProperties {
            guard taken.insert(name).inserted, let atoms = memberAtoms(facts, name) else { continue }
            let values = samples(Conjunction(atoms), depth: depth + 1)
            if !values.isEmpty { choices.append((name, values)) }
        }
    }

    private mutating func arrays(
        _ facts: Facts, _ forced: (step: Site.Step, value: JSONValue)?, _ depth: Int
    ) -> [JSONValue] {
        var forcedIndex: Int?
        if case .element(let index)? = forced?.step { forcedIndex = index }
        let count = max(facts.minItems, forcedIndex.map { $0 + 1 } ?? 0)
        guard count <= Self.sizeMax else { return [] }
        var result: [JSONValue] = []
        for variant in 0..<3 {
            for length in variant == 0 ? [count, count + 1] : [count] {
                guard facts.maxItems.map({ length <= $0 }) ?? true,
                    let array = array(facts, length, forcedIndex, forced?.value, variant, depth)
                else { continue }
                result.append(.array(array))
            }
        }
        return result
    }

    private mutating func array(
        _ facts: Facts, _ length: Int, _ forcedIndex: Int?, _ forced: JSONValue?, _ variant: Int, _ depth: Int
    ) -> [JSONValue]? {
        var elements: [JSONValue] = []
        var owed = facts.containing.flatMap { Array(repeating: $0.place, count: min($0.least, length)) }
        for index in 0..<length {
            if index == forcedIndex, let forced {
                elements.append(forced)
                continue
            }
            var atoms = facts.element(index)
            let wanted = owed.popLast()
            if let wanted { atoms.append(.holds(wanted)) }
            var values = samples(Conjunction(atoms), depth: depth + 1)
            if facts.isUnique { values.removeAll { elements.contains($0) || forced == $0 } }
            guard !values.isEmpty else { return nil }
            elements.append(values[min(variant, values.count - 1)])
            if sampleFuel <= 0 { return nil }
        }
        return elements
    }
}
