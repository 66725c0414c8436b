// SPDX-License-Identifier: Apache-2.0

// Kafka protocol, ListGroups (key 16), versions 0-5, flexible from 3 on.

/// Kafka protocol, ListGroups request, versions 0-5: asks which groups there are.
public struct ListGroupsRequest: KafkaStruct {
    /// Only groups in these states; empty for all. From version 4 on.
    public var statesFilter: [String] = []
    /// Only groups of these types; empty for all. From version 5 on.
    public var typesFilter: [String] = []

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        if coder.version >= 4 { try coder.field("statesFilter", &statesFilter) }
        if coder.version >= 5 { try coder.field("typesFilter", &typesFilter) }
        try coder.noTags()
    }
}

/// Kafka protocol, ListGroups response, versions 0-5: tells them.
public struct ListGroupsResponse: KafkaStruct {
    /// How long the client is asked to wait before its next request, in milliseconds. From version 1
    /// on.
    public var throttleTimeMs: Int32 = 0
    /// How it went.
    public var errorCode: KafkaErrorCode = .noError
    /// The groups.
    public var groups: [Group] = []

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        if coder.version >= 1 { try coder.field("throttleTimeMs", &throttleTimeMs) }
        try coder.field("errorCode", &errorCode)
        try coder.field("groups", &groups)
        try coder.noTags()
    }

    /// A group.
    public struct Group: KafkaStruct {
        /// The group.
        public var groupID = ""
        /// What kind of group it is: `consumer` for consumers.
        public var protocolType = ""
        /// The state of the group, in words. From version 4 on.
        public var groupState = ""
        /// The type of the group, in words. From version 5 on.
        public var groupType = ""

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("groupID", &groupID)
            try coder.field("protocolType", &protocolType)
            if coder.version >= 4 { try coder.field("groupState", &groupState) }
            if coder.version >= 5 { try coder.field("groupType", &groupType) }
            try coder.noTags()
        }
    }
}
