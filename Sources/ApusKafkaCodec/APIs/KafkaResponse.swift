// SPDX-License-Identifier: Apache-2.0

// Every response in one type: what a connection reads, writes and switches over.

/// A response of any API.
public enum KafkaResponse: Sendable, Equatable {
    case produce(ProduceResponse)
    case fetch(FetchResponse)
    case listOffsets(ListOffsetsResponse)
    case metadata(MetadataResponse)
    case offsetCommit(OffsetCommitResponse)
    case offsetFetch(OffsetFetchResponse)
    case findCoordinator(FindCoordinatorResponse)
    case joinGroup(JoinGroupResponse)
    case heartbeat(HeartbeatResponse)
    case leaveGroup(LeaveGroupResponse)
    case syncGroup(SyncGroupResponse)
    case describeGroups(DescribeGroupsResponse)
    case listGroups(ListGroupsResponse)
    case saslHandshake(SASLHandshakeResponse)
    case apiVersions(APIVersionsResponse)
    case createTopics(CreateTopicsResponse)
    case deleteTopics(DeleteTopicsResponse)
    case deleteRecords(DeleteRecordsResponse)
    case initProducerID(InitProducerIDResponse)
    case offsetForLeaderEpoch(OffsetForLeaderEpochResponse)
    case addPartitionsToTxn(AddPartitionsToTxnResponse)
    case addOffsetsToTxn(AddOffsetsToTxnResponse)
    case endTxn(EndTxnResponse)
    case writeTxnMarkers(WriteTxnMarkersResponse)
    case txnOffsetCommit(TxnOffsetCommitResponse)
    case describeConfigs(DescribeConfigsResponse)
    case alterConfigs(AlterConfigsResponse)
    case describeLogDirs(DescribeLogDirsResponse)
    case saslAuthenticate(SASLAuthenticateResponse)
    case createPartitions(CreatePartitionsResponse)
    case deleteGroups(DeleteGroupsResponse)
    case incrementalAlterConfigs(IncrementalAlterConfigsResponse)
    case offsetDelete(OffsetDeleteResponse)
    case describeCluster(DescribeClusterResponse)
    case describeProducers(DescribeProducersResponse)
    case describeTransactions(DescribeTransactionsResponse)
    case listTransactions(ListTransactionsResponse)
    case consumerGroupHeartbeat(ConsumerGroupHeartbeatResponse)
    case consumerGroupDescribe(ConsumerGroupDescribeResponse)
    case describeTopicPartitions(DescribeTopicPartitionsResponse)
    case shareGroupHeartbeat(ShareGroupHeartbeatResponse)
    case shareGroupDescribe(ShareGroupDescribeResponse)
    case shareFetch(ShareFetchResponse)
    case shareAcknowledge(ShareAcknowledgeResponse)
    case describeShareGroupOffsets(DescribeShareGroupOffsetsResponse)
    case alterShareGroupOffsets(AlterShareGroupOffsetsResponse)
    case deleteShareGroupOffsets(DeleteShareGroupOffsetsResponse)

    /// The response of an API with each field at its default.
    package init(_ api: APIKey) {
        switch api {
        case .produce: self = .produce(ProduceResponse())
        case .fetch: self = .fetch(FetchResponse())
        case .listOffsets: self = .listOffsets(ListOffsetsResponse())
        case .metadata: self = .metadata(MetadataResponse())
        case .offsetCommit: self = .offsetCommit(OffsetCommitResponse())
        case .offsetFetch: self = .offsetFetch(OffsetFetchResponse())
        case .findCoordinator: self = .findCoordinator(FindCoordinatorResponse())
        case .joinGroup: self = .joinGroup(JoinGroupResponse())
        case .heartbeat: self = .heartbeat(HeartbeatResponse())
        case .leaveGroup: self = .leaveGroup(LeaveGroupResponse())
        case .syncGroup: self = .syncGroup(SyncGroupResponse())
        case .describeGroups: self = .describeGroups(DescribeGroupsResponse())
        case .listGroups: self = .listGroups(ListGroupsResponse())
        case .saslHandshake: self = .saslHandshake(SASLHandshakeResponse())
        case .apiVersions: self = .apiVersions(APIVersionsResponse())
        case .createTopics: self = .createTopics(CreateTopicsResponse())
        case .deleteTopics: self = .deleteTopics(DeleteTopicsResponse())
        case .deleteRecords: self = .deleteRecords(DeleteRecordsResponse())
        case .initProducerID: self = .initProducerID(InitProducerIDResponse())
        case .offsetForLeaderEpoch: self = .offsetForLeaderEpoch(OffsetForLeaderEpochResponse())
        case .addPartitionsToTxn: self = .addPartitionsToTxn(AddPartitionsToTxnResponse())
        case .addOffsetsToTxn: self = .addOffsetsToTxn(AddOffsetsToTxnResponse())
        case .endTxn: self = .endTxn(EndTxnResponse())
        case .writeTxnMarkers: self = .writeTxnMarkers(WriteTxnMarkersResponse())
        case .txnOffsetCommit: self = .txnOffsetCommit(TxnOffsetCommitResponse())
        case .describeConfigs: self = .describeConfigs(DescribeConfigsResponse())
        case .alterConfigs: self = .alterConfigs(AlterConfigsResponse())
        case .describeLogDirs: self = .describeLogDirs(DescribeLogDirsResponse())
        case .saslAuthenticate: self = .saslAuthenticate(SASLAuthenticateResponse())
        case .createPartitions: self = .createPartitions(CreatePartitionsResponse())
        case .deleteGroups: self = .deleteGroups(DeleteGroupsResponse())
        case .incrementalAlterConfigs: self = .incrementalAlterConfigs(IncrementalAlterConfigsResponse())
        case .offsetDelete: self = .offsetDelete(OffsetDeleteResponse())
        case .describeCluster: self = .describeCluster(DescribeClusterResponse())
        case .describeProducers: self = .describeProducers(DescribeProducersResponse())
        case .describeTransactions: self = .describeTransactions(DescribeTransactionsResponse())
        case .listTransactions: self = .listTransactions(ListTransactionsResponse())
        case .consumerGroupHeartbeat: self = .consumerGroupHeartbeat(ConsumerGroupHeartbeatResponse())
        case .consumerGroupDescribe: self = .consumerGroupDescribe(ConsumerGroupDescribeResponse())
        case .describeTopicPartitions: self = .describeTopicPartitions(DescribeTopicPartitionsResponse())
        case .shareGroupHeartbeat: self = .shareGroupHeartbeat(ShareGroupHeartbeatResponse())
        case .shareGroupDescribe: self = .shareGroupDescribe(ShareGroupDescribeResponse())
        case .shareFetch: self = .shareFetch(ShareFetchResponse())
        case .shareAcknowledge: self = .shareAcknowledge(ShareAcknowledgeResponse())
        case .describeShareGroupOffsets:
            self = .describeShareGroupOffsets(DescribeShareGroupOffsetsResponse())
        case .alterShareGroupOffsets: self = .alterShareGroupOffsets(AlterShareGroupOffsetsResponse())
        case .deleteShareGroupOffsets: self = .deleteShareGroupOffsets(DeleteShareGroupOffsetsResponse())
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
