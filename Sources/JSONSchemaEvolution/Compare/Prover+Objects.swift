// SPDX-License-Identifier: Apache-2.0

// Objects: members that are known by name one by one, all others by which of the patterns in play their names match.

import JSONSchema
import JSONText

/// What the right side says of members, by `properties` and its relatives or by `unevaluatedProperties`.
private struct MemberRules {
    var properties: [String: Place?] = [:]
    var names: [String] = []
    var patterns: [(text: String, place: Place?)] = []
    var additional: Place?
    /// The keyword of `additional`.
    var keyword = "additionalProperties"
}

/// Names that are not known one by one, told by the patterns that they match.
private struct NameClass {
    var matched: Set<String>
    /// What is known of the name.
    var name: [Atom]
    /// What is known of the member's value.
    var value: [Atom]
}

extension Prover {
    /// The number of patterns whose combinations are gone through.
    private static var patternsMax: Int { 6 }

    mutating func objectRules(
        _ facts: Facts, _ left: Conjunction, _ right: Place, _ rules: Rules, _ site: Site?
    ) throws(TooComplex) -> Bool {
        guard facts.kinds.contains(.object) else { return true }
        if try checkObject(facts, left, right, rules, nil) { return true }
        if facts.kinds != .object, try possibleKinds(facts, .object).isEmpty { return true }
        guard let site else { return false }
        return try checkObject(facts, left, right, rules, site)
    }

    private mutating func checkObject(
        _ facts: Facts, _ left: Conjunction, _ right: Place, _ rules: Rules, _ site: Site?
    ) throws(TooComplex) -> Bool {
        var result = try checkCounts(facts, left, right, rules, site)
        if !result, site == nil { return false }
        if try !checkDependents(facts, left, right, rules, site) { result = false }
        if !result, site == nil { return false }
        var groups: [MemberRules] = []
        if !rules.properties.isEmpty || !rules.patterns.isEmpty || rules.additional != nil {
            var group = MemberRules()
            for member in rules.properties {
                group.properties[member.name] = .some(member.place)
                group.names.append(member.name)
            }
            group.patterns = rules.patterns.map { ($0.name, $0.place) }
            group.additional = rules.additional
            groups.append(group)
        }
        if let rest = rules.unevaluatedProperties {
            let evaluated = places.evaluatedNames(right, possibly: false)
            if !evaluated.isAll {
                var group = MemberRules(keyword: "unevaluatedProperties")
                for name in evaluated.names {
                    group.properties[name] = .some(nil)
                    group.names.append(name)
                }
                group.patterns = evaluated.patterns.map { ($0, nil) }
                group.additional = rest
                groups.append(group)
            }
        }
        for group in groups where result || site != nil {
            if try !checkMembers(facts, left, right, group, site) { result = false }
        }
        if let names = rules.names, result || site != nil {
            if try !checkNames(facts, left, right, names, site) { result = false }
        }
        return result
    }

    // MARK: Which members there are

    private mutating func checkCounts(
        _ facts: Facts, _ left: Conjunction, _ right: Place, _ rules: Rules, _ site: Site?
    ) throws(TooComplex) -> Bool {
        var result = true
        for name in rules.required where !facts.requiredNames.contains(name) {
            guard let site else { return false }
            result = false
            record(
                site, facts, left, right, .required, "required", .required(name),
                [[.kinds(.object), .lacks(name)]])
        }
        if rules.minProperties > facts.minProperties {
            guard let site else { return false }
            result = false
            record(
                site, facts, left, right, .propertyCount, "minProperties", .changed,
                [[.kinds(.object), .maxProperties(rules.minProperties - 1)]])
        }
        if let bound = rules.maxProperties, facts.maxProperties.map({ $0 > bound }) ?? true {
            let isClosed = try nameClasses(facts, []).map(\.isEmpty) ?? false
            var count = 0
            if isClosed {
                for name in facts.knownNames where memberAtoms(facts, name) != nil { count += 1 }
            }
            if !isClosed || count > bound {
                guard let site else { return false }
                result = false
                record(
                    site, facts, left, right, .propertyCount, "maxProperties", .changed,
                    [[.kinds(.object), .minProperties(bound + 1)]])
            }
        }
        return result
    }

    private mutating func checkDependents(
        _ facts: Facts, _ left: Conjunction, _ right: Place, _ rules: Rules, _ site: Site?
    ) throws(TooComplex) -> Bool {
        var result = true
        for dependent in rules.dependentRequired where memberAtoms(facts, dependent.name) != nil {
            let with = try self.facts(left.adding([.kinds(.object), .has(dependent.name)]))
            guard !with.isContradiction else { continue }
            for name in dependent.value where !with.requiredNames.contains(name) {
                guard let site else { return false }
                result = false
                record(
                    site, facts, left, right, .dependency, dependent.keyword,
                    .dependent(dependent.name, name),
                    [[.kinds(.object), .has(dependent.name), .lacks(name)]])
            }
        }
        for dependent in rules.dependentSchemas where memberAtoms(facts, dependent.name) != nil {
            let with = left.adding([.kinds(.object), .has(dependent.name)])
            if try isProven(with, dependent.value) { continue }
            guard let site else { return false }
            result = false
            try explain(with, dependent.value, site)
        }
        return result
    }

