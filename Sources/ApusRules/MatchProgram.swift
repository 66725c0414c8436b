// SPDX-License-Identifier: Apache-2.0

// All patterns of a topic, compiled together: what is looked at while an event goes by. Rules come and go one at a time; nothing is ever built
// anew.
//
// - A `Node` is a place in an event: the root (the event), an attribute, `data`, a field of it. All paths of all patterns are merged into one
//   trie of nodes.
// - A *clause* is one combination of a pattern: everything it asks for must hold. Of all its leaves one is its *access*: the one that
//   the fewest values are thought to satisfy. Only the tests of the access are found through indexes. A value that passes one of them *rouses*
//   the clause; the rest of it is tried then, on the values that the visit noted. So what nearly always holds (`anything-but`, `exists`)
//   costs nothing unless everything rarer held before it.
// - A `Step` is what a roused clause asks of one object, apart from what roused it. It waits for the end of that object, so that fields of
//   different array elements never combine; when it holds, the step for the object around it waits for the end of that, up to the event.
//
// Ten thousand patterns on one source and ten thousand different customers cost one step, not ten thousand.

import CApus

/// Compiled patterns: a value. Copying is cheap until one of the copies is changed.
struct MatchProgram: Sendable {
    /// A place in an event. What every value needs to know comes first.
    struct Node: Sendable {
        /// How a field with its name begins in JSON.
        var opening = Opening()
        var parent = MatchProgram.none
        /// How many conditions are tried on what is noted here.
        var watchers: UInt32 = 0
        /// How many tests are found through the indexes of this node.
        var tests: UInt32 = 0
        /// A bit for each kind of index there is, see `KeyKind`.
        var kinds: UInt32 = 0
        /// The list of what is roused by any value.
        var anyValue = MatchProgram.none
        /// A bit for each length of beginnings and ends that are looked for, see `LengthBits`.
        var prefixes: UInt64 = 0
        var suffixes: UInt64 = 0
        var markedPrefixes: UInt64 = 0
        var markedSuffixes: UInt64 = 0
        /// A bit for each size of cells, see `NumberWindow`.
        var cells: UInt64 = 0
        /// The root of its tree of ranges.
        var ranges = MatchProgram.none
        /// How many nodes are below.
        var fields: UInt32 = 0
        /// A bit for each name below, see `nameBit`: most names that are not wanted miss it.
        var nameBits: UInt64 = 0
        /// Lists of what is roused by these values.
        var null = MatchProgram.none
        var yes = MatchProgram.none
        var no = MatchProgram.none
        /// The clauses that hold when there is nothing here, if this is what they wait for.
        var absence = MatchProgram.none
        var foldedPrefixes: UInt64 = 0
        var foldedSuffixes: UInt64 = 0
        /// How many clauses' conditions and nodes below hold on to it.
        var uses: UInt32 = 0

        /// Whether of a number at this node only what stands before its point decides what is roused by it.
        @inline(__always)
        var asksForWholeNumbersOnly: Bool {
            ranges == MatchProgram.none && kinds & KeyKind.number.bit == 0
                && cells & NumberWindow.fractions == 0
        }
    }

    /// A short name between its quotes and a colon: what JSON mostly has before a value, to be compared as it stands.
    struct Opening: Sendable {
        // Where these are is known to `stands`: the first sixteen bytes, their mask, the last eight, their mask.
        private var words: (UInt64, UInt64) = (0, 0)
        private var masks: (UInt64, UInt64) = (0, 0)
        private var lastWord: UInt64 = 0
        private var lastMask: UInt64 = 0
        /// How many bytes it has, 0 for a name that is too long or that JSON has to escape.
        private(set) var count: UInt32 = 0

        /// What must be there to be compared.
        static let length = 24

        init() {
            // Nothing is equal to this.
            words.0 = 1
        }

