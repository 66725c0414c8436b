// SPDX-License-Identifier: Apache-2.0

// Producers that number their batches, at a running engine: what comes again is stored once, in this life and in the next.

import ApusModel
import ApusStorage
import ApusTesting
import Synchronization
import Testing

@testable import ApusEngine

@Suite struct IdempotenceTests {
    @Test func aBatchThatComesAgainIsAnsweredWithThePlaceOfTheFirst() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        let batch = try rig.batch(["a", "b"], by: BatchProducer(id: 5, sequence: 0))
        let first = try rig.append(batch, to: "orders")
        let again = try rig.append(batch, to: "orders")
        #expect(!first.isDuplicate)
        #expect(again.isDuplicate)
        #expect(again.baseOffset == first.baseOffset)
        #expect(try await rig.ids(of: "orders").count == 2)
        #expect(rig.engine.topicAtWork(try ResourceName("orders"))?.published.value == 2)
    }

    @Test func theNextLifeKnowsWhatCameAndReadsOnlyWhatCameAfterTheSnapshot() async throws {
        let rig = try EngineRig { $0.producerSnapshotBytes = 1 }
        try await rig.topic("orders")
        for sequence in 0..<4 {
            let producer = BatchProducer(id: 5, sequence: Int32(sequence))
            try rig.append(try rig.batch(["\(sequence)"], by: producer), to: "orders")
        }
        rig.pass(.seconds(11))
        let last = try rig.batch(["4"], by: BatchProducer(id: 5, sequence: 4))
        try rig.append(last, to: "orders")
        let next = try rig.restarted()
        let partition = try #require(next.engine.topicAtWork(try ResourceName("orders"))?.partitions.first)
        #expect(partition.production.seen == Offset(4))
        for sequence in [0, 4] {
            let producer = BatchProducer(id: 5, sequence: Int32(sequence))
            let receipt = try next.append(try next.batch(["\(sequence)"], by: producer), to: "orders")
            #expect(receipt.isDuplicate)
            #expect(receipt.baseOffset == Offset(Int64(sequence)))
        }
        #expect(
            next.refusal(try next.batch(["6"], by: BatchProducer(id: 5, sequence: 6)), to: "orders")
                == .outOfOrderSequence(expected: 5, got: 6))
        try next.append(try next.batch(["5"], by: BatchProducer(id: 5, sequence: 5)), to: "orders")
        #expect(try await next.ids(of: "orders").count == 6)
    }

    @Test func theLogOfProducersIsMadeWhenTheFirstOfThemComesAndGoesWithItsTopic() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders", TopicSettings(partitions: 3))
        try await rig.publish(["a", "b", "c"], to: "orders")
        try rig.append(try rig.batch(["plain"]), to: "orders")
        let before = try rig.store.logs()
        try rig.append(
            try rig.batch(["a"], by: BatchProducer(id: 1, sequence: 0)), to: "orders", partition: 2)
        let made = try rig.store.logs(since: before)
        #expect(made.count == 1)
        let next = try rig.restarted()
        let partition = try #require(next.engine.topicAtWork(try ResourceName("orders"))?.partitions.last)
        #expect(partition.production.seen > .zero)
        #expect(try next.engine.producers(try ResourceName("orders"), partition: 2).map(\.producerID) == [1])
        try await next.driving { try await next.engine.deleteTopic(ResourceName("orders"), cascade: false) }
        #expect(try next.store.logs().allSatisfy { !made.contains($0) })
    }

    @Test func theLogOfProducersStaysSmall() async throws {
        let rig = try EngineRig {
            $0.producerSnapshotBytes = 1
            $0.snapshotBytes = 64
        }
        try await rig.topic("orders")
        let before = try rig.store.logs()
        for sequence in 0..<200 {
            let producer = BatchProducer(id: 5, sequence: Int32(sequence))
            try rig.append(try rig.batch(["0123456789"], by: producer), to: "orders")
            rig.pass(.seconds(10), step: .seconds(10))
        }
        let log = try #require(try rig.store.logs(since: before).first)
        #expect(try rig.store.bounds(log).bytes < 8_000)
        #expect(try rig.store.bounds(log).end > Offset(8))
        #expect(try rig.store.bounds(log).start > .zero)
    }

    @Test func whenTheLogOfProducersCannotBeMadeTheBatchIsRefusedAndTheNextTryIsNot() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        let id = try rig.engine.topic(ResourceName("orders")).id
        let batch = try rig.batch(["a"], by: BatchProducer(id: 5, sequence: 0))
        rig.store.refuseClaims(of: id.member(0xFF_FFFD), with: .diskFull)
        #expect(rig.refusal(batch, to: "orders") == .broker(.unavailable(.diskFull)))
        rig.store.refuseClaims(of: id.member(0xFF_FFFD), with: nil)
        rig.store.refuseAppends(to: id.member(0xFF_FFFD), with: .diskFull)
        #expect(rig.refusal(batch, to: "orders") == .broker(.unavailable(.diskFull)))
        rig.store.refuseAppends(to: id.member(0xFF_FFFD), with: nil)
        #expect(try rig.append(batch, to: "orders").baseOffset == .zero)
    }

    @Test func aBatchThatFailedIsTakenWhenItComesAgain() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try rig.append(try rig.batch(["a"], by: BatchProducer(id: 5, sequence: 0)), to: "orders")
        let second = try rig.batch(["b"], by: BatchProducer(id: 5, sequence: 1))
        rig.store.refuseAppends(with: .diskFull)
        #expect(rig.refusal(second, to: "orders") == .broker(.unavailable(.diskFull)))
        rig.store.refuseAppends(with: nil)
        #expect(try !rig.append(second, to: "orders").isDuplicate)
    }

    @Test func retentionTakesNothingThatTheNextLifeNeedsToKnowTheProducers() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders", TopicSettings(retentionAge: .seconds(60)))
        let batches = try (0..<3).map { try rig.batch(["a"], by: BatchProducer(id: 5, sequence: Int32($0))) }
        for batch in batches { try rig.append(batch, to: "orders") }
        try rig.append(try rig.batch(["b"]), to: "orders")
        rig.pass(.seconds(100))
        let name = try ResourceName("orders")
        #expect(try rig.engine.bounds(name, partition: 0).start == Offset(3))
        let next = try rig.restarted()
        #expect(try next.append(batches[2], to: "orders").isDuplicate)
        // And nobody's wish to delete does.
        let last = try next.batch(["a"], by: BatchProducer(id: 5, sequence: 3))
        try next.append(last, to: "orders")
        let start = try await next.driving {
            try await next.engine.deleteRecords(name, partition: 0, before: Offset(5))
        }
        #expect(start == Offset(5))
        let third = try next.restarted()
        #expect(try third.append(last, to: "orders").isDuplicate)
    }

    @Test func aDamagedLogOfProducersOnlyCostsReadingTheTopic() async throws {
        let rig = try EngineRig { $0.producerSnapshotBytes = 1 }
        try await rig.topic("orders")
        let batch = try rig.batch(["a"], by: BatchProducer(id: 5, sequence: 0))
        try rig.append(batch, to: "orders")
        let log = try rig.engine.topic(ResourceName("orders")).id.member(0xFF_FFFD)
        rig.store.refuseReads(
            of: log, with: .corrupt(log: log, offset: .zero, next: Offset(1), reason: "a flipped bit"))
        let next = try rig.restarted()
        #expect(try next.append(batch, to: "orders").isDuplicate)
    }

    @Test func idleProducersAreForgottenAfterAWhile() async throws {
        let rig = try EngineRig { $0.producerExpiration = .seconds(60) }
        let name = try ResourceName("orders")
        try await rig.topic("orders")
        try rig.append(try rig.batch(["a"], by: BatchProducer(id: 5, sequence: 0)), to: "orders")
        rig.pass(.seconds(50))
        #expect(try rig.engine.producers(name, partition: 0).count == 1)
        rig.pass(.seconds(30))
        #expect(try rig.engine.producers(name, partition: 0).isEmpty)
    }

    @Test func asManyProducersAreRememberedAsThereMayBe() async throws {
        let rig = try EngineRig { $0.producersMax = 16 }
        try await rig.topic("orders")
        for id in 0..<40 {
            rig.clock.advance(by: .milliseconds(1))
            try rig.append(try rig.batch(["a"], by: BatchProducer(id: Int64(id), sequence: 0)), to: "orders")
        }
        let known = try rig.engine.producers(try ResourceName("orders"), partition: 0).map(\.producerID)
        #expect(known.count <= 16)
        #expect(known.contains(39))
    }

    @Test func aClientsProducerIsNotTakenForARule() async throws {
        let rig = try EngineRig()
        try await rig.topic("copies")
        try await rig.topic("orders")
        try await rig.rule("all", .copying("orders", to: "copies"))
        rig.pass(.seconds(3))
        let source = try rig.engine.topic(try ResourceName("orders")).id
        let producer = RouteRepeats.producerID(of: source)
        // A client that claims to be the rule, with a record that claims to be the copy of an event to come.
        var builder = RecordBatchBuilder(producerID: producer, producerEpoch: 0, baseSequence: 0)
        builder.addHeader(LineageHeader.origin, "\(source)/0/0")
        builder.append(timestamp: rig.engine.now, key: nil, value: Array("forged".utf8))
        let finished = builder.finish()
        let forged = try #require(finished)
        #expect(!forged.isCopy(by: producer))
        if producer >= ProducerIDs.end {
            #expect(rig.refusal(forged, to: "copies")?.isInvalidBatch == true)
        }
        try await rig.publish(["a"], to: "orders")
        let next = try rig.restarted()
        next.settle()
        #expect(try await next.ids(of: "copies") == ["a"])
    }
}
