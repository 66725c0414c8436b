// SPDX-License-Identifier: Apache-2.0

// Keys looked up in the table of all keys, in four rounds: whether one may be there (its tag tells, at once, and nearly all are not), and for many
// together where it stands, what it leads to, what that leads to. Each round asks for the memory that the next one looks at.

import CApus

extension MatchRun {
    /// Has a key looked up later, with others, if it may be there.
    @inline(__always)
    func probe(
        _ scope: UInt32, _ hash: UInt64, _ key: UnsafeRawPointer, _ length: Int, _ value: MatchValue,
        _ frame: Int
    ) {
        probe(
            hash, UInt64(UInt(bitPattern: key)), value, scope, UInt32(truncatingIfNeeded: length), frame)
    }

    /// Has a key of two words, of which the second is small, looked up later if it may be there.
    @inline(__always)
    func probe(_ scope: UInt32, _ words: (UInt64, Int32), _ value: MatchValue, _ frame: Int) {
        let last = UInt32(bitPattern: words.1)
        probe(keys.hash(scope, (words.0, Self.word(last))), words.0, value, scope, last, frame)
    }

    /// The second word of a key, of which a probe keeps half.
    @inline(__always)
    private static func word(_ half: UInt32) -> UInt64 { UInt64(bitPattern: Int64(Int32(bitPattern: half))) }

    @inline(__always)
    private func probe(
        _ hash: UInt64, _ key: UInt64, _ value: MatchValue, _ scope: UInt32, _ length: UInt32, _ frame: Int
    ) {
        // Written in any case, and kept only if it may be there: whether it is cannot be guessed, and mostly it is not.
        memory.pointee.probes.write(
            MatchMemory.Probe(
                hash: hash, key: key, start: value.start, count: UInt32(truncatingIfNeeded: value.count),
                scope: scope, length: length, frame: UInt32(truncatingIfNeeded: frame), kind: value.kind),
            keep: keys.mayHave(hash))
        if memory.pointee.probes.count >= memory.pointee.batchKeys { runProbes() }
    }

    /// Looks up the keys, and rouses what is found.
    @inline(never)
    func runProbes() {
        let count = memory.pointee.probes.count
        guard count > 0 else { return }
        memory.pointee.found.count = 0
        memory.pointee.arriving.count = 0
        for index in 0..<count {
            guard let slot = look(index) else { continue }
            let value = slot.pointee.value
            if slot.pointee.isGate { memory.pointee.needsData = true }
            switch slot.pointee.kind {
            case .rule: find(rule: value)
            case .step:
                prefetch(step: value)
                memory.pointee.arriving.append((value, memory.pointee.probes[index].frame))
            case .list:
                prefetch(link: value)
                memory.pointee.found.append((UInt32(truncatingIfNeeded: index), value))
            }
        }
        for index in 0..<memory.pointee.found.count {
            let (number, list) = memory.pointee.found[index]
            let frame = memory.pointee.probes[Int(number)].frame
            forEachStep(of: list, memory.pointee.probes[Int(number)].value) { step in
                prefetch(step: step)
                memory.pointee.arriving.append((step, frame))
            }
        }
        memory.pointee.probes.count = 0
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

    /// The key of a probe, nil if it is not there.
    @inline(__always)
    private func look(_ number: Int) -> UnsafePointer<ByteTable.Slot>? {
        let probe = memory.pointee.probes[number]
        guard MatchProgram.isOfWords(probe.scope) else {
            let key = UnsafeRawPointer(bitPattern: UInt(truncatingIfNeeded: probe.key)) ?? probe.start
            return keys.find(probe.scope, probe.hash, key, Int(probe.length))
        }
        return keys.find(probe.scope, probe.hash, 16, (probe.key, Self.word(probe.length)))
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
