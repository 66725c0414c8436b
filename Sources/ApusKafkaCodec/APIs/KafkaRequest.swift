// SPDX-License-Identifier: Apache-2.0

// Every request in one type: what a connection reads, writes and switches over.

/// A request of any API.
public enum KafkaRequest: Sendable, Equatable {
    case produce(ProduceRequest)
    case fetch(FetchRequest)
    case listOffsets(ListOffsetsRequest)
    case metadata(MetadataRequest)
    case offsetCommit(OffsetCommitRequest)
    case offsetFetch(OffsetFetchRequest)
    case findCoordinator(FindCoordinatorRequest)
    case joinGroup(JoinGroupRequest)
    case heartbeat(HeartbeatRequest)
    case leaveGroup(LeaveGroupRequest)
    case syncGroup(SyncGroupRequest)
    case describeGroups(DescribeGroupsRequest)
    case listGroups(ListGroupsRequest)
    case saslHandshake(SASLHandshakeRequest)
    case apiVersions(APIVersionsRequest)
    case createTopics(CreateTopicsRequest)
    case deleteTopics(DeleteTopicsRequest)
    case deleteRecords(DeleteRecordsRequest)
    case initProducerID(InitProducerIDRequest)
    case offsetForLeaderEpoch(OffsetForLeaderEpochRequest)
    case addPartitionsToTxn(AddPartitionsToTxnRequest)
    case addOffsetsToTxn(AddOffsetsToTxnRequest)
    case endTxn(EndTxnRequest)
    case writeTxnMarkers(WriteTxnMarkersRequest)
    case txnOffsetCommit(TxnOffsetCommitRequest)
    case describeConfigs(DescribeConfigsRequest)
    case alterConfigs(AlterConfigsRequest)
    case describeLogDirs(DescribeLogDirsRequest)
    case saslAuthenticate(SASLAuthenticateRequest)
    case createPartitions(CreatePartitionsRequest)
    case deleteGroups(DeleteGroupsRequest)
    case incrementalAlterConfigs(IncrementalAlterConfigsRequest)
    case offsetDelete(OffsetDeleteRequest)
    case describeCluster(DescribeClusterRequest)
    case describeProducers(DescribeProducersRequest)
    case describeTransactions(DescribeTransactionsRequest)
    case listTransactions(ListTransactionsRequest)
    case consumerGroupHeartbeat(ConsumerGroupHeartbeatRequest)
    case consumerGroupDescribe(ConsumerGroupDescribeRequest)
    case describeTopicPartitions(DescribeTopicPartitionsRequest)
    case shareGroupHeartbeat(ShareGroupHeartbeatRequest)
    case shareGroupDescribe(ShareGroupDescribeRequest)
    case shareFetch(ShareFetchRequest)
    case shareAcknowledge(ShareAcknowledgeRequest)
    case describeShareGroupOffsets(DescribeShareGroupOffsetsRequest)
    case alterShareGroupOffsets(AlterShareGroupOffsetsRequest)
    case deleteShareGroupOffsets(DeleteShareGroupOffsetsRequest)

