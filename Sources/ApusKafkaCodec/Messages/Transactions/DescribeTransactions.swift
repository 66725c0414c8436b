// SPDX-License-Identifier: Apache-2.0

// Kafka protocol, DescribeTransactions (key 65), version 0, all flexible.

/// Kafka protocol, DescribeTransactions request, version 0: asks for transactions.
public struct DescribeTransactionsRequest: KafkaStruct {
    /// The transactions to tell of.
    public var transactionalIDs: [String] = []

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("transactionalIDs", &transactionalIDs)
        try coder.noTags()
    }
}

/// Kafka protocol, DescribeTransactions response, version 0: tells them.
public struct DescribeTransactionsResponse: KafkaStruct {
    /// How long the client is asked to wait before its next request, in milliseconds.
    public var throttleTimeMs: Int32 = 0
    /// The transactions.
    public var transactionStates: [Transaction] = []

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("throttleTimeMs", &throttleTimeMs)
        try coder.field("transactionStates", &transactionStates)
        try coder.noTags()
    }

    /// A transaction.
    public struct Transaction: KafkaStruct {
        /// How it went.
        public var errorCode: KafkaErrorCode = .noError
        /// The name under which transactions of a producer survive its restarts.
        public var transactionalID = ""
        /// The state of the transaction, in words.
        public var transactionState = ""
        /// How long a transaction may stay open, in milliseconds.
        public var transactionTimeoutMs: Int32 = 0
        /// When it began, in milliseconds since 1970.
        public var transactionStartTimeMs: Int64 = 0
        /// The producer.
        public var producerID: Int64 = 0
        /// The incarnation of the producer; older ones are fenced off.
        public var producerEpoch: Int16 = 0
        /// The topics.
        public var topics: [Topic] = []

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("errorCode", &errorCode)
            try coder.field("transactionalID", &transactionalID)
            try coder.field("transactionState", &transactionState)
            try coder.field("transactionTimeoutMs", &transactionTimeoutMs)
            try coder.field("transactionStartTimeMs", &transactionStartTimeMs)
            try coder.field("producerID", &producerID)
            try coder.field("producerEpoch", &producerEpoch)
            try coder.field("topics", &topics)
            try coder.noTags()
        }

        /// A topic.
        public struct Topic: KafkaStruct {
            /// The name of the topic.
            public var topic = ""
            /// The partitions.
            public var partitions: [Int32] = []

            public init() {}

            public mutating func code<Coder: FieldCoder & ~Copyable>(
                with coder: inout Coder
            ) throws(KafkaCodecError) {
                try coder.field("topic", &topic)
                try coder.field("partitions", &partitions)
                try coder.noTags()
            }
        }
    }
}
