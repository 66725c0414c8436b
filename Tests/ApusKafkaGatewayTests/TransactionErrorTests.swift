// SPDX-License-Identifier: Apache-2.0

// What producers of transactions are told, in the words that their version knows.

import ApusEngine
import ApusKafkaCodec
import ApusModel
import NIOCore
import Testing

@testable import ApusKafkaGateway

@Suite(.timeLimit(.minutes(10))) struct TransactionErrorTests {
    private func initialise(
        _ client: KafkaTestClient, _ name: String? = "tx", timeout: Int32 = 60_000,
        as expected: ProducerIdentity? = nil, version: Int16 = 4
    ) async throws -> (KafkaErrorCode, ProducerIdentity) {
        let request = InitProducerIDRequest {
            $0.transactionalID = name
            $0.transactionTimeoutMs = timeout
            $0.producerID = expected?.id ?? -1
            $0.producerEpoch = expected?.epoch ?? -1
        }
        guard
            case .initProducerID(let given) = try await client.ask(.initProducerID(request), version: version)
        else { throw ChannelError.eof }
        return (given.errorCode, ProducerIdentity(id: given.producerID, epoch: given.producerEpoch))
    }

    private func add(
        _ client: KafkaTestClient, _ producer: ProducerIdentity, topic: String = "t", name: String = "tx",
        version: Int16 = 3
    ) async throws -> KafkaErrorCode? {
        let request = AddPartitionsToTxnRequest { request in
            request.transactionalID = name
            request.producerID = producer.id
            request.producerEpoch = producer.epoch
            request.topics = [
                AddPartitionsToTxnRequest.Topic {
                    $0.name = topic
                    $0.partitions = [0]
                }
            ]
        }
        guard
            case .addPartitionsToTxn(let answer) = try await client.ask(
                .addPartitionsToTxn(request), version: version)
        else { throw ChannelError.eof }
        return answer.resultsByTopic.first?.resultsByPartition.first?.partitionErrorCode
    }

    private func end(
        _ client: KafkaTestClient, _ producer: ProducerIdentity, isCommit: Bool, version: Int16
    ) async throws -> EndTxnResponse {
        let request = EndTxnRequest {
            $0.transactionalID = "tx"
            $0.producerID = producer.id
            $0.producerEpoch = producer.epoch
            $0.committed = isCommit
        }
        guard case .endTxn(let answer) = try await client.ask(.endTxn(request), version: version) else {
            throw ChannelError.eof
        }
        return answer
    }

    private func commit(
        _ client: KafkaTestClient, _ producer: ProducerIdentity, version: Int16
    ) async throws -> KafkaErrorCode? {
        let request = TxnOffsetCommitRequest { request in
            request.transactionalID = "tx"
            request.groupID = "g"
            request.producerID = producer.id
            request.producerEpoch = producer.epoch
            request.topics = [
                TxnOffsetCommitRequest.Topic { topic in
                    topic.name = "t"
                    topic.partitions = [TxnOffsetCommitRequest.Topic.Partition()]
                }
            ]
        }
        guard
            case .txnOffsetCommit(let answer) = try await client.ask(
                .txnOffsetCommit(request), version: version)
        else { throw ChannelError.eof }
        return answer.topics.first?.partitions.first?.errorCode
    }

    @Test func `identities`() async throws {
        try await KafkaRig.run { _, client in
            #expect(try await initialise(client, "").0 == .invalidRequest)
            #expect(try await initialise(client, timeout: 0).0 == .invalidTransactionTimeout)
            #expect(try await initialise(client, timeout: 900_001).0 == .invalidTransactionTimeout)
            let (code, first) = try await initialise(client)
            #expect(code == .noError)
            let (_, second) = try await initialise(client)
            #expect(second == ProducerIdentity(id: first.id, epoch: first.epoch + 1))
            let (_, third) = try await initialise(client, as: second)
            #expect(third.epoch == second.epoch + 1)
            #expect(try await initialise(client, as: first).0 == .producerFenced)
            // Before there was a code for it.
            #expect(try await initialise(client, as: first, version: 3).0 == .invalidProducerEpoch)
        }
    }

    @Test func `adding and ending, in the first version`() async throws {
        try await KafkaRig.run { rig, client in
            try await rig.topic("t")
            let (_, producer) = try await initialise(client)
            let old = ProducerIdentity(id: producer.id, epoch: producer.epoch - 1)
            #expect(try await end(client, producer, isCommit: true, version: 4).errorCode == .invalidTxnState)
            #expect(try await add(client, producer, topic: "none") == .unknownTopicOrPartition)
            #expect(try await add(client, producer, name: "unknown") == .invalidProducerIDMapping)
            #expect(try await add(client, old) == .producerFenced)
            #expect(try await add(client, old, version: 1) == .invalidProducerEpoch)
            #expect(try await add(client, producer) == .noError)
            #expect(try await commit(client, producer, version: 3) == .invalidTxnState)
            #expect(try await commit(client, old, version: 3) == .invalidProducerEpoch)
            let done = try await end(client, producer, isCommit: true, version: 4)
            #expect(done.errorCode == .noError)
            #expect(done.producerID == -1 && done.producerEpoch == -1)
            #expect(try await end(client, producer, isCommit: true, version: 4).errorCode == .noError)
            #expect(
                try await end(client, producer, isCommit: false, version: 4).errorCode == .invalidTxnState)
            #expect(try await end(client, old, isCommit: true, version: 4).errorCode == .producerFenced)
            #expect(try await end(client, old, isCommit: true, version: 1).errorCode == .invalidProducerEpoch)
        }
    }

    @Test func `adding and ending, in the second version`() async throws {
        try await KafkaRig.run { rig, client in
            try await rig.topic("t")
            let (_, producer) = try await initialise(client)
            #expect(try await end(client, producer, isCommit: true, version: 5).errorCode == .invalidTxnState)
            #expect(try await commit(client, producer, version: 5) == .noError)
            let done = try await end(client, producer, isCommit: true, version: 5)
            #expect(done.errorCode == .noError)
            #expect(done.producerID == producer.id)
            #expect(done.producerEpoch == producer.epoch + 1)
            let next = ProducerIdentity(id: done.producerID, epoch: done.producerEpoch)
            #expect(try await commit(client, producer, version: 5) == .invalidProducerEpoch)
            #expect(try await end(client, producer, isCommit: true, version: 5) == done)
            #expect(try await end(client, next, isCommit: false, version: 5).producerEpoch == next.epoch + 1)
            #expect(try await end(client, producer, isCommit: true, version: 5).errorCode == .producerFenced)
        }
    }

    @Test func `several transactions in one request`() async throws {
        try await KafkaRig.run { rig, client in
            try await rig.topic("t")
            let (_, producer) = try await initialise(client)
            func ask(_ names: [String], verifyOnly: Bool) async throws -> [KafkaErrorCode] {
                let request = AddPartitionsToTxnRequest { request in
                    request.transactions = names.map { name in
                        AddPartitionsToTxnRequest.Transaction { transaction in
                            transaction.transactionalID = name
                            transaction.producerID = producer.id
                            transaction.producerEpoch = producer.epoch
                            transaction.verifyOnly = verifyOnly
                            transaction.topics = [
                                AddPartitionsToTxnRequest.Topic {
                                    $0.name = "t"
                                    $0.partitions = [0]
                                }
                            ]
                        }
                    }
                }
                guard
                    case .addPartitionsToTxn(let answer) = try await client.ask(
                        .addPartitionsToTxn(request), version: 5)
                else { throw ChannelError.eof }
                #expect(answer.resultsByTransaction.map(\.transactionalID) == names)
                return answer.resultsByTransaction.flatMap { $0.topicResults }
                    .flatMap { $0.resultsByPartition }.map(\.partitionErrorCode)
            }
            #expect(try await ask(["tx"], verifyOnly: true) == [.transactionAbortable])
            #expect(
                try await ask(["tx", "other"], verifyOnly: false) == [.noError, .invalidProducerIDMapping])
            #expect(try await ask(["tx"], verifyOnly: true) == [.noError])
            #expect(try await ask([], verifyOnly: false) == [])
        }
    }

    @Test func `looking at transactions`() async throws {
        try await KafkaRig.run { rig, client in
            try await rig.topic("t")
            let (_, producer) = try await initialise(client)
            _ = try await add(client, producer)
            guard
                case .describeTransactions(let described) = try await client.ask(
                    .describeTransactions(
                        DescribeTransactionsRequest { $0.transactionalIDs = ["tx", "none"] }),
                    version: 0),
                case .listTransactions(let listed) = try await client.ask(
                    .listTransactions(ListTransactionsRequest { $0.stateFilters = ["Ongoing", "Nonsense"] }),
                    version: 0)
            else { throw ChannelError.eof }
            #expect(described.transactionStates.map(\.errorCode) == [.noError, .transactionalIDNotFound])
            #expect(described.transactionStates.first?.transactionState == "Ongoing")
            #expect(listed.transactionStates.map(\.transactionalID) == ["tx"])
            #expect(listed.unknownStateFilters == ["Nonsense"])
        }
    }
}