    /// The request of an API with each field at its default.
    package init(_ api: APIKey) {
        switch api {
        case .produce: self = .produce(ProduceRequest())
        case .fetch: self = .fetch(FetchRequest())
        case .listOffsets: self = .listOffsets(ListOffsetsRequest())
        case .metadata: self = .metadata(MetadataRequest())
        case .offsetCommit: self = .offsetCommit(OffsetCommitRequest())
        case .offsetFetch: self = .offsetFetch(OffsetFetchRequest())
        case .findCoordinator: self = .findCoordinator(FindCoordinatorRequest())
        case .joinGroup: self = .joinGroup(JoinGroupRequest())
        case .heartbeat: self = .heartbeat(HeartbeatRequest())
        case .leaveGroup: self = .leaveGroup(LeaveGroupRequest())
        case .syncGroup: self = .syncGroup(SyncGroupRequest())
        case .describeGroups: self = .describeGroups(DescribeGroupsRequest())
        case .listGroups: self = .listGroups(ListGroupsRequest())
        case .saslHandshake: self = .saslHandshake(SASLHandshakeRequest())
        case .apiVersions: self = .apiVersions(APIVersionsRequest())
        case .createTopics: self = .createTopics(CreateTopicsRequest())
        case .deleteTopics: self = .deleteTopics(DeleteTopicsRequest())
        case .deleteRecords: self = .deleteRecords(DeleteRecordsRequest())
        case .initProducerID: self = .initProducerID(InitProducerIDRequest())
        case .offsetForLeaderEpoch: self = .offsetForLeaderEpoch(OffsetForLeaderEpochRequest())
        case .addPartitionsToTxn: self = .addPartitionsToTxn(AddPartitionsToTxnRequest())
        case .addOffsetsToTxn: self = .addOffsetsToTxn(AddOffsetsToTxnRequest())
        case .endTxn: self = .endTxn(EndTxnRequest())
        case .writeTxnMarkers: self = .writeTxnMarkers(WriteTxnMarkersRequest())
        case .txnOffsetCommit: self = .txnOffsetCommit(TxnOffsetCommitRequest())
        case .describeConfigs: self = .describeConfigs(DescribeConfigsRequest())
        case .alterConfigs: self = .alterConfigs(AlterConfigsRequest())
        case .describeLogDirs: self = .describeLogDirs(DescribeLogDirsRequest())
        case .saslAuthenticate: self = .saslAuthenticate(SASLAuthenticateRequest())
        case .createPartitions: self = .createPartitions(CreatePartitionsRequest())
        case .deleteGroups: self = .deleteGroups(DeleteGroupsRequest())
        case .incrementalAlterConfigs: self = .incrementalAlterConfigs(IncrementalAlterConfigsRequest())
        case .offsetDelete: self = .offsetDelete(OffsetDeleteRequest())
        case .describeCluster: self = .describeCluster(DescribeClusterRequest())
        case .describeProducers: self = .describeProducers(DescribeProducersRequest())
        case .describeTransactions: self = .describeTransactions(DescribeTransactionsRequest())
        case .listTransactions: self = .listTransactions(ListTransactionsRequest())
        case .consumerGroupHeartbeat: self = .consumerGroupHeartbeat(ConsumerGroupHeartbeatRequest())
        case .consumerGroupDescribe: self = .consumerGroupDescribe(ConsumerGroupDescribeRequest())
        case .describeTopicPartitions: self = .describeTopicPartitions(DescribeTopicPartitionsRequest())
        case .shareGroupHeartbeat: self = .shareGroupHeartbeat(ShareGroupHeartbeatRequest())
        case .shareGroupDescribe: self = .shareGroupDescribe(ShareGroupDescribeRequest())
        case .shareFetch: self = .shareFetch(ShareFetchRequest())
        case .shareAcknowledge: self = .shareAcknowledge(ShareAcknowledgeRequest())
        case .describeShareGroupOffsets: self = .describeShareGroupOffsets(DescribeShareGroupOffsetsRequest())
        case .alterShareGroupOffsets: self = .alterShareGroupOffsets(AlterShareGroupOffsetsRequest())
        case .deleteShareGroupOffsets: self = .deleteShareGroupOffsets(DeleteShareGroupOffsetsRequest())
        }
    }

    /// Which API it belongs to.
    public var api: APIKey {
        switch self {
        case .produce: .produce
        case .fetch: .fetch
        case .listOffsets: .listOffsets
        case .metadata: .metadata
        case .offsetCommit: .offsetCommit
        case .offsetFetch: .offsetFetch
        case .findCoordinator: .findCoordinator
        case .joinGroup: .joinGroup
        case .heartbeat: .heartbeat
        case .leaveGroup: .leaveGroup
        case .syncGroup: .syncGroup
        case .describeGroups: .describeGroups
        case .listGroups: .listGroups
        case .saslHandshake: .saslHandshake
        case .apiVersions: .apiVersions
        case .createTopics: .createTopics
        case .deleteTopics: .deleteTopics
        case .deleteRecords: .deleteRecords
        case .initProducerID: .initProducerID
        case .offsetForLeaderEpoch: .offsetForLeaderEpoch
        case .addPartitionsToTxn: .addPartitionsToTxn
        case .addOffsetsToTxn: .addOffsetsToTxn
        case .endTxn: .endTxn
        case .writeTxnMarkers: .writeTxnMarkers
        case .txnOffsetCommit: .txnOffsetCommit
        case .describeConfigs: .describeConfigs
        case .alterConfigs: .alterConfigs
        case .describeLogDirs: .describeLogDirs
        case .saslAuthenticate: .saslAuthenticate
        case .createPartitions: .createPartitions
        case .deleteGroups: .deleteGroups
        case .incrementalAlterConfigs: .incrementalAlterConfigs
        case .offsetDelete: .offsetDelete
        case .describeCluster: .describeCluster
        case .describeProducers: .describeProducers
        case .describeTransactions: .describeTransactions
        case .listTransactions: .listTransactions
        case .consumerGroupHeartbeat: .consumerGroupHeartbeat
        case .consumerGroupDescribe: .consumerGroupDescribe
        case .describeTopicPartitions: .describeTopicPartitions
        case .shareGroupHeartbeat: .shareGroupHeartbeat
        case .shareGroupDescribe: .shareGroupDescribe
        case .shareFetch: .shareFetch
        case .shareAcknowledge: .shareAcknowledge
        case .describeShareGroupOffsets: .describeShareGroupOffsets
        case .alterShareGroupOffsets: .alterShareGroupOffsets
        case .deleteShareGroupOffsets: .deleteShareGroupOffsets
        }
    }

