// SPDX-License-Identifier: Apache-2.0

// The matcher as the rest of Apus sees it.

/// All patterns of a topic, compiled: tells for an event which of them it matches.
///
/// Time follows the length of the event and the patterns that match or nearly do, not their number. A pattern is added or removed in a time that
/// follows its own length. Copies share the compiled form until one of them is changed; that one pays for the copy. Matching happens on any
/// thread, each with its own ``MatchScratch``.
public struct RuleMatcher: Sendable {
    private(set) var program = MatchProgram()

    /// A matcher without patterns: no event matches.
    public init() {}

    /// Compiles patterns: time and memory in proportion to their total length (with `$or`, times the combinations).
    ///
    /// - Parameter rules: identifiers with a pattern each. An identifier may have several patterns: it matches if any of them does.
    public init(_ rules: some Sequence<(id: Int, pattern: Pattern)>) {
        for (id, pattern) in rules { program.add(id: id, pattern: pattern) }
    }

    /// Adds a pattern to those of an identifier.
    public mutating func add(id: Int, pattern: Pattern) { program.add(id: id, pattern: pattern) }

    /// Takes away all patterns of an identifier; nothing happens if it has none.
    public mutating func remove(id: Int) { program.remove(id: id) }

    /// The identifiers whose pattern the event matches, ascending, each once.
    ///
    /// If the data is present but cannot be read (see ``MatchInput/dataKind``; nested deeper than 128 levels it cannot either), no pattern that
    /// asks anything of `data` matches, not even for absence.
    public func match(_ input: MatchInput, scratch: inout MatchScratch) -> [Int] {
        let memory = scratch.memory
        program.match(input, memory)
        return memory.pointee.matched.withElements { Array($0) }
    }

    /// Calls `body` for each identifier that `match` would return, allocating nothing.
    public func forEachMatch(
        _ input: MatchInput, scratch: inout MatchScratch, _ body: (_ id: Int) -> Void
    ) {
        let memory = scratch.memory
        program.match(input, memory)
        for index in 0..<memory.pointee.matched.count { body(memory.pointee.matched[index]) }
    }
}
