// SPDX-License-Identifier: Apache-2.0

// Transactions in a partition: nobody who reads events sees those of one that is open or was aborted, and everybody comes past them.

import ApusModel
import ApusRules
import ApusStorage
import ApusTesting
import CloudEvents
import Synchronization
import Testing

@testable import ApusEngine

@Suite struct PartitionTransactionTests {
    private func rig() async throws -> EngineRig {
        let rig = try EngineRig { $0.verifiesTransactions = false }
        try await rig.topic("orders")
        return rig
    }

    @Test func anOpenTransactionIsSeenOnlyByThoseWhoAskForIt() async throws {
        let rig = try await rig()
        try rig.append(try rig.batch(["before"]), to: "orders")
        try rig.append(try rig.batch(["a"], by: .transactional(5, 0)), to: "orders")
        try rig.append(try rig.batch(["after"]), to: "orders")
        #expect(try rig.read("orders", from: 0).batches.count == 1)
        #expect(try rig.read("orders", from: 1).batches.isEmpty)
        #expect(try rig.read("orders", from: 0, .uncommitted).batches.count == 3)
        #expect(
            try rig.read("orders", from: 0).bounds
                == PartitionBounds(start: .zero, stableEnd: Offset(1), end: Offset(3)))
        #expect(try await rig.values(of: "orders") == ["before"])
        try rig.mark(5, isCommit: true)
        #expect(try rig.read("orders", from: 0).batches.count == 4)
        #expect(try rig.read("orders", from: 0).aborted.isEmpty)
        #expect(try await rig.values(of: "orders") == ["before", "a", "after"])
        let marker = try #require(try rig.read("orders", from: 3).batches.first)
        #expect(marker.marker == TransactionMarker(isCommit: true))
        #expect(marker.isTransactional)
        _ = try RecordBatch(verifying: marker.bytes)
    }

    @Test func anAbortedTransactionIsListedAndPassedOver() async throws {
        let rig = try await rig()
        try rig.append(try rig.batch(["a", "b"], by: .transactional(5, 0)), to: "orders")
        try rig.append(try rig.batch(["c"], by: .transactional(6, 0)), to: "orders")
        try rig.append(try rig.batch(["d"], by: .transactional(5, 2)), to: "orders")
        try rig.mark(5, isCommit: false)
        #expect(try await rig.values(of: "orders").isEmpty)
        try rig.mark(6, isCommit: true)
        try rig.append(try rig.batch(["e"], by: .transactional(5, 3)), to: "orders")
        try rig.mark(5, isCommit: true)
        let read = try rig.read("orders", from: 0)
        #expect(read.batches.count == 7)
        #expect(read.aborted == [AbortedTransaction(producerID: 5, firstOffset: .zero)])
        // Those who read batches get them as they are stored.
        for batch in read.batches { _ = try RecordBatch(verifying: batch.bytes) }
        #expect(try rig.read("orders", from: 5).aborted.isEmpty)
        #expect(try await rig.values(of: "orders") == ["c", "e"])
    }

    @Test func subscriptionsAndRulesGetCommittedEventsOnceTheyAre() async throws {
        let rig = try await rig()
        try await rig.topic("copies")
        try await rig.rule("all", .copying("orders", to: "copies"))
        try await rig.subscription("queue", .shared("orders"))
        try await rig.subscription(
            "ordered", .shared("orders") { $0.ordering = OrderingSettings(by: .key) })
        try rig.append(try rig.batch(["a"], by: .transactional(5, 0)), to: "orders")
        try rig.append(try rig.batch(["b"], by: .transactional(6, 0)), to: "orders")
        try rig.append(try rig.batch(["c"]), to: "orders")
        rig.pass(.seconds(2))
        #expect(try await rig.receive("queue").isEmpty)
        #expect(try await rig.values(of: "copies").isEmpty)
        try rig.mark(5, isCommit: false)
        #expect(try await rig.receive("queue").isEmpty)
        try rig.mark(6, isCommit: true)
        rig.pass(.seconds(2))
        for name in ["queue", "ordered"] {
            let events = try await rig.receive(name)
            #expect(events.map(\.text) == ["b", "c"])
            try await rig.settle(name, events.map(\.lease), .acknowledge)
            // Markers and what was aborted lie behind it too.
            #expect(try rig.describe(name).backlog == 0)
            #expect(try rig.describe(name).positions[0].cursor == Offset(5))
        }
        #expect(try await rig.values(of: "copies") == ["b", "c"])
        let trial = try await rig.engine.tryRule(
            .copying("orders", to: "copies"),
            over: .between(.earliest, .latest), showing: 10)
        #expect(trial.matched == 2)
    }

    @Test func aSubscriptionOfAnAbortedRestComesToTheEnd() async throws {
        let rig = try await rig()
        try await rig.subscription("queue", .shared("orders"))
        for number in 0..<50 {
            try rig.append(try rig.batch(["x"], by: .transactional(5, Int32(number))), to: "orders")
        }
        try rig.mark(5, isCommit: false)
        #expect(try await rig.receive("queue").isEmpty)
        #expect(try rig.describe("queue").positions[0].cursor == Offset(51))
        #expect(try rig.describe("queue").backlog == 0)
    }

    @Test func whoWaitsForCommittedEventsIsCalledWhenTheyAre() async throws {
        let rig = try await rig()
        let name = try ResourceName("orders")
        let calls = Mutex<[String]>([])
        _ = rig.engine.whenBeyond(.zero, of: name, partition: 0, isolation: .committed) {
            calls.withLock { $0.append("committed") }
        }
        _ = rig.engine.whenBeyond(.zero, of: name, partition: 0, isolation: .uncommitted) {
            calls.withLock { $0.append("uncommitted") }
        }
        try rig.append(try rig.batch(["a"], by: .transactional(5, 0)), to: "orders")
        #expect(calls.withLock { $0 } == ["uncommitted"])
        try rig.mark(5, isCommit: true)
        #expect(calls.withLock { $0 } == ["uncommitted", "committed"])
    }

    @Test(arguments: [false, true])
    func theNextLifeKnowsWhatIsOpenAndWhatWasAborted(hasSnapshot: Bool) async throws {
        let rig = try EngineRig {
            $0.producerSnapshotBytes = hasSnapshot ? 1 : 1 << 30
            $0.verifiesTransactions = false
        }
        try await rig.topic("orders")
        try rig.append(try rig.batch(["a"], by: .transactional(5, 0)), to: "orders")
        try rig.mark(5, isCommit: false)
        try rig.append(try rig.batch(["b"], by: .transactional(5, 1)), to: "orders")
        try rig.append(try rig.batch(["c"]), to: "orders")
        rig.pass(.seconds(11))
        let next = try rig.restarted()
        #expect(try await next.values(of: "orders").isEmpty)
        #expect(try next.read("orders", from: 0).bounds.stableEnd == Offset(2))
        #expect(
            try next.engine.producers(ResourceName("orders"), partition: 0).map(\.transactionStart)
                == [Offset(2)])
        #expect(
            next.refusal(try next.batch(["x"], by: BatchProducer(id: 5, sequence: 2)), to: "orders")
                == .invalidTransactionState)
        try next.mark(5, isCommit: true)
        #expect(try await next.values(of: "orders") == ["b", "c"])
        #expect(
            try next.read("orders", from: 0).aborted
                == [AbortedTransaction(producerID: 5, firstOffset: .zero)])
    }

    @Test func aMarkerThatCannotBeWrittenLeavesTheTransactionOpen() async throws {
        let rig = try await rig()
        try rig.append(try rig.batch(["a"], by: .transactional(5, 0)), to: "orders")
        rig.store.refuseAppends(with: .diskFull)
        #expect(throws: BatchError.broker(.unavailable(.diskFull))) { try rig.mark(5, isCommit: true) }
        rig.store.refuseAppends(with: nil)
        #expect(try await rig.values(of: "orders").isEmpty)
        try rig.mark(5, isCommit: true)
        // Once more, as a coordinator does that does not know whether it did.
        try rig.mark(5, isCommit: true)
        #expect(try await rig.values(of: "orders") == ["a"])
    }

    @Test func aMarkerFencesEarlierEpochs() async throws {
        let rig = try await rig()
        try rig.append(try rig.batch(["a"], by: .transactional(5, 0)), to: "orders")
        try rig.mark(5, epoch: 1, isCommit: false)
        #expect(
            rig.refusal(try rig.batch(["b"], by: .transactional(5, 1)), to: "orders")
                == .invalidProducerEpoch(current: 1, got: 0))
        #expect(throws: BatchError.invalidProducerEpoch(current: 1, got: 0)) {
            try rig.mark(5, epoch: 0, isCommit: true)
        }
        #expect(throws: BatchError.broker(.unknownTopic(try ResourceName("nowhere")))) {
            try rig.mark(5, isCommit: true, in: "nowhere")
        }
        #expect(try await rig.values(of: "orders").isEmpty)
    }

    @Test func aFetchFromBehindAnOpenTransactionWaits() async throws {
        let rig = try await rig()
        let name = try ResourceName("orders")
        try rig.append(try rig.batch(["a"], by: .transactional(5, 0)), to: "orders")
        let place = try rig.append(try rig.batch(["b"]), to: "orders").baseOffset
        let fetched = try await rig.engine.fetch(
            name, partition: 0, from: .offset(place), limit: 10, pattern: nil, wait: .zero)
        #expect(fetched.events.isEmpty)
        #expect(fetched.next == place)
        try rig.mark(5, isCommit: true)
        let later = try await rig.engine.fetch(
            name, partition: 0, from: .offset(place), limit: 10, pattern: nil, wait: .zero)
        #expect(later.events.map(\.text) == ["b"])
    }

    @Test func recordsThatNobodyHasDecidedOnAreNotDeleted() async throws {
        let rig = try await rig()
        try rig.append(try rig.batch(["a"]), to: "orders")
        try rig.append(try rig.batch(["b"], by: .transactional(5, 0)), to: "orders")
        let start = try await rig.driving {
            try await rig.engine.deleteRecords(ResourceName("orders"), partition: 0, before: Offset(2))
        }
        #expect(start == Offset(1))
    }

    @Test func whatIsNotRememberedIsLookedForInTheLog() async throws {
        let rig = try await rig()
        for number in 0..<6 {
            try rig.append(try rig.batch(["x\(number)"], by: .transactional(5, Int32(number))), to: "orders")
            try rig.append(try rig.batch(["y\(number)"], by: .transactional(6, Int32(number))), to: "orders")
            try rig.mark(5, isCommit: number.isMultiple(of: 2))
            try rig.mark(6, isCommit: !number.isMultiple(of: 2))
        }
        let before = try rig.read("orders", from: 0)
        let partition = try #require(rig.engine.topicAtWork(try ResourceName("orders"))?.partitions.first)
        partition.production.state.withLock { state in
            var aborted = AbortedTransactions()
            for entry in state.table.aborted.entries { aborted.append(entry, limit: 3) }
            #expect(aborted.knownFrom > .zero)
            state.table = ProducerTable(producers: state.table.producers, aborted: aborted)
        }
        #expect(try rig.read("orders", from: 0).aborted == before.aborted)
        #expect(
            try await rig.values(of: "orders") == ["x0", "y1", "x2", "y3", "x4", "y5"])
        // In the middle of one, what is told is the part that is read.
        #expect(
            try rig.read("orders", from: 1).aborted.first
                == AbortedTransaction(producerID: 6, firstOffset: Offset(1)))
    }

    @Test func abortedTransactionsBeforeTheStartAreForgotten() async throws {
        let rig = try await rig()
        for number in 0..<10 {
            try rig.append(try rig.batch(["x"], by: .transactional(5, Int32(number))), to: "orders")
            try rig.mark(5, isCommit: false)
        }
        _ = try await rig.driving {
            try await rig.engine.deleteRecords(ResourceName("orders"), partition: 0, before: Offset(16))
        }
        rig.pass(.seconds(11))
        let partition = try #require(rig.engine.topicAtWork(try ResourceName("orders"))?.partitions.first)
        #expect(partition.production.state.withLock { $0.table.aborted.entries.count } == 2)
        #expect(try await rig.values(of: "orders").isEmpty)
    }
}

