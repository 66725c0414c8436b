// SPDX-License-Identifier: Apache-2.0

// Keys looked up in the table of all keys, those of one object at a time. With a hundred thousand rules the table is far larger than the caches
// near the processor, and a look is mostly waiting. So first all places are read that will be looked at, without looking: the processor waits
// for all of them at once. The same again for the few that may be there.

extension MatchRun {
    /// Has a key looked up when the object ends, with others.
    @inline(__always)
    func probe(
        _ scope: UInt32, _ hash: UInt64, _ key: UnsafeRawPointer, _ length: Int, _ value: MatchValue,
        _ frame: Int
    ) {
        memory.pointee.probes.append(
            MatchMemory.Probe(
                hash: hash, scope: scope, length: UInt32(truncatingIfNeeded: length),
                key: UInt(bitPattern: key),
                value: value, frame: frame))
    }

    /// Has a key of two words looked up when the object ends.
    @inline(__always)
    func probe(_ scope: UInt32, _ words: (UInt64, UInt64), _ value: MatchValue, _ frame: Int) {
        let hash = withUnsafeBytes(of: words) { keys.hash(scope, ByteTable.address($0), $0.count, .forward) }
        memory.pointee.probes.append(
            MatchMemory.Probe(
                hash: hash, scope: scope, length: 16, key: 0, words: words, value: value, frame: frame))
    }

    /// Looks up the keys that the values of an object may have, and rouses what is found.
    func runProbes(of frame: Int) { runProbes(from: memory.pointee.frames[frame].firstProbe) }

    func runProbes(from first: Int) {
        let end = memory.pointee.probes.count
        guard first < end else { return }
        var sink: UInt64 = 0
        for index in first..<end {
            sink ^= UInt64(keys.tag(at: keys.home(memory.pointee.probes[index].hash)))
        }
        memory.pointee.candidates.count = 0
        for index in first..<end {
            let hash = memory.pointee.probes[index].hash
            if let place = keys.candidate(hash, from: keys.home(hash)) {
                memory.pointee.candidates.append((index, place))
            }
        }
        for index in 0..<memory.pointee.candidates.count {
            sink ^= UInt64(keys[memory.pointee.candidates[index].place].value)
        }
        // What is found takes the place of what was only a candidate.
        var count = 0
        for index in 0..<memory.pointee.candidates.count {
            let (probe, place) = memory.pointee.candidates[index]
            guard let place = look(memory.pointee.probes[probe], from: place) else { continue }
            memory.pointee.candidates[count] = (probe, place)
            count &+= 1
            let slot = keys[place]
            if slot.isStep {
                sink ^= UInt64(steps[Int(slot.value)].code) ^ memory.pointee.roused[Int(slot.value)].object
            }
        }
        memory.pointee.sink = sink
        for index in 0..<count {
            let (number, place) = memory.pointee.candidates[index]
            let probe = memory.pointee.probes[number]
            found(place, probe.scope, probe.value, probe.frame)
        }
        memory.pointee.probes.count = first
    }

    /// The place of one key, looked for from a place on that has its tag.
    @inline(__always)
    private func look(_ probe: MatchMemory.Probe, from place: Int) -> Int? {
        var probe = probe
        let length = Int(probe.length)
        var next: Int? = place
        while let index = next {
            let isFound =
                if let key = UnsafeRawPointer(bitPattern: probe.key) {
                    keys.isKey(at: index, probe.scope, key, length)
                } else {
                    withUnsafeBytes(of: &probe.words) {
                        keys.isKey(
                            at: index, probe.scope, ByteTable.address(UnsafeRawBufferPointer($0)), length)
                    }
                }
            if isFound { return index }
            next = keys.candidate(probe.hash, after: index)
        }
        return nil
    }

    /// Rouses what a key leads to.
    @inline(__always)
    func found(_ index: Int?, _ scope: UInt32, _ value: MatchValue, _ frame: Int) {
        guard let index else { return }
        let slot = keys[index]
        if slot.isGate { memory.pointee.needsData = true }
        if slot.isStep { return rouse(slot.value, in: frame) }
        if scope & 15 == MatchProgram.KeyKind.cell.rawValue {
            rouseWindows(slot.value, value, frame)
        } else {
            rouse(list: slot.value, value, frame)
        }
    }

    private func rouseWindows(_ list: UInt32, _ value: MatchValue, _ frame: Int) {
        let (number, isExact) = NumberText(value.bytes).double(value.bytes)
        var next = list
        while next != Self.none {
            let link = links[Int(next)]
            next = link.next
            let window = windows[Int(link.test)]
            if window.holds(number, isExact: isExact) ?? passes(value, window.test) {
                rouse(link.step, in: frame)
            }
        }
    }
}
