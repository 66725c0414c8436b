// SPDX-License-Identifier: Apache-2.0

// Requests and answers of the classic protocol as values. Fields mean what they mean in Kafka's messages; versions are spelled as what they
// change, so that nothing here has to know numbers.

/// One protocol that a member can follow, most wanted first, with what it says of itself in that protocol.
public struct GroupProtocol: Sendable, Hashable {
    public var name: String
    /// Opaque to the coordinator. For consumers it is their subscription.
    public var metadata: [UInt8]

    public init(name: String, metadata: [UInt8]) {
        self.name = name
        self.metadata = metadata
    }
}

/// A member wants to be part of the group's next generation.
public struct JoinRequest: Sendable, Hashable {
    public var group: String
    /// Empty for a member that has no identity yet.
    public var memberID: String
    /// Of a static member: its name that survives restarts of its process.
    public var instanceID: String?
    public var clientID: String
    /// The client's address, for `describe` only.
    public var clientHost: String
    /// How long the member may be silent.
    public var sessionTimeout: Duration
    /// How long the others wait for this member to join again. `nil` (version 0) means the session timeout.
    public var rebalanceTimeout: Duration?
    /// `consumer` for consumers.
    public var protocolType: String
    public var protocols: [GroupProtocol]
    /// Version 4 on: a member without an identity is told one first and has to come back with it.
    public var requiresKnownMemberID: Bool
    /// Version 9 on: the member understands that a leader need not compute an assignment.
    public var supportsSkippingAssignment: Bool

    public init(
        group: String, memberID: String = "", instanceID: String? = nil, clientID: String,
        clientHost: String = "", sessionTimeout: Duration, rebalanceTimeout: Duration?,
        protocolType: String, protocols: [GroupProtocol], requiresKnownMemberID: Bool = true,
        supportsSkippingAssignment: Bool = true
    ) {
        self.group = group
        self.memberID = memberID
        self.instanceID = instanceID
        self.clientID = clientID
        self.clientHost = clientHost
        self.sessionTimeout = sessionTimeout
        self.rebalanceTimeout = rebalanceTimeout
        self.protocolType = protocolType
        self.protocols = protocols
        self.requiresKnownMemberID = requiresKnownMemberID
        self.supportsSkippingAssignment = supportsSkippingAssignment
    }
}

/// What a leader gets to know of each member.
public struct JoinedMember: Sendable, Hashable {
    public var memberID: String
    public var instanceID: String?
    /// Of the protocol that was chosen.
    public var metadata: [UInt8]
}

/// The answer to a join.
public struct JoinAnswer: Sendable, Hashable {
    public var error: GroupError?
    /// -1 with an error.
    public var generation: Int32 = -1
    public var protocolType: String?
    public var protocolName: String?
    /// Empty with an error.
    public var leader = ""
    /// The member need not compute an assignment although it leads: the group goes on with the one it has.
    public var skipAssignment = false
    public var memberID: String
    /// All members, for the leader; empty for the others.
    public var members: [JoinedMember] = []

    init(error: GroupError?, memberID: String) {
        self.error = error
        self.memberID = memberID
    }
}

/// What one member gets, as its leader decided.
public struct MemberAssignment: Sendable, Hashable {
    public var memberID: String
    /// Opaque to the coordinator.
    public var assignment: [UInt8]

    public init(memberID: String, assignment: [UInt8]) {
        self.memberID = memberID
        self.assignment = assignment
    }
}

/// A member asks for its part, and a leader hands in everybody's.
public struct SyncRequest: Sendable, Hashable {
    public var group: String
    public var generation: Int32
    public var memberID: String
    public var instanceID: String?
    /// Version 5 on. A type or name that is given has to be the group's.
    public var protocolType: String?
    public var protocolName: String?
    /// Of the leader: what each member gets. Members that are left out get an empty one.
    public var assignments: [MemberAssignment]

    public init(
        group: String, generation: Int32, memberID: String, instanceID: String? = nil,
        protocolType: String? = nil, protocolName: String? = nil,
        assignments: [MemberAssignment] = []
    ) {
        self.group = group
        self.generation = generation
        self.memberID = memberID
        self.instanceID = instanceID
        self.protocolType = protocolType
        self.protocolName = protocolName
        self.assignments = assignments
    }
}

/// The answer to a sync.
public struct SyncAnswer: Sendable, Hashable {
    public var error: GroupError?
    public var protocolType: String?
    public var protocolName: String?
    public var assignment: [UInt8] = []

    init(error: GroupError?) { self.error = error }
}

/// Who leaves a group.
public struct LeavingMember: Sendable, Hashable {
    /// Empty when an administrator removes a static member by its instance.
    public var memberID: String
    public var instanceID: String?

    public init(memberID: String, instanceID: String? = nil) {
        self.memberID = memberID
        self.instanceID = instanceID
    }
}

/// What became of members that wanted to leave, in the order of the request.
public struct LeaveAnswer: Sendable, Hashable {
    /// Concerns the request as a whole.
    public var error: GroupError?
    public var members: [Outcome] = []

    /// What became of one of them.
    public struct Outcome: Sendable, Hashable {
        public var member: LeavingMember
        /// `nil` when it has left.
        public var error: GroupError?
    }

    /// For versions 0 to 2, in which one member leaves and the answer has one error.
    public var soleError: GroupError? { error ?? members.first?.error }
}
