// SPDX-License-Identifier: Apache-2.0

// How everybody who reads events reads the log: rules, subscriptions, fetches and tails, trials. They stop where a transaction begins that has not
// ended, which their `signal` sees to, and what they get of aborted transactions has no events in it, like the markers themselves.

import ApusModel
import ApusStorage

extension Partition {
    /// Batches from the one that holds `offset` on, as `LogStore.read` gives them, before the end of `signal`; those of aborted transactions
    /// are in it as control batches, so that whoever reads comes past them.
    func readEvents(
        from offset: Offset, byteLimit: Int, in store: any LogStore
    ) throws(LogError) -> [RecordBatch] {
        var batches = try store.read(log, from: offset, byteLimit: byteLimit)
        // What is not decided; and what the store has and has not told of yet: whoever got that, and asked for more from there on, would be
        // refused as somebody who is beyond the end.
        let end = signal.end
        while let last = batches.last, last.baseOffset >= end { batches.removeLast() }
        // Whoever brings the first transaction says so before its first batch is appended.
        guard production.hasTransactions, let first = batches.first, let last = batches.last else {
            return batches
        }
        let aborted = try aborted(in: first.baseOffset..<last.nextOffset, from: store)
        guard !aborted.isEmpty else { return batches }
        let ranges = Dictionary(grouping: aborted, by: \.producerID)
        for index in batches.indices where batches[index].isTransactional && !batches[index].isControl {
            let (producer, offset) = (batches[index].producerID, batches[index].baseOffset)
            if ranges[producer]?.contains(where: { $0.first <= offset && offset < $0.last }) == true {
                batches[index].hideRecords()
            }
        }
        return batches
    }

    /// The aborted transactions that any batch in `range` may belong to, which is decided.
    func aborted(
        in range: Range<Offset>, from store: any LogStore
    ) throws(LogError) -> [AbortedTransactions.Entry] {
        if let remembered = production.aborted(in: range) { return remembered }
        return try AbortedTransactions.find(in: range, of: log, before: written.end, in: store)
    }
}
