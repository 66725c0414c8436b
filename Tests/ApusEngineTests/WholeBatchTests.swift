// SPDX-License-Identifier: Apache-2.0

// Whole batches in and out: what is checked, what readers of events see of them, and where partitions begin and end.

import ApusModel
import ApusRules
import ApusStorage
import ApusTesting
import NIOCore
import Synchronization
import Testing

@testable import ApusEngine

@Suite struct WholeBatchTests {
    @Test func aBatchIsStoredAsItCameAndItsRecordsAreEvents() async throws {
        let rig = try EngineRig()
        try await rig.topic("copies")
        try await rig.topic("orders")
        try await rig.rule("all", .copying("orders", to: "copies"))
        try await rig.subscription("queue", .shared("orders"))
        try await rig.publish(["first"], to: "orders")
        var batch = try rig.batch(["a", "b", "c"])
        batch.leaderEpoch = 77
        let receipt = try rig.append(batch, to: "orders")
        #expect(receipt.baseOffset == Offset(1))
        #expect(receipt.appendTime == nil)
        #expect(!receipt.isDuplicate)
        rig.settle()
        let read = try rig.read("orders", from: 1)
        #expect(read.batches.count == 1)
        #expect(read.batches[0].leaderEpoch == 0)
        #expect(try read.batches[0].records().map(\.value) == ["a", "b", "c"].map { Array($0.utf8) })
        #expect(read.bounds == PartitionBounds(start: .zero, stableEnd: Offset(4), end: Offset(4)))
        #expect(try await rig.receive("queue").count == 4)
        #expect(try await rig.ids(of: "copies").count == 4)
        #expect(rig.engine.topicAtWork(try ResourceName("orders"))?.published.value == 4)
    }

