// SPDX-License-Identifier: Apache-2.0

// What groups whose partitions are assigned by the server have to know of topics, handed in with each request.

/// The identity of a topic: 128 bits that a topic of the same name made later does not share.
public struct TopicID: RawRepresentable, Sendable, Hashable, Comparable {
    public let rawValue: UInt128

    public init(rawValue: UInt128) { self.rawValue = rawValue }

    public static func < (left: TopicID, right: TopicID) -> Bool { left.rawValue < right.rawValue }
}

/// Some partitions of a topic.
public struct TopicPartitions: Sendable, Hashable {
    public var topic: TopicID
    public var partitions: [Int32]

    public init(topic: TopicID, partitions: [Int32]) {
        self.topic = topic
        self.partitions = partitions
    }
}

/// All topics at a moment. Cheap to pass around: one copy serves until a topic changes.
public struct TopicCatalog: Sendable {
    /// One topic.
    public struct Topic: Sendable, Hashable {
        public var id: TopicID
        public var partitionCount: Int32

        public init(id: TopicID, partitionCount: Int32) {
            self.id = id
            self.partitionCount = partitionCount
        }
    }

    /// Another number for each catalog that differs. Groups look at a catalog again only when it is not the one they know.
    public let version: UInt64
    /// Topics by name.
    public let topics: [String: Topic]
    /// Partitions of all topics.
    let partitionCount: Int

    public init(version: UInt64, topics: [String: Topic]) {
        self.version = version
        self.topics = topics
        partitionCount = topics.values.reduce(0) { $0 + Int($1.partitionCount) }
    }
}
