// SPDX-License-Identifier: Apache-2.0

// A regular expression as a nondeterministic automaton over bytes of UTF-8: Thompson's construction.

/// A step of the automaton.
enum RegexStep: Sendable {
    /// Takes one byte of a set, by index, and goes on.
    case byte(set: Int32, next: Int32)
    /// Goes on at all of these (a stretch of `branches`).
    case split(start: Int32, count: Int32)
    /// Goes on at the beginning of the text only.
    case start(next: Int32)
    /// Goes on at the end of the text only.
    case end(next: Int32)
    case boundary(isNegated: Bool, next: Int32)
    case match
}

/// 256 bits, one for each byte.
struct ByteSet: Hashable, Sendable {
    var low: UInt64 = 0
    var second: UInt64 = 0
    var third: UInt64 = 0
    var high: UInt64 = 0

    init(_ ranges: [ClosedRange<UInt8>]) {
        for range in ranges { for byte in range { insert(byte) } }
    }

    mutating func insert(_ byte: UInt8) {
        let bit: UInt64 = 1 << UInt64(byte & 63)
        switch byte >> 6 {
        case 0: low |= bit
        case 1: second |= bit
        case 2: third |= bit
        default: high |= bit
        }
    }

    /// Adds the bytes at which `set` begins or ends.
    mutating func formEdges(_ set: ByteSet) {
        low |= set.low ^ set.low << 1
        second |= set.second ^ (set.second << 1 | set.low >> 63)
        third |= set.third ^ (set.third << 1 | set.second >> 63)
        high |= set.high ^ (set.high << 1 | set.third >> 63)
    }

    func contains(_ byte: UInt8) -> Bool {
        let word =
            switch byte >> 6 {
            case 0: low
            case 1: second
            case 2: third
            default: high
            }
        return word >> UInt64(byte & 63) & 1 != 0
    }
}

/// Builds the automaton from its end to its beginning, so that every step knows the next.
struct RegexCompiler {
    private(set) var steps: [RegexStep] = []
    private(set) var branches: [Int32] = []
    private(set) var sets: [ByteSet] = []
    private var setIndexes: [ByteSet: Int32] = [:]
    private let limit: Int

    init(limit: Int) { self.limit = limit }

    /// Adds the whole expression; the index of its first step.
    mutating func compile(_ node: RegexNode) throws(RegexError) -> Int32 {
        try add(node, next: try add(.match))
    }

    private mutating func add(_ step: RegexStep) throws(RegexError) -> Int32 {
        guard steps.count + branches.count < limit else {
            throw RegexError(reason: .tooLarge(limit: limit), position: 0)
        }
        steps.append(step)
        return Int32(steps.count - 1)
    }

    private mutating func split(_ targets: [Int32]) throws(RegexError) -> Int32 {
        let start = Int32(branches.count)
        branches += targets
        return try add(.split(start: start, count: Int32(targets.count)))
    }

    private mutating func add(_ node: RegexNode, next: Int32) throws(RegexError) -> Int32 {
        switch node {
        case .empty: return next
        case .set(let set): return try add(set, next: next)
        case .start: return try add(.start(next: next))
        case .end: return try add(.end(next: next))
        case .wordBoundary(let isNegated): return try add(.boundary(isNegated: isNegated, next: next))
        case .sequence(let nodes):
            var next = next
            for node in nodes.reversed() { next = try add(node, next: next) }
            return next
        case .choice(let nodes):
            var targets: [Int32] = []
            for node in nodes { targets.append(try add(node, next: next)) }
            return try split(targets)
        case .repetition(let node, let least, let greatest):
            return try repeated(node, least: least, greatest: greatest, next: next)
        }
    }

    private mutating func repeated(
        _ node: RegexNode, least: Int, greatest: Int?, next: Int32
    ) throws(RegexError) -> Int32 {
        var entry = next
        if let greatest {
            for _ in 0..<greatest - least {
                let inner = try add(node, next: entry)
                // Nothing was added: the node is empty, and so is its repetition.
                if inner == entry { break }
                entry = try split([inner, next])
            }
        } else {
            // A loop: the split comes first, and learns where the body begins when that is there.
            let start = Int32(branches.count)
            branches += [next, next]
            let loop = try add(.split(start: start, count: 2))
            branches[Int(start)] = try add(node, next: loop)
            entry = loop
        }
        for _ in 0..<least {
            let inner = try add(node, next: entry)
            if inner == entry { break }
            entry = inner
        }
        return entry
    }

    /// A set of characters: what is ASCII of it is one step, the rest sequences of bytes that share their ends.
    private mutating func add(_ set: ScalarSet, next: Int32) throws(RegexError) -> Int32 {
        var single: [ClosedRange<UInt8>] = []
        var targets: [Int32] = []
        var shared: [ByteStep: Int32] = [:]
        for range in set.ranges {
            for sequence in UTF8Ranges.sequences(range) {
                if sequence.count == 1 {
                    single.append(sequence[0])
                    continue
                }
                var target = next
                for bytes in sequence.reversed() {
                    let step = ByteStep(set: ByteSet([bytes]), next: target)
                    if let known = shared[step] {
                        target = known
                    } else {
                        target = try add(.byte(set: index(of: step.set), next: target))
                        shared[step] = target
                    }
                }
                targets.append(target)
            }
        }
        if !single.isEmpty || targets.isEmpty {
            targets.append(try add(.byte(set: index(of: ByteSet(single)), next: next)))
        }
        return targets.count == 1 ? targets[0] : try split(targets)
    }

    private struct ByteStep: Hashable {
        let set: ByteSet
        let next: Int32
    }

    private mutating func index(of set: ByteSet) -> Int32 {
        // Most expressions have few sets, and looking through them is less than making a table of them.
        if sets.count < 16 {
            if let known = sets.firstIndex(of: set) { return Int32(known) }
            sets.append(set)
            if sets.count == 16 { for (index, set) in sets.enumerated() { setIndexes[set] = Int32(index) } }
            return Int32(sets.count - 1)
        }
        if let known = setIndexes[set] { return known }
        sets.append(set)
        setIndexes[set] = Int32(sets.count - 1)
        return Int32(sets.count - 1)
    }
}
