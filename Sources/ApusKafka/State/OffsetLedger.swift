// SPDX-License-Identifier: Apache-2.0

// What was consumed of one partition and what became of it. Kafka knows one number for each group and partition: everything before it is done. Events are settled in
// any order, so the number that can be committed is the end of the run of settled ones that begins with the first.

internal import DequeModule

/// The events of one partition, from the first that is not settled to the last that was consumed. Offsets can have gaps (transactions, compaction), so
/// entries have numbers of their own, which are dense.
struct OffsetLedger<Item> {
    private struct Entry {
        var offset: Int64
        /// nil once it is settled.
        var item: Item?
    }

    private var entries: Deque<Entry> = []
    /// The number of the first entry.
    private var base: UInt64 = 0
    private var pending: Int64?
    /// Entries that are not settled.
    private(set) var openCount = 0

    /// From the first entry that is not settled to the last.
    var span: Int { entries.count }

    /// Notes a consumed event, and says under which number it is settled. Offsets come in order.
    mutating func append(_ item: Item, at offset: Int64) -> UInt64 {
        entries.append(Entry(offset: offset, item: item))
        openCount += 1
        return base + UInt64(entries.count - 1)
    }

    private func index(_ number: UInt64) -> Int? {
        guard number >= base, number - base < UInt64(entries.count) else { return nil }
        return Int(number - base)
    }

    /// An event that is not settled; writing to one that is changes nothing.
    subscript(_ number: UInt64) -> Item? {
        get { index(number).flatMap { entries[$0].item } }
        set {
            guard let index = index(number), entries[index].item != nil, let newValue else { return }
            entries[index].item = newValue
        }
    }

    /// Settles an event; nil when it is settled already, or not meant.
    mutating func settle(_ number: UInt64, where isMeant: (Item) -> Bool = { _ in true }) -> Item? {
        guard let index = index(number) else { return nil }
        // Taken out rather than copied.
        var taken: Item?
        swap(&entries[index].item, &taken)
        guard let item = taken else { return nil }
        guard isMeant(item) else {
            entries[index].item = item
            return nil
        }
        openCount -= 1
        if index == 0 {
            var run = 1
            while run < entries.count, entries[run].item == nil { run += 1 }
            pending = entries[run - 1].offset + 1
            entries.removeFirst(run)
            base += UInt64(run)
        }
        return item
    }

    /// The offset that can be committed and was not taken before: that of the first event which is to come again.
    mutating func takeCommit() -> Int64? {
        defer { pending = nil }
        return pending
    }

    /// A commit that was taken failed.
    mutating func giveBackCommit(_ offset: Int64) { pending = max(pending ?? offset, offset) }

    /// The offset that can be committed once these are settled too, and whether they are all that is missing before it: events ahead of them that are not
    /// settled would be skipped.
    func commit(settling numbers: Set<UInt64>) -> (offset: Int64, coversAll: Bool)? {
        var (offset, covered): (Int64?, Int) = (pending, 0)
        for (index, entry) in entries.enumerated() {
            if entry.item != nil {
                guard numbers.contains(base + UInt64(index)) else { break }
                covered += 1
            }
            offset = entry.offset + 1
        }
        return offset.map { ($0, covered == numbers.count) }
    }

    /// Events that are not settled and hold back the commit of one that is.
    var stranded: [UInt64] {
        guard let last = entries.lastIndex(where: { $0.item == nil }) else { return [] }
        return (0..<last).compactMap { entries[$0].item == nil ? nil : base + UInt64($0) }
    }

    /// All that is not settled, in order.
    func forEachOpen(_ body: (UInt64, Item) -> Void) {
        for (index, entry) in entries.enumerated() {
            if let item = entry.item { body(base + UInt64(index), item) }
        }
    }
}
