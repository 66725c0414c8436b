// SPDX-License-Identifier: Apache-2.0

// All groups of one kind by name, with the bytes they keep and the order in which they have to be looked at. Every change of a group goes through
// `change`, so that neither can be forgotten.

/// When a group has to be looked at, and since when nobody is in it.
struct GroupTiming: Sendable {
    /// No deadline of the group is earlier. It may be too early; advancing the group makes it exact.
    var wakeUp: Duration?
    /// The entry of the queue that counts for this group.
    fileprivate(set) var queuedAt: Duration?
    /// Since when there have been neither members nor anybody expected.
    fileprivate(set) var emptySince: Duration?

    func isDue(at now: Duration) -> Bool { wakeUp.map { $0 <= now } ?? false }
}

/// What groups of all kinds have in common.
protocol CoordinatedGroup: Sendable {
    var id: String { get }
    /// What it keeps in memory, roughly.
    var bytes: Int { get }
    /// Nobody is in it and nobody is expected.
    var isVacant: Bool { get }
    var timing: GroupTiming { get set }
    /// Does what was due at `now` or before, and sets `timing.wakeUp` to the earliest deadline left.
    mutating func advance(to now: Duration, limits: GroupLimits, _ actions: inout [GroupAction])
}

extension CoordinatedGroup {
    /// Has `advance` look at the group at `deadline` or before.
    mutating func wake(at deadline: Duration) {
        timing.wakeUp = min(timing.wakeUp ?? deadline, deadline)
    }
}

struct GroupTable<Group: CoordinatedGroup>: Sendable {
    private(set) var groups: [String: Group] = [:]
    private(set) var bytes = 0
    // Invariant: a group with a wake-up or a time at which it is forgotten has an entry that is not later, at timing.queuedAt. Entries that are no
    // group's queuedAt are left-overs, fewer than groups.count + 64 of them.
    private var queue = DeadlineQueue()

    var count: Int { groups.count }
    subscript(id: String) -> Group? { groups[id] }

    /// The next moment to call `nextDue` at. It may come early, never late.
    var nextDeadline: Duration? { queue.first?.deadline }

    mutating func insert(_ group: Group) {
        remove(group.id)
        groups[group.id] = group
        bytes += group.bytes
    }

    mutating func remove(_ id: String) {
        if let group = groups.removeValue(forKey: id) { bytes -= group.bytes }
    }

    /// Changes a group where it lies. `nil` without such a group.
    mutating func change<Result>(
        _ id: String, now: Duration, retention: Duration, _ body: (inout Group) -> Result
    ) -> Result? {
        guard let place = groups.index(forKey: id) else { return nil }
        let before = groups.values[place].bytes
        let result = body(&groups.values[place])
        bytes += groups.values[place].bytes - before
        var timing = groups.values[place].timing
        if !groups.values[place].isVacant {
            timing.emptySince = nil
        } else if timing.emptySince == nil {
            timing.emptySince = now
        }
        let forgotten = timing.emptySince.map { $0 + retention }
        if let deadline = [timing.wakeUp, forgotten].compactMap(\.self).min(),
            timing.queuedAt.map({ deadline < $0 }) ?? true
        {
            timing.queuedAt = deadline
            queue.insert(id, at: deadline)
        }
        groups.values[place].timing = timing
        if queue.count > 2 * groups.count + 64 { dropLeftOvers() }
        return result
    }

    /// Takes out the next group that something is due for; `change` puts it back in order. Groups that have been empty for `retention` are forgotten.
    mutating func nextDue(at now: Duration, retention: Duration) -> String? {
        while let first = queue.first, first.deadline <= now {
            _ = queue.removeFirst()
            guard let group = groups[first.group], group.timing.queuedAt == first.deadline else { continue }
            if let since = group.timing.emptySince, since + retention <= now {
                remove(first.group)
                continue
            }
            groups[first.group]?.timing.queuedAt = nil
            return first.group
        }
        return nil
    }

    /// The group that has been empty the longest.
    var longestEmpty: (id: String, since: Duration)? {
        groups.lazy.compactMap { id, group in group.timing.emptySince.map { (id: id, since: $0) } }
            .min { ($0.since, $0.id) < ($1.since, $1.id) }
    }

    private mutating func dropLeftOvers() {
        queue = DeadlineQueue(
            groups.compactMap { id, group in
                group.timing.queuedAt.map { DeadlineQueue.Entry(deadline: $0, group: id) }
            })
    }
}