    @Test func batchesThatContradictThemselvesAreRefused() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        func refusal(_ change: (inout ByteBuffer) -> Void) throws -> BatchError? {
            var bytes = try rig.batch(["a", "b"]).bytes
            change(&bytes)
            var batch = RecordBatch(trusted: bytes)
            batch.setGreatestTimestamp(batch.maxTimestamp)
            return rig.refusal(batch, to: "orders")
        }
        #expect(try refusal { _ in } == nil)
        // A control batch, a transaction without a producer, a count that its offsets do not have, and a codec.
        #expect(try refusal { $0.setInteger(UInt16(0x20), at: 21) }?.isInvalidBatch == true)
        #expect(try refusal { $0.setInteger(UInt16(0x10), at: 21) }?.isInvalidBatch == true)
        #expect(try refusal { $0.setInteger(Int32(7), at: 23) }?.isInvalidBatch == true)
        #expect(try refusal { $0.setInteger(Int32(1), at: 57) }?.isInvalidBatch == true)
        #expect(try refusal { $0.setInteger(UInt16(0x08), at: 21) }?.isInvalidBatch == true)
        // A producer without an epoch, one without a sequence, and one that this server cannot have given an id.
        #expect(try refusal { $0.setInteger(Int64(5), at: 43) }?.isInvalidBatch == true)
        #expect(
            try refusal {
                $0.setInteger(Int64(5), at: 43)
                $0.setInteger(Int16(0), at: 51)
            }?.isInvalidBatch == true)
        #expect(
            try refusal {
                $0.setInteger(Int64.max, at: 43)
                $0.setInteger(Int16(0), at: 51)
                $0.setInteger(Int32(0), at: 53)
            }?.isInvalidBatch == true)
        // The second record's number, 1 in a varint, becomes 3.
        #expect(
            try refusal { bytes in
                let second =
                    RecordBatch.headerLength + Int(bytes.getInteger(at: 61, as: UInt8.self) ?? 0) / 2 + 1
                bytes.setInteger(UInt8(6), at: second + 3)
            }?.isInvalidBatch == true)
        #expect(
            rig.refusal(try rig.batch(["a"]), to: "nowhere")
                == .broker(.unknownTopic(try ResourceName("nowhere"))))
        #expect(
            rig.refusal(try rig.batch(["a"]), to: "orders", partition: 3)
                == .broker(.unknownPartition(try ResourceName("orders"), 3)))
    }

    @Test func tooLargeABatchIsRefused() async throws {
        let rig = try EngineRig { $0.batchBytesMax = 100 }
        try await rig.topic("orders")
        let batch = try rig.batch(["a value of some length", "and another one"])
        #expect(rig.refusal(batch, to: "orders") == .broker(.tooLarge(bytes: batch.length, limit: 100)))
    }

    @Test func timesOfTheFutureAreRefusedAndAWrongGreatestOneIsPutRight() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        let now = rig.engine.now
        let late = now.advanced(by: Defaults.batchTimestampAhead + .milliseconds(1))
        #expect(
            rig.refusal(try rig.batch(["a"], at: late), to: "orders")
                == .invalidTimestamp(late, latest: now.advanced(by: Defaults.batchTimestampAhead)))
        var batch = try rig.batch(["a"], at: now)
        batch.setGreatestTimestamp(late)
        try rig.append(batch, to: "orders")
        let stored = try rig.read("orders", from: 0).batches[0]
        #expect(stored.maxTimestamp == now)
        _ = try RecordBatch(verifying: stored.bytes)
    }

    @Test func aTopicThatStampsGivesAllRecordsTheTimeOfTheirAppend() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders", TopicSettings(timestamps: .append))
        let receipt = try rig.append(
            try rig.batch(["a", "b"], at: Timestamp(milliseconds: 5)), to: "orders")
        #expect(receipt.appendTime == rig.engine.now)
        let stored = try rig.read("orders", from: 0).batches[0]
        #expect(stored.hasAppendTime)
        #expect(try stored.records().map(\.timestamp) == [rig.engine.now, rig.engine.now])
        _ = try RecordBatch(verifying: stored.bytes)
        let again = try rig.restarted()
        #expect(try again.engine.topic(try ResourceName("orders")).settings.timestamps == .append)
    }

    @Test func readingEndsAtTheEndAndSaysWhereThePartitionBegins() async throws {
        let rig = try EngineRig()
        let name = try ResourceName("orders")
        try await rig.topic("orders")
        for value in ["a", "b", "c"] { try rig.append(try rig.batch([value]), to: "orders") }
        #expect(try rig.read("orders", from: 3).batches.isEmpty)
        #expect(throws: BrokerError.beyondEnd(end: Offset(3))) { try rig.read("orders", from: 4) }
        let start = try await rig.engine.deleteRecords(name, partition: 0, before: Offset(2))
        #expect(start == Offset(2))
        #expect(throws: BrokerError.trimmed(start: Offset(2))) { try rig.read("orders", from: 1) }
        #expect(try rig.engine.bounds(name, partition: 0).start == Offset(2))
        #expect(try rig.append(try rig.batch(["d"]), to: "orders").logStart == Offset(2))
        #expect(try rig.read("orders", from: 2, byteLimit: 1).batches.count == 1)
        await #expect(throws: BrokerError.beyondEnd(end: Offset(4))) {
            try await rig.engine.deleteRecords(name, partition: 0, before: Offset(5))
        }
    }

    @Test func offsetsAreFoundByTime() async throws {
        let rig = try EngineRig()
        let name = try ResourceName("orders")
        try await rig.topic("orders")
        #expect(try rig.engine.newest(name, partition: 0) == nil)
        let now = rig.engine.now
        for (value, seconds) in [("a", 10), ("b", 30), ("c", 20)] {
            try rig.append(
                try rig.batch([value], at: now.advanced(by: .seconds(seconds))), to: "orders")
        }
        func found(_ seconds: Int) throws -> TimedOffset? {
            try rig.engine.offset(name, partition: 0, at: now.advanced(by: .seconds(seconds)))
        }
        #expect(try found(0) == TimedOffset(offset: .zero, timestamp: now.advanced(by: .seconds(10))))
        #expect(try found(11) == TimedOffset(offset: Offset(1), timestamp: now.advanced(by: .seconds(30))))
        #expect(try found(31) == nil)
        #expect(
            try rig.engine.newest(name, partition: 0)
                == TimedOffset(offset: Offset(1), timestamp: now.advanced(by: .seconds(30))))
    }

    @Test func whoWaitsIsCalledOnceWhenThereIsSomethingToRead() async throws {
        let rig = try EngineRig()
        let name = try ResourceName("orders")
        try await rig.topic("orders")
        let calls = Mutex(0)
        let count: @Sendable () -> Void = { calls.withLock { $0 += 1 } }
        let wait = rig.engine.whenBeyond(
            Offset(1), of: name, partition: 0, isolation: .uncommitted, count)
        #expect(wait != nil)
        let cancelled = rig.engine.whenBeyond(.zero, of: name, partition: 0, isolation: .committed, count)
        cancelled?.cancel()
        try rig.append(try rig.batch(["a"]), to: "orders")
        #expect(calls.withLock { $0 } == 0)
        try rig.append(try rig.batch(["b"]), to: "orders")
        #expect(calls.withLock { $0 } == 1)
        #expect(
            rig.engine.whenBeyond(Offset(1), of: name, partition: 0, isolation: .committed, count) == nil)
        #expect(calls.withLock { $0 } == 2)
        _ = rig.engine.whenBeyond(Offset(2), of: name, partition: 0, isolation: .committed, count)
        try await rig.driving { try await rig.engine.deleteTopic(name, cascade: false) }
        #expect(calls.withLock { $0 } == 3)
        #expect(rig.engine.whenBeyond(.zero, of: name, partition: 0, isolation: .committed, count) == nil)
        #expect(calls.withLock { $0 } == 4)
    }
}

