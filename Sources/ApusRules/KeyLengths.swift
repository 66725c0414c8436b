// SPDX-License-Identifier: Apache-2.0

// Which lengths of keys there are at a node: beginnings are looked for by hashing those parts of a value that are as long as some key. Short
// lengths are bits of one word, which is all that matching looks at; the counts are there for when rules go.

/// The lengths of keys in each scope, with how often each occurs.
struct KeyLengths: Sendable {
    private struct Place: Hashable {
        var scope: UInt32
        var length: Int
    }

    /// Lengths less than this have a bit of their own; the last bit says that there are others.
    static let bitCount = 63
    static let longBit: UInt64 = 1 << 63

    private var counts: [Place: Int] = [:]
    private var totals: [UInt32: Int] = [:]
    /// The lengths that have no bit of their own, ascending.
    private(set) var long: [UInt32: [Int]] = [:]

    /// How many keys were noted in a scope, each as often as it was.
    func total(_ scope: UInt32) -> Int { totals[scope] ?? 0 }

    /// Notes a key; returns whether it is the first in its scope.
    mutating func add(_ scope: UInt32, _ length: Int, _ bits: inout UInt64) -> Bool {
        totals[scope, default: 0] += 1
        let place = Place(scope: scope, length: length)
        counts[place, default: 0] += 1
        if counts[place] == 1 {
            if length < Self.bitCount {
                bits |= 1 << UInt64(length)
            } else {
                bits |= Self.longBit
                var others = long[scope] ?? []
                others.insert(length, at: others.firstIndex { $0 > length } ?? others.count)
                long[scope] = others
            }
        }
        return totals[scope] == 1
    }

    /// Forgets a key; returns whether it was the last in its scope.
    mutating func remove(_ scope: UInt32, _ length: Int, _ bits: inout UInt64) -> Bool {
        let place = Place(scope: scope, length: length)
        counts[place, default: 1] -= 1
        if counts[place] == 0 {
            counts[place] = nil
            if length < Self.bitCount {
                bits &= ~(1 << UInt64(length))
            } else {
                long[scope]?.removeAll { $0 == length }
                if long[scope]?.isEmpty == true {
                    long[scope] = nil
                    bits &= ~Self.longBit
                }
            }
        }
        totals[scope, default: 1] -= 1
        guard totals[scope] == 0 else { return false }
        totals[scope] = nil
        return true
    }
}
