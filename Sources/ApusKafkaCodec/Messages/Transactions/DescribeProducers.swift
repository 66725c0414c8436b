// SPDX-License-Identifier: Apache-2.0

// Kafka protocol, DescribeProducers (key 61), version 0, all flexible.

/// Kafka protocol, DescribeProducers request, version 0: asks which producers write to partitions.
public struct DescribeProducersRequest: KafkaStruct {
    /// The topics.
    public var topics: [Topic] = []

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("topics", &topics)
        try coder.noTags()
    }

    /// A topic.
    public struct Topic: KafkaStruct {
        /// The name of the topic.
        public var name = ""
        /// The partitions.
        public var partitionIndexes: [Int32] = []

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("name", &name)
            try coder.field("partitionIndexes", &partitionIndexes)
            try coder.noTags()
        }
    }
}

/// Kafka protocol, DescribeProducers response, version 0: tells them.
public struct DescribeProducersResponse: KafkaStruct {
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
            /// More about the error, for people.
            public var errorMessage: String?
            /// Producers with records that are still remembered.
            public var activeProducers: [Producer] = []

            public init() {}

            public mutating func code<Coder: FieldCoder & ~Copyable>(
                with coder: inout Coder
            ) throws(KafkaCodecError) {
                try coder.field("partitionIndex", &partitionIndex)
                try coder.field("errorCode", &errorCode)
                try coder.field("errorMessage", &errorMessage)
                try coder.field("activeProducers", &activeProducers)
                try coder.noTags()
            }

            /// A producer.
            public struct Producer: KafkaStruct {
                /// The producer.
                public var producerID: Int64 = 0
                /// The incarnation of the producer.
                public var producerEpoch: Int32 = 0
                /// The sequence number of its last record; -1 for none.
                public var lastSequence: Int32 = -1
                /// The time of the last record, in milliseconds since 1970; -1 for none.
                public var lastTimestamp: Int64 = -1
                /// The incarnation of the coordinator.
                public var coordinatorEpoch: Int32 = 0
                /// Where the open transaction begins; -1 for none.
                public var currentTxnStartOffset: Int64 = -1

                public init() {}

                public mutating func code<Coder: FieldCoder & ~Copyable>(
                    with coder: inout Coder
                ) throws(KafkaCodecError) {
                    try coder.field("producerID", &producerID)
                    try coder.field("producerEpoch", &producerEpoch)
                    try coder.field("lastSequence", &lastSequence)
                    try coder.field("lastTimestamp", &lastTimestamp)
                    try coder.field("coordinatorEpoch", &coordinatorEpoch)
                    try coder.field("currentTxnStartOffset", &currentTxnStartOffset)
                    try coder.noTags()
                }
            }
        }
    }
}
