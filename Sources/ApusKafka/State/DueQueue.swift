// SPDX-License-Identifier: Apache-2.0

// Events that wait for their time, the next one first.

/// Things by the time at which they are due.
struct DueQueue<Element> {
    private var items: [(due: ContinuousClock.Instant, order: UInt64, element: Element)] = []
    private var added: UInt64 = 0

    /// How many wait.
    var count: Int { items.count }

    /// When the next one is due.
    var next: ContinuousClock.Instant? { items.first?.due }

    private func isBefore(_ left: Int, _ right: Int) -> Bool {
        (items[left].due, items[left].order) < (items[right].due, items[right].order)
    }

    /// Adds one; of those that are due at the same time the first comes first.
    mutating func insert(_ element: Element, due: ContinuousClock.Instant) {
        items.append((due, added, element))
        added += 1
        var child = items.count - 1
        while child > 0, isBefore(child, (child - 1) / 2) {
            items.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    /// Takes the next one if it is due.
    mutating func pop(at now: ContinuousClock.Instant) -> Element? {
        guard let first = items.first, first.due <= now else { return nil }
        items.swapAt(0, items.count - 1)
        items.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < items.count && isBefore(child, least)
            {
                least = child
            }
            guard least != parent else { return first.element }
            items.swapAt(parent, least)
            parent = least
        }
    }
}
