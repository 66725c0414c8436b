// SPDX-License-Identifier: Apache-2.0

// Copies that rules made and no note knew of when the engine ended: they are recognised, and made once, in order.

import ApusEngine
import ApusModel
import ApusRules
import ApusStorage
import CloudEvents
import Testing

@Suite struct RepeatedCopyTests {
    @Test func `copies are recognised although a note was written while their source could not be read`()
        async throws
    {
        var rig = try EngineRig()
        let orders = try await rig.topic("orders", TopicSettings(partitions: 2)).id
        try await rig.topic("copies")
        try await rig.rule("all", try .copying("orders", to: "copies"))
        // Without keys events take turns: one in each partition.
        try await rig.publish(["a"], to: "orders")
        try await rig.publish(["b"], to: "orders")
        rig.settle()
        rig.store.refuseReads(of: orders.member(1), with: .failed("simulated"))
        rig = try rig.restarted()
        try await rig.publish(["c"], to: "orders")
        rig.pass(.seconds(5))
        rig.store.refuseReads(of: orders.member(1), with: nil)
        rig = try rig.restarted()
        rig.pass(.seconds(5))
        #expect(try await rig.ids(of: "copies") == ["a", "b", "c"])
    }

    @Test func `copies in a new partition are recognised although a start wrote a note without them`()
        async throws
    {
        var rig = try EngineRig()
        let orders = try await rig.topic("orders", TopicSettings(partitions: 2)).id
        try await rig.topic("copies")
        try await rig.rule("all", try .copying("orders", to: "copies"))
        // The progress that is known is that of a topic with one partition.
        rig.store.refuseAppends(to: orders.member(0xFF_FFFF), with: .failed("simulated"))
        let copies = try ResourceName("copies")
        var changes = TopicChanges()
        changes.partitions = 2
        let wanted = changes
        _ = try await rig.driving { [rig] in try await rig.engine.alterTopic(copies, wanted) }
        try await rig.publish(["a"], to: "orders")
        try await rig.publish(["b"], to: "orders")
        rig.settle()
        #expect(try await rig.ids(of: "copies") == ["a", "b"])
        // A life that can note where it begins, and comes no further.
        rig.store.refuseAppends(to: orders.member(0xFF_FFFF), with: nil)
        for number in 0..<2 { rig.store.refuseReads(of: orders.member(number), with: .failed("simulated")) }
        rig = try rig.restarted()
        rig.pass(.seconds(5))
        for number in 0..<2 { rig.store.refuseReads(of: orders.member(number), with: nil) }
        rig = try rig.restarted()
        rig.pass(.seconds(5))
        #expect(try await rig.ids(of: "copies") == ["a", "b"])
    }

    @Test func `retention leaves copies that no note knows of`() async throws {
        var rig = try EngineRig()
        let orders = try await rig.topic("orders").id
        try await rig.topic("copies", TopicSettings(retentionAge: .seconds(60)))
        try await rig.rule("all", try .copying("orders", to: "copies"))
        // Progress cannot be written down any more.
        rig.store.refuseAppends(to: orders.member(0xFF_FFFF), with: .failed("simulated"))
        for id in ["a", "b", "c"] { try await rig.publish([id], to: "orders") }
        rig.settle()
        rig.pass(.seconds(300), step: .seconds(10))
        rig.store.refuseAppends(to: orders.member(0xFF_FFFF), with: nil)
        rig = try rig.restarted()
        rig.settle()
        #expect(try await rig.ids(of: "copies") == ["a", "b", "c"])
        rig.pass(.seconds(300), step: .seconds(10))
        #expect(try await rig.ids(of: "copies") == ["c"])
    }

    @Test func `events from before a rule got another target do not come to that one after a restart`()
        async throws
    {
        var rig = try EngineRig()
        for name in ["orders", "old", "new"] { try await rig.topic(name) }
        try await rig.rule("all", try .copying("orders", to: "old"))
        try await rig.publish(["a"], to: "orders")
        rig.settle()
        try await rig.rule("all", try .copying("orders", to: "old", "new"))
        try await rig.publish(["b"], to: "orders")
        rig.settle()
        // No time has passed: progress was not due to be noted.
        rig = try rig.restarted()
        rig.pass(.seconds(3))
        #expect(try await rig.ids(of: "old") == ["a", "b"])
        #expect(try await rig.ids(of: "new") == ["b"])
    }

    @Test func `a changed rule takes over although its beginning could not be written down at once`()
        async throws
    {
        let rig = try EngineRig()
        let orders = try await rig.topic("orders").id
        for name in ["old", "new"] { try await rig.topic(name) }
        try await rig.rule("all", try .copying("orders", to: "old"))
        rig.store.refuseAppends(to: orders.member(0xFF_FFFF), with: .failed("simulated"))
        try await rig.rule("all", try .copying("orders", to: "new"))
        try await rig.publish(["a"], to: "orders")
        rig.pass(.seconds(3))
        #expect(try await rig.ids(of: "new").isEmpty)
        rig.store.refuseAppends(to: orders.member(0xFF_FFFF), with: nil)
        rig.pass(.seconds(3))
        #expect(try await rig.ids(of: "new") == ["a"])
        #expect(try await rig.ids(of: "old").isEmpty)
    }
}
