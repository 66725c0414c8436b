// SPDX-License-Identifier: Apache-2.0

// Kafka protocol, WriteTxnMarkers (key 27), versions 1-2, all flexible.

/// Kafka protocol, WriteTxnMarkers request, versions 1-2: ends transactions in partitions.
public struct WriteTxnMarkersRequest: KafkaStruct {
    /// The transactions.
    public var markers: [Marker] = []

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("markers", &markers)
        try coder.noTags()
    }

    /// The end of a transaction.
    public struct Marker: KafkaStruct {
        /// The producer.
        public var producerID: Int64 = 0
        /// The incarnation of the producer; older ones are fenced off.
        public var producerEpoch: Int16 = 0
        /// True commits, false aborts.
        public var transactionResult = false
        /// The topics.
        public var topics: [Topic] = []
        /// The incarnation of the coordinator.
        public var coordinatorEpoch: Int32 = 0
        /// The version of the transaction protocol. From version 2 on.
        public var transactionVersion: Int8 = 0

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("producerID", &producerID)
            try coder.field("producerEpoch", &producerEpoch)
            try coder.field("transactionResult", &transactionResult)
            try coder.field("topics", &topics)
            try coder.field("coordinatorEpoch", &coordinatorEpoch)
            if coder.version >= 2 { try coder.field("transactionVersion", &transactionVersion) }
            try coder.noTags()
        }

        /// A topic.
        public struct Topic: KafkaStruct {
            /// The name of the topic.
            public var name = ""
            /// The partitions.
            public var partitionIndexes: [Int32] = []

            public init() {}

            public mutating func code<Coder: FieldCoder & ~Copyable>(
                with coder: inout Coder
            ) throws(KafkaCodecError) {
                try coder.field("name", &name)
                try coder.field("partitionIndexes", &partitionIndexes)
                try coder.noTags()
            }
        }
    }
}

/// Kafka protocol, WriteTxnMarkers response, versions 1-2: tells how it went.
public struct WriteTxnMarkersResponse: KafkaStruct {
    /// The transactions.
    public var markers: [Marker] = []

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("markers", &markers)
        try coder.noTags()
    }

    /// The end of a transaction.
    public struct Marker: KafkaStruct {
        /// The producer.
        public var producerID: Int64 = 0
        /// The topics.
        public var topics: [Topic] = []

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("producerID", &producerID)
            try coder.field("topics", &topics)
            try coder.noTags()
        }

        /// A topic.
        public struct Topic: KafkaStruct {
            /// The name of the topic.
            public var name = ""
            /// The partitions.
            public var partitions: [Partition] = []

            public init() {}

            public mutating func code<Coder: FieldCoder & ~Copyable>(
                with coder: inout Coder
            ) throws(KafkaCodecError) {
                try coder.field("name", &name)
                try coder.field("partitions", &partitions)
                try coder.noTags()
            }

            /// A partition.
            public struct Partition: KafkaStruct {
                /// The partition.
                public var partitionIndex: Int32 = 0
                /// How it went.
                public var errorCode: KafkaErrorCode = .noError

                public init() {}

                public mutating func code<Coder: FieldCoder & ~Copyable>(
                    with coder: inout Coder
                ) throws(KafkaCodecError) {
                    try coder.field("partitionIndex", &partitionIndex)
                    try coder.field("errorCode", &errorCode)
                    try coder.noTags()
                }
            }
        }
    }
}
