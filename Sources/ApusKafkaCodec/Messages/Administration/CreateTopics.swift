// SPDX-License-Identifier: Apache-2.0

// Kafka protocol, CreateTopics (key 19), versions 2-7, flexible from 5 on.

/// Kafka protocol, CreateTopics request, versions 2-7: makes topics.
public struct CreateTopicsRequest: KafkaStruct {
    /// The topics.
    public var topics: [Topic] = []
    /// How long the server may take, in milliseconds.
    public var timeoutMs: Int32 = 60000
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
        /// How many partitions; -1 for the default.
        public var numPartitions: Int32 = 0
        /// How many replicas; -1 for the default.
        public var replicationFactor: Int16 = 0
        /// Which brokers hold which partitions; empty for a choice of the server.
        public var assignments: [ReplicaAssignment] = []
        /// The settings.
        public var configs: [Config] = []

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("name", &name)
            try coder.field("numPartitions", &numPartitions)
            try coder.field("replicationFactor", &replicationFactor)
            try coder.field("assignments", &assignments)
            try coder.field("configs", &configs)
            try coder.noTags()
        }

        /// Which brokers hold a partition.
        public struct ReplicaAssignment: KafkaStruct {
            /// The partition.
            public var partitionIndex: Int32 = 0
            /// The brokers that hold the partition.
            public var brokerIDs: [Int32] = []

            public init() {}

            public mutating func code<Coder: FieldCoder & ~Copyable>(
                with coder: inout Coder
            ) throws(KafkaCodecError) {
                try coder.field("partitionIndex", &partitionIndex)
                try coder.field("brokerIDs", &brokerIDs)
                try coder.noTags()
            }
        }

        /// A setting.
        public struct Config: KafkaStruct {
            /// The name of the setting.
            public var name = ""
            /// The value; nil for the default.
            public var value: String?

            public init() {}

            public mutating func code<Coder: FieldCoder & ~Copyable>(
                with coder: inout Coder
            ) throws(KafkaCodecError) {
                try coder.field("name", &name)
                try coder.field("value", &value)
                try coder.noTags()
            }
        }
    }
}

/// Kafka protocol, CreateTopics response, versions 2-7: tells how it went.
public struct CreateTopicsResponse: KafkaStruct {
    /// How long the client is asked to wait before its next request, in milliseconds.
    public var throttleTimeMs: Int32 = 0
    /// The topics.
    public var topics: [Topic] = []

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("throttleTimeMs", &throttleTimeMs)
        try coder.field("topics", &topics)
        try coder.noTags()
    }

    /// A topic.
    public struct Topic: KafkaStruct {
        /// The name of the topic.
        public var name = ""
        /// The identity of the topic. From version 7 on.
        public var topicID = KafkaUUID()
        /// How it went.
        public var errorCode: KafkaErrorCode = .noError
        /// More about the error, for people.
        public var errorMessage: String?
        /// Why there are no settings. From version 5 on.
        public var topicConfigErrorCode: KafkaErrorCode = .noError
        /// How many partitions; -1 for the default. From version 5 on.
        public var numPartitions: Int32 = -1
        /// How many replicas; -1 for the default. From version 5 on.
        public var replicationFactor: Int16 = -1
        /// The settings of the topic; nil when they may not be told. From version 5 on.
        public var configs: [Config]?

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("name", &name)
            if coder.version >= 7 { try coder.field("topicID", &topicID) }
            try coder.field("errorCode", &errorCode)
            try coder.field("errorMessage", &errorMessage)
            if coder.version >= 5 {
                try coder.field("numPartitions", &numPartitions)
                try coder.field("replicationFactor", &replicationFactor)
                try coder.field("configs", &configs)
            }
            guard coder.isFlexible else { return }
            var tags = try coder.openTags()
            try coder.tag(0, in: &tags, "topicConfigErrorCode", &topicConfigErrorCode, default: .noError)
            try coder.closeTags(tags)
        }

        /// A setting.
        public struct Config: KafkaStruct {
            /// The name of the setting.
            public var name = ""
            /// The value.
            public var value: String?
            /// True when it cannot be changed.
            public var readOnly = false
            /// Where the value comes from: 1 the topic, 4 the static configuration, 5 the default.
            public var configSource: Int8 = -1
            /// True when the value is a secret and not told.
            public var isSensitive = false

            public init() {}

            public mutating func code<Coder: FieldCoder & ~Copyable>(
                with coder: inout Coder
            ) throws(KafkaCodecError) {
                try coder.field("name", &name)
                try coder.field("value", &value)
                try coder.field("readOnly", &readOnly)
                try coder.field("configSource", &configSource)
                try coder.field("isSensitive", &isSensitive)
                try coder.noTags()
            }
        }
    }
}
