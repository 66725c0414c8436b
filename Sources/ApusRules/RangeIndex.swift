// SPDX-License-Identifier: Apache-2.0

// All numeric ranges asked of a field, found by value without trying each. The bounds, sorted, cut the number
// line into places: each bound is one, each gap beside it another; a range then is a run of places.
//
//   bounds            b0      b1      b2
//   places         0   1   2   3   4   5   6
//
// The runs are sorted by their first place; `greatestLast` over the halves of that order lets the search skip
// every half in which all runs end too early, so that it visits the matching runs and a few more.

/// The numeric ranges of one field.
struct RangeIndex: Sendable {
    private struct Run: Sendable {
        var first: Int
        var last: Int
        var value: UInt32
    }

    private var bounds: [[UInt8]]
    private var runs: [Run] = []
    /// For each run as the middle of its part, the greatest last place in that part.
    private var greatestLast: [Int]

    /// Creates an index of ranges, each with a value.
    init(_ ranges: [(range: NumericRange, value: UInt32)]) {
        let all = ranges.flatMap { [$0.range.lower?.number.key, $0.range.upper?.number.key] }
        bounds = Set(all.compactMap { $0 }).sorted { $0.lexicographicallyPrecedes($1) }
        greatestLast = Array(repeating: 0, count: ranges.count)
        for (range, value) in ranges {
            let first = range.lower.map { place(of: $0.number.key) + ($0.isIncluded ? 0 : 1) }
            let last = range.upper.map { place(of: $0.number.key) - ($0.isIncluded ? 0 : 1) }
            runs.append(Run(first: first ?? 0, last: last ?? 2 * bounds.count, value: value))
        }
        runs.sort { ($0.first, $0.last) < ($1.first, $1.last) }
        _ = fillGreatestLast(0..<runs.count)
    }

    private mutating func fillGreatestLast(_ part: Range<Int>) -> Int {
        guard !part.isEmpty else { return -1 }
        let middle = (part.lowerBound + part.upperBound) / 2
        let left = fillGreatestLast(part.lowerBound..<middle)
        let right = fillGreatestLast(middle + 1..<part.upperBound)
        greatestLast[middle] = max(left, runs[middle].last, right)
        return greatestLast[middle]
    }

    /// Calls `found` with the value of every range that holds the number with this key.
    func find(_ key: [UInt8], _ found: (UInt32) -> Void) {
        search(0..<runs.count, place(of: key), found)
    }

    private func search(_ part: Range<Int>, _ place: Int, _ found: (UInt32) -> Void) {
        var part = part
        while !part.isEmpty {
            let middle = (part.lowerBound + part.upperBound) / 2
            guard greatestLast[middle] >= place else { return }
            search(part.lowerBound..<middle, place, found)
            guard runs[middle].first <= place else { return }
            if runs[middle].last >= place { found(runs[middle].value) }
            part = middle + 1..<part.upperBound
        }
    }

    /// The place of a number: odd on a bound, even between bounds.
    private func place(of key: some Collection<UInt8>) -> Int {
        var low = 0
        var high = bounds.count
        while low < high {
            let middle = (low + high) / 2
            if bounds[middle].lexicographicallyPrecedes(key) { low = middle + 1 } else { high = middle }
        }
        return low < bounds.count && bounds[low].elementsEqual(key) ? 2 * low + 1 : 2 * low
    }
}
