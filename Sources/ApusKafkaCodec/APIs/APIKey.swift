// SPDX-License-Identifier: Apache-2.0

// The APIs of Kafka's protocol that the codec has messages for.

/// What a request asks for. The raw value is the key on the wire.
public enum APIKey: Int16, Sendable, Hashable, CaseIterable {
    /// Produce: brings record batches.
    case produce = 0
    /// Fetch: asks for record batches.
    case fetch = 1
    /// ListOffsets: asks for offsets by time, or where a partition begins and ends.
    case listOffsets = 2
    /// Metadata: asks for brokers, topics and who leads their partitions.
    case metadata = 3
    /// OffsetCommit: stores the offsets of a group.
    case offsetCommit = 8
    /// OffsetFetch: asks for the offsets of groups.
    case offsetFetch = 9
    /// FindCoordinator: asks which broker coordinates a group or a transactional id.
    case findCoordinator = 10
    /// JoinGroup: enters a consumer group or stays in it over a rebalance.
    case joinGroup = 11
    /// Heartbeat: says that a member is alive.
    case heartbeat = 12
    /// LeaveGroup: takes members out of a group.
    case leaveGroup = 13
    /// SyncGroup: asks for the assignment, and brings it from the leader.
    case syncGroup = 14
    /// DescribeGroups: asks for groups and their members.
    case describeGroups = 15
    /// ListGroups: asks which groups there are.
    case listGroups = 16
    /// SaslHandshake: chooses a mechanism for authentication.
    case saslHandshake = 17
    /// ApiVersions: asks what the server speaks, before anything else.
    case apiVersions = 18
    /// CreateTopics: makes topics.
    case createTopics = 19
    /// DeleteTopics: removes topics.
    case deleteTopics = 20
    /// DeleteRecords: removes the records before an offset.
    case deleteRecords = 21
    /// InitProducerId: asks for a producer id, and ends what the producer had begun before.
    case initProducerID = 22
    /// OffsetForLeaderEpoch: asks where leader epochs end.
    case offsetForLeaderEpoch = 23
    /// AddPartitionsToTxn: says which partitions a transaction is about to write.
    case addPartitionsToTxn = 24
    /// AddOffsetsToTxn: says that a transaction is about to commit a group's offsets.
    case addOffsetsToTxn = 25
    /// EndTxn: commits or aborts a transaction.
    case endTxn = 26
    /// WriteTxnMarkers: ends transactions in partitions.
    case writeTxnMarkers = 27
    /// TxnOffsetCommit: stores the offsets of a group when a transaction commits.
    case txnOffsetCommit = 28
    /// DescribeConfigs: asks for settings.
    case describeConfigs = 32
    /// AlterConfigs: sets all settings of topics or brokers; those not named get their default.
    case alterConfigs = 33
    /// DescribeLogDirs: asks where partitions lie and how large they are.
    case describeLogDirs = 35
    /// SaslAuthenticate: carries a message of the mechanism to the server.
    case saslAuthenticate = 36
    /// CreatePartitions: gives topics more partitions.
    case createPartitions = 37
    /// DeleteGroups: removes groups without members.
    case deleteGroups = 42
    /// IncrementalAlterConfigs: changes single settings.
    case incrementalAlterConfigs = 44
    /// OffsetDelete: removes committed offsets of a group.
    case offsetDelete = 47
    /// DescribeCluster: asks for the brokers.
    case describeCluster = 60
    /// DescribeProducers: asks which producers write to partitions.
    case describeProducers = 61
    /// DescribeTransactions: asks for transactions.
    case describeTransactions = 65
    /// ListTransactions: asks which transactions there are.
    case listTransactions = 66
    /// ConsumerGroupHeartbeat: joins, stays in and leaves a group whose assignments the server makes (KIP-848).
    case consumerGroupHeartbeat = 68
    /// ConsumerGroupDescribe: asks for groups whose assignments the server makes (KIP-848).
    case consumerGroupDescribe = 69
    /// DescribeTopicPartitions: asks for partitions, page by page.
    case describeTopicPartitions = 75
    /// ShareGroupHeartbeat: joins, stays in and leaves a share group (KIP-932).
    case shareGroupHeartbeat = 76
    /// ShareGroupDescribe: asks for share groups (KIP-932).
    case shareGroupDescribe = 77
    /// ShareFetch: asks for records of a share group and acknowledges others (KIP-932).
    case shareFetch = 78
    /// ShareAcknowledge: says what became of records of a share group (KIP-932).
    case shareAcknowledge = 79
    /// DescribeShareGroupOffsets: asks how far share groups have come (KIP-932).
    case describeShareGroupOffsets = 90
    /// AlterShareGroupOffsets: moves a share group without members (KIP-932).
    case alterShareGroupOffsets = 91
    /// DeleteShareGroupOffsets: forgets how far a share group has come in topics (KIP-932).
    case deleteShareGroupOffsets = 92
}
