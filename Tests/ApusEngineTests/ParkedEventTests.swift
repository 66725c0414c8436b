// SPDX-License-Identifier: Apache-2.0

// Events that were looked at and not handed out: written, read again, found again, and few bytes each.

import ApusEngine
import ApusModel
import ApusTesting
import CloudEvents
import NIOCore
import Testing

@Suite struct ParkedEventTests {
    private static let shape = HandOutOrder.Shape(hasPriorities: false, window: 0, flowWindow: 0)

    private static func place(_ offset: Int, _ partition: Int = 0) -> Position {
        Position(partition: partition, offset: Offset(Int64(offset)))
    }

    private static func written(_ changes: [SubscriptionChange]) -> ByteBuffer {
        var buffer = ByteBuffer()
        for change in changes { change.encode(into: &buffer) }
        return buffer
    }

    private static func parked(_ state: DeliveryState) -> [Position] {
        state.parked.indices.flatMap { partition in
            var found: [Position] = []
            state.parked[partition].forEach { found.append(Position(partition: partition, offset: $0)) }
            return found
        }
    }

    @Test(arguments: 0..<30)
    func `a snapshot says which events are parked, blocked and open`(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var state = DeliveryState(next: [])
        for offset in 0..<2_000 {
            let distance = offset * (1 + random.below(3)) + 10_000 * random.below(3)
            let position = Self.place(distance, random.below(3))
            switch random.below(6) {
            case 0..<3: state.park(position)
            case 3: state.settle(position)
            case 4: state.block(position, attempts: 1 + random.below(5))
            default: state.putBack(position, attempts: random.below(5))
            }
        }
        let bytes = Self.written(state.snapshot())
        let changes = try #require(bytes.withUnsafeReadableBytes { SubscriptionChange.decode($0) })
        var again = DeliveryState(next: [])
        for change in changes { again.apply(change) { _ in .zero } }
        #expect(Self.parked(again) == Self.parked(state))
        #expect(again.parkedCount == state.parkedCount)
        #expect(again.items == state.items)
        #expect(again.blocked == state.blocked)
        #expect(again.cursors() == state.cursors())
    }

    @Test func `what was settled before it was looked at again stays settled`() {
        var state = DeliveryState(next: [.zero])
        for offset in 0..<4 {
            _ = state.lease(Self.place(offset), nonce: UInt64(offset), deadline: .seconds(1))
        }
        state.park(Self.place(5))
        state.arrange(Self.shape)
        state.settle(Self.place(1))
        state.settle(Self.place(3))
        for offset in [0, 2, 5] {
            #expect(state.scanOffset(0) == Offset(Int64(offset)))
            state.discover(Self.place(offset), EventTags())
        }
        state.finishScan(0, to: Offset(6))
        #expect(state.takeNext() == Self.place(5))
        #expect(state.takeNext() == nil)
        #expect(state.parkedCount == 1)
    }

    @Test func `what is not there any more is found to be missing, whatever is behind it`() {
        var state = DeliveryState(next: [.zero])
        for offset in 1..<5 { state.park(Self.place(offset)) }
        state.arrange(Self.shape)
        // As after a power cut that took the first three (seed 6987).
        state.discover(Self.place(4), EventTags(orderKey: 1))
        state.finishScan(0, to: Offset(5))
        let taken = [state.takeNext(), state.takeNext(), state.takeNext(), state.takeNext()]
        #expect(Set(taken) == Set((1..<5).map { Self.place($0) }))
    }

    @Test func `an event whose settlement could not be written comes before those behind it`() {
        var state = DeliveryState(next: [.zero])
        state.arrange(Self.shape)
        for offset in 0..<3 { state.discover(Self.place(offset), EventTags(orderKey: 1)) }
        state.finishScan(0, to: Offset(3))
        #expect(state.takeNext() == Self.place(0))
        _ = state.lease(Self.place(0), nonce: 1, deadline: .seconds(1))
        state.settle(Self.place(0))
        #expect(state.takeNext() == Self.place(1))
        _ = state.lease(Self.place(1), nonce: 2, deadline: .seconds(1))
        // Its acknowledgement was lost.
        state.putBack(Self.place(0), attempts: 1)
        #expect(state.takeStray() == Self.place(0))
        state.readmit(Self.place(0), EventTags(orderKey: 1))
        state.settle(Self.place(1))
        #expect(state.takeNext() == Self.place(0))
        #expect(state.takeNext() == nil)
    }

    @Test func `events are written once, before those behind them are handed out`() {
        var state = DeliveryState(next: [.zero])
        state.arrange(Self.shape)
        for offset in 0..<70 { state.discover(Self.place(offset), EventTags(orderKey: offset < 69 ? 1 : 2)) }
        #expect(state.takeNext() == Self.place(0))
        _ = state.lease(Self.place(0), nonce: 1, deadline: .seconds(1))
        let changes = SubscriptionChange.parked(state.takeUnwritten())
        #expect(changes.count == 2)
        var log = DeliveryState(next: [])
        for change in changes + [.attempted(Self.place(0), attempts: 1)] { log.apply(change) { _ in .zero } }
        #expect(Self.parked(log) == Self.parked(state))
        #expect(log.next == [Offset(70)])
        #expect(state.takeUnwritten().isEmpty)
    }

    @Test func `events behind one key take up four bytes at most, in memory and in a snapshot`() {
        var state = DeliveryState(next: [.zero])
        state.arrange(Self.shape)
        for number in 0..<40_000 {
            state.discover(Self.place(10 * number), EventTags(orderKey: 1))
        }
        #expect(state.takeNext() == Self.place(0))
        let memory =
            state.parked.reduce(0) { $0 + $1.byteCount } + (state.arrangement?.order.size.pendingBytes ?? 0)
        #expect(memory < 4 * 40_000)
        _ = state.takeUnwritten()
        #expect(Self.written(state.snapshot()).readableBytes < 4 * 40_000)
    }

    @Test func `a key that fails does not hide others thousands of events later`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.subscription("billing", .shared("orders") { $0.ordering = OrderingSettings() })
        for start in stride(from: 0, to: 10_000, by: 1_000) {
            try await rig.publish((start..<start + 1_000).map { "bad\($0)" }, to: "orders", key: "bad")
        }
        try await rig.publish(["good"], to: "orders", key: "good")
        let bad = try await rig.receive("billing", limit: 1)
        try await rig.settle("billing", bad.map(\.lease), .release(delay: .seconds(3_600), counted: true))
        // Looking ahead goes on in later turns when it takes long.
        let good = try await rig.receive("billing", wait: .seconds(5))
        #expect(good.map(\.stored.event.id) == ["good"])
        #expect(try rig.describe("billing").backlog == 10_000)
    }
}
