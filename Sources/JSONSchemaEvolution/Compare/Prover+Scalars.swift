// SPDX-License-Identifier: Apache-2.0

// Kinds, values, numbers and strings, and which kinds a conjunction leaves at all.

import JSONSchema
import JSONText

extension Prover {
    /// Of the kinds in `among`, those that the facts may leave.
    mutating func possibleKinds(_ facts: Facts, _ among: Kinds) throws(TooComplex) -> Kinds {
        var result: Kinds = []
        for kind in facts.kinds.intersection(among).each {
            let isPossible: Bool
            switch kind {
            case .integer, .fraction: isPossible = Self.mayBeNumber(facts, isWhole: kind == .integer)
            case .string:
                isPossible = try !hasNoString(facts, least: facts.minLength, greatest: facts.maxLength)
            case .array: isPossible = try mayBeArray(facts)
            case .object: isPossible = try mayBeObject(facts)
            default: isPossible = true
            }
            if isPossible { result.formUnion(kind) }
        }
        return result
    }

    /// Whether there may be a number: not so only if that is certain.
    private static func mayBeNumber(_ facts: Facts, isWhole: Bool) -> Bool {
        guard let low = facts.low, let high = facts.high else { return true }
        for step in facts.multiples + (isWhole ? [ExactNumber(1)] : []) {
            // The greatest multiple below the upper bound must not be below the lower one.
            guard let count = high.value.quotient(step), let last = step.multiplied(count) else { continue }
            if last < low.value || last == low.value && low.isExclusive { return false }
            if last == high.value, high.isExclusive,
                let before = last.adding(step.negated),
                before < low.value
                    || before == low.value && low.isExclusive
            {
                return false
            }
        }
        return true
    }

    // MARK: Kinds and values

    mutating func valueRules(
        _ facts: Facts, _ left: Conjunction, _ right: Place, _ rules: Rules, _ site: Site?
    ) throws(TooComplex) -> Bool {
        var result = true
        let foreign = facts.kinds.subtracting(rules.kinds)
        if !foreign.isEmpty, case let lost = try possibleKinds(facts, foreign), !lost.isEmpty {
            guard let site else { return false }
            result = false
            record(site, facts, left, right, .type, "type", .kinds(lost), [[.kinds(lost)]])
        }
        if let values = rules.values {
            guard let site else { return false }
            result = false
            record(
                site, facts, left, right, .values, places.value(right)["const"] == nil ? "enum" : "const",
                .restricted, [values.prefix(200).map { .differs($0) }])
        }
        for keyword in rules.unknown {
            guard let site else { return false }
            result = false
            record(site, facts, left, right, .undecided, keyword, .notCompared, [[]])
        }
        return result
    }

    // MARK: Numbers and strings

    mutating func scalarRules(
        _ facts: Facts, _ left: Conjunction, _ right: Place, _ rules: Rules, _ site: Site?
    ) throws(TooComplex) -> Bool {
        var result = true
        if !facts.kinds.isDisjoint(with: .number) {
            for rule in rules.numbers where !suffices(facts, for: rule) {
                if try possibleKinds(facts, .number).isEmpty { break }
                guard let site else { return false }
                result = false
                let ways =
                    rule.value.map { [[Atom.kinds(.number), Places.opposite(rule.keyword, $0)]] } ?? []
                record(
                    site, facts, left, right, rule.keyword == "multipleOf" ? .multiple : .bounds,
                    rule.keyword, .changed, ways)
            }
        }
        guard facts.kinds.contains(.string) else { return result }
        let string = Atom.kinds(.string)
        if rules.minLength > facts.minLength,
            try !hasNoString(facts, least: facts.minLength, greatest: rules.minLength - 1)
        {
            guard let site else { return false }
            result = false
            let ways = [[string, .maxLength(rules.minLength - 1)]]
            record(site, facts, left, right, .length, "minLength", .changed, ways)
        }
        if let bound = rules.maxLength, facts.maxLength.map({ $0 > bound }) ?? true,
            try !hasNoString(facts, least: bound + 1, greatest: facts.maxLength)
        {
            guard let site else { return false }
            result = false
            record(
                site, facts, left, right, .length, "maxLength", .changed, [[string, .minLength(bound + 1)]])
        }
        if let pattern = rules.pattern, !facts.patterns.contains(pattern),
            try !hasNoString(
                facts, least: facts.minLength, greatest: facts.maxLength, missing: [pattern])
        {
            guard let site else { return false }
            result = false
            record(site, facts, left, right, .pattern, "pattern", .changed, [[string, .misses(pattern)]])
        }
        if let format = rules.format, !facts.formats.contains(where: { Self.format($0, implies: format) }) {
            guard let site else { return false }
            result = false
            record(site, facts, left, right, .format, "format", .changed, [[string, .notFormat(format)]])
        }
        return result
    }

    private mutating func suffices(_ facts: Facts, for rule: Rules.NumberRule) -> Bool {
        guard let value = rule.value else {
            // Not read: only the same text says the same for certain.
            return facts.holds.contains { places.rules($0).numbers.contains(rule) }
        }
        switch rule.keyword {
        case "minimum": return facts.low.map { $0.value >= value } ?? false
        case "exclusiveMinimum":
            return facts.low.map { $0.value > value || $0.value == value && $0.isExclusive } ?? false
        case "maximum": return facts.high.map { $0.value <= value } ?? false
        case "exclusiveMaximum":
            return facts.high.map { $0.value < value || $0.value == value && $0.isExclusive } ?? false
        default:
            return facts.multiples.contains { $0.isMultiple(of: value) }
                || !facts.kinds.contains(.fraction) && ExactNumber(1).isMultiple(of: value)
        }
    }

    /// Whether it is certain that no string has such a length, matches the patterns of the facts and misses those and these.
    mutating func hasNoString(
        _ facts: Facts, least: Int, greatest: Int?, missing: [String] = []
    ) throws(TooComplex) -> Bool {
        if let greatest, greatest < least { return true }
        let missing = facts.antipatterns + missing
        guard !facts.patterns.isEmpty || !missing.isEmpty else { return false }
        return try search(facts.patterns, missing, least: least, greatest: greatest) == .none
    }

    /// Looks for a string that matches and misses patterns.
    mutating func search(
        _ patterns: [String], _ missing: [String], least: Int, greatest: Int?
    ) throws(TooComplex) -> RegexLanguage.Answer {
        var states = Self.regexStatesMax
        var wanted: [Regex] = []
        var unwanted: [Regex] = []
        for pattern in patterns {
            guard let regex = places.regex(pattern) else { return .undecided }
            wanted.append(regex)
        }
        for pattern in missing {
            guard let regex = places.regex(pattern) else { return .undecided }
            unwanted.append(regex)
        }
        let answer = RegexLanguage.search(
            matching: wanted, missing: unwanted, least: least, greatest: greatest, states: &states)
        try spend((Self.regexStatesMax - max(states, 0)) >> 3)
        return answer
    }

    /// Whether every string of the one format is of the other.
    private static func format(_ one: String, implies other: String) -> Bool {
        if one == other { return true }
        switch other {
        case "idn-email": return one == "email"
        case "iri-reference": return ["uri", "iri", "uri-reference"].contains(one)
        case "iri", "uri-reference": return one == "uri"
        default: return false
        }
    }
}
