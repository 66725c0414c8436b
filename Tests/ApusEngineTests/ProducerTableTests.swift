// SPDX-License-Identifier: Apache-2.0

// What a partition decides about producers' batches: rule by rule, and against a slower table that keeps all of history.

import ApusModel
import ApusTesting
import NIOCore
import TestThreads
import Testing

@testable import ApusEngine

@Suite struct ProducerTableTests {
    private let now = Timestamp(milliseconds: 1_000)

    private func batch(
        _ first: Int32, _ last: Int32, epoch: Int16 = 0, id: Int64 = 7, isTransactional: Bool = false
    ) -> ProducedBatch {
        ProducedBatch(
            producerID: id, epoch: epoch, first: first, last: last, isTransactional: isTransactional)
    }

    private func admit(
        _ table: inout ProducerTable, _ batch: ProducedBatch, floor: Int64 = 0
    ) -> ProducerTable.Admission {
        table.admit(batch, floor: Offset(floor), time: now, now: now)
    }

    /// Takes a batch and has it stored; what it was answered otherwise.
    @discardableResult
    private func store(
        _ table: inout ProducerTable, _ batch: ProducedBatch, at offset: Int64
    ) -> ProducerTable.Admission {
        let admission = admit(&table, batch)
        if case .append(let ticket) = admission {
            table.stored(ticket, of: batch.producerID, at: Offset(offset))
        }
        return admission
    }

    private func ticket(_ admission: ProducerTable.Admission) -> UInt64? {
        if case .append(let ticket) = admission { ticket } else { nil }
    }

