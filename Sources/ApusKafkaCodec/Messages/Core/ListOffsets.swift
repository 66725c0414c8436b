// SPDX-License-Identifier: Apache-2.0

// Kafka protocol, ListOffsets (key 2), versions 1-10, flexible from 6 on.

/// Kafka protocol, ListOffsets request, versions 1-10: asks for offsets by time, or where a partition
/// begins and ends.
public struct ListOffsetsRequest: KafkaStruct {
    /// The follower that asks; -1 for a consumer.
    public var replicaID: Int32 = 0
    /// 0 sees all records, 1 only those of committed transactions. From version 2 on.
    public var isolationLevel: Int8 = 0
    /// The topics.
    public var topics: [Topic] = []
    /// How long the server may look, in milliseconds. From version 10 on.
    public var timeoutMs: Int32 = 0

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("replicaID", &replicaID)
        if coder.version >= 2 { try coder.field("isolationLevel", &isolationLevel) }
        try coder.field("topics", &topics)
        if coder.version >= 10 { try coder.field("timeoutMs", &timeoutMs) }
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
            /// The leader epoch that the client knows; -1 for none. From version 4 on.
            public var currentLeaderEpoch: Int32 = -1
            /// A time in milliseconds since 1970, or -1 the end, -2 the start, -3 the record of the
            /// latest time.
            public var timestamp: Int64 = 0

            public init() {}

            public mutating func code<Coder: FieldCoder & ~Copyable>(
                with coder: inout Coder
            ) throws(KafkaCodecError) {
                try coder.field("partitionIndex", &partitionIndex)
                if coder.version >= 4 { try coder.field("currentLeaderEpoch", &currentLeaderEpoch) }
                try coder.field("timestamp", &timestamp)
                try coder.noTags()
            }
        }
    }
}

/// Kafka protocol, ListOffsets response, versions 1-10: tells them.
public struct ListOffsetsResponse: KafkaStruct {
    /// How long the client is asked to wait before its next request, in milliseconds. From version 2
    /// on.
    public var throttleTimeMs: Int32 = 0
    /// The topics.
    public var topics: [Topic] = []

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        if coder.version >= 2 { try coder.field("throttleTimeMs", &throttleTimeMs) }
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
            /// The time of the record that was found; -1 for none.
            public var timestamp: Int64 = -1
            /// Its offset; -1 for none.
            public var offset: Int64 = -1
            /// The leader epoch; -1 when it is not known. From version 4 on.
            public var leaderEpoch: Int32 = -1

            public init() {}

            public mutating func code<Coder: FieldCoder & ~Copyable>(
                with coder: inout Coder
            ) throws(KafkaCodecError) {
                try coder.field("partitionIndex", &partitionIndex)
                try coder.field("errorCode", &errorCode)
                try coder.field("timestamp", &timestamp)
                try coder.field("offset", &offset)
                if coder.version >= 4 { try coder.field("leaderEpoch", &leaderEpoch) }
                try coder.noTags()
            }
        }
    }
}
