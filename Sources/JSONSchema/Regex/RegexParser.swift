// SPDX-License-Identifier: Apache-2.0

// Regular expressions of ECMA-262 with the `u` flag, parsed to a tree. Beyond the `u` grammar, as everybody writes them: a backslash
// before any ASCII punctuation, and `{`, `}` and `]` by themselves. What is well-formed but not regular is noted and told at the end,
// so that the whole text is checked.

/// A regular expression as a tree.
indirect enum RegexNode: Sendable {
    case empty
    case set(ScalarSet)
    case start
    case end
    case wordBoundary(isNegated: Bool)
    case sequence([RegexNode])
    case choice([RegexNode])
    case repetition(RegexNode, least: Int, greatest: Int?)
}

struct RegexParser {
    private static let depthLimit = 200

    private let scalars: [Unicode.Scalar]
    private var position = 0
    private var depth = 0
    private var unsupported: RegexError?
    private var groupNames: Set<String> = []
    private var looksUp = true

    private init(_ text: String) { scalars = Array(text.unicodeScalars) }

    /// Parses a whole expression.
    ///
    /// - Parameter looksUp: whether the characters that have a property are looked for; otherwise there are none, and only the grammar counts.
    static func parse(_ text: String, looksUp: Bool = true) throws(RegexError) -> RegexNode {
        var parser = RegexParser(text)
        parser.looksUp = looksUp
        let node = try parser.choice()
        if parser.position < parser.scalars.count { throw parser.error(.unopened) }
        if let unsupported = parser.unsupported { throw unsupported }
        return node
    }

    private func error(_ reason: RegexError.Reason, at place: Int? = nil) -> RegexError {
        RegexError(reason: reason, position: place ?? position)
    }

