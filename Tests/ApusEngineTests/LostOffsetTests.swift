// SPDX-License-Identifier: Apache-2.0

// Topics without `flush` may lose events with the power. What had seen those must not take the next ones for them.

import ApusEngine
import ApusModel
import ApusRules
import ApusStorage
import CloudEvents
import Testing

@Suite struct LostOffsetTests {
    @Test func `an event after a loss is not taken for a settled one that was lost`() async throws {
        var rig = try EngineRig()
        let topic = try await rig.topic("orders", TopicSettings(durability: .none))
        let before = try rig.store.logs()
        try await rig.subscription("work", .shared("orders"))
        let state = try #require(try rig.store.logs(since: before).first)
        try await rig.publish(["a"], to: "orders")
        try await rig.publish(["b"], to: "orders")
        try await rig.settle("work", try await rig.receive("work").map(\.lease), .acknowledge)
        rig.store.lose(topic.id.member(0), from: Offset(1))
        // In the life that finds the loss nothing of the subscription's gets to the disk.
        rig.store.refuseAppends(to: state, with: .failed("simulated"))
        rig = try rig.restarted()
        try await rig.publish(["c"], to: "orders")
        rig.store.refuseAppends(to: state, with: nil)
        rig = try rig.restarted()
        #expect(try await rig.receive("work").map(\.stored.event.id) == ["c"])
    }

    @Test func `nobody waits for events that were lost, although nothing can be written in their place`()
        async throws
    {
        var rig = try EngineRig()
        let orders = try await rig.topic("orders", TopicSettings(durability: .none)).id.member(0)
        try await rig.subscription("work", .shared("orders"))
        try await rig.publish(["a"], to: "orders")
        #expect(try await rig.receive("work").count == 1)
        rig.store.lose(orders, from: .zero)
        rig.store.refuseAppends(to: orders, with: .failed("simulated"))
        rig = try rig.restarted()
        rig.pass(.seconds(3))
        #expect(try await rig.receive("work").isEmpty)
        #expect(try rig.describe("work").backlog == 0)
    }

    @Test func `an event after a loss is copied although a copy of the lost one is there`() async throws {
        var rig = try EngineRig()
        let topic = try await rig.topic("orders", TopicSettings(durability: .none))
        let copies = try await rig.topic("copies").id.member(0)
        try await rig.rule("all", try .copying("orders", to: "copies"))
        try await rig.publish(["a"], to: "orders")
        try await rig.publish(["b"], to: "orders")
        rig.settle()
        rig.store.lose(topic.id.member(0), from: Offset(1))
        rig = try rig.restarted()
        rig.store.refuseAppends(to: copies, with: .failed("simulated"))
        try await rig.publish(["c"], to: "orders")
        rig.settle()
        rig.store.refuseAppends(to: copies, with: nil)
        rig = try rig.restarted()
        rig.pass(.seconds(3))
        #expect(try await rig.ids(of: "copies") == ["a", "b", "c"])
    }

    @Test func `a cursor does not pass over events after a loss`() async throws {
        var rig = try EngineRig()
        let topic = try await rig.topic("orders", TopicSettings(durability: .none))
        try await rig.subscription("reader", .shared("orders") { $0.kind = .cursor })
        try await rig.publish(["a"], to: "orders")
        try await rig.publish(["b"], to: "orders")
        let name = try ResourceName("reader")
        try await rig.driving { [engine = rig.engine] in
            try await engine.commit(name, partition: 0, offset: Offset(2))
        }
        rig.store.lose(topic.id.member(0), from: Offset(1))
        rig = try rig.restarted()
        try await rig.publish(["c"], to: "orders")
        rig = try rig.restarted()
        let fetched = try await rig.driving { [engine = rig.engine] in
            try await engine.fetch(subscription: name, partition: 0, limit: 10, wait: .zero)
        }
        #expect(fetched.events.map(\.event.id) == ["c"])
    }

    @Test func `a start that is still to come makes no hole`() async throws {
        var rig = try EngineRig()
        try await rig.topic("orders", TopicSettings(durability: .none))
        try await rig.subscription("later", .shared("orders", start: .offset(Offset(2))))
        try await rig.subscription(
            "reader", .shared("orders", start: .offset(Offset(2))) { $0.kind = .cursor })
        try await rig.publish(["a"], to: "orders")
        rig = try rig.restarted()
        try await rig.publish(["b"], to: "orders")
        try await rig.publish(["c"], to: "orders")
        #expect(try await rig.receive("later").map(\.stored.event.id) == ["c"])
        #expect(try rig.describe("reader").positions.first?.end == Offset(3))
    }
}
