// SPDX-License-Identifier: Apache-2.0

// Kafka protocol, DescribeConfigs (key 32), versions 1-4, flexible from 4 on.

/// Kafka protocol, DescribeConfigs request, versions 1-4: asks for settings.
public struct DescribeConfigsRequest: KafkaStruct {
    /// What is configured.
    public var resources: [Resource] = []
    /// Tell where else the value could come from.
    public var includeSynonyms = false
    /// Tell what the settings mean. From version 3 on.
    public var includeDocumentation = false

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("resources", &resources)
        try coder.field("includeSynonyms", &includeSynonyms)
        if coder.version >= 3 { try coder.field("includeDocumentation", &includeDocumentation) }
        try coder.noTags()
    }

    /// What is configured.
    public struct Resource: KafkaStruct {
        /// What is configured: 2 a topic, 4 a broker.
        public var resourceType: Int8 = 0
        /// Its name.
        public var resourceName = ""
        /// The settings to tell of; nil for all.
        public var configurationKeys: [String]?

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("resourceType", &resourceType)
            try coder.field("resourceName", &resourceName)
            try coder.field("configurationKeys", &configurationKeys)
            try coder.noTags()
        }
    }
}

/// Kafka protocol, DescribeConfigs response, versions 1-4: tells them.
public struct DescribeConfigsResponse: KafkaStruct {
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
        /// How it went.
        public var errorCode: KafkaErrorCode = .noError
        /// More about the error, for people.
        public var errorMessage: String?
        /// What is configured: 2 a topic, 4 a broker.
        public var resourceType: Int8 = 0
        /// Its name.
        public var resourceName = ""
        /// The settings.
        public var configs: [Config] = []

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("errorCode", &errorCode)
            try coder.field("errorMessage", &errorMessage)
            try coder.field("resourceType", &resourceType)
            try coder.field("resourceName", &resourceName)
            try coder.field("configs", &configs)
            try coder.noTags()
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
            /// Where else the value could come from, the first choice first.
            public var synonyms: [Synonym] = []
            /// The type: 1 Boolean, 2 text, 3 Int32, 4 Int16, 5 Int64, 6 number, 7 list, 8 class, 9
            /// password. From version 3 on.
            public var configType: Int8 = 0
            /// What the setting means. From version 3 on.
            public var documentation: String?

            public init() {}

            public mutating func code<Coder: FieldCoder & ~Copyable>(
                with coder: inout Coder
            ) throws(KafkaCodecError) {
                try coder.field("name", &name)
                try coder.field("value", &value)
                try coder.field("readOnly", &readOnly)
                try coder.field("configSource", &configSource)
                try coder.field("isSensitive", &isSensitive)
                try coder.field("synonyms", &synonyms)
                if coder.version >= 3 {
                    try coder.field("configType", &configType)
                    try coder.field("documentation", &documentation)
                }
                try coder.noTags()
            }

            /// Where else the value could come from.
            public struct Synonym: KafkaStruct {
                /// The name of the setting.
                public var name = ""
                /// The value.
                public var value: String?
                /// Where the value comes from, as in `configSource`.
                public var source: Int8 = 0

                public init() {}

                public mutating func code<Coder: FieldCoder & ~Copyable>(
                    with coder: inout Coder
                ) throws(KafkaCodecError) {
                    try coder.field("name", &name)
                    try coder.field("value", &value)
                    try coder.field("source", &source)
                    try coder.noTags()
                }
            }
        }
    }
}
