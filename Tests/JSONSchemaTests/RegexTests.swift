// SPDX-License-Identifier: Apache-2.0

// Regular expressions: what matches, what is refused and where, and that the table of states and the automaton agree with a matcher
// that tries everything.

import JSONSchema
import TestThreads
import Testing

/// Whether some part of `text` matches; both ways must say the same.
private func matches(_ pattern: String, _ text: String) throws -> Bool {
    let regex = try Regex(pattern)
    var steps = 10_000_000
    return Array(text.utf8).withUnsafeBytes { bytes in
        let answer = regex.matches(bytes, steps: &steps)
        let followed = regex.matchesByFollowing(bytes, steps: &steps)
        #expect(answer == followed, "\(pattern) on \(text)")
        return answer
    }
}

@Suite("Regular expressions")
struct RegexTests {
    @Test(
        "match what ECMA-262 says",
        arguments: [
            ("^a.c$", ["abc", "aäc", "a💩c"], ["ac", "a\nc", "abcd"]),
            ("colou?r", ["a color", "colours"], ["colr"]),
            ("^(ab|cd)+$", ["ab", "abcdab"], ["", "abc"]),
            ("^a{2,3}$", ["aa", "aaa"], ["a", "aaaa"]), ("^a{2,}$", ["aa", "aaaaa"], ["a"]),
            ("^a{0}$", [""], ["a"]),
            ("^(a*)*$", ["", "aaa"], ["b"]), ("^(|a)+$", ["", "aa"], ["b"]),
            ("^a*?b+?$", ["b", "aabb"], ["a"]),
            ("^[^a-c\\d]$", ["d", "-", "é"], ["a", "5", "dd"]), ("^[\\w.-]+$", ["a_b.c-d"], ["a b", "é"]),
            ("^\\S+\\s\\S+$", ["a b", "a\u{3000}b", "a\u{FEFF}b"], ["ab"]), ("^\\D$", ["x", "۱"], ["1"]),
            ("^\\p{L}+$", ["aéЖ漢"], ["a1", ""]), ("^\\p{Lu}\\P{Lu}$", ["Äx", "A1"], ["xx", "AB"]),
            ("^\\p{Nd}$", ["1", "۱"], ["x"]), ("^[\\p{Emoji}]$", ["💩"], ["x"]),
            ("^\\p{Letter}$", ["x"], ["1"]),
            ("\\bcat\\b", ["a cat.", "cat"], ["cats", "concat"]), ("^a\\Bb$", ["ab"], ["a"]),
            ("^\\u00e9\\u{1F4A9}\\uD83D\\uDCA9\\x41\\cJ\\0$", ["é💩💩A\n\0"], ["e"]),
            ("^[\\u{1F600}-\\u{1F64F}]$", ["😀"], ["💩", "a"]), ("^[-a]$|^[a-]$", ["-", "a"], ["b"]),
            ("^\\$\\^\\.\\/\\-\\{\\}$", ["$^./-{}"], ["x"]), ("^{a}]$", ["{a}]"], ["a"]),
            ("^[]$", [], ["", "a"]),
            ("^[^]$", ["a", "\n"], [""]), ("a|b|", ["", "z"], []), ("^$", [""], ["a"]),
            ("$^", [""], ["a", "ab"]),
            ("(?<year>\\d{4})-(?:\\d\\d)", ["on 2026-11"], ["26-11"]), ("^[\\b]$", ["\u{8}"], ["b"]),
            ("x*", ["", "y"], []), ("^.*$", ["", "abc"], ["\n"]), ("a$", ["ba"], ["ab"]),
            ("\\.$|^\\.", ["a.", ".a"], ["a.a"]),
        ] as [(String, [String], [String])])
    func matching(pattern: String, accepted: [String], refused: [String]) throws {
        for text in accepted { #expect(try matches(pattern, text), "\(pattern) should match \(text)") }
        for text in refused { #expect(try !matches(pattern, text), "\(pattern) should not match \(text)") }
    }

    @Test(
        "are refused with the reason and the place",
        arguments: [
            ("(a", .unclosed("the group"), 0), ("a)", .unopened, 1), ("[a", .unclosed("the class"), 0),
            ("a**", .nothingToRepeat, 2),
            ("+", .nothingToRepeat, 0), ("^*", .nothingToRepeat, 1), ("a{3,2}", .countsOutOfOrder, 1),
            ("{2}", .nothingToRepeat, 0),
            ("ab\\Z", .unknownEscape("Z"), 2), ("\\", .unknownEscape(""), 0), ("[z-a]", .invalidRange, 1),
            ("[a-\\d]", .invalidRange, 1), ("(?i:a)", .unknownGroup, 0), ("(?<1>a)", .invalidGroupName, 0),
            ("\\p{Nothing}", .unknownProperty("Nothing"), 0),
            ("a\\p{Script=Greek}", .unknownProperty("Script=Greek"), 1),
            ("(a)\\1", .backreference, 3), ("(?<n>a)\\k<n>", .backreference, 7), ("a(?=b)", .lookaround, 1),
            ("(?<!a)b", .lookaround, 0), ("(a{500}){500}", .tooLarge(limit: 20_000), 0),
            ("\\u{110000}", .unknownEscape("u"), 0),
        ] as [(String, RegexError.Reason, Int)])
    func refusal(pattern: String, reason: RegexError.Reason, position: Int) {
        #expect(throws: RegexError(reason: reason, position: position)) { try Regex(pattern) }
    }

    @Test("are refused when nested too deep, without going there")
    func nesting() {
        let pattern = String(repeating: "(", count: 100_000)
        #expect(throws: RegexError(reason: .tooDeep(limit: 200), position: 200)) { try Regex(pattern) }
    }

    @Test("take time that grows with the text and not with its square or worse")
    func linearity() throws {
        // Each takes exponential time where one way is tried after the other.
        for pattern in [
            "^(a+)+$", "^(a|a)*$", "^(a|aa)+$", "(x+x+)+y", "^(\\w+\\s?)*$", "\\b(a?){60}a{60}\\b",
        ] {
            let regex = try Regex(pattern)
            let text = Array(repeating: UInt8(ascii: "a"), count: 10_000) + [UInt8(ascii: "!")]
            var steps = 10_000_000
            let before = steps
            text.withUnsafeBytes { _ = regex.matchesByFollowing($0, steps: &steps) }
            #expect(steps > 0 && before - steps < 100 * text.count, "\(pattern): \(before - steps) steps")
        }
    }

    @Test("stop where their budget ends")
    func budget() throws {
        let regex = try Regex("\\b(\\w?){2000}!")
        var steps = 1_000
        let text = Array(repeating: UInt8(ascii: "a"), count: 100_000)
        text.withUnsafeBytes { #expect(!regex.matches($0, steps: &steps)) }
        #expect(steps < 0 && steps > -10_000)
    }

    @Test("agree with trying everything", arguments: UInt64(0)..<4)
    func agreement(block: UInt64) throws {
        for seed in seedsToTry(block: block, of: 2_000) {
            var chance = SeededGenerator(seed: seed)
            let tree = Tree.random(&chance, depth: 0)
            let regex = try Regex(tree.text)
            for _ in 0..<8 {
                let text = (0..<Int.random(in: 0...6, using: &chance)).map { _ in
                    "abé ".randomElement(using: &chance) ?? "a"
                }
                let bytes = Array(String(text).utf8)
                var steps = 1_000_000
                let expected = (0...text.count).contains { start in !tree.ends(text, from: [start]).isEmpty }
                bytes.withUnsafeBytes { bytes in
                    #expect(
                        regex.matches(bytes, steps: &steps) == expected,
                        "seed \(seed): \(tree.text) on '\(String(text))'")
                    #expect(
                        regex.matchesByFollowing(bytes, steps: &steps) == expected,
                        "seed \(seed): \(tree.text) on '\(String(text))'")
                }
            }
        }
    }
}

/// A regular expression as a test sees it: with the text, and all ends of what it matches.
private indirect enum Tree {
    case letter(Character), any, start, end, boundary
    case sequence([Tree]), choice([Tree])
    case repetition(Tree, Int, Int?)

    static func random(_ chance: inout some RandomNumberGenerator, depth: Int) -> Tree {
        switch Int.random(in: 0..<(depth > 3 ? 6 : 12), using: &chance) {
        case 0, 1, 2: .letter("abé".randomElement(using: &chance) ?? "a")
        case 3: .any
        case 4: [.start, .end].randomElement(using: &chance) ?? .start
        case 5: .boundary
        case 6, 7, 8:
            .sequence(
                (0..<Int.random(in: 0...3, using: &chance)).map { _ in random(&chance, depth: depth + 1) })
        case 9:
            .choice(
                (0..<Int.random(in: 1...3, using: &chance)).map { _ in random(&chance, depth: depth + 1) })
        default:
            repetition(&chance, depth: depth)
        }
    }

    private static func repetition(_ chance: inout some RandomNumberGenerator, depth: Int) -> Tree {
        let least = Int.random(in: 0...2, using: &chance)
        let most = Bool.random(using: &chance) ? nil : least + Int.random(in: 0...2, using: &chance)
        return .repetition(random(&chance, depth: depth + 1), least, most)
    }

    var text: String {
        switch self {
        case .letter(let letter): String(letter)
        case .any: "."
        case .start: "^"
        case .end: "$"
        case .boundary: "\\b"
        case .sequence(let parts): parts.map(\.text).joined()
        case .choice(let parts): "(?:" + parts.map(\.text).joined(separator: "|") + ")"
        case .repetition(let part, let least, let most):
            "(?:\(part.text)){\(least),\(most.map(String.init) ?? "")}"
        }
    }

    /// Where a match may end that begins at one of `places`.
    func ends(_ text: [Character], from places: Set<Int>) -> Set<Int> {
        func isWord(_ index: Int) -> Bool {
            text.indices.contains(index) && (text[index] == "a" || text[index] == "b")
        }
        switch self {
        case .letter(let letter):
            return Set(places.filter { $0 < text.count && text[$0] == letter }.map { $0 + 1 })
        case .any: return Set(places.filter { $0 < text.count }.map { $0 + 1 })
        case .start: return places.filter { $0 == 0 }
        case .end: return places.filter { $0 == text.count }
        case .boundary: return places.filter { isWord($0 - 1) != isWord($0) }
        case .sequence(let parts): return parts.reduce(places) { $1.ends(text, from: $0) }
        case .choice(let parts): return parts.reduce(into: []) { $0.formUnion($1.ends(text, from: places)) }
        case .repetition(let part, let least, let most):
            var here = places
            for _ in 0..<least { here = part.ends(text, from: here) }
            var all = here
            for _ in 0..<(most.map { $0 - least } ?? text.count + 1) {
                here = part.ends(text, from: here)
                all.formUnion(here)
            }
            return all
        }
    }
}
