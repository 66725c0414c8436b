// SPDX-License-Identifier: Apache-2.0

// Kafka protocol, ShareAcknowledge (key 79), versions 1-2, all flexible.

/// Kafka protocol, ShareAcknowledge request, versions 1-2: says what became of records of a share group
/// (KIP-932).
public struct ShareAcknowledgeRequest: KafkaStruct {
    /// The group.
    public var groupID: String?
    /// The member, as the coordinator named it; empty for one that is new.
    public var memberID: String?
    /// 0 opens a share session, -1 ends it, otherwise it grows with each request.
    public var shareSessionEpoch: Int32 = 0
    /// True when handed-out records are kept for longer. From version 2 on.
    public var isRenewAck = false
    /// The topics.
    public var topics: [Topic] = []

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("groupID", &groupID)
        try coder.field("memberID", &memberID)
        try coder.field("shareSessionEpoch", &shareSessionEpoch)
        if coder.version >= 2 { try coder.field("isRenewAck", &isRenewAck) }
        try coder.field("topics", &topics)
        try coder.noTags()
    }

    /// A topic.
    public struct Topic: KafkaStruct {
        /// The identity of the topic.
        public var topicID = KafkaUUID()
        /// The partitions.
        public var partitions: [Partition] = []

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("topicID", &topicID)
            try coder.field("partitions", &partitions)
            try coder.noTags()
        }

        /// A partition.
        public struct Partition: KafkaStruct {
            /// The partition.
            public var partitionIndex: Int32 = 0
            /// What became of records that were handed out.
            public var acknowledgementBatches: [AcknowledgementBatch] = []

            public init() {}

            public mutating func code<Coder: FieldCoder & ~Copyable>(
                with coder: inout Coder
            ) throws(KafkaCodecError) {
                try coder.field("partitionIndex", &partitionIndex)
                try coder.field("acknowledgementBatches", &acknowledgementBatches)
                try coder.noTags()
            }

            /// What became of a range of offsets.
            public struct AcknowledgementBatch: KafkaStruct {
                /// The first offset.
                public var firstOffset: Int64 = 0
                /// The last offset, which is included.
                public var lastOffset: Int64 = 0
                /// What became of each of the offsets, or of all when it is one: 0 gap, 1 accept, 2
                /// release, 3 reject, 4 renew.
                public var acknowledgeTypes: [Int8] = []

                public init() {}

                public mutating func code<Coder: FieldCoder & ~Copyable>(
                    with coder: inout Coder
                ) throws(KafkaCodecError) {
                    try coder.field("firstOffset", &firstOffset)
                    try coder.field("lastOffset", &lastOffset)
                    try coder.field("acknowledgeTypes", &acknowledgeTypes)
                    try coder.noTags()
                }
            }
        }
    }
}

/// Kafka protocol, ShareAcknowledge response, versions 1-2: tells how it went.
public struct ShareAcknowledgeResponse: KafkaStruct {
    /// How long the client is asked to wait before its next request, in milliseconds.
    public var throttleTimeMs: Int32 = 0
    /// How it went.
    public var errorCode: KafkaErrorCode = .noError
    /// More about the error, for people.
    public var errorMessage: String?
    /// How long records stay handed out, in milliseconds. From version 2 on.
    public var acquisitionLockTimeoutMs: Int32 = 0
    /// One for each that the request names.
    public var responses: [Topic] = []
    /// Addresses of the leaders that the answer names.
    public var nodeEndpoints: [KafkaNodeEndpoint] = []

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("throttleTimeMs", &throttleTimeMs)
        try coder.field("errorCode", &errorCode)
        try coder.field("errorMessage", &errorMessage)
        if coder.version >= 2 { try coder.field("acquisitionLockTimeoutMs", &acquisitionLockTimeoutMs) }
        try coder.field("responses", &responses)
        try coder.field("nodeEndpoints", &nodeEndpoints)
        try coder.noTags()
    }

    /// A topic.
    public struct Topic: KafkaStruct {
        /// The identity of the topic.
        public var topicID = KafkaUUID()
        /// The partitions.
        public var partitions: [Partition] = []

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("topicID", &topicID)
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
            /// Who leads the partition, when it is not this broker.
            public var currentLeader = KafkaLeader()

            public init() {}

            public mutating func code<Coder: FieldCoder & ~Copyable>(
                with coder: inout Coder
            ) throws(KafkaCodecError) {
                try coder.field("partitionIndex", &partitionIndex)
                try coder.field("errorCode", &errorCode)
                try coder.field("errorMessage", &errorMessage)
                try coder.field("currentLeader", &currentLeader)
                try coder.noTags()
            }
        }
    }
}
