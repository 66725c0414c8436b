// SPDX-License-Identifier: Apache-2.0

// Kafka protocol, DescribeShareGroupOffsets (key 90), version 0, flexible.

/// Kafka protocol, DescribeShareGroupOffsets request, version 0: asks how far share groups have come
/// (KIP-932).
public struct DescribeShareGroupOffsetsRequest: KafkaStruct {
    /// The groups.
    public var groups: [Group] = []

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("groups", &groups)
        try coder.noTags()
    }

    /// A group.
    public struct Group: KafkaStruct {
        /// The group.
        public var groupID = ""
        /// The topics; nil for all.
        public var topics: [Topic]?

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("groupID", &groupID)
            try coder.field("topics", &topics)
            try coder.noTags()
        }

        /// A topic.
        public struct Topic: KafkaStruct {
            /// The name of the topic.
            public var topicName = ""
            /// The partitions.
            public var partitions: [Int32] = []

            public init() {}

            public mutating func code<Coder: FieldCoder & ~Copyable>(
                with coder: inout Coder
            ) throws(KafkaCodecError) {
                try coder.field("topicName", &topicName)
                try coder.field("partitions", &partitions)
                try coder.noTags()
            }
        }
    }
}

/// Kafka protocol, DescribeShareGroupOffsets response, version 0: tells it.
public struct DescribeShareGroupOffsetsResponse: KafkaStruct {
    /// How long the client is asked to wait before its next request, in milliseconds.
    public var throttleTimeMs: Int32 = 0
    /// The groups.
    public var groups: [Group] = []

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("throttleTimeMs", &throttleTimeMs)
        try coder.field("groups", &groups)
        try coder.noTags()
    }

    /// A group.
    public struct Group: KafkaStruct {
        /// The group.
        public var groupID = ""
        /// The topics.
        public var topics: [Topic] = []
        /// How it went.
        public var errorCode: KafkaErrorCode = .noError
        /// More about the error, for people.
        public var errorMessage: String?

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("groupID", &groupID)
            try coder.field("topics", &topics)
            try coder.field("errorCode", &errorCode)
            try coder.field("errorMessage", &errorMessage)
            try coder.noTags()
        }

        /// A topic.
        public struct Topic: KafkaStruct {
            /// The name of the topic.
            public var topicName = ""
            /// The identity of the topic.
            public var topicID = KafkaUUID()
            /// The partitions.
            public var partitions: [Partition] = []

            public init() {}

            public mutating func code<Coder: FieldCoder & ~Copyable>(
                with coder: inout Coder
            ) throws(KafkaCodecError) {
                try coder.field("topicName", &topicName)
                try coder.field("topicID", &topicID)
                try coder.field("partitions", &partitions)
                try coder.noTags()
            }

            /// A partition.
            public struct Partition: KafkaStruct {
                /// The partition.
                public var partitionIndex: Int32 = 0
                /// Everything before it is done with; -1 where the group has not begun.
                public var startOffset: Int64 = 0
                /// The epoch of the partition's leader.
                public var leaderEpoch: Int32 = 0
                /// How it went.
                public var errorCode: KafkaErrorCode = .noError
                /// More about the error, for people.
                public var errorMessage: String?

                public init() {}

                public mutating func code<Coder: FieldCoder & ~Copyable>(
                    with coder: inout Coder
                ) throws(KafkaCodecError) {
                    try coder.field("partitionIndex", &partitionIndex)
                    try coder.field("startOffset", &startOffset)
                    try coder.field("leaderEpoch", &leaderEpoch)
                    try coder.field("errorCode", &errorCode)
                    try coder.field("errorMessage", &errorMessage)
                    try coder.noTags()
                }
            }
        }
    }
}
