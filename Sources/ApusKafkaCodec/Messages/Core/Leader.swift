// SPDX-License-Identifier: Apache-2.0

// Tagged parts of Produce and Fetch responses that tell a client who leads a partition now, so that it need not
// ask for metadata.

/// The leader of a partition.
public struct KafkaLeader: KafkaStruct {
    /// The broker; -1 when it is not known.
    public var leaderID: Int32 = -1
    /// Its leader epoch; -1 when it is not known.
    public var leaderEpoch: Int32 = -1

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("leaderID", &leaderID)
        try coder.field("leaderEpoch", &leaderEpoch)
        try coder.noTags()
    }
}

/// A broker and where it listens.
public struct KafkaNodeEndpoint: KafkaStruct {
    /// The broker.
    public var nodeID: Int32 = 0
    /// The host.
    public var host = ""
    /// The port.
    public var port: Int32 = 0
    /// Where the broker stands.
    public var rack: String?

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("nodeID", &nodeID)
        try coder.field("host", &host)
        try coder.field("port", &port)
        try coder.field("rack", &rack)
        try coder.noTags()
    }
}
