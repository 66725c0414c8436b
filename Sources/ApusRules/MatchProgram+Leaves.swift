// SPDX-License-Identifier: Apache-2.0

// One value at one node: noted if some clause may want to look at it later, and every clause whose access it satisfies is roused. Each kind of
// test is found through an index, so the cost follows the value's length and the tests that hold, not the tests there are.

extension MatchRun {
    /// Takes a value of the object of a frame. `isStored` says that its bytes are the last of the scratch's texts, too.
    func visit(
        _ value: MatchValue, at node: UInt32, in frame: Int, isStored: Bool = false
    ) {
        guard take(value, at: node, in: frame, isStored: isStored) else { return }
        // A text that does not stand in the event is there only now.
        defer { if isStored { runProbes() } }
        switch value.kind {
        case .text: findText(value, node, frame)
        case .number: findNumber(value, node, frame)
        case .null: rouse(list: nodes[Int(node)].null, value, frame)
        case .yes: rouse(list: nodes[Int(node)].yes, value, frame)
        case .no: rouse(list: nodes[Int(node)].no, value, frame)
        case .attribute: findAttribute(value, node, frame)
        case .object: break
        }
    }

    /// Takes a text of the object of a frame, which stands in the event as it is.
    @inline(__always)
    func visit(text start: UnsafeRawPointer, _ count: Int, at node: UInt32, in frame: Int) {
        let value = MatchValue(kind: .text, start: start, count: count)
        if take(value, at: node, in: frame) { findText(value, node, frame) }
    }

    /// Takes a number of the object of a frame, which stands at a place of the data.
    @inline(__always)
    func visit(_ number: JSONPass.Number, at start: Int, _ node: UInt32, in frame: Int) {
        let value = MatchValue(kind: .number, start: pass.base + start, count: number.end &- start)
        guard number.isPlain else { return visit(value, at: node, in: frame) }
        let words =
            nodes[Int(node)].kinds & MatchProgram.KeyKind.number.bit == 0 ? nil : NumberText(number).words
        guard take(value, at: node, in: frame) else { return }
        if let words { probe(MatchProgram.scope(node, .number), words, value, frame) }
        findCells(NumberText.double(number), value, node, frame)
        if nodes[Int(node)].ranges != Self.none {
            findRanges(NumberText.double(number), isExact: true, value, node, frame)
        }
    }

    /// Takes a number of the object of a frame, which has no sign, of which only what stands before the point counts: that is known without dividing.
    @inline(__always)
    func visit(whole: Int64, _ start: UnsafeRawPointer, _ count: Int, at node: UInt32, in frame: Int) {
        let value = MatchValue(kind: .number, start: start, count: count)
        guard take(value, at: node, in: frame) else { return }
        let scope = MatchProgram.scope(node, .cell)
        var sizes = nodes[Int(node)].cells
        while sizes != 0 {
            let size = sizes.trailingZeroBitCount
            sizes &= sizes &- 1
            probe(scope, NumberWindow.key(of: whole, size: size), value, frame)
        }
    }

    /// Notes a value if some clause may want to look at it later; returns whether it can rouse any.
    @inline(__always)
    private func take(_ value: MatchValue, at node: UInt32, in frame: Int, isStored: Bool = false) -> Bool {
        let field = nodes + Int(node)
        if field.pointee.watchers > 0 {
            if memory.pointee.entries.count >= memory.pointee.batchEnd { runBatch() }
            memory.pointee.note(value, isStored: isStored, at: node, in: frame)
        }
        guard field.pointee.tests > 0 else { return false }
        if field.pointee.anyValue != Self.none { rouse(list: field.pointee.anyValue, value, frame) }
        return true
    }

    /// An attribute, which has only a text: numbers and truth values are recognised in it.
    private func findAttribute(
        _ value: MatchValue, _ node: UInt32, _ frame: Int
    ) {
        findText(value, node, frame)
        let hasNumbers =
            nodes[Int(node)].kinds & (MatchProgram.KeyKind.number.bit | MatchProgram.KeyKind.cell.bit) != 0
        if hasNumbers || nodes[Int(node)].ranges != Self.none, value.isNumber {
            findNumber(value, node, frame)
        }
        if nodes[Int(node)].yes != Self.none, value.bytes.elementsEqual("true".utf8) {
            rouse(list: nodes[Int(node)].yes, value, frame)
        }
        if nodes[Int(node)].no != Self.none, value.bytes.elementsEqual("false".utf8) {
            rouse(list: nodes[Int(node)].no, value, frame)
        }
    }

    @inline(never)
    func passes(_ value: MatchValue, _ test: UInt32) -> Bool {
        guard let test = tests[Int(test)] else { return false }
        return value.passes(test, memory)
    }

