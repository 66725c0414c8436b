// SPDX-License-Identifier: Apache-2.0

// Regular expressions over names of topics, in time that grows with the length of the name and of the expression and with nothing else: what
// has no such form (references to earlier groups, looking ahead or behind) is not offered. The syntax is RE2's where both have it.
//
// An expression is compiled to a program of small steps. Matching goes through the name once with the set of places of the program at which a
// match could be: no place is tried twice for one character.

/// A regular expression that a whole name has to match.
struct TopicPattern: Sendable {
    /// Why an expression is not taken; for people.
    struct Malformed: Error, Hashable { var message: String }

    /// Which characters fit one place.
    struct CharacterSet: Sendable, Hashable {
        var ranges: [ClosedRange<UInt32>]
        var isInverted = false

        func contains(_ scalar: Unicode.Scalar) -> Bool {
            ranges.contains { $0.contains(scalar.value) } != isInverted
        }
    }

    enum Step: Sendable, Hashable {
        case character(CharacterSet)
        /// Goes on at both places.
        case split(Int, Int)
        case jump(Int)
        /// Holds at the beginning of the name only.
        case start
        /// Holds at the end of the name only.
        case end
        case match
    }

    /// Longest expression, in bytes.
    static let bytesMax = 1_024
    /// Longest program: counted repetitions are written out.
    static let stepsMax = 1_024

    let steps: [Step]

    /// Throws `Malformed` for what is no regular expression, is not offered, or would be too large.
    init(_ text: String) throws(Malformed) {
        guard text.utf8.count <= Self.bytesMax else {
            throw Malformed(message: "The expression is longer than \(Self.bytesMax) bytes")
        }
        var parser = TopicPatternParser(text)
        var compiler = TopicPatternCompiler()
        try compiler.append(parser.parse())
        steps = compiler.steps + [.match]
    }

    func matches(_ name: String) -> Bool {
        let scalars = Array(name.unicodeScalars)
        var current = PlaceSet(capacity: steps.count)
        var next = PlaceSet(capacity: steps.count)
        add(0, to: &current, isStart: true, isEnd: scalars.isEmpty)
        for (position, scalar) in scalars.enumerated() {
            if current.places.isEmpty { return false }
            next.removeAll()
            for place in current.places {
                guard case .character(let set) = steps[place], set.contains(scalar) else { continue }
                add(place + 1, to: &next, isStart: false, isEnd: position + 1 == scalars.count)
            }
            swap(&current, &next)
        }
        return current.places.contains { steps[$0] == .match }
    }

    /// Adds a place and all that can be reached from it without a character.
    private func add(_ first: Int, to set: inout PlaceSet, isStart: Bool, isEnd: Bool) {
        var pending = [first]
        while let place = pending.popLast() {
            guard set.insert(place) else { continue }
            switch steps[place] {
            case .split(let left, let right): pending += [right, left]
            case .jump(let target): pending.append(target)
            case .start: if isStart { pending.append(place + 1) }
            case .end: if isEnd { pending.append(place + 1) }
            case .character, .match: break
            }
        }
    }
}

/// A set of places, each in it once, emptied without going through it.
private struct PlaceSet {
    private(set) var places: [Int] = []
    private var round = 1
    private var seen: [Int]

    init(capacity: Int) { seen = [Int](repeating: 0, count: capacity) }

    mutating func insert(_ place: Int) -> Bool {
        if seen[place] == round { return false }
        seen[place] = round
        places.append(place)
        return true
    }

    mutating func removeAll() {
        round += 1
        places.removeAll(keepingCapacity: true)
    }
}
