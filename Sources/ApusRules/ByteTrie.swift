// SPDX-License-Identifier: Apache-2.0

// All prefixes (or, read backwards, suffixes) asked of a field, found in one walk over the value: the cost is
// the length walked, however many there are. Many small tries share the arrays; each has a root state.
//
//   states   first edge of each state, and one past the end; its value or none
//   edges    sorted by byte within a state

/// Read-only tries over byte strings, with a value at some states.
struct ByteTrie: Sendable {
    private struct State: Sendable {
        var firstEdge: UInt32
        var edgeCount: UInt32
        var value: UInt32
    }

    /// Which end of a value the walk starts from.
    enum Direction { case forward, backward }

    private static let none = UInt32.max
    private var states: [State] = []
    private var edgeBytes: [UInt8] = []
    private var edgeTargets: [UInt32] = []

    /// Adds a trie of distinct keys, whose values are less than `UInt32.max`, and returns its root.
    mutating func add(_ entries: [(key: [UInt8], value: UInt32)]) -> UInt32 {
        let sorted = entries.sorted { $0.key.lexicographicallyPrecedes($1.key) }
        let root = UInt32(states.count)
        states.append(State(firstEdge: 0, edgeCount: 0, value: Self.none))
        // A list of work instead of recursion: a prefix may be as long as a pattern.
        var pending = [(state: Int(root), range: 0..<sorted.count, depth: 0)]
        while let (state, range, depth) = pending.popLast() {
            var range = range
            if let first = range.first, sorted[first].key.count == depth {
                states[state].value = sorted[first].value
                range = range.dropFirst()
            }
            states[state].firstEdge = UInt32(edgeBytes.count)
            while let first = range.first {
                let byte = sorted[first].key[depth]
                let next = range.first { sorted[$0].key[depth] != byte } ?? range.upperBound
                edgeBytes.append(byte)
                edgeTargets.append(UInt32(states.count))
                states[state].edgeCount += 1
                pending.append((states.count, first..<next, depth + 1))
                states.append(State(firstEdge: 0, edgeCount: 0, value: Self.none))
                range = next..<range.upperBound
            }
        }
        return root
    }

    /// Calls `found` with the value of every key that `text` starts with, or ends with in reverse.
    @inline(__always)
    func walk(
        from root: UInt32, _ text: UnsafeRawBufferPointer, _ direction: Direction, _ found: (UInt32) -> Void
    ) {
        var state = states[Int(root)]
        var index = 0
        while true {
            if state.value != Self.none { found(state.value) }
            guard index < text.count else { return }
            let byte = direction == .forward ? text[index] : text[text.count &- 1 &- index]
            guard let next = target(of: state, byte) else { return }
            state = states[Int(next)]
            index &+= 1
        }
    }

    @inline(__always)
    private func target(of state: State, _ byte: UInt8) -> UInt32? {
        var low = Int(state.firstEdge)
        var high = low &+ Int(state.edgeCount)
        let end = high
        while low < high {
            let middle = (low &+ high) &>> 1
            if edgeBytes[middle] < byte { low = middle &+ 1 } else { high = middle }
        }
        guard low < end, edgeBytes[low] == byte else { return nil }
        return edgeTargets[low]
    }
}
