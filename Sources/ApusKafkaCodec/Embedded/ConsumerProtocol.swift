// SPDX-License-Identifier: Apache-2.0

// What consumers say to each other in the bytes that JoinGroup and SyncGroup carry for them: Kafka's consumer
// protocol, versions 0-3. The server needs it only to show who reads what. Whoever meets a newer version than it
// knows reads it as the newest that it does; fields are only ever added at the end.

public import NIOCore

/// What a consumer wants and has, in the metadata of JoinGroup.
public struct ConsumerSubscription: KafkaStruct {
    /// The topics that the consumer wants.
    public var topics: [String] = []
    /// What its assignor adds.
    public var userData: ByteBuffer?
    /// The partitions that it has, from version 1 on.
    public var ownedPartitions: [ConsumerTopicPartitions] = []
    /// The generation in which it got them, from version 2 on; -1 when it is not known.
    public var generationID: Int32 = -1
    /// Where the consumer is, from version 3 on.
    public var rackID: String?

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("topics", &topics)
        try coder.field("userData", &userData)
        if coder.version >= 1 { try coder.field("ownedPartitions", &ownedPartitions) }
        if coder.version >= 2 { try coder.field("generationID", &generationID) }
        if coder.version >= 3 { try coder.field("rackID", &rackID) }
    }

    /// Reads a subscription with the version before it.
    ///
    /// - Throws: `KafkaCodecError` when the bytes are no subscription.
    public init(
        reading bytes: ByteBuffer, limits: KafkaCodecLimits = .init()
    ) throws(KafkaCodecError) {
        self = try ConsumerProtocol.read(bytes, limits: limits)
    }

    /// The subscription with the version before it.
    ///
    /// - Throws: `KafkaCodecError` when text is too long for a length of two bytes.
    public func bytes(version: Int16 = ConsumerProtocol.newestVersion) throws(KafkaCodecError) -> ByteBuffer {
        try ConsumerProtocol.write(self, version: version)
    }
}

/// What a consumer gets, in the assignment of SyncGroup.
public struct ConsumerAssignment: KafkaStruct {
    /// The partitions that it gets.
    public var assignedPartitions: [ConsumerTopicPartitions] = []
    /// What the assignor adds.
    public var userData: ByteBuffer?

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("assignedPartitions", &assignedPartitions)
        try coder.field("userData", &userData)
    }

    /// Reads an assignment with the version before it.
    ///
    /// - Throws: `KafkaCodecError` when the bytes are no assignment.
    public init(
        reading bytes: ByteBuffer, limits: KafkaCodecLimits = .init()
    ) throws(KafkaCodecError) {
        self = try ConsumerProtocol.read(bytes, limits: limits)
    }

    /// The assignment with the version before it.
    ///
    /// - Throws: `KafkaCodecError` when text is too long for a length of two bytes.
    public func bytes(version: Int16 = ConsumerProtocol.newestVersion) throws(KafkaCodecError) -> ByteBuffer {
        try ConsumerProtocol.write(self, version: version)
    }
}

/// Partitions of a topic in a subscription or assignment.
public struct ConsumerTopicPartitions: KafkaStruct {
    /// The topic.
    public var topic = ""
    /// Its partitions.
    public var partitions: [Int32] = []

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("topic", &topic)
        try coder.field("partitions", &partitions)
    }
}

/// The version that precedes subscriptions and assignments.
public enum ConsumerProtocol {
    /// The newest version known here.
    public static let newestVersion: Int16 = 3

    static func read<Message: KafkaStruct>(
        _ bytes: ByteBuffer, limits: KafkaCodecLimits
    ) throws(KafkaCodecError) -> Message {
        var rest = bytes
        guard let version = rest.readInteger(as: Int16.self) else {
            throw KafkaCodecError(.truncated(needed: 2, left: rest.readableBytes), in: "version", at: 0)
        }
        guard version >= 0 else { throw KafkaCodecError(.invalidVersion(version), in: "version", at: 0) }
        do {
            return try KafkaDecoder.read(
                rest, version: min(version, newestVersion), isFlexible: false, limits: limits
            ) { decoder throws(KafkaCodecError) in
                var message = Message()
                try message.code(with: &decoder)
                if version <= newestVersion { try decoder.finish() }
                return message
            }
        } catch {
            throw KafkaCodecError(error.reason, in: error.field, at: error.position + 2)
        }
    }

    static func write<Message: KafkaStruct>(
        _ message: Message, version: Int16
    ) throws(KafkaCodecError) -> ByteBuffer {
        guard (0...newestVersion).contains(version) else {
            throw KafkaCodecError(.invalidVersion(version), in: "version", at: 0)
        }
        var encoder = KafkaEncoder(version: version, isFlexible: false)
        var version = version
        try encoder.field("version", &version)
        try encoder.encode(message)
        return encoder.buffer()
    }
}
