// SPDX-License-Identifier: Apache-2.0

// All patterns of a topic, compiled together: what is looked at while an event goes by.
//
// - A `Node` is a place in an event: the root (the event), an attribute, `data`, a field of it. All paths of
//   all patterns are merged into one trie of nodes.
// - A `Leaf` is a node whose values are tested. Equal tests of one leaf, from whatever patterns, are one.
// - A `Signal` is a fact about one object of the event: "a test held", "a value was there", "a clause held in
//   an object below". It is raised by stamping it with the serial of that object's visit.
// - A `Clause` is what a combination asks of one object: all of its groups; a group holds if one of its
//   signals was raised, or if the one it wants absent was not. A clause of the root is a match. A clause
//   below raises a signal in the object above, so that fields of different array elements never combine.
//
// A clause is looked at only when its *access* group stirs: the one whose signals the fewest clauses share.
// Ten thousand patterns on one source and ten thousand different customers cost one look, not ten thousand.

/// Compiled patterns. Immutable, hence shared by all threads.
final class MatchProgram: Sendable {
    /// A place in an event.
    struct Node: Sendable {
        /// A bit for each name below, see `nameBit`: most names that are not wanted miss it.
        var nameBits: UInt64 = 0
        /// The leaf, or `none`.
        var leaf = MatchProgram.none
        /// Whether there are nodes below.
        var hasFields = false
    }

    /// What is tested at a node. Lists are ranges of `entries`, named by their number.
    struct Leaf: Sendable {
        /// The scope of its keys in `texts`; the low two bits are the `KeyKind`.
        var keyScope: UInt32 = 0
        /// Raised by any value; patterns that want absence look at it.
        var presence = MatchProgram.none
        /// Raised by any value, for `exists: true`.
        var exists = MatchProgram.none
        var nullList = MatchProgram.none
        var trueList = MatchProgram.none
        var falseList = MatchProgram.none
        var prefixes = MatchProgram.none
        var foldedPrefixes = MatchProgram.none
        var suffixes = MatchProgram.none
        var foldedSuffixes = MatchProgram.none
        /// A trie of the heads of wildcards and other tests without an index; its lists hold indexes into `wildcards`.
        var wildcardHeads = MatchProgram.none
        /// An index into `ranges`.
        var numericRanges = MatchProgram.none
        var hasTexts = false
        var hasFoldedTexts = false
        var hasNumbers = false
        /// The sizes of the address blocks, a range of `blockSizes`.
        var blockSizes: Range<Int> = 0..<0
        /// The `anything-but` tests, a range of `exclusionSignals`.
        var exclusions: Range<Int> = 0..<0
    }

    /// Who wants to know of a signal: ranges of `listeners`.
    struct Signal: Sendable {
        /// Clauses to look at.
        var checks: Range<Int> = 0..<0
        /// Clauses whose fields are thereby not all absent.
        var breaks: Range<Int> = 0..<0
        /// Clauses that may be satisfied if the data is read.
        var gates: Range<Int> = 0..<0
        var isWatched: Bool { !checks.isEmpty || !breaks.isEmpty || !gates.isEmpty }
    }

    /// What one combination asks of one object.
    struct Clause: Sendable {
        var groups: Range<Int>
        /// Raised in the object above when the clause holds and some value made it so; `none` at the root.
        var witness = MatchProgram.none
        /// Raised in the object above when the clause is all about absence and something is there.
        var broken = MatchProgram.none
        /// The matches, a range of `ruleIDs`; only at the root.
        var rules: Range<Int> = 0..<0
    }

    /// One condition of a clause.
    struct Group: Sendable {
        /// Any of these, a range of `groupSignals`.
        var signals: Range<Int>
        /// Or this one not raised; `none` if absence does not satisfy the group.
        var absent: UInt32
        /// Whether it is the root's condition on `data`.
        var isData: Bool
    }

    /// The size of an address block, part of its key in `texts`.
    struct BlockSize: Sendable, Hashable {
        var bitCount: Int
        var length: Int
    }

    /// The kinds of keys that a leaf has in `texts`.
    enum KeyKind: UInt32 { case text, folded, number, block }

    static let none = UInt32.max
    static let root: UInt32 = 0
    /// Set in an entry that is an index of `exclusionSignals`; other entries are signals.
    static let exclusionFlag: UInt32 = 1 << 31

    let nodes: [Node]
    let names: ByteTable
    let dataNode: UInt32
    let leaves: [Leaf]
    let texts: ByteTable
    let tries: ByteTrie
    let wildcards: [(wildcard: SoughtText, entry: UInt32)]
    let ranges: [RangeIndex]
    let blockSizes: [BlockSize]
    let exclusionSignals: [UInt32]
    let lists: [Range<Int>]
    let entries: [UInt32]
    let signals: [Signal]
    let listeners: [UInt32]
    let clauses: [Clause]
    let groups: [Group]
    let groupSignals: [UInt32]
    let ruleIDs: [Int]
    /// Clauses of the root that nothing need stir: they can hold because fields are absent.
    let restingClauses: [UInt32]
    /// Whether a clause on data has no attribute that must match first.
    let alwaysReadsData: Bool
    /// What the root's groups on data want absent.
    let dataAbsences: [UInt32]

    init(_ builder: consuming MatchProgramBuilder) {
        let seed = UInt64.random(in: 0 ... .max)
        nodes = builder.nodes
        names = ByteTable(builder.nameEntries, seed: seed)
        dataNode = builder.dataNode
        leaves = builder.leafTables.leaves
        texts = ByteTable(builder.leafTables.textEntries, seed: seed)
        tries = builder.leafTables.tries
        wildcards = builder.leafTables.wildcards
        ranges = builder.leafTables.ranges
        blockSizes = builder.leafTables.blockSizes
        exclusionSignals = builder.leafTables.exclusionSignals
        lists = builder.leafTables.lists
        entries = builder.leafTables.entries
        signals = builder.clauseTables.signals
        listeners = builder.clauseTables.listeners
        clauses = builder.clauseTables.clauses
        groups = builder.clauseTables.groups
        groupSignals = builder.clauseTables.groupSignals
        ruleIDs = builder.clauseTables.ruleIDs
        restingClauses = builder.clauseTables.restingClauses
        alwaysReadsData = builder.clauseTables.alwaysReadsData
        dataAbsences = builder.clauseTables.dataAbsences
    }

    /// The bit of `Node.nameBits` for a name: from its length and its outer bytes.
    @inline(__always)
    static func nameBit(_ name: UnsafeRawPointer, _ count: Int) -> UInt64 {
        guard count > 0 else { return 1 }
        let first = Int(name.load(as: UInt8.self))
        let last = Int(name.load(fromByteOffset: count &- 1, as: UInt8.self))
        return 1 &<< UInt64(truncatingIfNeeded: (first &* 5 &+ last &* 3 &+ count &* 11) & 63)
    }
}
