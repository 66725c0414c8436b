// SPDX-License-Identifier: Apache-2.0

// A heartbeat of a consumer group: who sends it and whether it may, what has changed, and what the member is told.

extension ConsumerGroup {
    /// A heartbeat of somebody who is or becomes a member. `request` is well-formed.
    mutating func heartbeat(
        _ request: ConsumerHeartbeat, catalog: TopicCatalog, now: Duration, limits: GroupLimits
    ) throws(GroupRefusal) -> HeartbeatAnswer {
        let owned = request.owned.map(PartitionMap.init)
        try checkRegularExpression(of: request, limits: limits)
        var member = try sender(of: request, owned: owned, limits: limits)
        if update(&member, from: request) { bumpEpoch() }
        put(member)
        refresh(catalog)
        let before = member.assigned
        let isBehind = request.memberEpoch != member.epoch
        member.reconcile(
            to: target[member.id] ?? PartitionMap(), epoch: targetEpoch, owned: owned,
            isFree: { topic, partition in owner(of: partition, of: topic) == nil })
        if member.state != .revoking {
            member.revocationDeadline = nil
        } else if member.revocationDeadline == nil {
            member.revocationDeadline = now + member.rebalanceTimeout
        }
        member.sessionDeadline = now + limits.consumerSessionTimeout
        put(member)
        wake(at: min(member.sessionDeadline, member.revocationDeadline ?? member.sessionDeadline))
        // A member that says everything has missed an answer, or begins.
        let saysAll =
            request.rebalanceTimeout != nil && request.owned != nil
            && (request.subscribedNames != nil || request.subscribedRegex != nil)
        let isTold =
            request.memberEpoch == MemberEpoch.joining || saysAll || isBehind || member.assigned != before
        return HeartbeatAnswer(
            memberID: member.id, memberEpoch: member.epoch,
            heartbeatInterval: limits.consumerHeartbeatInterval,
            assignment: isTold ? member.assigned.listed : nil)
    }

    /// The member that speaks: one that is there and speaks at its epoch, or a new one.
    private mutating func sender(
        of request: ConsumerHeartbeat, owned: PartitionMap?, limits: GroupLimits
    ) throws(GroupRefusal) -> ConsumerMember {
        let isJoining = request.memberEpoch == MemberEpoch.joining
        if let instance = request.instanceID {
            let former = statics[instance]
            if isJoining, let former, former != request.memberID, let old = members[former] {
                guard old.epoch == MemberEpoch.pausing else {
                    throw GroupRefusal(
                        .unreleasedInstanceID,
                        "Instance \(instance) of group \(id) is still in use by member \(former)")
                }
                replace(old, by: request.memberID)
            } else if !isJoining {
                try check(request.memberID, is: instance)
            }
        }
        guard let member = members[request.memberID] else {
            guard isJoining else {
                throw GroupRefusal(
                    .unknownMemberID, "Member \(request.memberID) is not in group \(id): join it first")
            }
            guard members.count < limits.consumerMembersMax else {
                throw GroupRefusal(
                    .groupMaxSizeReached, "Group \(id) has \(members.count) members, the most it may have")
            }
            return ConsumerMember(
                id: request.memberID, instanceID: request.instanceID, clientID: request.clientID,
                clientHost: request.clientHost, rebalanceTimeout: request.rebalanceTimeout ?? .zero)
        }
        guard !isJoining, request.memberEpoch != member.epoch else { return member }
        // One epoch behind is whoever has missed an answer, as long as it has nothing that it may not have.
        guard request.memberEpoch == member.previousEpoch, member.epoch > member.previousEpoch,
            owned?.isSubset(of: member.assigned) ?? false
        else {
            throw GroupRefusal(
                .fencedMemberEpoch,
                "Member \(member.id) of group \(id) is at epoch \(member.epoch), not \(request.memberEpoch)")
        }
        return member
    }

    private func check(_ memberID: String, is instance: String) throws(GroupRefusal) {
        guard let owner = statics[instance] else {
            throw GroupRefusal(.unknownMemberID, "Instance \(instance) is not in group \(id): join it first")
        }
        guard owner == memberID else {
            throw GroupRefusal(
                .fencedInstanceID, "Instance \(instance) of group \(id) is member \(owner) now")
        }
    }

    private func checkRegularExpression(
        of request: ConsumerHeartbeat, limits: GroupLimits
    ) throws(GroupRefusal) {
        guard let regex = request.subscribedRegex, !regex.isEmpty else { return }
        let known = regexes
        guard known.contains(regex) || known.count < limits.regularExpressionsMax else {
            throw GroupRefusal(
                .invalidRequest,
                "Group \(id) has \(known.count) different regular expressions, the most it may have")
        }
    }

    /// Takes over what the request says. True if the group has to be assigned anew: the member is new or subscribes to something else.
    private func update(_ member: inout ConsumerMember, from request: ConsumerHeartbeat) -> Bool {
        let before = members[member.id]
        if let instance = request.instanceID { member.instanceID = instance }
        if let rack = request.rackID { member.rackID = rack }
        if let timeout = request.rebalanceTimeout { member.rebalanceTimeout = timeout }
        if let wish = request.serverAssignor.flatMap(ServerAssignor.init) { member.assignor = wish }
        if let names = request.subscribedNames { member.names = Set(names).sorted() }
        if let regex = request.subscribedRegex { member.regex = regex.isEmpty ? nil : regex }
        member.clientID = request.clientID
        member.clientHost = request.clientHost
        return before == nil || before?.names != member.names || before?.regex != member.regex
    }

    /// A member leaves, for good or for a while.
    mutating func leave(
        _ request: ConsumerHeartbeat, limits: GroupLimits
    ) throws(GroupRefusal) -> HeartbeatAnswer {
        if let instance = request.instanceID { try check(request.memberID, is: instance) }
        guard var member = members[request.memberID] else {
            throw GroupRefusal(.unknownMemberID, "Member \(request.memberID) is not in group \(id)")
        }
        if request.memberEpoch == MemberEpoch.pausing {
            member.epoch = MemberEpoch.pausing
            member.revoking = PartitionMap()
            member.revocationDeadline = nil
            if member.state == .revoking { member.state = .waiting }
            put(member)
        } else {
            remove(member.id)
        }
        return HeartbeatAnswer(
            memberID: member.id, memberEpoch: request.memberEpoch,
            heartbeatInterval: limits.consumerHeartbeatInterval, assignment: nil)
    }

    // MARK: Offsets

    /// Whether offsets may be committed in this name.
    func validateCommit(_ request: CommitRequest) -> GroupError? {
        if request.generation < 0 {
            if members.isEmpty { return nil }
            if request.isTransactional, request.memberID.isEmpty, request.instanceID == nil { return nil }
        }
        guard let member = members[request.memberID] else { return .unknownMemberID }
        if !request.isTransactional, !request.knowsConsumerGroups { return .unsupportedVersion }
        guard member.epoch != request.generation else { return nil }
        return request.isTransactional ? .illegalGeneration : .staleMemberEpoch
    }

    /// Whether offsets may be read in this name. A member that is behind would begin where it has been already.
    func validateFetch(memberID: String?, memberEpoch: Int32) -> GroupError? {
        if memberEpoch < 0, memberID?.isEmpty ?? true { return nil }
        guard let memberID, let member = members[memberID] else { return .unknownMemberID }
        return member.epoch == memberEpoch ? nil : .staleMemberEpoch
    }
}