    // MARK: What members are like

    /// What is known of a member; nil if it cannot be there.
    mutating func memberAtoms(_ facts: Facts, _ name: String) -> [Atom]? {
        guard !facts.absent.contains(name), facts.maxProperties != 0 else { return nil }
        var atoms: [Atom] = []
        var isMentioned = facts.requiredNames.contains(name)
        for group in facts.groups {
            var isMatched = false
            if let known = group.properties[name] {
                atoms += known
                isMatched = true
            }
            for pattern in group.patterns {
                switch places.matches(pattern.text, name) {
                case true?:
                    atoms += pattern.atoms
                    isMatched = true
                // Nobody knows: nothing is known of it.
                case nil: isMatched = true
                case false?: break
                }
            }
            if !isMatched, let additional = group.additional {
                atoms += additional
                isMatched = true
            }
            if isMatched { isMentioned = true }
        }
        for member in facts.members where member.name == name {
            atoms += member.atoms
            isMentioned = true
        }
        if !isMentioned, sendsOnlyDeclared(facts) { return nil }
        for case .holds(let place) in facts.nameRules where places.accepts(.string(name), place) == false {
            return nil
        }
        return isForbidden(atoms) ? nil : atoms
    }

    private mutating func isForbidden(_ atoms: [Atom]) -> Bool {
        for case .holds(let place) in atoms where places.rules(place).isFalse { return true }
        return false
    }

    /// Whether members that nothing is said of are taken not to be sent.
    private func sendsOnlyDeclared(_ facts: Facts) -> Bool {
        options.openContent == .lenient && facts.groups.contains { !$0.names.isEmpty }
    }

    /// The classes of names that are not known one by one and may be there; nil if there are too many patterns.
    private mutating func nameClasses(
        _ facts: Facts, _ more: [String]
    ) throws(TooComplex) -> [NameClass]? {
        if let greatest = facts.maxProperties, greatest <= facts.required.count { return [] }
        var patterns: [String] = []
        for pattern in facts.groups.flatMap({ $0.patterns.map(\.text) }) + more
        where !patterns.contains(pattern) {
            patterns.append(pattern)
        }
        guard patterns.count <= Self.patternsMax else { return nil }
        var result: [NameClass] = []
        for bits in 0..<1 << patterns.count {
            try spend(1)
            var matched: Set<String> = []
            var name: [Atom] = [.kinds(.string)] + facts.nameRules
            for (index, pattern) in patterns.enumerated() {
                if bits >> index & 1 == 1 {
                    matched.insert(pattern)
                    name.append(.matches(pattern))
                } else {
                    name.append(.misses(pattern))
                }
            }
            var value: [Atom] = []
            var isMentioned = false
            for group in facts.groups {
                var isMatched = false
                for pattern in group.patterns where matched.contains(pattern.text) {
                    value += pattern.atoms
                    isMatched = true
                }
                if !isMatched, let additional = group.additional {
                    value += additional
                    isMatched = true
                }
                if isMatched { isMentioned = true }
            }
            if isForbidden(value) || !isMentioned && sendsOnlyDeclared(facts) { continue }
            if name.count > 1, try isProvenInside(name, nil) { continue }
            result.append(NameClass(matched: matched, name: name, value: value))
        }
        return result
    }

    private mutating func checkMembers(
        _ facts: Facts, _ left: Conjunction, _ right: Place, _ group: MemberRules, _ site: Site?
    ) throws(TooComplex) -> Bool {
        var result = true
        let known = facts.knownNames
        var names = group.names
        var seen = Set(names)
        for name in known where seen.insert(name).inserted { names.append(name) }
        for name in names {
            var targets: [Place] = []
            var isMatched = false
            var isUnsure = false
            if let place = group.properties[name] {
                isMatched = true
                if let place { targets.append(place) }
            }
            for pattern in group.patterns {
                switch places.matches(pattern.text, name) {
                case true?:
                    isMatched = true
                    if let place = pattern.place { targets.append(place) }
                case nil: isUnsure = true
                case false?: break
                }
            }
            if !isMatched, let additional = group.additional { targets.append(additional) }
            targets = targets.filter { !places.rules($0).isTrivial }
            guard !targets.isEmpty || isUnsure, let atoms = memberAtoms(facts, name) else { continue }
            for target in targets {
                if try isProvenInside(atoms, target) { continue }
                guard let site else { return false }
                result = false
                try explainMember(name, atoms, target, facts, left, right, group, site)
            }
            if isUnsure {
                guard let site else { return false }
                result = false
                record(site, facts, left, right, .undecided, "patternProperties", .notCompared, [[]])
            }
        }
        if try !checkOthers(facts, left, right, group, known, site) { result = false }
        return result
    }

