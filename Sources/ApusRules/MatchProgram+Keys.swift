// SPDX-License-Identifier: Apache-2.0

// Tests put into the indexes, and taken out again.

extension MatchProgram {
    // MARK: - Links

    /// Has values at a node that pass any of the tests rouse a step.
    mutating func add(_ place: ClausePlan.Place, rousing step: UInt32) {
        for test in place.tests {
            nodes[place.node].tests += 1
            switch ClausePlan.way(to: test) {
            case .key(let kind, let key, let length, let isTried):
                let index = addKey(place.node, kind, key, length)
                if keys[countsAt: index].links == 0, !isTried {
                    lead(index, to: step)
                } else {
                    let list = list(at: index)
                    keys[index].value = link(step, isTried ? test : nil, before: list)
                }
                keys[countsAt: index].links += 1
            case .window(let window):
                for key in window.keys {
                    let index = addKey(place.node, .cell, key, window.size)
                    keys[countsAt: index].links += 1
                    keys[index].value = link(step, test, before: keys[index].value)
                }
            case .range(let range):
                let entry = ClausePlan.entry(of: range, step: step, test: tests.insert(test))
                var root = nodes[place.node].ranges
                ranges.insert(entry, into: &root)
                nodes[place.node].ranges = root
            case .null: nodes[place.node].null = link(step, nil, before: nodes[place.node].null)
            case .yes: nodes[place.node].yes = link(step, nil, before: nodes[place.node].yes)
            case .no: nodes[place.node].no = link(step, nil, before: nodes[place.node].no)
            case .anyValue(let isTried):
                nodes[place.node].anyValue = link(
                    step, isTried ? test : nil, before: nodes[place.node].anyValue)
            }
        }
    }

    /// Undoes `add(_:rousing:)`.
    mutating func remove(_ place: ClausePlan.Place, rousing step: UInt32) {
        for test in place.tests {
            nodes[place.node].tests -= 1
            switch ClausePlan.way(to: test) {
            case .key(let kind, let key, let length, _):
                guard let index = keys.find(Self.scope(place.node, kind), key, kind.direction) else {
                    continue
                }
                keys[countsAt: index].links -= 1
                if keys[index].kind != .list {
                    (keys[index].value, keys[index].kind) = (Self.none, .list)
                } else {
                    keys[index].value = unlink(step, from: keys[index].value)
                }
                removeKey(index, place.node, kind, length)
            case .window(let window): remove(window, of: place.node, rousing: step)
            case .range(let range):
                let entry = ClausePlan.entry(of: range, step: step, test: Self.none)
                var root = nodes[place.node].ranges
                if let test = ranges.remove(entry, from: &root)?.test { tests.remove(test, leaving: nil) }
                nodes[place.node].ranges = root
            case .null: nodes[place.node].null = unlink(step, from: nodes[place.node].null)
            case .yes: nodes[place.node].yes = unlink(step, from: nodes[place.node].yes)
            case .no: nodes[place.node].no = unlink(step, from: nodes[place.node].no)
            case .anyValue: nodes[place.node].anyValue = unlink(step, from: nodes[place.node].anyValue)
            }
        }
    }

    private mutating func remove(_ window: NumberWindow, of node: UInt32, rousing step: UInt32) {
        for key in window.keys {
            guard let index = keys.find(Self.scope(node, .cell), key, .forward) else { continue }
            keys[countsAt: index].links -= 1
            keys[index].value = unlink(step, from: keys[index].value) { test in
                // The same clause may have several ranges in a cell.
                NumberWindow(code: test).map { window.isSame(as: $0) } ?? false
            }
            removeKey(index, node, .cell, window.size)
        }
    }

    /// Has a key that leads nowhere yet lead to a step only.
    private mutating func lead(_ index: Int, to number: UInt32) {
        let step = code.step(at: number)
        if step.length == 0, step.next == Self.none, (0..<Int(Self.none)).contains(step.rule) {
            (keys[index].value, keys[index].kind) = (UInt32(step.rule), .rule)
            keys[countsAt: index].step = number
        } else {
            (keys[index].value, keys[index].kind) = (number, .step)
        }
    }

    /// The list of links at a key, made one if it is a single step.
    private mutating func list(at index: Int) -> UInt32 {
        let step: UInt32
        switch keys[index].kind {
        case .list: return keys[index].value
        case .step: step = keys[index].value
        case .rule: step = keys[countsAt: index].step
        }
        keys[index].kind = .list
        return code.insertLink(to: step, [], before: Self.none)
    }

    private mutating func link(_ step: UInt32, _ test: PatternTest?, before next: UInt32) -> UInt32 {
        var run: [UInt32] = []
        if let test {
            run = ConditionCode.run(test) { tests.insert($0) }
            if run.isEmpty { run = ConditionCode.neverPassed }
        }
        return code.insertLink(to: step, run, before: next)
    }

    /// Has a clause that waits for absence tried when nothing is at a node.
    mutating func addAbsence(_ node: UInt32, trying step: UInt32) {
        if nodes[node].absence == Self.none { absenceNodes.append(node) }
        nodes[node].absence = link(step, nil, before: nodes[node].absence)
    }

    mutating func removeAbsence(_ node: UInt32, trying step: UInt32) {
        nodes[node].absence = unlink(step, from: nodes[node].absence)
        if nodes[node].absence == Self.none { absenceNodes.removeAll { $0 == node } }
    }

