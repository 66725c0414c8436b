// SPDX-License-Identifier: Apache-2.0

// One value at one leaf: every test that holds raises its signal. Each kind of test is found through an index,
// so the cost follows the value's length and the tests that hold, not the tests there are.

extension MatchProgram {
    // MARK: - Values of data

    func testText(
        _ text: UnsafeRawBufferPointer, at leaf: Leaf, _ serial: UInt64, _ scratch: inout MatchScratch
    ) {
        let value = begin(leaf, serial, &scratch)
        findText(text, leaf, serial, value, &scratch)
        finish(leaf, serial, value, &scratch)
    }

    func testNumber(
        _ text: UnsafeRawBufferPointer, at leaf: Leaf, _ serial: UInt64, _ scratch: inout MatchScratch
    ) {
        let value = begin(leaf, serial, &scratch)
        findNumber(text, leaf, serial, value, &scratch)
        finish(leaf, serial, value, &scratch)
    }

    /// Tests `null`, `true` or `false`, whose list the caller picks.
    func testLiteral(_ list: UInt32, at leaf: Leaf, _ serial: UInt64, _ scratch: inout MatchScratch) {
        let value = begin(leaf, serial, &scratch)
        if list != Self.none { raise(list, serial, value, &scratch) }
        finish(leaf, serial, value, &scratch)
    }

    // MARK: - Values of attributes

    /// Tests an attribute, which has only a text: numbers and truth values are recognised in it.
    func testAttribute(
        _ text: UnsafeRawBufferPointer, at leaf: Leaf, _ serial: UInt64, _ scratch: inout MatchScratch
    ) {
        let value = begin(leaf, serial, &scratch)
        findText(text, leaf, serial, value, &scratch)
        if leaf.hasNumbers || leaf.numericRanges != Self.none, let first = text.first,
            first == 0x2D || (0x30...0x39).contains(first),
            JSONPass(text).endOfNumber(0) == text.count
        {
            findNumber(text, leaf, serial, value, &scratch)
        }
        if leaf.trueList != Self.none, text.elementsEqual("true".utf8) {
            raise(leaf.trueList, serial, value, &scratch)
        }
        if leaf.falseList != Self.none, text.elementsEqual("false".utf8) {
            raise(leaf.falseList, serial, value, &scratch)
        }
        finish(leaf, serial, value, &scratch)
    }

    // MARK: - Signals

    /// Raises a signal in the object with this serial.
    @inline(__always)
    func raise(signal: UInt32, _ serial: UInt64, _ scratch: inout MatchScratch) {
        guard scratch.stamps[Int(signal)] != serial else { return }
        scratch.stamps[Int(signal)] = serial
        if signals[Int(signal)].isWatched { scratch.hits.append(signal) }
    }

    /// Raises, or excludes, what a list holds.
    @inline(__always)
    private func raise(_ list: UInt32, _ serial: UInt64, _ value: UInt64, _ scratch: inout MatchScratch) {
        for index in lists[Int(list)] { raise(entry: entries[index], serial, value, &scratch) }
    }

    @inline(__always)
    private func raise(entry: UInt32, _ serial: UInt64, _ value: UInt64, _ scratch: inout MatchScratch) {
        if entry & Self.exclusionFlag == 0 {
            raise(signal: entry, serial, &scratch)
        } else {
            scratch.excluded[Int(entry ^ Self.exclusionFlag)] = value
        }
    }

    /// Raises what any value raises; returns the value's own serial, for exclusions.
    @inline(__always)
    private func begin(_ leaf: Leaf, _ serial: UInt64, _ scratch: inout MatchScratch) -> UInt64 {
        raise(signal: leaf.presence, serial, &scratch)
        if leaf.exists != Self.none { raise(signal: leaf.exists, serial, &scratch) }
        return leaf.exclusions.isEmpty ? 0 : scratch.nextSerial()
    }

    /// Raises the exclusions that this value did not hit.
    @inline(__always)
    private func finish(_ leaf: Leaf, _ serial: UInt64, _ value: UInt64, _ scratch: inout MatchScratch) {
        for index in leaf.exclusions where scratch.excluded[index] != value {
            raise(signal: exclusionSignals[index], serial, &scratch)
        }
    }

    // MARK: - Indexes

