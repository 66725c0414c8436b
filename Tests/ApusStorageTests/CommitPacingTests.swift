// SPDX-License-Identifier: Apache-2.0

// When the journal waits for more appends, and in what order outcomes are told.

import ApusModel
import ApusTesting
import Synchronization
import Testing

@testable import ApusStorage

@Suite struct CommitPacingTests {
    /// A pacing after `count` flushes of `appends` each, one every `interval`.
    private func pacing(flushes count: Int, of appends: Int, every interval: Duration) -> CommitPacing {
        var pacing = CommitPacing()
        for flush in 1...count { pacing.flushed(appends, at: interval * flush) }
        return pacing
    }

    @Test func `the first append waits for nobody`() {
        #expect(CommitPacing().countWanted == 1)
    }

    @Test func `appends that come singly are flushed at once`() {
        #expect(pacing(flushes: 100, of: 1, every: .milliseconds(1)).countWanted == 1)
        #expect(pacing(flushes: 100, of: 4, every: .microseconds(200)).countWanted == 1)
    }

    @Test func `a crowd is flushed together`() {
        let crowd = pacing(flushes: 100, of: 10, every: .microseconds(150))
        #expect(crowd.countWanted == CommitPacing.countMax)
        let half = pacing(flushes: 100, of: 8, every: .microseconds(200))
        #expect(half.countWanted > CommitPacing.countMin && half.countWanted <= CommitPacing.countMax)
    }

    @Test func `after a pause nobody waits for a crowd that has gone`() {
        var crowd = pacing(flushes: 100, of: 20, every: .microseconds(200))
        crowd.flushed(1, at: .seconds(2))
        #expect(crowd.countWanted == 1)
    }

    @Test func `a clock that stands still changes nothing`() {
        var pacing = CommitPacing()
        pacing.flushed(10, at: .seconds(1))
        pacing.flushed(10, at: .seconds(1))
        #expect(pacing.countWanted == 1)
    }
}

@Suite struct DeliveriesTests {
    private func completions(_ number: Int, _ told: @escaping @Sendable (Int) -> Void) -> Completions {
        var completions = Completions()
        completions.advances.append(({ told(Int($0.rawValue)) }, Offset(Int64(number))))
        return completions
    }

    @Test func `outcomes that come while others are told are told after them`() {
        let deliveries = Deliveries()
        let told = Mutex<[Int]>([])
        let second = completions(2) { number in told.withLock { $0.append(number) } }
        let first = completions(1) { number in
            #expect(deliveries.add(second))
            deliveries.tellAll()
            told.withLock { $0.append(number) }
        }
        #expect(deliveries.add(first))
        #expect(told.withLock { $0.isEmpty })
        deliveries.tellAll()
        #expect(told.withLock { $0 } == [1, 2])
    }

    @Test func `nothing is no news`() {
        #expect(!Deliveries().add(Completions()))
    }

    @Test func `who is told that a claim has fenced an append may call the store`() throws {
        let log = LogID(high: 1, low: 2)
        let store = try TestStore(SimulatedDisk(seed: 1)).open()
        let first = try store.claim(log, LogConfiguration()) { _ in }
        #expect(store.appendNow(LogStoreContract.batch(records: 1, tag: 1), first) == .success(.zero))
        let told = Mutex<[Result<Offset, LogError>]>([])
        store.append(LogStoreContract.batch(records: 1, tag: 2), holding: first) { result in
            // Waits for the lock under which claims are given, so it must not be held here.
            try? store.trim(log, before: Offset(1))
            told.withLock { $0.append(result) }
        }
        _ = try store.claim(log, LogConfiguration()) { _ in }
        #expect(told.withLock { $0 } == [.failure(.fenced(log))])
        #expect(try store.bounds(log).start == Offset(1))
    }
}
