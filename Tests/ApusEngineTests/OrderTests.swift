// SPDX-License-Identifier: Apache-2.0

// Order by key, shares and priorities as a subscription hands out: through failures, restarts, replays and changes of settings.

import ApusEngine
import ApusModel
import ApusTesting
import ApusTransport
import CloudEvents
import Testing

@Suite struct OrderTests {
    private static func ids(_ events: [LeasedEvent]) -> [String] { events.map(\.stored.event.id) }

    private func rig(
        _ change: (inout SubscriptionSettings) -> Void
    ) async throws -> EngineRig {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.subscription("billing", .shared("orders", change))
        return rig
    }

    private func publish(
        _ rig: EngineRig, _ id: String, key: String? = nil, priority: Int? = nil, tenant: String? = nil
    ) async throws {
        var event = try CloudEvent(id: id, source: "/test", type: "t", data: CloudEventData(text: id))
        if let priority { try event.extensions.set("priority", to: .string("\(priority)")) }
        if let tenant { try event.extensions.set("tenant", to: .string(tenant)) }
        let ready = event
        _ = try await rig.driving { [engine = rig.engine] in
            try await engine.publish([ready], to: try ResourceName("orders"), key: key)
        }
    }

    // MARK: Order

    @Test func `of a key one event is out at a time, and other keys go on`() async throws {
        let rig = try await rig { $0.ordering = OrderingSettings() }
        for id in ["a1", "a2", "b1", "a3", "b2"] {
            try await rig.publish([id], to: "orders", key: String(id.prefix(1)))
        }
        try await rig.publish(["x1"], to: "orders")
        try await rig.publish(["x2"], to: "orders")
        let first = try await rig.receive("billing")
        #expect(Set(Self.ids(first)) == ["a1", "b1", "x1", "x2"])
        let a1 = try #require(first.first { $0.stored.event.id == "a1" })
        try await rig.settle("billing", [a1.lease], .acknowledge)
        #expect(Self.ids(try await rig.receive("billing")) == ["a2"])
    }

    @Test func `an event that failed comes before those behind it`() async throws {
        let rig = try await rig { $0.ordering = OrderingSettings() }
        for id in ["a1", "a2", "b1", "b2"] {
            try await rig.publish([id], to: "orders", key: String(id.prefix(1)))
        }
        let first = try await rig.receive("billing")
        #expect(Self.ids(first) == ["a1", "b1"])
        try await rig.settle("billing", [first[0].lease], .release(delay: .seconds(60), counted: true))
        try await rig.settle("billing", [first[1].lease], .acknowledge)
        #expect(Self.ids(try await rig.receive("billing")) == ["b2"])
        rig.pass(.seconds(70))
        // The lease of b2 has run out as well.
        let again = try await rig.receive("billing")
        #expect(Set(Self.ids(again)) == ["a1", "b2"])
        #expect(again.map(\.attempt) == [2, 2])
    }

    @Test func `after its dead letter the next event of a key comes`() async throws {
        let rig = try await rig { $0.ordering = OrderingSettings() }
        for id in ["a1", "a2"] { try await rig.publish([id], to: "orders", key: "a") }
        let first = try await rig.receive("billing")
        #expect(Self.ids(first) == ["a1"])
        try await rig.settle("billing", [first[0].lease], .reject(reason: "no"))
        #expect(Self.ids(try await rig.receive("billing")) == ["a2"])
        #expect(try await rig.ids(of: "orders.dead-letter") == ["a1"])
    }

    @Test func `a redriven event comes behind those of its key that wait`() async throws {
        let rig = try await rig { $0.ordering = OrderingSettings() }
        for id in ["a1", "a2", "a3"] { try await rig.publish([id], to: "orders", key: "a") }
        let first = try await rig.receive("billing")
        try await rig.settle("billing", [first[0].lease], .reject(reason: "no"))
        _ = try await rig.driving { [engine = rig.engine] in
            try await engine.redrive(DeadLetterSelection(), dryRun: false)
        }
        var order: [String] = []
        for _ in 0..<3 {
            for event in try await rig.receive("billing") {
                order.append(event.stored.event.id)
                try await rig.settle("billing", [event.lease], .acknowledge)
            }
        }
        #expect(order == ["a2", "a3", "a1"])
    }

