// SPDX-License-Identifier: Apache-2.0

// Which transactions of a partition were aborted, by where they lie: their batches stay in the log, and readers pass over them. The latest are
// remembered; of those before, the markers in the log tell, and whoever reads so far back has them looked for.

import ApusModel
import ApusStorage

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
    /// What ended before this is not remembered.
    private(set) var knownFrom = Offset.zero

    init() {}

    /// From entries in their order.
    init(_ entries: [Entry], knownFrom: Offset = .zero) {
        self.entries = entries
        self.knownFrom = knownFrom
    }

    /// Whether there never was any.
    var isEmpty: Bool { entries.isEmpty && knownFrom == .zero }

    /// Adds one that has just ended, and forgets the older half when there are more than `limit`.
    mutating func append(_ entry: Entry, limit: Int = Defaults.abortedTransactionsMax) {
        entries.append(entry)
        guard entries.count > limit else { return }
        let gone = entries.count / 2
        knownFrom = entries[gone - 1].last.advanced(by: 1)
        entries.removeFirst(gone)
    }

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

    /// Looks in the log for the ends of transactions that have batches in `range`, all of which are decided; of those that were aborted only the
    /// part from the range's beginning on is told.
    static func find(
        in range: Range<Offset>, of log: LogID, before end: Offset, in store: any LogStore
    ) throws(LogError) -> [Entry] {
        var open: [Int64: Offset] = [:]
        var found: [Entry] = []
        var offset = range.lowerBound
        while offset < end, offset < range.upperBound || !open.isEmpty {
            let batches: [RecordBatch]
            do { batches = try store.read(log, from: offset, byteLimit: 1 << 20) } catch {
                guard let next = LookAhead.wayAround(error), next > offset else { throw error }
                offset = next
                continue
            }
            guard let last = batches.last else { break }
            for batch in batches where batch.hasProducer {
                let id = batch.producerID
                if let marker = batch.marker {
                    guard let first = open.removeValue(forKey: id), !marker.isCommit else { continue }
                    found.append(Entry(producerID: id, first: first, last: batch.baseOffset, stable: first))
                } else if batch.isTransactional, batch.baseOffset < range.upperBound, open[id] == nil {
                    open[id] = batch.baseOffset
                }
            }
            offset = last.nextOffset
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