extension BatchProducer {
    static func transactional(_ id: Int64, _ sequence: Int32, epoch: Int16 = 0) -> BatchProducer {
        BatchProducer(id: id, epoch: epoch, sequence: sequence, isTransactional: true)
    }
}

extension LeasedEvent {
    var text: String { stored.text }
}

extension StoredEvent {
    /// The record's value.
    var text: String { String(decoding: event.data?.bytes ?? [], as: UTF8.self) }
}

extension EngineRig {
    @discardableResult
    func mark(
        _ producerID: Int64, epoch: Int16 = 0, isCommit: Bool, in topic: String = "orders"
    ) throws -> Offset {
        let name = try ResourceName(topic)
        let outcome = Mutex<Result<Offset, BatchError>?>(nil)
        engine.appendMarker(name, partition: 0, producerID: producerID, epoch: epoch, isCommit: isCommit) {
            result in
            outcome.withLock { $0 = result }
        }
        settle()
        return try #require(outcome.withLock { $0 }).get()
    }

    /// The values that somebody sees who fetches.
    func values(of topic: String) async throws -> [String] {
        try await engine.fetch(
            try ResourceName(topic), partition: 0, from: .earliest, limit: 1000, pattern: nil, wait: .zero
        ).events.map(\.text)
    }
}
