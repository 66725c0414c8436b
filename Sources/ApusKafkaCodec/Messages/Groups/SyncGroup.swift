// SPDX-License-Identifier: Apache-2.0

// Kafka protocol, SyncGroup (key 14), versions 0-5, flexible from 4 on.

public import NIOCore

/// Kafka protocol, SyncGroup request, versions 0-5: asks for the assignment, and brings it from the leader.
public struct SyncGroupRequest: KafkaStruct {
    /// The group.
    public var groupID = ""
    /// The generation of the group in which the member believes to be.
    public var generationID: Int32 = 0
    /// The member, as the coordinator named it; empty for one that is new.
    public var memberID = ""
    /// The name of a static member, which it keeps over restarts. From version 3 on.
    public var groupInstanceID: String?
    /// What kind of group it is: `consumer` for consumers. From version 5 on.
    public var protocolType: String?
    /// The protocol that all members agreed on. From version 5 on.
    public var protocolName: String?
    /// Who gets what, from the leader only.
    public var assignments: [MemberAssignment] = []

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("groupID", &groupID)
        try coder.field("generationID", &generationID)
        try coder.field("memberID", &memberID)
        if coder.version >= 3 { try coder.field("groupInstanceID", &groupInstanceID) }
        if coder.version >= 5 {
            try coder.field("protocolType", &protocolType)
            try coder.field("protocolName", &protocolName)
        }
        try coder.field("assignments", &assignments)
        try coder.noTags()
    }

    /// What a member gets.
    public struct MemberAssignment: KafkaStruct {
        /// The member, as the coordinator named it; empty for one that is new.
        public var memberID = ""
        /// What the member gets; see `ConsumerAssignment`.
        public var assignment = ByteBuffer()

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("memberID", &memberID)
            try coder.field("assignment", &assignment)
            try coder.noTags()
        }
    }
}

/// Kafka protocol, SyncGroup response, versions 0-5: tells the assignment.
public struct SyncGroupResponse: KafkaStruct {
    /// How long the client is asked to wait before its next request, in milliseconds. From version 1
    /// on.
    public var throttleTimeMs: Int32 = 0
    /// How it went.
    public var errorCode: KafkaErrorCode = .noError
    /// What kind of group it is: `consumer` for consumers. From version 5 on.
    public var protocolType: String?
    /// The protocol that all members agreed on. From version 5 on.
    public var protocolName: String?
    /// What the member gets; see `ConsumerAssignment`.
    public var assignment = ByteBuffer()

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        if coder.version >= 1 { try coder.field("throttleTimeMs", &throttleTimeMs) }
        try coder.field("errorCode", &errorCode)
        if coder.version >= 5 {
            try coder.field("protocolType", &protocolType)
            try coder.field("protocolName", &protocolName)
        }
        try coder.field("assignment", &assignment)
        try coder.noTags()
    }
}
