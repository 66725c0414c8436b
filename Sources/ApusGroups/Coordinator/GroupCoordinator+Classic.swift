// SPDX-License-Identifier: Apache-2.0

// The requests of the classic protocol, and what is checked before a group gets to see them.

extension GroupCoordinator {
    /// JoinGroup. `entropy` are 128 bits of chance for an identity, used if the member has none.
    public mutating func join(
        _ request: JoinRequest, ticket: GroupTicket, entropy: UInt128, now: Duration
    ) -> [GroupAction] {
        var request = request
        request.rebalanceTimeout = max(request.rebalanceTimeout ?? request.sessionTimeout, .zero)
        var names: Set<String> = []
        request.protocols.removeAll { !names.insert($0.name).inserted }
        let exists = classicGroups[request.group] != nil
        if let error = refusal(of: request) ?? roomRefusal(of: request, exists: exists) {
            return [.answer(ticket, .join(JoinAnswer(error: error, memberID: request.memberID)))]
        }
        let newID = MemberIdentity.make(prefix: request.instanceID ?? request.clientID, entropy: entropy)
        if !exists {
            // A consumer group that nobody is in becomes a classic one.
            let former = consumerGroups[request.group]?.epoch ?? 0
            forget(request.group)
            classicGroups.insert(ClassicGroup(id: request.group, generation: former))
        }
        remember(ticket, of: request.group)
        var actions: [GroupAction] = []
        changeClassic(request.group, now: now, &actions) { group, actions, limits in
            group.join(request, ticket: ticket, newID: newID, now: now, limits: limits, &actions)
            // Without an initial delay a new group is complete at once.
            group.advance(to: now, limits: limits, &actions)
        }
        if !exists, classicGroups[request.group]?.isVacant == true { classicGroups.remove(request.group) }
        settle(actions)
        return actions
    }

    private func refusal(of request: JoinRequest) -> GroupError? {
        if let error = refusal(ofName: request.group) { return error }
        guard limits.sessionTimeouts.contains(request.sessionTimeout) else { return .invalidSessionTimeout }
        let names = [request.memberID, request.instanceID ?? "", request.clientID, request.clientHost]
        guard names.allSatisfy({ $0.utf8.count <= limits.nameBytesMax }), request.instanceID != "",
            request.protocols.bytes <= limits.memberBytesMax
        else { return .invalidRequest }
        if shareGroups[request.group] != nil || consumerGroups[request.group]?.isVacant == false {
            return .inconsistentGroupProtocol
        }
        // A group that is gone has no members.
        return classicGroups[request.group] == nil && !request.memberID.isEmpty ? .unknownMemberID : nil
    }

    private mutating func roomRefusal(of request: JoinRequest, exists: Bool) -> GroupError? {
        let more = request.protocols.bytes + 2 * limits.nameBytesMax
        return makeRoom(forBytes: more, isNew: !exists) ? nil : .coordinatorNotAvailable
    }

    /// SyncGroup.
    public mutating func sync(_ request: SyncRequest, ticket: GroupTicket, now: Duration) -> [GroupAction] {
        let size = request.assignments.reduce(0) { $0 + $1.assignment.count + $1.memberID.utf8.count }
        var error = refusal(ofName: request.group)
        if error == nil, classicGroups[request.group] == nil { error = .unknownMemberID }
        if error == nil, size > limits.assignmentBytesMax { error = .invalidRequest }
        if error == nil, bytes + size > limits.bytesMax { error = .coordinatorNotAvailable }
        if let error { return [.answer(ticket, .sync(SyncAnswer(error: error)))] }
        remember(ticket, of: request.group)
        var actions: [GroupAction] = []
        changeClassic(request.group, now: now, &actions) { group, actions, _ in
            group.sync(request, ticket: ticket, now: now, &actions)
        }
        settle(actions)
        return actions
    }

    /// Heartbeat. `nil`: all is well.
    public mutating func heartbeat(
        group id: String, memberID: String, instanceID: String?, generation: Int32, now: Duration
    ) -> GroupError? {
        if let error = refusal(ofName: id) { return error }
        let retention = limits.emptyGroupRetention
        let error = classicGroups.change(id, now: now, retention: retention) { group in
            group.heartbeat(memberID, instance: instanceID, generation: generation, now: now)
        }
        return error ?? .unknownMemberID
    }

    /// LeaveGroup. The actions answer others.
    public mutating func leave(
        group id: String, _ members: [LeavingMember], now: Duration
    ) -> (answer: LeaveAnswer, actions: [GroupAction]) {
        var actions: [GroupAction] = []
        if let error = refusal(ofName: id) { return (LeaveAnswer(error: error), []) }
        let answer = changeClassic(id, now: now, &actions) { group, actions, limits in
            group.leave(members, now: now, limits: limits, &actions)
        }
        settle(actions)
        let unknown = members.map { LeaveAnswer.Outcome(member: $0, error: .unknownMemberID) }
        return (answer ?? LeaveAnswer(members: unknown), actions)
    }
}
