// SPDX-License-Identifier: Apache-2.0

// Kafka protocol, LeaveGroup (key 13), versions 0-5, flexible from 4 on.

/// Kafka protocol, LeaveGroup request, versions 0-5: takes members out of a group.
public struct LeaveGroupRequest: KafkaStruct {
    /// The group.
    public var groupID = ""
    /// The member that leaves. Up to version 2.
    public var memberID = ""
    /// The members that leave. From version 3 on.
    public var members: [Member] = []

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("groupID", &groupID)
        if coder.version <= 2 { try coder.field("memberID", &memberID) }
        if coder.version >= 3 { try coder.field("members", &members) }
        try coder.noTags()
    }

    /// A member.
    public struct Member: KafkaStruct {
        /// The member that leaves.
        public var memberID = ""
        /// The name of a static member, which it keeps over restarts.
        public var groupInstanceID: String?
        /// Why, for people. From version 5 on.
        public var reason: String?

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("memberID", &memberID)
            try coder.field("groupInstanceID", &groupInstanceID)
            if coder.version >= 5 { try coder.field("reason", &reason) }
            try coder.noTags()
        }
    }
}

/// Kafka protocol, LeaveGroup response, versions 0-5: tells how it went.
public struct LeaveGroupResponse: KafkaStruct {
    /// How long the client is asked to wait before its next request, in milliseconds. From version 1
    /// on.
    public var throttleTimeMs: Int32 = 0
    /// How it went.
    public var errorCode: KafkaErrorCode = .noError
    /// The members. From version 3 on.
    public var members: [Member] = []

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        if coder.version >= 1 { try coder.field("throttleTimeMs", &throttleTimeMs) }
        try coder.field("errorCode", &errorCode)
        if coder.version >= 3 { try coder.field("members", &members) }
        try coder.noTags()
    }

    /// A member.
    public struct Member: KafkaStruct {
        /// The member, as the coordinator named it; empty for one that is new.
        public var memberID = ""
        /// The name of a static member, which it keeps over restarts.
        public var groupInstanceID: String?
        /// How it went.
        public var errorCode: KafkaErrorCode = .noError

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("memberID", &memberID)
            try coder.field("groupInstanceID", &groupInstanceID)
            try coder.field("errorCode", &errorCode)
            try coder.noTags()
        }
    }
}
