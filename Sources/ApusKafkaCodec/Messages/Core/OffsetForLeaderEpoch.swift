// SPDX-License-Identifier: Apache-2.0

// Kafka protocol, OffsetForLeaderEpoch (key 23), versions 2-4, flexible from 4 on.

/// Kafka protocol, OffsetForLeaderEpoch request, versions 2-4: asks where leader epochs end.
public struct OffsetForLeaderEpochRequest: KafkaStruct {
    /// The follower that asks; -1 for a consumer, -2 unknown. From version 3 on.
    public var replicaID: Int32 = -2
    /// The topics.
    public var topics: [Topic] = []

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        if coder.version >= 3 { try coder.field("replicaID", &replicaID) }
        try coder.field("topics", &topics)
        try coder.noTags()
    }

    /// A topic.
    public struct Topic: KafkaStruct {
        /// The name of the topic.
        public var topic = ""
        /// The partitions.
        public var partitions: [Partition] = []

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("topic", &topic)
            try coder.field("partitions", &partitions)
            try coder.noTags()
        }

        /// A partition.
        public struct Partition: KafkaStruct {
            /// The partition.
            public var partition: Int32 = 0
            /// The leader epoch that the client knows; -1 for none.
            public var currentLeaderEpoch: Int32 = -1
            /// The epoch whose end is asked for.
            public var leaderEpoch: Int32 = 0

            public init() {}

            public mutating func code<Coder: FieldCoder & ~Copyable>(
                with coder: inout Coder
            ) throws(KafkaCodecError) {
                try coder.field("partition", &partition)
                try coder.field("currentLeaderEpoch", &currentLeaderEpoch)
                try coder.field("leaderEpoch", &leaderEpoch)
                try coder.noTags()
            }
        }
    }
}

/// Kafka protocol, OffsetForLeaderEpoch response, versions 2-4: tells it.
public struct OffsetForLeaderEpochResponse: KafkaStruct {
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
        public var topic = ""
        /// The partitions.
        public var partitions: [EpochEndOffset] = []

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("topic", &topic)
            try coder.field("partitions", &partitions)
            try coder.noTags()
        }

        /// A leader epoch and where it ends.
        public struct EpochEndOffset: KafkaStruct {
            /// How it went.
            public var errorCode: KafkaErrorCode = .noError
            /// The partition.
            public var partition: Int32 = 0
            /// The leader epoch; -1 when it is not known.
            public var leaderEpoch: Int32 = -1
            /// Where the epoch ends; -1 when it is not known.
            public var endOffset: Int64 = -1

            public init() {}

            public mutating func code<Coder: FieldCoder & ~Copyable>(
                with coder: inout Coder
            ) throws(KafkaCodecError) {
                try coder.field("errorCode", &errorCode)
                try coder.field("partition", &partition)
                try coder.field("leaderEpoch", &leaderEpoch)
                try coder.field("endOffset", &endOffset)
                try coder.noTags()
            }
        }
    }
}
