// SPDX-License-Identifier: Apache-2.0

// Life within a generation of a classic group: parts are handed out, members say that they live, commit and leave, and are missed when they do not.

extension ClassicGroup {
    /// A member asks for its part. It waits for the leader's sync unless that has come.
    mutating func sync(
        _ request: SyncRequest, ticket: GroupTicket, now: Duration, _ actions: inout [GroupAction]
    ) {
        func refuse(_ error: GroupError) {
            actions.append(.answer(ticket, .sync(SyncAnswer(error: error))))
        }
        if let error = refusal(of: request.memberID, instance: request.instanceID) { return refuse(error) }
        guard request.generation == generation else { return refuse(.illegalGeneration) }
        if let type = request.protocolType, type != protocolType { return refuse(.inconsistentGroupProtocol) }
        if let name = request.protocolName, name != protocolName { return refuse(.inconsistentGroupProtocol) }
        switch state {
        case .empty, .dead: refuse(.unknownMemberID)
        case .preparingRebalance: refuse(.rebalanceInProgress)
        case .completingRebalance:
            supersede(request.memberID, &actions)
            members[request.memberID]?.wait = .sync(ticket)
            hasSynced(request.memberID)
            if leader == request.memberID { assign(request.assignments, now: now, &actions) }
        case .stable:
            hasSynced(request.memberID)
            var answer = SyncAnswer(error: nil)
            answer.protocolType = protocolType
            answer.protocolName = protocolName
            answer.assignment = members[request.memberID]?.assignment ?? []
            actions.append(.answer(ticket, .sync(answer)))
        }
    }

    private mutating func hasSynced(_ id: String) {
        pendingSyncs.remove(id)
        if pendingSyncs.isEmpty { syncDeadline = nil }
    }

    /// The leader has decided: the group is stable and those who waited get their parts.
    private mutating func assign(
        _ assignments: [MemberAssignment], now: Duration, _ actions: inout [GroupAction]
    ) {
        let parts = Dictionary(assignments.map { ($0.memberID, $0.assignment) }) { _, last in last }
        state = .stable
        for member in membersInOrder {
            setAssignment(parts[member.id] ?? [], of: member.id)
            tellSync(member.id, nil, now: now, &actions)
        }
    }

    /// A sign of life. `nil`: all is well.
    mutating func heartbeat(_ id: String, instance: String?, generation: Int32, now: Duration) -> GroupError?
    {
        if let error = refusal(of: id, instance: instance) { return error }
        guard generation == self.generation else { return .illegalGeneration }
        switch state {
        case .empty, .dead: return .unknownMemberID
        case .preparingRebalance:
            renewSession(of: id, now: now)
            return .rebalanceInProgress
        case .completingRebalance, .stable:
            renewSession(of: id, now: now)
            return nil
        }
    }

    /// Members leave, by themselves or removed by an administrator.
    mutating func leave(
        _ leaving: [LeavingMember], now: Duration, limits: GroupLimits, _ actions: inout [GroupAction]
    ) -> LeaveAnswer {
        var answer = LeaveAnswer()
        var someHaveLeft = false
        for each in leaving {
            let error = leave(each, &actions)
            someHaveLeft = someHaveLeft || error == nil
            answer.members.append(.init(member: each, error: error))
        }
        if someHaveLeft, state != .empty { prepareOrComplete(now: now, limits: limits, &actions) }
        return answer
    }

    private mutating func leave(_ leaving: LeavingMember, _ actions: inout [GroupAction]) -> GroupError? {
        if leaving.memberID.isEmpty {
            guard let instance = leaving.instanceID, let id = statics[instance] else {
                return .unknownMemberID
            }
            remove(id, &actions)
            return nil
        }
        if pendingJoins[leaving.memberID] == nil,
            let error = refusal(of: leaving.memberID, instance: leaving.instanceID)
        {
            return error
        }
        remove(leaving.memberID, &actions)
        return nil
    }

    /// Whether offsets may be committed in this name. A commit of a member is a sign of life.
    mutating func validateCommit(
        _ id: String, instance: String?, generation: Int32, isTransactional: Bool, now: Duration
    ) -> GroupError? {
        if state == .dead { return .coordinatorNotAvailable }
        // Nobody manages the group: an administrator, or a consumer that assigns itself.
        if generation < 0, isEmpty { return nil }
        if generation >= 0 || !id.isEmpty || instance != nil {
            if let error = refusal(of: id, instance: instance) { return error }
            guard generation == self.generation else { return .illegalGeneration }
        } else if !isTransactional {
            return .unknownMemberID
        }
        guard !isTransactional else { return nil }
        if state == .completingRebalance { return .rebalanceInProgress }
        renewSession(of: id, now: now)
        return nil
    }

    // MARK: Time

    /// Removes a member and has the others gather anew, or go on without it.
    mutating func removeAndGoOn(
        _ id: String, now: Duration, limits: GroupLimits, _ actions: inout [GroupAction]
    ) {
        let isMember = members[id] != nil
        remove(id, &actions)
        switch state {
        case .stable, .completingRebalance:
            if isMember { prepareRebalance(now: now, limits: limits, &actions) }
        case .preparingRebalance:
            if hasEveryoneJoined { completeJoins(now: now, &actions) }
        case .empty, .dead: break
        }
    }

    /// Does what was due at `now` or before.
    mutating func advance(to now: Duration, limits: GroupLimits, _ actions: inout [GroupAction]) {
        guard timing.isDue(at: now) else { return }
        // First what answers those who wait: at the same moment their own time may be up.
        if let joinDeadline, joinDeadline <= now { endJoinWait(now: now, &actions) }
        if let syncDeadline, syncDeadline <= now { endSyncWait(now: now, limits: limits, &actions) }
        let pending = pendingJoins.filter { $0.value <= now }.sorted {
            ($0.value, $0.key) < ($1.value, $1.key)
        }
        for (id, _) in pending { removeAndGoOn(id, now: now, limits: limits, &actions) }
        for late in membersInOrder {
            guard let member = members[late.id], let deadline = member.sessionDeadline, deadline <= now
            else { continue }
            if member.isExcused {
                members[member.id]?.sessionDeadline = nil
            } else {
                removeAndGoOn(member.id, now: now, limits: limits, &actions)
            }
        }
        timing.wakeUp = earliestDeadline
    }

    /// The earliest of all deadlines.
    private var earliestDeadline: Duration? {
        var earliest = [joinDeadline, syncDeadline, pendingJoins.values.min()].compactMap(\.self).min()
        for member in members.values {
            if let deadline = member.sessionDeadline { earliest = min(earliest ?? deadline, deadline) }
        }
        return earliest
    }
}
