// SPDX-License-Identifier: Apache-2.0

// Numeric ranges, found by value without trying each: trees ordered by the lower end, in which every node knows the greatest upper end below it,
// so that a search passes over all parts that end too early. Which node is above which is decided by random numbers, so no order of insertion
// makes a tree deep.
//
// Ends are doubles. Where a double says a number exactly (up to fifteen digits) that is all there is to it; otherwise a range that is found has
// to be tried on the digits.

/// The numeric ranges of all fields.
struct RangeTree: Sendable {
    /// A range and what it rouses.
    struct Entry: Sendable {
        var low = -Double.infinity
        var high = Double.infinity
        /// Whether the ends themselves do not belong to the range.
        var isLowOpen = false
        var isHighOpen = false
        /// Whether the ends are what the pattern says, and not only near it.
        var isExact = true
        var step: UInt32
        /// The range as a test, a number of the program's.
        var test: UInt32
    }

    fileprivate struct Node: Sendable {
        var entry: Entry
        var greatestHigh: Double
        var priority: UInt64
        var left = RangeTree.none
        var right = RangeTree.none
    }

    static let none = UInt32.max
    private static let gone = Node(entry: Entry(step: none, test: none), greatestHigh: 0, priority: 0)

    private var nodes = Pool<Node>()
    private var random = UInt64.random(in: 0 ... .max)

    /// How many ranges there are.
    var count: Int { nodes.count }

    // MARK: - Changing

    mutating func insert(_ entry: Entry, into root: inout UInt32) {
        // SplitMix64: a step and a mix.
        random &+= 0x9E37_79B9_7F4A_7C15
        let mixed = (random ^ random >> 30) &* 0xBF58_476D_1CE4_E5B9
        let node = nodes.insert(Node(entry: entry, greatestHigh: entry.high, priority: mixed ^ mixed >> 27))
        let (left, right) = split(root, before: entry)
        root = merge(merge(left, node), right)
    }

    /// Takes an entry away and returns it; nil if there is none from these ends to this step.
    mutating func remove(_ entry: Entry, from root: inout UInt32) -> Entry? {
        var left: UInt32
        var right: UInt32
        (left, right) = split(root, before: entry)
        var found: Entry?
        (right, found) = removeFirst(right, if: entry)
        left = merge(left, right)
        root = left
        return found
    }

    private static func precedes(_ left: Entry, _ right: Entry) -> Bool {
        (left.low, left.high, left.step) < (right.low, right.high, right.step)
    }

    private mutating func update(_ number: UInt32) {
        var high = nodes[number].entry.high
        for child in [nodes[number].left, nodes[number].right] where child != Self.none {
            high = max(high, nodes[child].greatestHigh)
        }
        nodes[number].greatestHigh = high
    }

    private mutating func split(_ root: UInt32, before entry: Entry) -> (UInt32, UInt32) {
        guard root != Self.none else { return (root, root) }
        if Self.precedes(nodes[root].entry, entry) {
            let (left, right) = split(nodes[root].right, before: entry)
            nodes[root].right = left
            update(root)
            return (root, right)
        }
        let (left, right) = split(nodes[root].left, before: entry)
        nodes[root].left = right
        update(root)
        return (left, root)
    }

    private mutating func merge(_ left: UInt32, _ right: UInt32) -> UInt32 {
        if left == Self.none { return right }
        if right == Self.none { return left }
        if nodes[left].priority > nodes[right].priority {
            nodes[left].right = merge(nodes[left].right, right)
            update(left)
            return left
        }
        nodes[right].left = merge(left, nodes[right].left)
        update(right)
        return right
    }

    private mutating func removeFirst(_ root: UInt32, if entry: Entry) -> (root: UInt32, found: Entry?) {
        guard root != Self.none else { return (root, nil) }
        if nodes[root].left != Self.none {
            let (left, found) = removeFirst(nodes[root].left, if: entry)
            nodes[root].left = left
            update(root)
            return (root, found)
        }
        let found = nodes[root].entry
        guard !Self.precedes(entry, found) else { return (root, nil) }
        let right = nodes[root].right
        nodes.remove(root, leaving: Self.gone)
        return (right, found)
    }

    // MARK: - Finding

    /// About how many entries hold the numbers of a range, at most `limit`.
    func crowd(around entry: Entry, in root: UInt32, limit: Int) -> Int {
        // Of a range without end, the end it has.
        let middle =
            if entry.low.isFinite, entry.high.isFinite {
                entry.low + (entry.high - entry.low) / 2
            } else {
                entry.low.isFinite ? entry.low : entry.high
            }
        // A range without end is wide: many numbers are in it.
        var count = entry.low.isFinite && entry.high.isFinite ? 0 : limit / 4
        var pending = [root]
        var looked = 0
        while let current = pending.popLast(), count < limit, looked < limit * 16 {
            guard current != Self.none, nodes[current].greatestHigh >= middle else { continue }
            looked += 1
            let node = nodes[current]
            pending.append(node.left)
            guard node.entry.low <= middle else { continue }
            pending.append(node.right)
            if node.entry.high >= middle { count += 1 }
        }
        return count
    }

    /// The place of the nodes, valid while `body` runs.
    @inline(__always)
    func withReader<Result>(_ body: (Reader) -> Result) -> Result {
        nodes.values.withUnsafeBytes { body(Reader(nodes: ByteTable.address($0))) }
    }

    /// The trees at work.
    struct Reader {
        fileprivate let nodes: UnsafeRawPointer

        /// Calls `found` with every entry whose range holds a number, and whether that has to be tried on the digits.
        func find(
            _ number: Double, isExact: Bool, in root: UInt32, _ found: (Entry, _ mustBeTried: Bool) -> Void
        ) {
            var current = root
            while current != none {
                let node = nodes.load(
                    fromByteOffset: Int(current) &* MemoryLayout<Node>.stride, as: Node.self)
                guard node.greatestHigh >= number else { return }
                if node.left != none { find(number, isExact: isExact, in: node.left, found) }
                guard node.entry.low <= number else { return }
                if node.entry.high >= number { report(node.entry, number, isExact, found) }
                current = node.right
            }
        }

        @inline(__always)
        private func report(
            _ entry: Entry, _ number: Double, _ isExact: Bool, _ found: (Entry, _ mustBeTried: Bool) -> Void
        ) {
            guard isExact, entry.isExact else { return found(entry, true) }
            if entry.isLowOpen, entry.low == number { return }
            if entry.isHighOpen, entry.high == number { return }
            found(entry, false)
        }
    }
}