    /// Shows the fields to a coder.
    package mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        switch self {
        case .produce(var message):
            try message.code(with: &coder)
            self = .produce(message)
        case .fetch(var message):
            try message.code(with: &coder)
            self = .fetch(message)
        case .listOffsets(var message):
            try message.code(with: &coder)
            self = .listOffsets(message)
        case .metadata(var message):
            try message.code(with: &coder)
            self = .metadata(message)
        case .offsetCommit(var message):
            try message.code(with: &coder)
            self = .offsetCommit(message)
        case .offsetFetch(var message):
            try message.code(with: &coder)
            self = .offsetFetch(message)
        case .findCoordinator(var message):
            try message.code(with: &coder)
            self = .findCoordinator(message)
        case .joinGroup(var message):
            try message.code(with: &coder)
            self = .joinGroup(message)
        case .heartbeat(var message):
            try message.code(with: &coder)
            self = .heartbeat(message)
        case .leaveGroup(var message):
            try message.code(with: &coder)
            self = .leaveGroup(message)
        case .syncGroup(var message):
            try message.code(with: &coder)
            self = .syncGroup(message)
        case .describeGroups(var message):
            try message.code(with: &coder)
            self = .describeGroups(message)
        case .listGroups(var message):
            try message.code(with: &coder)
            self = .listGroups(message)
        case .saslHandshake(var message):
            try message.code(with: &coder)
            self = .saslHandshake(message)
        case .apiVersions(var message):
            try message.code(with: &coder)
            self = .apiVersions(message)
        case .createTopics(var message):
            try message.code(with: &coder)
            self = .createTopics(message)
        case .deleteTopics(var message):
            try message.code(with: &coder)
            self = .deleteTopics(message)
        case .deleteRecords(var message):
            try message.code(with: &coder)
            self = .deleteRecords(message)
        case .initProducerID(var message):
            try message.code(with: &coder)
            self = .initProducerID(message)
        case .offsetForLeaderEpoch(var message):
            try message.code(with: &coder)
            self = .offsetForLeaderEpoch(message)
        case .addPartitionsToTxn(var message):
            try message.code(with: &coder)
            self = .addPartitionsToTxn(message)
        case .addOffsetsToTxn(var message):
            try message.code(with: &coder)
            self = .addOffsetsToTxn(message)
        case .endTxn(var message):
            try message.code(with: &coder)
            self = .endTxn(message)
        case .writeTxnMarkers(var message):
            try message.code(with: &coder)
            self = .writeTxnMarkers(message)
        case .txnOffsetCommit(var message):
            try message.code(with: &coder)
            self = .txnOffsetCommit(message)
        case .describeConfigs(var message):
            try message.code(with: &coder)
            self = .describeConfigs(message)
        case .alterConfigs(var message):
            try message.code(with: &coder)
            self = .alterConfigs(message)
        case .describeLogDirs(var message):
            try message.code(with: &coder)
            self = .describeLogDirs(message)
        case .saslAuthenticate(var message):
            try message.code(with: &coder)
            self = .saslAuthenticate(message)
        case .createPartitions(var message):
            try message.code(with: &coder)
            self = .createPartitions(message)
        case .deleteGroups(var message):
            try message.code(with: &coder)
            self = .deleteGroups(message)
        case .incrementalAlterConfigs(var message):
            try message.code(with: &coder)
            self = .incrementalAlterConfigs(message)
        case .offsetDelete(var message):
            try message.code(with: &coder)
            self = .offsetDelete(message)
        case .describeCluster(var message):
            try message.code(with: &coder)
            self = .describeCluster(message)
        case .describeProducers(var message):
            try message.code(with: &coder)
            self = .describeProducers(message)
        case .describeTransactions(var message):
            try message.code(with: &coder)
            self = .describeTransactions(message)
        case .listTransactions(var message):
            try message.code(with: &coder)
            self = .listTransactions(message)
        case .consumerGroupHeartbeat(var message):
            try message.code(with: &coder)
            self = .consumerGroupHeartbeat(message)
        case .consumerGroupDescribe(var message):
            try message.code(with: &coder)
            self = .consumerGroupDescribe(message)
        case .describeTopicPartitions(var message):
            try message.code(with: &coder)
            self = .describeTopicPartitions(message)
        case .shareGroupHeartbeat(var message):
            try message.code(with: &coder)
            self = .shareGroupHeartbeat(message)
        case .shareGroupDescribe(var message):
            try message.code(with: &coder)
            self = .shareGroupDescribe(message)
        case .shareFetch(var message):
            try message.code(with: &coder)
            self = .shareFetch(message)
        case .shareAcknowledge(var message):
            try message.code(with: &coder)
            self = .shareAcknowledge(message)
        case .describeShareGroupOffsets(var message):
            try message.code(with: &coder)
            self = .describeShareGroupOffsets(message)
        case .alterShareGroupOffsets(var message):
            try message.code(with: &coder)
            self = .alterShareGroupOffsets(message)
        case .deleteShareGroupOffsets(var message):
            try message.code(with: &coder)
            self = .deleteShareGroupOffsets(message)
        }
    }
}
