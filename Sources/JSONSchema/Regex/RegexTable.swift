// SPDX-License-Identifier: Apache-2.0

// The automaton made deterministic ahead of time: one look at a table for each byte. Only for automata whose table stays small;
// those that look for word boundaries have none.

/// A table of states over classes of bytes.
struct RegexTable: Sendable {
    private static let statesMax = 1_000
    private static let entriesMax = 65_536
    private static let workMax = 400_000

    /// Nothing can match any more.
    private static let dead: UInt16 = 0
    /// The expression has matched.
    private static let matched: UInt16 = 1

    /// The class of each byte.
    let classes: [UInt8]
    /// A row for each state: where to go on for each class of bytes, and whether the text may end here. Rows are told by their
    /// place, so that a step is an addition and two looks.
    let rows: [UInt16]
    /// Places in a row.
    let width: Int
    let start: UInt16
    /// Whether the empty text matches, which begins and ends at one place.
    let acceptsEmpty: Bool

    /// Makes the table, or nil if it would be too large.
    init?(steps: [RegexStep], branches: [Int32], sets: [ByteSet], first: Int32, work: inout Int) {
        var builder = Builder(
            steps: steps, branches: branches, sets: sets, first: first, workMax: min(Self.workMax, work))
        let isBuilt = builder.build()
        work -= builder.work
        guard isBuilt else { return nil }
        classes = builder.classes
        let count = builder.representatives.count
        width = count + 1
        guard builder.accepts.count * width <= Self.entriesMax else { return nil }
        var rows: [UInt16] = []
        for (state, accepts) in builder.accepts.enumerated() {
            for next in builder.next[state * count..<(state + 1) * count] {
                rows.append(next * UInt16(width))
            }
            rows.append(accepts ? 1 : 0)
        }
        self.rows = rows
        start = builder.start * UInt16(width)
        acceptsEmpty = builder.endsEmpty()
    }

    /// Whether some part of the text matches.
    func matches(_ bytes: UnsafeRawBufferPointer) -> Bool {
        classes.withUnsafeBufferPointer { classes in
            rows.withUnsafeBufferPointer { rows in
                guard let classes = classes.baseAddress, let rows = rows.baseAddress else { return false }
                return RegexTableView(
                    classes: classes, rows: rows, width: width, start: start, acceptsEmpty: acceptsEmpty
                ).matches(bytes)
            }
        }
    }

    private struct Builder {
        let steps: [RegexStep]
        let branches: [Int32]
        let sets: [ByteSet]
        let first: Int32
        var classes = [UInt8](repeating: 0, count: 256)
        var representatives: [UInt8] = []
        var next: [UInt16] = []
        var accepts: [Bool] = []
        var start: UInt16 = 0
        private var states: [[Int32]: UInt16] = [:]
        private var members: [[Int32]] = []
        private let workMax: Int
        private(set) var work = 0
        private var seen: [Int32]
        private var round: Int32 = 0
        private var stack: [Int32] = []

        init(steps: [RegexStep], branches: [Int32], sets: [ByteSet], first: Int32, workMax: Int) {
            self.workMax = workMax
            self.steps = steps
            self.branches = branches
            self.sets = sets
            self.first = first
            seen = Array(repeating: 0, count: steps.count)
        }

        mutating func build() -> Bool {
            let asksForBoundary = steps.contains { if case .boundary = $0 { true } else { false } }
            guard !asksForBoundary, steps.count < 10_000 else { return false }
            guard classifyBytes() else { return false }
            // The two special states.
            members = [[], []]
            next = Array(repeating: RegexTable.dead, count: representatives.count)
            next += Array(repeating: RegexTable.matched, count: representatives.count)
            accepts = [false, true]
            guard let start = state(of: spread([first], isStart: true, isEnd: false)) else { return false }
            self.start = start
            var done = 2
            var targets: [Int32] = []
            while done < members.count {
                let from = members[done]
                for byte in representatives {
                    targets.removeAll(keepingCapacity: true)
                    targets.append(first)
                    for step in from {
                        if case .byte(let set, let target) = steps[Int(step)], sets[Int(set)].contains(byte) {
                            targets.append(target)
                        }
                    }
                    work += 8 + from.count
                    guard let state = state(of: spread(targets, isStart: false, isEnd: false)) else {
                        return false
                    }
                    next.append(state)
                }
                done += 1
            }
            return true
        }

