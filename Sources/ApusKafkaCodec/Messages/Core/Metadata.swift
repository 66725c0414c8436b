// SPDX-License-Identifier: Apache-2.0

// Kafka protocol, Metadata (key 3), versions 0-13, flexible from 9 on.

/// Kafka protocol, Metadata request, versions 0-13: asks for brokers, topics and who leads their
/// partitions.
public struct MetadataRequest: KafkaStruct {
    /// The topics to tell of; nil for all. In version 0 an empty list means all.
    public var topics: [Topic]? = []
    /// Topics that do not exist may be made. From version 4 on.
    public var allowAutoTopicCreation = true
    /// Tell what the client may do with the cluster. Versions 8 to 10.
    public var includeClusterAuthorizedOperations = false
    /// Tell what the client may do with the topics. From version 8 on.
    public var includeTopicAuthorizedOperations = false

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("topics", &topics, nullable: coder.version >= 1)
        if coder.version >= 4 { try coder.field("allowAutoTopicCreation", &allowAutoTopicCreation) }
        if coder.version >= 8, coder.version <= 10 {
            try coder.field("includeClusterAuthorizedOperations", &includeClusterAuthorizedOperations)
        }
        if coder.version >= 8 {
            try coder.field("includeTopicAuthorizedOperations", &includeTopicAuthorizedOperations)
        }
        try coder.noTags()
    }

    /// A topic.
    public struct Topic: KafkaStruct {
        /// The identity of the topic. From version 10 on.
        public var topicID = KafkaUUID()
        /// The name; nil when the identity is given.
        public var name: String? = ""

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            if coder.version >= 10 { try coder.field("topicID", &topicID) }
            try coder.field("name", &name, nullable: coder.version >= 10)
            try coder.noTags()
        }
    }
}

/// Kafka protocol, Metadata response, versions 0-13: tells brokers, topics and who leads their partitions.
public struct MetadataResponse: KafkaStruct {
    /// How long the client is asked to wait before its next request, in milliseconds. From version 3
    /// on.
    public var throttleTimeMs: Int32 = 0
    /// The brokers.
    public var brokers: [Broker] = []
    /// The cluster. From version 2 on.
    public var clusterID: String?
    /// The broker that is the controller; -1 when there is none. From version 1 on.
    public var controllerID: Int32 = -1
    /// The topics.
    public var topics: [Topic] = []
    /// What the client may do with the cluster, as bits; the least number when it did not ask. Versions
    /// 8 to 10.
    public var clusterAuthorizedOperations: Int32 = Int32.min
    /// How it went. From version 13 on.
    public var errorCode: KafkaErrorCode = .noError

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        if coder.version >= 3 { try coder.field("throttleTimeMs", &throttleTimeMs) }
        try coder.field("brokers", &brokers)
        if coder.version >= 2 { try coder.field("clusterID", &clusterID) }
        if coder.version >= 1 { try coder.field("controllerID", &controllerID) }
        try coder.field("topics", &topics)
        if coder.version >= 8, coder.version <= 10 {
            try coder.field("clusterAuthorizedOperations", &clusterAuthorizedOperations)
        }
        if coder.version >= 13 { try coder.field("errorCode", &errorCode) }
        try coder.noTags()
    }

    /// A broker and where it listens.
    public struct Broker: KafkaStruct {
        /// The broker.
        public var nodeID: Int32 = 0
        /// Where it listens.
        public var host = ""
        /// The port on which it listens.
        public var port: Int32 = 0
        /// Where the broker stands. From version 1 on.
        public var rack: String?

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("nodeID", &nodeID)
            try coder.field("host", &host)
            try coder.field("port", &port)
            if coder.version >= 1 { try coder.field("rack", &rack) }
            try coder.noTags()
        }
    }

    /// A topic.
    public struct Topic: KafkaStruct {
        /// How it went.
        public var errorCode: KafkaErrorCode = .noError
        /// The name of the topic; nil when the request had an identity that is not known.
        public var name: String? = ""
        /// The identity of the topic. From version 10 on.
        public var topicID = KafkaUUID()
        /// True for topics of the broker itself. From version 1 on.
        public var isInternal = false
        /// The partitions.
        public var partitions: [Partition] = []
        /// What the client may do with the topic, as bits; the least number when it did not ask. From
        /// version 8 on.
        public var topicAuthorizedOperations: Int32 = Int32.min

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("errorCode", &errorCode)
            try coder.field("name", &name, nullable: coder.version >= 12)
            if coder.version >= 10 { try coder.field("topicID", &topicID) }
            if coder.version >= 1 { try coder.field("isInternal", &isInternal) }
            try coder.field("partitions", &partitions)
            if coder.version >= 8 {
                try coder.field("topicAuthorizedOperations", &topicAuthorizedOperations)
            }
            try coder.noTags()
        }

        /// A partition.
        public struct Partition: KafkaStruct {
            /// How it went.
            public var errorCode: KafkaErrorCode = .noError
            /// The partition.
            public var partitionIndex: Int32 = 0
            /// The broker that leads the partition; -1 when there is none.
            public var leaderID: Int32 = 0
            /// The leader epoch; -1 when it is not known. From version 7 on.
            public var leaderEpoch: Int32 = -1
            /// The brokers that hold the partition.
            public var replicaNodes: [Int32] = []
            /// Those of them that are in step with the leader.
            public var isrNodes: [Int32] = []
            /// Those of them that are away. From version 5 on.
            public var offlineReplicas: [Int32] = []

            public init() {}

            public mutating func code<Coder: FieldCoder & ~Copyable>(
                with coder: inout Coder
            ) throws(KafkaCodecError) {
                try coder.field("errorCode", &errorCode)
                try coder.field("partitionIndex", &partitionIndex)
                try coder.field("leaderID", &leaderID)
                if coder.version >= 7 { try coder.field("leaderEpoch", &leaderEpoch) }
                try coder.field("replicaNodes", &replicaNodes)
                try coder.field("isrNodes", &isrNodes)
                if coder.version >= 5 { try coder.field("offlineReplicas", &offlineReplicas) }
                try coder.noTags()
            }
        }
    }
}
