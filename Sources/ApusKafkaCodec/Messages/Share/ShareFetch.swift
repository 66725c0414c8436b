// SPDX-License-Identifier: Apache-2.0

// Kafka protocol, ShareFetch (key 78), versions 1-2, all flexible.

/// Kafka protocol, ShareFetch request, versions 1-2: asks for records of a share group and acknowledges
/// others (KIP-932).
public struct ShareFetchRequest: KafkaStruct {
    /// The group.
    public var groupID: String?
    /// The member, as the coordinator named it; empty for one that is new.
    public var memberID: String?
    /// 0 opens a share session, -1 ends it, otherwise it grows with each request.
    public var shareSessionEpoch: Int32 = 0
    /// How long the server may wait for enough records, in milliseconds.
    public var maxWaitMs: Int32 = 0
    /// How many bytes of records are enough to answer at once.
    public var minBytes: Int32 = 0
    /// How many bytes of records the answer may have.
    public var maxBytes: Int32 = Int32.max
    /// How many records may be handed out.
    public var maxRecords: Int32 = 0
    /// How many records a batch of acquired records should have.
    public var batchSize: Int32 = 0
    /// 0 lets batches decide how many records are handed out, 1 keeps strictly to the limit. From
    /// version 2 on.
    public var shareAcquireMode: Int8 = 0
    /// True when handed-out records are kept for longer. From version 2 on.
    public var isRenewAck = false
    /// The topics.
    public var topics: [Topic] = []
    /// Partitions that leave the session.
    public var forgottenTopicsData: [ForgottenTopic] = []

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("groupID", &groupID)
        try coder.field("memberID", &memberID)
        try coder.field("shareSessionEpoch", &shareSessionEpoch)
        try coder.field("maxWaitMs", &maxWaitMs)
        try coder.field("minBytes", &minBytes)
        try coder.field("maxBytes", &maxBytes)
        try coder.field("maxRecords", &maxRecords)
        try coder.field("batchSize", &batchSize)
        if coder.version >= 2 {
            try coder.field("shareAcquireMode", &shareAcquireMode)
            try coder.field("isRenewAck", &isRenewAck)
        }
        try coder.field("topics", &topics)
        try coder.field("forgottenTopicsData", &forgottenTopicsData)
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

    /// A topic with partitions that leave the session.
    public struct ForgottenTopic: KafkaStruct {
        /// The identity of the topic.
        public var topicID = KafkaUUID()
        /// The partitions.
        public var partitions: [Int32] = []

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("topicID", &topicID)
            try coder.field("partitions", &partitions)
            try coder.noTags()
        }
    }
}

/// Kafka protocol, ShareFetch response, versions 1-2: hands records out.
public struct ShareFetchResponse: KafkaStruct {
    /// How long the client is asked to wait before its next request, in milliseconds.
    public var throttleTimeMs: Int32 = 0
    /// How it went.
    public var errorCode: KafkaErrorCode = .noError
    /// More about the error, for people.
    public var errorMessage: String?
    /// How long records stay handed out, in milliseconds.
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
        try coder.field("acquisitionLockTimeoutMs", &acquisitionLockTimeoutMs)
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
            /// How the acknowledgements went.
            public var acknowledgeErrorCode: KafkaErrorCode = .noError
            /// More about the error of the acknowledgements, for people.
            public var acknowledgeErrorMessage: String?
            /// Who leads the partition, when it is not this broker.
            public var currentLeader = KafkaLeader()
            /// Record batches, as they came or as they lie in the log.
            public var records: RecordData = .null
            /// Which of the records are handed out to this member.
            public var acquiredRecords: [AcquiredRecords] = []

            public init() {}

            public mutating func code<Coder: FieldCoder & ~Copyable>(
                with coder: inout Coder
            ) throws(KafkaCodecError) {
                try coder.field("partitionIndex", &partitionIndex)
                try coder.field("errorCode", &errorCode)
                try coder.field("errorMessage", &errorMessage)
                try coder.field("acknowledgeErrorCode", &acknowledgeErrorCode)
                try coder.field("acknowledgeErrorMessage", &acknowledgeErrorMessage)
                try coder.field("currentLeader", &currentLeader)
                try coder.field("records", &records)
                try coder.field("acquiredRecords", &acquiredRecords)
                try coder.noTags()
            }

            /// A range of offsets that is handed out.
            public struct AcquiredRecords: KafkaStruct {
                /// The first offset.
                public var firstOffset: Int64 = 0
                /// The last offset, which is included.
                public var lastOffset: Int64 = 0
                /// How often the records were handed out, this time included.
                public var deliveryCount: Int16 = 0

                public init() {}

                public mutating func code<Coder: FieldCoder & ~Copyable>(
                    with coder: inout Coder
                ) throws(KafkaCodecError) {
                    try coder.field("firstOffset", &firstOffset)
                    try coder.field("lastOffset", &lastOffset)
                    try coder.field("deliveryCount", &deliveryCount)
                    try coder.noTags()
                }
            }
        }
    }
}
