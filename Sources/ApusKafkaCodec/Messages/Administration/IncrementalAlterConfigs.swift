// SPDX-License-Identifier: Apache-2.0

// Kafka protocol, IncrementalAlterConfigs (key 44), versions 0-1, flexible from 1 on.

/// Kafka protocol, IncrementalAlterConfigs request, versions 0-1: changes single settings.
public struct IncrementalAlterConfigsRequest: KafkaStruct {
    /// What is configured.
    public var resources: [Resource] = []
    /// Only check whether it could be done.
    public var validateOnly = false

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("resources", &resources)
        try coder.field("validateOnly", &validateOnly)
        try coder.noTags()
    }

    /// What is configured.
    public struct Resource: KafkaStruct {
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
            try coder.field("resourceType", &resourceType)
            try coder.field("resourceName", &resourceName)
            try coder.field("configs", &configs)
            try coder.noTags()
        }

        /// A setting.
        public struct Config: KafkaStruct {
            /// The name of the setting.
            public var name = ""
            /// 0 sets, 1 removes, 2 appends to a list, 3 takes from a list.
            public var configOperation: Int8 = 0
            /// The value.
            public var value: String?

            public init() {}

            public mutating func code<Coder: FieldCoder & ~Copyable>(
                with coder: inout Coder
            ) throws(KafkaCodecError) {
                try coder.field("name", &name)
                try coder.field("configOperation", &configOperation)
                try coder.field("value", &value)
                try coder.noTags()
            }
        }
    }
}

/// Kafka protocol, IncrementalAlterConfigs response, versions 0-1: tells how it went.
public struct IncrementalAlterConfigsResponse: KafkaStruct {
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
        /// How it went.
        public var errorCode: KafkaErrorCode = .noError
        /// More about the error, for people.
        public var errorMessage: String?
        /// What is configured: 2 a topic, 4 a broker.
        public var resourceType: Int8 = 0
        /// Its name.
        public var resourceName = ""

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("errorCode", &errorCode)
            try coder.field("errorMessage", &errorMessage)
            try coder.field("resourceType", &resourceType)
            try coder.field("resourceName", &resourceName)
            try coder.noTags()
        }
    }
}
