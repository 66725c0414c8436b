// SPDX-License-Identifier: Apache-2.0

// The first clause of each rule. Many small tables instead of one: a table that doubles has all its entries moved, and one rule more must not
// take milliseconds because it is the hundred thousandth.

/// From the identifiers of rules to their first clauses.
struct FirstClauses: Sendable {
    private static let bits = 6
    private var tables: [[Int: UInt32]] = Array(repeating: [:], count: 1 << bits)

    var isEmpty: Bool { tables.allSatisfy(\.isEmpty) }

    subscript(rule: Int) -> UInt32? {
        get { tables[Self.table(of: rule)][rule] }
        set { tables[Self.table(of: rule)][rule] = newValue }
    }

    /// Multiplied by the golden ratio, so that neighbours are in different ones.
    private static func table(of rule: Int) -> Int {
        Int((UInt64(bitPattern: Int64(rule)) &* 0x9E37_79B9_7F4A_7C15) >> UInt64(64 - bits))
    }
}
