// SPDX-License-Identifier: Apache-2.0

// A set of offsets kept as disjoint ranges: dead letters are mostly dealt with in runs.

import ApusModel

/// Offsets, as sorted, disjoint, non-adjacent ranges.
struct IntervalSet: Hashable, Sendable {
    private(set) var ranges: [Range<Int64>] = []

    /// Adds all offsets of `range`.
    mutating func insert(_ range: Range<Int64>) {
        guard !range.isEmpty else { return }
        let low = ranges.partition { $0.upperBound < range.lowerBound }
        let high = ranges.partition { $0.lowerBound <= range.upperBound }
        var merged = range
        if low < high {
            let lower = Swift.min(range.lowerBound, ranges[low].lowerBound)
            let upper = Swift.max(range.upperBound, ranges[high - 1].upperBound)
            merged = lower..<upper
        }
        ranges.replaceSubrange(low..<high, with: [merged])
    }

    func contains(_ offset: Offset) -> Bool {
        let index = ranges.partition { $0.upperBound <= offset.rawValue }
        return index < ranges.count && ranges[index].contains(offset.rawValue)
    }

    /// How many offsets of `bounds` are in the set.
    func count(in bounds: Range<Int64>) -> Int64 {
        ranges.reduce(0) { $0 + Int64($1.clamped(to: bounds).count) }
    }

    /// The first offset at or after `offset` that is not in the set.
    func firstAbsent(from offset: Offset) -> Offset {
        let index = ranges.partition { $0.upperBound <= offset.rawValue }
        guard index < ranges.count, ranges[index].contains(offset.rawValue) else { return offset }
        return Offset(ranges[index].upperBound)
    }
}

extension [Range<Int64>] {
    /// The first index whose range does not satisfy `belongsBefore`; ranges that do come first.
    fileprivate func partition(_ belongsBefore: (Range<Int64>) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if belongsBefore(self[middle]) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