    /// Takes a step's first link out of a list, or the first that is `wanted` by its test; returns where the list begins then.
    private mutating func unlink(
        _ step: UInt32, from list: UInt32, _ isWanted: ((ArraySlice<UInt32>) -> Bool)? = nil
    ) -> UInt32 {
        var before = Self.none
        var link = list
        while link != Self.none,
            code.step(ofLink: link) != step || !(isWanted.map { $0(code.test(ofLink: link)) } ?? true)
        {
            (before, link) = (link, code[nextOf: link])
        }
        guard link != Self.none else { return list }
        let next = code[nextOf: link]
        code.removeLink(link) { tests.remove($0, leaving: nil) }
        guard before != Self.none else { return next }
        code[nextOf: before] = next
        return list
    }

    // MARK: - Gates

    /// Has attributes that pass any of the tests ask for the data.
    mutating func addGate(_ place: ClausePlan.Place) {
        for test in place.tests {
            guard case .key(let kind, let key, let length, _) = ClausePlan.way(to: test) else { continue }
            nodes[place.node].tests += 1
            let index = addKey(place.node, kind, key, length)
            keys[countsAt: index].gates += 1
            keys[index].isGate = true
        }
    }

    mutating func removeGate(_ place: ClausePlan.Place) {
        for test in place.tests {
            guard case .key(let kind, let key, let length, _) = ClausePlan.way(to: test),
                let index = keys.find(Self.scope(place.node, kind), key, kind.direction)
            else { continue }
            nodes[place.node].tests -= 1
            keys[countsAt: index].gates -= 1
            keys[index].isGate = keys[countsAt: index].gates > 0
            removeKey(index, place.node, kind, length)
        }
    }

    // MARK: - Keys

    private mutating func addKey(_ node: UInt32, _ kind: KeyKind, _ key: [UInt8], _ length: Int) -> Int {
        let scope = Self.scope(node, kind)
        var bits = nodes[node].lengths(kind)
        if lengths.add(scope, length, &bits) { nodes[node].kinds |= kind.bit }
        nodes[node].setLengths(kind, bits)
        return keys.insert(scope, key, kind.direction)
    }

    private mutating func removeKey(_ index: Int, _ node: UInt32, _ kind: KeyKind, _ length: Int) {
        var bits = nodes[node].lengths(kind)
        if lengths.remove(Self.scope(node, kind), length, &bits) { nodes[node].kinds &= ~kind.bit }
        nodes[node].setLengths(kind, bits)
        if keys[countsAt: index].links == 0, keys[countsAt: index].gates == 0 { keys.remove(at: index) }
    }

    // MARK: - Choice

    /// How probable it is that an event's value passes any of these tests, as far as that can be told: times `certain`.
    func weight(of tests: [PatternTest], at node: UInt32) -> Int {
        tests.reduce(0) { sum, test in
            // Sums cannot overflow: a pattern has so many tests at most.
            sum + weight(of: test, at: node)
        }
    }

    private static let certain = 1 << 20

    /// What few rules have asked for says little.
    private static let doubt = 32

    /// Events are taken to have the values that rules ask for as often as rules ask for them. So a key is probable that many look for of those
    /// who look for any at its place: the one of ten types, not the one of ten thousand customers.
    private func weight(of test: PatternTest, at node: UInt32) -> Int {
        switch ClausePlan.way(to: test) {
        case .key(let kind, let key, _, _):
            let weight = frequency(of: key, Self.scope(node, kind), kind)
            switch kind {
            case .text, .number, .folded, .block: return weight
            case .gram: return max(8 * weight, Self.certain / 32)
            default:
                // Short beginnings are met often.
                return max(2 * weight, key.count < 3 ? Self.certain / 4 : 0)
            }
        case .window(let window):
            return window.keys.reduce(0) { $0 + frequency(of: $1, Self.scope(node, .cell), .cell) }
        case .range(let range):
            // As many as there are others around the middle of it, counted up to a bound.
            let entry = ClausePlan.entry(of: range, step: Self.none, test: Self.none)
            let limit = 256
            let crowd = ranges.crowd(around: entry, in: nodes[node].ranges, limit: limit)
            return Self.certain * (crowd + limit / 16) / limit
        case .null, .yes, .no: return Self.certain / 2
        case .anyValue: return 1 << 30
        }
    }

    private func frequency(of key: [UInt8], _ scope: UInt32, _ kind: KeyKind) -> Int {
        let counts = keys.find(scope, key, kind.direction).map { keys[countsAt: $0] }
        let asking = counts.map { Int($0.links) + Int($0.gates) } ?? 0
        return Self.certain * (asking + 1) / (lengths.total(scope) + Self.doubt)
    }
}

extension MatchProgram.KeyKind {
    /// Which end of a key its hash starts from.
    var direction: ByteTable.Direction {
        switch self {
        case .suffix, .foldedSuffix, .markedSuffix: .backward
        default: .forward
        }
    }
}

extension MatchProgram.Node {
    /// The lengths of keys of a kind, of which only ends of texts have several.
    fileprivate func lengths(_ kind: MatchProgram.KeyKind) -> UInt64 {
        switch kind {
        case .prefix: prefixes
        case .suffix: suffixes
        case .foldedPrefix: foldedPrefixes
        case .foldedSuffix: foldedSuffixes
        case .markedPrefix: markedPrefixes
        case .markedSuffix: markedSuffixes
        case .cell: cells
        default: 0
        }
    }

    fileprivate mutating func setLengths(_ kind: MatchProgram.KeyKind, _ bits: UInt64) {
        switch kind {
        case .prefix: prefixes = bits
        case .suffix: suffixes = bits
        case .foldedPrefix: foldedPrefixes = bits
        case .foldedSuffix: foldedSuffixes = bits
        case .markedPrefix: markedPrefixes = bits
        case .markedSuffix: markedSuffixes = bits
        case .cell: cells = bits
        default: break
        }
    }
}