        /// Puts bytes that no set tells apart into one class.
        private mutating func classifyBytes() -> Bool {
            guard sets.count <= 4_096, workMax > 0 else { return false }
            if sets.count <= 64 {
                classifyBytesByOneWord()
                return true
            }
            var signatures: [[UInt64]: UInt8] = [:]
            for byte in UInt8.min...UInt8.max {
                var signature = [UInt64](repeating: 0, count: (sets.count + 63) / 64)
                for (index, set) in sets.enumerated() where set.contains(byte) {
                    signature[index / 64] |= 1 << UInt64(index % 64)
                }
                work += sets.count >> 2
                if let known = signatures[signature] {
                    classes[Int(byte)] = known
                } else {
                    classes[Int(byte)] = UInt8(representatives.count)
                    signatures[signature] = UInt8(representatives.count)
                    representatives.append(byte)
                }
            }
            return true
        }

        /// The same for the sets of most expressions, which fit into a word.
        private mutating func classifyBytesByOneWord() {
            var signatures: [UInt64: UInt8] = [:]
            var edges = ByteSet([])
            for set in sets { edges.formEdges(set) }
            // What a table costs however small it is.
            work += 500
            var known: UInt8 = 0
            for byte in UInt8.min...UInt8.max {
                // A byte that no set tells from the one before is of the same class.
                guard byte == 0 || edges.contains(byte) else {
                    classes[Int(byte)] = known
                    continue
                }
                var signature: UInt64 = 0
                for (index, set) in sets.enumerated() where set.contains(byte) {
                    signature |= 1 << UInt64(index)
                }
                work += 4 + sets.count >> 2
                if let found = signatures[signature] {
                    known = found
                } else {
                    known = UInt8(representatives.count)
                    signatures[signature] = known
                    representatives.append(byte)
                }
                classes[Int(byte)] = known
            }
        }

        /// The state for a set of steps, new or known; nil if there are too many. A set with the end in it is `matched`.
        private mutating func state(of spread: [Int32]?) -> UInt16? {
            guard let spread else { return RegexTable.matched }
            guard work < workMax else { return nil }
            if spread.isEmpty { return RegexTable.dead }
            if let known = states[spread] { return known }
            guard members.count < RegexTable.statesMax,
                (members.count + 1) * representatives.count <= RegexTable.entriesMax
            else { return nil }
            let state = UInt16(members.count)
            states[spread] = state
            members.append(spread)
            // A new attempt can begin at the end, too.
            accepts.append(self.spread(spread + [first], isStart: false, isEnd: true) == nil)
            return state
        }

        /// Whether the empty text matches.
        mutating func endsEmpty() -> Bool { spread([first], isStart: true, isEnd: true) == nil }

        /// All steps that are reached without a byte and take one or wait for the end; nil if the end of the expression is.
        private mutating func spread(_ from: [Int32], isStart: Bool, isEnd: Bool) -> [Int32]? {
            round += 1
            stack.append(contentsOf: from)
            var result: [Int32] = []
            while let step = stack.popLast() {
                guard seen[Int(step)] != round else { continue }
                seen[Int(step)] = round
                work += 1
                switch steps[Int(step)] {
                case .byte: result.append(step)
                case .split(let start, let count): stack += branches[Int(start)..<Int(start + count)]
                case .start(let next): if isStart { stack.append(next) }
                case .end(let next):
                    if isEnd { stack.append(next) } else { result.append(step) }
                case .boundary: break
                case .match:
                    stack.removeAll(keepingCapacity: true)
                    return nil
                }
            }
            if result.count > 1 { result.sort() }
            return result
        }
    }
}

/// The addresses of a table, for as long as it is lent.
struct RegexTableView {
    let classes: UnsafePointer<UInt8>
    let rows: UnsafePointer<UInt16>
    let width: Int
    let start: UInt16
    let acceptsEmpty: Bool

    /// Whether some part of the text matches.
    @inline(__always)
    func matches(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let base = bytes.baseAddress, bytes.count > 0 else { return acceptsEmpty }
        var row = Int(start)
        // Row 0 is where nothing can match any more, the next where something has.
        guard row > width else { return row == width }
        for index in 0..<bytes.count {
            row = Int(rows[row &+ Int(classes[Int(base.load(fromByteOffset: index, as: UInt8.self))])])
            if row <= width { return row == width }
        }
        return rows[row &+ width &- 1] != 0
    }
}
