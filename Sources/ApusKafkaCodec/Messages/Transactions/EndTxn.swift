// SPDX-License-Identifier: Apache-2.0

// Kafka protocol, EndTxn (key 26), versions 0-5, flexible from 3 on.

/// Kafka protocol, EndTxn request, versions 0-5: commits or aborts a transaction.
public struct EndTxnRequest: KafkaStruct {
    /// The name under which transactions of a producer survive its restarts.
    public var transactionalID = ""
    /// The producer.
    public var producerID: Int64 = 0
    /// The incarnation of the producer; older ones are fenced off.
    public var producerEpoch: Int16 = 0
    /// True commits, false aborts.
    public var committed = false

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("transactionalID", &transactionalID)
        try coder.field("producerID", &producerID)
        try coder.field("producerEpoch", &producerEpoch)
        try coder.field("committed", &committed)
        try coder.noTags()
    }
}

/// Kafka protocol, EndTxn response, versions 0-5: tells how it went.
public struct EndTxnResponse: KafkaStruct {
    /// How long the client is asked to wait before its next request, in milliseconds.
    public var throttleTimeMs: Int32 = 0
    /// How it went.
    public var errorCode: KafkaErrorCode = .noError
    /// The id to go on with; -1 when it stays. From version 5 on.
    public var producerID: Int64 = -1
    /// The epoch to go on with; -1 when it stays. From version 5 on.
    public var producerEpoch: Int16 = -1

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("throttleTimeMs", &throttleTimeMs)
        try coder.field("errorCode", &errorCode)
        if coder.version >= 5 {
            try coder.field("producerID", &producerID)
            try coder.field("producerEpoch", &producerEpoch)
        }
        try coder.noTags()
    }
}
