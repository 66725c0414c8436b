// SPDX-License-Identifier: Apache-2.0

// From a conjunction to facts: schemas that hold are taken apart into what they say, schemas that do not hold into the ways in which
// that can be.

import JSONSchema
import JSONText

extension Places {
    /// What follows from a conjunction.
    mutating func facts(_ conjunction: Conjunction) -> Facts {
        var facts = Facts()
        var pending = conjunction
        var next = 0
        while true {
            while next < pending.atoms.count {
                let atom = pending.atoms[next]
                next += 1
                for more in apply(atom, to: &facts) { pending.add(more) }
            }
            // Of a choice with one alternative left, that one holds.
            let forced = narrowChoices(of: &facts, pending.set)
            guard !forced.isEmpty, !facts.isContradiction else { break }
            for more in forced { pending.add(more) }
        }
        facts.settle()
        facts.weight = pending.atoms.count + facts.groups.reduce(0) { $0 + $1.names.count / 8 }
        if facts.fails.count * facts.holds.count <= 400 {
            for refusing in facts.fails {
                for accepting in facts.holds where isSame(refusing, accepting) { facts.contradict() }
            }
        }
        return facts
    }

    /// Drops alternatives that cannot hold and choices that are made; the atoms of choices with one alternative left.
    private func narrowChoices(of facts: inout Facts, _ known: Set<Atom>) -> [Atom] {
        var open: [[[Atom]]] = []
        var forced: [Atom] = []
        for choice in facts.choices {
            if choice.contains(where: { $0.allSatisfy(known.contains) }) { continue }
            let left = choice.filter { alternative in
                !alternative.contains { Self.contradicts($0, facts, known) }
            }
            if left.isEmpty { facts.contradict() }
            if left.count == 1 {
                forced += left[0]
            } else {
                open.append(left)
            }
        }
        facts.choices = open
        return forced
    }

    private static func contradicts(_ atom: Atom, _ facts: Facts, _ known: Set<Atom>) -> Bool {
        switch atom {
        case .holds(let place): known.contains(.fails(place))
        case .fails(let place): known.contains(.holds(place))
        case .kinds(let kinds): kinds.isDisjoint(with: facts.kinds)
        // Of what is an object for certain: others have and lack nothing.
        case .lacks(let name): facts.kinds == .object && facts.requiredNames.contains(name)
        case .has(let name): facts.kinds == .object && facts.absent.contains(name)
        default: false
        }
    }

    /// Adds what an atom says; the atoms that it is made of.
    private mutating func apply(_ atom: Atom, to facts: inout Facts) -> [Atom] {
        switch atom {
        case .holds(let place):
            facts.holds.append(place)
            return add(rules(place), of: place, to: &facts)
        case .fails(let place):
            facts.fails.append(place)
            guard let ways = waysToFail(place) else { return [] }
            if ways.isEmpty { facts.contradict() }
            if ways.count == 1 { return ways[0] }
            if !ways.isEmpty { facts.choices.append(ways) }
        case .kinds(let kinds): facts.kinds.formIntersection(kinds)
        case .atLeast(let value, let isExclusive): facts.raise(value, isExclusive: isExclusive)
        case .atMost(let value, let isExclusive): facts.lower(value, isExclusive: isExclusive)
        case .notMultiple(let divisor): facts.notMultiples.append(divisor)
        case .minLength(let count): facts.minLength = max(facts.minLength, count)
        case .maxLength(let count): facts.limit(\.maxLength, to: count)
        case .matches(let pattern): facts.patterns.append(pattern)
        case .misses(let pattern): facts.antipatterns.append(pattern)
        case .notFormat(let format): facts.antiformats.append(format)
        case .differs(let value): facts.excluded.append(value)
        case .has(let name): facts.require(name)
        case .lacks(let name): facts.absent.insert(name)
        case .member(let name, let atoms): facts.members.append((name, atoms))
        case .minProperties(let count): facts.minProperties = max(facts.minProperties, count)
        case .maxProperties(let count): facts.limit(\.maxProperties, to: count)
        case .item(let index, let atoms): facts.items.append((index, atoms))
        case .minItems(let count): facts.minItems = max(facts.minItems, count)
        case .maxItems(let count): facts.limit(\.maxItems, to: count)
        }
        return []
    }

