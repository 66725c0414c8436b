// SPDX-License-Identifier: Apache-2.0

// Kafka protocol, DescribeCluster (key 60), versions 0-2, all flexible.

/// Kafka protocol, DescribeCluster request, versions 0-2: asks for the brokers.
public struct DescribeClusterRequest: KafkaStruct {
    /// Tell what the client may do with the cluster.
    public var includeClusterAuthorizedOperations = false
    /// 1 for brokers, 2 for controllers. From version 1 on.
    public var endpointType: Int8 = 1
    /// Tell of brokers that may not serve clients, too. From version 2 on.
    public var includeFencedBrokers = false

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("includeClusterAuthorizedOperations", &includeClusterAuthorizedOperations)
        if coder.version >= 1 { try coder.field("endpointType", &endpointType) }
        if coder.version >= 2 { try coder.field("includeFencedBrokers", &includeFencedBrokers) }
        try coder.noTags()
    }
}

/// Kafka protocol, DescribeCluster response, versions 0-2: tells them.
public struct DescribeClusterResponse: KafkaStruct {
    /// How long the client is asked to wait before its next request, in milliseconds.
    public var throttleTimeMs: Int32 = 0
    /// How it went.
    public var errorCode: KafkaErrorCode = .noError
    /// More about the error, for people.
    public var errorMessage: String?
    /// 1 for brokers, 2 for controllers. From version 1 on.
    public var endpointType: Int8 = 1
    /// The cluster.
    public var clusterID = ""
    /// The broker that is the controller; -1 when there is none.
    public var controllerID: Int32 = -1
    /// The brokers.
    public var brokers: [Broker] = []
    /// What the client may do with the cluster, as bits; the least number when it did not ask.
    public var clusterAuthorizedOperations: Int32 = Int32.min

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("throttleTimeMs", &throttleTimeMs)
        try coder.field("errorCode", &errorCode)
        try coder.field("errorMessage", &errorMessage)
        if coder.version >= 1 { try coder.field("endpointType", &endpointType) }
        try coder.field("clusterID", &clusterID)
        try coder.field("controllerID", &controllerID)
        try coder.field("brokers", &brokers)
        try coder.field("clusterAuthorizedOperations", &clusterAuthorizedOperations)
        try coder.noTags()
    }

    /// A broker and where it listens.
    public struct Broker: KafkaStruct {
        /// The broker.
        public var brokerID: Int32 = 0
        /// Where it listens.
        public var host = ""
        /// The port on which it listens.
        public var port: Int32 = 0
        /// Where the broker stands.
        public var rack: String?
        /// True for a broker that may not serve clients. From version 2 on.
        public var isFenced = false

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("brokerID", &brokerID)
            try coder.field("host", &host)
            try coder.field("port", &port)
            try coder.field("rack", &rack)
            if coder.version >= 2 { try coder.field("isFenced", &isFenced) }
            try coder.noTags()
        }
    }
}
