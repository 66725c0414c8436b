// SPDX-License-Identifier: Apache-2.0

// Producers that go on with the next epoch after each transaction (KIP-890): what they are told, what is a repeat and what a mistake, and what
// happens when their epochs are used up.

import ApusModel
import ApusStorage
import ApusTesting
import Testing

@testable import ApusEngine

@Suite struct EpochBumpTests {
    private func later(_ producer: ProducerIdentity, by epochs: Int16 = 1) -> ProducerIdentity {
        ProducerIdentity(id: producer.id, epoch: producer.epoch + epochs)
    }

    @Test func `each end gives the next epoch, with which markers are written`() async throws {
        let board = MarkerBoard()
        var rig = try await board.rig()
        var producer = try rig.producer("tx")
        for round in 0..<3 {
            #expect(rig.add([0], to: "tx", producer) == [nil])
            let next = try rig.bump("tx", producer, isCommit: round != 1)
            #expect(next == later(producer))
            #expect(
                board.markers.last == "out/0 \(round == 1 ? "abort" : "commit") \(next.id)-\(next.epoch)")
            // Who it was is nobody any more, but for asking again.
            #expect(rig.add([0], to: "tx", producer) == [.producerFenced])
            producer = next
            rig = try board.restart(rig)
        }
        #expect(board.markers.count == 3)
    }

    @Test func `the same end once more is answered with the same epoch, and the opposite is refused`()
        async throws
    {
        let board = MarkerBoard()
        var rig = try await board.rig()
        let producer = try rig.producer("tx")
        _ = rig.add([0], to: "tx", producer)
        let next = try rig.bump("tx", producer, isCommit: true)
        for _ in 0..<2 {
            #expect(try rig.bump("tx", producer, isCommit: true) == next)
            #expect(throws: CoordinatorError.invalidTransactionState) {
                try rig.bump("tx", producer, isCommit: false)
            }
            rig = try board.restart(rig)
        }
        #expect(board.markers.count == 1)
        // In the next transaction a late repeat of the last one's end must not end it.
        _ = rig.add([1], to: "tx", next)
        #expect(throws: CoordinatorError.producerFenced) { try rig.bump("tx", producer, isCommit: true) }
        #expect(try rig.engine.transaction("tx").state == .ongoing)
        #expect(try rig.bump("tx", next, isCommit: false) == later(next))
    }

    @Test func `while markers are written, a repeat and the next transaction are told to come again`()
        async throws
    {
        let board = MarkerBoard()
        let rig = try await board.rig()
        let producer = try rig.producer("tx")
        _ = rig.add([0], to: "tx", producer)
        board.refuse(0, with: MarkerFailure("simulated", isFinal: false))
        let answer = Answer<Result<ProducerIdentity, CoordinatorError>>()
        rig.engine.endTransaction("tx", of: producer, isCommit: true, bumpsEpoch: true) { answer.set($0) }
        rig.pass(.seconds(2))
        #expect(answer.value == .success(later(producer)))
        let refusals: [(ProducerIdentity, Bool, CoordinatorError)] = [
            (producer, true, .concurrentTransactions), (producer, false, .invalidTransactionState),
            (later(producer), true, .concurrentTransactions),
            (later(producer), false, .concurrentTransactions),
            (later(producer, by: 2), true, .producerFenced),
        ]
        for (who, isCommit, error) in refusals {
            #expect(throws: error) { try rig.bump("tx", who, isCommit: isCommit) }
        }
        #expect(rig.add([1], to: "tx", later(producer)) == [.concurrentTransactions])
        board.refuse(0, with: nil)
        rig.pass(.seconds(10))
        #expect(rig.add([1], to: "tx", later(producer)) == [nil])
    }

    @Test func `an abort without a transaction gives an epoch, a commit is refused`() async throws {
        let board = MarkerBoard()
        let rig = try await board.rig()
        let producer = try rig.producer("tx")
        #expect(throws: CoordinatorError.invalidTransactionState) {
            try rig.bump("tx", producer, isCommit: true)
        }
        let second = try rig.bump("tx", producer, isCommit: false)
        #expect(second == later(producer))
        #expect(try rig.bump("tx", producer, isCommit: false) == second)
        #expect(try rig.bump("tx", second, isCommit: false) == later(second))
        #expect(board.markers.isEmpty)
        #expect(throws: CoordinatorError.unknownProducer) {
            try rig.bump("other", producer, isCommit: false)
        }
    }

    @Test func `when epochs are used up the producer goes on under another id`() async throws {
        let board = MarkerBoard()
        var rig = try await board.rig()
        var producer = try rig.producer("tx")
        // Without transactions an abort is all it takes.
        while producer.epoch < 32_766 { producer = try rig.bump("tx", producer, isCommit: false) }
        #expect(rig.add([0, 1], to: "tx", producer) == [nil, nil])
        #expect(try rig.commit(5, of: "g", in: "tx", producer, addsGroup: true) == [nil])
        board.refuse(1, with: MarkerFailure("simulated", isFinal: false))
        let answer = Answer<Result<ProducerIdentity, CoordinatorError>>()
        rig.engine.endTransaction("tx", of: producer, isCommit: true, bumpsEpoch: true) { answer.set($0) }
        rig.pass(.seconds(2))
        let next = try #require(answer.value).get()
        #expect(next.id != producer.id)
        #expect(next.epoch == 0)
        #expect(board.markers == ["out/0 commit \(producer.id)-32767"])
        // It is told so before all partitions know, also after a restart in between.
        #expect(rig.add([0], to: "tx", next) == [.concurrentTransactions])
        rig = try board.restart(rig)
        #expect(rig.add([0], to: "tx", next) == [.concurrentTransactions])
        board.refuse(1, with: nil)
        rig = try board.restart(rig)
        rig.pass(.seconds(10))
        #expect(board.markers.contains("out/1 commit \(producer.id)-32767"))
        #expect(try rig.positions("g") == ["out/0": 5])
        #expect(try rig.bump("tx", producer, isCommit: true) == next)
        #expect(rig.add([0], to: "tx", producer) == [.unknownProducer])
        #expect(rig.add([0], to: "tx", next) == [nil])
        #expect(try rig.bump("tx", next, isCommit: true) == later(next))
    }

    @Test func `a position brings its group into the transaction`() async throws {
        let rig = try await MarkerBoard().rig()
        let producer = try rig.producer("tx")
        #expect(try rig.commit(5, of: "g", in: "tx", producer) == [.invalidTransactionState])
        #expect(try rig.commit(5, of: "g", in: "tx", producer, addsGroup: true) == [nil])
        #expect(try rig.engine.transaction("tx").groups == ["g"])
        let next = try rig.bump("tx", producer, isCommit: true)
        #expect(try rig.positions("g") == ["out/0": 5])
        #expect(try rig.commit(7, of: "g", in: "tx", producer, addsGroup: true) == [.producerFenced])
        #expect(try rig.commit(8, of: "g", in: "tx", next, addsGroup: true) == [nil])
        _ = try rig.bump("tx", next, isCommit: false)
        #expect(try rig.positions("g") == ["out/0": 5])
    }

    @Test func `a next life, and one that goes on after an error, come after the last end`() async throws {
        let rig = try await MarkerBoard().rig()
        let producer = try rig.producer("tx")
        _ = rig.add([0], to: "tx", producer)
        let next = try rig.bump("tx", producer, isCommit: true)
        // It never heard the answer and asks who it is.
        #expect(try rig.producer("tx", expected: producer) == next)
        let life = try rig.producer("tx")
        #expect(life == later(next))
        #expect(throws: CoordinatorError.producerFenced) { try rig.bump("tx", producer, isCommit: true) }
        #expect(throws: CoordinatorError.producerFenced) { try rig.bump("tx", next, isCommit: false) }
    }

    @Test func `a batch of the last transaction that comes late belongs to none`() async throws {
        let rig = try EngineRig()
        try await rig.topic("out")
        let producer = try rig.producer("tx")
        func batch(_ producer: ProducerIdentity, _ sequence: Int32) throws -> RecordBatch {
            try rig.batch(
                ["x"],
                by: BatchProducer(
                    id: producer.id, epoch: producer.epoch, sequence: sequence, isTransactional: true))
        }
        _ = rig.add([0], to: "tx", producer)
        _ = try rig.append(try batch(producer, 0), to: "out")
        let next = try rig.bump("tx", producer, isCommit: true)
        _ = rig.add([0], to: "tx", next)
        #expect(rig.refusal(try batch(producer, 1), to: "out") == .invalidTransactionState)
        // The numbers of an epoch begin anew.
        _ = try rig.append(try batch(next, 0), to: "out")
        _ = try rig.bump("tx", next, isCommit: true)
        #expect(try rig.read("out", from: 0).bounds.stableEnd == Offset(4))
    }
}
