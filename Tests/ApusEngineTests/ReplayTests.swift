// SPDX-License-Identifier: Apache-2.0

// Bounded replays and subscriptions with an end.

import ApusEngine
import ApusModel
import ApusStorage
import ApusTesting
import ApusTransport
import CloudEvents
import Testing

@Suite struct ReplayTests {
    private func take(_ rig: EngineRig, _ name: String = "billing") async throws -> [String] {
        var ids: [String] = []
        while true {
            let leased = try await rig.receive(name)
            guard !leased.isEmpty else { return ids }
            ids += leased.map(\.stored.event.id)
            try await rig.settle(name, leased.map(\.lease), .acknowledge)
        }
    }

    private func replay(
        _ rig: EngineRig, _ name: String = "billing", from: StartPosition, to: StartPosition
    ) async throws {
        let name = try ResourceName(name)
        try await rig.driving { [engine = rig.engine] in try await engine.replay(name, from: from, to: to) }
        rig.settle()
    }

    private func rig(_ count: Int = 10, partitions: Int = 1) async throws -> EngineRig {
        let rig = try EngineRig()
        try await rig.topic("orders", TopicSettings(partitions: partitions))
        try await rig.subscription("billing", .shared("orders"))
        try await rig.publish((0..<count).map(String.init), to: "orders")
        return rig
    }

    @Test func `what lies between comes once more, and the position stays`() async throws {
        let rig = try await rig()
        try await rig.subscription("audit", .shared("orders"))
        #expect(try await take(rig).count == 10)
        #expect(try await take(rig, "audit").count == 10)
        try await replay(rig, from: .offset(Offset(3)), to: .offset(Offset(6)))
        #expect(try rig.describe("billing").replaying == 3)
        #expect(try await take(rig) == ["3", "4", "5"])
        #expect(try await take(rig, "audit").isEmpty)
        let after = try rig.describe("billing")
        #expect(after.replaying == 0 && after.positions.map(\.next) == [Offset(10)] && after.backlog == 0)
        try await rig.publish(["new"], to: "orders")
        #expect(try await take(rig) == ["new"])
    }

    @Test func `what is new is not held up by a replay`() async throws {
        let rig = try await rig()
        _ = try await take(rig)
        try await replay(rig, from: .earliest, to: .latest)
        try await rig.publish(["new"], to: "orders")
        let leased = try await rig.receive("billing", limit: 4)
        #expect(leased.map(\.stored.event.id).contains("new"))
    }

    @Test func `what is not settled comes once, with its attempts`() async throws {
        let rig = try await rig(4)
        let leased = try await rig.receive("billing")
        try await rig.settle("billing", [leased[0].lease, leased[2].lease], .acknowledge)
        try await replay(rig, from: .earliest, to: .latest)
        let again = try await rig.receive("billing")
        #expect(again.map(\.stored.event.id) == ["0", "2"])
        rig.pass(.seconds(31))
        let late = try await rig.receive("billing")
        #expect(late.map(\.stored.event.id) == ["0", "1", "2", "3"])
        #expect(late.map(\.attempt) == [2, 2, 2, 2])
    }

    @Test func `a replay goes on after a restart, without what was handed out before`() async throws {
        let rig = try await rig(10, partitions: 2)
        _ = try await take(rig)
        try await replay(rig, from: .offset(Offset(1)), to: .offset(Offset(4)))
        let first = try await rig.receive("billing", limit: 2)
        try await rig.settle("billing", first.map(\.lease), .acknowledge)
        let again = try rig.restarted()
        #expect(try again.describe("billing").replaying == 4)
        let rest = try await take(again)
        #expect(rest.count == 4 && Set(rest).isDisjoint(with: first.map(\.stored.event.id)))
        let third = try again.restarted()
        #expect(try await take(third).isEmpty)
    }

    @Test func `what would come again is told by what is settled, and not by where the first gap is`()
        async throws
    {
        let rig = try await rig()
        let leased = try await rig.receive("billing", limit: 10)
        try await rig.settle("billing", leased.dropFirst().map(\.lease), .acknowledge)
        let name = try ResourceName("billing")
        func preview(_ from: StartPosition, _ to: StartPosition? = nil) throws -> ReplayPreview? {
            try rig.engine.previewReplay(name, from: from, to: to).first
        }
        func row(_ to: Int64, _ again: Int64, _ skipped: Int64) -> ReplayPreview {
            ReplayPreview(partition: 0, cursor: .zero, to: Offset(to), again: again, skipped: skipped)
        }
        #expect(try preview(.earliest) == row(0, 9, 0))
        // What is before it and not settled comes all the same.
        #expect(try preview(.offset(Offset(4))) == row(4, 6, 0))
        #expect(try preview(.offset(Offset(10))) == row(10, 0, 0))
        #expect(try preview(.latest) == row(10, 0, 1))
        #expect(throws: BrokerError.self) { try preview(.offset(Offset(11))) }
        #expect(try preview(.offset(Offset(2)), .offset(Offset(5))) == row(0, 3, 0))
        #expect(try preview(.earliest, .latest) == row(0, 9, 0))
        try await rig.publish(["new"], to: "orders")
        #expect(try preview(.latest) == row(11, 0, 2))
        // It is told and not done.
        #expect(try await take(rig) == ["new"])
    }

