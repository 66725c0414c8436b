// SPDX-License-Identifier: Apache-2.0

// Lays out the clauses and decides which signals make each be looked at.

/// The part of a program that combines signals.
struct ClauseTables {
    private(set) var signals: [MatchProgram.Signal] = []
    private(set) var listeners: [UInt32] = []
    private(set) var clauses: [MatchProgram.Clause] = []
    private(set) var groups: [MatchProgram.Group] = []
    private(set) var groupSignals: [UInt32] = []
    private(set) var ruleIDs: [Int] = []
    private(set) var restingClauses: [UInt32] = []
    private(set) var alwaysReadsData = false
    private(set) var dataAbsences: [UInt32] = []

    private typealias GroupKey = MatchProgramBuilder.GroupKey

    /// A broad test counts as if this many clauses shared it: almost every event raises it.
    private static let broadWeight = 64

    init() {}

    init(
        _ drafts: [(key: MatchProgramBuilder.ClauseKey, facts: MatchProgramBuilder.ClauseFacts)],
        isBroad: [Bool]
    ) {
        var weights = Array(repeating: 0, count: isBroad.count)
        for draft in drafts {
            for group in draft.key.groups {
                for signal in group.signals {
                    weights[Int(signal)] += isBroad[Int(signal)] ? Self.broadWeight : 1
                }
            }
        }
        var checks: [[UInt32]] = Array(repeating: [], count: isBroad.count)
        var breaks = checks
        var gates = checks
        for (index, draft) in drafts.enumerated() {
            let number = UInt32(index)
            let groups = draft.key.groups
            layOut(groups, draft.facts)
            listen(number, groups, isRoot: draft.key.node == MatchProgram.root, weights, &checks)
            if draft.facts.broken != MatchProgram.none {
                for group in groups { breaks[Int(group.absent)].append(number) }
            }
            if groups.contains(where: \.isData) { gate(number, groups, weights, &gates) }
        }
        dataAbsences.sort()
        for index in isBroad.indices {
            signals.append(
                MatchProgram.Signal(
                    checks: range(of: checks[index]), breaks: range(of: breaks[index]),
                    gates: range(of: gates[index])))
        }
    }

    private mutating func layOut(_ keys: [GroupKey], _ facts: MatchProgramBuilder.ClauseFacts) {
        let firstGroup = groups.count
        for key in keys {
            let start = groupSignals.count
            groupSignals += key.signals
            groups.append(
                MatchProgram.Group(
                    signals: start..<groupSignals.count, absent: key.absent, isData: key.isData))
            if key.isData, key.absent != MatchProgram.none { dataAbsences.append(key.absent) }
        }
        let firstRule = ruleIDs.count
        ruleIDs += facts.ruleIDs
        clauses.append(
            MatchProgram.Clause(
                groups: firstGroup..<groups.count, witness: facts.witness, broken: facts.broken,
                rules: firstRule..<ruleIDs.count))
    }

    /// Picks the signals at which a clause is looked at.
    private mutating func listen(
        _ clause: UInt32, _ groups: [GroupKey], isRoot: Bool, _ weights: [Int], _ checks: inout [[UInt32]]
    ) {
        if let access = Self.rarest(of: groups, weights) {
            for signal in access.signals { checks[Int(signal)].append(clause) }
        } else if isRoot {
            restingClauses.append(clause)
        } else {
            // Any value can be the one that makes it hold.
            for signal in Set(groups.flatMap(\.signals)).sorted() { checks[Int(signal)].append(clause) }
        }
    }

    /// Picks the attributes without which reading the data would be in vain for a clause.
    private mutating func gate(
        _ clause: UInt32, _ groups: [GroupKey], _ weights: [Int], _ gates: inout [[UInt32]]
    ) {
        guard let access = Self.rarest(of: groups.filter { !$0.isData }, weights) else {
            alwaysReadsData = true
            return
        }
        for signal in access.signals { gates[Int(signal)].append(clause) }
    }

    /// Of the groups that absence cannot satisfy, the one whose signals the fewest clauses share.
    private static func rarest(of groups: [GroupKey], _ weights: [Int]) -> GroupKey? {
        func weight(_ group: GroupKey) -> Int { group.signals.reduce(0) { $0 + weights[Int($1)] } }
        return groups.filter { $0.absent == MatchProgram.none }.min { weight($0) < weight($1) }
    }

    private mutating func range(of clauses: [UInt32]) -> Range<Int> {
        let start = listeners.count
        listeners += clauses
        return start..<listeners.count
    }
}