    // MARK: - Keys

    @inline(__always)
    private func findText(
        _ value: MatchValue, _ node: UInt32, _ frame: Int
    ) {
        let kinds = nodes[Int(node)].kinds
        guard kinds != 0 else { return }
        let (text, count) = (value.start, value.count)
        if kinds & MatchProgram.KeyKind.text.bit != 0 {
            let scope = MatchProgram.scope(node, .text)
            probe(scope, text, count, .forward, value, frame)
        }
        // Mostly there is nothing else.
        guard kinds != MatchProgram.KeyKind.text.bit else { return }
        if nodes[Int(node)].prefixes != 0 {
            findPrefixes(value, node, frame)
        }
        if nodes[Int(node)].suffixes != 0 {
            findSuffixes(value, node, frame)
        }
        if nodes[Int(node)].markedPrefixes | nodes[Int(node)].markedSuffixes != 0 {
            findMarked(value, node, frame)
        }
        if kinds & Self.rareKinds != 0 { findRare(value, kinds, node, frame) }
    }

    private static let rareKinds =
        MatchProgram.KeyKind.folded.bit | MatchProgram.KeyKind.foldedPrefix.bit
        | MatchProgram.KeyKind.foldedSuffix.bit | MatchProgram.KeyKind.block.bit
        | MatchProgram.KeyKind.gram.bit

    @inline(never)
    private func findPrefixes(_ value: MatchValue, _ node: UInt32, _ frame: Int) {
        findEnds(value.bytes, nodes[Int(node)].prefixes, .prefix, .forward, value, node, frame)
    }

    @inline(never)
    private func findSuffixes(_ value: MatchValue, _ node: UInt32, _ frame: Int) {
        findEnds(value.bytes, nodes[Int(node)].suffixes, .suffix, .backward, value, node, frame)
    }

    /// Looks up the beginnings and ends of a text that stop at a mark, of those that are as long as some key.
    @inline(never)
    private func findMarked(_ value: MatchValue, _ node: UInt32, _ frame: Int) {
        let (start, count) = (value.start, value.count)
        var (prefixes, suffixes) = Mark.sift(
            nodes[Int(node)].markedPrefixes, nodes[Int(node)].markedSuffixes, start, count)
        while prefixes != 0 {
            let length = prefixes.trailingZeroBitCount
            prefixes &= prefixes &- 1
            let scope = MatchProgram.scope(node, .markedPrefix)
            probe(scope, start, length, .forward, value, frame)
        }
        while suffixes != 0 {
            let length = Mark.suffixLength(suffixes.trailingZeroBitCount)
            suffixes &= suffixes &- 1
            let scope = MatchProgram.scope(node, .markedSuffix)
            probe(scope, start + (count &- length), length, .backward, value, frame)
        }
    }

    /// Looks up the beginnings or ends of a text that are as long as some key; at once if the text will be gone.
    @inline(__always)
    private func findEnds(
        _ text: UnsafeRawBufferPointer, _ lengths: UInt64, _ kind: MatchProgram.KeyKind,
        _ direction: ByteTable.Direction,
        _ value: MatchValue, _ node: UInt32, _ frame: Int, isPassing: Bool = false
    ) {
        let scope = MatchProgram.scope(node, kind)
        let base = ByteTable.address(text)
        var state = keys.initialState
        var hashed = 0
        @inline(__always)
        func look(_ length: Int) {
            let start = direction == .forward ? base : base + (text.count &- length)
            guard isPassing || length > ByteTable.shortKeyMax else {
                return probe(scope, start, length, direction, value, frame)
            }
            guard length > ByteTable.shortKeyMax else {
                let hash = keys.hash(scope, start, length, direction)
                return rouse(key: keys.find(scope, hash, start, length), value, frame)
            }
            while hashed &+ 8 < length {
                state = keys.step(
                    state,
                    ByteTable.word(base, direction == .forward ? hashed : text.count &- hashed &- 8))
                hashed &+= 8
            }
            let rest = direction == .forward ? base + hashed : start
            let hash = keys.finish(state, scope, rest, length &- hashed, of: length)
            if isPassing {
                rouse(key: keys.find(scope, hash, start, length), value, frame)
            } else {
                probe(scope, hash, long: start, length, value, frame)
            }
        }
        var bits = lengths & ~KeyLengths.longBit
        while bits != 0 {
            let length = bits.trailingZeroBitCount
            guard length <= text.count else { return }
            look(length)
            bits &= bits &- 1
        }
        guard lengths & KeyLengths.longBit != 0 else { return }
        for length in memory.pointee.longLengths[scope] ?? [] {
            guard length <= text.count else { return }
            look(length)
        }
    }

