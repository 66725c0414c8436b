// SPDX-License-Identifier: Apache-2.0

// What a pattern may cost. Patterns come from users; each limit bounds a stage of parsing or matching.

/// The bounds within which a pattern is accepted.
public struct PatternLimits: Sendable, Hashable {
    /// Length of the pattern's text, in bytes.
    public var textBytesMax = 64 * 1024

    /// Levels of objects and arrays in the pattern's text, at most 128.
    public var depthMax = 32

    /// Fields with a list of alternatives.
    public var leavesMax = 256

    /// Alternatives over all fields, those listed in `anything-but` included.
    public var alternativesMax = 4096

    /// Combinations that the `$or` lists of the pattern expand to.
    public var combinationsMax = 1000

    /// Size of all combinations together, in bytes: 16 and the operand for each alternative, as often as it occurs in a combination.
    public var expandedBytesMax = 1 << 20

    /// The default limits.
    public init() {}
}
