// SPDX-License-Identifier: Apache-2.0

// The one table of what Apus speaks: which versions of each API, and from which on an API is flexible (compact
// lengths, tagged fields). ApiVersions answers from it, headers are read by it, tests walk through it.

/// The versions of an API that Apus speaks.
public struct SupportedVersions: Sendable, Hashable {
    /// The least version.
    public let min: Int16
    /// The greatest version.
    public let max: Int16
    /// The first version with compact lengths and tagged fields, if there is one.
    public let flexibleFrom: Int16?
    /// The least version that ApiVersions tells of, which can be less than is spoken.
    public let advertisedMin: Int16
    /// The greatest version that ApiVersions tells of. Above it are those that brokers use among each other, or that mean a protocol
    /// which the server does not follow.
    public let advertisedMax: Int16

    private init(
        _ range: ClosedRange<Int16>, flexibleFrom: Int16?, advertisedMin: Int16? = nil,
        advertisedMax: Int16? = nil
    ) {
        min = range.lowerBound
        max = range.upperBound
        self.flexibleFrom = flexibleFrom
        self.advertisedMin = advertisedMin ?? range.lowerBound
        self.advertisedMax = advertisedMax ?? range.upperBound
    }

    /// All versions that are spoken.
    public var all: ClosedRange<Int16> { min...max }

    /// Whether the version is spoken.
    public func contains(_ version: Int16) -> Bool { min <= version && version <= max }

    /// Whether the version has compact lengths and tagged fields.
    public func isFlexible(_ version: Int16) -> Bool { flexibleFrom.map { version >= $0 } ?? false }

    /// The versions of an API.
    public static subscript(_ api: APIKey) -> SupportedVersions {
        switch api {
        // Old versions of librdkafka take a broker without Produce 0 for one that cannot compress. Records
        // of the formats before version 3 are spoken by nobody any more.
        case .produce: SupportedVersions(3...13, flexibleFrom: 9, advertisedMin: 0)
        case .fetch: SupportedVersions(4...17, flexibleFrom: 12)
        case .listOffsets: SupportedVersions(1...10, flexibleFrom: 6)
        case .metadata: SupportedVersions(0...13, flexibleFrom: 9)
        case .offsetCommit: SupportedVersions(2...9, flexibleFrom: 8)
        case .offsetFetch: SupportedVersions(1...9, flexibleFrom: 6)
        case .findCoordinator: SupportedVersions(0...6, flexibleFrom: 3)
        case .joinGroup: SupportedVersions(0...9, flexibleFrom: 6)
        case .heartbeat: SupportedVersions(0...4, flexibleFrom: 4)
        case .leaveGroup: SupportedVersions(0...5, flexibleFrom: 4)
        case .syncGroup: SupportedVersions(0...5, flexibleFrom: 4)
        case .describeGroups: SupportedVersions(0...6, flexibleFrom: 5)
        case .listGroups: SupportedVersions(0...5, flexibleFrom: 3)
        case .saslHandshake: SupportedVersions(0...1, flexibleFrom: nil)
        case .apiVersions: SupportedVersions(0...4, flexibleFrom: 3)
        case .createTopics: SupportedVersions(2...7, flexibleFrom: 5)
        case .deleteTopics: SupportedVersions(1...6, flexibleFrom: 4)
        case .deleteRecords: SupportedVersions(0...2, flexibleFrom: 2)
        case .initProducerID: SupportedVersions(0...5, flexibleFrom: 2)
        case .offsetForLeaderEpoch: SupportedVersions(2...4, flexibleFrom: 4)
        case .addPartitionsToTxn: SupportedVersions(0...5, flexibleFrom: 3, advertisedMax: 3)
        case .addOffsetsToTxn: SupportedVersions(0...4, flexibleFrom: 3)
        case .endTxn: SupportedVersions(0...5, flexibleFrom: 3)
        case .writeTxnMarkers: SupportedVersions(1...2, flexibleFrom: 1)
        case .txnOffsetCommit: SupportedVersions(0...5, flexibleFrom: 3)
        case .describeConfigs: SupportedVersions(1...4, flexibleFrom: 4)
        case .alterConfigs: SupportedVersions(0...2, flexibleFrom: 2)
        case .describeLogDirs: SupportedVersions(1...5, flexibleFrom: 2)
        case .saslAuthenticate: SupportedVersions(0...2, flexibleFrom: 2)
        case .createPartitions: SupportedVersions(0...3, flexibleFrom: 2)
        case .deleteGroups: SupportedVersions(0...2, flexibleFrom: 2)
        case .incrementalAlterConfigs: SupportedVersions(0...1, flexibleFrom: 1)
        case .offsetDelete: SupportedVersions(0...0, flexibleFrom: nil)
        case .describeCluster: SupportedVersions(0...2, flexibleFrom: 0)
        case .describeProducers: SupportedVersions(0...0, flexibleFrom: 0)
        case .describeTransactions: SupportedVersions(0...0, flexibleFrom: 0)
        case .listTransactions: SupportedVersions(0...2, flexibleFrom: 0)
        case .consumerGroupHeartbeat: SupportedVersions(0...1, flexibleFrom: 0)
        case .consumerGroupDescribe: SupportedVersions(0...1, flexibleFrom: 0)
        case .describeTopicPartitions: SupportedVersions(0...0, flexibleFrom: 0)
        case .shareGroupHeartbeat: SupportedVersions(1...1, flexibleFrom: 0)
        case .shareGroupDescribe: SupportedVersions(1...1, flexibleFrom: 0)
        case .shareFetch: SupportedVersions(1...2, flexibleFrom: 0)
        case .shareAcknowledge: SupportedVersions(1...2, flexibleFrom: 0)
        case .describeShareGroupOffsets: SupportedVersions(0...0, flexibleFrom: 0)
        case .alterShareGroupOffsets: SupportedVersions(0...0, flexibleFrom: 0)
        case .deleteShareGroupOffsets: SupportedVersions(0...0, flexibleFrom: 0)
        }
    }
}
