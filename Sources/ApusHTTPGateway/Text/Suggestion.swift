// SPDX-License-Identifier: Apache-2.0

// "Did you mean": the nearest known word to one that is not known. Most unknown members are typing errors.

/// Finds the word that somebody probably meant.
enum Suggestion {
    /// The candidate nearest to `word`, nil when none is near enough to be meant.
    static func nearest(to word: String, among candidates: [String]) -> String? {
        guard word.utf8.count <= 64 else { return nil }
        var best: (word: String, distance: Int)?
        for candidate in candidates {
            let distance = self.distance(Array(normal(word)), Array(normal(candidate)))
            if distance < best?.distance ?? .max { best = (candidate, distance) }
        }
        guard let best, best.distance <= max(1, word.utf8.count / 3) else { return nil }
        return best.word
    }

    /// ` (did you mean 'x'?)`, or nothing.
    static func clause(for word: String, among candidates: [String]) -> String {
        nearest(to: word, among: candidates).map { ": did you mean '\($0)'?" } ?? ""
    }

    /// Upper case and separators are the commonest differences, and none in meaning.
    private static func normal(_ word: String) -> [UInt8] {
        word.lowercased().utf8.filter { $0 != UInt8(ascii: "_") && $0 != UInt8(ascii: "-") }
    }

    /// The least number of insertions, deletions, substitutions and swaps of neighbours between two words.
    private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...right.count)
        for row in left.indices {
            var current = [row + 1]
            for column in right.indices {
                let substitution = last[column] + (left[row] == right[column] ? 0 : 1)
                var least = min(substitution, last[column + 1] + 1, current[column] + 1)
                if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
                    least = min(least, beforeLast[column - 1] + 1)
                }
                current.append(least)
            }
            (beforeLast, last) = (last, current)
        }
        return last[right.count]
    }
}
