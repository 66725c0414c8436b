// SPDX-License-Identifier: Apache-2.0

// What the simulation of the broker found, told without chance: appends that fail between others that do not.

import ApusEngine
import ApusModel
import ApusRules
import ApusStorage
import ApusTesting
import ApusTransport
import CloudEvents
import Testing

@Suite struct FailedAppendTests {
    @Test func `events whose hand-out could not be written down are delivered after a restart`() async throws
    {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.subscription("work", .shared("orders"))
        try await rig.publish(["a"], to: "orders")
        rig.store.refuseAppends(with: .failed("simulated"))
        await #expect(throws: BrokerError.self) { _ = try await rig.receive("work") }
        rig.store.refuseAppends(with: nil)
        try await rig.publish(["b"], to: "orders")
        // Only what is new: 'a' waits for the disk to have had some time.
        #expect(try await rig.receive("work").map(\.stored.event.id) == ["b"])
        let again = try rig.restarted()
        #expect(try await again.receive("work").map(\.stored.event.id).sorted() == ["a", "b"])
    }

    @Test func `an acknowledgement holds although a release before it could not be written down`()
        async throws
    {
        let rig = try EngineRig()
        try await rig.topic("orders")
        let before = try rig.store.logs()
        try await rig.subscription("work", .shared("orders"))
        let log = try #require(try rig.store.logs(since: before).first)
        try await rig.publish(["a"], to: "orders")
        let first = try await rig.receive("work").map(\.lease)
        let name = try ResourceName("work")
        // All of it before the worker has a turn.
        rig.store.refuseAppends(to: log, with: .failed("simulated"))
        await #expect(throws: BrokerError.self) {
            try await rig.engine.settle(
                name, leases: first, verdict: .release(delay: .zero, counted: false))
        }
        rig.store.refuseAppends(to: log, with: nil)
        let second = try await rig.engine.receive(name, limit: 1, wait: .zero, lease: nil).map(\.lease)
        #expect(try await rig.engine.settle(name, leases: second, verdict: .acknowledge) == [.ok])
        rig.pass(.seconds(40))
        #expect(try await rig.receive("work").isEmpty)
    }

    @Test func `a commit that fails leaves the position where it was`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.subscription("reader", .shared("orders") { $0.kind = .cursor })
        try await rig.publish(["a", "b"], to: "orders")
        let name = try ResourceName("reader")
        rig.store.refuseAppends(with: .diskFull)
        await #expect(throws: BrokerError.self) {
            try await rig.driving { [engine = rig.engine] in
                try await engine.commit(name, partition: 0, offset: Offset(2))
            }
        }
        #expect(try rig.describe("reader").positions.first?.cursor == .zero)
        rig.store.refuseAppends(with: nil)
        try await rig.driving { [engine = rig.engine] in
            try await engine.commit(name, partition: 0, offset: Offset(1))
        }
        #expect(try rig.describe("reader").positions.first?.cursor == Offset(1))
    }

    @Test func `an event whose lease was extended is dead-lettered once`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.subscription("work", .shared("orders") { $0.attemptsMax = 1 })
        try await rig.publish(["a"], to: "orders")
        let leases = try await rig.receive("work").map(\.lease)
        try await rig.settle("work", leases, .extend(.seconds(40)))
        rig.clock.advance(by: .seconds(3600))
        rig.settle()
        #expect(try await rig.ids(of: "orders.dead-letter") == ["a"])
    }

    @Test func `dead letters whose settlement fails again at the next start are not repeated`() async throws {
        var rig = try EngineRig()
        try await rig.topic("orders")
        let before = try rig.store.logs()
        try await rig.subscription("work", .shared("orders") { $0.attemptsMax = 1 })
        let log = try #require(try rig.store.logs(since: before).first)
        try await rig.publish(["a"], to: "orders")
        let first = try await rig.receive("work").map(\.lease)
        rig.store.refuseAppends(to: log, with: .failed("simulated"))
        _ = try? await rig.settle("work", first, .reject(reason: "no good"))
        // This life finds the copy, and cannot write down that it did before it makes another.
        rig = try rig.restarted()
        rig.store.refuseAppends(to: log, with: nil)
        try await rig.publish(["b"], to: "orders")
        let second = try await rig.receive("work").map(\.lease)
        try await rig.settle("work", second, .reject(reason: "no good"))
        rig = try rig.restarted()
        rig.pass(.seconds(5))
        #expect(try await rig.ids(of: "orders.dead-letter") == ["a", "b"])
    }

    @Test func `webhooks of a rule go with the topic that it copies to`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.topic("copies")
        let push = PushSettings(url: "http://target")
        try await rig.rule(
            "both",
            RuleSettings(
                topic: try ResourceName("orders"), pattern: .matchAll,
                targets: [.topic(try ResourceName("copies")), .webhook(push)]))
        let copies = try ResourceName("copies")
        try await rig.driving { [engine = rig.engine] in try await engine.deleteTopic(copies, cascade: true) }
        #expect(throws: BrokerError.self) { try rig.describe("both.webhook-2") }
        try await rig.publish(["a"], to: "orders")
        rig.pass(.seconds(2))
        #expect(rig.target.deliveries.isEmpty)
    }

    @Test func `a change that is written down and cannot be put to work says so, and is put to work later`()
        async throws
    {
        let rig = try EngineRig()
        let id = try await rig.topic("orders").id
        let name = try ResourceName("orders")
        var changes = TopicChanges()
        changes.partitions = 2
        rig.store.refuseClaims(of: id.member(1), with: .failed("simulated"))
        var text = ""
        do {
            _ = try await rig.driving { [engine = rig.engine, changes] in
                try await engine.alterTopic(name, changes)
            }
        } catch { text = "\(error)" }
        #expect(text.contains("is written down"))
        #expect(text.contains("simulated"))
        #expect(!text.contains("nothing was stored"))
        rig.store.refuseClaims(of: id.member(1), with: nil)
        rig.pass(.seconds(40))
        try await rig.publish(["a"], to: "orders")
        #expect(try rig.engine.topic(name).partitions.count == 2)
    }
}