    /// Members whose names are not known one by one.
    private mutating func checkOthers(
        _ facts: Facts, _ left: Conjunction, _ right: Place, _ group: MemberRules, _ known: [String],
        _ site: Site?
    ) throws(TooComplex) -> Bool {
        let additional = group.additional.flatMap { places.rules($0).isTrivial ? nil : $0 }
        guard additional != nil || group.patterns.contains(where: { $0.place != nil }) else { return true }
        guard let classes = try nameClasses(facts, group.patterns.map(\.text)) else {
            if let site {
                record(site, facts, left, right, .undecided, "patternProperties", .tooManyPatterns, [[]])
            }
            return false
        }
        var result = true
        for others in classes {
            var targets = group.patterns.filter { others.matched.contains($0.text) }.compactMap(\.place)
            let isMatched = group.patterns.contains { others.matched.contains($0.text) }
            if !isMatched, let additional { targets.append(additional) }
            for target in targets {
                if try isProvenInside(others.value, target) { continue }
                guard let site else { return false }
                result = false
                let taken = Set(known + group.names)
                let name = sampleName(others.name, avoiding: taken)
                if places.rules(target).isFalse {
                    let pattern = group.patterns.first { $0.place == target }?.text
                    record(
                        site, facts, left, right, .closedObject,
                        pattern == nil ? group.keyword : "patternProperties", .closed(name), [],
                        forced: name.map { ($0, others.value) })
                } else {
                    let inside = site.entering(.member(name ?? "?"), of: left, shown: "*")
                    explainLater(Conjunction(others.value), target, inside)
                }
            }
        }
        return result
    }

    private mutating func explainMember(
        _ name: String, _ atoms: [Atom], _ target: Place, _ facts: Facts, _ left: Conjunction,
        _ right: Place, _ group: MemberRules, _ site: Site
    ) throws(TooComplex) {
        let isDeclared = facts.groups.contains { $0.properties[name] != nil }
        let inside = site.entering(.member(name), of: left)
        if places.rules(target).isFalse {
            record(
                site, facts, left, right, .closedObject, group.keyword, .propertyGone(name), [],
                forced: (name, atoms))
        } else if atoms.isEmpty, !isDeclared {
            record(
                site, facts, left, right, .propertyOfOpenObject,
                group.properties[name] == nil ? group.keyword : "properties/" + SchemaGraph.escape(name),
                .openProperty(name), [], forced: (name, [.fails(target)]))
        } else {
            explainLater(Conjunction(atoms), target, inside)
        }
    }

    private mutating func checkNames(
        _ facts: Facts, _ left: Conjunction, _ right: Place, _ names: Place, _ site: Site?
    ) throws(TooComplex) -> Bool {
        var result = true
        for name in facts.knownNames where places.accepts(.string(name), names) != true {
            guard let atoms = memberAtoms(facts, name), try !isProvenInside(atoms, nil) else { continue }
            guard let site else { return false }
            result = false
            record(
                site, facts, left, right, .names, "propertyNames", .propertyGone(name), [],
                forced: (name, atoms))
        }
        guard let classes = try nameClasses(facts, []) else {
            if let site { record(site, facts, left, right, .names, "propertyNames", .tooManyPatterns, [[]]) }
            return false
        }
        for others in classes where try !isProvenInside(others.name, names) {
            guard let site else { return false }
            result = false
            let name = sampleName(others.name + [.fails(names)], avoiding: [])
            record(
                site, facts, left, right, .names, "propertyNames", .changed, [],
                forced: name.map { ($0, others.value) })
        }
        return result
    }

    // MARK: Whether there is an object

    /// Whether there may be an object: not so only if that is certain.
    mutating func mayBeObject(_ facts: Facts) throws(TooComplex) -> Bool {
        for name in facts.required {
            guard let atoms = memberAtoms(facts, name) else { return false }
            if !atoms.isEmpty, try isProvenInside(atoms, nil) { return false }
        }
        guard facts.minProperties > facts.required.count else { return true }
        guard try nameClasses(facts, []).map(\.isEmpty) ?? false else { return true }
        var count = 0
        for name in facts.knownNames {
            guard let atoms = memberAtoms(facts, name) else { continue }
            if !atoms.isEmpty, try isProvenInside(atoms, nil) { continue }
            count += 1
        }
        return count >= facts.minProperties
    }
}
