// SPDX-License-Identifier: Apache-2.0

// Whether somebody may commit, read or delete offsets in the name of a group. The offsets themselves are kept elsewhere.

/// In whose name offsets are committed.
public struct CommitRequest: Sendable, Hashable {
    public var group: String
    /// Empty for somebody who is no member.
    public var memberID: String
    public var instanceID: String?
    /// The generation of a classic group, the member's epoch in a consumer group, or -1.
    public var generation: Int32
    /// By TxnOffsetCommit.
    public var isTransactional: Bool
    /// OffsetCommit from version 9 on: the client knows of consumer groups and their errors.
    public var knowsConsumerGroups: Bool

    public init(
        group: String, memberID: String = "", instanceID: String? = nil, generation: Int32 = -1,
        isTransactional: Bool = false, knowsConsumerGroups: Bool = true
    ) {
        self.group = group
        self.memberID = memberID
        self.instanceID = instanceID
        self.generation = generation
        self.isTransactional = isTransactional
        self.knowsConsumerGroups = knowsConsumerGroups
    }
}

extension GroupCoordinator {
    /// Why offsets must not be committed so; `nil` if they may. A member of a classic group is known to live by it.
    public mutating func validateCommit(_ request: CommitRequest, now: Duration) -> GroupError? {
        if let error = refusal(ofName: request.group) { return error }
        if let group = consumerGroups[request.group] { return group.validateCommit(request) }
        if shareGroups[request.group] != nil { return .groupIDNotFound }
        let retention = limits.emptyGroupRetention
        let verdict: GroupError?? = classicGroups.change(request.group, now: now, retention: retention) {
            $0.validateCommit(
                request.memberID, instance: request.instanceID, generation: request.generation,
                isTransactional: request.isTransactional, now: now)
        }
        if let verdict { return verdict }
        // Nobody is in a group that is not there, so offsets may be put there by somebody who is no member.
        if request.generation < 0 { return nil }
        // Kafka answers newer clients GROUP_ID_NOT_FOUND, which ends them. Here groups are gone after a restart, which they are to survive.
        return request.isTransactional || !request.knowsConsumerGroups ? .illegalGeneration : .unknownMemberID
    }

    /// Why offsets must not be read so (OffsetFetch from version 9 on names a member); `nil` if they may.
    public func validateFetch(group id: String, memberID: String?, memberEpoch: Int32) -> GroupError? {
        if shareGroups[id] != nil { return .groupIDNotFound }
        return consumerGroups[id]?.validateFetch(memberID: memberID, memberEpoch: memberEpoch)
    }

    /// Why no offsets of a group may be deleted (OffsetDelete); `nil` if those of topics may that `isSubscribed` does not hold for.
    public func validateOffsetDelete(group id: String) -> GroupError? {
        if shareGroups[id] != nil { return .groupIDNotFound }
        guard let group = classicGroups[id], !group.isEmpty else { return nil }
        return group.protocolType == ConsumerSubscription.protocolType ? nil : .nonEmptyGroup
    }

    /// Whether a member of the group subscribes to the topic, so that its offsets must not be deleted.
    public func isSubscribed(group id: String, topic: String) -> Bool {
        classicGroups[id]?.isSubscribed(to: topic) ?? consumerGroups[id]?.isSubscribed(to: topic) ?? false
    }
}
