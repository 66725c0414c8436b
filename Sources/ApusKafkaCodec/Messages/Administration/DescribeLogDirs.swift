// SPDX-License-Identifier: Apache-2.0

// Kafka protocol, DescribeLogDirs (key 35), versions 1-5, flexible from 2 on.

/// Kafka protocol, DescribeLogDirs request, versions 1-5: asks where partitions lie and how large they are.
public struct DescribeLogDirsRequest: KafkaStruct {
    /// The partitions to tell of; nil for all.
    public var topics: [Topic]?

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
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

/// Kafka protocol, DescribeLogDirs response, versions 1-5: tells it.
public struct DescribeLogDirsResponse: KafkaStruct {
    /// How long the client is asked to wait before its next request, in milliseconds.
    public var throttleTimeMs: Int32 = 0
    /// How it went. From version 3 on.
    public var errorCode: KafkaErrorCode = .noError
    /// One for each that the request names.
    public var results: [Directory] = []

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("throttleTimeMs", &throttleTimeMs)
        if coder.version >= 3 { try coder.field("errorCode", &errorCode) }
        try coder.field("results", &results)
        try coder.noTags()
    }

    /// A folder for logs.
    public struct Directory: KafkaStruct {
        /// How it went.
        public var errorCode: KafkaErrorCode = .noError
        /// The folder.
        public var logDir = ""
        /// The topics.
        public var topics: [Topic] = []
        /// The size of the volume, in bytes; -1 when it is not known. From version 4 on.
        public var totalBytes: Int64 = -1
        /// What is free of it, in bytes; -1 when it is not known. From version 4 on.
        public var usableBytes: Int64 = -1
        /// True when it takes no new partitions. From version 5 on.
        public var isCordoned = false

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("errorCode", &errorCode)
            try coder.field("logDir", &logDir)
            try coder.field("topics", &topics)
            if coder.version >= 4 {
                try coder.field("totalBytes", &totalBytes)
                try coder.field("usableBytes", &usableBytes)
            }
            if coder.version >= 5 { try coder.field("isCordoned", &isCordoned) }
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
                /// How large the partition is, in bytes.
                public var partitionSize: Int64 = 0
                /// How far the partition is behind.
                public var offsetLag: Int64 = 0
                /// True for a copy that is being moved there.
                public var isFutureKey = false

                public init() {}

                public mutating func code<Coder: FieldCoder & ~Copyable>(
                    with coder: inout Coder
                ) throws(KafkaCodecError) {
                    try coder.field("partitionIndex", &partitionIndex)
                    try coder.field("partitionSize", &partitionSize)
                    try coder.field("offsetLag", &offsetLag)
                    try coder.field("isFutureKey", &isFutureKey)
                    try coder.noTags()
                }
            }
        }
    }
}
