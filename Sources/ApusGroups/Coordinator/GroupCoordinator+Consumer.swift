// SPDX-License-Identifier: Apache-2.0

// The heartbeat of consumer groups (KIP-848), and what is checked before a group gets to see it.

extension GroupCoordinator {
    /// ConsumerGroupHeartbeat. `catalog` are the topics as they are now; `entropy` are 128 bits of chance for the identity of a member that has not
    /// chosen one. The refusals are Kafka's, with one exception: who speaks to a group that is not there is an unknown member, and not
    /// told that there is no such group, because groups are gone after a restart, which consumers are to survive.
    public mutating func consumerHeartbeat(
        _ request: ConsumerHeartbeat, catalog: TopicCatalog, entropy: UInt128, now: Duration
    ) throws(GroupRefusal) -> HeartbeatAnswer {
        try check(request)
        let id = request.group
        let retention = limits.emptyGroupRetention
        let limits = limits
        guard request.memberEpoch >= 0 else {
            guard
                let outcome = consumerGroups.change(
                    id, now: now, retention: retention,
                    { group in Result { () throws(GroupRefusal) in try group.leave(request, limits: limits) }
                    })
            else { throw unknownGroup(id, member: request.memberID) }
            return try outcome.get()
        }
        let isNew = consumerGroups[id] == nil
        if isNew {
            let isOther = shareGroups[id] != nil || classicGroups[id]?.isEmpty == false
            if isOther { throw GroupRefusal(.groupIDNotFound, "Group \(id) is not a consumer group") }
            guard request.memberEpoch == MemberEpoch.joining else {
                throw unknownGroup(id, member: request.memberID)
            }
        }
        guard makeRoom(forBytes: estimate(of: request, catalog: catalog), isNew: isNew) else {
            throw GroupRefusal(.coordinatorNotAvailable, "There is no room for what groups keep in memory")
        }
        if isNew {
            // A classic group that nobody is in becomes a consumer group.
            let former = classicGroups[id]?.generation ?? 0
            forget(id)
            consumerGroups.insert(ConsumerGroup(id: id, epoch: former))
        }
        var named = request
        if named.memberID.isEmpty { named.memberID = MemberIdentity.short(entropy: entropy) }
        let outcome = consumerGroups.change(id, now: now, retention: retention) { group in
            Result { () throws(GroupRefusal) in
                try group.heartbeat(named, catalog: catalog, now: now, limits: limits)
            }
        }
        if isNew, consumerGroups[id]?.isVacant == true { consumerGroups.remove(id) }
        guard let outcome else { throw unknownGroup(id, member: request.memberID) }
        return try outcome.get()
    }

    func unknownGroup(_ id: String, member: String) -> GroupRefusal {
        GroupRefusal(.unknownMemberID, "Member \(member) is not in group \(id), which has no members")
    }

    /// What a heartbeat may add to memory.
    private func estimate(of request: ConsumerHeartbeat, catalog: TopicCatalog) -> Int {
        let names = request.subscribedNames ?? []
        var partitions = names.reduce(0) { $0 + Int(catalog.topics[$1]?.partitionCount ?? 0) }
        if request.subscribedRegex?.isEmpty == false { partitions = catalog.partitionCount }
        return 4 * limits.nameBytesMax + names.utf8Count + 128 * partitions
    }

    private func check(_ request: ConsumerHeartbeat) throws(GroupRefusal) {
        let names = [
            ("group", request.group), ("instance", request.instanceID ?? "-"),
            ("rack", request.rackID ?? "-"),
        ]
        for (kind, name) in names where name.isEmpty {
            throw GroupRefusal(.invalidRequest, "The name of the \(kind) is empty")
        }
        let texts = names.map(\.1) + [request.memberID, request.clientID, request.clientHost]
        guard texts.allSatisfy({ $0.utf8.count <= limits.nameBytesMax }) else {
            throw GroupRefusal(.invalidRequest, "A name is longer than \(limits.nameBytesMax) bytes")
        }
        try checkSubscription(request.subscribedNames)
        try checkEpoch(of: request)
        if let regex = request.subscribedRegex, !regex.isEmpty {
            do throws(TopicPattern.Malformed) {
                _ = try TopicPattern(regex)
            } catch {
                throw GroupRefusal(
                    .invalidRegularExpression,
                    "The regular expression \(regex) is not taken: \(error.message)")
            }
        }
        if let wish = request.serverAssignor, ServerAssignor(rawValue: wish) == nil {
            let known = ServerAssignor.allCases.map(\.rawValue).joined(separator: ", ")
            throw GroupRefusal(.unsupportedAssignor, "There is no assignor \(wish). There are: \(known)")
        }
    }

    func checkSubscription(_ names: [String]?) throws(GroupRefusal) {
        guard let names else { return }
        guard names.count <= limits.subscribedTopicsMax else {
            throw GroupRefusal(
                .invalidRequest, "A member subscribes to \(limits.subscribedTopicsMax) topics by name at most"
            )
        }
        guard names.utf8Count <= limits.memberBytesMax else {
            throw GroupRefusal(
                .invalidRequest, "The subscription is longer than \(limits.memberBytesMax) bytes")
        }
    }

    private func checkEpoch(of request: ConsumerHeartbeat) throws(GroupRefusal) {
        switch request.memberEpoch {
        case 1..., MemberEpoch.leaving:
            if request.memberID.isEmpty { throw GroupRefusal(.invalidRequest, "The member has no identity") }
        case MemberEpoch.joining:
            guard let timeout = request.rebalanceTimeout, timeout >= .zero else {
                throw GroupRefusal(.invalidRequest, "A member that joins says its rebalance timeout")
            }
            guard request.owned?.allSatisfy(\.partitions.isEmpty) ?? true else {
                throw GroupRefusal(.invalidRequest, "A member that joins has no partitions yet")
            }
            let subscribes =
                request.subscribedNames?.isEmpty == false || request.subscribedRegex?.isEmpty == false
            guard subscribes else {
                throw GroupRefusal(.invalidRequest, "A member that joins says what it subscribes to")
            }
        case MemberEpoch.pausing:
            if request.memberID.isEmpty { throw GroupRefusal(.invalidRequest, "The member has no identity") }
            if request.instanceID == nil {
                throw GroupRefusal(.invalidRequest, "Only a member with an instance leaves for a while")
            }
        default:
            throw GroupRefusal(.invalidRequest, "The epoch \(request.memberEpoch) means nothing")
        }
    }
}

extension [String] {
    var utf8Count: Int { reduce(0) { $0 + $1.utf8.count } }
}