    private mutating func add(_ rules: Rules, of place: Place, to facts: inout Facts) -> [Atom] {
        if rules.isFalse { facts.contradict() }
        facts.kinds.formIntersection(rules.kinds)
        if let values = rules.values {
            if let known = facts.values {
                // Two long lists are not held against each other; each value is, by the validator.
                if known.count * values.count <= 10_000 {
                    facts.values = known.filter { value in
                        values.contains { JSONEquality.mayEqual(value, $0) }
                    }
                }
            } else {
                facts.values = values
            }
        }
        for rule in rules.numbers {
            guard let value = rule.value else { continue }
            switch rule.keyword {
            case "minimum": facts.raise(value, isExclusive: false)
            case "exclusiveMinimum": facts.raise(value, isExclusive: true)
            case "maximum": facts.lower(value, isExclusive: false)
            case "exclusiveMaximum": facts.lower(value, isExclusive: true)
            default: facts.multiples.append(value)
            }
        }
        facts.minLength = max(facts.minLength, rules.minLength)
        if let bound = rules.maxLength { facts.limit(\.maxLength, to: bound) }
        if let pattern = rules.pattern { facts.patterns.append(pattern) }
        if let format = rules.format { facts.formats.append(format) }
        addContainers(rules, of: place, to: &facts)
        return addInPlace(rules, to: &facts)
    }

    private mutating func addContainers(_ rules: Rules, of place: Place, to facts: inout Facts) {
        rules.required.forEach { facts.require($0) }
        facts.minProperties = max(facts.minProperties, rules.minProperties)
        if let bound = rules.maxProperties { facts.limit(\.maxProperties, to: bound) }
        for dependent in rules.dependentRequired {
            facts.dependentRequired.append((dependent.name, dependent.value))
        }
        if let names = rules.names { facts.nameRules.append(.holds(names)) }
        if !rules.properties.isEmpty || !rules.patterns.isEmpty || rules.additional != nil {
            var group = Facts.ObjectGroup()
            for member in rules.properties {
                group.properties[member.name] = [.holds(member.place)]
                group.names.append(member.name)
            }
            group.patterns = rules.patterns.map { ($0.name, [.holds($0.place)]) }
            group.additional = rules.additional.map { [.holds($0)] }
            facts.groups.append(group)
        }
        if let rest = rules.unevaluatedProperties {
            // What may have been looked at is free; what nobody looks at is not.
            let evaluated = evaluatedNames(place, possibly: true)
            if !evaluated.isAll {
                var group = Facts.ObjectGroup()
                for name in evaluated.names {
                    group.properties[name] = []
                    group.names.append(name)
                }
                group.patterns = evaluated.patterns.map { ($0, []) }
                group.additional = [.holds(rest)]
                facts.groups.append(group)
            }
        }
        facts.minItems = max(facts.minItems, rules.minItems)
        if let bound = rules.maxItems { facts.limit(\.maxItems, to: bound) }
        if rules.isUnique { facts.isUnique = true }
        if !rules.prefix.isEmpty || rules.items != nil {
            facts.arrays.append(
                Facts.ArrayGroup(
                    prefix: rules.prefix.map { [.holds($0)] }, items: rules.items.map { [.holds($0)] } ?? []))
        }
        if let rest = rules.unevaluatedItems, let count = evaluatedElements(place, possibly: true) {
            facts.arrays.append(
                Facts.ArrayGroup(
                    prefix: Array(repeating: [], count: count), items: [.holds(rest)]))
        }
        if let place = rules.contains {
            facts.containing.append(
                Facts.Containing(place: place, least: rules.minContains, greatest: rules.maxContains))
        }
    }

    private func addInPlace(_ rules: Rules, to facts: inout Facts) -> [Atom] {
        var atoms = rules.all.map { Atom.holds($0.place) }
        if rules.any.count == 1 {
            atoms.append(.holds(rules.any[0]))
        } else if !rules.any.isEmpty {
            facts.choices.append(rules.any.map { [.holds($0)] })
        }
        if rules.one.count == 1 {
            atoms.append(.holds(rules.one[0]))
        } else if !rules.one.isEmpty {
            facts.choices.append(
                rules.one.indices.map { index in
                    rules.one.indices.map { $0 == index ? .holds(rules.one[$0]) : .fails(rules.one[$0]) }
                })
        }
        if let negated = rules.not { atoms.append(.fails(negated)) }
        if let condition = rules.condition, condition.then != nil || condition.otherwise != nil {
            facts.choices.append([
                [.holds(condition.test)] + (condition.then.map { [.holds($0)] } ?? []),
                [.fails(condition.test)] + (condition.otherwise.map { [.holds($0)] } ?? []),
            ])
        }
        for dependent in rules.dependentSchemas {
            facts.choices.append([
                [.lacks(dependent.name)], [.has(dependent.name), .holds(dependent.value)],
            ])
        }
        return atoms
    }

