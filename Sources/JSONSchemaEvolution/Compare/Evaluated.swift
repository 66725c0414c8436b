// SPDX-License-Identifier: Apache-2.0

// Which members and elements `unevaluatedProperties` and `unevaluatedItems` are not about: those that a schema looks at for certain when
// it accepts, and those that it may look at.

/// Names that are looked at.
struct EvaluatedNames {
    var names: [String] = []
    var patterns: [String] = []
    var isAll = false
}

extension Places {
    /// The members that a schema looks at: possibly, or else for certain. What it says of those left unevaluated does not count.
    mutating func evaluatedNames(_ place: Place, possibly: Bool) -> EvaluatedNames {
        var result = EvaluatedNames()
        for place in placesInPlace(place, possibly: possibly) {
            let rules = rules(place.place)
            result.names += rules.properties.map(\.name).filter { !result.names.contains($0) }
            result.patterns += rules.patterns.map(\.name).filter { !result.patterns.contains($0) }
            if rules.additional != nil || !place.isRoot && rules.unevaluatedProperties != nil {
                result.isAll = true
            }
            // What cannot be followed may look at anything.
            if possibly, !rules.unknown.isEmpty { result.isAll = true }
        }
        return result
    }

    /// How many of the first elements a schema looks at, possibly or for certain; nil if it is all of them, or nobody knows which.
    mutating func evaluatedElements(_ place: Place, possibly: Bool) -> Int? {
        var count = 0
        for place in placesInPlace(place, possibly: possibly) {
            let rules = rules(place.place)
            count = max(count, rules.prefix.count)
            if rules.items != nil || !place.isRoot && rules.unevaluatedItems != nil { return nil }
            if possibly, !rules.unknown.isEmpty || rules.contains != nil && rules.containsEvaluates {
                return nil
            }
        }
        return count
    }

    private struct InPlace {
        var place: Place
        var isRoot: Bool
    }

    /// The schema and those that are applied to the same value: all of them, or those that have to accept it.
    private mutating func placesInPlace(_ root: Place, possibly: Bool) -> [InPlace] {
        var result = [InPlace(place: root, isRoot: true)]
        var seen: Set<Place> = [root]
        var next = 0
        while next < result.count {
            let rules = rules(result[next].place)
            next += 1
            var inner = rules.all.map(\.place)
            if possibly {
                inner += rules.any + rules.one + rules.dependentSchemas.map(\.value)
                if let condition = rules.condition {
                    inner += [condition.test] + [condition.then, condition.otherwise].compactMap { $0 }
                }
                // Nothing that `not` looks at counts; that it is in here changes nothing.
            }
            for place in inner where seen.insert(place).inserted {
                result.append(InPlace(place: place, isRoot: false))
            }
        }
        return result
    }
}
