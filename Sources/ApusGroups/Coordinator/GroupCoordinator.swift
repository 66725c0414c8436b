// SPDX-License-Identifier: Apache-2.0

// Who is in which consumer group. A value: requests and the time go in, answers come out, so that a test can run years of it in a second. It keeps
// membership only, and only in memory: after a restart nobody knows anybody, and members join anew. Committed offsets are somebody else's.
//
// How a gateway uses it: one coordinator behind one lock. Each request becomes one call with the monotonic time of its arrival. What may have to
// wait (join, sync) is handed in with a ticket and answered by an action of that call or of a later one; all else is answered by the call's
// result. After each call the timer is set to `nextDeadline`; when it fires, `advance(to:)`. When a connection closes, `cancel` each of its
// tickets that have not been answered.

/// All consumer groups of a server.
public struct GroupCoordinator: Sendable {
    public let limits: GroupLimits

    // Invariants:
    // - A name is in one of the three tables at most.
    // - tickets names the group of each request that waits, and of no other.
    var classicGroups = GroupTable<ClassicGroup>()
    var consumerGroups = GroupTable<ConsumerGroup>()
    var shareGroups = GroupTable<ShareGroup>()
    private(set) var tickets: [GroupTicket: String] = [:]

    public init(limits: GroupLimits = GroupLimits()) { self.limits = limits }

    // MARK: Time

    /// When `advance(to:)` has something to do at the earliest. `nil`: not before the next request.
    public var nextDeadline: Duration? {
        [classicGroups.nextDeadline, consumerGroups.nextDeadline, shareGroups.nextDeadline]
            .compactMap(\.self).min()
    }

    /// Does all that was due at `now` or before: sessions end, waits for members end, groups without members are forgotten.
    public mutating func advance(to now: Duration) -> [GroupAction] {
        var actions: [GroupAction] = []
        advance(&classicGroups, to: now, &actions)
        advance(&consumerGroups, to: now, &actions)
        advance(&shareGroups, to: now, &actions)
        settle(actions)
        return actions
    }

    /// The client of a waiting request is gone; the request gets no answer. Others may.
    public mutating func cancel(_ ticket: GroupTicket, now: Duration) -> [GroupAction] {
        guard let id = tickets.removeValue(forKey: ticket) else { return [] }
        var actions: [GroupAction] = []
        changeClassic(id, now: now, &actions) { group, actions, _ in
            group.cancel(ticket, now: now, &actions)
        }
        settle(actions)
        return actions
    }

    private func advance<Group: CoordinatedGroup>(
        _ table: inout GroupTable<Group>, to now: Duration, _ actions: inout [GroupAction]
    ) {
        let retention = limits.emptyGroupRetention
        while let id = table.nextDue(at: now, retention: retention) {
            _ = table.change(id, now: now, retention: retention) {
                $0.advance(to: now, limits: limits, &actions)
            }
        }
    }

    // MARK: Measures

    /// Groups of all kinds.
    public var groupCount: Int { classicGroups.count + consumerGroups.count + shareGroups.count }
    /// What all groups keep in memory, roughly.
    public var bytes: Int { classicGroups.bytes + consumerGroups.bytes + shareGroups.bytes }
    /// Requests that wait for their answer.
    public var waitingCount: Int { tickets.count }

    // MARK: Shared by all kinds

    /// Why a group cannot have this name.
    func refusal(ofName id: String) -> GroupError? {
        id.isEmpty || id.utf8.count > limits.nameBytesMax ? .invalidGroupID : nil
    }

    /// Makes room for one more group with `bytes`. False if there is none.
    mutating func makeRoom(forBytes more: Int, isNew: Bool) -> Bool {
        guard bytes + more <= limits.bytesMax else { return false }
        guard isNew, groupCount >= limits.groupsMax else { return true }
        return forgetLongestEmpty()
    }

    private mutating func forgetLongestEmpty() -> Bool {
        let candidates = [classicGroups.longestEmpty, consumerGroups.longestEmpty, shareGroups.longestEmpty]
        guard let oldest = candidates.compactMap(\.self).min(by: { ($0.since, $0.id) < ($1.since, $1.id) })
        else { return false }
        forget(oldest.id)
        return true
    }

    /// Forgets a group of any kind.
    mutating func forget(_ id: String) {
        classicGroups.remove(id)
        consumerGroups.remove(id)
        shareGroups.remove(id)
    }

    mutating func remember(_ ticket: GroupTicket, of group: String) { tickets[ticket] = group }

    /// Forgets the tickets that have been answered.
    mutating func settle(_ actions: [GroupAction]) {
        for case .answer(let ticket, _) in actions { tickets[ticket] = nil }
    }

    /// Changes a classic group; the closure gets the group, the actions and the limits. `nil` without such a group.
    @discardableResult
    mutating func changeClassic<Result>(
        _ id: String, now: Duration, _ actions: inout [GroupAction],
        _ body: (inout ClassicGroup, inout [GroupAction], GroupLimits) -> Result
    ) -> Result? {
        let limits = limits
        return classicGroups.change(id, now: now, retention: limits.emptyGroupRetention) { group in
            body(&group, &actions, limits)
        }
    }
}
