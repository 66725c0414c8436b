// SPDX-License-Identifier: Apache-2.0

// Schemas that the right side applies to the same value: all of them, one of them, none of them, one if another; and the explanation
// of what was not proven.

import JSONSchema
import JSONText

extension Prover {
    /// Alternatives that are tried with the knowledge that the others refuse.
    private static var subtractedMax: Int { 8 }

    mutating func inPlaceRules(
        _ facts: Facts, _ left: Conjunction, _ right: Place, _ rules: Rules, _ site: Site?
    ) throws(TooComplex) -> Bool {
        var result = true
        for inner in rules.all where try !isProven(left, inner.place) {
            guard let site else { return false }
            result = false
            try explain(left, inner.place, site)
        }
        if !rules.any.isEmpty, try !isCovered(facts, left, rules.any) {
            guard let site else { return false }
            result = false
            try explainAlternatives(facts, left, right, rules.any, "anyOf", site)
        }
        if !rules.one.isEmpty, try !checkOne(facts, left, right, rules.one, site) {
            guard site != nil else { return false }
            result = false
        }
        if let negated = rules.not, try !isProven(left.adding([.holds(negated)]), nil) {
            guard let site else { return false }
            result = false
            record(site, facts, left, right, .negation, "not", .negation, [[.holds(negated)]])
        }
        if let condition = rules.condition {
            for (branch, test) in [
                (condition.then, Atom.holds(condition.test)), (condition.otherwise, .fails(condition.test)),
            ] {
                guard let branch, case let with = left.adding([test]), try !isProven(with, branch) else {
                    continue
                }
                guard let site else { return false }
                result = false
                try explain(with, branch, site)
            }
        }
        return result
    }

    /// Whether every value is accepted by one of the alternatives.
    private mutating func isCovered(
        _ facts: Facts, _ left: Conjunction, _ alternatives: [Place]
    ) throws(TooComplex) -> Bool {
        for place in alternatives where try isProven(left, place) { return true }
        let kinds =
            facts.kinds.intersection(.number) == .number
            ? facts.kinds.subtracting(.number).each + [.number] : facts.kinds.each
        if kinds.count > 1 {
            var isCovered = true
            for kind in kinds {
                var isAccepted = false
                let one = left.adding([.kinds(kind)])
                for place in alternatives where try isProven(one, place) {
                    isAccepted = true
                    break
                }
                if isAccepted { continue }
                if try isProven(one, nil) { continue }
                if try isCoveredBySubtraction(one, alternatives) { continue }
                isCovered = false
                break
            }
            return isCovered
        }
        return try isCoveredBySubtraction(left, alternatives)
    }

    private mutating func isCoveredBySubtraction(
        _ left: Conjunction, _ alternatives: [Place]
    ) throws(TooComplex) -> Bool {
        guard alternatives.count <= Self.subtractedMax else { return false }
        for last in alternatives.indices.reversed() {
            let others = alternatives.indices.filter { $0 != last }.map { Atom.fails(alternatives[$0]) }
            if try isProven(left.adding(others), alternatives[last]) { return true }
        }
        return false
    }

    private mutating func checkOne(
        _ facts: Facts, _ left: Conjunction, _ right: Place, _ alternatives: [Place], _ site: Site?
    ) throws(TooComplex) -> Bool {
        if try !isCovered(facts, left, alternatives) {
            if let site { try explainAlternatives(facts, left, right, alternatives, "oneOf", site) }
            return false
        }
        for first in alternatives.indices {
            for second in alternatives.indices where second > first {
                let both: [Atom] = [.holds(alternatives[first]), .holds(alternatives[second])]
                if try isProven(left.adding(both), nil) { continue }
                if let site {
                    record(site, facts, left, right, .exclusive, "oneOf", .exclusive(first, second), [both])
                }
                return false
            }
        }
        return true
    }

    // MARK: Explaining

    private mutating func explainAlternatives(
        _ facts: Facts, _ left: Conjunction, _ right: Place, _ alternatives: [Place], _ keyword: String,
        _ site: Site
    ) throws(TooComplex) {
        if alternatives.count == 1 {
            return try explain(left, alternatives[0], site)
        }
        // What one kind of value is refused for says more than that all are.
        let foreign = facts.kinds.each.filter { kind in
            alternatives.allSatisfy { places.rules($0).kinds.isDisjoint(with: kind) }
        }.reduce(into: Kinds()) { $0.formUnion($1) }
        if !foreign.isEmpty, case let lost = try possibleKinds(facts, foreign), !lost.isEmpty {
            record(site, facts, left, right, .type, keyword, .kinds(lost), [[.kinds(lost)]])
            if lost == facts.kinds { return }
        }
        record(
            site, facts, left, right, .alternatives, keyword, .alternatives,
            [alternatives.map { .fails($0) }])
    }

    /// Explains values inside others when everything outside is explained, so that the shortest way to a place is told.
    mutating func explainLater(_ left: Conjunction, _ right: Place, _ site: Site) {
        recordings += 1
        unexplained.append((left, right, site))
    }

    /// Explains everything that was put off, and what that puts off.
    mutating func explainAll() throws(TooComplex) {
        var next = 0
        while next < unexplained.count {
            let (left, right, site) = unexplained[next]
            next += 1
            try explain(left, right, site)
        }
    }

    /// Records why the right side may refuse what the left allows.
    mutating func explain(
        _ left: Conjunction, _ right: Place, _ site: Site, splits: Int = 0
    ) throws(TooComplex) {
        guard differences.count < SchemaComparison.differencesMax, try !isProven(left, right) else { return }
        let count = recordings
        // References that lead back here: once is enough.
        guard explained.insert(Goal(left: left, right: right)).inserted else {
            recordings += 1
            return
        }
        let facts = try facts(left)
        if let values = finiteValues(facts) {
            var lost: [JSONValue] = []
            for value in values where allows(facts, value) && places.accepts(value, right) != true {
                lost.append(value)
                if lost.count == 8 { break }
            }
            for value in lost {
                record(site, facts, left, right, .values, "", .value(value), [], value: value)
            }
        } else if let choice = facts.choices.min(by: { $0.count < $1.count }) {
            var explained = 0
            for alternative in choice {
                let branch = left.adding(alternative)
                if try isProven(branch, right) { continue }
                try explain(branch, right, site, splits: splits + 1)
                explained += 1
                if explained == (splits == 0 ? 4 : 1) { break }
            }
        } else {
            _ = try holds(facts, left, right, site)
        }
        if recordings == count {
            record(site, facts, left, right, .undecided, "", .notCompared, [[.fails(right)]])
        }
    }
}