    @inline(never)
    private func findRare(
        _ value: MatchValue, _ kinds: UInt32, _ node: UInt32, _ frame: Int
    ) {
        if kinds
            & (MatchProgram.KeyKind.folded.bit | MatchProgram.KeyKind.foldedPrefix.bit
                | MatchProgram.KeyKind.foldedSuffix.bit) != 0
        {
            findFolded(value, kinds, node, frame)
        }
        if kinds & MatchProgram.KeyKind.gram.bit != 0 { findGrams(value, node, frame) }
        if kinds & MatchProgram.KeyKind.block.bit != 0, let address = Address(value.bytes) {
            findBlocks(address, value, node, frame)
        }
    }

    private func findFolded(
        _ value: MatchValue, _ kinds: UInt32, _ node: UInt32, _ frame: Int
    ) {
        var folded: [UInt8] = []
        swap(&folded, &memory.pointee.folded)
        folded.removeAll(keepingCapacity: true)
        CaseFolding.append(folded: value.bytes, to: &folded)
        folded.withUnsafeBytes { text in
            if kinds & MatchProgram.KeyKind.folded.bit != 0 {
                let scope = MatchProgram.scope(node, .folded)
                let base = ByteTable.address(text)
                let hash = keys.hash(scope, base, text.count, .forward)
                rouse(key: keys.find(scope, hash, base, text.count), value, frame)
            }
            findEnds(
                text, nodes[Int(node)].foldedPrefixes, .foldedPrefix, .forward, value, node, frame,
                isPassing: true)
            findEnds(
                text, nodes[Int(node)].foldedSuffixes, .foldedSuffix, .backward, value, node, frame,
                isPassing: true)
        }
        swap(&folded, &memory.pointee.folded)
    }

    /// Looks for wildcards by four bytes of theirs, at every place of the text.
    private func findGrams(
        _ value: MatchValue, _ node: UInt32, _ frame: Int
    ) {
        let scope = MatchProgram.scope(node, .gram)
        let base = ByteTable.address(value.bytes)
        for length in 1...ClausePlan.gramLength {
            for start in 0..<max(value.bytes.count - length + 1, 0) {
                let hash = keys.hash(scope, base + start, length, .forward)
                rouse(key: keys.find(scope, hash, base + start, length), value, frame)
            }
        }
    }

    private func findBlocks(
        _ address: Address, _ value: MatchValue, _ node: UInt32, _ frame: Int
    ) {
        let scope = MatchProgram.scope(node, .block)
        // Sizes of blocks are kept as lengths are: no key is as long as any of them.
        for size in memory.pointee.longLengths[scope] ?? [] where size / 1000 == address.bitCount {
            let key = ClausePlan.key(of: address, size % 1000)
            rouse(key: keys.find(scope, key, .forward), value, frame)
        }
    }

    // MARK: - Numbers

    private func findNumber(
        _ value: MatchValue, _ node: UInt32, _ frame: Int
    ) {
        let hasKeys = nodes[Int(node)].kinds & MatchProgram.KeyKind.number.bit != 0
        guard hasKeys || nodes[Int(node)].cells != 0 || nodes[Int(node)].ranges != Self.none else { return }
        let number = NumberText(value.bytes)
        if hasKeys {
            let scope = MatchProgram.scope(node, .number)
            if number.isShort {
                probe(scope, number.words, value, frame)
            } else {
                rouse(key: keys.find(scope, number.key(value.bytes), .forward), value, frame)
            }
        }
        guard nodes[Int(node)].cells != 0 || nodes[Int(node)].ranges != Self.none else { return }
        let (double, isExact) = number.double(value.bytes)
        findCells(double, value, node, frame)
        if nodes[Int(node)].ranges != Self.none {
            findRanges(double, isExact: isExact, value, node, frame)
        }
    }

    @inline(never)
    private func findRanges(
        _ double: Double, isExact: Bool, _ value: MatchValue, _ node: UInt32, _ frame: Int
    ) {
        ranges.find(double, isExact: isExact, in: nodes[Int(node)].ranges) { entry, mustBeTried in
            if !mustBeTried || passes(value, entry.test) { rouse(entry.step, in: frame) }
        }
    }

    /// Looks for ranges in the cells of each size that a number lies in.
    @inline(never)
    private func findCells(_ number: Double, _ value: MatchValue, _ node: UInt32, _ frame: Int) {
        let scope = MatchProgram.scope(node, .cell)
        var sizes = nodes[Int(node)].cells
        while sizes != 0 {
            let size = sizes.trailingZeroBitCount
            sizes &= sizes &- 1
            probe(scope, NumberWindow.key(of: number, size: size), value, frame)
        }
    }
}
