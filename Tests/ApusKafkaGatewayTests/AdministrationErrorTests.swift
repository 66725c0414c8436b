// SPDX-License-Identifier: Apache-2.0

// What administrators are told about topics, partitions, records and configs; and what a connection is that has not authenticated.

import ApusEngine
import ApusKafkaCodec
import ApusModel
import NIOCore
import Testing

@testable import ApusKafkaGateway

@Suite(.timeLimit(.minutes(10))) struct AdministrationErrorTests {
    private func create(
        _ client: KafkaTestClient, _ name: String, partitions: Int32 = 1, replication: Int16 = 1,
        configs: [String: String] = [:], validateOnly: Bool = false,
        _ change: (inout CreateTopicsRequest) -> Void = { _ in }
    ) async throws -> [KafkaErrorCode] {
        var request = CreateTopicsRequest { request in
            request.validateOnly = validateOnly
            request.topics = [
                CreateTopicsRequest.Topic { topic in
                    topic.name = name
                    topic.numPartitions = partitions
                    topic.replicationFactor = replication
                    topic.configs = configs.map { key, value in
                        CreateTopicsRequest.Topic.Config {
                            $0.name = key
                            $0.value = value
                        }
                    }
                }
            ]
        }
        change(&request)
        guard case .createTopics(let answer) = try await client.ask(.createTopics(request), version: 7) else {
            throw ChannelError.eof
        }
        return answer.topics.map(\.errorCode)
    }

    @Test func `described partitions have no lists that are null`() async throws {
        try await KafkaRig.run { rig, client in
            _ = try await rig.topic("t")
            let request = DescribeTopicPartitionsRequest {
                $0.topics = [DescribeTopicPartitionsRequest.Topic { $0.name = "t" }]
            }
            guard
                case .describeTopicPartitions(let answer) = try await client.ask(
                    .describeTopicPartitions(request), version: 0)
            else { throw ChannelError.eof }
            let partition = try #require(answer.topics.first?.partitions.first)
            #expect(partition.eligibleLeaderReplicas == [])
            #expect(partition.lastKnownElr == [])
        }
    }

    @Test func `making topics`() async throws {
        try await KafkaRig.run { rig, client in
            #expect(try await create(client, "t", validateOnly: true) == [.noError])
            #expect(rig.engine.topicSummary(try ResourceName("t")) == nil)
            #expect(try await create(client, "t") == [.noError])
            #expect(try await create(client, "t") == [.topicAlreadyExists])
            #expect(try await create(client, "no/name") == [.invalidTopicException])
            #expect(try await create(client, "u", partitions: 0) == [.invalidPartitions])
            #expect(try await create(client, "u", replication: 3) == [.invalidReplicationFactor])
            #expect(try await create(client, "u", configs: ["no.such": "1"]) == [.invalidConfig])
            #expect(try await create(client, "u", configs: ["max.message.bytes": "x"]) == [.invalidConfig])
            #expect(
                try await create(client, "u") { $0.topics.append($0.topics[0]) } == [.invalidRequest])
            let elsewhere = try await create(client, "u", partitions: -1, replication: -1) { request in
                request.topics[0].assignments = [
                    CreateTopicsRequest.Topic.ReplicaAssignment { $0.brokerIDs = [2] }
                ]
            }
            #expect(elsewhere == [.invalidReplicaAssignment])
        }
    }

    @Test func `deleting topics and adding partitions`() async throws {
        try await KafkaRig.run { rig, client in
            try await rig.topic("t", TopicSettings(partitions: 2))
            try await rig.topic("used")
            let name = try ResourceName("used")
            _ = try await rig.engine.createSubscription(
                try ResourceName("s"), SubscriptionSettings(topic: name))
            func grow(_ topic: String, _ count: Int32) async throws -> [KafkaErrorCode] {
                let request = CreatePartitionsRequest { request in
                    request.topics = [
                        CreatePartitionsRequest.Topic {
                            $0.name = topic
                            $0.count = count
                        }
                    ]
                }
                guard
                    case .createPartitions(let answer) = try await client.ask(
                        .createPartitions(request), version: 2)
                else { throw ChannelError.eof }
                return answer.results.map(\.errorCode)
            }
            #expect(try await grow("t", 3) == [.noError])
            #expect(try await grow("t", 3) == [.invalidPartitions])
            #expect(try await grow("t", 1) == [.invalidPartitions])
            #expect(try await grow("none", 3) == [.unknownTopicOrPartition])
            let request = DeleteTopicsRequest { $0.topicNames = ["t", "used", "none"] }
            guard case .deleteTopics(let deleted) = try await client.ask(.deleteTopics(request), version: 5)
            else { throw ChannelError.eof }
            #expect(
                deleted.responses.map(\.errorCode) == [.noError, .policyViolation, .unknownTopicOrPartition])
        }
    }

    @Test func `deleting records`() async throws {
        try await KafkaRig.run { rig, client in
            try await rig.topic("t")
            func delete(_ topic: String, _ offset: Int64) async throws -> KafkaErrorCode? {
                let request = DeleteRecordsRequest { request in
                    request.topics = [
                        DeleteRecordsRequest.Topic { asked in
                            asked.name = topic
                            asked.partitions = [DeleteRecordsRequest.Topic.Partition { $0.offset = offset }]
                        }
                    ]
                }
                guard
                    case .deleteRecords(let answer) = try await client.ask(
                        .deleteRecords(request), version: 2)
                else { throw ChannelError.eof }
                return answer.topics.first?.partitions.first?.errorCode
            }
            #expect(try await delete("t", -1) == .noError)
            #expect(try await delete("t", 5) == .offsetOutOfRange)
            #expect(try await delete("none", 0) == .unknownTopicOrPartition)
        }
    }

    @Test func `configs`() async throws {
        try await KafkaRig.run { rig, client in
            try await rig.topic("t", TopicSettings(ttl: .seconds(9)))
            func alter(
                _ name: String, _ value: String?, operation: Int8 = 0, type: Int8 = 2,
                of resource: String = "t"
            ) async throws -> [KafkaErrorCode] {
                let request = IncrementalAlterConfigsRequest { request in
                    request.resources = [
                        IncrementalAlterConfigsRequest.Resource { asked in
                            asked.resourceType = type
                            asked.resourceName = resource
                            asked.configs = [
                                IncrementalAlterConfigsRequest.Resource.Config {
                                    $0.name = name
                                    $0.value = value
                                    $0.configOperation = operation
                                }
                            ]
                        }
                    ]
                }
                guard
                    case .incrementalAlterConfigs(let answer) = try await client.ask(
                        .incrementalAlterConfigs(request), version: 1)
                else { throw ChannelError.eof }
                return answer.responses.map(\.errorCode)
            }
            var settings: TopicSettings? { rig.engine.topicSummary(ResourceName(unchecked: "t"))?.settings }
            #expect(try await alter("segment.ms", "60000") == [.noError])
            #expect(settings?.segmentAge == .seconds(60))
            #expect(try await alter("segment.ms", nil, operation: 1) == [.noError])
            #expect(settings?.segmentAge == Defaults.segmentAge)
            #expect(try await alter("cleanup.policy", "compact", operation: 2) == [.noError])
            #expect(settings?.cleanup == .compactAndDelete)
            #expect(try await alter("cleanup.policy", "delete", operation: 3) == [.noError])
            #expect(settings?.cleanup == .compact)
            #expect(try await alter("segment.ms", "1", operation: 2) == [.invalidConfig])
            #expect(try await alter("segment.ms", "1", operation: 9) == [.invalidConfig])
            #expect(try await alter("no.such", "1") == [.invalidConfig])
            #expect(try await alter("segment.ms", "1", of: "none") == [.unknownTopicOrPartition])
            #expect(try await alter("num.partitions", "2", type: 4, of: "1") == [.invalidRequest])
            // The older request gives everything that it does not name its default, but what Kafka does not know.
            let request = AlterConfigsRequest { request in
                request.resources = [
                    AlterConfigsRequest.Resource { asked in
                        asked.resourceType = 2
                        asked.resourceName = "t"
                        asked.configs = [
                            AlterConfigsRequest.Resource.Config {
                                $0.name = "max.message.bytes"
                                $0.value = "5000"
                            }
                        ]
                    }
                ]
            }
            guard case .alterConfigs(let altered) = try await client.ask(.alterConfigs(request), version: 2)
            else {
                throw ChannelError.eof
            }
            #expect(altered.responses.map(\.errorCode) == [.noError])
            #expect(settings?.cleanup == .delete)
            #expect(settings?.batchBytesMax == 5000)
            #expect(settings?.ttl == .seconds(9))
        }
    }

    @Test func `whoever has to authenticate is asked nothing else before`() async throws {
        let needsToken: (inout KafkaGatewayConfiguration) -> Void = { $0.users = SharedSecret("secret") }
        try await KafkaRig.run(needsToken) { rig, client in
            guard
                case .apiVersions(let versions) = try await client.ask(
                    .apiVersions(APIVersionsRequest()), version: 0),
                case .saslHandshake(let unknown) = try await client.ask(
                    .saslHandshake(SASLHandshakeRequest { $0.mechanism = "GSSAPI" }), version: 1),
                case .saslHandshake(let known) = try await client.ask(
                    .saslHandshake(SASLHandshakeRequest { $0.mechanism = "PLAIN" }), version: 1)
            else { throw ChannelError.eof }
            #expect(versions.errorCode == .noError)
            #expect(unknown.errorCode == .unsupportedSASLMechanism)
            #expect(unknown.mechanisms.contains("SCRAM-SHA-256"))
            #expect(known.errorCode == .noError)
            let wrong = SASLAuthenticateRequest { $0.authBytes = ByteBuffer(string: "\0me\0wrong") }
            guard
                case .saslAuthenticate(let refused) = try await client.ask(
                    .saslAuthenticate(wrong), version: 2)
            else { throw ChannelError.eof }
            #expect(refused.errorCode == .saslAuthenticationFailed)
            let other = try await rig.connect()
            await #expect(throws: (any Error).self) {
                try await other.ask(.metadata(MetadataRequest()), version: 9)
            }
        }
    }

    @Test func `what is not spoken ends the connection, but for the question what is`() async throws {
        try await KafkaRig.run { rig, client in
            guard
                case .apiVersions(let versions) = try await client.ask(
                    .apiVersions(
                        APIVersionsRequest {
                            $0.clientSoftwareName = "test"
                            $0.clientSoftwareVersion = "1"
                        }), version: 4)
            else { throw ChannelError.eof }
            let ranges = Dictionary(
                uniqueKeysWithValues: versions.apiKeys.map { ($0.apiKey, $0.minVersion...$0.maxVersion) })
            #expect(ranges[APIKey.endTxn.rawValue] == 0...5)
            #expect(ranges[APIKey.addPartitionsToTxn.rawValue] == 0...3)
            #expect(ranges[APIKey.writeTxnMarkers.rawValue] == nil)
            let features = versions.finalizedFeatures.map { "\($0.name) \($0.maxVersionLevel)" }
            #expect(features.contains("transaction.version 2"))
            var unknown = ByteBuffer()
            unknown.writeMultipleIntegers(Int32(10), Int16(999), Int16(0), Int32(7), Int16(-1))
            #expect(await client.isClosed(over: unknown))
            var oversized = ByteBuffer()
            oversized.writeInteger(Int32.max)
            #expect(try await rig.connect().isClosed(over: oversized))
        }
    }
}

extension ResourceName {
    /// A name that is certainly one.
    fileprivate init(unchecked text: String) {
        do { self = try ResourceName(text) } catch { preconditionFailure("\(error)") }
    }
}
