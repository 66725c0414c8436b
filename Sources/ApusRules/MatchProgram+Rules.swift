// SPDX-License-Identifier: Apache-2.0

// Rules that come and go. The time for one depends on its own length, and on how many others have the very same access; everything else stays
// as it is.

extension MatchProgram {
    /// Adds a pattern to those of a rule.
    mutating func add(id: Int, pattern: Pattern) {
        for combination in pattern.root.combinations {
            let clause = add(combination, of: id)
            clauses[clause].next = rules[id] ?? Self.none
            rules[id] = clause
        }
    }

    /// Takes away all patterns of a rule.
    mutating func remove(id: Int) {
        var next = rules[id] ?? Self.none
        rules[id] = nil
        while next != Self.none {
            let clause = clauses[next]
            if let plan = clause.plan { remove(clause.step, plan) }
            clauses.remove(next, leaving: Clause())
            next = clause.next
        }
    }

    // MARK: - Clauses

    private mutating func add(_ combination: Conjunction, of rule: Int) -> UInt32 {
        let asked = conditions(of: combination, at: Self.root)
        var plan = ClausePlan()
        let asksData = asked.contains { $0.node == dataNode }
        var levels = [asked]
        if let way = access(of: asked) {
            (plan.access, levels) = taken(way, from: asked)
        } else {
            plan.absence = Self.onlyAbsence(of: asked)
        }
        if asksData {
            let isInData = plan.access.map { isData($0.node) } ?? true
            plan.gate = isInData && plan.access != nil ? gate(of: asked) : nil
            plan.readsData = isInData && plan.gate == nil
        }
        let first = addSteps(levels, of: rule, asksData: asksData)
        if let access = plan.access { add(access, rousing: first) }
        if let gate = plan.gate {
            nodes[gate.node].uses += 1
            addGate(gate)
        }
        if plan.readsData { dataReaders += 1 }
        if plan.access == nil {
            if let node = plan.absence { addAbsence(node, trying: first) } else { restless.append(first) }
        }
        return clauses.insert(Clause(step: first, plan: plan))
    }

    private mutating func remove(_ first: UInt32, _ plan: ClausePlan) {
        if let access = plan.access {
            remove(access, rousing: first)
            release(access.node)
        }
        if let gate = plan.gate {
            removeGate(gate)
            release(gate.node)
        }
        if plan.readsData { dataReaders -= 1 }
        if let node = plan.absence { removeAbsence(node, trying: first) }
        if plan.access == nil, plan.absence == nil { restless.removeAll { $0 == first } }
        var next = first
        while next != Self.none { next = removeStep(next) }
    }

    // MARK: - Steps

    /// Makes the steps for what is asked of the objects from the event inwards; returns the first to be roused, which is the innermost.
    private mutating func addSteps(
        _ levels: [[ConditionCode.Condition]], of rule: Int, asksData: Bool
    ) -> UInt32 {
        let depths = levels.indices.filter { !levels[$0].isEmpty }
        guard !depths.isEmpty else {
            return addStep(Step(rule: rule, up: UInt8(levels.count - 1), asksData: asksData), [])
        }
        var next = Self.none
        for (index, depth) in depths.enumerated() {
            let inner = index + 1 < depths.count ? depths[index + 1] : levels.count - 1
            let step = Step(
                rule: rule, next: next, up: UInt8(inner - depth), asksData: asksData)
            next = addStep(step, levels[depth])
        }
        return next
    }

    private mutating func addStep(_ step: Step, _ asked: [ConditionCode.Condition]) -> UInt32 {
        let number = code.insertStep(step, ConditionCode.run(asked) { tests.insert($0) })
        code.forEach(inStep: number, node: { nodes[$0].watchers += 1 }, test: { _ in })
        return number
    }

    /// Takes a step away; returns the next one.
    private mutating func removeStep(_ number: UInt32) -> UInt32 {
        var held: [UInt32] = []
        code.forEach(
            inStep: number,
            node: { node in
                nodes[node].watchers -= 1
                held.append(node)
            }, test: { tests.remove($0, leaving: nil) })
        let next = code.step(at: number).next
        code.removeStep(number)
        for node in held { release(node) }
        return next
    }

    // MARK: - Conditions

    /// What a combination asks of the fields of an object at a node; all nodes on the way are made and held.
    private mutating func conditions(
        of combination: Conjunction, at node: UInt32
    ) -> [ConditionCode.Condition] {
        var result: [ConditionCode.Condition] = []
        for field in combination.fields {
            let child = holdChild(of: node, field.name)
            for tests in field.leaves {
                nodes[child].uses += 1
                result.append(Self.condition(tests, at: child))
            }
            if let object = field.object {
                nodes[child].uses += 1
                let parts = conditions(of: object, at: child)
                result.append(
                    ConditionCode.Condition(
                        node: child, acceptsAbsence: parts.allSatisfy(\.acceptsAbsence), parts: parts))
            }
            release(child)
        }
        return result
    }

