// SPDX-License-Identifier: Apache-2.0

// Kafka protocol, AddPartitionsToTxn (key 24), versions 0-5, flexible from 3 on.

/// Kafka protocol, AddPartitionsToTxn request, versions 0-5: says which partitions a transaction is about
/// to write.
public struct AddPartitionsToTxnRequest: KafkaStruct {
    /// The transactions. From version 4 on.
    public var transactions: [Transaction] = []
    /// The one transaction. Up to version 3.
    public var transactionalID = ""
    /// The producer of the one transaction. Up to version 3.
    public var producerID: Int64 = 0
    /// The incarnation of the producer. Up to version 3.
    public var producerEpoch: Int16 = 0
    /// The topics of the one transaction. Up to version 3.
    public var topics: [Topic] = []

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        if coder.version >= 4 { try coder.field("transactions", &transactions) }
        if coder.version <= 3 {
            try coder.field("transactionalID", &transactionalID)
            try coder.field("producerID", &producerID)
            try coder.field("producerEpoch", &producerEpoch)
            try coder.field("topics", &topics)
        }
        try coder.noTags()
    }

    /// A transaction.
    public struct Transaction: KafkaStruct {
        /// The name under which transactions of a producer survive its restarts.
        public var transactionalID = ""
        /// The producer.
        public var producerID: Int64 = 0
        /// The incarnation of the producer; older ones are fenced off.
        public var producerEpoch: Int16 = 0
        /// Only check that the partitions are in the transaction.
        public var verifyOnly = false
        /// The topics.
        public var topics: [Topic] = []

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("transactionalID", &transactionalID)
            try coder.field("producerID", &producerID)
            try coder.field("producerEpoch", &producerEpoch)
            try coder.field("verifyOnly", &verifyOnly)
            try coder.field("topics", &topics)
            try coder.noTags()
        }
    }

    /// A topic.
    public struct Topic: KafkaStruct {
        /// The name of the topic.
        public var name = ""
        /// The partitions.
        public var partitions: [Int32] = []

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("name", &name)
            try coder.field("partitions", &partitions)
            try coder.noTags()
        }
    }
}

/// Kafka protocol, AddPartitionsToTxn response, versions 0-5: tells how it went.
public struct AddPartitionsToTxnResponse: KafkaStruct {
    /// How long the client is asked to wait before its next request, in milliseconds.
    public var throttleTimeMs: Int32 = 0
    /// How it went. From version 4 on.
    public var errorCode: KafkaErrorCode = .noError
    /// The transactions. From version 4 on.
    public var resultsByTransaction: [Result] = []
    /// The topics of the one transaction. Up to version 3.
    public var resultsByTopic: [TopicResult] = []

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("throttleTimeMs", &throttleTimeMs)
        if coder.version >= 4 {
            try coder.field("errorCode", &errorCode)
            try coder.field("resultsByTransaction", &resultsByTransaction)
        }
        if coder.version <= 3 { try coder.field("resultsByTopic", &resultsByTopic) }
        try coder.noTags()
    }

    /// How it went with one of them.
    public struct Result: KafkaStruct {
        /// The name under which transactions of a producer survive its restarts.
        public var transactionalID = ""
        /// The topics.
        public var topicResults: [TopicResult] = []

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("transactionalID", &transactionalID)
            try coder.field("topicResults", &topicResults)
            try coder.noTags()
        }
    }

    /// How it went with a topic.
    public struct TopicResult: KafkaStruct {
        /// The name of the topic.
        public var name = ""
        /// The partitions.
        public var resultsByPartition: [PartitionResult] = []

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("name", &name)
            try coder.field("resultsByPartition", &resultsByPartition)
            try coder.noTags()
        }

        /// How it went with a partition.
        public struct PartitionResult: KafkaStruct {
            /// The partition.
            public var partitionIndex: Int32 = 0
            /// How it went.
            public var partitionErrorCode: KafkaErrorCode = .noError

            public init() {}

            public mutating func code<Coder: FieldCoder & ~Copyable>(
                with coder: inout Coder
            ) throws(KafkaCodecError) {
                try coder.field("partitionIndex", &partitionIndex)
                try coder.field("partitionErrorCode", &partitionErrorCode)
                try coder.noTags()
            }
        }
    }
}
