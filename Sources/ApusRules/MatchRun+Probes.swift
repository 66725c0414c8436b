// SPDX-License-Identifier: Apache-2.0

// Keys looked up in the table of all keys. Whether one may be there is told by its tag, at once; nearly all are not. The others are asked for and
// looked at together, in three rounds: where they stand, what they lead to, what that leads to.

import CApus

extension MatchRun {
    /// Has a key looked up later, with others, if it may be there.
    @inline(__always)
    func probe(
        _ scope: UInt32, _ hash: UInt64, _ key: UnsafeRawPointer, _ length: Int, _ value: MatchValue,
        _ frame: Int
    ) {
        guard let place = keys.candidate(hash, from: keys.home(hash)) else { return }
        expect(hash, UInt(bitPattern: key), (0, 0), value, scope, length, place, frame)
    }

    /// Has a key of two words looked up later.
    @inline(__always)
    func probe(_ scope: UInt32, _ words: (UInt64, UInt64), _ value: MatchValue, _ frame: Int) {
        let hash = keys.hash(scope, words)
        guard let place = keys.candidate(hash, from: keys.home(hash)) else { return }
        expect(hash, 0, words, value, scope, 16, place, frame)
    }

    @inline(__always)
    private func expect(
        _ hash: UInt64, _ key: UInt, _ words: (UInt64, UInt64), _ value: MatchValue, _ scope: UInt32,
        _ length: Int, _ place: Int, _ frame: Int
    ) {
        keys.prefetch(place)
        memory.pointee.candidates.append(
            MatchMemory.Candidate(
                hash: hash, key: key, words: words, value: value, scope: scope,
                length: UInt32(truncatingIfNeeded: length), place: UInt32(truncatingIfNeeded: place),
                frame: UInt32(truncatingIfNeeded: frame)))
        if memory.pointee.candidates.count >= MatchMemory.batchKeys { runCandidates() }
    }

    /// Looks up the keys that may be there, and rouses what is found.
    @inline(never)
    func runCandidates() {
        let count = memory.pointee.candidates.count
        guard count > 0 else { return }
        memory.pointee.found.count = 0
        memory.pointee.candidates.withElements { candidates in
            for index in 0..<count {
                guard let slot = look(candidates[index]) else { continue }
                memory.pointee.found.append((index, slot))
                switch slot.kind {
                case .rule: break
                case .step: prefetch(step: slot.value)
                case .list: prefetch(link: slot.value)
                }
            }
        }
        memory.pointee.arriving.count = 0
        for index in 0..<memory.pointee.found.count {
            let (number, slot) = memory.pointee.found[index]
            if slot.isGate { memory.pointee.needsData = true }
            let frame = memory.pointee.candidates[number].frame
            switch slot.kind {
            case .rule: find(rule: slot.value)
            case .step: memory.pointee.arriving.append((slot.value, frame))
            case .list:
                forEachStep(of: slot.value, memory.pointee.candidates[number].value) { step in
                    prefetch(step: step)
                    memory.pointee.arriving.append((step, frame))
                }
            }
        }
        memory.pointee.candidates.count = 0
        for index in 0..<memory.pointee.arriving.count {
            let (step, frame) = memory.pointee.arriving[index]
            rouse(step, in: Int(frame))
        }
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

    /// Where a key leads to, looked for from the first place on that has its tag; nil if it is not there.
    @inline(__always)
    private func look(_ candidate: MatchMemory.Candidate) -> ByteTable.Slot? {
        var index = Int(candidate.place)
        while true {
            let isFound =
                if let key = UnsafeRawPointer(bitPattern: candidate.key) {
                    keys.isKey(at: index, candidate.scope, key, Int(candidate.length))
                } else {
                    keys.isKey(at: index, candidate.scope, candidate.words)
                }
            if isFound { return keys[index] }
            guard let next = keys.candidate(candidate.hash, after: index) else { return nil }
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
