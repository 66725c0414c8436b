// SPDX-License-Identifier: Apache-2.0

// Kafka protocol, DeleteTopics (key 20), versions 1-6, flexible from 4 on.

/// Kafka protocol, DeleteTopics request, versions 1-6: removes topics.
public struct DeleteTopicsRequest: KafkaStruct {
    /// The topics to remove. From version 6 on.
    public var topics: [Topic] = []
    /// The topics to remove. Up to version 5.
    public var topicNames: [String] = []
    /// How long the server may take, in milliseconds.
    public var timeoutMs: Int32 = 0

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        if coder.version >= 6 { try coder.field("topics", &topics) }
        if coder.version <= 5 { try coder.field("topicNames", &topicNames) }
        try coder.field("timeoutMs", &timeoutMs)
        try coder.noTags()
    }

    /// A topic.
    public struct Topic: KafkaStruct {
        /// The name; nil when the identity is given.
        public var name: String?
        /// The identity of the topic.
        public var topicID = KafkaUUID()

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("name", &name)
            try coder.field("topicID", &topicID)
            try coder.noTags()
        }
    }
}

/// Kafka protocol, DeleteTopics response, versions 1-6: tells how it went.
public struct DeleteTopicsResponse: KafkaStruct {
    /// How long the client is asked to wait before its next request, in milliseconds.
    public var throttleTimeMs: Int32 = 0
    /// One for each that the request names.
    public var responses: [Result] = []

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("throttleTimeMs", &throttleTimeMs)
        try coder.field("responses", &responses)
        try coder.noTags()
    }

    /// How it went with one of them.
    public struct Result: KafkaStruct {
        /// The name of the topic.
        public var name: String? = ""
        /// The identity of the topic. From version 6 on.
        public var topicID = KafkaUUID()
        /// How it went.
        public var errorCode: KafkaErrorCode = .noError
        /// More about the error, for people. From version 5 on.
        public var errorMessage: String?

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("name", &name, nullable: coder.version >= 6)
            if coder.version >= 6 { try coder.field("topicID", &topicID) }
            try coder.field("errorCode", &errorCode)
            if coder.version >= 5 { try coder.field("errorMessage", &errorMessage) }
            try coder.noTags()
        }
    }
}
