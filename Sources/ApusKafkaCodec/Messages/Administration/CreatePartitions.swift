// SPDX-License-Identifier: Apache-2.0

// Kafka protocol, CreatePartitions (key 37), versions 0-3, flexible from 2 on.

/// Kafka protocol, CreatePartitions request, versions 0-3: gives topics more partitions.
public struct CreatePartitionsRequest: KafkaStruct {
    /// The topics.
    public var topics: [Topic] = []
    /// How long the server may take, in milliseconds.
    public var timeoutMs: Int32 = 0
    /// Only check whether it could be done.
    public var validateOnly = false

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("topics", &topics)
        try coder.field("timeoutMs", &timeoutMs)
        try coder.field("validateOnly", &validateOnly)
        try coder.noTags()
    }

    /// A topic.
    public struct Topic: KafkaStruct {
        /// The name of the topic.
        public var name = ""
        /// How many partitions there shall be.
        public var count: Int32 = 0
        /// Which brokers hold the new partitions; nil for a choice of the server.
        public var assignments: [Assignment]?

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("name", &name)
            try coder.field("count", &count)
            try coder.field("assignments", &assignments)
            try coder.noTags()
        }

        /// An assignment.
        public struct Assignment: KafkaStruct {
            /// The brokers that hold the partition.
            public var brokerIDs: [Int32] = []

            public init() {}

            public mutating func code<Coder: FieldCoder & ~Copyable>(
                with coder: inout Coder
            ) throws(KafkaCodecError) {
                try coder.field("brokerIDs", &brokerIDs)
                try coder.noTags()
            }
        }
    }
}

/// Kafka protocol, CreatePartitions response, versions 0-3: tells how it went.
public struct CreatePartitionsResponse: KafkaStruct {
    /// How long the client is asked to wait before its next request, in milliseconds.
    public var throttleTimeMs: Int32 = 0
    /// One for each that the request names.
    public var results: [Result] = []

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("throttleTimeMs", &throttleTimeMs)
        try coder.field("results", &results)
        try coder.noTags()
    }

    /// How it went with one of them.
    public struct Result: KafkaStruct {
        /// The name of the topic.
        public var name = ""
        /// How it went.
        public var errorCode: KafkaErrorCode = .noError
        /// More about the error, for people.
        public var errorMessage: String?

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("name", &name)
            try coder.field("errorCode", &errorCode)
            try coder.field("errorMessage", &errorMessage)
            try coder.noTags()
        }
    }
}
