// SPDX-License-Identifier: Apache-2.0

// What consumers are told when they fetch, look for offsets and keep positions.

import ApusEngine
import ApusKafkaCodec
import ApusModel
import NIOCore
import Testing

@testable import ApusKafkaGateway

@Suite(.timeLimit(.minutes(10))) struct ReadErrorTests {
    private func fill(_ rig: KafkaRig, _ topic: String = "t", _ count: Int = 3) async throws {
        try await rig.topic(topic)
        let batch = try RecordBatch(verifying: KafkaRig.batch((0..<count).map { "\($0)" }))
        let name = try ResourceName(topic)
        let receipt = await withCheckedContinuation { continuation in
            rig.engine.append(batch, to: name, partition: 0) { continuation.resume(returning: $0) }
        }
        _ = try receipt.get()
    }

    private func fetch(
        _ client: KafkaTestClient, _ offset: Int64, of topic: String = "t", partition: Int32 = 0,
        version: Int16 = 12, _ change: (inout FetchRequest) -> Void = { _ in }
    ) async throws -> (KafkaErrorCode, FetchResponse.Topic.Partition?) {
        var request = FetchRequest { request in
            request.topics = [
                FetchRequest.Topic { asked in
                    asked.topic = topic
                    asked.partitions = [
                        FetchRequest.Topic.Partition {
                            $0.partition = partition
                            $0.fetchOffset = offset
                            $0.partitionMaxBytes = 1 << 20
                        }
                    ]
                }
            ]
        }
        change(&request)
        guard case .fetch(let response) = try await client.ask(.fetch(request), version: version) else {
            throw ChannelError.eof
        }
        return (response.errorCode, response.responses.first?.partitions.first)
    }

    @Test func `fetching`() async throws {
        try await KafkaRig.run { rig, client in
            try await fill(rig)
            let (code, found) = try await fetch(client, 1)
            #expect(code == .noError)
            #expect(found?.errorCode == .noError)
            #expect(found?.highWatermark == 3)
            #expect((found?.records.count ?? 0) > 61)
            #expect(try await fetch(client, 4).1?.errorCode == .offsetOutOfRange)
            #expect(try await fetch(client, -1).1?.errorCode == .offsetOutOfRange)
            #expect(try await fetch(client, 0, partition: 9).1?.errorCode == .unknownTopicOrPartition)
            #expect(try await fetch(client, 0, of: "none").1?.errorCode == .unknownTopicOrPartition)
            #expect(try await fetch(client, 0, version: 13).1?.errorCode == .unknownTopicID)
            // Sessions that are not, or have another epoch.
            #expect(
                try await fetch(client, 0) {
                    $0.sessionID = 999
                    $0.sessionEpoch = 4
                }.0 == .fetchSessionIDNotFound)
            // A leader's epoch that there never was.
            let fenced = try await fetch(client, 0) { $0.topics[0].partitions[0].currentLeaderEpoch = 5 }
            #expect(fenced.1?.errorCode == .unknownLeaderEpoch)
        }
    }

    @Test func `offsets by time`() async throws {
        try await KafkaRig.run { rig, client in
            try await fill(rig)
            func list(
                _ time: Int64, _ topic: String = "t", partition: Int32 = 0
            ) async throws -> ListOffsetsResponse.Topic.Partition? {
                let request = ListOffsetsRequest { request in
                    request.topics = [
                        ListOffsetsRequest.Topic { asked in
                            asked.name = topic
                            asked.partitions = [
                                ListOffsetsRequest.Topic.Partition {
                                    $0.partitionIndex = partition
                                    $0.timestamp = time
                                }
                            ]
                        }
                    ]
                }
                guard
                    case .listOffsets(let response) = try await client.ask(.listOffsets(request), version: 7)
                else { throw ChannelError.eof }
                return response.topics.first?.partitions.first
            }
            #expect(try await list(-2)?.offset == 0)
            #expect(try await list(-1)?.offset == 3)
            #expect(try await list(0)?.offset == 0)
            let never = try await list(Int64.max / 2)
            #expect(never?.offset == -1)
            #expect(never?.errorCode == .noError)
            #expect(try await list(-1, partition: 9)?.errorCode == .unknownTopicOrPartition)
            #expect(try await list(-1, "none")?.errorCode == .unknownTopicOrPartition)
        }
    }

    @Test func `positions of groups`() async throws {
        try await KafkaRig.run { rig, client in
            try await fill(rig)
            func commit(
                _ offset: Int64, metadata: String = "", topic: String = "t", partition: Int32 = 0,
                group: String = "g", member: String = "", generation: Int32 = -1
            ) async throws -> KafkaErrorCode? {
                let request = OffsetCommitRequest { request in
                    request.groupID = group
                    request.memberID = member
                    request.generationIDOrMemberEpoch = generation
                    request.topics = [
                        OffsetCommitRequest.Topic { asked in
                            asked.name = topic
                            asked.partitions = [
                                OffsetCommitRequest.Topic.Partition {
                                    $0.partitionIndex = partition
                                    $0.committedOffset = offset
                                    $0.committedMetadata = metadata
                                }
                            ]
                        }
                    ]
                }
                guard
                    case .offsetCommit(let response) = try await client.ask(
                        .offsetCommit(request), version: 8)
                else { throw ChannelError.eof }
                return response.topics.first?.partitions.first?.errorCode
            }
            #expect(try await commit(2) == .noError)
            #expect(try await commit(2, metadata: String(repeating: "m", count: 4096)) == .noError)
            #expect(
                try await commit(2, metadata: String(repeating: "m", count: 4097)) == .offsetMetadataTooLarge)
            #expect(try await commit(2, partition: 9) == .unknownTopicOrPartition)
            #expect(try await commit(2, topic: "none") == .unknownTopicOrPartition)
            #expect(try await commit(2, group: "") == .invalidGroupID)
            #expect(try await commit(2, member: "nobody", generation: 3) == .illegalGeneration)
            #expect(try await commit(-5) == .offsetOutOfRange)

            func fetched(_ group: String, _ topic: String) async throws -> (KafkaErrorCode, Int64?) {
                let request = OffsetFetchRequest { request in
                    request.groupID = group
                    request.topics = [
                        OffsetFetchRequest.Topic {
                            $0.name = topic
                            $0.partitionIndexes = [0]
                        }
                    ]
                }
                guard
                    case .offsetFetch(let response) = try await client.ask(.offsetFetch(request), version: 7)
                else { throw ChannelError.eof }
                return (response.errorCode, response.topics.first?.partitions.first?.committedOffset)
            }
            #expect(try await fetched("g", "t") == (.noError, 2))
            #expect(try await fetched("other", "t") == (.noError, -1))
        }
    }

    @Test func `groups`() async throws {
        try await KafkaRig.run { _, client in
            func beat(_ group: String, version: Int16 = 3) async throws -> KafkaErrorCode {
                let request = HeartbeatRequest {
                    $0.groupID = group
                    $0.memberID = "nobody"
                }
                guard
                    case .heartbeat(let response) = try await client.ask(
                        .heartbeat(request), version: version)
                else { throw ChannelError.eof }
                return response.errorCode
            }
            #expect(try await beat("none") == .unknownMemberID)
            func join(_ member: String, version: Int16) async throws -> JoinGroupResponse {
                let request = JoinGroupRequest { request in
                    request.groupID = "g"
                    request.sessionTimeoutMs = 10_000
                    request.rebalanceTimeoutMs = 10_000
                    request.memberID = member
                    request.protocolType = "consumer"
                    request.protocols = [JoinGroupRequest.Offer { $0.name = "range" }]
                }
                guard
                    case .joinGroup(let response) = try await client.ask(
                        .joinGroup(request), version: version)
                else { throw ChannelError.eof }
                return response
            }
            // From version 4 on a member is told its name first.
            let named = try await join("", version: 5)
            #expect(named.errorCode == .memberIDRequired)
            #expect(try await join("nobody", version: 5).errorCode == .unknownMemberID)
            let joined = try await join(named.memberID, version: 5)
            #expect(joined.errorCode == .noError)
            #expect(joined.leader == named.memberID)
            guard
                case .deleteGroups(let deleted) = try await client.ask(
                    .deleteGroups(DeleteGroupsRequest { $0.groupsNames = ["g", "none"] }), version: 2),
                case .describeGroups(let described) = try await client.ask(
                    .describeGroups(DescribeGroupsRequest { $0.groups = ["none"] }), version: 5),
                case .describeGroups(let newer) = try await client.ask(
                    .describeGroups(DescribeGroupsRequest { $0.groups = ["none"] }), version: 6),
                case .listGroups(let listed) = try await client.ask(
                    .listGroups(ListGroupsRequest { $0.statesFilter = ["Empty"] }), version: 4)
            else { throw ChannelError.eof }
            #expect(deleted.results.map(\.errorCode) == [.nonEmptyGroup, .groupIDNotFound])
            #expect(described.groups.map(\.groupState) == ["Dead"])
            #expect(newer.groups.map(\.errorCode) == [.groupIDNotFound])
            #expect(listed.groups.isEmpty)
        }
    }
}
