// SPDX-License-Identifier: Apache-2.0

// Kafka protocol, DescribeGroups (key 15), versions 0-6, flexible from 5 on.

public import NIOCore

/// Kafka protocol, DescribeGroups request, versions 0-6: asks for groups and their members.
public struct DescribeGroupsRequest: KafkaStruct {
    /// The groups to tell of.
    public var groups: [String] = []
    /// Tell what the client may do with the groups. From version 3 on.
    public var includeAuthorizedOperations = false

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("groups", &groups)
        if coder.version >= 3 {
            try coder.field("includeAuthorizedOperations", &includeAuthorizedOperations)
        }
        try coder.noTags()
    }
}

/// Kafka protocol, DescribeGroups response, versions 0-6: tells them.
public struct DescribeGroupsResponse: KafkaStruct {
    /// How long the client is asked to wait before its next request, in milliseconds. From version 1
    /// on.
    public var throttleTimeMs: Int32 = 0
    /// The groups.
    public var groups: [Group] = []

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        if coder.version >= 1 { try coder.field("throttleTimeMs", &throttleTimeMs) }
        try coder.field("groups", &groups)
        try coder.noTags()
    }

    /// A group.
    public struct Group: KafkaStruct {
        /// How it went.
        public var errorCode: KafkaErrorCode = .noError
        /// More about the error, for people. From version 6 on.
        public var errorMessage: String?
        /// The group.
        public var groupID = ""
        /// The state of the group, in words.
        public var groupState = ""
        /// What kind of group it is: `consumer` for consumers.
        public var protocolType = ""
        /// The protocol that all members agreed on.
        public var protocolData = ""
        /// The members.
        public var members: [Member] = []
        /// What the client may do with the group, as bits; the least number when it did not ask. From
        /// version 3 on.
        public var authorizedOperations: Int32 = Int32.min

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("errorCode", &errorCode)
            if coder.version >= 6 { try coder.field("errorMessage", &errorMessage) }
            try coder.field("groupID", &groupID)
            try coder.field("groupState", &groupState)
            try coder.field("protocolType", &protocolType)
            try coder.field("protocolData", &protocolData)
            try coder.field("members", &members)
            if coder.version >= 3 { try coder.field("authorizedOperations", &authorizedOperations) }
            try coder.noTags()
        }

        /// A member.
        public struct Member: KafkaStruct {
            /// The member, as the coordinator named it; empty for one that is new.
            public var memberID = ""
            /// The name of a static member, which it keeps over restarts. From version 4 on.
            public var groupInstanceID: String?
            /// What the client of the member calls itself.
            public var clientID = ""
            /// Where the member is connected from.
            public var clientHost = ""
            /// What the member said when it joined.
            public var memberMetadata = ByteBuffer()
            /// What the member got.
            public var memberAssignment = ByteBuffer()

            public init() {}

            public mutating func code<Coder: FieldCoder & ~Copyable>(
                with coder: inout Coder
            ) throws(KafkaCodecError) {
                try coder.field("memberID", &memberID)
                if coder.version >= 4 { try coder.field("groupInstanceID", &groupInstanceID) }
                try coder.field("clientID", &clientID)
                try coder.field("clientHost", &clientHost)
                try coder.field("memberMetadata", &memberMetadata)
                try coder.field("memberAssignment", &memberAssignment)
                try coder.noTags()
            }
        }
    }
}
