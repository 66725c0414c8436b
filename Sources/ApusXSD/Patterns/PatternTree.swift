// SPDX-License-Identifier: Apache-2.0

// The regular expressions of XML Schema, read as far as is needed to tell what matching them costs. What cannot be read here libxml2 does not
// get: it takes some that are none.

/// A regular expression as a tree.
indirect enum PatternTree {
    case empty
    case one(CharacterClass)
    case sequence([PatternTree])
    case choice([PatternTree])
    /// `max` nil: any number.
    case repeated(PatternTree, min: Int, max: Int?)

    /// Reads a regular expression; nil if it is none.
    init?(_ text: String) {
        var parser = Parser(scalars: Array(text.unicodeScalars))
        guard let tree = parser.choice(depth: 0), parser.isAtEnd else { return nil }
        self = tree
    }
}

private struct Parser {
    private static let depthMax = 64
    /// More than any repetition that can be used.
    private static let countMax = 1_000_000

    let scalars: [Unicode.Scalar]
    private var position = 0

    init(scalars: [Unicode.Scalar]) { self.scalars = scalars }

    var isAtEnd: Bool { position == scalars.count }
    private var next: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard next == scalar else { return false }
        position += 1
        return true
    }

    mutating func choice(depth: Int) -> PatternTree? {
        guard depth < Parser.depthMax else { return nil }
        var branches: [PatternTree] = []
        repeat {
            var pieces: [PatternTree] = []
            while let scalar = next, scalar != "|", scalar != ")" {
                guard let piece = piece(depth: depth) else { return nil }
                pieces.append(piece)
            }
            branches.append(pieces.count == 1 ? pieces[0] : pieces.isEmpty ? .empty : .sequence(pieces))
        } while take("|")
        return branches.count == 1 ? branches[0] : .choice(branches)
    }

    private mutating func piece(depth: Int) -> PatternTree? {
        guard let atom = atom(depth: depth) else { return nil }
        switch next {
        case "?": position += 1; return .repeated(atom, min: 0, max: 1)
        case "*": position += 1; return .repeated(atom, min: 0, max: nil)
        case "+": position += 1; return .repeated(atom, min: 1, max: nil)
        case "{": position += 1; return counted(atom)
        default: return atom
        }
    }

    private mutating func counted(_ atom: PatternTree) -> PatternTree? {
        let min = number()
        var max = min
        if take(",") { max = number() }
        guard take("}") else { return nil }
        if let min, let max, max < min { return nil }
        return .repeated(atom, min: min ?? 0, max: max)
    }

    private mutating func number() -> Int? {
        var value: Int?
        while let digit = next.flatMap({ Int(String($0)) }) {
            value = Swift.min((value ?? 0) * 10 + digit, Parser.countMax)
            position += 1
        }
        return value
    }

    private mutating func atom(depth: Int) -> PatternTree? {
        guard let scalar = next else { return nil }
        position += 1
        switch scalar {
        case "(":
            guard let group = choice(depth: depth + 1), take(")") else { return nil }
            return group
        case "[": return characters(depth: 0).map { .one($0) }
        case ".": return .one(CharacterClass("\n\r").complement)
        case "\\": return escape().map { .one($0) }
        case "?", "*", "+", "{", "}", ")", "]", "|": return nil
        default: return .one(CharacterClass(String(Character(scalar))))
        }
    }

    /// What comes after a backslash.
    private mutating func escape() -> CharacterClass? {
        guard let letter = next else { return nil }
        position += 1
        guard letter == "p" || letter == "P" else {
            return CharacterClass.escape(letter) ?? CharacterClass(String(Character(letter)))
        }
        guard take("{"), let end = scalars[position...].firstIndex(of: "}") else { return nil }
        let name = String(String.UnicodeScalarView(scalars[position..<end]))
        position = end + 1
        let category = CharacterClass.category(name)
        return letter == "p" ? category : category.complement
    }

    /// A class, after its bracket. What is subtracted from it is taken for a part of it.
    private mutating func characters(depth: Int) -> CharacterClass? {
        guard depth < Parser.depthMax else { return nil }
        let isNegated = take("^")
        var result = CharacterClass()
        var isFirst = true
        while let scalar = next {
            position += 1
            if scalar == "]", !isFirst { return isNegated ? result.complement : result }
            isFirst = false
            if scalar == "-", next == "[" {
                position += 1
                guard characters(depth: depth + 1) != nil, take("]") else { return nil }
                return isNegated ? result.complement : result
            }
            if scalar == "\\" {
                guard let start = next, let escaped = escape() else { return nil }
                guard CharacterClass.escape(start) == nil, start != "p", start != "P" else {
                    result.formUnion(escaped)
                    continue
                }
                guard let range = range(from: start) else { return nil }
                result.formUnion(range)
            } else {
                guard let range = range(from: scalar) else { return nil }
                result.formUnion(range)
            }
        }
        return nil
    }

    /// The character, or the range that it begins.
    private mutating func range(from start: Unicode.Scalar) -> CharacterClass? {
        guard next == "-", position + 1 < scalars.count, scalars[position + 1] != "]",
            scalars[position + 1] != "["
        else { return CharacterClass(String(Character(start))) }
        position += 1
        guard var end = next else { return nil }
        position += 1
        if end == "\\" {
            guard let letter = next else { return nil }
            position += 1
            end = letter == "n" ? "\n" : letter == "r" ? "\r" : letter == "t" ? "\t" : letter
        }
        guard start.value <= end.value else { return nil }
        return CharacterClass(start.value...end.value)
    }
}
