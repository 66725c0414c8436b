// SPDX-License-Identifier: Apache-2.0

// What producers are told: clients decide by the code whether they send again, ask for metadata, or give up.

import ApusEngine
import ApusKafkaCodec
import ApusModel
import ApusStorage
import NIOCore
import Testing

@testable import ApusKafkaGateway

@Suite(.timeLimit(.minutes(10))) struct ProduceErrorTests {
    private func answer(
        _ client: KafkaTestClient, _ records: ByteBuffer?, to topic: String = "t", partition: Int32 = 0,
        acks: Int16 = -1, version: Int16 = 9, transactionalID: String? = nil
    ) async throws -> ProduceResponse.Topic.Partition {
        let request = ProduceRequest { request in
            request.acks = acks
            request.transactionalID = transactionalID
            request.topicData = [
                ProduceRequest.Topic { data in
                    data.name = topic
                    data.partitionData = [
                        ProduceRequest.Topic.Partition {
                            $0.index = partition
                            $0.records = records.map { .bytes($0) } ?? .null
                        }
                    ]
                }
            ]
        }
        guard case .produce(let response) = try await client.ask(.produce(request), version: version),
            let answer = response.responses.first?.partitionResponses.first
        else { throw ChannelError.eof }
        return answer
    }

    private func code(
        _ client: KafkaTestClient, _ records: ByteBuffer?, to topic: String = "t", partition: Int32 = 0,
        acks: Int16 = -1, version: Int16 = 9, transactionalID: String? = nil
    ) async throws -> KafkaErrorCode {
        try await answer(
            client, records, to: topic, partition: partition, acks: acks, version: version,
            transactionalID: transactionalID
        ).errorCode
    }

    @Test func `a batch is taken and told its offset`() async throws {
        try await KafkaRig.run { rig, client in
            try await rig.topic("t", TopicSettings(partitions: 2))
            for expected in 0..<3 {
                let answer = try await answer(client, KafkaRig.batch(["x"]), partition: 1)
                #expect(answer.errorCode == .noError)
                #expect(answer.baseOffset == Int64(expected))
                #expect(answer.logStartOffset == 0)
                #expect(answer.logAppendTimeMs == -1)
            }
            try await rig.topic("stamped", TopicSettings(timestamps: .append))
            #expect(try await answer(client, KafkaRig.batch(["x"]), to: "stamped").logAppendTimeMs > 0)
        }
    }

    @Test func `what there is not, and what cannot be asked`() async throws {
        try await KafkaRig.run { rig, client in
            try await rig.topic("t")
            let batch = KafkaRig.batch(["x"])
            #expect(try await code(client, batch, to: "none") == .unknownTopicOrPartition)
            #expect(try await code(client, batch, partition: 1) == .unknownTopicOrPartition)
            #expect(try await code(client, batch, partition: -1) == .unknownTopicOrPartition)
            #expect(try await code(client, batch, to: "no/name") == .invalidTopicException)
            #expect(try await code(client, batch, acks: 2) == .invalidRequiredAcks)
            #expect(try await code(client, batch, version: 13) == .unknownTopicID)
            #expect(try await code(client, batch, acks: 1) == .noError)
        }
    }

    @Test func `what is wrong with a batch`() async throws {
        try await KafkaRig.run { rig, client in
            try await rig.topic("t")
            let good = KafkaRig.batch(["a", "b"])
            func changed(
                _ offset: Int, _ value: some FixedWidthInteger & Sendable, signs: Bool = true
            ) -> ByteBuffer {
                var bytes = good
                bytes.setInteger(value, at: bytes.readerIndex + offset)
                return signs ? KafkaRig.signed(bytes) : bytes
            }
            #expect(try await code(client, nil) == .invalidRecord)
            #expect(try await code(client, ByteBuffer()) == .invalidRecord)
            #expect(try await code(client, changed(60, UInt8(9), signs: false)) == .corruptMessage)
            #expect(
                try await code(client, changed(16, Int8(1), signs: false)) == .unsupportedForMessageFormat)
            #expect(
                try await code(client, good.getSlice(at: good.readerIndex, length: 40)) == .corruptMessage)
            #expect(try await code(client, changed(57, Int32(3))) == .invalidRecord)
            #expect(try await code(client, changed(23, Int32(5))) == .invalidRecord)
            // A marker, and a codec that there is not.
            #expect(try await code(client, changed(21, UInt16(0x20))) == .invalidRecord)
            #expect(try await code(client, changed(21, UInt16(0x05))) == .unsupportedCompressionType)
            var two = good
            two.writeImmutableBuffer(good)
            #expect(try await code(client, two) == .invalidRecord)
            let future = SystemClock().wall.advanced(by: Defaults.batchTimestampAhead + .seconds(60))
            #expect(try await code(client, KafkaRig.batch(["x"], at: future)) == .invalidTimestamp)
            #expect(try await code(client, good) == .noError)
        }
    }

    @Test func `what a topic does not take`() async throws {
        try await KafkaRig.run { rig, client in
            try await rig.topic("compacted", TopicSettings(cleanup: .compact))
            #expect(try await code(client, KafkaRig.batch(["x"]), to: "compacted") == .invalidRecord)
            #expect(try await code(client, KafkaRig.batch(["x"], key: "k"), to: "compacted") == .noError)
            let batch = KafkaRig.batch([String(repeating: "x", count: 200)])
            try await rig.topic("fits", TopicSettings(batchBytesMax: batch.readableBytes))
            try await rig.topic("narrow", TopicSettings(batchBytesMax: batch.readableBytes - 1))
            #expect(try await code(client, batch, to: "fits") == .noError)
            let refused = try await answer(client, batch, to: "narrow")
            #expect(refused.errorCode == .messageTooLarge)
            #expect(refused.baseOffset == -1)
            #expect(refused.errorMessage?.contains("\(batch.readableBytes)") == true)
        }
    }

    @Test func `a disk that does not write is not the client's fault`() async throws {
        try await KafkaRig.run { rig, client in
            let log = try await rig.topic("t").id.member(0)
            let refusals: [(LogError, KafkaErrorCode)] = [
                (.diskFull, .kafkaStorageError), (.failed("simulated"), .kafkaStorageError),
                (.undecided("simulated"), .notEnoughReplicasAfterAppend), (.overloaded, .notEnoughReplicas),
                (.closed, .notLeaderOrFollower),
            ]
            for (error, expected) in refusals {
                var refusal = MemoryLogStore.Refusals()
                refusal.appends = error
                rig.store.refuse(log, refusal)
                let code = try await code(client, KafkaRig.batch(["x"]))
                #expect(code == expected)
                #expect(code.isRetriable)
            }
            rig.store.refuse(log, MemoryLogStore.Refusals())
            #expect(try await code(client, KafkaRig.batch(["x"])) == .noError)
        }
    }

    @Test func `idempotent producers`() async throws {
        try await KafkaRig.run { rig, client in
            try await rig.topic("t")
            guard
                case .initProducerID(let given) = try await client.ask(
                    .initProducerID(InitProducerIDRequest()), version: 4)
            else { throw ChannelError.eof }
            #expect(given.errorCode == .noError)
            let producer = ProducerIdentity(id: given.producerID, epoch: given.producerEpoch)
            let first = KafkaRig.batch(["a", "b"], by: producer)
            for _ in 0..<2 {
                let answer = try await answer(client, first)
                #expect(answer.errorCode == .noError)
                #expect(answer.baseOffset == 0)
            }
            let gap = KafkaRig.batch(["c"], by: producer, sequence: 5)
            #expect(try await code(client, gap) == .outOfOrderSequenceNumber)
            #expect(try await code(client, KafkaRig.batch(["c"], by: producer, sequence: 2)) == .noError)
            let later = ProducerIdentity(id: producer.id, epoch: 1)
            #expect(try await code(client, KafkaRig.batch(["d"], by: later)) == .noError)
            #expect(
                try await code(client, KafkaRig.batch(["e"], by: producer, sequence: 3))
                    == .invalidProducerEpoch)
        }
    }

    @Test func `a batch of no transaction`() async throws {
        try await KafkaRig.run { rig, client in
            try await rig.topic("t")
            let stray = KafkaRig.batch(["x"], by: ProducerIdentity(id: 1, epoch: 0), isTransactional: true)
            #expect(try await code(client, stray) == .invalidTxnState)
            let codes: [(Int16, KafkaErrorCode)] = [
                (10, .invalidTxnState), (11, .transactionAbortable), (12, .invalidProducerIDMapping),
            ]
            for (version, expected) in codes {
                #expect(try await code(client, stray, version: version, transactionalID: "tx") == expected)
            }
        }
    }

    @Test func `without acknowledgement an error closes the connection`() async throws {
        try await KafkaRig.run { rig, client in
            let request = ProduceRequest { request in
                request.acks = 0
                request.topicData = [
                    ProduceRequest.Topic { data in
                        data.name = "none"
                        data.partitionData = [
                            ProduceRequest.Topic.Partition { $0.records = .bytes(KafkaRig.batch(["x"])) }
                        ]
                    }
                ]
            }
            await #expect(throws: (any Error).self) { try await client.ask(.produce(request), version: 9) }
        }
    }
}
