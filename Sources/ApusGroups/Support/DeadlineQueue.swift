// SPDX-License-Identifier: Apache-2.0

// Which group has to be looked at next. Heartbeats move deadlines away all the time; the queue learns of that only when an entry comes up, and the
// group then says when it wants to be looked at again. So a heartbeat costs nothing here.

/// Deadlines of groups, earliest first: a binary heap.
struct DeadlineQueue: Sendable {
    /// Ordered by time, then by name, so that nothing depends on the order in which groups came.
    struct Entry: Sendable, Comparable {
        var deadline: Duration
        var group: String

        static func < (left: Entry, right: Entry) -> Bool {
            (left.deadline, left.group) < (right.deadline, right.group)
        }
    }

    // Invariant: entries[(i - 1) / 2] <= entries[i].
    private var entries: [Entry] = []

    var first: Entry? { entries.first }
    var count: Int { entries.count }

    /// The queue of `entries`, in any order.
    init(_ entries: [Entry] = []) {
        // Sorted is more than a heap asks for.
        self.entries = entries.sorted()
    }

    mutating func insert(_ group: String, at deadline: Duration) {
        entries.append(Entry(deadline: deadline, group: group))
        var place = entries.count - 1
        while place > 0, entries[place] < entries[(place - 1) / 2] {
            entries.swapAt(place, (place - 1) / 2)
            place = (place - 1) / 2
        }
    }

    mutating func removeFirst() -> Entry? {
        guard let first = entries.first else { return nil }
        let last = entries.removeLast()
        guard !entries.isEmpty else { return first }
        entries[0] = last
        var place = 0
        while true {
            var least = place
            for child in [2 * place + 1, 2 * place + 2]
            where child < entries.count && entries[child] < entries[least] {
                least = child
            }
            if least == place { return first }
            entries.swapAt(place, least)
            place = least
        }
    }
}
