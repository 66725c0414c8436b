// SPDX-License-Identifier: Apache-2.0

// Kafka protocol, InitProducerId (key 22), versions 0-5, flexible from 2 on.

/// Kafka protocol, InitProducerId request, versions 0-5: asks for a producer id, and ends what the producer
/// had begun before.
public struct InitProducerIDRequest: KafkaStruct {
    /// The name under which transactions of a producer survive its restarts.
    public var transactionalID: String?
    /// How long a transaction may stay open, in milliseconds.
    public var transactionTimeoutMs: Int32 = 0
    /// The id the producer has; -1 for none. From version 3 on.
    public var producerID: Int64 = -1
    /// The epoch the producer has; -1 for none. From version 3 on.
    public var producerEpoch: Int16 = -1

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("transactionalID", &transactionalID)
        try coder.field("transactionTimeoutMs", &transactionTimeoutMs)
        if coder.version >= 3 {
            try coder.field("producerID", &producerID)
            try coder.field("producerEpoch", &producerEpoch)
        }
        try coder.noTags()
    }
}

/// Kafka protocol, InitProducerId response, versions 0-5: tells id and epoch.
public struct InitProducerIDResponse: KafkaStruct {
    /// How long the client is asked to wait before its next request, in milliseconds.
    public var throttleTimeMs: Int32 = 0
    /// How it went.
    public var errorCode: KafkaErrorCode = .noError
    /// The producer.
    public var producerID: Int64 = -1
    /// The incarnation of the producer; older ones are fenced off.
    public var producerEpoch: Int16 = 0

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("throttleTimeMs", &throttleTimeMs)
        try coder.field("errorCode", &errorCode)
        try coder.field("producerID", &producerID)
        try coder.field("producerEpoch", &producerEpoch)
        try coder.noTags()
    }
}
