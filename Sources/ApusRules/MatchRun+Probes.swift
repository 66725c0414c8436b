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
        expect(
            MatchMemory.Candidate(
                hash: hash, key: UInt(bitPattern: key), value: value, scope: scope,
                length: UInt32(truncatingIfNeeded: length), place: place, frame: frame))
    }

    /// Has a key of two words looked up later.
    @inline(__always)
    func probe(_ scope: UInt32, _ words: (UInt64, UInt64), _ value: MatchValue, _ frame: Int) {
        let hash = withUnsafeBytes(of: words) { keys.hash(scope, ByteTable.address($0), $0.count, .forward) }
        guard let place = keys.candidate(hash, from: keys.home(hash)) else { return }
        expect(
            MatchMemory.Candidate(
                hash: hash, key: 0, words: words, value: value, scope: scope, length: 16, place: place,
                frame: frame))
    }

    @inline(__always)
    private func expect(_ candidate: MatchMemory.Candidate) {
        keys.prefetch(candidate.place)
        memory.pointee.candidates.append(candidate)
        if memory.pointee.candidates.count >= MatchMemory.batchKeys { runCandidates() }
    }

    /// Looks up the keys that may be there, and rouses what is found.
    @inline(never)
    func runCandidates() {
        guard memory.pointee.candidates.count > 0 else { return }
        // What is found takes the place of what was only a candidate.
        var count = 0
        for index in 0..<memory.pointee.candidates.count {
            var candidate = memory.pointee.candidates[index]
            guard let place = look(candidate) else { continue }
            candidate.place = place
            memory.pointee.candidates[count] = candidate
            count &+= 1
            prefetch(keys[place].value)
        }
        memory.pointee.arriving.count = 0
        for index in 0..<count {
            let candidate = memory.pointee.candidates[index]
            found(candidate.place, candidate.value, candidate.frame)
        }
        memory.pointee.candidates.count = 0
        for index in 0..<memory.pointee.arriving.count {
            let (step, frame) = memory.pointee.arriving[index]
            rouse(step, in: frame)
        }
    }

    /// Has a step or a link brought near; it may go on in the next line.
    @inline(__always)
    private func prefetch(_ place: UInt32) {
        guard place != Self.none else { return }
        capus_prefetch(code + Int(place))
        capus_prefetch(code + (Int(place) &+ 16))
    }

    /// The place of one key, looked for from a place on that has its tag.
    @inline(__always)
    private func look(_ candidate: MatchMemory.Candidate) -> Int? {
        var words = candidate.words
        let length = Int(candidate.length)
        var next: Int? = candidate.place
        while let index = next {
            let isFound =
                if let key = UnsafeRawPointer(bitPattern: candidate.key) {
                    keys.isKey(at: index, candidate.scope, key, length)
                } else {
                    withUnsafeBytes(of: &words) {
                        keys.isKey(
                            at: index, candidate.scope, ByteTable.address(UnsafeRawBufferPointer($0)), length)
                    }
                }
            if isFound { return index }
            next = keys.candidate(candidate.hash, after: index)
        }
        return nil
    }

    /// Has the steps that a key leads to roused.
    @inline(__always)
    private func found(_ index: Int, _ value: MatchValue, _ frame: Int) {
        let slot = keys[index]
        if slot.isGate { memory.pointee.needsData = true }
        guard !slot.isStep else { return memory.pointee.arriving.append((slot.value, frame)) }
        forEachStep(of: slot.value, value) { step in
            prefetch(step)
            memory.pointee.arriving.append((step, frame))
        }
    }

    /// Rouses what a key leads to, at once.
    @inline(__always)
    func rouse(key index: Int?, _ value: MatchValue, _ frame: Int) {
        guard let index else { return }
        let slot = keys[index]
        if slot.isGate { memory.pointee.needsData = true }
        if slot.isStep { rouse(slot.value, in: frame) } else { rouse(list: slot.value, value, frame) }
    }

    /// Rouses the steps of a list, at once.
    @inline(__always)
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
