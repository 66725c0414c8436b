// SPDX-License-Identifier: Apache-2.0

// "Did you mean": the nearest known word to one that is not known.

/// Finds what a person probably meant to type.
package enum Suggestions {
    /// The nearest of `candidates`, if it is near enough to be meant.
    package static func nearest(to word: String, among candidates: [String]) -> String? {
        guard word.count <= 64 else { return nil }
        let ranked = candidates.map { (name: $0, distance: distance(normal(word), normal($0))) }
        guard let best = ranked.min(by: { ($0.distance, $0.name) < ($1.distance, $1.name) }) else {
            return nil
        }
        if best.distance <= max(1, min(word.count, best.name.count) / 3) { return best.name }
        let extensions = candidates.filter { $0.hasPrefix(word.lowercased()) }
        return word.count >= 2 && extensions.count == 1 ? extensions.first : nil
    }

    /// `: did you mean 'x'?`, or nothing.
    package static func clause(for word: String, among candidates: [String]) -> String {
        nearest(to: word, among: candidates).map { ": did you mean '\($0)'?" } ?? ""
    }

    /// Upper case and separators are the commonest differences, and none in meaning.
    private static func normal(_ word: String) -> String {
        word.lowercased().filter { $0 != "_" && $0 != "-" }
    }

    /// How many insertions, deletions, replacements and swaps of neighbours turn one word into the other (optimal string
    /// alignment).
    package static func distance(_ left: String, _ right: String) -> Int {
        let left = Array(left)
        let right = Array(right)
        var beforePrevious: [Int] = []
        var previous = Array(0...right.count)
        for (row, character) in left.enumerated() {
            var current = [row + 1]
            for (column, other) in right.enumerated() {
                var cost = min(
                    previous[column] + (character == other ? 0 : 1), previous[column + 1] + 1,
                    current[column] + 1)
                let isSwap = row > 0 && column > 0 && character == right[column - 1] && left[row - 1] == other
                if isSwap { cost = min(cost, beforePrevious[column - 1] + 1) }
                current.append(cost)
            }
            beforePrevious = previous
            previous = current
        }
        return previous[right.count]
    }
}
