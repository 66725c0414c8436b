// SPDX-License-Identifier: Apache-2.0

// RabbitMQ's topic patterns: words joined by dots, `*` for exactly one word, `#` for any number of words, also
// none. A word may be empty: "a..b" has three. The empty key has no words at all, as in RabbitMQ.

/// A pattern of words.
struct TopicPattern: Sendable {
    /// The longest pattern: a routing key has one byte for its length.
    static let bytesMax = 255

    /// As written.
    let text: [UInt8]
    /// The words before the first wildcard, with their dots: what every key that fits begins with.
    let head: [UInt8]
    private let automaton: GlobAutomaton
    /// The words that are no wildcards, in the order of their bytes; their places are the automaton's symbols.
    private let words: [[UInt8]]

    /// Nil if the text is too long.
    init?(_ text: [UInt8]) {
        guard text.count <= Self.bytesMax else { return nil }
        let pattern = Self.words(of: text)
        let words = Set(pattern.map(Array.init)).subtracting([[0x2A], [0x23]])
            .sorted { $0.lexicographicallyPrecedes($1) }
        let numbers = Dictionary(uniqueKeysWithValues: words.enumerated().map { ($0.element, $0.offset) })
        var steps: [GlobAutomaton.Step] = []
        var head: [UInt8] = []
        var isHead = true
        for (index, word) in pattern.enumerated() {
            switch Array(word) {
            case [0x2A]:
                steps.append(.anyOne)
                isHead = false
            case [0x23]:
                // The dot before it is only there if a word is.
                if isHead, head.last == 0x2E { head.removeLast() }
                steps.append(.anyRun)
                isHead = false
            case let word:
                if let number = numbers[word] { steps.append(.symbol(number)) }
                if isHead {
                    head += word
                    if index < pattern.count - 1 { head.append(0x2E) }
                }
            }
        }
        self.text = text
        self.head = head
        self.automaton = GlobAutomaton(steps, symbolCount: words.count)
        self.words = words
    }

    /// Whether a routing key fits.
    func matches(_ key: UnsafeRawBufferPointer) -> Bool {
        guard !key.isEmpty else { return automaton.matches { nil } }
        var start: Int? = 0
        return automaton.matches {
            guard let from = start else { return nil }
            let end = key[from...].firstIndex(of: 0x2E)
            start = end.map { $0 + 1 }
            let word = UnsafeRawBufferPointer(rebasing: key[from..<(end ?? key.count)])
            return number(of: word) ?? -1
        }
    }

    private func number(of word: UnsafeRawBufferPointer) -> Int? {
        var low = 0
        var high = words.count
        while low < high {
            let middle = (low + high) / 2
            if words[middle].lexicographicallyPrecedes(word) { low = middle + 1 } else { high = middle }
        }
        return low < words.count && words[low].elementsEqual(word) ? low : nil
    }

    static func words(of text: [UInt8]) -> [ArraySlice<UInt8>] {
        text.isEmpty ? [] : text.split(separator: 0x2E, omittingEmptySubsequences: false)
    }
}

extension TopicPattern: Hashable {
    static func == (left: Self, right: Self) -> Bool { left.text == right.text }
    func hash(into hasher: inout Hasher) { hasher.combine(text) }
}
