// SPDX-License-Identifier: Apache-2.0

// When leases end and retries are due. Events that are handed out together have one deadline, and most are settled long before it: so one entry of the heap is for all positions of a
// deadline, and adding to the last one is all that handing out costs.

import HeapModule

/// Positions by the time when something is to happen to them. What becomes of a position before its time is not known here.
struct DeliveryTimers: Sendable {
    private struct Moment: Comparable, Sendable {
        var deadline: Duration
        var positions: [Position]

        static func < (left: Moment, right: Moment) -> Bool { left.deadline < right.deadline }
    }

    /// Positions that may be left behind by what was settled, beside as many as are live. They are 128 KiB.
    static let idleMax = 8192

    /// Those that were added last; not in the heap.
    private var latest = Moment(deadline: .zero, positions: [])
    private var others = Heap<Moment>()
    /// How many positions there are.
    private(set) var count = 0

    init() {}

    /// Those of `entries`.
    init(_ entries: some Sequence<(Duration, Position)>) {
        for (deadline, position) in entries.sorted(by: { $0.0 < $1.0 }) { add(deadline, position) }
    }

    /// The earliest deadline.
    var first: Duration? {
        let other = others.min?.deadline
        guard !latest.positions.isEmpty else { return other }
        return min(latest.deadline, other ?? latest.deadline)
    }

    /// Adds a position.
    mutating func add(_ deadline: Duration, _ position: Position) {
        count += 1
        if deadline != latest.deadline {
            if !latest.positions.isEmpty { others.insert(latest) }
            latest = Moment(deadline: deadline, positions: [])
        }
        latest.positions.append(position)
    }

    /// Takes out the positions whose deadline is not after `now`: in the order of deadlines, and of positions within one.
    mutating func takeAll(until now: Duration) -> [Position] {
        guard let first, first <= now else { return [] }
        if !latest.positions.isEmpty {
            others.insert(latest)
            latest.positions = []
        }
        var due: [Moment] = []
        while let moment = others.min, moment.deadline <= now {
            others.removeMin()
            // One deadline may have been added to at several times.
            if due.last?.deadline == moment.deadline {
                due[due.count - 1].positions += moment.positions
            } else {
                due.append(moment)
            }
        }
        let positions = due.flatMap { $0.positions.sorted() }
        count -= positions.count
        return positions
    }
}
