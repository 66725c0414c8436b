// SPDX-License-Identifier: Apache-2.0

// Kafka protocol, ApiVersions (key 18), versions 0-4, flexible from 3 on.

/// Kafka protocol, ApiVersions request, versions 0-4: asks what the server speaks, before anything else.
public struct APIVersionsRequest: KafkaStruct {
    /// The name of the client library. From version 3 on.
    public var clientSoftwareName = ""
    /// The version of the client library. From version 3 on.
    public var clientSoftwareVersion = ""

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        if coder.version >= 3 {
            try coder.field("clientSoftwareName", &clientSoftwareName)
            try coder.field("clientSoftwareVersion", &clientSoftwareVersion)
        }
        try coder.noTags()
    }
}

/// Kafka protocol, ApiVersions response, versions 0-4: tells what the server speaks.
public struct APIVersionsResponse: KafkaStruct {
    /// How it went.
    public var errorCode: KafkaErrorCode = .noError
    /// What the server speaks.
    public var apiKeys: [Range] = []
    /// How long the client is asked to wait before its next request, in milliseconds. From version 1
    /// on.
    public var throttleTimeMs: Int32 = 0
    /// Features that could be used. From version 3 on.
    public var supportedFeatures: [SupportedFeature] = []
    /// Grows when the features in use change; -1 when they are not known. From version 3 on.
    public var finalizedFeaturesEpoch: Int64 = -1
    /// Features in use. From version 3 on.
    public var finalizedFeatures: [FinalizedFeature] = []
    /// True for a controller that is ready to move away from ZooKeeper. From version 3 on.
    public var zkMigrationReady = false

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("errorCode", &errorCode)
        try coder.field("apiKeys", &apiKeys)
        if coder.version >= 1 { try coder.field("throttleTimeMs", &throttleTimeMs) }
        guard coder.isFlexible else { return }
        var tags = try coder.openTags()
        try coder.tag(0, in: &tags, "supportedFeatures", &supportedFeatures, default: [])
        try coder.tag(1, in: &tags, "finalizedFeaturesEpoch", &finalizedFeaturesEpoch, default: -1)
        try coder.tag(2, in: &tags, "finalizedFeatures", &finalizedFeatures, default: [])
        try coder.tag(3, in: &tags, "zkMigrationReady", &zkMigrationReady, default: false)
        try coder.closeTags(tags)
    }

    /// The versions of an API that the server speaks.
    public struct Range: KafkaStruct {
        /// The API; see `APIKey`.
        public var apiKey: Int16 = 0
        /// The least version.
        public var minVersion: Int16 = 0
        /// The greatest version.
        public var maxVersion: Int16 = 0

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("apiKey", &apiKey)
            try coder.field("minVersion", &minVersion)
            try coder.field("maxVersion", &maxVersion)
            try coder.noTags()
        }
    }

    /// A feature and its versions.
    public struct SupportedFeature: KafkaStruct {
        /// The name of the feature.
        public var name = ""
        /// The least version.
        public var minVersion: Int16 = 0
        /// The greatest version.
        public var maxVersion: Int16 = 0

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("name", &name)
            try coder.field("minVersion", &minVersion)
            try coder.field("maxVersion", &maxVersion)
            try coder.noTags()
        }
    }

    /// A feature and its versions in use.
    public struct FinalizedFeature: KafkaStruct {
        /// The name of the feature.
        public var name = ""
        /// The greatest version in use.
        public var maxVersionLevel: Int16 = 0
        /// The least version in use.
        public var minVersionLevel: Int16 = 0

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("name", &name)
            try coder.field("maxVersionLevel", &maxVersionLevel)
            try coder.field("minVersionLevel", &minVersionLevel)
            try coder.noTags()
        }
    }
}
