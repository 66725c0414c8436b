// SPDX-License-Identifier: Apache-2.0

// SQL's LIKE, as CESQL has it: `%` is any text, `_` one character (a Unicode scalar), and a backslash before
// either stands for the character itself. A backslash before anything else is a backslash.

/// A LIKE pattern.
struct LikePattern: Sendable {
    /// The longest pattern, in characters.
    static let lengthMax = 512

    /// As written.
    let text: [UInt8]
    /// What stands before the first wildcard.
    let head: [UInt8]
    /// The same without `_`, which is faster; nil if there is any.
    let wildcard: Wildcard?
    private let automaton: GlobAutomaton?
    private let symbols: [UInt32: Int]

    /// Nil if the text is too long.
    init?(_ text: [UInt8]) {
        guard text.count <= Self.lengthMax * 4 else { return nil }
        let scalars = Array(String(decoding: text, as: UTF8.self).unicodeScalars)
        guard scalars.count <= Self.lengthMax else { return nil }
        var symbols: [UInt32: Int] = [:]
        var steps: [GlobAutomaton.Step] = []
        var head: [UInt8] = []
        var pieces: [[UInt8]] = [[]]
        var hasOne = false
        var isHead = true
        var index = 0
        while index < scalars.count {
            var scalar = scalars[index]
            index += 1
            if scalar == "%" || scalar == "_" {
                isHead = false
                hasOne = hasOne || scalar == "_"
                if scalar == "%" { pieces.append([]) }
                steps.append(scalar == "%" ? .anyRun : .anyOne)
                continue
            }
            if scalar == "\\", index < scalars.count, scalars[index] == "%" || scalars[index] == "_" {
                scalar = scalars[index]
                index += 1
            }
            let number = symbols[scalar.value] ?? symbols.count
            symbols[scalar.value] = number
            steps.append(.symbol(number))
            let bytes = Array(String(Character(scalar)).utf8)
            pieces[pieces.count - 1] += bytes
            if isHead { head += bytes }
        }
        self.text = text
        self.head = head
        self.wildcard = hasOne ? nil : Self.wildcard(pieces)
        self.automaton = wildcard == nil ? GlobAutomaton(steps, symbolCount: symbols.count) : nil
        self.symbols = symbols
    }

    private static func wildcard(_ pieces: [[UInt8]]) -> Wildcard? {
        var text: [UInt8] = []
        for (index, piece) in pieces.enumerated() {
            // Two runs side by side are one.
            if index > 0, text.last != 0x2A || text.dropLast().last == 0x5C { text.append(0x2A) }
            for byte in piece {
                if byte == 0x2A || byte == 0x5C { text.append(0x5C) }
                text.append(byte)
            }
        }
        return Wildcard(text)
    }

    /// Whether UTF-8 text fits.
    func matches(_ value: UnsafeRawBufferPointer) -> Bool {
        if let wildcard { return wildcard.matches(value) }
        guard let automaton else { return false }
        var decoder = Unicode.UTF8()
        var bytes = value.makeIterator()
        return automaton.matches {
            switch decoder.decode(&bytes) {
            case .scalarValue(let scalar): symbols[scalar.value] ?? -1
            case .emptyInput: nil
            case .error: -1
            }
        }
    }
}

extension LikePattern: Hashable {
    static func == (left: Self, right: Self) -> Bool { left.text == right.text }
    func hash(into hasher: inout Hasher) { hasher.combine(text) }
}
