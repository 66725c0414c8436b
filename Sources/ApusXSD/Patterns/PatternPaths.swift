// SPDX-License-Identifier: Apache-2.0

// How many ways a value can go through a regular expression. libxml2 tries them one by one, so that some expressions take longer than
// anybody lives on values of a hundred characters. Where each character decides what comes next there is one way, and nothing to count.
// Elsewhere the ways are counted before libxml2 gets the document, in one pass over each value.

/// A regular expression that a value may go through in several ways: its places, and which may follow which.
struct PatternPaths: Sendable {
    private let classes: [CharacterClass]
    private let first: [Int]
    private let follow: [[Int]]

    /// Of a regular expression in which each character decides what comes next: nothing.
    ///
    /// - Throws: ``XSDError`` if it is too large to tell.
    static func make(_ tree: PatternTree, positionsMax: Int) throws(XSDError) -> PatternPaths? {
        var builder = Builder(positionsMax: positionsMax)
        let part = try builder.build(tree)
        let decides =
            Builder.areDisjoint(part.first, builder.classes)
            && builder.follow.allSatisfy { Builder.areDisjoint(Array($0), builder.classes) }
        guard !decides else { return nil }
        return PatternPaths(
            classes: builder.classes, first: part.first, follow: builder.follow.map { Array($0) })
    }

    /// Takes from `budget` what a value costs with all of the expressions, as a whole and by the words of a list.
    static func spend(_ patterns: [PatternPaths], on value: [UInt8], budget: inout Int) {
        guard !patterns.isEmpty, budget >= 0 else { return }
        let words = value.split { $0 == 0x20 || $0 == 0x0A || $0 == 0x0D || $0 == 0x09 }
        let collapsed = words.count == 1 ? Array(words[0]) : Array(words.joined(separator: [0x20]))
        for pattern in patterns {
            pattern.spend(on: value[...], budget: &budget)
            if collapsed.count != value.count { pattern.spend(on: collapsed[...], budget: &budget) }
            guard words.count > 1 else { continue }
            for word in words where budget >= 0 { pattern.spend(on: word, budget: &budget) }
        }
    }

    private func spend(on value: ArraySlice<UInt8>, budget: inout Int) {
        var ways: [Int: Int] = [:]
        var isAtStart = true
        for byte in value where byte & 0xC0 != 0x80 {
            var next: [Int: Int] = [:]
            if isAtStart {
                for place in first where classes[place].contains(byte) { next[place] = 1 }
                budget -= first.count
                isAtStart = false
            } else {
                for (place, count) in ways {
                    budget -= follow[place].count
                    for after in follow[place] where classes[after].contains(byte) {
                        next[after, default: 0] += count
                    }
                }
            }
            for count in next.values {
                // What is far too much must not overflow.
                guard count <= budget else {
                    budget = -1
                    return
                }
                budget -= count
            }
            guard budget >= 0, !next.isEmpty else { return }
            ways = next
        }
    }
}

/// Puts together places and what follows them (Glushkov's automaton).
private struct Builder {
    struct Part {
        var isNullable: Bool
        var first: [Int] = []
        var last: [Int] = []
    }

    /// Repetitions of one character beyond this are taken for any number, which is more.
    private static let writtenOut = 8
    private static let pairsMax = 200_000

    let positionsMax: Int
    private(set) var classes: [CharacterClass] = []
    private(set) var follow: [Set<Int>] = []
    private var pairs = 0
    /// Groups that are empty make no places, and can be repeated all the same.
    private var groups = 0

    init(positionsMax: Int) { self.positionsMax = positionsMax }

    static func areDisjoint(_ places: [Int], _ classes: [CharacterClass]) -> Bool {
        var seen = CharacterClass()
        for place in places {
            if seen.intersects(classes[place]) { return false }
            seen.formUnion(classes[place])
        }
        return true
    }

    private mutating func connect(_ last: [Int], _ first: [Int]) throws(XSDError) {
        pairs += last.count * first.count
        guard pairs <= Builder.pairsMax else { throw tooLarge }
        for place in last { follow[place].formUnion(first) }
    }

    private var tooLarge: XSDError {
        .tooCostly("a regular expression repeats groups so often that its cost cannot be told")
    }

    mutating func build(_ tree: PatternTree) throws(XSDError) -> Part {
        groups += 1
        guard groups <= Builder.pairsMax else { throw tooLarge }
        switch tree {
        case .empty: return Part(isNullable: true)
        case .one(let characters):
            guard classes.count < positionsMax else { throw tooLarge }
            classes.append(characters)
            follow.append([])
            return Part(isNullable: false, first: [classes.count - 1], last: [classes.count - 1])
        case .sequence(let parts):
            var whole = Part(isNullable: true)
            for part in parts { whole = try join(whole, try build(part)) }
            return whole
        case .choice(let parts):
            var whole = Part(isNullable: false)
            for part in parts {
                let part = try build(part)
                whole.isNullable = whole.isNullable || part.isNullable
                whole.first += part.first
                whole.last += part.last
            }
            return whole
        case .repeated(let inner, let min, let max): return try build(inner, min, max)
        }
    }

    private mutating func join(_ left: Part, _ right: Part) throws(XSDError) -> Part {
        try connect(left.last, right.first)
        return Part(
            isNullable: left.isNullable && right.isNullable,
            first: left.isNullable ? left.first + right.first : left.first,
            last: right.isNullable ? left.last + right.last : right.last)
    }

    private mutating func build(_ inner: PatternTree, _ min: Int, _ max: Int?) throws(XSDError) -> Part {
        var isOne = false
        if case .one = inner { isOne = true }
        if isOne && Swift.max(min, max ?? 0) > Builder.writtenOut || (max == nil && min <= 1) {
            var part = try build(inner)
            try connect(part.last, part.first)
            if min == 0 { part.isNullable = true }
            return part
        }
        var whole = Part(isNullable: true)
        let copies = max ?? min
        for index in 0..<copies {
            var part = try build(inner)
            if max == nil, index == copies - 1 { try connect(part.last, part.first) }
            if index >= min { part.isNullable = true }
            whole = try join(whole, part)
        }
        return whole
    }
}
