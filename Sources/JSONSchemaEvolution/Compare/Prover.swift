// SPDX-License-Identifier: Apache-2.0

// Proves that everything a conjunction allows is accepted by a schema. What is proven is so; what is not proven may be so. Goals that
// come up again while they are being proven are taken as proven if the value has become smaller in between: of the documents that
// contradict, the smallest would contain a smaller one.

import JSONSchema
import JSONText

/// More steps than the comparison may take, or schemas nested too deep for it.
struct TooComplex: Error {}

struct Prover {
    /// Everything that the left side allows is to be accepted by the right one; without one, that the left allows nothing.
    struct Goal: Hashable {
        var left: Conjunction
        var right: Place?
    }

    private struct Opened {
        var descents: Int
        var position: Int
    }

    var places: Places
    let options: SchemaComparison.Options
    private(set) var fuel: Int
    var sampleFuel: Int
    private var proven: Set<Goal> = []
    private var unproven: Set<Goal> = []
    private var open: [Goal: Opened] = [:]
    /// How far the value is from the whole document, in steps of the proof.
    private var descents = 0
    /// The outermost open goal that was taken as proven since the last one was opened.
    private var lowestAssumed = Int.max
    /// What was found while explaining.
    var differences: [SchemaDifference] = []
    /// Those that there were twice counted too.
    var recordings = 0
    var recorded: Set<[String]> = []
    var explained: Set<Goal> = []
    var unexplained: [(left: Conjunction, right: Place, site: Site)] = []

    private static let depthMax = 100
    static let regexStatesMax = 20_000

    init(places: Places, options: SchemaComparison.Options) {
        self.places = places
        self.options = options
        fuel = options.steps
        sampleFuel = min(options.steps, 20_000)
    }

    mutating func spend(_ steps: Int) throws(TooComplex) {
        fuel -= steps
        if fuel < 0 { throw TooComplex() }
    }

    /// Lets explanations go on for a while when proving has used up everything.
    mutating func refuel(_ steps: Int) { fuel = max(fuel, steps) }

    /// Whether it is certain that the right side accepts everything that the left allows.
    mutating func isProven(_ left: Conjunction, _ right: Place?) throws(TooComplex) -> Bool {
        try spend(1)
        if let right, places.rules(right).isTrivial { return true }
        let goal = Goal(left: left, right: right)
        if proven.contains(goal) { return true }
        if unproven.contains(goal) { return false }
        if let opened = open[goal] {
            guard opened.descents < descents else { return false }
            lowestAssumed = min(lowestAssumed, opened.position)
            return true
        }
        let position = open.count
        guard position < Self.depthMax else { throw TooComplex() }
        open[goal] = Opened(descents: descents, position: position)
        let assumedBefore = lowestAssumed
        lowestAssumed = .max
        defer { open[goal] = nil }
        let result = try prove(left, right)
        // What rests on an outer goal is known only together with it.
        if result, lowestAssumed >= position {
            proven.insert(goal)
        } else if !result {
            unproven.insert(goal)
        }
        lowestAssumed = min(assumedBefore, lowestAssumed >= position ? .max : lowestAssumed)
        return result
    }

    /// The same for a value inside the one that is looked at.
    mutating func isProvenInside(_ atoms: [Atom], _ right: Place?) throws(TooComplex) -> Bool {
        descents += 1
        defer { descents -= 1 }
        return try isProven(Conjunction(atoms), right)
    }

    /// The facts of a conjunction, paid for.
    mutating func facts(_ left: Conjunction) throws(TooComplex) -> Facts {
        let facts = places.facts(left)
        try spend(facts.weight + places.takeWork())
        return facts
    }

