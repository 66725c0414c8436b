// SPDX-License-Identifier: Apache-2.0

// How a clause comes into a program: which of its leaves is the access, by which keys that is found, and what remains to be tried. The choice
// decides speed only, never an answer.

/// What a program keeps of a clause in order to take it away again.
struct ClausePlan: Sendable {
    /// A node, and tests of its values that are found through indexes.
    struct Place: Sendable {
        var node: UInt32
        var tests: [PatternTest]
    }

    /// What rouses the clause; nil if only absence does, or nothing.
    var access: Place?
    /// What must hold of the attributes before the data is read for this clause; nil if nothing.
    var gate: Place?
    /// The node where nothing must be for the clause to hold.
    var absence: UInt32?
    /// Whether the data is read for it whatever the attributes are.
    var readsData = false

    // MARK: - Ways to a test

    /// How the values that pass a test are found.
    enum Way {
        /// By a key; `isTried` says that there may be others with this key.
        case key(MatchProgram.KeyKind, [UInt8], length: Int, isTried: Bool)
        case null, yes, no
        case window(NumberWindow)
        case range(NumericRange)
        /// Any value may be one.
        case anyValue(isTried: Bool)
    }

    /// How many bytes of a wildcard are looked for at every place of a text, at most.
    static let gramLength = 4

    /// The way to a test whose texts are folded if they ignore case.
    static func way(to test: PatternTest) -> Way {
        switch test {
        case .equals(.null): .null
        case .equals(.bool(let value)): value ? .yes : .no
        case .equals(.string(let text)): .key(.text, text, length: 0, isTried: false)
        case .equals(.number(let number)): .key(.number, key(of: number), length: 0, isTried: false)
        case .equalsIgnoringCase(let text): .key(.folded, text, length: 0, isTried: false)
        case .prefix(let text): end(.prefix, text)
        case .suffix(let text): end(.suffix, text)
        case .prefixIgnoringCase(let text): end(.foldedPrefix, text)
        case .suffixIgnoringCase(let text): end(.foldedSuffix, text)
        case .cidr(let block):
            .key(
                .block, key(of: block.address, block.length),
                length: block.address.bitCount * 1000 + block.length, isTried: false)
        case .wildcard(let wildcard): way(to: wildcard)
        case .numeric(let range): NumberWindow(range).map { .window($0) } ?? .range(range)
        case .exists(let isWanted): .anyValue(isTried: !isWanted)
        case .anythingBut: .anyValue(isTried: true)
        case .text(let test):
            test.head.isEmpty ? .anyValue(isTried: true) : end(.prefix, test.head, isTried: true)
        // Asked of all values of a field at its end, never found by one.
        case .noneOf: .anyValue(isTried: true)
        }
    }

    /// The way to a beginning or an end of texts. Not every length has keys of its own, because every length there is costs a probe; unless a mark
    /// tells where they end, of which a text has few.
    private static func end(_ kind: MatchProgram.KeyKind, _ text: [UInt8], isTried: Bool = false) -> Way {
        if let (kind, bit) = Mark.way(to: text, kind) {
            return .key(kind, text, length: bit, isTried: isTried)
        }
        let length =
            switch text.count {
            case ...4: text.count
            case ...16: text.count & ~1
            case ...32: text.count & ~3
            default: text.count & ~7
            }
        let key = kind.direction == .forward ? text.prefix(length) : text.suffix(length)
        return .key(
            kind, length == text.count ? text : Array(key), length: length,
            isTried: isTried || length < text.count)
    }

    private static func way(to wildcard: Wildcard) -> Way {
        let tail = wildcard.tail ?? []
        if wildcard.head.count >= tail.count, !wildcard.head.isEmpty {
            return end(.prefix, wildcard.head, isTried: true)
        }
        if !tail.isEmpty { return end(.suffix, tail, isTried: true) }
        guard let piece = wildcard.middle.map(\.text).max(by: { $0.count < $1.count }) else {
            return .anyValue(isTried: true)
        }
        let gram = Array(piece.prefix(gramLength))
        return .key(.gram, gram, length: gram.count, isTried: true)
    }

    static func key(of number: PatternNumber) -> [UInt8] {
        number.text.withUnsafeBytes { NumberText($0).key($0) }
    }

    static func key(of address: Address, _ length: Int) -> [UInt8] {
        [UInt8(address.bitCount), UInt8(length)] + address.masked(to: length).bytes
    }

    /// The ends of a range as doubles.
    static func entry(of range: NumericRange, step: UInt32, test: UInt32) -> RangeTree.Entry {
        var entry = RangeTree.Entry(step: step, test: test)
        if let lower = range.lower {
            let (value, isExact) = lower.number.text.withUnsafeBytes { NumberText($0).double($0) }
            (entry.low, entry.isLowOpen) = (value, !lower.isIncluded)
            entry.isExact = isExact
        }
        if let upper = range.upper {
            let (value, isExact) = upper.number.text.withUnsafeBytes { NumberText($0).double($0) }
            (entry.high, entry.isHighOpen) = (value, !upper.isIncluded)
            entry.isExact = entry.isExact && isExact
        }
        return entry
    }
}

extension PatternTest {
    /// The test with texts folded that are compared without regard to case: what a program tries.
    var prepared: PatternTest {
        switch self {
        case .equalsIgnoringCase(let text): .equalsIgnoringCase(CaseFolding.folded(text))
        case .prefixIgnoringCase(let text): .prefixIgnoringCase(CaseFolding.folded(text))
        case .suffixIgnoringCase(let text): .suffixIgnoringCase(CaseFolding.folded(text))
        case .anythingBut(let tests): .anythingBut(tests.prepared)
        case .noneOf(let tests): .noneOf(tests.prepared)
        default: self
        }
    }

    fileprivate var ignoresCase: Bool {
        switch self {
        case .equalsIgnoringCase, .prefixIgnoringCase, .suffixIgnoringCase: true
        case .anythingBut(let tests), .noneOf(let tests): tests.contains { $0.ignoresCase }
        default: false
        }
    }
}

extension [PatternTest] {
    /// The same array where that does: it is shared with the pattern then.
    var prepared: [PatternTest] {
        contains { $0.ignoresCase } ? map(\.prepared) : self
    }
}
