// SPDX-License-Identifier: Apache-2.0

// The heartbeat of share groups (KIP-932), and what is checked before a group gets to see it.

extension GroupCoordinator {
    /// ShareGroupHeartbeat. `catalog` are the topics as they are now; `entropy` are 128 bits of chance for the identity of a member that has not
    /// chosen one. As for consumer groups, who speaks to a group that is not there is an unknown member.
    public mutating func shareHeartbeat(
        _ request: ShareHeartbeat, catalog: TopicCatalog, entropy: UInt128, now: Duration
    ) throws(GroupRefusal) -> HeartbeatAnswer {
        try check(request)
        let id = request.group
        let retention = limits.emptyGroupRetention
        let limits = limits
        guard request.memberEpoch >= 0 else {
            guard
                let outcome = shareGroups.change(
                    id, now: now, retention: retention,
                    { group in
                        Result { () throws(GroupRefusal) in try group.leave(request.memberID, limits: limits)
                        }
                    })
            else { throw unknownGroup(id, member: request.memberID) }
            return try outcome.get()
        }
        let isNew = shareGroups[id] == nil
        if isNew {
            // Unlike the other kinds, an empty group of another kind may have offsets that a share group could not make sense of.
            if consumerGroups[id] != nil || classicGroups[id] != nil {
                throw GroupRefusal(.groupIDNotFound, "Group \(id) is not a share group")
            }
            guard request.memberEpoch == MemberEpoch.joining else {
                throw unknownGroup(id, member: request.memberID)
            }
        }
        let names = request.subscribedNames ?? []
        let partitions = names.reduce(0) { $0 + Int(catalog.topics[$1]?.partitionCount ?? 0) }
        let more = 4 * limits.nameBytesMax + names.utf8Count + 96 * partitions
        guard makeRoom(forBytes: more, isNew: isNew) else {
            throw GroupRefusal(.coordinatorNotAvailable, "There is no room for what groups keep in memory")
        }
        if isNew { shareGroups.insert(ShareGroup(id: id)) }
        var named = request
        if named.memberID.isEmpty { named.memberID = MemberIdentity.short(entropy: entropy) }
        let outcome = shareGroups.change(id, now: now, retention: retention) { group in
            Result { () throws(GroupRefusal) in
                try group.heartbeat(named, catalog: catalog, now: now, limits: limits)
            }
        }
        guard let outcome else { throw unknownGroup(id, member: request.memberID) }
        return try outcome.get()
    }

    /// The partitions that a member of a share group may fetch from and acknowledge in at this moment. `nil`: there is no such member.
    public func sharedPartitions(group id: String, memberID: String) -> [TopicPartitions]? {
        shareGroups[id]?.members[memberID]?.assigned.listed
    }

    private func check(_ request: ShareHeartbeat) throws(GroupRefusal) {
        if request.group.isEmpty { throw GroupRefusal(.invalidRequest, "The name of the group is empty") }
        if request.rackID == "" { throw GroupRefusal(.invalidRequest, "The name of the rack is empty") }
        let texts = [
            request.group, request.memberID, request.rackID ?? "", request.clientID, request.clientHost,
        ]
        guard texts.allSatisfy({ $0.utf8.count <= limits.nameBytesMax }) else {
            throw GroupRefusal(.invalidRequest, "A name is longer than \(limits.nameBytesMax) bytes")
        }
        try checkSubscription(request.subscribedNames)
        switch request.memberEpoch {
        case 1..., MemberEpoch.leaving:
            if request.memberID.isEmpty { throw GroupRefusal(.invalidRequest, "The member has no identity") }
        case MemberEpoch.joining:
            guard request.subscribedNames?.isEmpty == false else {
                throw GroupRefusal(.invalidRequest, "A member that joins says what it subscribes to")
            }
        default:
            throw GroupRefusal(.invalidRequest, "The epoch \(request.memberEpoch) means nothing")
        }
    }
}