        init(name: [UInt8]) {
            self.init()
            let isPlain = name.allSatisfy { $0 >= 0x20 && $0 != 0x22 && $0 != 0x5C }
            guard isPlain, name.count + 3 <= Self.length else { return }
            let bytes = [0x22] + name + [0x22, 0x3A]
            var (text, mask) = (bytes, [UInt8](repeating: 0xFF, count: bytes.count))
            text += [UInt8](repeating: 0, count: Self.length - bytes.count)
            mask += [UInt8](repeating: 0, count: Self.length - bytes.count)
            words = (Self.word(text, 0), Self.word(text, 8))
            masks = (Self.word(mask, 0), Self.word(mask, 8))
            (lastWord, lastMask) = (Self.word(text, 16), Self.word(mask, 16))
            count = UInt32(bytes.count)
        }

        private static func word(_ bytes: [UInt8], _ index: Int) -> UInt64 {
            bytes.withUnsafeBytes { ByteTable.word(ByteTable.address($0), index) }
        }

        /// Whether an opening stands at an address, at which there are `length` bytes.
        @inline(__always)
        static func stands(_ opening: UnsafePointer<Opening>, at address: UnsafeRawPointer) -> Bool {
            let words = UnsafeRawPointer(opening)
            guard capus_is_equal(address, words, words + 16) else { return false }
            // Most are no longer than that.
            let last = ByteTable.word(address, 16) & opening.pointee.lastMask
            return last == opening.pointee.lastWord
        }
    }

    /// Part of what a clause asks of one object, as it is read from `code`.
    struct Step: Sendable {
        /// The identifier of the rule.
        var rule = 0
        /// The next step of the clause, `none` after the last: then the clause holds.
        var next = MatchProgram.none
        /// How many objects further out than the value, or the step before, its object is.
        var up: UInt8 = 0
        /// How many words of conditions follow; nothing is to be tried if none do.
        var length: UInt32 = 0
        /// Whether the clause asks anything of the data.
        var asksData = false
    }

    /// What there is to take away when a rule goes.
    struct Clause: Sendable {
        /// Where its first step stands.
        var step = MatchProgram.none
        /// The next clause of the same rule.
        var next = MatchProgram.none
        var plan: ClausePlan?
    }

    /// What leads from a value to links, four bits in a scope of `keys`.
    enum KeyKind: UInt32 {
        case text, folded, number, block, prefix, suffix, foldedPrefix, foldedSuffix, gram, cell
        /// Beginnings that end, and ends that begin, with a mark: see `Mark`.
        case markedPrefix, markedSuffix

        @inline(__always)
        var bit: UInt32 { 1 << rawValue }
    }

    static let none = UInt32.max
    static let root: UInt32 = 0

    var nodes = Pool<Node>()
    var nodeNames: [[UInt8]] = [[]]
    /// The names of nodes, each in the scope of the node above.
    var names: ByteTable
    var dataNode = MatchProgram.none
    /// The keys of tests, each in the scope of a node and a kind.
    var keys: ByteTable
    /// Tests that have no words of their own in `code`.
    var tests = Pool<PatternTest?>()
    var ranges = RangeTree()
    /// What is not needed while an event is matched: how often each length of key occurs.
    var lengths = KeyLengths()
    /// Steps with what they ask for, and the links that lead to them.
    var code = ConditionCode()
    var clauses = Pool<Clause>()
    /// The first clause of each rule.
    var rules = FirstClauses()
    /// Steps that no value needs to rouse: tried at the end of every event.
    var restless: [UInt32] = []
    /// Nodes with clauses that hold when nothing is there.
    var absenceNodes: [UInt32] = []
    /// How many clauses have the data read whatever the attributes are.
    var dataReaders = 0

    init() {
        let seed = UInt64.random(in: 0 ... .max)
        names = ByteTable(seed: seed)
        keys = ByteTable(seed: seed)
        _ = nodes.insert(Node(uses: 1))
    }

    /// The bit of `Node.nameBits` for a name: from its length and its outer bytes.
    @inline(__always)
    static func nameBit(_ name: UnsafeRawPointer, _ count: Int) -> UInt64 {
        guard count > 0 else { return 1 }
        let first = Int(name.load(as: UInt8.self))
        let last = Int(name.load(fromByteOffset: count &- 1, as: UInt8.self))
        return 1 &<< UInt64(truncatingIfNeeded: (first &* 5 &+ last &* 3 &+ count &* 11) & 63)
    }

    @inline(__always)
    static func scope(_ node: UInt32, _ kind: KeyKind) -> UInt32 { node &<< 4 | kind.rawValue }
}
