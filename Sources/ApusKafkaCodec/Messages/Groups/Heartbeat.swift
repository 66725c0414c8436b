// SPDX-License-Identifier: Apache-2.0

// Kafka protocol, Heartbeat (key 12), versions 0-4, flexible from 4 on.

/// Kafka protocol, Heartbeat request, versions 0-4: says that a member is alive.
public struct HeartbeatRequest: KafkaStruct {
    /// The group.
    public var groupID = ""
    /// The generation of the group in which the member believes to be.
    public var generationID: Int32 = 0
    /// The member, as the coordinator named it; empty for one that is new.
    public var memberID = ""
    /// The name of a static member, which it keeps over restarts. From version 3 on.
    public var groupInstanceID: String?

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("groupID", &groupID)
        try coder.field("generationID", &generationID)
        try coder.field("memberID", &memberID)
        if coder.version >= 3 { try coder.field("groupInstanceID", &groupInstanceID) }
        try coder.noTags()
    }
}

/// Kafka protocol, Heartbeat response, versions 0-4: tells whether it has to rejoin.
public struct HeartbeatResponse: KafkaStruct {
    /// How long the client is asked to wait before its next request, in milliseconds. From version 1
    /// on.
    public var throttleTimeMs: Int32 = 0
    /// How it went.
    public var errorCode: KafkaErrorCode = .noError

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        if coder.version >= 1 { try coder.field("throttleTimeMs", &throttleTimeMs) }
        try coder.field("errorCode", &errorCode)
        try coder.noTags()
    }
}
