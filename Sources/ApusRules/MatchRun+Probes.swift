// SPDX-License-Identifier: Apache-2.0

// Keys looked up in the table of all keys, many together and in rounds: whether one may be there (its tag tells, and nearly all are not), where it
// stands, what it leads to, what that leads to. Each round asks for the memory that the next one looks at, and what a key turns out to be
// decides where something is written rather than which way the processor goes: nobody could guess that, and each guess that is
// wrong costs as much as looking up a key.

import CApus

extension MatchRun {
    /// Has a text looked up later, with others.
    @inline(__always)
    func probe(
        _ scope: UInt32, _ key: UnsafeRawPointer, _ length: Int, _ direction: ByteTable.Direction,
        _ value: MatchValue, _ frame: Int
    ) {
        guard length <= ByteTable.shortKeyMax else {
            return probe(scope, keys.hash(scope, key, length, direction), long: key, length, value, frame)
        }
        let words = ByteTable.words(key, length)
        let hash = keys.hash(scope, length, words)
        probe(hash, words, value, scope, UInt32(truncatingIfNeeded: length), frame)
    }

    /// Has a text that is too long for two words looked up later.
    @inline(never)
    func probe(
        _ scope: UInt32, _ hash: UInt64, long key: UnsafeRawPointer, _ length: Int, _ value: MatchValue,
        _ frame: Int
    ) {
        let words = (UInt64(UInt(bitPattern: key)), UInt64(0))
        probe(hash, words, value, scope, UInt32(truncatingIfNeeded: length), frame)
    }

    /// Has a key of two words looked up later.
    @inline(__always)
    func probe(_ scope: UInt32, _ words: (UInt64, UInt64), _ value: MatchValue, _ frame: Int) {
        probe(keys.hash(scope, 16, words), words, value, scope, 16, frame)
    }

    @inline(__always)
    private func probe(
        _ hash: UInt64, _ words: (UInt64, UInt64), _ value: MatchValue, _ scope: UInt32, _ length: UInt32,
        _ frame: Int
    ) {
        memory.pointee.probes.write(
            MatchMemory.Probe(
                hash: hash, first: words.0, last: words.1, start: value.start,
                count: UInt32(truncatingIfNeeded: value.count), scope: scope, length: length,
                frame: UInt32(truncatingIfNeeded: frame), kind: value.kind), adding: 1)
        if memory.pointee.probes.count >= memory.pointee.batchKeys { runProbes() }
    }

    /// Looks up the keys, and rouses what is found.
    @inline(never)
    func runProbes() {
        guard memory.pointee.probes.count > 0 else { return }
        sift()
        look()
        memory.pointee.probes.count = 0
        for index in 0..<memory.pointee.foundRules.count { find(rule: memory.pointee.foundRules[index]) }
        for index in 0..<memory.pointee.found.count {
            let (number, list) = memory.pointee.found[index]
            // They are still there, though not counted any more.
            let probe = memory.pointee.probes.base + Int(number)
            forEachStep(of: list, probe.pointee.value) { step in
                prefetch(step: step)
                memory.pointee.arriving.append((step, probe.pointee.frame))
            }
        }
        for index in 0..<memory.pointee.arriving.count {
            let (step, frame) = memory.pointee.arriving[index]
            rouse(step, in: Int(frame))
        }
    }

    /// Finds out which keys may be there, and where.
    @inline(__always)
    private func sift() {
        let probes = memory.pointee.probes
        var candidates = memory.pointee.candidates
        candidates.count = 0
        for index in 0..<probes.count {
            let slots = keys.candidates(probes[index].hash)
            candidates.write(
                MatchMemory.Candidate(probe: UInt32(truncatingIfNeeded: index), slots: slots),
                adding: capus_count(slots != 0))
        }
        for index in 0..<candidates.count {
            let candidate = candidates[index]
            capus_prefetch(keys.slot(probes[Int(candidate.probe)].hash, candidate.slots))
        }
        memory.pointee.candidates.count = candidates.count
    }

