// SPDX-License-Identifier: Apache-2.0

// Kafka protocol, ShareGroupHeartbeat (key 76), version 1, all flexible.

/// Kafka protocol, ShareGroupHeartbeat request, version 1: joins, stays in and leaves a share group
/// (KIP-932).
public struct ShareGroupHeartbeatRequest: KafkaStruct {
    /// The group.
    public var groupID = ""
    /// The member, as the coordinator named it; empty for one that is new.
    public var memberID = ""
    /// The epoch of the member: 0 joins, -1 leaves, -2 leaves for a while (static members).
    public var memberEpoch: Int32 = 0
    /// Where the client is.
    public var rackID: String?
    /// The topics that the member wants.
    public var subscribedTopicNames: [String]?

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("groupID", &groupID)
        try coder.field("memberID", &memberID)
        try coder.field("memberEpoch", &memberEpoch)
        try coder.field("rackID", &rackID)
        try coder.field("subscribedTopicNames", &subscribedTopicNames)
        try coder.noTags()
    }
}

/// Kafka protocol, ShareGroupHeartbeat response, version 1: tells the assignment.
public struct ShareGroupHeartbeatResponse: KafkaStruct {
    /// How long the client is asked to wait before its next request, in milliseconds.
    public var throttleTimeMs: Int32 = 0
    /// How it went.
    public var errorCode: KafkaErrorCode = .noError
    /// More about the error, for people.
    public var errorMessage: String?
    /// The member, as the coordinator named it; empty for one that is new.
    public var memberID: String?
    /// The epoch of the member: 0 joins, -1 leaves, -2 leaves for a while (static members).
    public var memberEpoch: Int32 = 0
    /// How often the member should send heartbeats, in milliseconds.
    public var heartbeatIntervalMs: Int32 = 0
    /// What the member may read; nil when it has not changed.
    public var assignment: Assignment?

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("throttleTimeMs", &throttleTimeMs)
        try coder.field("errorCode", &errorCode)
        try coder.field("errorMessage", &errorMessage)
        try coder.field("memberID", &memberID)
        try coder.field("memberEpoch", &memberEpoch)
        try coder.field("heartbeatIntervalMs", &heartbeatIntervalMs)
        try coder.field("assignment", &assignment)
        try coder.noTags()
    }

    /// An assignment.
    public struct Assignment: KafkaStruct {
        /// Partitions, by topic.
        public var topicPartitions: [TopicPartitions] = []

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("topicPartitions", &topicPartitions)
            try coder.noTags()
        }

        /// Partitions of a topic.
        public struct TopicPartitions: KafkaStruct {
            /// The identity of the topic.
            public var topicID = KafkaUUID()
            /// The partitions.
            public var partitions: [Int32] = []

            public init() {}

            public mutating func code<Coder: FieldCoder & ~Copyable>(
                with coder: inout Coder
            ) throws(KafkaCodecError) {
                try coder.field("topicID", &topicID)
                try coder.field("partitions", &partitions)
                try coder.noTags()
            }
        }
    }
}