    @Test func `what was passed over is found again after a restart, in order and with its attempts`()
        async throws
    {
        var rig = try await rig { $0.ordering = OrderingSettings() }
        for number in 0..<50 {
            try await rig.publish(["bad\(number)"], to: "orders", key: "bad")
            try await rig.publish(["good\(number)"], to: "orders", key: "good")
        }
        let bad = try #require(try await rig.receive("billing", limit: 1).first)
        try await rig.settle("billing", [bad.lease], .release(delay: .seconds(600), counted: true))
        for number in 0..<40 {
            let leased = try await rig.receive("billing")
            #expect(Self.ids(leased) == ["good\(number)"])
            try await rig.settle("billing", leased.map(\.lease), .acknowledge)
        }
        for _ in 0..<2 {
            rig = try rig.restarted()
            #expect(Self.ids(try await rig.receive("billing")) == ["good40"])
        }
        #expect(try rig.describe("billing").backlog == 50 + 9)
        rig = try rig.restarted()
        rig.pass(.seconds(700), step: .seconds(100))
        let order = try await drain(rig)
        #expect(order.filter { $0.hasPrefix("bad") } == (0..<50).map { "bad\($0)" })
        #expect(order.filter { $0.hasPrefix("good") } == (40..<50).map { "good\($0)" })
        let position = try #require(try rig.describe("billing").positions.first)
        #expect(position.cursor == position.end)
    }

    private func drain(_ rig: EngineRig) async throws -> [String] {
        var order: [String] = []
        while true {
            let leased = try await rig.receive("billing")
            guard !leased.isEmpty else { return order }
            order += Self.ids(leased)
            try await rig.settle("billing", leased.map(\.lease), .acknowledge)
        }
    }

    @Test func `order can be asked for and given up while events are out and others wait`() async throws {
        let rig = try await rig { _ in }
        for number in 0..<6 { try await rig.publish(["a\(number)"], to: "orders", key: "a") }
        let out = try await rig.receive("billing", limit: 2)
        #expect(Self.ids(out) == ["a0", "a1"])
        try await alter(rig) { $0.ordering = .some(OrderingSettings()) }
        #expect(try await rig.receive("billing").isEmpty)
        try await rig.settle("billing", [out[0].lease], .acknowledge)
        #expect(try await rig.receive("billing").isEmpty)
        try await rig.settle("billing", [out[1].lease], .release(delay: .zero, counted: true))
        #expect(Self.ids(try await rig.receive("billing")) == ["a1"])
        try await alter(rig) { $0.ordering = .some(nil) }
        #expect(Self.ids(try await rig.receive("billing")) == ["a2", "a3", "a4", "a5"])
        #expect(try rig.describe("billing").backlog == 0)
    }

    private func alter(
        _ rig: EngineRig, _ change: (inout SubscriptionChanges) -> Void
    ) async throws {
        var changes = SubscriptionChanges()
        change(&changes)
        let ready = changes
        _ = try await rig.driving { [engine = rig.engine] in
            try await engine.alterSubscription(try ResourceName("billing"), ready)
        }
    }

    @Test func `a replay begins the order of a key anew`() async throws {
        let rig = try await rig { $0.ordering = OrderingSettings() }
        for id in ["a1", "a2", "a3"] { try await rig.publish([id], to: "orders", key: "a") }
        for _ in 0..<2 {
            let leased = try await rig.receive("billing")
            try await rig.settle("billing", leased.map(\.lease), .acknowledge)
        }
        #expect(Self.ids(try await rig.receive("billing")) == ["a3"])
        try await rig.driving { [engine = rig.engine] in
            try await engine.replay(try ResourceName("billing"), from: .earliest)
        }
        #expect(try await drain(rig) == ["a1", "a2", "a3"])
        try await rig.driving { [engine = rig.engine] in
            try await engine.replay(try ResourceName("billing"), from: .earliest)
        }
        #expect(Self.ids(try await rig.receive("billing")) == ["a1"])
        try await rig.driving { [engine = rig.engine] in
            try await engine.replay(try ResourceName("billing"), from: .latest)
        }
        #expect(try await rig.receive("billing").isEmpty)
        #expect(try rig.describe("billing").backlog == 0)
    }

