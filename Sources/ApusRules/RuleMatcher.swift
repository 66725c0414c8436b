// SPDX-License-Identifier: Apache-2.0

// The matcher as the rest of Apus sees it.

/// All patterns of a topic, compiled: tells for an event which of them it matches.
///
/// Time follows the length of the event and the patterns that match or nearly do, not their number. Copies share
/// the compiled form. Matching happens on any thread, each with its own ``MatchScratch``.
public struct RuleMatcher: Sendable {
    /// The identifiers and patterns, in the order given. An identifier may have several patterns: it matches
    /// if any of them does.
    public let rules: [(id: Int, pattern: Pattern)]

    private let program: MatchProgram

    /// Compiles patterns: time and memory in proportion to their total length (with `$or`, times the
    /// combinations).
    public init(_ rules: [(id: Int, pattern: Pattern)] = []) {
        self.rules = rules
        self.program = MatchProgram(MatchProgramBuilder(rules))
    }

    /// A matcher with one more pattern. All patterns are compiled anew.
    public func adding(id: Int, pattern: Pattern) -> RuleMatcher {
        RuleMatcher(rules + [(id, pattern)])
    }

    /// A matcher without the patterns of an identifier. All others are compiled anew.
    public func removing(id: Int) -> RuleMatcher {
        RuleMatcher(rules.filter { $0.id != id })
    }

    /// The identifiers whose pattern the event matches, ascending, each once.
    ///
    /// If the data is present but is not JSON (or nested deeper than 128 levels), no pattern that asks anything
    /// of `data` matches, not even for absence.
    public func match(_ input: MatchInput, scratch: inout MatchScratch) -> [Int] {
        program.match(input, &scratch)
        return scratch.matched
    }

    /// Calls `body` for each identifier that `match` would return, allocating nothing.
    public func forEachMatch(
        _ input: MatchInput, scratch: inout MatchScratch, _ body: (_ id: Int) -> Void
    ) {
        program.match(input, &scratch)
        for id in scratch.matched { body(id) }
    }
}
