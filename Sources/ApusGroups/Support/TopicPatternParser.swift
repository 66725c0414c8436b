// SPDX-License-Identifier: Apache-2.0

// From the text of a regular expression to a tree, and from the tree to the steps of a program.

/// The parts of a regular expression.
indirect enum TopicPatternNode: Sendable {
    case empty
    case start
    case end
    case character(TopicPattern.CharacterSet)
    case sequence([TopicPatternNode])
    case choice([TopicPatternNode])
    /// `upTo` of `nil` means any number.
    case repetition(TopicPatternNode, from: Int, upTo: Int?)
}

struct TopicPatternParser {
    private let text: [Unicode.Scalar]
    private var place = 0
    private var depth = 0

    static let depthMax = 50
    static let countMax = 1_000

    init(_ text: String) { self.text = Array(text.unicodeScalars) }

    private typealias Malformed = TopicPattern.Malformed
    private typealias CharacterSet = TopicPattern.CharacterSet

    private var next: Unicode.Scalar? { place < text.count ? text[place] : nil }

    private func malformed(_ message: String) -> TopicPattern.Malformed {
        TopicPattern.Malformed(message: "\(message) at character \(place + 1)")
    }

    mutating func parse() throws(TopicPattern.Malformed) -> TopicPatternNode {
        let node = try choice()
        guard next == nil else { throw malformed("A bracket closes that was not opened") }
        return node
    }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard next == scalar else { return false }
        place += 1
        return true
    }

    private mutating func choice() throws(TopicPattern.Malformed) -> TopicPatternNode {
        var branches = [try sequence()]
        while take("|") { branches.append(try sequence()) }
        return branches.count == 1 ? branches[0] : .choice(branches)
    }

    private mutating func sequence() throws(TopicPattern.Malformed) -> TopicPatternNode {
        var parts: [TopicPatternNode] = []
        while let scalar = next, scalar != "|", scalar != ")" {
            parts.append(try repeated(atom()))
        }
        return parts.isEmpty ? .empty : .sequence(parts)
    }

    private mutating func repeated(
        _ node: TopicPatternNode
    ) throws(TopicPattern.Malformed) -> TopicPatternNode {
        guard let scalar = next else { return node }
        let bounds: (Int, Int?)
        switch scalar {
        case "*": bounds = (0, nil)
        case "+": bounds = (1, nil)
        case "?": bounds = (0, 1)
        case "{":
            guard let counted = try countedBounds() else { return node }
            bounds = counted
        default: return node
        }
        if scalar != "{" { place += 1 }
        // Preferring fewer matches the same names.
        _ = take("?")
        if let again = next, again == "*" || again == "+" || again == "?" {
            throw malformed("A repetition of a repetition")
        }
        return .repetition(node, from: bounds.0, upTo: bounds.1)
    }

    /// `{n}`, `{n,}` or `{n,m}`; a brace that begins none of them stands for itself.
    private mutating func countedBounds() throws(TopicPattern.Malformed) -> (Int, Int?)? {
        let start = place
        place += 1
        guard let least = number() else {
            place = start
            return nil
        }
        var most: Int? = least
        if take(",") { most = number() }
        guard take("}") else {
            place = start
            return nil
        }
        guard least <= Self.countMax, (most ?? 0) <= Self.countMax, most.map({ $0 >= least }) ?? true else {
            throw malformed("A repetition's bounds are reversed or beyond \(Self.countMax)")
        }
        return (least, most)
    }

    private mutating func number() -> Int? {
        var value: Int?
        while let scalar = next, ("0"..."9").contains(scalar) {
            value = min((value ?? 0) * 10 + Int(scalar.value - 48), Self.countMax + 1)
            place += 1
        }
        return value
    }

    private mutating func atom() throws(TopicPattern.Malformed) -> TopicPatternNode {
        guard let scalar = next else { return .empty }
        place += 1
        switch scalar {
        case "^": return .start
        case "$": return .end
        case ".": return .character(CharacterSet(ranges: [10...10], isInverted: true))
        case "[": return .character(try bracketed())
        case "(": return try group()
        case "\\": return try escaped()
        case "*", "+", "?":
            place -= 1
            throw malformed("A repetition of nothing")
        case "{" where text[place...].first.map({ ("0"..."9").contains($0) }) ?? false:
            place -= 1
            if try countedBounds() != nil { throw malformed("A repetition of nothing") }
            place += 1
            return .character(CharacterSet(ranges: [scalar.value...scalar.value]))
        default: return .character(CharacterSet(ranges: [scalar.value...scalar.value]))
        }
    }

    private mutating func group() throws(TopicPattern.Malformed) -> TopicPatternNode {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.depthMax else { throw malformed("Brackets are nested too deeply") }
        if take("?") {
            // (?:…) does not remember what it matched, and neither do we; (?P<name>…) and (?<name>…) only have a name more.
            if take("P") || next == "<" {
                guard take("<"), text[place...].first.map({ $0 != "=" && $0 != "!" }) ?? false else {
                    throw malformed("Looking behind and references are not offered")
                }
                while let scalar = next, scalar != ">" { place += scalar == ")" ? text.count : 1 }
                guard take(">") else { throw malformed("A group's name does not end") }
            } else if !take(":") {
                throw malformed("Flags and looking ahead are not offered")
            }
        }
        let node = try choice()
        guard take(")") else { throw malformed("A bracket is not closed") }
        return node
    }

    private mutating func escaped() throws(TopicPattern.Malformed) -> TopicPatternNode {
        if take("A") { return .start }
        if take("z") { return .end }
        return .character(try escapedSet())
    }

    /// What follows a backslash.
    private mutating func escapedSet() throws(TopicPattern.Malformed) -> TopicPattern.CharacterSet {
        guard let scalar = next else { throw malformed("A backslash escapes nothing") }
        place += 1
        switch scalar {
        case "d": return CharacterSet(ranges: Self.digits)
        case "D": return CharacterSet(ranges: Self.digits, isInverted: true)
        case "w": return CharacterSet(ranges: Self.wordCharacters)
        case "W": return CharacterSet(ranges: Self.wordCharacters, isInverted: true)
        case "s": return CharacterSet(ranges: Self.spaces)
        case "S": return CharacterSet(ranges: Self.spaces, isInverted: true)
        case "t": return CharacterSet(ranges: [9...9])
        case "n": return CharacterSet(ranges: [10...10])
        case "r": return CharacterSet(ranges: [13...13])
        case "a"..."z", "A"..."Z", "0"..."9":
            place -= 1
            throw malformed("The escape \\\(scalar) is not offered")
        default: return CharacterSet(ranges: [scalar.value...scalar.value])
        }
    }

    private mutating func bracketed() throws(TopicPattern.Malformed) -> TopicPattern.CharacterSet {
        var set = CharacterSet(ranges: [], isInverted: take("^"))
        var isFirst = true
        while let scalar = next, scalar != "]" || isFirst {
            isFirst = false
            place += 1
            if scalar == "[", next == ":" { throw malformed("Named classes are not offered") }
            var lower = scalar.value
            if scalar == "\\" {
                let escape = try escapedSet()
                guard !escape.isInverted else { throw malformed("An inverted class within a class") }
                guard let only = escape.ranges.first, escape.ranges.count == 1, only.count == 1 else {
                    set.ranges += escape.ranges
                    continue
                }
                lower = only.lowerBound
            }
            guard next == "-", place + 1 < text.count, text[place + 1] != "]" else {
                set.ranges.append(lower...lower)
                continue
            }
            place += 1
            let upper = try upperBound()
            guard lower <= upper else { throw malformed("A range is reversed") }
            set.ranges.append(lower...upper)
        }
        guard take("]") else { throw malformed("A class is not closed") }
        return set
    }

    private mutating func upperBound() throws(TopicPattern.Malformed) -> UInt32 {
        guard let scalar = next else { throw malformed("A range does not end") }
        place += 1
        guard scalar == "\\" else { return scalar.value }
        let escape = try escapedSet()
        guard !escape.isInverted, let only = escape.ranges.first, escape.ranges.count == 1, only.count == 1
        else { throw malformed("A range ends in a class") }
        return only.lowerBound
    }

    private static let digits: [ClosedRange<UInt32>] = [48...57]
    private static let wordCharacters: [ClosedRange<UInt32>] = [48...57, 65...90, 95...95, 97...122]
    private static let spaces: [ClosedRange<UInt32>] = [9...10, 12...13, 32...32]
}