    @Test func anUnknownProducerMayBeginAnywhereAndThenGoesOnFromThere() {
        var table = ProducerTable()
        #expect(ticket(store(&table, batch(41, 43), at: 0)) != nil)
        #expect(
            store(&table, batch(45, 45), at: 3) == .refused(.outOfOrderSequence(expected: 44, got: 45)))
        #expect(ticket(store(&table, batch(44, 44), at: 3)) != nil)
    }

    @Test func aBatchThatIsThereIsAnsweredWithItsPlaceForFiveBatches() {
        var table = ProducerTable()
        for number in 0..<6 { store(&table, batch(Int32(number), Int32(number)), at: Int64(number)) }
        #expect(store(&table, batch(1, 1), at: 9) == .stored(at: Offset(1), time: now))
        #expect(store(&table, batch(5, 5), at: 9) == .stored(at: Offset(5), time: now))
        #expect(store(&table, batch(0, 0), at: 9) == .refused(.outOfOrderSequence(expected: 6, got: 0)))
        // Part of what is there is not what is there.
        #expect(store(&table, batch(4, 5), at: 9) == .refused(.outOfOrderSequence(expected: 6, got: 4)))
    }

    @Test func aLaterEpochBeginsAtZeroAndEndsTheEarlierOne() {
        var table = ProducerTable()
        store(&table, batch(0, 9), at: 0)
        #expect(
            store(&table, batch(10, 10, epoch: 1), at: 10)
                == .refused(.outOfOrderSequence(expected: 0, got: 10)))
        #expect(ticket(store(&table, batch(0, 9, epoch: 1), at: 10)) != nil)
        #expect(
            store(&table, batch(10, 10), at: 20)
                == .refused(.invalidProducerEpoch(current: 1, got: 0)))
    }

    @Test func numbersBeginAgainAfterTheLast() {
        var table = ProducerTable()
        store(&table, batch(Int32.max - 1, Int32.max), at: 0)
        #expect(ticket(store(&table, batch(0, 0), at: 2)) != nil)
        var other = ProducerTable()
        let wrapping = ProducedBatch(
            producerID: 7, epoch: 0, first: Int32.max, last: Sequences.advance(Int32.max, by: 2))
        #expect(wrapping.last == 1)
        store(&other, wrapping, at: 0)
        #expect(ticket(store(&other, batch(2, 2), at: 3)) != nil)
    }

    @Test func batchesGoOnWhileEarlierOnesAreUnderWay() {
        var table = ProducerTable()
        let first = admit(&table, batch(0, 0))
        #expect(ticket(admit(&table, batch(1, 1))) != nil)
        #expect(admit(&table, batch(0, 0)) == .underWay(ticket: ticket(first) ?? 0))
    }

    @Test func whatFailedIsAsIfItHadNeverBeen() {
        var table = ProducerTable()
        store(&table, batch(0, 0), at: 0)
        let tickets = (1...3).compactMap { ticket(admit(&table, batch(Int32($0), Int32($0)))) }
        for ticket in tickets { table.failed(ticket, of: 7) }
        #expect(ticket(admit(&table, batch(2, 2))) == nil)
        #expect(ticket(admit(&table, batch(1, 1))) != nil)
    }

    @Test func whatFollowsAFirstBatchThatFailedIsNotTheBeginning() {
        var table = ProducerTable()
        if let first = ticket(admit(&table, batch(5, 5))) { table.failed(first, of: 7) }
        // It was on its way when the first one failed.
        #expect(admit(&table, batch(6, 6)) == .refused(.outOfOrderSequence(expected: 5, got: 6)))
        #expect(ticket(store(&table, batch(5, 5), at: 0)) != nil)
        #expect(ticket(store(&table, batch(6, 6), at: 1)) != nil)
        // Whoever gave up on it has a new epoch, or is forgotten in time.
        var other = ProducerTable()
        if let only = ticket(admit(&other, batch(5, 5))) { other.failed(only, of: 7) }
        #expect(ticket(store(&other, batch(0, 0, epoch: 1), at: 0)) != nil)
        var idle = ProducerTable()
        if let only = ticket(admit(&idle, batch(5, 5))) { idle.failed(only, of: 7) }
        idle.forget(notSeenSince: now.advanced(by: .milliseconds(1)), before: .zero)
        #expect(ticket(admit(&idle, batch(0, 0))) != nil)
    }

    @Test func aGapIsFilledBeforeAnythingElseIsTaken() {
        var table = ProducerTable()
        let tickets = (0...2).compactMap { ticket(admit(&table, batch(Int32($0), Int32($0)))) }
        table.failed(tickets[0], of: 7)
        table.stored(tickets[1], of: 7, at: Offset(1))
        table.stored(tickets[2], of: 7, at: Offset(2))
        #expect(admit(&table, batch(3, 3)) == .refused(.outOfOrderSequence(expected: 0, got: 3)))
        #expect(admit(&table, batch(1, 1)) == .stored(at: Offset(1), time: now))
        #expect(ticket(store(&table, batch(0, 0), at: 3)) != nil)
        #expect(ticket(store(&table, batch(3, 3), at: 4)) != nil)
    }

    @Test func aTransactionHoldsUpWhatIsStableUntilItsMarker() throws {
        var table = ProducerTable()
        let begun = admit(&table, batch(0, 0, isTransactional: true), floor: 10)
        let first = try #require(ticket(begun))
        #expect(table.firstUnstable == Offset(10))
        table.stored(first, of: 7, at: Offset(12))
        #expect(table.firstUnstable == Offset(12))
        #expect(admit(&table, batch(1, 1)) == .refused(.invalidTransactionState))
        let marker = try table.admitMarker(of: 7, epoch: 0, floor: Offset(13), now: now).get()
        #expect(
            admit(&table, batch(1, 1, isTransactional: true)) == .refused(.concurrentTransactions))
        table.markerFailed(marker)
        #expect(table.firstUnstable == Offset(12))
        let again = try table.admitMarker(of: 7, epoch: 0, floor: Offset(13), now: now).get()
        table.markerStored(again, isCommit: false, at: Offset(20))
        #expect(table.firstUnstable == nil)
        #expect(table.aborted.overlapping(Offset(15)..<Offset(16)).map(\.first) == [Offset(12)])
        #expect(table.aborted.overlapping(Offset(21)..<Offset(30)).isEmpty)
        #expect(table.aborted.overlapping(Offset(0)..<Offset(12)).isEmpty)
        // Its numbers go on in the same epoch.
        #expect(ticket(admit(&table, batch(1, 1, isTransactional: true))) != nil)
    }

    @Test func aMarkerOfALaterEpochFencesAndOneOfAnEarlierEpochIsRefused() throws {
        var table = ProducerTable()
        store(&table, batch(0, 0, epoch: 3, isTransactional: true), at: 0)
        let earlier = table.admitMarker(of: 7, epoch: 2, floor: .zero, now: now)
        #expect(earlier == .failure(.invalidProducerEpoch(current: 3, got: 2)))
        let marker = try table.admitMarker(of: 7, epoch: 4, floor: .zero, now: now).get()
        table.markerStored(marker, isCommit: false, at: Offset(1))
        #expect(
            admit(&table, batch(1, 1, epoch: 3)) == .refused(.invalidProducerEpoch(current: 4, got: 3)))
        #expect(
            admit(&table, batch(1, 1, epoch: 4)) == .refused(.outOfOrderSequence(expected: 0, got: 1)))
        #expect(ticket(admit(&table, batch(0, 0, epoch: 4))) != nil)
    }

    @Test func aTransactionThatWasNeverStoredHoldsUpNothing() throws {
        var table = ProducerTable()
        let first = try #require(ticket(admit(&table, batch(0, 0, isTransactional: true))))
        table.failed(first, of: 7)
        #expect(table.firstUnstable == nil)
    }

    @Test func idleProducersAreForgottenAndThoseWithATransactionAreNot() {
        var table = ProducerTable()
        store(&table, batch(0, 0, id: 1), at: 0)
        store(&table, batch(0, 0, id: 2, isTransactional: true), at: 1)
        table.forget(notSeenSince: Timestamp(milliseconds: 2_000), before: .zero)
        #expect(table.producers.keys.sorted() == [2])
        var full = ProducerTable()
        for id in 0..<16 {
            _ = full.admit(
                batch(0, 0, id: Int64(id)), floor: .zero, time: now, now: Timestamp(milliseconds: Int64(id)))
        }
        // All of them have something under way.
        let hasRoom = full.makeRoom()
        #expect(!hasRoom)
        for id in 0..<16 { full.stored(UInt64(id + 1), of: Int64(id), at: Offset(Int64(id))) }
        let hasRoomThen = full.makeRoom()
        #expect(hasRoomThen)
        #expect(full.producers.keys.sorted() == Array(2..<16))
    }

    @Test(.ownThread) func theTableAgreesWithOneThatKeepsAllOfHistory() {
        for seed in 0..<casesToTry(of: 1_000) {
            var run = ProducerTableRun(seed: UInt64(seed))
            guard let problem = run.play() else { continue }
            Issue.record("seed \(seed): \(problem)")
            return
        }
    }

    @Test func whatIsNoSnapshotIsNone() {
        var table = ProducerTable()
        store(&table, batch(0, 4, isTransactional: true), at: 3)
        var buffer = ByteBuffer()
        ProducerSnapshot(partition: 2, next: Offset(9), table: table).encode(into: &buffer)
        let bytes = Array(buffer.readableBytesView)
        func decode(_ bytes: [UInt8]) -> ProducerSnapshot? {
            bytes.withUnsafeBytes { ProducerSnapshot(decoding: $0) }
        }
        #expect(decode(bytes)?.partition == 2)
        #expect(decode(bytes)?.next == Offset(9))
        #expect(decode(bytes)?.table.producers == table.producers.mapValues { $0.restored })
        #expect(decode(bytes)?.table.firstUnstable == Offset(3))
        for length in 0..<bytes.count { #expect(decode(Array(bytes.prefix(length))) == nil) }
        for index in bytes.indices {
            var damaged = bytes
            damaged[index] ^= 0xFF
            _ = decode(damaged)
        }
    }
}

extension ProducerState {
    /// As it comes back: what tells batches under way apart is not kept.
    fileprivate var restored: ProducerState {
        var state = self
        for index in state.batches.indices {
            (state.batches[index].ticket, state.batches[index].floor) = (0, .zero)
        }
        return state
    }
}
