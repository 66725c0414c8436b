// SPDX-License-Identifier: Apache-2.0

// Retrying now: what waits comes before its time and is counted on; what does something else is left alone.

import ApusEngine
import ApusModel
import ApusStorage
import ApusTesting
import ApusTransport
import CloudEvents
import Testing

private let down: ScriptedTarget.Script = { _ in .retry(after: .seconds(3600), status: 503, reason: "down") }

@Suite struct RetryTests {
    private func position(_ offset: Int64) -> Position { Position(partition: 0, offset: Offset(offset)) }

    @Test func `what waits is ready at once with the attempts behind it, everything else stays as it is`() {
        var state = DeliveryState(next: [.zero])
        for offset in Int64(0)..<5 { _ = state.lease(position(offset), nonce: 1, deadline: .seconds(30)) }
        let wall = Timestamp(milliseconds: 0)
        state.postpone(position(3), attempts: 4, due: .seconds(60), wall: wall)
        state.postpone(position(1), attempts: 2, due: .seconds(90), wall: wall)
        state.close(position(2))
        let named = state.hasten(.some([position(1), position(2), position(4), position(99)]))
        #expect(named.map(\.position) == [position(1)] && named.map(\.attempts) == [2])
        #expect(state.waiting == 1 && state.takeReady() == position(1))
        let rest = state.hasten()
        #expect(rest.map(\.position) == [position(3)] && rest.map(\.attempts) == [4])
        #expect(state.waiting == 0 && state.leased == 2)
        let again = state.hasten()
        #expect(again.isEmpty)
        // The timers of the waits that ended mean nothing any more.
        let expired = state.elapse(now: .seconds(100))
        #expect(expired == [position(0), position(4)])
        #expect(state.items[position(1)]?.phase == .ready)
    }

    @Test func `consumers get released events before their delay is over, and the attempt counts on`()
        async throws
    {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.subscription("s", .shared("orders"))
        try await rig.publish(["a", "b", "c"], to: "orders")
        let leased = try await rig.receive("s")
        try await rig.settle("s", leased.map(\.lease), .release(delay: .seconds(600), counted: true))
        #expect(try rig.describe("s").waiting == 3)
        let name = try ResourceName("s")
        let place = EventPlace(topic: try ResourceName("orders"), partition: 0, offset: Offset(1))
        let one = try await rig.driving { [engine = rig.engine] in
            try await engine.retryNow(name, .events([place]))
        }
        #expect(one.retried == 1)
        let second = try await rig.receive("s")
        #expect(second.map(\.stored.event.id) == ["b"] && second.first?.attempt == 2)
        let all = try await rig.driving { [engine = rig.engine] in
            try await engine.retryNow(name, .all)
        }
        #expect(all.retried == 2)
        #expect(try await rig.receive("s").map(\.stored.event.id) == ["a", "c"])
        // Nothing waits any more: what is with a consumer is not taken from it.
        let none = try await rig.driving { [engine = rig.engine] in
            try await engine.retryNow(name, .all)
        }
        #expect(none == RetriedNow(retried: 0, isProbed: false))
    }

