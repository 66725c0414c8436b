// SPDX-License-Identifier: Apache-2.0

// From one generation of a classic group to the next: gather those who join, go on when all have or the time is up, and drop who did not come.

extension ClassicGroup {
    /// Begins to gather, or, where the group gathers already, goes on if that was the last one.
    mutating func prepareOrComplete(now: Duration, limits: GroupLimits, _ actions: inout [GroupAction]) {
        switch state {
        case .empty, .completingRebalance, .stable: prepareRebalance(now: now, limits: limits, &actions)
        case .preparingRebalance, .dead: maybeCompleteJoins(now: now, &actions)
        }
    }

    mutating func prepareRebalance(now: Duration, limits: GroupLimits, _ actions: inout [GroupAction]) {
        if state == .completingRebalance {
            for member in membersInOrder {
                setAssignment([], of: member.id)
                if member.isSyncing { tellSync(member.id, .rebalanceInProgress, now: now, &actions) }
            }
        }
        pendingSyncs = []
        syncDeadline = nil
        let isFirst = state == .empty
        state = .preparingRebalance
        if isFirst {
            // Members of a new group start together: waiting a little saves a rebalance for each of them.
            newMemberCame = false
            initialWait = limits.initialRebalanceDelay
            initialWaitLeft = max(rebalanceTimeout - initialWait, .zero)
            setJoinDeadline(now + initialWait)
        } else if hasEveryoneJoined {
            completeJoins(now: now, &actions)
        } else {
            initialWaitLeft = nil
            setJoinDeadline(now + rebalanceTimeout)
        }
    }

    /// Goes on when everybody has joined, except in the first rebalance, which waits for members that nobody knows of.
    mutating func maybeCompleteJoins(now: Duration, _ actions: inout [GroupAction]) {
        guard state == .preparingRebalance, initialWaitLeft == nil, hasEveryoneJoined else { return }
        completeJoins(now: now, &actions)
    }

    /// The time to gather is up.
    mutating func endJoinWait(now: Duration, _ actions: inout [GroupAction]) {
        guard let left = initialWaitLeft, newMemberCame, left > .zero else {
            return completeJoins(now: now, &actions)
        }
        newMemberCame = false
        let wait = min(initialWait, left)
        initialWaitLeft = max(left - initialWait, .zero)
        setJoinDeadline(now + wait)
    }

    /// The next generation begins with those who are here. Static members that are not keep their place until their session ends.
    mutating func completeJoins(now: Duration, _ actions: inout [GroupAction]) {
        joinDeadline = nil
        initialWaitLeft = nil
        for member in membersInOrder where !member.isJoining && member.instanceID == nil {
            remove(member.id, &actions)
        }
        guard electJoinedLeader() || members.isEmpty else {
            // Only absent static members: their sessions decide. A timeout of nothing must not have us run in circles.
            return setJoinDeadline(now + max(rebalanceTimeout, .seconds(1)))
        }
        generation = generation == .max ? 1 : generation + 1
        guard !members.isEmpty else {
            protocolName = nil
            state = .empty
            return
        }
        protocolName = electedProtocol()
        state = .completingRebalance
        for member in membersInOrder {
            pendingSyncs.insert(member.id)
            tellJoined(member.id, currentJoinAnswer(for: member.id), now: now, &actions)
        }
        syncDeadline = now + rebalanceTimeout
        wake(at: now + rebalanceTimeout)
    }

    /// Members that have not asked for their part in time are dropped, and the rest gather anew.
    mutating func endSyncWait(now: Duration, limits: GroupLimits, _ actions: inout [GroupAction]) {
        syncDeadline = nil
        guard state == .completingRebalance || state == .stable, !pendingSyncs.isEmpty else { return }
        for id in membersInOrder.map(\.id) where pendingSyncs.contains(id) { remove(id, &actions) }
        prepareRebalance(now: now, limits: limits, &actions)
    }

    private mutating func setJoinDeadline(_ deadline: Duration) {
        joinDeadline = deadline
        wake(at: deadline)
    }

    /// Keeps the leader if it is here; otherwise the earliest member that is. False if nobody is.
    private mutating func electJoinedLeader() -> Bool {
        guard let leader, let chief = members[leader] else { return false }
        if chief.isJoining { return true }
        guard let next = members.values.lazy.filter(\.isJoining).min(by: { $0.number < $1.number }) else {
            return false
        }
        self.leader = next.id
        return true
    }

    // MARK: Answers to waiting members

    /// Tells a member of its generation; its session begins.
    mutating func tellJoined(
        _ id: String, _ answer: JoinAnswer, now: Duration, _ actions: inout [GroupAction]
    ) {
        guard let wait = members[id]?.wait else { return }
        if case .join(let ticket) = wait {
            actions.append(.answer(ticket, .join(answer)))
            members[id]?.wait = .none
            joiningCount -= 1
        }
        members[id]?.isNew = false
        renewSession(of: id, now: now)
    }

    /// Answers a sync that waits; the member's session begins again.
    mutating func tellSync(
        _ id: String, _ error: GroupError?, now: Duration, _ actions: inout [GroupAction]
    ) {
        guard let member = members[id], case .sync(let ticket) = member.wait else { return }
        var answer = SyncAnswer(error: error)
        if error == nil {
            answer.protocolType = protocolType
            answer.protocolName = protocolName
            answer.assignment = member.assignment
        }
        actions.append(.answer(ticket, .sync(answer)))
        members[id]?.wait = .none
        renewSession(of: id, now: now)
    }

    /// Answers whatever a member waits for with an error.
    mutating func answer(_ id: String, with error: GroupError, _ actions: inout [GroupAction]) {
        switch members[id]?.wait {
        case .join(let ticket):
            joiningCount -= 1
            let named = error == .unknownMemberID ? "" : id
            actions.append(.answer(ticket, .join(JoinAnswer(error: error, memberID: named))))
        case .sync(let ticket):
            actions.append(.answer(ticket, .sync(SyncAnswer(error: error))))
        case .some(.none), nil: return
        }
        members[id]?.wait = .none
    }

    /// A member asks again while an earlier request of it waits: the client has given that one up.
    mutating func supersede(_ id: String, _ actions: inout [GroupAction]) {
        answer(id, with: .rebalanceInProgress, &actions)
    }

    mutating func renewSession(of id: String, now: Duration) {
        guard let timeout = members[id]?.sessionTimeout else { return }
        members[id]?.sessionDeadline = now + timeout
        wake(at: now + timeout)
    }

    /// The client of a waiting request is gone. It may come back if it knows who it is, within its session; if it cannot, its place is free at once.
    mutating func cancel(_ ticket: GroupTicket, now: Duration, _ actions: inout [GroupAction]) {
        guard let member = members.values.first(where: { $0.wait.ticket == ticket }) else { return }
        if member.isJoining { joiningCount -= 1 }
        members[member.id]?.wait = .none
        if member.isNew, !member.knowsItself, member.instanceID == nil {
            // The first rebalance goes on waiting for others.
            remove(member.id, &actions)
            return maybeCompleteJoins(now: now, &actions)
        }
        renewSession(of: member.id, now: now)
    }
}
