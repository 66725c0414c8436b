// SPDX-License-Identifier: Apache-2.0

// From patterns to a program, first half: walks the combinations and gives every distinct node, leaf, test and
// clause a number. The tables are laid out afterwards by LeafTables and ClauseTables.

/// Gathers the patterns of one program.
struct MatchProgramBuilder {
    /// A group, before it has a place: equal groups make equal clauses, which are then shared.
    struct GroupKey: Hashable {
        var signals: [UInt32]
        var absent: UInt32
        var isData: Bool
    }

    /// A clause, before it has a place.
    struct ClauseKey: Hashable {
        var node: UInt32
        var groups: [GroupKey]
    }

    /// A clause's signals and matches.
    struct ClauseFacts {
        var witness = MatchProgram.none
        var broken = MatchProgram.none
        var ruleIDs: [Int] = []
    }

    private struct Name: Hashable {
        var node: UInt32
        var text: [UInt8]
    }

    private struct TestKey: Hashable {
        var leaf: UInt32
        var test: PatternTest
    }

    /// A test and the signal it raises.
    struct Test {
        var leaf: UInt32
        var test: PatternTest
        var signal: UInt32
    }

    private(set) var nodes = [MatchProgram.Node()]
    private var children: [Name: UInt32] = [:]
    private(set) var dataNode = MatchProgram.none
    /// The presence signal of each leaf.
    private var presences: [UInt32] = []
    private var testSignals: [TestKey: UInt32] = [:]
    private var tests: [Test] = []
    private var clauseNumbers: [ClauseKey: Int] = [:]
    private var clauses: [(key: ClauseKey, facts: ClauseFacts)] = []
    /// For each signal, whether almost any value raises it.
    private var isBroad: [Bool] = []

    private(set) var leafTables = LeafTables()
    private(set) var clauseTables = ClauseTables()

    init(_ patterns: [(id: Int, pattern: Pattern)]) {
        for (id, pattern) in patterns {
            for combination in pattern.root.combinations {
                let clause = clause(of: combination, at: MatchProgram.root)
                clauses[clause].facts.ruleIDs.append(id)
            }
        }
        leafTables = LeafTables(presences: presences, tests: tests)
        clauseTables = ClauseTables(clauses, isBroad: isBroad)
    }

    /// Names with the nodes they lead to, for the program's table.
    var nameEntries: [(scope: UInt32, key: [UInt8], value: UInt32)] {
        children.map { ($0.key.node, $0.key.text, $0.value) }
    }

    // MARK: - Numbers

    private mutating func newSignal(isBroad: Bool = false) -> UInt32 {
        self.isBroad.append(isBroad)
        return UInt32(self.isBroad.count - 1)
    }

    private mutating func clause(of combination: Conjunction, at node: UInt32) -> Int {
        var groups: [GroupKey] = []
        for field in combination.fields {
            let child = child(of: node, field.name)
            let isData = child == dataNode
            for tests in field.leaves { groups.append(group(of: tests, at: child, isData: isData)) }
            guard let object = field.object else { continue }
            let inner = clauses[clause(of: object, at: child)].facts
            groups.append(GroupKey(signals: [inner.witness], absent: inner.broken, isData: isData))
        }
        return number(of: ClauseKey(node: node, groups: groups))
    }

    private mutating func number(of key: ClauseKey) -> Int {
        if let number = clauseNumbers[key] { return number }
        var facts = ClauseFacts()
        if key.node != MatchProgram.root {
            facts.witness = newSignal()
            let isAllAbsence = key.groups.allSatisfy { $0.absent != MatchProgram.none }
            if isAllAbsence { facts.broken = newSignal() }
        }
        clauses.append((key, facts))
        clauseNumbers[key] = clauses.count - 1
        return clauses.count - 1
    }

    private mutating func group(of tests: [PatternTest], at node: UInt32, isData: Bool) -> GroupKey {
        let leaf = leaf(at: node)
        var signals: Set<UInt32> = []
        var absent = MatchProgram.none
        for test in tests {
            if test == .exists(false) {
                absent = presences[Int(leaf)]
            } else if case .noneOf(let refused) = test {
                absent = signal(ofAny: refused, at: leaf, key: test)
            } else {
                signals.insert(signal(of: test, at: leaf))
            }
        }
        return GroupKey(signals: signals.sorted(), absent: absent, isData: isData)
    }

    private mutating func signal(of test: PatternTest, at leaf: UInt32) -> UInt32 {
        let key = TestKey(leaf: leaf, test: test)
        if let signal = testSignals[key] { return signal }
        let signal = newSignal(isBroad: test.isBroad)
        testSignals[key] = signal
        tests.append(Test(leaf: leaf, test: test, signal: signal))
        return signal
    }

    /// The signal that any of these tests raises.
    private mutating func signal(
        ofAny alternatives: [PatternTest], at leaf: UInt32, key: PatternTest
    ) -> UInt32 {
        let key = TestKey(leaf: leaf, test: key)
        if let signal = testSignals[key] { return signal }
        let signal = newSignal(isBroad: true)
        testSignals[key] = signal
        for test in alternatives { tests.append(Test(leaf: leaf, test: test, signal: signal)) }
        return signal
    }

    private mutating func child(of node: UInt32, _ name: [UInt8]) -> UInt32 {
        let key = Name(node: node, text: name)
        if let child = children[key] { return child }
        let child = UInt32(nodes.count)
        nodes.append(MatchProgram.Node())
        children[key] = child
        nodes[Int(node)].hasFields = true
        nodes[Int(node)].nameBits |= name.withUnsafeBytes {
            MatchProgram.nameBit(ByteTable.address($0), $0.count)
        }
        if node == MatchProgram.root, name.elementsEqual("data".utf8) { dataNode = child }
        return child
    }

    private mutating func leaf(at node: UInt32) -> UInt32 {
        let existing = nodes[Int(node)].leaf
        guard existing == MatchProgram.none else { return existing }
        let leaf = UInt32(presences.count)
        presences.append(newSignal(isBroad: true))
        nodes[Int(node)].leaf = leaf
        return leaf
    }
}

extension PatternTest {
    /// Whether most values pass, so that the test says little.
    fileprivate var isBroad: Bool {
        switch self {
        case .exists, .anythingBut, .noneOf: true
        default: false
        }
    }
}
