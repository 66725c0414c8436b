// SPDX-License-Identifier: Apache-2.0

// Kafka protocol, OffsetCommit (key 8), versions 2-9, flexible from 8 on.

/// Kafka protocol, OffsetCommit request, versions 2-9: stores the offsets of a group.
public struct OffsetCommitRequest: KafkaStruct {
    /// The group.
    public var groupID = ""
    /// The generation (classic protocol) or member epoch; -1 without a membership.
    public var generationIDOrMemberEpoch: Int32 = -1
    /// The member, as the coordinator named it; empty for one that is new.
    public var memberID = ""
    /// The name of a static member, which it keeps over restarts. From version 7 on.
    public var groupInstanceID: String?
    /// How long to keep it, in milliseconds; -1 for as long as the server does. Up to version 4.
    public var retentionTimeMs: Int64 = -1
    /// The topics.
    public var topics: [Topic] = []

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("groupID", &groupID)
        try coder.field("generationIDOrMemberEpoch", &generationIDOrMemberEpoch)
        try coder.field("memberID", &memberID)
        if coder.version >= 7 { try coder.field("groupInstanceID", &groupInstanceID) }
        if coder.version <= 4 { try coder.field("retentionTimeMs", &retentionTimeMs) }
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
            /// The leader epoch of the record before; -1 when it is not known. From version 6 on.
            public var committedLeaderEpoch: Int32 = -1
            /// What the client wants to remember with it.
            public var committedMetadata: String?

            public init() {}

            public mutating func code<Coder: FieldCoder & ~Copyable>(
                with coder: inout Coder
            ) throws(KafkaCodecError) {
                try coder.field("partitionIndex", &partitionIndex)
                try coder.field("committedOffset", &committedOffset)
                if coder.version >= 6 { try coder.field("committedLeaderEpoch", &committedLeaderEpoch) }
                try coder.field("committedMetadata", &committedMetadata)
                try coder.noTags()
            }
        }
    }
}

/// Kafka protocol, OffsetCommit response, versions 2-9: tells how it went.
public struct OffsetCommitResponse: KafkaStruct {
    /// How long the client is asked to wait before its next request, in milliseconds. From version 3
    /// on.
    public var throttleTimeMs: Int32 = 0
    /// The topics.
    public var topics: [Topic] = []

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        if coder.version >= 3 { try coder.field("throttleTimeMs", &throttleTimeMs) }
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