    private var next: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard next == scalar else { return false }
        position += 1
        return true
    }

    private mutating func take(_ text: String) -> Bool {
        let wanted = Array(text.unicodeScalars)
        guard position + wanted.count <= scalars.count,
            scalars[position..<position + wanted.count].elementsEqual(wanted)
        else { return false }
        position += wanted.count
        return true
    }

    private mutating func note(_ reason: RegexError.Reason, at place: Int) {
        if unsupported == nil { unsupported = error(reason, at: place) }
    }

    private mutating func choice() throws(RegexError) -> RegexNode {
        guard depth < Self.depthLimit else { throw error(.tooDeep(limit: Self.depthLimit)) }
        depth += 1
        var alternatives = [try sequence()]
        while take("|" as Unicode.Scalar) { alternatives.append(try sequence()) }
        depth -= 1
        return alternatives.count == 1 ? alternatives[0] : .choice(alternatives)
    }

    private mutating func sequence() throws(RegexError) -> RegexNode {
        var terms: [RegexNode] = []
        while let scalar = next, scalar != "|", scalar != ")" {
            let (term, isRepeatable) = try atom()
            terms.append(try quantified(term, isRepeatable: isRepeatable))
        }
        return terms.count == 1 ? terms[0] : terms.isEmpty ? .empty : .sequence(terms)
    }

    /// An atom, and whether a quantifier may follow it.
    private mutating func atom() throws(RegexError) -> (RegexNode, Bool) {
        let start = position
        guard let scalar = next else { return (.empty, false) }
        position += 1
        switch scalar {
        case "^": return (.start, false)
        case "$": return (.end, false)
        case ".": return (.set(.anyButNewline), true)
        case "(": return try group(from: start)
        case "[": return (.set(try characterClass(from: start)), true)
        case "*", "+", "?": throw error(.nothingToRepeat, at: start)
        case "{":
            position = start
            if try counts() != nil { throw error(.nothingToRepeat, at: start) }
            position = start + 1
            return (.set(Self.single(scalar)), true)
        case "\\":
            if take("b" as Unicode.Scalar) { return (.wordBoundary(isNegated: false), false) }
            if take("B" as Unicode.Scalar) { return (.wordBoundary(isNegated: true), false) }
            if let digit = next, digit >= "1", digit <= "9" {
                while let more = next, more >= "0", more <= "9" { position += 1 }
                note(.backreference, at: start)
                return (.empty, true)
            }
            if take("k<") {
                _ = try groupName(from: start)
                note(.backreference, at: start)
                return (.empty, true)
            }
            return (.set(try escape(from: start)), true)
        default: return (.set(Self.single(scalar)), true)
        }
    }

    private static func single(_ scalar: Unicode.Scalar) -> ScalarSet {
        ScalarSet([scalar.value...scalar.value])
    }

    private mutating func group(from start: Int) throws(RegexError) -> (RegexNode, Bool) {
        var isLookaround = false
        if take("?" as Unicode.Scalar) {
            if take(":" as Unicode.Scalar) {
            } else if take("=" as Unicode.Scalar) || take("!" as Unicode.Scalar) || take("<=") || take("<!") {
                isLookaround = true
                note(.lookaround, at: start)
            } else if take("<" as Unicode.Scalar) {
                guard groupNames.insert(try groupName(from: start)).inserted else {
                    throw error(.invalidGroupName, at: start)
                }
            } else {
                throw error(.unknownGroup, at: start)
            }
        }
        let node = try choice()
        guard take(")" as Unicode.Scalar) else { throw error(.unclosed("the group"), at: start) }
        return (node, !isLookaround)
    }

    /// A name up to `>`.
    private mutating func groupName(from start: Int) throws(RegexError) -> String {
        var name = ""
        while let scalar = next, scalar != ">" {
            let isLetter = scalar == "$" || scalar == "_" || scalar.properties.isIDStart
            guard isLetter || (!name.isEmpty && scalar.properties.isIDContinue) else {
                throw error(.invalidGroupName, at: start)
            }
            name.unicodeScalars.append(scalar)
            position += 1
        }
        guard take(">" as Unicode.Scalar), !name.isEmpty else { throw error(.invalidGroupName, at: start) }
        return name
    }

    private mutating func quantified(_ term: RegexNode, isRepeatable: Bool) throws(RegexError) -> RegexNode {
        let start = position
        let bounds: (Int, Int?)
        switch next {
        case "*": bounds = (0, nil)
        case "+": bounds = (1, nil)
        case "?": bounds = (0, 1)
        case "{":
            guard let counts = try counts() else { return term }
            position -= 1
            bounds = counts
        default: return term
        }
        position += 1
        guard isRepeatable else { throw error(.nothingToRepeat, at: start) }
        // Lazy or greedy: the same strings match.
        _ = take("?" as Unicode.Scalar)
        return .repetition(term, least: bounds.0, greatest: bounds.1)
    }

    /// `{n}`, `{n,}` or `{n,m}`, passed over; nil if what stands here is something else.
    private mutating func counts() throws(RegexError) -> (Int, Int?)? {
        let start = position
        guard take("{" as Unicode.Scalar), let least = number() else {
            position = start
            return nil
        }
        var greatest: Int? = least
        if take("," as Unicode.Scalar) { greatest = number() }
        guard take("}" as Unicode.Scalar) else {
            position = start
            return nil
        }
        if let greatest, greatest < least { throw error(.countsOutOfOrder, at: start) }
        return (least, greatest)
    }

    private mutating func number() -> Int? {
        var value: Int?
        while let scalar = next, scalar >= "0", scalar <= "9" {
            // What is larger is too large for every limit.
            value = min((value ?? 0) * 10 + Int(scalar.value - 0x30), 1_000_000_000)
            position += 1
        }
        return value
    }

    private mutating func characterClass(from start: Int) throws(RegexError) -> ScalarSet {
        let isNegated = take("^" as Unicode.Scalar)
        var ranges: [ClosedRange<UInt32>] = []
        while true {
            guard let scalar = next else { throw error(.unclosed("the class"), at: start) }
            if scalar == "]" { break }
            let place = position
            let first = try classAtom()
            if next == "-", position + 1 < scalars.count, scalars[position + 1] != "]" {
                position += 1
                let last = try classAtom()
                guard let low = first.only, let high = last.only, low <= high else {
                    throw error(.invalidRange, at: place)
                }
                ranges.append(low...high)
            } else {
                ranges += first.ranges
            }
        }
        position += 1
        let set = ScalarSet(ranges)
        return isNegated ? set.inverted : set
    }

    private mutating func classAtom() throws(RegexError) -> ScalarSet {
        let start = position
        guard let scalar = next else { throw error(.unclosed("the class")) }
        position += 1
        guard scalar == "\\" else { return Self.single(scalar) }
        if take("b" as Unicode.Scalar) { return ScalarSet([0x08...0x08]) }
        return try escape(from: start)
    }

    /// What the escape stands for whose backslash, at `start`, is passed.
    private mutating func escape(from start: Int) throws(RegexError) -> ScalarSet {
        guard let scalar = next else { throw error(.unknownEscape(""), at: start) }
        position += 1
        switch scalar {
        case "d": return .digits
        case "D": return ScalarSet.digits.inverted
        case "w": return .word
        case "W": return ScalarSet.word.inverted
        case "s": return .space
        case "S": return ScalarSet.space.inverted
        case "t": return ScalarSet([0x09...0x09])
        case "n": return ScalarSet([0x0A...0x0A])
        case "v": return ScalarSet([0x0B...0x0B])
        case "f": return ScalarSet([0x0C...0x0C])
        case "r": return ScalarSet([0x0D...0x0D])
        case "0":
            if let digit = next, digit >= "0", digit <= "9" {
                throw error(.unknownEscape("0\(digit)"), at: start)
            }
            return ScalarSet([0...0])
        case "c":
            guard let letter = next, letter.isASCII, letter.properties.isAlphabetic else {
                throw error(.unknownEscape("c"), at: start)
            }
            position += 1
            return ScalarSet([letter.value % 32...letter.value % 32])
        case "x":
            guard let value = hex(digits: 2) else { throw error(.unknownEscape("x"), at: start) }
            return ScalarSet([value...value])
        case "u":
            guard let value = unicodeEscape() else { throw error(.unknownEscape("u"), at: start) }
            return ScalarSet([value...value])
        case "p", "P": return try property(isNegated: scalar == "P", from: start)
        default:
            let isPunctuation =
                scalar.isASCII && scalar.value > 0x20 && scalar.value < 0x7F
                && !ScalarSet.word.contains(scalar.value)
            guard isPunctuation || scalar == "_" else {
                throw error(.unknownEscape(String(scalar)), at: start)
            }
            return Self.single(scalar)
        }
    }

    private mutating func hex(digits: Int) -> UInt32? {
        guard position + digits <= scalars.count else { return nil }
        var value: UInt32 = 0
        for place in position..<position + digits {
            guard scalars[place].isASCII, let digit = JSONPointer.hexValue(UInt8(scalars[place].value)) else {
                return nil
            }
            value = value << 4 | UInt32(digit)
        }
        position += digits
        return value
    }

    /// `XXXX`, a pair of surrogates, or `{X…}`.
    private mutating func unicodeEscape() -> UInt32? {
        if take("{" as Unicode.Scalar) {
            var value: UInt32 = 0
            var count = 0
            while let digit = hex(digits: 1) {
                value = value << 4 | digit
                count += 1
                guard value <= ScalarSet.greatest else { return nil }
            }
            return count > 0 && take("}" as Unicode.Scalar) ? value : nil
        }
        guard let unit = hex(digits: 4) else { return nil }
        let start = position
        if unit & 0xFC00 == 0xD800, take("\\u"), let low = hex(digits: 4), low & 0xFC00 == 0xDC00 {
            return 0x10000 + (unit & 0x3FF) << 10 + (low & 0x3FF)
        }
        position = start
        return unit
    }

    private mutating func property(isNegated: Bool, from start: Int) throws(RegexError) -> ScalarSet {
        guard take("{" as Unicode.Scalar) else {
            throw error(.unknownEscape(isNegated ? "P" : "p"), at: start)
        }
        var name = ""
        while let scalar = next, scalar != "}" {
            name.unicodeScalars.append(scalar)
            position += 1
        }
        guard take("}" as Unicode.Scalar) else { throw error(.unclosed("the property"), at: start) }
        if !looksUp, UnicodeProperties.isKnown(name) { return ScalarSet() }
        if let set = UnicodeProperties.scalars(named: name) { return isNegated ? set.inverted : set }
        let reason = RegexError.Reason.unknownProperty(name)
        // Scripts are properties, only not known here.
        let isScript = ["Script=", "sc=", "Script_Extensions=", "scx="].contains { name.hasPrefix($0) }
        guard isScript else { throw error(reason, at: start) }
        note(reason, at: start)
        return ScalarSet()
    }
}

extension ScalarSet {
    /// The scalar, if there is only one.
    fileprivate var only: UInt32? {
        ranges.count == 1 && ranges[0].count == 1 ? ranges[0].lowerBound : nil
    }
}
