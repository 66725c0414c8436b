// SPDX-License-Identifier: Apache-2.0

// Messages written out by hand from the description of the protocol: those that the library behind the other
// fixtures does not have, and some whose values say that each field is where it belongs.

import ApusKafkaCodec
import NIOCore
import Testing

@Suite struct HandMadeTests {
    private static let uuid = KafkaUUID(high: 0x0011_2233_4455_6677, low: 0x8899_aabb_ccdd_eeff)
    private static let uuidBytes = "00112233445566778899aabbccddeeff"

    /// Reads as `message`, and is what `message` is written as.
    private func check(
        _ body: ByteBuffer, _ version: Int16, is message: KafkaRequest,
        at location: SourceLocation = #_sourceLocation
    ) throws {
        #expect(
            try KafkaRequest(reading: body, of: message.api, version: version) == message,
            sourceLocation: location)
        #expect(joined(try message.body(version: version)) == body, sourceLocation: location)
    }

    private func check(
        _ body: ByteBuffer, _ version: Int16, is message: KafkaResponse,
        at location: SourceLocation = #_sourceLocation
    ) throws {
        #expect(
            try KafkaResponse(reading: body, of: message.api, version: version) == message,
            sourceLocation: location)
        #expect(joined(try message.body(version: version)) == body, sourceLocation: location)
    }

    @Test func `Produce 9 and its answer`() throws {
        let records = bytes("00010203 04050607")
        try check(
            bytes(
                "00",  // transactional id: null
                "ffff",  // acks: all
                "00007530",  // timeout: 30 s
                "02 07 6f7264657273",  // one topic: orders
                "02 00000003",  // one partition: 3
                "09 00010203 04050607",  // eight bytes of records
                "00 00 00"  // no tags of partition, topic and request
            ), 9,
            is: .produce(
                ProduceRequest {
                    $0.acks = -1
                    $0.timeoutMs = 30_000
                    $0.topicData = [
                        ProduceRequest.Topic {
                            $0.name = "orders"
                            $0.partitionData = [
                                ProduceRequest.Topic.Partition {
                                    $0.index = 3
                                    $0.records = .bytes(records)
                                }
                            ]
                        }
                    ]
                }))
        try check(
            bytes(
                "02 07 6f7264657273 02 00000003",
                "0057",  // invalid record
                "000000000000002a",  // base offset
                "ffffffffffffffff",  // no time of append
                "0000000000000007",  // start of the log
                "02 00000001 03 6e6f 00",  // record 1: "no"
                "00",  // no message
                "00 00",  // no tags of partition and topic
                "00000064 00"  // throttled for 100 ms
            ), 9,
            is: .produce(
                ProduceResponse {
                    $0.throttleTimeMs = 100
                    $0.responses = [
                        ProduceResponse.Topic {
                            $0.name = "orders"
                            $0.partitionResponses = [
                                ProduceResponse.Topic.Partition {
                                    $0.index = 3
                                    $0.errorCode = .invalidRecord
                                    $0.baseOffset = 42
                                    $0.logStartOffset = 7
                                    $0.recordErrors = [
                                        ProduceResponse.Topic.Partition.RecordError {
                                            $0.batchIndex = 1
                                            $0.batchIndexErrorMessage = "no"
                                        }
                                    ]
                                }
                            ]
                        }
                    ]
                }))
    }

    @Test func `ConsumerGroupHeartbeat 0 and 1`() throws {
        let request = ConsumerGroupHeartbeatRequest {
            $0.groupID = "g"
            $0.memberID = "m1"
            $0.memberEpoch = 0
            $0.rebalanceTimeoutMs = 300_000
            $0.subscribedTopicNames = ["t"]
            $0.topicPartitions = []
        }
        let head = "02 67 03 6d31 00000000 00 00 000493e0 02 02 74"
        try check(bytes(head, "00 01 00"), 0, is: .consumerGroupHeartbeat(request))
        // Version 1 has a regular expression between topics and assignor.
        var other = request
        other.subscribedTopicRegex = "a.*"
        other.serverAssignor = "range"
        try check(bytes(head, "04 612e2a 06 72616e6765 01 00"), 1, is: .consumerGroupHeartbeat(other))
        try check(
            bytes(
                "00000000 0000 00 03 6d31",
                "00000001",  // member epoch
                "00001388",  // every five seconds
                "01 02",  // an assignment of one topic
                Self.uuidBytes, "03 00000000 00000001 00",
                "00 00"
            ), 1,
            is: .consumerGroupHeartbeat(
                ConsumerGroupHeartbeatResponse {
                    $0.memberID = "m1"
                    $0.memberEpoch = 1
                    $0.heartbeatIntervalMs = 5000
                    $0.assignment = ConsumerGroupHeartbeatResponse.Assignment {
                        $0.topicPartitions = [
                            ConsumerGroupHeartbeatResponse.Assignment.TopicPartitions {
                                $0.topicID = Self.uuid
                                $0.partitions = [0, 1]
                            }
                        ]
                    }
                }))
        try check(
            bytes("00000000 006e 00 00 00000000 00000000 ff 00"), 0,
            is: .consumerGroupHeartbeat(ConsumerGroupHeartbeatResponse { $0.errorCode = .fencedMemberEpoch }))
    }

    @Test func `ConsumerGroupDescribe 1 tells types of members`() throws {
        try check(
            bytes("02 02 67 01 00"), 1,
            is: .consumerGroupDescribe(
                ConsumerGroupDescribeRequest {
                    $0.groupIDs = ["g"]
                    $0.includeAuthorizedOperations = true
                }))
        try check(
            bytes(
                "00000000 02 0000 00 02 67 07 537461626c65 00000002 00000001 08 756e69666f726d",
                "02 03 6d31 00 00 00000003 02 63 0a 2f3132372e302e302e 02 02 74 00",
                "02", Self.uuidBytes, "02 74 02 00000005 00 00",  // owns t 5
                "01 00",  // shall own nothing
                "01",  // a member of the new protocol
                "00 80000000 00 00"
            ), 1,
            is: .consumerGroupDescribe(
                ConsumerGroupDescribeResponse {
                    $0.groups = [
                        ConsumerGroupDescribeResponse.Group {
                            $0.groupID = "g"
                            $0.groupState = "Stable"
                            $0.groupEpoch = 2
                            $0.assignmentEpoch = 1
                            $0.assignorName = "uniform"
                            $0.members = [
                                ConsumerGroupDescribeResponse.Group.Member {
                                    $0.memberID = "m1"
                                    $0.memberEpoch = 3
                                    $0.clientID = "c"
                                    $0.clientHost = "/127.0.0."
                                    $0.subscribedTopicNames = ["t"]
                                    $0.assignment.topicPartitions = [
                                        ConsumerGroupDescribeResponse.Group.Member.Assignment.TopicPartitions
                                        {
                                            $0.topicID = Self.uuid
                                            $0.topicName = "t"
                                            $0.partitions = [5]
                                        }
                                    ]
                                    $0.memberType = 1
                                }
                            ]
                        }
                    ]
                }))
    }

    @Test func `ShareGroupHeartbeat 1`() throws {
        try check(
            bytes("02 67 03 6d31 ffffffff 00 02 02 74 00"), 1,
            is: .shareGroupHeartbeat(
                ShareGroupHeartbeatRequest {
                    $0.groupID = "g"
                    $0.memberID = "m1"
                    $0.memberEpoch = -1
                    $0.subscribedTopicNames = ["t"]
                }))
    }

    @Test func `ShareFetch 1 and 2`() throws {
        var request = ShareFetchRequest {
            $0.groupID = "g"
            $0.memberID = "m1"
            $0.shareSessionEpoch = 4
            $0.maxWaitMs = 500
            $0.minBytes = 1
            $0.maxBytes = 0x10_0000
            $0.maxRecords = 500
            $0.batchSize = 100
            $0.topics = [
                ShareFetchRequest.Topic {
                    $0.topicID = Self.uuid
                    $0.partitions = [
                        ShareFetchRequest.Topic.Partition {
                            $0.partitionIndex = 2
                            $0.acknowledgementBatches = [
                                ShareFetchRequest.Topic.Partition.AcknowledgementBatch {
                                    $0.firstOffset = 10
                                    $0.lastOffset = 12
                                    $0.acknowledgeTypes = [1, 2, 3]
                                }
                            ]
                        }
                    ]
                }
            ]
        }
        let head = "02 67 03 6d31 00000004 000001f4 00000001 00100000 000001f4 00000064"
        let tail =
            "02 \(Self.uuidBytes) 02 00000002 02 000000000000000a 000000000000000c 04 010203 00 00 00 01 00"
        try check(bytes(head, tail), 1, is: .shareFetch(request))
        request.shareAcquireMode = 1
        request.isRenewAck = true
        try check(bytes(head, "01 01", tail), 2, is: .shareFetch(request))
        try check(
            bytes(
                "00000000 0000 00 00007530",  // handed out for 30 s
                "02", Self.uuidBytes,
                "02 00000002 0000 00 0079 00",  // the fetch went well, the acknowledgement did not
                "ffffffff ffffffff 00",  // no other leader
                "04 aabbcc",
                "02 0000000000000014 0000000000000016 0002 00",  // 20 to 22 for the second time
                "00 00",
                "02 00000001 02 68 00002384 00 00",  // broker 1 is h:9092
                "00"
            ), 1,
            is: .shareFetch(
                ShareFetchResponse {
                    $0.acquisitionLockTimeoutMs = 30_000
                    $0.responses = [
                        ShareFetchResponse.Topic {
                            $0.topicID = Self.uuid
                            $0.partitions = [
                                ShareFetchResponse.Topic.Partition {
                                    $0.partitionIndex = 2
                                    $0.acknowledgeErrorCode = .invalidRecordState
                                    $0.records = .bytes(bytes("aabbcc"))
                                    $0.acquiredRecords = [
                                        ShareFetchResponse.Topic.Partition.AcquiredRecords {
                                            $0.firstOffset = 20
                                            $0.lastOffset = 22
                                            $0.deliveryCount = 2
                                        }
                                    ]
                                }
                            ]
                        }
                    ]
                    $0.nodeEndpoints = [
                        KafkaNodeEndpoint {
                            $0.nodeID = 1
                            $0.host = "h"
                            $0.port = 9092
                        }
                    ]
                }))
    }

    @Test func `ShareAcknowledge 1 and 2`() throws {
        var request = ShareAcknowledgeRequest {
            $0.groupID = "g"
            $0.memberID = "m1"
            $0.shareSessionEpoch = 5
        }
        try check(bytes("02 67 03 6d31 00000005 01 00"), 1, is: .shareAcknowledge(request))
        request.isRenewAck = true
        try check(bytes("02 67 03 6d31 00000005 01 01 00"), 2, is: .shareAcknowledge(request))
        var response = ShareAcknowledgeResponse { $0.errorCode = .shareSessionNotFound }
        try check(bytes("00000000 007a 00 01 01 00"), 1, is: .shareAcknowledge(response))
        response.acquisitionLockTimeoutMs = 1
        try check(bytes("00000000 007a 00 00000001 01 01 00"), 2, is: .shareAcknowledge(response))
    }

    @Test func `DescribeShareGroupOffsets, AlterShareGroupOffsets and DeleteShareGroupOffsets 0`() throws {
        typealias Describe = DescribeShareGroupOffsetsRequest
        let described = Describe {
            $0.groups = [
                Describe.Group { $0.groupID = "g" },
                Describe.Group {
                    $0.groupID = "h"
                    $0.topics = [
                        Describe.Group.Topic {
                            $0.topicName = "t"
                            $0.partitions = [3]
                        }
                    ]
                },
            ]
        }
        try check(
            bytes("03", "02 67 00 00", "02 68 02 02 74 02 00000003 00 00", "00"), 0,
            is: .describeShareGroupOffsets(described))
        typealias Alter = AlterShareGroupOffsetsRequest
        let altered = Alter {
            $0.groupID = "g"
            $0.topics = [
                Alter.Topic {
                    $0.topicName = "t"
                    $0.partitions = [
                        Alter.Topic.Partition {
                            $0.partitionIndex = 3
                            $0.startOffset = 7
                        }
                    ]
                }
            ]
        }
        try check(
            bytes("02 67", "02 02 74 02 00000003 0000000000000007 00 00", "00"), 0,
            is: .alterShareGroupOffsets(altered))
        typealias Delete = DeleteShareGroupOffsetsResponse
        let deleted = Delete {
            $0.errorCode = .noError
            $0.responses = [
                Delete.Topic {
                    $0.topicName = "t"
                    $0.errorCode = .unknownTopicOrPartition
                    $0.errorMessage = "no"
                }
            ]
        }
        try check(
            bytes(
                "00000000 0000 00", "02 02 74 00000000000000000000000000000000 0003 03 6e6f 00", "00"), 0,
            is: .deleteShareGroupOffsets(deleted))
    }

    @Test func `identifiers are printed as Kafka's tools print them`() {
        #expect(KafkaUUID.zero.description == "AAAAAAAAAAAAAAAAAAAAAA")
        #expect(Self.uuid.description == "ABEiM0RVZneImaq7zN3u_w")
        #expect(KafkaUUID(high: .max, low: .max).description == "_____________________w")
    }
}
