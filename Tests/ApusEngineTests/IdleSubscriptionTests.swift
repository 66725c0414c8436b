// SPDX-License-Identifier: Apache-2.0

// Subscriptions that end when nobody uses them.

import ApusEngine
import ApusModel
import ApusTesting
import Testing

@Suite struct IdleSubscriptionTests {
    private func isThere(_ name: String, _ rig: EngineRig) -> Bool {
        (try? rig.describe(name)) != nil
    }

    @Test func `a subscription that nobody uses for so long is deleted, others stay`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.subscription("short", .shared("orders") { $0.expiresAfter = .seconds(60) })
        try await rig.subscription("long", .shared("orders") { $0.expiresAfter = .seconds(600) })
        try await rig.subscription("lasting", .shared("orders"))
        rig.pass(.seconds(59))
        #expect(isThere("short", rig))
        rig.pass(.seconds(20))
        #expect(!isThere("short", rig))
        #expect(isThere("long", rig) && isThere("lasting", rig))
        // Its name is free, and what it was is forgotten.
        try await rig.subscription("short", .shared("orders", start: .latest))
        rig.pass(.seconds(700))
        #expect(isThere("short", rig) && !isThere("long", rig) && isThere("lasting", rig))
    }

    @Test func `receiving and settling are use`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.subscription(
            "s", .shared("orders") { ($0.expiresAfter, $0.lease) = (.seconds(60), .seconds(3600)) })
        try await rig.publish(["a"], to: "orders")
        rig.pass(.seconds(40))
        let leased = try await rig.receive("s")
        #expect(leased.count == 1)
        rig.pass(.seconds(40))
        try await rig.settle("s", leased.map(\.lease), .acknowledge)
        rig.pass(.seconds(50))
        #expect(isThere("s", rig))
        rig.pass(.seconds(30))
        #expect(!isThere("s", rig))
    }

    @Test func `the time counts on through restarts, after which readers have time to come back`()
        async throws
    {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.subscription("s", .shared("orders") { $0.expiresAfter = .seconds(600) })
        rig.pass(.seconds(500))
        let second = try rig.restarted()
        #expect(isThere("s", second))
        second.pass(.seconds(60))
        #expect(isThere("s", second))
        second.pass(.seconds(200))
        #expect(!isThere("s", second))
    }

    @Test func `use is remembered through a restart`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.subscription("s", .shared("orders") { $0.expiresAfter = .seconds(600) })
        rig.pass(.seconds(500))
        _ = try await rig.receive("s")
        rig.pass(.seconds(160))
        let second = try rig.restarted()
        second.pass(.seconds(250))
        #expect(isThere("s", second))
        second.pass(.seconds(400))
        #expect(!isThere("s", second))
        // A long time without any server is nobody's idleness: there was nobody to ask.
        try await second.subscription("t", .shared("orders") { $0.expiresAfter = .seconds(600) })
        second.clock.advance(by: .seconds(100_000))
        let third = try second.restarted()
        third.pass(.seconds(29))
        #expect(isThere("t", third))
    }

    @Test func `the limit can be changed and taken away`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.subscription("s", .shared("orders") { $0.expiresAfter = .seconds(600) })
        try await rig.subscription("t", .shared("orders"))
        var never = SubscriptionChanges()
        never.expiresAfter = .some(nil)
        var soon = SubscriptionChanges()
        soon.expiresAfter = .seconds(10)
        let (s, t) = (try ResourceName("s"), try ResourceName("t"))
        _ = try await rig.driving { [engine = rig.engine, never] in
            try await engine.alterSubscription(s, never)
        }
        _ = try await rig.driving { [engine = rig.engine, soon] in
            try await engine.alterSubscription(t, soon)
        }
        rig.pass(.seconds(1000))
        #expect(isThere("s", rig) && !isThere("t", rig))
    }

    @Test func `only what consumers receive from can be idle`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        await #expect(throws: BrokerError.self) {
            try await rig.subscription(
                "c", .shared("orders") { ($0.kind, $0.expiresAfter) = (.cursor, .seconds(60)) })
        }
        await #expect(throws: BrokerError.self) {
            try await rig.subscription("d", .shared("orders") { $0.expiresAfter = .milliseconds(10) })
        }
    }
}
