// SPDX-License-Identifier: Apache-2.0

// Kafka protocol, AddPartitionsToTxn (key 24), versions 0-5, flexible from 3 on.

/// Kafka protocol, AddPartitionsToTxn request, versions 0-5: says which partitions a transaction is about
/// to write.
public struct AddPartitionsToTxnRequest: KafkaStruct {
    /// The transactions, from version 4 on.
    public var transactions: [Transaction] = []
    public var transactionalID = ""
    public var producerID: Int64 = 0
    public var producerEpoch: Int16 = 0
    public var topics: [Topic] = []

    public init() {}

    public mutating func code<Coder: FieldCoder>(with coder: inout Coder) throws(KafkaCodecError) {
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
        public var topics: [Topic] = []

        public init() {}

        public mutating func code<Coder: FieldCoder>(with coder: inout Coder) throws(KafkaCodecError) {
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
        public var name = ""
        public var partitions: [Int32] = []

        public init() {}

        public mutating func code<Coder: FieldCoder>(with coder: inout Coder) throws(KafkaCodecError) {
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
    /// How it went.
    public var errorCode: KafkaErrorCode = .noError
    public var resultsByTransaction: [Result] = []
    public var resultsByTopic: [TopicResult] = []

    public init() {}

    public mutating func code<Coder: FieldCoder>(with coder: inout Coder) throws(KafkaCodecError) {
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
        public var topicResults: [TopicResult] = []

        public init() {}

        public mutating func code<Coder: FieldCoder>(with coder: inout Coder) throws(KafkaCodecError) {
            try coder.field("transactionalID", &transactionalID)
            try coder.field("topicResults", &topicResults)
            try coder.noTags()
        }
    }

    /// How it went with a topic.
    public struct TopicResult: KafkaStruct {
        public var name = ""
        public var resultsByPartition: [PartitionResult] = []

        public init() {}

        public mutating func code<Coder: FieldCoder>(with coder: inout Coder) throws(KafkaCodecError) {
            try coder.field("name", &name)
            try coder.field("resultsByPartition", &resultsByPartition)
            try coder.noTags()
        }

        /// How it went with a partition.
        public struct PartitionResult: KafkaStruct {
            public var partitionIndex: Int32 = 0
            public var partitionErrorCode: KafkaErrorCode = .noError

            public init() {}

            public mutating func code<Coder: FieldCoder>(with coder: inout Coder) throws(KafkaCodecError) {
                try coder.field("partitionIndex", &partitionIndex)
                try coder.field("partitionErrorCode", &partitionErrorCode)
                try coder.noTags()
            }
        }
    }
}
