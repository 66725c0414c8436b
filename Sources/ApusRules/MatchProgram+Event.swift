// SPDX-License-Identifier: Apache-2.0

// One event: attributes first, since they are few and often settle the matter; then, if some pattern may still match because of it, one pass
// over the data; then what was roused in the event itself.

extension MatchProgram {
    /// Finds the matching rules; their identifiers, ascending, each once, are in the memory's `matched`.
    func match(_ input: MatchInput, _ memory: UnsafeMutablePointer<MatchMemory>) {
        memory.pointee.begin(nodes: nodes.end)
        memory.pointee.longLengths = lengths.long
        withRun(memory, input.data) { run in
            visitAttributes(of: input, run)
            run.runProbes()
            var isReadable = true
            if dataNode != Self.none, !input.data.isEmpty, memory.pointee.needsData || dataReaders > 0 {
                let matched = memory.pointee.matched.count
                isReadable = visitData(of: input, run)
                if !isReadable {
                    // Nobody knows what is in there: what was found so far does not count, and absence does not either.
                    memory.pointee.matched.count = matched
                    run.abandon()
                }
            }
            run.leave(0)
            run.runBatch(isReadable: isReadable)
            findAbsences(isReadable: isReadable, run)
        }
        memory.pointee.matched.sortUniquely()
    }

    /// Calls `body` with the places of all arrays.
    @inline(__always)
    private func withRun(
        _ memory: UnsafeMutablePointer<MatchMemory>, _ data: UnsafeRawBufferPointer,
        _ body: (MatchRun) -> Void
    ) {
        names.withReader { names in
            keys.withReader { keys in
                ranges.withReader { ranges in
                    nodes.values.withUnsafeBufferPointer { nodes in
                        code.words.withUnsafeBufferPointer { code in
                            tests.values.withUnsafeBufferPointer { tests in
                                body(
                                    MatchRun(
                                        nodes: address(nodes), nodeCount: nodes.count, code: address(code),
                                        tests: address(tests), names: names, keys: keys, ranges: ranges,
                                        memory: memory, pass: JSONPass(data)))
                            }
                        }
                    }
                }
            }
        }
    }

    /// An address also for an array that is empty, of which nothing is read.
    @inline(__always)
    private func address<Value>(_ values: UnsafeBufferPointer<Value>) -> UnsafePointer<Value> {
        values.baseAddress
            ?? ByteTable.address(UnsafeRawBufferPointer(start: nil, count: 0)).assumingMemoryBound(
                to: Value.self)
    }

    private func visitAttributes(of input: MatchInput, _ run: MatchRun) {
        for attribute in input.attributes {
            let name = ByteTable.address(attribute.name)
            guard let node = run.child(of: Self.root, name, attribute.name.count), node != dataNode else {
                continue
            }
            run.visit(MatchValue(kind: .attribute, bytes: attribute.value), at: node, in: 0)
        }
    }

    private func visitData(of input: MatchInput, _ run: MatchRun) -> Bool {
        switch input.dataKind {
        case .json: run.visitJSON(dataNode)
        case .xml: run.visit(xml: input.data, dataNode)
        case .other: false
        }
    }

    // MARK: - Absence

    /// Tries the steps that no value rouses. Each is the only one of its clause.
    private func findAbsences(isReadable: Bool, _ run: MatchRun) {
        for node in absenceNodes where !hasValue(node, run.memory) {
            var link = nodes[node].absence
            while link != Self.none {
                run.memory.pointee.work &+= 1
                run.attempt(code.step(ofLink: link), in: 0, isReadable: isReadable)
                link = code[nextOf: link]
            }
        }
        for step in restless {
            run.memory.pointee.work &+= 1
            run.attempt(step, in: 0, isReadable: isReadable)
        }
    }

    /// Whether there was a value anywhere in the event at a node.
    private func hasValue(_ node: UInt32, _ memory: UnsafeMutablePointer<MatchMemory>) -> Bool {
        var number = memory.pointee.last[Int(node)]
        while number >= memory.pointee.base {
            let entry = memory.pointee.entry(number)
            if entry.kind != .object { return true }
            number = entry.previous
        }
        return false
    }
}

extension Buffer<Int> {
    /// Sorts, and leaves one of each.
    fileprivate mutating func sortUniquely() {
        guard count > 1 else { return }
        if count <= 16 {
            // Mostly there are few. All that are before are looked at, since where to stop could not be guessed.
            for index in 1..<count {
                var greatest = self[index]
                for place in 0..<index {
                    let value = self[place]
                    self[place] = min(value, greatest)
                    greatest = max(value, greatest)
                }
                self[index] = greatest
            }
        } else {
            withElements { $0.sort() }
        }
        var kept = 1
        for index in 1..<count where self[index] != self[kept &- 1] {
            self[kept] = self[index]
            kept &+= 1
        }
        count = kept
    }
}
