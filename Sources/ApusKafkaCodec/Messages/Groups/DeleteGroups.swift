// SPDX-License-Identifier: Apache-2.0

// Kafka protocol, DeleteGroups (key 42), versions 0-2, flexible from 2 on.

/// Kafka protocol, DeleteGroups request, versions 0-2: removes groups without members.
public struct DeleteGroupsRequest: KafkaStruct {
    /// The groups to remove.
    public var groupsNames: [String] = []

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("groupsNames", &groupsNames)
        try coder.noTags()
    }
}

/// Kafka protocol, DeleteGroups response, versions 0-2: tells how it went.
public struct DeleteGroupsResponse: KafkaStruct {
    /// How long the client is asked to wait before its next request, in milliseconds.
    public var throttleTimeMs: Int32 = 0
    /// One for each that the request names.
    public var results: [Result] = []

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("throttleTimeMs", &throttleTimeMs)
        try coder.field("results", &results)
        try coder.noTags()
    }

    /// How it went with one of them.
    public struct Result: KafkaStruct {
        /// The group.
        public var groupID = ""
        /// How it went.
        public var errorCode: KafkaErrorCode = .noError

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("groupID", &groupID)
            try coder.field("errorCode", &errorCode)
            try coder.noTags()
        }
    }
}