extension BatchError {
    var isInvalidBatch: Bool { if case .invalidBatch = self { true } else { false } }
}

/// Who sends a batch.
struct BatchProducer {
    var id: Int64
    var epoch: Int16 = 0
    var sequence: Int32
    var isTransactional = false
}

extension EngineRig {
    /// A batch as a client sends it.
    func batch(
        _ values: [String], at time: Timestamp? = nil, by producer: BatchProducer? = nil
    ) throws -> RecordBatch {
        var builder = RecordBatchBuilder(
            producerID: producer?.id ?? -1, producerEpoch: producer?.epoch ?? -1,
            baseSequence: producer?.sequence ?? -1)
        for value in values {
            builder.append(timestamp: time ?? engine.now, key: nil, value: Array(value.utf8))
        }
        let finished = builder.finish()
        let batch = try #require(finished)
        guard producer?.isTransactional == true else { return batch }
        var bytes = batch.bytes
        bytes.setInteger(UInt16(0x10), at: 21)
        var transactional = RecordBatch(trusted: bytes)
        transactional.setGreatestTimestamp(batch.maxTimestamp)
        return transactional
    }

    /// What became of an append; the memory store completes at once.
    func outcome(
        _ batch: RecordBatch, to topic: String, partition: Int = 0
    ) -> Result<BatchReceipt, BatchError>? {
        guard let name = try? ResourceName(topic) else { return nil }
        let outcome = Mutex<Result<BatchReceipt, BatchError>?>(nil)
        engine.append(batch, to: name, partition: partition) { result in outcome.withLock { $0 = result } }
        settle()
        return outcome.withLock { $0 }
    }

    @discardableResult
    func append(_ batch: RecordBatch, to topic: String, partition: Int = 0) throws -> BatchReceipt {
        try #require(outcome(batch, to: topic, partition: partition)).get()
    }

    func refusal(_ batch: RecordBatch, to topic: String, partition: Int = 0) -> BatchError? {
        if case .failure(let error) = outcome(batch, to: topic, partition: partition) { return error }
        return nil
    }

    @discardableResult
    func read(
        _ topic: String, from offset: Int64, byteLimit: Int = 1 << 20, _ isolation: Isolation = .committed
    ) throws -> BatchRead {
        try engine.readBatches(
            try ResourceName(topic), partition: 0, from: Offset(offset), byteLimit: byteLimit,
            isolation: isolation)
    }
}