    private mutating func prove(_ left: Conjunction, _ right: Place?) throws(TooComplex) -> Bool {
        let facts = try facts(left)
        if facts.isContradiction { return true }
        if let right {
            for place in facts.holds where places.isSame(place, right) { return true }
        }
        if let values = finiteValues(facts) { return try accepts(values, facts, right) }
        if try holds(facts, left, right, nil) { return true }
        if right != nil, try isProven(left, nil) { return true }
        guard let choice = facts.choices.min(by: { $0.count < $1.count }) else { return false }
        for alternative in choice {
            guard try isProven(left.adding(alternative), right) else { return false }
        }
        return true
    }

    /// Whether the facts suffice for every rule of the right side, alternatives being left alone.
    mutating func holds(
        _ facts: Facts, _ left: Conjunction, _ right: Place?, _ site: Site?
    ) throws(TooComplex) -> Bool {
        guard let right, case let rules = places.rules(right), !rules.isFalse else {
            let isEmpty = try possibleKinds(facts, .all).isEmpty
            if !isEmpty, let site, let right {
                record(
                    site, facts, left, right, .nothing, "", site.isInside ? .forbidden : .allForbidden, [[]])
            }
            return isEmpty
        }
        var result = true
        for step in 0..<5 {
            // Numbers for the parts, since closures over a mutating value are not allowed to throw.
            let part =
                switch step {
                case 0: try valueRules(facts, left, right, rules, site)
                case 1: try scalarRules(facts, left, right, rules, site)
                case 2: try objectRules(facts, left, right, rules, site)
                case 3: try arrayRules(facts, left, right, rules, site)
                default: try inPlaceRules(facts, left, right, rules, site)
                }
            if !part {
                guard site != nil else { return false }
                result = false
            }
        }
        return result
    }

    // MARK: Few values

    /// All values that the facts allow, if they are few and can be told: more than they allow, perhaps.
    mutating func finiteValues(_ facts: Facts) -> [JSONValue]? {
        if let values = facts.values { return values }
        var values: [JSONValue] = []
        var kinds = facts.kinds
        if kinds.contains(.integer), !kinds.contains(.fraction), let low = facts.low, let high = facts.high,
            low.value.isInteger, high.value.isInteger, let width = high.value.adding(low.value.negated),
            width <= ExactNumber(64)
        {
            var value = low.value
            while value <= high.value, let next = value.adding(ExactNumber(1)) {
                values.append(value.value)
                value = next
            }
            kinds.remove(.integer)
        }
        if kinds.contains(.null) { values.append(.null) }
        if kinds.contains(.bool) { values += [.bool(false), .bool(true)] }
        if kinds.contains(.string), facts.maxLength == 0 {
            values.append("")
            kinds.remove(.string)
        }
        return kinds.isSubset(of: [.null, .bool]) ? values : nil
    }

    private mutating func accepts(
        _ values: [JSONValue], _ facts: Facts, _ right: Place?
    ) throws(TooComplex) -> Bool {
        for value in values {
            try spend(1)
            guard allows(facts, value) else { continue }
            guard let right, places.accepts(value, right) == true else { return false }
        }
        return true
    }

    /// Whether the facts may allow a value: not so only if that is certain.
    mutating func allows(_ facts: Facts, _ value: JSONValue) -> Bool {
        guard !facts.kinds.isDisjoint(with: Kinds(of: value)) else { return false }
        for place in facts.holds where places.accepts(value, place) == false { return false }
        for place in facts.fails where places.accepts(value, place) == true { return false }
        if facts.excluded.contains(where: { JSONEquality.equal($0, value) }) { return false }
        switch value {
        case .number(let number):
            guard let exact = ExactNumber(number) else { return true }
            if let low = facts.low, exact < low.value || exact == low.value && low.isExclusive {
                return false
            }
            if let high = facts.high, high.value < exact || exact == high.value && high.isExclusive {
                return false
            }
        case .object(let object):
            for member in object.members where facts.absent.contains(member.name) { return false }
            for name in facts.required where object[name] == nil { return false }
        default: break
        }
        return true
    }
}
