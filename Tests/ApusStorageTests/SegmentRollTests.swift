// SPDX-License-Identifier: Apache-2.0

// When a segment is closed: when it is too old, whether anything comes behind it or not, and when it is full.

import ApusModel
import ApusStorage
import ApusTesting
import Synchronization
import Testing

@Suite struct SegmentRollTests {
    private static let log = LogID(high: 1, low: 1)

    /// A clock that the test moves.
    private final class Hands: Sendable {
        private let passed = Mutex(Duration.zero)

        func move(_ duration: Duration) { passed.withLock { $0 += duration } }

        var clock: StoreClock {
            StoreClock(
                monotonic: { self.passed.withLock { $0 } },
                wall: { Timestamp(milliseconds: 1_000_000).advanced(by: self.passed.withLock { $0 }) })
        }
    }

    private func batch(_ value: String = "x") -> RecordBatch? {
        var builder = RecordBatchBuilder()
        builder.append(timestamp: Timestamp(milliseconds: 1), key: nil, value: Array(value.utf8))
        return builder.finish()
    }

    /// Appends a batch and lets it get into its segment.
    private func append(
        _ store: FileLogStore, _ claim: LogClaim, _ hands: Hands, _ value: String = "x"
    ) throws {
        let made = try #require(batch(value))
        _ = try #require(store.appendNow(made, claim)).get()
        hands.move(.seconds(2))
        _ = store.maintenanceStep()
    }

    @Test func `one that is old is closed, with nothing behind it and with something`() throws {
        let hands = Hands()
        let store = try TestStore(SimulatedDisk(seed: 1)).open(hands.clock)
        let configuration = LogConfiguration(segmentAgeMax: .seconds(60))
        let claim = try store.claim(Self.log, configuration) { _ in }
        try append(store, claim, hands)
        try append(store, claim, hands)
        #expect(try store.closedSegments(Self.log).isEmpty)
        // Looked at every 10 seconds, whether anybody writes or not.
        hands.move(.seconds(61))
        _ = store.maintenanceStep()
        #expect(try store.closedSegments(Self.log).map(\.base) == [.zero])
        try append(store, claim, hands)
        hands.move(.seconds(100))
        try append(store, claim, hands)
        #expect(try store.closedSegments(Self.log).map(\.base) == [.zero, Offset(2)])
        #expect(try store.readAll(Self.log).bases == [0, 1, 2, 3])
    }

    @Test func `the age can be changed while it is open`() throws {
        let hands = Hands()
        let store = try TestStore(SimulatedDisk(seed: 2)).open(hands.clock)
        let claim = try store.claim(Self.log, LogConfiguration()) { _ in }
        try append(store, claim, hands)
        hands.move(.seconds(3600))
        _ = store.maintenanceStep()
        #expect(try store.closedSegments(Self.log).isEmpty)
        try store.configure(claim, LogConfiguration(segmentAgeMax: .milliseconds(1)))
        hands.move(.seconds(11))
        _ = store.maintenanceStep()
        #expect(try store.closedSegments(Self.log).map(\.base) == [.zero])
    }

    @Test func `one that is full is closed`() throws {
        let hands = Hands()
        let store = try TestStore(SimulatedDisk(seed: 3)).open(hands.clock)
        let length = try #require(batch("x")).length
        let claim = try store.claim(Self.log, LogConfiguration(segmentBytesMax: 2 * length)) { _ in }
        for _ in 0..<5 { try append(store, claim, hands) }
        #expect(try store.closedSegments(Self.log).map(\.base) == [.zero, Offset(2)])
    }
}
