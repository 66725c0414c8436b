// SPDX-License-Identifier: Apache-2.0

// Keys looked up in the table of all keys, many of them together, in four rounds: whether one may be there (its tag tells, and nearly all are
// not), where it stands, what it leads to, what that leads to. Each round asks for the memory that the next one looks at.

import CApus

extension MatchRun {
    /// Has a key looked up later, with others.
    @inline(__always)
    func probe(
        _ scope: UInt32, _ hash: UInt64, _ key: UnsafeRawPointer, _ length: Int, _ value: MatchValue,
        _ frame: Int
    ) {
        probe(hash, UInt(bitPattern: key), (0, 0), value, scope, length, frame)
    }

    /// Has a key of two words looked up later.
    @inline(__always)
    func probe(_ scope: UInt32, _ words: (UInt64, UInt64), _ value: MatchValue, _ frame: Int) {
        probe(keys.hash(scope, words), 0, words, value, scope, 16, frame)
    }

    @inline(__always)
    private func probe(
        _ hash: UInt64, _ key: UInt, _ words: (UInt64, UInt64), _ value: MatchValue, _ scope: UInt32,
        _ length: Int, _ frame: Int
    ) {
        keys.prefetch(tagsOf: hash)
        memory.pointee.probes.append(
            MatchMemory.Probe(
                hash: hash, key: key, words: words, start: value.start,
                count: UInt32(truncatingIfNeeded: value.count), scope: scope,
                length: UInt32(truncatingIfNeeded: length), frame: UInt32(truncatingIfNeeded: frame),
                kind: value.kind))
        if memory.pointee.probes.count >= memory.pointee.batchKeys { runProbes() }
    }

    /// Looks up the keys, and rouses what is found.
    @inline(never)
    func runProbes() {
        let count = memory.pointee.probes.count
        guard count > 0 else { return }
        findCandidates(count)
        memory.pointee.found.count = 0
        for index in 0..<memory.pointee.candidates.count {
            let (number, place) = memory.pointee.candidates[index]
            guard let slot = look(number, from: Int(place)) else { continue }
            memory.pointee.found.append((number, slot))
            switch slot.kind {
            case .rule: break
            case .step: prefetch(step: slot.value)
            case .list: prefetch(link: slot.value)
            }
        }
        memory.pointee.arriving.count = 0
        for index in 0..<memory.pointee.found.count {
            let (number, slot) = memory.pointee.found[index]
            if slot.isGate { memory.pointee.needsData = true }
            let frame = memory.pointee.probes[Int(number)].frame
            switch slot.kind {
            case .rule: find(rule: slot.value)
            case .step: memory.pointee.arriving.append((slot.value, frame))
            case .list:
                forEachStep(of: slot.value, memory.pointee.probes[Int(number)].value) { step in
                    prefetch(step: step)
                    memory.pointee.arriving.append((step, frame))
                }
            }
        }
        memory.pointee.probes.count = 0
        for index in 0..<memory.pointee.arriving.count {
            let (step, frame) = memory.pointee.arriving[index]
            rouse(step, in: Int(frame))
        }
    }

    /// Finds those of so many probes whose keys may be there.
    @inline(__always)
    private func findCandidates(_ count: Int) {
        memory.pointee.candidates.reserve(count)
        memory.pointee.candidates.count = count
        let kept = memory.pointee.probes.withElements { probes in
            memory.pointee.candidates.withElements { candidates in
                let probes = UnsafePointer(probes.baseAddress), candidates = candidates.baseAddress
                guard let probes, let candidates else { return 0 }
                var kept = 0
                for index in 0..<count {
                    let place = keys.place(probes[index].hash)
                    // Written in any case, and kept only if it is one.
                    candidates[kept] = (
                        UInt32(truncatingIfNeeded: index), UInt32(truncatingIfNeeded: place)
                    )
                    keys.prefetch(place)
                    kept &+= 1 &+ place &>> 63
                }
                return kept
            }
        }
        memory.pointee.candidates.count = kept
    }

    /// Has a step brought near, and the next line if it may go on there.
    @inline(__always)
    private func prefetch(step place: UInt32) {
        capus_prefetch(code + Int(place))
        if place & 15 > 4 { capus_prefetch(code + (Int(place) &+ 16)) }
    }

    /// Has a link brought near, and the step, which mostly stands before it.
    @inline(__always)
    private func prefetch(link place: UInt32) {
        guard place != Self.none else { return }
        capus_prefetch(code + Int(place))
        capus_prefetch(code + max(Int(place) &- 16, 0))
    }

    /// Takes a rule that asks for nothing else than what was found.
    @inline(__always)
    private func find(rule: UInt32) {
        guard memory.pointee.roused.insert(rule: rule) else { return }
        memory.pointee.work &+= 1
        memory.pointee.matched.append(Int(rule))
    }

    /// Where the key of a probe leads to, looked for from the first place on that has its tag; nil if it is not there.
    @inline(__always)
    private func look(_ number: UInt32, from place: Int) -> ByteTable.Slot? {
        let number = Int(number)
        let (scope, length) = (memory.pointee.probes[number].scope, memory.pointee.probes[number].length)
        var index = place
        while true {
            let isFound =
                if let key = UnsafeRawPointer(bitPattern: memory.pointee.probes[number].key) {
                    keys.isKey(at: index, scope, key, Int(length))
                } else {
                    keys.isKey(at: index, scope, memory.pointee.probes[number].words)
                }
            if isFound { return keys[index] }
            guard let next = keys.candidate(memory.pointee.probes[number].hash, after: index) else {
                return nil
            }
            index = next
        }
    }

    /// Rouses what a key leads to, at once.
    @inline(never)
    func rouse(key index: Int?, _ value: MatchValue, _ frame: Int) {
        guard let index else { return }
        let slot = keys[index]
        if slot.isGate { memory.pointee.needsData = true }
        switch slot.kind {
        case .rule: find(rule: slot.value)
        case .step: rouse(slot.value, in: frame)
        case .list: rouse(list: slot.value, value, frame)
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
