// SPDX-License-Identifier: Apache-2.0

// Which transactions of a partition were aborted, by where they lie: their batches stay in the log, and readers pass over them.

import ApusModel

/// The aborted transactions of one partition, in the order in which they ended.
struct AbortedTransactions: Sendable, Hashable {
    /// One of them.
    struct Entry: Sendable, Hashable {
        var producerID: Int64
        /// Its first batch.
        var first: Offset
        /// Its marker.
        var last: Offset
        /// Whatever ends later began here or later.
        var stable: Offset
    }

    private(set) var entries: [Entry] = []

    init() {}

    /// From entries in their order.
    init(_ entries: [Entry]) { self.entries = entries }

    var isEmpty: Bool { entries.isEmpty }

    mutating func append(_ entry: Entry) { entries.append(entry) }

    /// Forgets those that lie before `start`.
    mutating func forget(before start: Offset) {
        let count = index(endingFrom: start)
        if count > 0 { entries.removeFirst(count) }
    }

    /// Those that any batch in `range` may belong to.
    func overlapping(_ range: Range<Offset>) -> [Entry] {
        var found: [Entry] = []
        for entry in entries[index(endingFrom: range.lowerBound)...] {
            if entry.first < range.upperBound { found.append(entry) }
            if entry.stable >= range.upperBound { break }
        }
        return found
    }

    /// The first that ends at `offset` or later.
    private func index(endingFrom offset: Offset) -> Int {
        var (low, high) = (0, entries.count)
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].last >= offset { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
