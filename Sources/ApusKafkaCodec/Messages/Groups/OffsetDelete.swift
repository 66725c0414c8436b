// SPDX-License-Identifier: Apache-2.0

// Kafka protocol, OffsetDelete (key 47), version 0.

/// Kafka protocol, OffsetDelete request, version 0: removes committed offsets of a group.
public struct OffsetDeleteRequest: KafkaStruct {
    /// The group.
    public var groupID = ""
    /// The topics.
    public var topics: [Topic] = []

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("groupID", &groupID)
        try coder.field("topics", &topics)
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
        }

        /// A partition.
        public struct Partition: KafkaStruct {
            /// The partition.
            public var partitionIndex: Int32 = 0

            public init() {}

            public mutating func code<Coder: FieldCoder & ~Copyable>(
                with coder: inout Coder
            ) throws(KafkaCodecError) {
                try coder.field("partitionIndex", &partitionIndex)
            }
        }
    }
}

/// Kafka protocol, OffsetDelete response, version 0: tells how it went.
public struct OffsetDeleteResponse: KafkaStruct {
    /// How it went.
    public var errorCode: KafkaErrorCode = .noError
    /// How long the client is asked to wait before its next request, in milliseconds.
    public var throttleTimeMs: Int32 = 0
    /// The topics.
    public var topics: [Topic] = []

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("errorCode", &errorCode)
        try coder.field("throttleTimeMs", &throttleTimeMs)
        try coder.field("topics", &topics)
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
            }
        }
    }
}
