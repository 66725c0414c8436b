// SPDX-License-Identifier: Apache-2.0

// The memory of one match, kept between matches so that none allocates. Nothing is cleared from one event to
// the next: a mark counts only if it carries the serial of the object being visited, and serials never repeat.

/// Reusable memory for matching: one per thread, for any number of matchers in turn.
public struct MatchScratch: Sendable {
    /// For each signal, the serial of the object in which it was raised last.
    var stamps: [UInt64] = []
    /// For each clause, the serial of the object in which it was last found to hold.
    var checked: [UInt64] = []
    /// For each exclusion, the serial of the value it last excluded.
    var excluded: [UInt64] = []
    /// The watched signals of the objects being visited: an object's after those of the object around it.
    var hits: [UInt32] = []
    /// A value in comparable form.
    var folded: [UInt8] = []
    /// A key being looked up.
    var key: [UInt8] = []
    /// The rules found.
    var matched: [Int] = []
    private var serial: UInt64 = 0

    /// Creates empty memory; it grows to what the matchers need.
    public init() {}

    /// Makes room for a program.
    mutating func prepare(for program: MatchProgram) {
        Self.grow(&stamps, to: program.signals.count)
        Self.grow(&checked, to: program.clauses.count)
        Self.grow(&excluded, to: program.exclusionSignals.count)
        hits.removeAll(keepingCapacity: true)
        matched.removeAll(keepingCapacity: true)
    }

    private static func grow(_ marks: inout [UInt64], to count: Int) {
        if marks.count < count { marks.append(contentsOf: repeatElement(0, count: count - marks.count)) }
    }

    /// A serial no mark carries yet.
    @inline(__always)
    mutating func nextSerial() -> UInt64 {
        serial &+= 1
        return serial
    }
}
