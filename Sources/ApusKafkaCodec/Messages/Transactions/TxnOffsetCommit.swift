// SPDX-License-Identifier: Apache-2.0

// Kafka protocol, TxnOffsetCommit (key 28), versions 0-5, flexible from 3 on.

/// Kafka protocol, TxnOffsetCommit request, versions 0-5: stores the offsets of a group when a transaction
/// commits.
public struct TxnOffsetCommitRequest: KafkaStruct {
    /// The name under which transactions of a producer survive its restarts.
    public var transactionalID = ""
    /// The group.
    public var groupID = ""
    /// The producer.
    public var producerID: Int64 = 0
    /// The incarnation of the producer; older ones are fenced off.
    public var producerEpoch: Int16 = 0
    /// The generation of the group in which the member believes to be. From version 3 on.
    public var generationID: Int32 = -1
    /// The member, as the coordinator named it; empty for one that is new. From version 3 on.
    public var memberID = ""
    /// The name of a static member, which it keeps over restarts. From version 3 on.
    public var groupInstanceID: String?
    /// The topics.
    public var topics: [Topic] = []

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("transactionalID", &transactionalID)
        try coder.field("groupID", &groupID)
        try coder.field("producerID", &producerID)
        try coder.field("producerEpoch", &producerEpoch)
        if coder.version >= 3 {
            try coder.field("generationID", &generationID)
            try coder.field("memberID", &memberID)
            try coder.field("groupInstanceID", &groupInstanceID)
        }
        try coder.field("topics", &topics)
        try coder.noTags()
    }

    /// A topic.
    public struct Topic: KafkaStruct {
        /// The name of the topic.
        public var name = ""
        /// The partitions.
        public var partitions: [Partition] = []

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("name", &name)
            try coder.field("partitions", &partitions)
            try coder.noTags()
        }

        /// A partition.
        public struct Partition: KafkaStruct {
            /// The partition.
            public var partitionIndex: Int32 = 0
            /// The offset of the next record to read.
            public var committedOffset: Int64 = 0
            /// The leader epoch of the record before; -1 when it is not known. From version 2 on.
            public var committedLeaderEpoch: Int32 = -1
            /// What the client wants to remember with it.
            public var committedMetadata: String?

            public init() {}

            public mutating func code<Coder: FieldCoder & ~Copyable>(
                with coder: inout Coder
            ) throws(KafkaCodecError) {
                try coder.field("partitionIndex", &partitionIndex)
                try coder.field("committedOffset", &committedOffset)
                if coder.version >= 2 { try coder.field("committedLeaderEpoch", &committedLeaderEpoch) }
                try coder.field("committedMetadata", &committedMetadata)
                try coder.noTags()
            }
        }
    }
}

/// Kafka protocol, TxnOffsetCommit response, versions 0-5: tells how it went.
public struct TxnOffsetCommitResponse: KafkaStruct {
    /// How long the client is asked to wait before its next request, in milliseconds.
    public var throttleTimeMs: Int32 = 0
    /// The topics.
    public var topics: [Topic] = []

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("throttleTimeMs", &throttleTimeMs)
        try coder.field("topics", &topics)
        try coder.noTags()
    }

    /// A topic.
    public struct Topic: KafkaStruct {
        /// The name of the topic.
        public var name = ""
        /// The partitions.
        public var partitions: [Partition] = []

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("name", &name)
            try coder.field("partitions", &partitions)
            try coder.noTags()
        }

        /// A partition.
        public struct Partition: KafkaStruct {
            /// The partition.
            public var partitionIndex: Int32 = 0
            /// How it went.
            public var errorCode: KafkaErrorCode = .noError

            public init() {}

            public mutating func code<Coder: FieldCoder & ~Copyable>(
                with coder: inout Coder
            ) throws(KafkaCodecError) {
                try coder.field("partitionIndex", &partitionIndex)
                try coder.field("errorCode", &errorCode)
                try coder.noTags()
            }
        }
    }
}