    @Test func `an attribute can be the key`() async throws {
        let rig = try await rig { $0.ordering = OrderingSettings(by: .attribute("tenant")) }
        try await publish(rig, "a1", tenant: "a")
        try await publish(rig, "a2", tenant: "a")
        try await publish(rig, "none")
        #expect(Self.ids(try await rig.receive("billing")) == ["a1", "none"])
    }

    // MARK: Shares

    @Test func `somebody quiet gets a turn among the thousands of somebody noisy`() async throws {
        let rig = try await rig { $0.fairness = FairnessSettings() }
        for start in stride(from: 0, to: 3_000, by: 500) {
            try await rig.publish(
                (start..<start + 500).map { "noisy\($0)" }, to: "orders", key: "noisy")
        }
        for number in 0..<5 { try await rig.publish(["quiet\(number)"], to: "orders", key: "quiet") }
        let first = Self.ids(try await rig.receive("billing", limit: 20))
        #expect(first.filter { $0.hasPrefix("quiet") } == (0..<5).map { "quiet\($0)" })
        #expect(first.filter { $0.hasPrefix("noisy") } == (0..<15).map { "noisy\($0)" })
    }

    @Test func `shares follow the weights`() async throws {
        let rig = try await rig {
            $0.fairness = FairnessSettings(by: .attribute("tenant"), weights: ["gold": 3])
        }
        for number in 0..<100 {
            try await publish(rig, "gold\(number)", tenant: "gold")
            try await publish(rig, "tin\(number)", tenant: "tin")
        }
        let first = Self.ids(try await rig.receive("billing", limit: 40))
        #expect((29...31).contains(first.count { $0.hasPrefix("gold") }))
    }

    // MARK: Priorities

    @Test func `the highest priority goes first, and none waits for ever`() async throws {
        let rig = try await rig { $0.priority = "priority" }
        try await publish(rig, "low", priority: 0)
        try await publish(rig, "normal")
        for number in 0..<100 { try await publish(rig, "high\(number)", priority: 9) }
        let order = Self.ids(try await rig.receive("billing", limit: 60))
        #expect(order.prefix(10) == (0..<10).map { "high\($0)" }[...])
        #expect(order.contains("low"))
        #expect(order.contains("normal"))
    }

    @Test func `what has its priority too late is not lost with a restart`() async throws {
        var rig = try await rig { $0.priority = "priority" }
        for number in 0..<30 { try await publish(rig, "low\(number)", priority: 1) }
        try await publish(rig, "high", priority: 8)
        #expect(Self.ids(try await rig.receive("billing", limit: 1)) == ["high"])
        rig = try rig.restarted()
        let order = Self.ids(try await rig.receive("billing"))
        #expect(order.first == "high")
        #expect(order.dropFirst() == (0..<30).map { "low\($0)" }[...])
    }

    // MARK: Settings

    @Test func `settings that cannot work are refused with the reason`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        func refusal(_ change: (inout SubscriptionSettings) -> Void) async throws -> String {
            do {
                try await rig.subscription("s", .shared("orders", change))
                return "none"
            } catch let error as BrokerError {
                return "\(error)"
            }
        }
        #expect(
            try await refusal { ($0.kind, $0.ordering) = (.cursor, OrderingSettings()) }.contains("shared"))
        #expect(
            try await refusal { $0.ordering = OrderingSettings(by: .attribute("No")) }.contains(
                "ordering.by: 'No'"))
        #expect(try await refusal { $0.priority = "" }.contains("priority"))
        #expect(
            try await refusal { $0.fairness = FairnessSettings(weights: ["a": 1001]) }.contains(
                "1 to 1000, not 1001"))
    }

    @Test func `settings of order are as they were after a restart`() async throws {
        let rig = try await rig {
            $0.ordering = OrderingSettings()
            $0.fairness = FairnessSettings(by: .attribute("tenant"), weights: ["gold": 10])
            $0.priority = "priority"
        }
        let again = try rig.restarted()
        #expect(try again.describe("billing").settings == rig.describe("billing").settings)
        #expect(try again.describe("billing").settings.fairness?.weights == ["gold": 10])
    }
}

