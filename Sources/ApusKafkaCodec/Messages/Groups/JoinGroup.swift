// SPDX-License-Identifier: Apache-2.0

// Kafka protocol, JoinGroup (key 11), versions 0-9, flexible from 6 on.

public import NIOCore

/// Kafka protocol, JoinGroup request, versions 0-9: enters a consumer group or stays in it over a
/// rebalance.
public struct JoinGroupRequest: KafkaStruct {
    /// The group.
    public var groupID = ""
    /// How long the member may be silent, in milliseconds.
    public var sessionTimeoutMs: Int32 = 0
    /// How long members have to rejoin after a change, in milliseconds; -1 for the session timeout.
    /// From version 1 on.
    public var rebalanceTimeoutMs: Int32 = -1
    /// The member, as the coordinator named it; empty for one that is new.
    public var memberID = ""
    /// The name of a static member, which it keeps over restarts. From version 5 on.
    public var groupInstanceID: String?
    /// What kind of group it is: `consumer` for consumers.
    public var protocolType = ""
    /// The protocols that the member offers, the best first.
    public var protocols: [Offer] = []
    /// Why, for people. From version 8 on.
    public var reason: String?

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("groupID", &groupID)
        try coder.field("sessionTimeoutMs", &sessionTimeoutMs)
        if coder.version >= 1 { try coder.field("rebalanceTimeoutMs", &rebalanceTimeoutMs) }
        try coder.field("memberID", &memberID)
        if coder.version >= 5 { try coder.field("groupInstanceID", &groupInstanceID) }
        try coder.field("protocolType", &protocolType)
        try coder.field("protocols", &protocols)
        if coder.version >= 8 { try coder.field("reason", &reason) }
        try coder.noTags()
    }

    /// A protocol that a member offers.
    public struct Offer: KafkaStruct {
        /// The name of the protocol.
        public var name = ""
        /// What the leader needs for the assignment; see `ConsumerSubscription`.
        public var metadata = ByteBuffer()

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("name", &name)
            try coder.field("metadata", &metadata)
            try coder.noTags()
        }
    }
}

/// Kafka protocol, JoinGroup response, versions 0-9: answers when all members have joined.
public struct JoinGroupResponse: KafkaStruct {
    /// How long the client is asked to wait before its next request, in milliseconds. From version 2
    /// on.
    public var throttleTimeMs: Int32 = 0
    /// How it went.
    public var errorCode: KafkaErrorCode = .noError
    /// The generation of the group in which the member believes to be.
    public var generationID: Int32 = -1
    /// What kind of group it is: `consumer` for consumers. From version 7 on.
    public var protocolType: String?
    /// The protocol that all members agreed on.
    public var protocolName: String? = ""
    /// The member that makes the assignment.
    public var leader = ""
    /// True when the leader must not make an assignment. From version 9 on.
    public var skipAssignment = false
    /// The member, as the coordinator named it; empty for one that is new.
    public var memberID = ""
    /// All members, for the leader only.
    public var members: [Member] = []

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        if coder.version >= 2 { try coder.field("throttleTimeMs", &throttleTimeMs) }
        try coder.field("errorCode", &errorCode)
        try coder.field("generationID", &generationID)
        if coder.version >= 7 { try coder.field("protocolType", &protocolType) }
        try coder.field("protocolName", &protocolName, nullable: coder.version >= 7)
        try coder.field("leader", &leader)
        if coder.version >= 9 { try coder.field("skipAssignment", &skipAssignment) }
        try coder.field("memberID", &memberID)
        try coder.field("members", &members)
        try coder.noTags()
    }

    /// A member.
    public struct Member: KafkaStruct {
        /// The member, as the coordinator named it; empty for one that is new.
        public var memberID = ""
        /// The name of a static member, which it keeps over restarts. From version 5 on.
        public var groupInstanceID: String?
        /// What the member said; see `ConsumerSubscription`.
        public var metadata = ByteBuffer()

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("memberID", &memberID)
            if coder.version >= 5 { try coder.field("groupInstanceID", &groupInstanceID) }
            try coder.field("metadata", &metadata)
            try coder.noTags()
        }
    }
}
