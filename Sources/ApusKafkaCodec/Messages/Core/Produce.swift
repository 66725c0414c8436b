// SPDX-License-Identifier: Apache-2.0

// Kafka protocol, Produce (key 0), versions 3-13, flexible from 9 on.

/// Kafka protocol, Produce request, versions 3-13: brings record batches.
public struct ProduceRequest: KafkaStruct {
    /// The name under which transactions of a producer survive its restarts.
    public var transactionalID: String?
    /// Which acknowledgement is wanted: 0 none, 1 and -1 one.
    public var acks: Int16 = 0
    /// How long the server may take, in milliseconds.
    public var timeoutMs: Int32 = 0
    /// The topics.
    public var topicData: [Topic] = []

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("transactionalID", &transactionalID)
        try coder.field("acks", &acks)
        try coder.field("timeoutMs", &timeoutMs)
        try coder.field("topicData", &topicData)
        try coder.noTags()
    }

    /// A topic.
    public struct Topic: KafkaStruct {
        /// The name of the topic. Up to version 12.
        public var name = ""
        /// The identity of the topic. From version 13 on.
        public var topicID = KafkaUUID()
        /// The partitions.
        public var partitionData: [Partition] = []

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            if coder.version <= 12 { try coder.field("name", &name) }
            if coder.version >= 13 { try coder.field("topicID", &topicID) }
            try coder.field("partitionData", &partitionData)
            try coder.noTags()
        }

        /// A partition.
        public struct Partition: KafkaStruct {
            /// The partition.
            public var index: Int32 = 0
            /// Record batches, as they came or as they lie in the log.
            public var records: RecordData = .null

            public init() {}

            public mutating func code<Coder: FieldCoder & ~Copyable>(
                with coder: inout Coder
            ) throws(KafkaCodecError) {
                try coder.field("index", &index)
                try coder.field("records", &records)
                try coder.noTags()
            }
        }
    }
}

/// Kafka protocol, Produce response, versions 3-13: tells where they went.
public struct ProduceResponse: KafkaStruct {
    /// One for each that the request names.
    public var responses: [Topic] = []
    /// How long the client is asked to wait before its next request, in milliseconds.
    public var throttleTimeMs: Int32 = 0
    /// Addresses of the leaders that the answer names. From version 10 on.
    public var nodeEndpoints: [KafkaNodeEndpoint] = []

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("responses", &responses)
        try coder.field("throttleTimeMs", &throttleTimeMs)
        guard coder.isFlexible else { return }
        var tags = try coder.openTags()
        if coder.version >= 10 { try coder.tag(0, in: &tags, "nodeEndpoints", &nodeEndpoints, default: []) }
        try coder.closeTags(tags)
    }

    /// A topic.
    public struct Topic: KafkaStruct {
        /// The name of the topic. Up to version 12.
        public var name = ""
        /// The identity of the topic. From version 13 on.
        public var topicID = KafkaUUID()
        /// The partitions.
        public var partitionResponses: [Partition] = []

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            if coder.version <= 12 { try coder.field("name", &name) }
            if coder.version >= 13 { try coder.field("topicID", &topicID) }
            try coder.field("partitionResponses", &partitionResponses)
            try coder.noTags()
        }

        /// A partition.
        public struct Partition: KafkaStruct {
            /// The partition.
            public var index: Int32 = 0
            /// How it went.
            public var errorCode: KafkaErrorCode = .noError
            /// The offset of the first record; -1 after an error.
            public var baseOffset: Int64 = 0
            /// When the records were appended, if the topic stamps them; otherwise -1.
            public var logAppendTimeMs: Int64 = -1
            /// The first offset that is still there; -1 when it is not known. From version 5 on.
            public var logStartOffset: Int64 = -1
            /// The records that are to blame. From version 8 on.
            public var recordErrors: [RecordError] = []
            /// More about the error, for people. From version 8 on.
            public var errorMessage: String?
            /// Who leads the partition, when it is not this broker. From version 10 on.
            public var currentLeader = KafkaLeader()

            public init() {}

            public mutating func code<Coder: FieldCoder & ~Copyable>(
                with coder: inout Coder
            ) throws(KafkaCodecError) {
                try coder.field("index", &index)
                try coder.field("errorCode", &errorCode)
                try coder.field("baseOffset", &baseOffset)
                try coder.field("logAppendTimeMs", &logAppendTimeMs)
                if coder.version >= 5 { try coder.field("logStartOffset", &logStartOffset) }
                if coder.version >= 8 {
                    try coder.field("recordErrors", &recordErrors)
                    try coder.field("errorMessage", &errorMessage)
                }
                guard coder.isFlexible else { return }
                var tags = try coder.openTags()
                if coder.version >= 10 {
                    try coder.tag(0, in: &tags, "currentLeader", &currentLeader, default: KafkaLeader())
                }
                try coder.closeTags(tags)
            }

            /// A record that is to blame.
            public struct RecordError: KafkaStruct {
                /// The place of the record in its batch.
                public var batchIndex: Int32 = 0
                /// What is wrong with it.
                public var batchIndexErrorMessage: String?

                public init() {}

                public mutating func code<Coder: FieldCoder & ~Copyable>(
                    with coder: inout Coder
                ) throws(KafkaCodecError) {
                    try coder.field("batchIndex", &batchIndex)
                    try coder.field("batchIndexErrorMessage", &batchIndexErrorMessage)
                    try coder.noTags()
                }
            }
        }
    }
}