    @Test func `only what came since a time is retried, in each partition`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders", TopicSettings(partitions: 2))
        try await rig.subscription("s", .shared("orders"))
        for id in ["a", "b", "c", "d"] { try await rig.publish([id], to: "orders", key: id) }
        rig.pass(.seconds(60))
        for id in ["e", "f", "g", "h"] { try await rig.publish([id], to: "orders", key: id) }
        let leased = try await rig.receive("s")
        try await rig.settle("s", leased.map(\.lease), .release(delay: .seconds(600), counted: true))
        #expect(try rig.describe("s").waiting == 8)
        let (name, time) = (try ResourceName("s"), rig.clock.wall.advanced(by: .seconds(-30)))
        let retried = try await rig.driving { [engine = rig.engine] in
            try await engine.retryNow(name, .since(time))
        }
        #expect(retried.retried == 4)
        #expect(Set(try await rig.receive("s").map(\.stored.event.id)) == ["e", "f", "g", "h"])
        #expect(try rig.describe("s").waiting == 4)
    }

    @Test func `a retry is remembered over a restart`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.subscription("s", .shared("orders"))
        try await rig.publish(["a"], to: "orders")
        let leased = try await rig.receive("s")
        try await rig.settle("s", leased.map(\.lease), .release(delay: .seconds(600), counted: true))
        let name = try ResourceName("s")
        _ = try await rig.driving { [engine = rig.engine] in try await engine.retryNow(name, .all) }
        let again = try rig.restarted()
        let second = try await again.receive("s")
        #expect(second.map(\.stored.event.id) == ["a"] && second.first?.attempt == 2)
    }

    @Test func `a target that is left alone is probed at once, and one that works gets the rest`()
        async throws
    {
        let rig = try EngineRig(target: ScriptedTarget(down))
        try await rig.topic("orders")
        try await rig.subscription(
            "hook",
            .shared("orders") { settings in
                settings.attemptsMax = 100
                var push = PushSettings(url: "http://127.0.0.1/hook", concurrency: 4)
                push.breaker = PushSettings.Breaker(
                    failures: 3, initial: .seconds(1000), max: .seconds(1000))
                settings.push = push
            })
        try await rig.publish((0..<20).map(String.init), to: "orders")
        rig.pass(.seconds(5))
        #expect(try rig.describe("hook").push?.circuit == .open)
        let name = try ResourceName("hook")
        // Still down: one attempt, and it is left alone again.
        let before = rig.target.deliveries.count
        let place = EventPlace(topic: try ResourceName("orders"), partition: 0, offset: Offset(19))
        let probed = try await rig.driving { [engine = rig.engine] in
            try await engine.retryNow(name, .events([place]))
        }
        #expect(probed == RetriedNow(retried: 0, isProbed: true))
        rig.settle()
        #expect(rig.target.deliveries.count == before + 1)
        #expect(try rig.describe("hook").push?.circuit == .open)
        rig.target.rewrite { _ in .delivered }
        _ = try await rig.driving { [engine = rig.engine] in try await engine.retryNow(name, .all) }
        rig.settle()
        let well = try rig.describe("hook")
        #expect(well.acknowledged == 20 && well.backlog == 0 && well.push?.circuit == .closed)
    }

    @Test func `keys stay in order when one that waits is retried`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.subscription(
            "s", .shared("orders") { $0.ordering = OrderingSettings(by: .key) })
        try await rig.publish(["a", "b"], to: "orders", key: "k")
        let leased = try await rig.receive("s")
        #expect(leased.map(\.stored.event.id) == ["a"])
        try await rig.settle("s", leased.map(\.lease), .release(delay: .seconds(600), counted: true))
        #expect(try await rig.receive("s").isEmpty)
        let name = try ResourceName("s")
        _ = try await rig.driving { [engine = rig.engine] in try await engine.retryNow(name, .all) }
        #expect(try await rig.receive("s").map(\.stored.event.id) == ["a"])
    }

    @Test func `a retry that cannot be written down says so, and nothing is lost`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        let before = try rig.store.logs()
        try await rig.subscription("s", .shared("orders"))
        let log = try #require(try rig.store.logs(since: before).first)
        try await rig.publish(["a"], to: "orders")
        let leased = try await rig.receive("s")
        try await rig.settle("s", leased.map(\.lease), .release(delay: .seconds(600), counted: true))
        rig.store.refuseAppends(to: log, with: .diskFull)
        let name = try ResourceName("s")
        await #expect(throws: BrokerError.self) {
            try await rig.driving { [engine = rig.engine] in try await engine.retryNow(name, .all) }
        }
        rig.store.refuseAppends(to: log, with: nil)
        rig.pass(.seconds(600))
        #expect(try await rig.receive("s").map(\.attempt) == [2])
    }

    @Test func `cursors and events of other topics are refused`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.subscription("c", .shared("orders") { $0.kind = .cursor })
        try await rig.subscription("s", .shared("orders"))
        let (cursor, shared) = (try ResourceName("c"), try ResourceName("s"))
        let other = EventPlace(topic: try ResourceName("other"), partition: 0, offset: .zero)
        await #expect(throws: BrokerError.self) { try await rig.engine.retryNow(cursor, .all) }
        await #expect(throws: BrokerError.self) { try await rig.engine.retryNow(shared, .events([other])) }
    }
}
