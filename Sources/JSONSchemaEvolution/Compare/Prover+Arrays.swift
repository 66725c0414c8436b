// SPDX-License-Identifier: Apache-2.0

// Arrays: elements that something particular is said of one by one, all others together.

import JSONSchema
import JSONText

extension Prover {
    mutating func arrayRules(
        _ facts: Facts, _ left: Conjunction, _ right: Place, _ rules: Rules, _ site: Site?
    ) throws(TooComplex) -> Bool {
        guard facts.kinds.contains(.array) else { return true }
        if try checkArray(facts, left, right, rules, nil) { return true }
        if facts.kinds != .array, try possibleKinds(facts, .array).isEmpty { return true }
        guard let site else { return false }
        return try checkArray(facts, left, right, rules, site)
    }

    private mutating func checkArray(
        _ facts: Facts, _ left: Conjunction, _ right: Place, _ rules: Rules, _ site: Site?
    ) throws(TooComplex) -> Bool {
        let array = Atom.kinds(.array)
        let longest = greatestCount(facts)
        var result = true
        if rules.minItems > facts.minItems {
            guard let site else { return false }
            result = false
            record(
                site, facts, left, right, .itemCount, "minItems", .changed,
                [[array, .maxItems(rules.minItems - 1)]])
        }
        if let bound = rules.maxItems, longest.map({ $0 > bound }) ?? true {
            guard let site else { return false }
            result = false
            record(
                site, facts, left, right, .itemCount, "maxItems", .changed, [[array, .minItems(bound + 1)]])
        }
        if rules.isUnique, !facts.isUnique, longest.map({ $0 > 1 }) ?? true {
            guard let site else { return false }
            result = false
            record(site, facts, left, right, .unique, "uniqueItems", .unique, [[array, .minItems(2)]])
        }
        if try !checkElements(
            facts, left, right, rules.prefix.map { $0 }, rules.items, "items", longest, site)
        {
            guard site != nil else { return false }
            result = false
        }
        if let rest = rules.unevaluatedItems,
            let count = places.evaluatedElements(right, possibly: false)
        {
            let prefix = [Place?](repeating: nil, count: count)
            if try !checkElements(facts, left, right, prefix, rest, "unevaluatedItems", longest, site) {
                guard site != nil else { return false }
                result = false
            }
        }
        if let place = rules.contains, try !checkContains(facts, place, rules, longest) {
            guard let site else { return false }
            result = false
            record(
                site, facts, left, right, .contains, "contains", .contains, [[array], [array, .maxItems(0)]])
        }
        return result
    }

    /// More elements than this there cannot be; nil if there is no bound.
    private mutating func greatestCount(_ facts: Facts) -> Int? {
        var greatest = facts.maxItems
        for array in facts.arrays {
            for (index, atoms) in array.prefix.enumerated() where isFalse(atoms) {
                greatest = min(greatest ?? index, index)
                break
            }
            if isFalse(array.items) { greatest = min(greatest ?? .max, array.prefix.count) }
        }
        return greatest
    }

    private mutating func isFalse(_ atoms: [Atom]) -> Bool {
        for case .holds(let place) in atoms where places.rules(place).isFalse { return true }
        return false
    }

    private mutating func checkElements(
        _ facts: Facts, _ left: Conjunction, _ right: Place, _ prefix: [Place?], _ items: Place?,
        _ keyword: String, _ longest: Int?, _ site: Site?
    ) throws(TooComplex) -> Bool {
        var result = true
        let known = max(facts.knownElements, prefix.count)
        for index in 0...known {
            // The last stands for all that follow.
            let isRest = index == known
            guard longest.map({ index < $0 }) ?? true else { break }
            guard let target = index < prefix.count ? prefix[index] : items,
                !places.rules(target).isTrivial
            else { continue }
            let atoms = facts.element(isRest ? nil : index)
            if try isProvenInside(atoms, target) { continue }
            guard let site else { return false }
            result = false
            if places.rules(target).isFalse {
                record(
                    site, facts, left, right, .closedArray, keyword, .closedArray(index),
                    [[.kinds(.array), .minItems(index + 1)]])
            } else {
                let inside = site.entering(.element(index), of: left, shown: isRest ? "*" : nil)
                explainLater(Conjunction(atoms), target, inside)
            }
        }
        return result
    }

    private mutating func checkContains(
        _ facts: Facts, _ place: Place, _ rules: Rules, _ longest: Int?
    ) throws(TooComplex) -> Bool {
        if rules.minContains > 0 {
            var isEnough = false
            for known in facts.containing where known.least >= rules.minContains {
                if try isProvenInside([.holds(known.place)], place) {
                    isEnough = true
                    break
                }
            }
            if !isEnough, facts.minItems >= rules.minContains {
                // Elements that are there for certain and accepted for certain.
                var count = 0
                let known = facts.knownElements
                for index in 0..<min(known, facts.minItems) {
                    if try isProvenInside(facts.element(index), place) { count += 1 }
                }
                if facts.minItems > known, count < rules.minContains,
                    try isProvenInside(facts.element(nil), place)
                {
                    count += facts.minItems - known
                }
                isEnough = count >= rules.minContains
            }
            guard isEnough else { return false }
        }
        guard let bound = rules.maxContains else { return true }
        if let longest, longest <= bound { return true }
        for known in facts.containing where known.greatest.map({ $0 <= bound }) ?? false {
            if try isProvenInside([.holds(place)], known.place) { return true }
        }
        // No more elements than that may be accepted.
        var count = 0
        for index in 0..<facts.knownElements {
            if try !isProvenInside(facts.element(index) + [.holds(place)], nil) { count += 1 }
        }
        guard try isProvenInside(facts.element(nil) + [.holds(place)], nil) else { return false }
        return count <= bound
    }

    /// Whether there may be an array: not so only if that is certain.
    mutating func mayBeArray(_ facts: Facts) throws(TooComplex) -> Bool {
        let longest = greatestCount(facts)
        if let longest, longest < facts.minItems { return false }
        let known = facts.knownElements
        for index in 0..<min(known, facts.minItems) {
            if try isProvenInside(facts.element(index), nil) { return false }
        }
        if facts.minItems > known, try isProvenInside(facts.element(nil), nil) { return false }
        for item in facts.containing where item.least > 0 {
            if let greatest = item.greatest, greatest < item.least { return false }
            var mayContain = false
            for index in 0...known where longest.map({ index < $0 }) ?? true {
                let atoms = facts.element(index == known ? nil : index)
                if try !isProvenInside(atoms + [.holds(item.place)], nil) {
                    mayContain = true
                    break
                }
            }
            if !mayContain { return false }
        }
        return true
    }
}