    /// Each position, previewed and then gone to: what comes is what was told.
    @Test(
        arguments: [
            .earliest, .offset(Offset(3)), .offset(Offset(7)), .offset(Offset(8)), .offset(Offset(10)),
            .latest,
        ] as [StartPosition])
    func `a preview is what happens`(_ position: StartPosition) async throws {
        let rig = try await rig(8)
        let leased = try await rig.receive("billing", limit: 8)
        // 1, 4 and 7 wait for a retry, the others are settled; 8 and 9 are not looked at.
        let waiting = [leased[1], leased[4], leased[7]].map(\.lease)
        try await rig.settle("billing", waiting, .release(delay: .seconds(60), counted: true))
        try await rig.settle(
            "billing", leased.map(\.lease).filter { !waiting.contains($0) }, .acknowledge)
        let before: Set = ["1", "4", "7", "8", "9"]
        try await rig.publish(["8", "9"], to: "orders")
        let name = try ResourceName("billing")
        let told = try #require(try rig.engine.previewReplay(name, from: position, to: nil).first)
        try await rig.driving { [engine = rig.engine] in try await engine.replay(name, from: position) }
        var came = Set(try await take(rig))
        rig.pass(.seconds(61))
        came.formUnion(try await take(rig))
        #expect(told.again == Int64(came.subtracting(before).count))
        #expect(told.skipped == Int64(before.subtracting(came).count))
    }

    @Test func `a bounded replay that would be refused has no preview either`() async throws {
        let rig = try await rig()
        _ = try await take(rig)
        try await replay(rig, from: .earliest, to: .offset(Offset(5)))
        let name = try ResourceName("billing")
        #expect(throws: BrokerError.self) {
            try rig.engine.previewReplay(name, from: .earliest, to: .latest)
        }
    }

    @Test func `one bounded replay is under way at a time, and one without an end takes its place`()
        async throws
    {
        let rig = try await rig()
        _ = try await take(rig)
        try await replay(rig, from: .earliest, to: .offset(Offset(5)))
        await #expect(throws: BrokerError.self) {
            try await replay(rig, from: .earliest, to: .offset(Offset(2)))
        }
        let name = try ResourceName("billing")
        try await rig.driving { [engine = rig.engine] in
            try await engine.replay(name, from: .offset(Offset(8)))
        }
        #expect(try await take(rig) == ["8", "9"])
        #expect(try rig.describe("billing").replaying == 0)
    }

    @Test func `a replay that cannot be written down does not begin`() async throws {
        let rig = try await rig()
        let before = try rig.store.logs()
        try await rig.subscription("audit", .shared("orders"))
        let log = try #require(try rig.store.logs(since: before).first)
        _ = try await take(rig, "audit")
        rig.store.refuseAppends(to: log, with: .failed("no"))
        await #expect(throws: BrokerError.self) {
            try await replay(rig, "audit", from: .earliest, to: .latest)
        }
        rig.store.refuseAppends(to: log, with: nil)
        #expect(try await take(rig, "audit").isEmpty)
        try await replay(rig, "audit", from: .earliest, to: .offset(Offset(1)))
        #expect(try await take(rig, "audit") == ["0"])
    }

    /// The log lacks that 2, 3 and 4 were handed out, which had failed; the replay was written down behind that.
    @Test func `a replay takes nothing that the log had not looked at`() {
        var state = DeliveryState(next: [Offset(2), Offset(4)])
        for partition in 0..<2 {
            state.apply(.replaying(partition: partition, next: Offset(3), end: Offset(5))) { _ in .zero }
        }
        #expect(state.replays == [1: ReplayWindow(next: Offset(3), end: Offset(4))])
        #expect(state.cursors() == [Offset(2), Offset(3)])
    }

    @Test func `a subscription with an end gets what was before it and is then complete`() async throws {
        let rig = try await rig(6)
        try await rig.subscription(
            "part",
            .shared("orders", start: .offset(Offset(2))) {
                $0.end = .latest
                $0.push = PushSettings(url: "https://example.org/")
            })
        try await rig.publish(["new"], to: "orders")
        rig.pass(.seconds(1))
        #expect(rig.target.deliveries.map(\.event.id) == ["2", "3", "4", "5"])
        #expect(try rig.describe("part").isComplete)
        #expect(try rig.describe("part").positions.map(\.end) == [Offset(6)])
        let again = try rig.restarted()
        again.pass(.seconds(1))
        #expect(again.target.deliveries.isEmpty)
        #expect(try again.describe("part").isComplete)
    }

    @Test func `an end may be in the middle of a batch, and before the start`() async throws {
        let rig = try await rig(10)
        try await rig.subscription("part", .shared("orders") { $0.end = .offset(Offset(4)) })
        #expect(try await take(rig, "part") == ["0", "1", "2", "3"])
        try await rig.subscription(
            "none", .shared("orders", start: .offset(Offset(5))) { $0.end = .offset(Offset(4)) })
        #expect(try await take(rig, "none").isEmpty)
        #expect(try rig.describe("none").isComplete)
    }
}
