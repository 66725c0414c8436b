// SPDX-License-Identifier: Apache-2.0

// Kafka protocol, DescribeTopicPartitions (key 75), version 0, all flexible.

/// Kafka protocol, DescribeTopicPartitions request, version 0: asks for partitions, page by page.
public struct DescribeTopicPartitionsRequest: KafkaStruct {
    /// The topics.
    public var topics: [Topic] = []
    /// How many partitions the answer may have.
    public var responsePartitionLimit: Int32 = 2000
    /// Where to go on.
    public var cursor: Cursor?

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("topics", &topics)
        try coder.field("responsePartitionLimit", &responsePartitionLimit)
        try coder.field("cursor", &cursor)
        try coder.noTags()
    }

    /// A topic.
    public struct Topic: KafkaStruct {
        /// The name of the topic.
        public var name = ""

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("name", &name)
            try coder.noTags()
        }
    }

    /// A place in the list of partitions.
    public struct Cursor: KafkaStruct {
        /// The name of the topic.
        public var topicName = ""
        /// The partition.
        public var partitionIndex: Int32 = 0

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("topicName", &topicName)
            try coder.field("partitionIndex", &partitionIndex)
            try coder.noTags()
        }
    }
}

/// Kafka protocol, DescribeTopicPartitions response, version 0: tells them.
public struct DescribeTopicPartitionsResponse: KafkaStruct {
    /// How long the client is asked to wait before its next request, in milliseconds.
    public var throttleTimeMs: Int32 = 0
    /// The topics.
    public var topics: [Topic] = []
    /// Where to go on; nil at the end.
    public var nextCursor: Cursor?

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("throttleTimeMs", &throttleTimeMs)
        try coder.field("topics", &topics)
        try coder.field("nextCursor", &nextCursor)
        try coder.noTags()
    }

    /// A topic.
    public struct Topic: KafkaStruct {
        /// How it went.
        public var errorCode: KafkaErrorCode = .noError
        /// The name of the topic.
        public var name: String?
        /// The identity of the topic.
        public var topicID = KafkaUUID()
        /// True for topics of the broker itself.
        public var isInternal = false
        /// The partitions.
        public var partitions: [Partition] = []
        /// What the client may do with the topic, as bits; the least number when it did not ask.
        public var topicAuthorizedOperations: Int32 = Int32.min

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("errorCode", &errorCode)
            try coder.field("name", &name)
            try coder.field("topicID", &topicID)
            try coder.field("isInternal", &isInternal)
            try coder.field("partitions", &partitions)
            try coder.field("topicAuthorizedOperations", &topicAuthorizedOperations)
            try coder.noTags()
        }

        /// A partition.
        public struct Partition: KafkaStruct {
            /// How it went.
            public var errorCode: KafkaErrorCode = .noError
            /// The partition.
            public var partitionIndex: Int32 = 0
            /// The broker that leads the partition; -1 when there is none.
            public var leaderID: Int32 = 0
            /// The leader epoch; -1 when it is not known.
            public var leaderEpoch: Int32 = -1
            /// The brokers that hold the partition.
            public var replicaNodes: [Int32] = []
            /// Those of them that are in step with the leader.
            public var isrNodes: [Int32] = []
            /// Those that may lead though they are not in step.
            public var eligibleLeaderReplicas: [Int32]?
            /// Those that could lead when the partition was last seen.
            public var lastKnownElr: [Int32]?
            /// Those of them that are away.
            public var offlineReplicas: [Int32] = []

            public init() {}

            public mutating func code<Coder: FieldCoder & ~Copyable>(
                with coder: inout Coder
            ) throws(KafkaCodecError) {
                try coder.field("errorCode", &errorCode)
                try coder.field("partitionIndex", &partitionIndex)
                try coder.field("leaderID", &leaderID)
                try coder.field("leaderEpoch", &leaderEpoch)
                try coder.field("replicaNodes", &replicaNodes)
                try coder.field("isrNodes", &isrNodes)
                try coder.field("eligibleLeaderReplicas", &eligibleLeaderReplicas)
                try coder.field("lastKnownElr", &lastKnownElr)
                try coder.field("offlineReplicas", &offlineReplicas)
                try coder.noTags()
            }
        }
    }

    /// A place in the list of partitions.
    public struct Cursor: KafkaStruct {
        /// The name of the topic.
        public var topicName = ""
        /// The partition.
        public var partitionIndex: Int32 = 0

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("topicName", &topicName)
            try coder.field("partitionIndex", &partitionIndex)
            try coder.noTags()
        }
    }
}
