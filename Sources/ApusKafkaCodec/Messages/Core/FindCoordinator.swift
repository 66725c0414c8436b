// SPDX-License-Identifier: Apache-2.0

// Kafka protocol, FindCoordinator (key 10), versions 0-6, flexible from 3 on.

/// Kafka protocol, FindCoordinator request, versions 0-6: asks which broker coordinates a group or a
/// transactional id.
public struct FindCoordinatorRequest: KafkaStruct {
    /// The group or transactional id. Up to version 3.
    public var key = ""
    /// 0 for groups, 1 for transactional ids, 2 for share partitions. From version 1 on.
    public var keyType: Int8 = 0
    /// The groups or transactional ids. From version 4 on.
    public var coordinatorKeys: [String] = []

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        if coder.version <= 3 { try coder.field("key", &key) }
        if coder.version >= 1 { try coder.field("keyType", &keyType) }
        if coder.version >= 4 { try coder.field("coordinatorKeys", &coordinatorKeys) }
        try coder.noTags()
    }
}

/// Kafka protocol, FindCoordinator response, versions 0-6: tells it.
public struct FindCoordinatorResponse: KafkaStruct {
    /// How long the client is asked to wait before its next request, in milliseconds. From version 1
    /// on.
    public var throttleTimeMs: Int32 = 0
    /// How it went. Up to version 3.
    public var errorCode: KafkaErrorCode = .noError
    /// More about the error, for people. Versions 1 to 3.
    public var errorMessage: String?
    /// The broker. Up to version 3.
    public var nodeID: Int32 = 0
    /// Where it listens. Up to version 3.
    public var host = ""
    /// The port on which it listens. Up to version 3.
    public var port: Int32 = 0
    /// The coordinators. From version 4 on.
    public var coordinators: [Coordinator] = []

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        if coder.version >= 1 { try coder.field("throttleTimeMs", &throttleTimeMs) }
        if coder.version <= 3 { try coder.field("errorCode", &errorCode) }
        if coder.version >= 1, coder.version <= 3 { try coder.field("errorMessage", &errorMessage) }
        if coder.version <= 3 {
            try coder.field("nodeID", &nodeID)
            try coder.field("host", &host)
            try coder.field("port", &port)
        }
        if coder.version >= 4 { try coder.field("coordinators", &coordinators) }
        try coder.noTags()
    }

    /// A coordinator.
    public struct Coordinator: KafkaStruct {
        /// The group or transactional id.
        public var key = ""
        /// The broker.
        public var nodeID: Int32 = 0
        /// Where it listens.
        public var host = ""
        /// The port on which it listens.
        public var port: Int32 = 0
        /// How it went.
        public var errorCode: KafkaErrorCode = .noError
        /// More about the error, for people.
        public var errorMessage: String?

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("key", &key)
            try coder.field("nodeID", &nodeID)
            try coder.field("host", &host)
            try coder.field("port", &port)
            try coder.field("errorCode", &errorCode)
            try coder.field("errorMessage", &errorMessage)
            try coder.noTags()
        }
    }
}
