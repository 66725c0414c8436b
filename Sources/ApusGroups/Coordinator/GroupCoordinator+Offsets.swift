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
}