/// Keys that wait for their dead letters.
@Suite struct BlockedKeyTests {
    private static func ids(_ events: [LeasedEvent]) -> [String] { events.map(\.stored.event.id) }

    /// A subscription of events a1, a2, b1 whose first event was rejected.
    private func rig() async throws -> EngineRig {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.subscription(
            "billing", .shared("orders") { $0.ordering = OrderingSettings(onDeadLetter: .block) })
        for id in ["a1", "a2"] { try await rig.publish([id], to: "orders", key: "a") }
        let first = try await rig.receive("billing")
        try await rig.settle("billing", [first[0].lease], .reject(reason: "no"))
        try await rig.publish(["b1"], to: "orders", key: "b")
        return rig
    }

    private func change(
        _ rig: EngineRig, _ body: @escaping @Sendable (Engine) async throws -> Void
    ) async throws {
        try await rig.driving { [engine = rig.engine] in try await body(engine) }
    }

    @Test func `a key waits for its dead letter, over restarts too, and others do not`() async throws {
        var rig = try await rig()
        #expect(Self.ids(try await rig.receive("billing")) == ["b1"])
        for _ in 0..<2 {
            rig = try rig.restarted()
            #expect(Self.ids(try await rig.receive("billing")) == ["b1"])
        }
        #expect(try rig.describe("billing").blocked == 1)
        #expect(try rig.describe("billing").positions.first?.cursor == .zero)
    }

    @Test func `a redriven event comes first of its key, from attempt 1 on`() async throws {
        var rig = try await rig()
        try await change(rig) { engine in
            let result = try await engine.redrive(DeadLetterSelection(), dryRun: false)
            #expect(result.moved == 1)
        }
        // Not even a restart before it is handed out makes its letter count again.
        rig = try rig.restarted()
        let again = try await rig.receive("billing")
        #expect(Self.ids(again) == ["a1", "b1"])
        #expect(again[0].attempt == 1)
        try await rig.settle("billing", again.map(\.lease), .acknowledge)
        #expect(Self.ids(try await rig.receive("billing")) == ["a2"])
        #expect(try await rig.ids(of: "orders") == ["a1", "a2", "b1"])
        #expect(rig.engine.status().deadLettersWaiting == 0)
    }

    @Test func `a discarded dead letter lets its key go on`() async throws {
        let rig = try await rig()
        try await change(rig) { engine in
            let result = try await engine.discard(DeadLetterSelection(), reason: nil, dryRun: false)
            #expect(result.moved == 1)
        }
        #expect(Set(Self.ids(try await rig.receive("billing"))) == ["a2", "b1"])
        #expect(try rig.describe("billing").blocked == 0)
    }

    @Test func `a replay to the end leaves out what waits`() async throws {
        let rig = try await rig()
        #expect(Self.ids(try await rig.receive("billing")) == ["b1"])
        try await change(rig) { engine in
            try await engine.replay(try ResourceName("billing"), from: .latest)
        }
        try await rig.publish(["a3"], to: "orders", key: "a")
        #expect(Self.ids(try await rig.receive("billing")) == ["a3"])
        #expect(try rig.describe("billing").blocked == 0)
    }

    @Test func `all keys go on when the setting says so`() async throws {
        let rig = try await rig()
        try await change(rig) { engine in
            var changes = SubscriptionChanges()
            changes.ordering = .some(OrderingSettings(onDeadLetter: .proceed))
            _ = try await engine.alterSubscription(try ResourceName("billing"), changes)
        }
        #expect(Set(Self.ids(try await rig.receive("billing"))) == ["a2", "b1"])
    }
}
