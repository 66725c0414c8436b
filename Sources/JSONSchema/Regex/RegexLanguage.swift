// SPDX-License-Identifier: Apache-2.0

// Questions about the texts that regular expressions match: is there one that these match and those do not, of such a length? Their
// tables are followed side by side, breadth first, so that the shortest such text is found, and the work is bounded.

/// Texts told by the regular expressions that match them.
package enum RegexLanguage {
    /// What became of a search.
    package enum Answer: Hashable, Sendable {
        /// There is no such text.
        case none
        /// This is one, and none is shorter.
        case found(String)
        /// It takes more states than allowed, or an expression has no table.
        case undecided
    }

    /// Looks for a text that all of `matching` match and none of `missing`, with that many characters.
    ///
    /// - Parameters:
    ///   - least: characters that it has at least.
    ///   - greatest: characters that it has at most; nil for no bound.
    ///   - states: how many states are looked at; what was looked at is taken from it.
    package static func search(
        matching: [Regex], missing: [Regex], least: Int = 0, greatest: Int? = nil, states: inout Int
    ) -> Answer {
        var tables: [RegexTable] = []
        for regex in matching + missing {
            guard let table = regex.table else { return .undecided }
            tables.append(table)
        }
        if let greatest, greatest < least { return .none }
        let search = TableSearch(
            tables: tables, wanted: matching.count, least: least, greatest: greatest)
        return search.run(states: &states)
    }
}

/// Tables followed side by side.
private struct TableSearch {
    let tables: [RegexTable]
    /// So many of the tables must match, the others must not.
    let wanted: Int
    let least: Int
    let greatest: Int?

    /// Where each table is, how far a character of several bytes has come, and how many characters there are.
    private struct State: Hashable {
        var rows: [UInt16]
        var pending: UInt8
        var length: Int
    }

    private struct Step {
        var state: State
        var parent: Int
        var byte: UInt8
    }

    func run(states: inout Int) -> RegexLanguage.Answer {
        if least == 0, tables.indices.allSatisfy({ tables[$0].acceptsEmpty == ($0 < wanted) }) {
            return .found("")
        }
        let bytes = representatives()
        let start = State(rows: tables.map(\.start), pending: 0, length: 0)
        guard !isLost(start) else { return .none }
        var steps = [Step(state: start, parent: -1, byte: 0)]
        var seen: Set<State> = [start]
        var next = 0
        while next < steps.count {
            states -= 1
            guard states >= 0 else { return .undecided }
            let from = steps[next].state
            for byte in bytes {
                guard let state = after(from, byte), seen.insert(state).inserted else { continue }
                steps.append(Step(state: state, parent: next, byte: byte))
                if isFound(state) { return .found(text(steps)) }
            }
            next += 1
        }
        return .none
    }

    private func after(_ from: State, _ byte: UInt8) -> State? {
        guard let pending = UTF8Progress.after(from.pending, byte) else { return nil }
        var state = from
        state.pending = pending
        if byte & 0xC0 != 0x80 {
            // Beyond what anybody asks for, lengths are alike.
            state.length = min(from.length + 1, max(least, (greatest ?? 0) + 1))
            if let greatest, state.length > greatest { return nil }
        }
        for (index, table) in tables.enumerated() where from.rows[index] > table.width {
            state.rows[index] = table.rows[Int(from.rows[index]) + Int(table.classes[Int(byte)])]
        }
        return isLost(state) ? nil : state
    }

    /// Whether nothing that follows can make it a text that is looked for.
    private func isLost(_ state: State) -> Bool {
        for (index, table) in tables.enumerated() {
            if index < wanted ? state.rows[index] == 0 : Int(state.rows[index]) == table.width { return true }
        }
        return false
    }

    private func isFound(_ state: State) -> Bool {
        guard state.pending == 0, state.length >= least else { return false }
        for (index, table) in tables.enumerated() {
            let row = Int(state.rows[index])
            let matches = row == table.width || row > table.width && table.rows[row + table.width - 1] != 0
            if matches != (index < wanted) { return false }
        }
        return true
    }

    private func text(_ steps: [Step]) -> String {
        var bytes: [UInt8] = []
        var index = steps.count - 1
        while index > 0 {
            bytes.append(steps[index].byte)
            index = steps[index].parent
        }
        return String(decoding: bytes.reversed(), as: UTF8.self)
    }

    /// One byte for each class of bytes that no table and no rule of UTF-8 tells apart; those that people like to read first.
    private func representatives() -> [UInt8] {
        var order = Array(UInt8(ascii: "a")...UInt8(ascii: "z"))
        order += Array(UInt8(ascii: "0")...UInt8(ascii: "9"))
        order += Array(UInt8(ascii: "A")...UInt8(ascii: "Z")) + Array(0x21...0x7E) + [0x20]
        order += Array(0x80...0xFF) + Array(0x00...0x1F) + [0x7F]
        var signatures: Set<[UInt8]> = []
        return order.filter { byte in
            signatures.insert(tables.map { $0.classes[Int(byte)] } + [UTF8Progress.kind(byte)]).inserted
        }
    }
}

/// UTF-8 byte by byte.
private enum UTF8Progress {
    /// Bytes that mean the same to it.
    static func kind(_ byte: UInt8) -> UInt8 {
        switch byte {
        case 0x00...0x7F: 0
        case 0x80...0x8F: 1
        case 0x90...0x9F: 2
        case 0xA0...0xBF: 3
        case 0xC2...0xDF: 4
        case 0xE0: 5
        case 0xE1...0xEC, 0xEE...0xEF: 6
        case 0xED: 7
        case 0xF0: 8
        case 0xF1...0xF3: 9
        case 0xF4: 10
        default: 11
        }
    }

    /// What is still to come: 0 nothing, 1 to 3 so many bytes, 4 to 7 the second byte after E0, ED, F0, F4. Nil if the byte cannot stand there.
    static func after(_ pending: UInt8, _ byte: UInt8) -> UInt8? {
        let kind = kind(byte)
        switch (pending, kind) {
        case (0, 0): return 0
        case (0, 4): return 1
        case (0, 6): return 2
        case (0, 9): return 3
        case (0, 5): return 4
        case (0, 7): return 5
        case (0, 8): return 6
        case (0, 10): return 7
        case (1...3, 1...3): return pending - 1
        case (4, 3), (5, 1...2): return 1
        case (6, 2...3), (7, 1): return 2
        default: return nil
        }
    }
}
