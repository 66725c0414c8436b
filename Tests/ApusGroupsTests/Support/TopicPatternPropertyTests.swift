// SPDX-License-Identifier: Apache-2.0

// Random expressions against an evaluation that follows the meaning of the parts and knows nothing of programs, and random bytes against everything that
// reads what clients say.

import TestThreads
import Testing

@testable import ApusGroups

@Suite(.ownThread)
struct TopicPatternPropertyTests {
    /// A random expression over few letters, as a tree of its parts.
    private indirect enum Part {
        case text(String, Set<Character>)
        case sequence([Part])
        case choice([Part])
        case repeated(Part, from: Int, upTo: Int?)

        var spelled: String {
            switch self {
            case .text(let text, _): text
            case .sequence(let parts): parts.map(\.spelled).joined()
            case .choice(let parts): "(" + parts.map(\.spelled).joined(separator: "|") + ")"
            case .repeated(let part, let least, let most):
                "(?:" + part.spelled + ")"
                    + (most.map { least == 0 && $0 == 1 ? "?" : "{\(least),\($0)}" }
                        ?? (least == 0 ? "*" : "{\(least),}"))
            }
        }

        /// Where a match that begins at `start` can end.
        func ends(in name: [Character], from start: Int) -> Set<Int> {
            switch self {
            case .text(_, let letters):
                return start < name.count && letters.contains(name[start]) ? [start + 1] : []
            case .sequence(let parts):
                return parts.reduce([start]) { places, part in
                    Set(places.flatMap { part.ends(in: name, from: $0) })
                }
            case .choice(let parts): return Set(parts.flatMap { $0.ends(in: name, from: start) })
            case .repeated(let part, let least, let most):
                var places: Set<Int> = [start]
                var result: Set<Int> = least == 0 ? [start] : []
                for round in 1...max(most ?? 0, least + name.count + 1) {
                    if let most, round > most { break }
                    places = Set(places.flatMap { part.ends(in: name, from: $0) })
                    if round >= least { result.formUnion(places) }
                }
                return result
            }
        }
    }

    private func part(depth: Int, _ random: inout SeededGenerator) -> Part {
        func parts(_ count: ClosedRange<Int>) -> [Part] {
            (0..<Int.random(in: count, using: &random)).map { _ in part(depth: depth - 1, &random) }
        }
        switch depth == 0 ? 0 : Int.random(in: 0...4, using: &random) {
        case 1: return .sequence(parts(0...3))
        case 2: return .choice(parts(1...3))
        case 3:
            let least = Int.random(in: 0...2, using: &random)
            let most = Bool.random(using: &random) ? nil : least + Int.random(in: 0...2, using: &random)
            return .repeated(part(depth: depth - 1, &random), from: least, upTo: most == 0 ? 1 : most)
        default:
            let texts: [(String, Set<Character>)] = [
                ("a", ["a"]), ("b", ["b"]), (".", ["a", "b", "c"]), ("[ab]", ["a", "b"]),
                ("[^a]", ["b", "c"]),
                ("\\w", ["a", "b", "c"]), ("[b-c]", ["b", "c"]),
            ]
            let (text, letters) = texts[Int.random(in: 0..<texts.count, using: &random)]
            return .text(text, letters)
        }
    }

    @Test func randomExpressionsMatchWhatTheirPartsMean() throws {
        for seed in seedsToTry(block: 0, of: 5_000) {
            var random = SeededGenerator(seed: seed)
            let tree = part(depth: 3, &random)
            let pattern = try TopicPattern(tree.spelled)
            for _ in 0..<10 {
                let name = (0..<Int.random(in: 0...6, using: &random)).map { _ in
                    ["a", "b", "c"][Int.random(in: 0...2, using: &random)]
                }.joined()
                let letters = Array(name)
                let expected = tree.ends(in: letters, from: 0).contains(letters.count)
                #expect(pattern.matches(name) == expected, "\(tree.spelled) on \(name), seed \(seed)")
            }
        }
    }

    @Test func randomTextIsTakenOrRefusedAndNeverMore() {
        let alphabet = Array("ab09^$.[]()|*+?{},\\-<>P:=!dDwz\n é")
        var taken = 0
        for seed in seedsToTry(block: 0, of: 20_000) {
            var random = SeededGenerator(seed: seed)
            let count = Int.random(in: 0...12, using: &random)
            let text = String(
                (0..<count).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &random)] })
            guard let pattern = try? TopicPattern(text) else { continue }
            taken += 1
            #expect(pattern.steps.count <= TopicPattern.stepsMax + 1)
            _ = pattern.matches("ab09")
        }
        #expect(taken > 0)
    }

    @Test func randomBytesAreASubscriptionOrNot() {
        for seed in seedsToTry(block: 0, of: 20_000) {
            var random = SeededGenerator(seed: seed)
            var bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            for place in bytes.indices.prefix(8) where Bool.random(using: &random) { bytes[place] = 0 }
            let topics = ConsumerSubscription.topics(in: bytes)
            #expect(topics?.count ?? 0 <= bytes.count / 2)
        }
    }
}
