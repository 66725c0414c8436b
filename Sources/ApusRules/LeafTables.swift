// SPDX-License-Identifier: Apache-2.0

// Lays out the tests of all leaves: which index finds which test. Inside `anything-but` the same indexes are
// used, with entries that exclude instead of raising a signal.

/// The part of a program that tests single values.
struct LeafTables {
    private(set) var leaves: [MatchProgram.Leaf] = []
    private(set) var textEntries: [(scope: UInt32, key: [UInt8], value: UInt32)] = []
    private(set) var tries = ByteTrie()
    private(set) var wildcards: [(wildcard: SoughtText, entry: UInt32)] = []
    private(set) var ranges: [RangeIndex] = []
    private(set) var blockSizes: [MatchProgram.BlockSize] = []
    private(set) var exclusionSignals: [UInt32] = []
    private(set) var lists: [Range<Int>] = []
    private(set) var entries: [UInt32] = []

    /// The tests of one leaf, sorted by the index they go into.
    private struct Draft {
        var exists = MatchProgram.none
        var nulls: [UInt32] = []
        var trues: [UInt32] = []
        var falses: [UInt32] = []
        var keys: [MatchProgram.KeyKind: [[UInt8]: [UInt32]]] = [:]
        var prefixes: [[UInt8]: [UInt32]] = [:]
        var foldedPrefixes: [[UInt8]: [UInt32]] = [:]
        var suffixes: [[UInt8]: [UInt32]] = [:]
        var foldedSuffixes: [[UInt8]: [UInt32]] = [:]
        var wildcards: [[UInt8]: [UInt32]] = [:]
        var ranges: [(range: NumericRange, value: UInt32)] = []
        var blockSizes: Set<MatchProgram.BlockSize> = []
        var exclusions: [(signal: UInt32, tests: [PatternTest])] = []
    }

    init() {}

    init(presences: [UInt32], tests: [MatchProgramBuilder.Test]) {
        var drafts = Array(repeating: Draft(), count: presences.count)
        for test in tests { sort(test.test, test.signal, into: &drafts[Int(test.leaf)]) }
        for (index, presence) in presences.enumerated() {
            layOut(&drafts[index], leaf: UInt32(index), presence: presence)
            // Drafts are as large as the patterns: let go of each when it is laid out.
            drafts[index] = Draft()
        }
    }

    private mutating func sort(_ test: PatternTest, _ entry: UInt32, into draft: inout Draft) {
        switch test {
        case .equals(.null): draft.nulls.append(entry)
        case .equals(.bool(true)): draft.trues.append(entry)
        case .equals(.bool(false)): draft.falses.append(entry)
        case .equals(.string(let text)): draft.keys[.text, default: [:]][text, default: []].append(entry)
        case .equals(.number(let number)):
            draft.keys[.number, default: [:]][number.key, default: []].append(entry)
        case .equalsIgnoringCase(let text):
            draft.keys[.folded, default: [:]][CaseFolding.folded(text), default: []].append(entry)
        case .prefix(let text): draft.prefixes[text, default: []].append(entry)
        case .prefixIgnoringCase(let text):
            draft.foldedPrefixes[CaseFolding.folded(text), default: []].append(entry)
        case .suffix(let text): draft.suffixes[Array(text.reversed()), default: []].append(entry)
        case .suffixIgnoringCase(let text):
            draft.foldedSuffixes[Array(CaseFolding.folded(text).reversed()), default: []].append(entry)
        case .wildcard(let wildcard):
            draft.wildcards[wildcard.head, default: []].append(UInt32(wildcards.count))
            wildcards.append((.wildcard(wildcard), entry))
        case .numeric(let range): draft.ranges.append((range, entry))
        case .cidr(let block):
            let size = MatchProgram.BlockSize(bitCount: block.address.bitCount, length: block.length)
            draft.blockSizes.insert(size)
            let key = [UInt8(size.bitCount), UInt8(size.length)] + block.address.bytes
            draft.keys[.block, default: [:]][key, default: []].append(entry)
        case .exists: draft.exists = entry
        case .text(let test):
            draft.wildcards[test.head, default: []].append(UInt32(wildcards.count))
            wildcards.append((.test(test), entry))
        // Not a test of one value: the builder has given its tests one signal.
        case .noneOf: break
        case .anythingBut(let tests): draft.exclusions.append((entry, tests))
        }
    }

    private mutating func layOut(_ draft: inout Draft, leaf number: UInt32, presence: UInt32) {
        // First, because it adds to the other indexes.
        let firstExclusion = exclusionSignals.count
        let exclusions = draft.exclusions
        for (signal, tests) in exclusions {
            let entry = MatchProgram.exclusionFlag | UInt32(exclusionSignals.count)
            exclusionSignals.append(signal)
            for test in tests { sort(test, entry, into: &draft) }
        }
        var leaf = MatchProgram.Leaf()
        leaf.keyScope = number << 2
        leaf.presence = presence
        leaf.exists = draft.exists
        leaf.exclusions = firstExclusion..<exclusionSignals.count
        leaf.nullList = list(draft.nulls)
        leaf.trueList = list(draft.trues)
        leaf.falseList = list(draft.falses)
        leaf.prefixes = trie(draft.prefixes)
        leaf.foldedPrefixes = trie(draft.foldedPrefixes)
        leaf.suffixes = trie(draft.suffixes)
        leaf.foldedSuffixes = trie(draft.foldedSuffixes)
        leaf.wildcardHeads = trie(draft.wildcards)
        leaf.hasTexts = draft.keys[.text] != nil
        leaf.hasFoldedTexts = draft.keys[.folded] != nil
        leaf.hasNumbers = draft.keys[.number] != nil
        for (kind, keys) in draft.keys {
            for (key, values) in keys {
                textEntries.append((leaf.keyScope | kind.rawValue, key, list(values)))
            }
        }
        if !draft.ranges.isEmpty {
            leaf.numericRanges = UInt32(ranges.count)
            ranges.append(RangeIndex(draft.ranges))
        }
        let firstSize = blockSizes.count
        blockSizes += draft.blockSizes.sorted { ($0.bitCount, $0.length) < ($1.bitCount, $1.length) }
        leaf.blockSizes = firstSize..<blockSizes.count
        leaves.append(leaf)
    }

    private mutating func list(_ values: [UInt32]) -> UInt32 {
        guard !values.isEmpty else { return MatchProgram.none }
        let start = entries.count
        entries += values
        lists.append(start..<entries.count)
        return UInt32(lists.count - 1)
    }

    private mutating func trie(_ keys: [[UInt8]: [UInt32]]) -> UInt32 {
        guard !keys.isEmpty else { return MatchProgram.none }
        return tries.add(keys.map { ($0.key, list($0.value)) })
    }
}