/// Writes the steps for a tree.
struct TopicPatternCompiler {
    private(set) var steps: [TopicPattern.Step] = []

    private mutating func emit(_ step: TopicPattern.Step) throws(TopicPattern.Malformed) {
        guard steps.count < TopicPattern.stepsMax else {
            throw TopicPattern.Malformed(
                message: "The expression is too large once its repetitions are written out")
        }
        steps.append(step)
    }

    mutating func append(_ node: TopicPatternNode) throws(TopicPattern.Malformed) {
        switch node {
        case .empty: break
        case .start: try emit(.start)
        case .end: try emit(.end)
        case .character(let set): try emit(.character(set))
        case .sequence(let parts): for part in parts { try append(part) }
        case .choice(let branches): try append(choiceOf: branches)
        case .repetition(let body, let least, let most):
            for _ in 0..<least {
                let before = steps.count
                try append(body)
                // Nothing, however often, is nothing.
                if steps.count == before { return }
            }
            guard let most else { return try append(anyNumberOf: body) }
            for _ in 0..<(most - least) {
                // Each optional copy can be passed over by itself: the same names match.
                let split = steps.count
                try emit(.split(split + 1, 0))
                try append(body)
                steps[split] = .split(split + 1, steps.count)
            }
        }
    }

    private mutating func append(anyNumberOf body: TopicPatternNode) throws(TopicPattern.Malformed) {
        let split = steps.count
        try emit(.split(split + 1, 0))
        try append(body)
        try emit(.jump(split))
        steps[split] = .split(split + 1, steps.count)
    }

    private mutating func append(choiceOf branches: [TopicPatternNode]) throws(TopicPattern.Malformed) {
        var jumps: [Int] = []
        for (number, branch) in branches.enumerated() {
            guard number < branches.count - 1 else {
                try append(branch)
                continue
            }
            let split = steps.count
            try emit(.split(split + 1, 0))
            try append(branch)
            jumps.append(steps.count)
            try emit(.jump(0))
            steps[split] = .split(split + 1, steps.count)
        }
        for jump in jumps { steps[jump] = .jump(steps.count) }
    }
}
