// SPDX-License-Identifier: Apache-2.0

// Sequences with "any one" and "any number of any", for words (topics) and for characters (LIKE). All ways
// through the pattern are followed at once, a bit for each place in it: every symbol of the text costs one
// shift over the pattern's bits, whatever the pattern, and nothing is ever tried twice.

/// The places of a pattern as bits: bit `i` means that the first `i` symbols were found.
struct GlobAutomaton: Sendable {
    /// What a pattern asks for at one place.
    enum Step {
        /// One symbol, by its number.
        case symbol(Int)
        /// Any one symbol.
        case anyOne
        /// Any number of symbols, also none.
        case anyRun
    }

    private let wordCount: Int
    private let accept: Int
    /// Places at which any symbol may be passed over.
    private let loops: [UInt64]
    /// For each symbol, the places from which it leads on; at the end, those from which any other does.
    private let moves: [[UInt64]]

    /// - Parameters:
    ///   - steps: what is asked for, in order.
    ///   - symbolCount: how many symbols are numbered.
    init(_ steps: [Step], symbolCount: Int) {
        var length = 0
        for step in steps {
            if case .anyRun = step { continue }
            length += 1
        }
        let count = length / 64 + 1
        var loops = Array(repeating: UInt64(0), count: count)
        var others = loops
        var moves = Array(repeating: loops, count: symbolCount)
        var place = 0
        for step in steps {
            switch step {
            case .anyRun: loops[place / 64] |= 1 << UInt64(place % 64)
            case .anyOne:
                others[place / 64] |= 1 << UInt64(place % 64)
                place += 1
            case .symbol(let symbol):
                moves[symbol][place / 64] |= 1 << UInt64(place % 64)
                place += 1
            }
        }
        for symbol in moves.indices {
            for index in 0..<count { moves[symbol][index] |= others[index] }
        }
        self.wordCount = count
        self.accept = length
        self.loops = loops
        self.moves = moves + [others]
    }

    /// Whether a sequence fits. `next` returns the number of each symbol in turn, -1 for one that the pattern
    /// does not name, and nil at the end.
    func matches(_ next: () -> Int?) -> Bool {
        withUnsafeTemporaryAllocation(of: UInt64.self, capacity: wordCount) { places in
            places.initialize(repeating: 0)
            places[0] = 1
            while let symbol = next() {
                let move = symbol < 0 ? moves[moves.count - 1] : moves[symbol]
                var carry: UInt64 = 0
                var alive: UInt64 = 0
                for index in 0..<wordCount {
                    let moving = places[index] & move[index]
                    let staying = places[index] & loops[index]
                    places[index] = moving << 1 | carry | staying
                    carry = moving >> 63
                    alive |= places[index]
                }
                if alive == 0 { return false }
            }
            return places[accept / 64] & (1 << UInt64(accept % 64)) != 0
        }
    }
}
