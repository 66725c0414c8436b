// SPDX-License-Identifier: Apache-2.0

// One event: attributes first, since they are few and often settle the matter; then, if some pattern may still
// match because of it, one pass over the data; then the clauses of the root.

extension MatchProgram {
    /// Leaves the identifiers of the matching rules in `scratch.matched`, ascending, each once.
    func match(_ input: MatchInput, _ scratch: inout MatchScratch) {
        scratch.prepare(for: self)
        var serial = visitAttributes(of: input, &scratch)
        if dataNode != Self.none, !input.data.isEmpty, needsData(serial, scratch),
            !(input.isJSON && visit(data: input.data, serial, &scratch))
        {
            // Forget what was raised by the part that could be read. Absence must not hold either: nobody
            // knows what is in there.
            scratch.hits.removeAll(keepingCapacity: true)
            serial = visitAttributes(of: input, &scratch)
            for signal in dataAbsences { scratch.stamps[Int(signal)] = serial }
        }
        collectMatches(serial, &scratch)
    }

    private func visitAttributes(of input: MatchInput, _ scratch: inout MatchScratch) -> UInt64 {
        let serial = scratch.nextSerial()
        for attribute in input.attributes {
            let name = ByteTable.address(attribute.name)
            guard let node = child(of: Self.root, name, attribute.name.count), node != dataNode,
                nodes[Int(node)].leaf != Self.none
            else { continue }
            testAttribute(attribute.value, at: leaves[Int(nodes[Int(node)].leaf)], serial, &scratch)
        }
        return serial
    }

    @inline(__always)
    func child(of node: UInt32, _ name: UnsafeRawPointer, _ count: Int) -> UInt32? {
        guard nodes[Int(node)].nameBits & Self.nameBit(name, count) != 0 else { return nil }
        return names.find(node, name, count)
    }

    /// Whether some clause can still hold once the data is read.
    private func needsData(_ serial: UInt64, _ scratch: borrowing MatchScratch) -> Bool {
        if alwaysReadsData { return true }
        for signal in scratch.hits {
            for index in signals[Int(signal)].gates {
                let clause = clauses[Int(listeners[index])]
                if clause.groups.allSatisfy({ groups[$0].isData || holds(groups[$0], serial, scratch) }) {
                    return true
                }
            }
        }
        return false
    }

    // MARK: - Clauses

    @inline(__always)
    private func holds(_ group: Group, _ serial: UInt64, _ scratch: borrowing MatchScratch) -> Bool {
        for index in group.signals where scratch.stamps[Int(groupSignals[index])] == serial { return true }
        return group.absent != Self.none && scratch.stamps[Int(group.absent)] != serial
    }

    /// Whether a clause that was not yet found to hold in this object does.
    @inline(__always)
    private func newlyHolds(_ clause: UInt32, _ serial: UInt64, _ scratch: inout MatchScratch) -> Bool {
        guard scratch.checked[Int(clause)] != serial else { return false }
        scratch.checked[Int(clause)] = serial
        for index in clauses[Int(clause)].groups where !holds(groups[index], serial, scratch) { return false }
        return true
    }

    /// Ends the visit of an object below the root: raises what follows from it in the object around it.
    ///
    /// - Parameters:
    ///   - base: where the object's hits start.
    ///   - serial: the object's serial.
    ///   - outer: the serial of the object around it.
    func leaveObject(_ base: Int, _ serial: UInt64, _ outer: UInt64, _ scratch: inout MatchScratch) {
        let end = scratch.hits.count
        guard end > base else { return }
        for hit in base..<end {
            let signal = signals[Int(scratch.hits[hit])]
            for index in signal.checks where newlyHolds(listeners[index], serial, &scratch) {
                raise(signal: clauses[Int(listeners[index])].witness, outer, &scratch)
            }
            for index in signal.breaks {
                raise(signal: clauses[Int(listeners[index])].broken, outer, &scratch)
            }
        }
        // What was raised above now takes the place of this object's hits.
        scratch.hits.removeSubrange(base..<end)
    }

    private func collectMatches(_ serial: UInt64, _ scratch: inout MatchScratch) {
        for clause in restingClauses { collect(clause, serial, &scratch) }
        for hit in scratch.hits.indices {
            for index in signals[Int(scratch.hits[hit])].checks {
                collect(listeners[index], serial, &scratch)
            }
        }
        guard scratch.matched.count > 1 else { return }
        scratch.matched.sort()
        // A rule whose combinations match more than once is there more than once.
        var kept = 1
        for index in 1..<scratch.matched.count where scratch.matched[index] != scratch.matched[kept - 1] {
            scratch.matched[kept] = scratch.matched[index]
            kept += 1
        }
        scratch.matched.removeLast(scratch.matched.count - kept)
    }

    @inline(__always)
    private func collect(_ clause: UInt32, _ serial: UInt64, _ scratch: inout MatchScratch) {
        guard newlyHolds(clause, serial, &scratch) else { return }
        for index in clauses[Int(clause)].rules { scratch.matched.append(ruleIDs[index]) }
    }
}
