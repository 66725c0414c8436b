// SPDX-License-Identifier: Apache-2.0

// Kafka protocol, ListTransactions (key 66), versions 0-2, all flexible.

/// Kafka protocol, ListTransactions request, versions 0-2: asks which transactions there are.
public struct ListTransactionsRequest: KafkaStruct {
    /// Only transactions in these states; empty for all.
    public var stateFilters: [String] = []
    /// Only transactions of these producers; empty for all.
    public var producerIDFilters: [Int64] = []
    /// Only transactions open for longer, in milliseconds; -1 for all. From version 1 on.
    public var durationFilter: Int64 = -1
    /// Only transactional ids that match this regular expression. From version 2 on.
    public var transactionalIDPattern: String?

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("stateFilters", &stateFilters)
        try coder.field("producerIDFilters", &producerIDFilters)
        if coder.version >= 1 { try coder.field("durationFilter", &durationFilter) }
        if coder.version >= 2 { try coder.field("transactionalIDPattern", &transactionalIDPattern) }
        try coder.noTags()
    }
}

/// Kafka protocol, ListTransactions response, versions 0-2: tells them.
public struct ListTransactionsResponse: KafkaStruct {
    /// How long the client is asked to wait before its next request, in milliseconds.
    public var throttleTimeMs: Int32 = 0
    /// How it went.
    public var errorCode: KafkaErrorCode = .noError
    /// States that the server does not know.
    public var unknownStateFilters: [String] = []
    /// The transactions.
    public var transactionStates: [Transaction] = []

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("throttleTimeMs", &throttleTimeMs)
        try coder.field("errorCode", &errorCode)
        try coder.field("unknownStateFilters", &unknownStateFilters)
        try coder.field("transactionStates", &transactionStates)
        try coder.noTags()
    }

    /// A transaction.
    public struct Transaction: KafkaStruct {
        /// The name under which transactions of a producer survive its restarts.
        public var transactionalID = ""
        /// The producer.
        public var producerID: Int64 = 0
        /// The state of the transaction, in words.
        public var transactionState = ""

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("transactionalID", &transactionalID)
            try coder.field("producerID", &producerID)
            try coder.field("transactionState", &transactionState)
            try coder.noTags()
        }
    }
}