    private static func condition(_ tests: [PatternTest], at node: UInt32) -> ConditionCode.Condition {
        if case .noneOf(let refused)? = tests.first {
            return ConditionCode.Condition(
                node: node, acceptsAbsence: true, refuses: true, tests: refused.prepared)
        }
        return ConditionCode.Condition(
            node: node, acceptsAbsence: tests.contains(.exists(false)), tests: tests.prepared)
    }

    // MARK: - Choices

    /// The condition by which a clause is best found: its places in the lists of conditions from the event inwards. Only a condition that
    /// absence cannot satisfy will do: then some value must be there, in an object that has everything else that is asked of it.
    private func access(of asked: [ConditionCode.Condition]) -> [Int]? {
        var best: (weight: Int, way: [Int])?
        func look(at conditions: [ConditionCode.Condition], _ way: [Int]) {
            for (index, condition) in conditions.enumerated() where !condition.acceptsAbsence {
                guard condition.parts.isEmpty else {
                    look(at: condition.parts, way + [index])
                    continue
                }
                // Attributes rather than data, other things being equal: then the data need not be read.
                let weight = weight(of: condition.tests, at: condition.node) * 2 + (way.isEmpty ? 0 : 1)
                if best.map({ weight < $0.weight }) ?? true { best = (weight, way + [index]) }
            }
        }
        look(at: asked, [])
        return best?.way
    }

    /// Takes the access out of what is asked: the place of its tests, and what remains on each level.
    private mutating func taken(
        _ way: [Int], from asked: [ConditionCode.Condition]
    ) -> (ClausePlan.Place?, levels: [[ConditionCode.Condition]]) {
        var levels: [[ConditionCode.Condition]] = []
        var inner = asked
        var place: ClausePlan.Place?
        for index in way {
            var others = inner
            let taken = others.remove(at: index)
            levels.append(others)
            // The nodes further in hold this one from now on.
            if !taken.parts.isEmpty { release(taken.node) }
            inner = taken.parts
            place = ClausePlan.Place(node: taken.node, tests: taken.tests)
        }
        return (place, levels)
    }

    /// Attributes without which reading the data would be in vain.
    private func gate(of asked: [ConditionCode.Condition]) -> ClausePlan.Place? {
        let gates = asked.filter { condition in
            condition.node != dataNode && !condition.acceptsAbsence
                && condition.tests.allSatisfy {
                    if case .key = ClausePlan.way(to: $0) { true } else { false }
                }
        }
        let best = gates.min { weight(of: $0.tests, at: $0.node) < weight(of: $1.tests, at: $1.node) }
        return best.map { ClausePlan.Place(node: $0.node, tests: $0.tests) }
    }

    /// If a clause is all about absence, the first node where nothing may be.
    private static func onlyAbsence(of asked: [ConditionCode.Condition]) -> UInt32? {
        func isAbsence(_ condition: ConditionCode.Condition) -> Bool {
            condition.parts.isEmpty
                ? !condition.refuses && condition.tests.allSatisfy { $0 == .exists(false) }
                : condition.parts.allSatisfy(isAbsence)
        }
        guard var first = asked.first, asked.allSatisfy(isAbsence) else { return nil }
        while let inner = first.parts.first { first = inner }
        return first.node
    }

    private func isData(_ node: UInt32) -> Bool {
        var node = node
        while node != Self.root {
            if node == dataNode { return true }
            node = nodes[node].parent
        }
        return false
    }

    // MARK: - Nodes

    /// The node below another one with a name, held once more.
    private mutating func holdChild(of node: UInt32, _ name: [UInt8]) -> UInt32 {
        if let index = names.find(node, name, .forward) {
            let child = names[index].value
            nodes[child].uses += 1
            return child
        }
        let child = nodes.insert(Node(opening: Opening(name: name), parent: node, uses: 1))
        if Int(child) == nodeNames.count { nodeNames.append(name) } else { nodeNames[Int(child)] = name }
        let index = names.insert(node, name, .forward)
        names[index].value = child
        nodes[node].uses += 1
        nodes[node].fields += 1
        nodes[node].nameBits |= name.withUnsafeBytes { Self.nameBit(ByteTable.address($0), $0.count) }
        if node == Self.root, name.elementsEqual("data".utf8) { dataNode = child }
        return child
    }

    /// Lets go of a node, which is taken away when nothing holds it.
    private mutating func release(_ node: UInt32) {
        nodes[node].uses -= 1
        guard nodes[node].uses == 0, node != Self.root else { return }
        let parent = nodes[node].parent
        if let index = names.find(parent, nodeNames[Int(node)], .forward) { names.remove(at: index) }
        nodeNames[Int(node)] = []
        if node == dataNode { dataNode = Self.none }
        nodes.remove(node, leaving: Node())
        nodes[parent].fields -= 1
        if nodes[parent].fields == 0 { nodes[parent].nameBits = 0 }
        release(parent)
    }
}