    /// Looks at the keys that may be there, and sorts what they lead to by its kind.
    @inline(__always)
    private func look() {
        let (probes, candidates) = (memory.pointee.probes, memory.pointee.candidates)
        var (rules, steps, lists) = (
            memory.pointee.foundRules, memory.pointee.arriving, memory.pointee.found
        )
        (rules.count, steps.count, lists.count) = (0, 0, 0)
        var gates: Int64 = 0
        for index in 0..<candidates.count {
            let candidate = candidates[index]
            let probe = probes.base + Int(candidate.probe)
            var slot = keys.slot(probe.pointee.hash, candidate.slots)
            var isThere = slot.pointee.isShort(
                probe.pointee.scope, probe.pointee.length, (probe.pointee.first, probe.pointee.last))
            if !ByteTable.Reader.isOnly(candidate.slots)
                || probe.pointee.length > UInt32(ByteTable.shortKeyMax)
            {
                let found = find(probe)
                isThere = found != nil
                slot = found ?? slot
            }
            let (value, kind) = (slot.pointee.value, slot.pointee.kind.rawValue)
            let there = capus_count(isThere)
            gates |= there & capus_count(slot.pointee.isGate)
            let (isRule, isStep, isList) = (
                there & capus_count(kind == ByteTable.Kind.rule.rawValue),
                there & capus_count(kind == ByteTable.Kind.step.rawValue),
                there & capus_count(kind == ByteTable.Kind.list.rawValue)
            )
            prefetch(Int(value) & Int(0 &- (isStep | isList)))
            rules.write(value, adding: isRule)
            steps.write((value, probe.pointee.frame), adding: isStep)
            lists.write((candidate.probe, value), adding: isList)
        }
        memory.pointee.foundRules.count = rules.count
        memory.pointee.arriving.count = steps.count
        memory.pointee.found.count = lists.count
        if gates != 0 { memory.pointee.needsData = true }
    }

    /// Has a step or a link brought near, and what stands beside it: a link mostly stands behind its step, and a step may go on in the next line.
    @inline(__always)
    private func prefetch(_ place: Int) {
        // It may be none, and what is far outside is not fetched.
        capus_prefetch(UnsafeRawPointer(code).advanced(by: place &* 4))
        capus_prefetch(UnsafeRawPointer(code).advanced(by: place &* 4 &- 64))
    }

    /// Has a step brought near, and the next line if it may go on there.
    @inline(__always)
    private func prefetch(step place: UInt32) {
        capus_prefetch(code + Int(place))
        if place & 15 > 4 { capus_prefetch(code + (Int(place) &+ 16)) }
    }

    /// Takes a rule that asks for nothing else than what was found.
    @inline(__always)
    private func find(rule: UInt32) {
        guard memory.pointee.roused.insert(rule: rule) else { return }
        memory.pointee.work &+= 1
        memory.pointee.matched.append(Int(rule))
    }

    /// The key of a probe, nil if it is not there.
    @inline(never)
    private func find(
        _ probe: UnsafePointer<MatchMemory.Probe>
    ) -> UnsafePointer<ByteTable.Slot>? {
        let probe = probe.pointee
        guard probe.length > UInt32(ByteTable.shortKeyMax) else {
            return keys.find(probe.scope, probe.hash, Int(probe.length), (probe.first, probe.last))
        }
        let key = UnsafeRawPointer(bitPattern: UInt(truncatingIfNeeded: probe.first)) ?? probe.start
        return keys.find(probe.scope, probe.hash, key, Int(probe.length))
    }

    /// Rouses what a key leads to, at once.
    @inline(never)
    func rouse(key slot: UnsafePointer<ByteTable.Slot>?, _ value: MatchValue, _ frame: Int) {
        guard let slot else { return }
        if slot.pointee.isGate { memory.pointee.needsData = true }
        switch slot.pointee.kind {
        case .rule: find(rule: slot.pointee.value)
        case .step: rouse(slot.pointee.value, in: frame)
        case .list: rouse(list: slot.pointee.value, value, frame)
        }
    }

    /// Rouses the steps of a list, at once.
    @inline(never)
    func rouse(list: UInt32, _ value: MatchValue, _ frame: Int) {
        forEachStep(of: list, value) { rouse($0, in: frame) }
    }

    /// Calls `body` with the steps of those links of a list whose tests a value passes.
    @inline(__always)
    private func forEachStep(of list: UInt32, _ value: MatchValue, _ body: (UInt32) -> Void) {
        var next = list
        while next != Self.none {
            let link = Int(next)
            next = code[link]
            if passes(testAt: link &+ ConditionCode.linkHead, value) { body(code[link &+ 1]) }
        }
    }
}
