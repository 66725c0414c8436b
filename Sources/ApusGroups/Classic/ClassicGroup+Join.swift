// SPDX-License-Identifier: Apache-2.0

// Joining a classic group: as a new member, as one that comes back, as a static member whose process was started again.

extension ClassicGroup {
    /// A join. Its answer is among the actions now or comes when everybody has joined. `newID` is the identity for a member without one.
    mutating func join(
        _ request: JoinRequest, ticket: GroupTicket, newID: String, now: Duration, limits: GroupLimits,
        _ actions: inout [GroupAction]
    ) {
        func refuse(_ error: GroupError, as id: String = request.memberID) {
            actions.append(.answer(ticket, .join(JoinAnswer(error: error, memberID: id))))
        }
        guard accepts(request.memberID, limits: limits) else {
            // A member that was late to join makes room for those that are here.
            remove(request.memberID, &actions)
            refuse(.groupMaxSizeReached, as: "")
            return maybeCompleteJoins(now: now, &actions)
        }
        guard supports(request.protocolType, request.protocols) else {
            return refuse(.inconsistentGroupProtocol)
        }
        if !request.memberID.isEmpty {
            return rejoin(request, ticket: ticket, now: now, limits: limits, &actions)
        }
        if let instance = request.instanceID {
            guard let old = statics[instance] else {
                return admit(request, as: newID, ticket: ticket, now: now, limits: limits, &actions)
            }
            return replace(old, with: newID, request, ticket: ticket, now: now, limits: limits, &actions)
        }
        guard request.requiresKnownMemberID else {
            return admit(request, as: newID, ticket: ticket, now: now, limits: limits, &actions)
        }
        guard pendingJoins.count < limits.classicMembersMax else {
            return refuse(.groupMaxSizeReached)
        }
        expect(newID, until: now + request.sessionTimeout)
        refuse(.memberIDRequired, as: newID)
    }

    /// Whether there is room. While the group gathers, those count that are here, so that the last ones to come back find the door closed.
    private func accepts(_ id: String, limits: GroupLimits) -> Bool {
        switch state {
        case .empty, .dead: true
        case .preparingRebalance:
            members[id]?.isJoining == true || joiningCount < limits.classicMembersMax
        case .completingRebalance, .stable:
            members[id] != nil || members.count < limits.classicMembersMax
        }
    }

    /// A new member is added and the group gathers anew.
    private mutating func admit(
        _ request: JoinRequest, as id: String, ticket: GroupTicket, now: Duration, limits: GroupLimits,
        _ actions: inout [GroupAction]
    ) {
        if state == .preparingRebalance, initialWaitLeft != nil { newMemberCame = true }
        let deadline = now + limits.newMemberJoinTimeout
        add(
            ClassicMember(
                id: id, instanceID: request.instanceID, clientID: request.clientID,
                clientHost: request.clientHost, number: nextNumber, sessionTimeout: request.sessionTimeout,
                rebalanceTimeout: request.rebalanceTimeout ?? request.sessionTimeout,
                protocols: request.protocols, wait: .join(ticket), knowsItself: id == request.memberID,
                sessionDeadline: deadline))
        if protocolType == nil { protocolType = request.protocolType }
        nextNumber += 1
        wake(at: deadline)
        prepareOrComplete(now: now, limits: limits, &actions)
    }

    /// A join of somebody that has been told who it is.
    private mutating func rejoin(
        _ request: JoinRequest, ticket: GroupTicket, now: Duration, limits: GroupLimits,
        _ actions: inout [GroupAction]
    ) {
        let id = request.memberID
        if pendingJoins[id] != nil {
            // Static members are never told to come back, so this is somebody else's identity.
            guard request.instanceID == nil else {
                return actions.append(
                    .answer(ticket, .join(JoinAnswer(error: .unknownMemberID, memberID: id))))
            }
            return admit(request, as: id, ticket: ticket, now: now, limits: limits, &actions)
        }
        if let error = refusal(of: id, instance: request.instanceID) {
            return actions.append(.answer(ticket, .join(JoinAnswer(error: error, memberID: id))))
        }
        let hasChanged = members[id].map { $0.protocols != request.protocols } ?? true
        switch state {
        case .completingRebalance where !hasChanged, .stable where !hasChanged && leader != id:
            // Most likely the last answer was lost: here it is again.
            return actions.append(.answer(ticket, .join(currentJoinAnswer(for: id))))
        case .preparingRebalance, .completingRebalance, .stable:
            // A leader that joins in a stable group wants to assign anew: something it knows of has changed.
            update(id, from: request, ticket: ticket, now: now, limits: limits, &actions)
            prepareOrComplete(now: now, limits: limits, &actions)
        case .empty, .dead:
            actions.append(.answer(ticket, .join(JoinAnswer(error: .unknownMemberID, memberID: id))))
        }
    }

    /// A static member comes back under a new identity. The old one is fenced and the new one takes its place.
    private mutating func replace(
        _ old: String, with new: String, _ request: JoinRequest, ticket: GroupTicket, now: Duration,
        limits: GroupLimits, _ actions: inout [GroupAction]
    ) {
        let leaderBefore = leader
        answer(old, with: .fencedInstanceID, &actions)
        guard let member = members[old] else { return }
        let wasPendingSync = pendingSyncs.contains(old)
        remove(old, &actions)
        var successor = ClassicMember(
            id: new, instanceID: request.instanceID, clientID: request.clientID,
            clientHost: request.clientHost, number: member.number, sessionTimeout: request.sessionTimeout,
            rebalanceTimeout: request.rebalanceTimeout ?? request.sessionTimeout,
            protocols: request.protocols, wait: .join(ticket), isNew: false, knowsItself: false,
            sessionDeadline: now + request.sessionTimeout)
        successor.assignment = member.assignment
        add(successor)
        if protocolType == nil { protocolType = request.protocolType }
        if leaderBefore == old { leader = new }
        wake(at: now + request.sessionTimeout)
        switch state {
        case .stable where electedProtocol() == protocolName:
            // Nothing changes for the others: the member goes on with the assignment it had. A leader that understands this is told not to
            // assign; one that does not is told that it does not lead.
            if wasPendingSync { pendingSyncs.insert(new) }
            var found = currentJoinAnswer(for: new)
            if request.supportsSkippingAssignment {
                found.skipAssignment = leader == new
            } else {
                found.members = []
                found.leader = leaderBefore ?? ""
            }
            tellJoined(new, found, now: now, &actions)
        case .stable: prepareOrComplete(now: now, limits: limits, &actions)
        // The leader may be assigning to the old identity just now.
        case .completingRebalance: prepareRebalance(now: now, limits: limits, &actions)
        case .preparingRebalance, .empty, .dead: maybeCompleteJoins(now: now, &actions)
        }
    }

    /// The present generation as one member is told of it.
    func currentJoinAnswer(for id: String) -> JoinAnswer {
        var answer = JoinAnswer(error: nil, memberID: id)
        answer.generation = generation
        answer.protocolType = protocolType
        answer.protocolName = protocolName
        answer.leader = leader ?? ""
        if leader == id {
            answer.members = membersInOrder.map {
                JoinedMember(
                    memberID: $0.id, instanceID: $0.instanceID, metadata: $0.metadata(in: protocolName))
            }
        }
        return answer
    }
}