    // MARK: Schemas that do not hold

    /// The ways in which a schema can refuse a value: at least one of them is so for every value that it refuses. Nil if nothing is known.
    mutating func waysToFail(_ place: Place) -> [[Atom]]? {
        let rules = rules(place)
        if rules.isFalse { return [[]] }
        guard rules.unknown.isEmpty, rules.numbers.allSatisfy({ $0.value != nil }), rules.one.count <= 8
        else {
            return nil
        }
        var ways: [[Atom]] = []
        if rules.kinds != .all { ways.append([.kinds(Kinds.all.subtracting(rules.kinds))]) }
        if let values = rules.values { ways.append(values.map { .differs($0) }) }
        for rule in rules.numbers {
            guard let value = rule.value else { continue }
            ways.append([.kinds(.number), Self.opposite(rule.keyword, value)])
        }
        if rules.minLength > 0 { ways.append([.kinds(.string), .maxLength(rules.minLength - 1)]) }
        if let bound = rules.maxLength { ways.append([.kinds(.string), .minLength(bound + 1)]) }
        if let pattern = rules.pattern { ways.append([.kinds(.string), .misses(pattern)]) }
        if let format = rules.format { ways.append([.kinds(.string), .notFormat(format)]) }
        ways += objectWays(rules) + arrayWays(rules)
        ways += rules.all.map { [.fails($0.place)] }
        if !rules.any.isEmpty { ways.append(rules.any.map { .fails($0) }) }
        if !rules.one.isEmpty {
            ways.append(rules.one.map { .fails($0) })
            for first in rules.one.indices {
                for second in rules.one.indices where second > first {
                    ways.append([.holds(rules.one[first]), .holds(rules.one[second])])
                }
            }
        }
        if let negated = rules.not { ways.append([.holds(negated)]) }
        if let condition = rules.condition {
            if let then = condition.then { ways.append([.holds(condition.test), .fails(then)]) }
            if let other = condition.otherwise { ways.append([.fails(condition.test), .fails(other)]) }
        }
        return ways
    }

    static func opposite(_ keyword: String, _ value: ExactNumber) -> Atom {
        switch keyword {
        case "minimum": .atMost(value, isExclusive: true)
        case "exclusiveMinimum": .atMost(value, isExclusive: false)
        case "maximum": .atLeast(value, isExclusive: true)
        case "exclusiveMaximum": .atLeast(value, isExclusive: false)
        default: .notMultiple(value)
        }
    }

    private mutating func objectWays(_ rules: Rules) -> [[Atom]] {
        let object = Atom.kinds(.object)
        var ways = rules.required.map { [object, .lacks($0)] }
        if rules.minProperties > 0 { ways.append([object, .maxProperties(rules.minProperties - 1)]) }
        if let bound = rules.maxProperties { ways.append([object, .minProperties(bound + 1)]) }
        for member in rules.properties where !self.rules(member.place).isTrivial {
            ways.append([object, .has(member.name), .member(member.name, [.fails(member.place)])])
        }
        let concernsOthers = rules.additional.map { !self.rules($0).isTrivial } ?? false
        if !rules.patterns.isEmpty || concernsOthers || rules.names != nil
            || rules.unevaluatedProperties != nil
        {
            ways.append([object, .minProperties(1)])
        }
        for dependent in rules.dependentRequired {
            ways += dependent.value.map { [object, .has(dependent.name), .lacks($0)] }
        }
        ways += rules.dependentSchemas.map { [object, .has($0.name), .fails($0.value)] }
        return ways
    }

    private mutating func arrayWays(_ rules: Rules) -> [[Atom]] {
        let array = Atom.kinds(.array)
        var ways: [[Atom]] = []
        if rules.minItems > 0 { ways.append([array, .maxItems(rules.minItems - 1)]) }
        if let bound = rules.maxItems { ways.append([array, .minItems(bound + 1)]) }
        for (index, place) in rules.prefix.enumerated() {
            ways.append([array, .minItems(index + 1), .item(index, [.fails(place)])])
        }
        if let items = rules.items, !self.rules(items).isTrivial {
            ways.append([array, .minItems(rules.prefix.count + 1)])
        }
        if rules.contains != nil { ways.append([array]) }
        if rules.isUnique { ways.append([array, .minItems(2)]) }
        if rules.unevaluatedItems != nil { ways.append([array, .minItems(1)]) }
        return ways
    }
}
