// SPDX-License-Identifier: Apache-2.0

// Kafka protocol, AddOffsetsToTxn (key 25), versions 0-4, flexible from 3 on.

/// Kafka protocol, AddOffsetsToTxn request, versions 0-4: says that a transaction is about to commit a
/// group's offsets.
public struct AddOffsetsToTxnRequest: KafkaStruct {
    /// The name under which transactions of a producer survive its restarts.
    public var transactionalID = ""
    /// The producer.
    public var producerID: Int64 = 0
    /// The incarnation of the producer; older ones are fenced off.
    public var producerEpoch: Int16 = 0
    /// The group.
    public var groupID = ""

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("transactionalID", &transactionalID)
        try coder.field("producerID", &producerID)
        try coder.field("producerEpoch", &producerEpoch)
        try coder.field("groupID", &groupID)
        try coder.noTags()
    }
}

/// Kafka protocol, AddOffsetsToTxn response, versions 0-4: tells how it went.
public struct AddOffsetsToTxnResponse: KafkaStruct {
    /// How long the client is asked to wait before its next request, in milliseconds.
    public var throttleTimeMs: Int32 = 0
    /// How it went.
    public var errorCode: KafkaErrorCode = .noError

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("throttleTimeMs", &throttleTimeMs)
        try coder.field("errorCode", &errorCode)
        try coder.noTags()
    }
}
