// SPDX-License-Identifier: Apache-2.0

// `$or` and `$and` taken apart: a pattern is the union of combinations, each of which asks for all of its fields. The
// matcher then knows only "all of". A combination may have two leaves at one field (one from inside `$or`,
// one from outside): both must hold. Objects at one field are merged, so that within an array one element
// must satisfy what all of them ask.

/// One combination: all of these fields.
struct Conjunction: Sendable, Hashable {
    /// What one name is asked.
    struct Field: Sendable, Hashable {
        let name: [UInt8]
        /// Lists of alternatives, each to be satisfied by itself.
        var leaves: [[PatternTest]] = []
        /// What the object at the field must have, nil if it need not be one.
        var object: Conjunction?
    }

    var fields: [Field] = []

    /// Adds what another combination asks.
    mutating func merge(_ other: Conjunction) {
        for field in other.fields {
            guard let index = fields.firstIndex(where: { $0.name == field.name }) else {
                fields.append(field)
                continue
            }
            fields[index].leaves += field.leaves
            guard let object = field.object else { continue }
            if fields[index].object == nil {
                fields[index].object = object
            } else {
                fields[index].object?.merge(object)
            }
        }
    }

    func merged(with other: Conjunction) -> Conjunction {
        var copy = self
        copy.merge(other)
        return copy
    }
}

extension PatternObject {
    /// The number of combinations, `Int.max` if it cannot be counted.
    var combinationCount: Int {
        var count = choices.isEmpty ? 1 : 0
        for choice in choices {
            let (sum, overflow) = count.addingReportingOverflow(choice.combinationCount)
            guard !overflow else { return .max }
            count = sum
        }
        for case .object(let object) in fields.lazy.map(\.content) {
            let (product, overflow) = count.multipliedReportingOverflow(by: object.combinationCount)
            guard !overflow else { return .max }
            count = product
        }
        for requirement in requirements {
            let (product, overflow) = count.multipliedReportingOverflow(by: requirement.combinationCount)
            guard !overflow else { return .max }
            count = product
        }
        return count
    }

    /// The size of all combinations together; only for patterns whose combinations were counted and are few.
    var expandedBytes: Int {
        // What stands beside an object or a list of choices occurs once for each of its combinations, and the other way round.
        let count = combinationCount
        var bytes = 0
        for field in fields {
            switch field.content {
            case .leaf(let tests): bytes += tests.reduce(0) { $0 + $1.expandedBytes } * count
            case .object(let object):
                bytes += object.expandedBytes * (count / max(object.combinationCount, 1))
            }
        }
        for requirement in requirements {
            bytes += requirement.expandedBytes * (count / max(requirement.combinationCount, 1))
        }
        guard !choices.isEmpty else { return bytes }
        let choiceCount = choices.reduce(0) { $0 + $1.combinationCount }
        return bytes + choices.reduce(0) { $0 + $1.expandedBytes } * (count / max(choiceCount, 1))
    }

    /// The combinations, in the order of the `$or` lists.
    var combinations: [Conjunction] {
        var base = Conjunction()
        var factors: [[Conjunction]] = choices.isEmpty ? [] : [choices.flatMap(\.combinations)]
        for field in fields {
            switch field.content {
            case .leaf(let tests): base.fields.append(Conjunction.Field(name: field.name, leaves: [tests]))
            case .object(let object):
                factors.append(
                    object.combinations.map {
                        Conjunction(fields: [Conjunction.Field(name: field.name, object: $0)])
                    })
            }
        }
        factors += requirements.map(\.combinations)
        return factors.reduce([base]) { partial, factor in
            partial.flatMap { left in factor.map { left.merged(with: $0) } }
        }
    }
}

extension PatternTest {
    /// What the test counts for in `PatternLimits.expandedBytesMax`.
    fileprivate var expandedBytes: Int {
        switch self {
        case .equals(.string(let text)), .prefix(let text), .suffix(let text), .equalsIgnoringCase(let text),
            .prefixIgnoringCase(let text), .suffixIgnoringCase(let text):
            16 + text.count
        case .equals(.number(let number)): 16 + number.text.count
        case .wildcard(let wildcard): 16 + wildcard.text.count
        case .anythingBut(let tests), .noneOf(let tests): tests.reduce(16) { $0 + $1.expandedBytes }
        case .text(let test): test.expandedBytes
        default: 64
        }
    }
}

extension TextTest {
    /// What the test counts for in `PatternLimits.expandedBytesMax`.
    fileprivate var expandedBytes: Int {
        switch self {
        case .topic(let topic): 16 + topic.text.count
        case .like(let like): 16 + like.text.count
        case .contains(let contained): 16 + contained.text.count
        case .integer: 64
        case .element(let tests), .value(let tests): tests.reduce(16) { $0 + $1.expandedBytes }
        }
    }
}