    private func findText(
        _ text: UnsafeRawBufferPointer, _ leaf: Leaf, _ serial: UInt64, _ value: UInt64,
        _ scratch: inout MatchScratch
    ) {
        if leaf.hasTexts {
            find(ByteTable.address(text), text.count, .text, leaf, serial, value, &scratch)
        }
        walk(leaf.prefixes, text, .forward, serial, value, &scratch)
        walk(leaf.suffixes, text, .backward, serial, value, &scratch)
        if leaf.wildcardHeads != Self.none { findWildcards(text, leaf, serial, value, &scratch) }
        if leaf.hasFoldedTexts || leaf.foldedPrefixes != Self.none || leaf.foldedSuffixes != Self.none {
            findFolded(text, leaf, serial, value, &scratch)
        }
        if !leaf.blockSizes.isEmpty, let address = Address(text) {
            findBlocks(address, leaf, serial, value, &scratch)
        }
    }

    @inline(__always)
    private func find(
        _ key: UnsafeRawPointer, _ count: Int, _ kind: KeyKind, _ leaf: Leaf, _ serial: UInt64,
        _ value: UInt64, _ scratch: inout MatchScratch
    ) {
        guard let list = texts.find(leaf.keyScope | kind.rawValue, key, count) else { return }
        raise(list, serial, value, &scratch)
    }

    @inline(__always)
    private func walk(
        _ root: UInt32, _ text: UnsafeRawBufferPointer, _ direction: ByteTrie.Direction, _ serial: UInt64,
        _ value: UInt64, _ scratch: inout MatchScratch
    ) {
        guard root != Self.none else { return }
        tries.walk(from: root, text, direction) { raise($0, serial, value, &scratch) }
    }

    private func findWildcards(
        _ text: UnsafeRawBufferPointer, _ leaf: Leaf, _ serial: UInt64, _ value: UInt64,
        _ scratch: inout MatchScratch
    ) {
        tries.walk(from: leaf.wildcardHeads, text, .forward) { list in
            for index in lists[Int(list)] {
                let (wildcard, entry) = wildcards[Int(entries[index])]
                if wildcard.matches(afterHead: text) { raise(entry: entry, serial, value, &scratch) }
            }
        }
    }

    private func findFolded(
        _ text: UnsafeRawBufferPointer, _ leaf: Leaf, _ serial: UInt64, _ value: UInt64,
        _ scratch: inout MatchScratch
    ) {
        // Taken out and put back, so that the scratch stays writable while the text is read.
        var folded: [UInt8] = []
        swap(&folded, &scratch.folded)
        folded.removeAll(keepingCapacity: true)
        CaseFolding.append(folded: text, to: &folded)
        folded.withUnsafeBytes { text in
            if leaf.hasFoldedTexts {
                find(ByteTable.address(text), text.count, .folded, leaf, serial, value, &scratch)
            }
            walk(leaf.foldedPrefixes, text, .forward, serial, value, &scratch)
            walk(leaf.foldedSuffixes, text, .backward, serial, value, &scratch)
        }
        swap(&folded, &scratch.folded)
    }

    private func findNumber(
        _ text: UnsafeRawBufferPointer, _ leaf: Leaf, _ serial: UInt64, _ value: UInt64,
        _ scratch: inout MatchScratch
    ) {
        guard leaf.hasNumbers || leaf.numericRanges != Self.none else { return }
        var key: [UInt8] = []
        swap(&key, &scratch.key)
        key.removeAll(keepingCapacity: true)
        DecimalKey.append(keyOf: text, to: &key)
        if leaf.hasNumbers {
            key.withUnsafeBytes {
                find(ByteTable.address($0), $0.count, .number, leaf, serial, value, &scratch)
            }
        }
        if leaf.numericRanges != Self.none {
            ranges[Int(leaf.numericRanges)].find(key) { raise(entry: $0, serial, value, &scratch) }
        }
        swap(&key, &scratch.key)
    }

    private func findBlocks(
        _ address: Address, _ leaf: Leaf, _ serial: UInt64, _ value: UInt64, _ scratch: inout MatchScratch
    ) {
        for index in leaf.blockSizes where blockSizes[index].bitCount == address.bitCount {
            let size = blockSizes[index]
            let key = [UInt8(size.bitCount), UInt8(size.length)] + address.masked(to: size.length).bytes
            key.withUnsafeBytes {
                find(ByteTable.address($0), $0.count, .block, leaf, serial, value, &scratch)
            }
        }
    }
}
