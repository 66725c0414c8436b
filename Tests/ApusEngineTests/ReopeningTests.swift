// SPDX-License-Identifier: Apache-2.0

// What cannot be opened because the disk fails says so, and comes to work by itself when the disk is well again.

import ApusEngine
import ApusModel
import ApusRules
import ApusStorage
import CloudEvents
import Testing

@Suite struct ReopeningTests {
    private static let failure = LogError.failed("simulated")

    @Test func `a topic that cannot be opened at start is unavailable until it can`() async throws {
        var rig = try EngineRig()
        let orders = try await rig.topic("orders").id.member(0)
        try await rig.subscription("work", .shared("orders"))
        try await rig.publish(["a"], to: "orders")
        rig.store.refuseClaims(of: orders, with: ReopeningTests.failure)
        rig = try rig.restarted()
        rig.pass(.seconds(10))
        for _ in 0..<2 {
            await expectUnavailable { try await rig.publish(["b"], to: "orders") }
            await expectUnavailable { _ = try await rig.receive("work") }
            await expectUnavailable { _ = try await rig.ids(of: "orders") }
            await expectUnavailable { try await rig.topic("orders") }
        }
        rig.store.refuseClaims(of: orders, with: nil)
        rig.pass(.seconds(61))
        try await rig.publish(["b"], to: "orders")
        #expect(try await rig.receive("work").map(\.stored.event.id) == ["a", "b"])
    }

    @Test func `a subscription that cannot be read at start is unavailable, and its events wait`()
        async throws
    {
        var rig = try EngineRig()
        try await rig.topic("orders", TopicSettings(retentionAge: .seconds(60)))
        let before = try rig.store.logs()
        try await rig.subscription("work", .shared("orders"))
        let log = try #require(try rig.store.logs(since: before).first)
        for id in ["a", "b", "c"] { try await rig.publish([id], to: "orders") }
        let leased = try await rig.receive("work", limit: 1)
        try await rig.settle("work", leased.map(\.lease), .acknowledge)
        rig.store.refuseReads(of: log, with: ReopeningTests.failure)
        rig = try rig.restarted()
        await expectUnavailable { _ = try await rig.receive("work") }
        await expectUnavailable { _ = try rig.describe("work") }
        // Long after retention would have taken them.
        rig.pass(.seconds(600), step: .seconds(10))
        rig.store.refuseReads(of: log, with: nil)
        rig.pass(.seconds(61))
        #expect(try await rig.receive("work").map(\.stored.event.id) == ["b", "c"])
    }

    @Test func `rules copy what came while their target could not be opened`() async throws {
        var rig = try EngineRig()
        try await rig.topic("orders")
        let copies = try await rig.topic("copies").id.member(0)
        try await rig.rule("all", try .copying("orders", to: "copies"))
        rig.store.refuseClaims(of: copies, with: ReopeningTests.failure)
        rig = try rig.restarted()
        try await rig.publish(["a"], to: "orders")
        rig.pass(.seconds(5))
        rig.store.refuseClaims(of: copies, with: nil)
        rig.pass(.seconds(61))
        #expect(try await rig.ids(of: "copies") == ["a"])
    }

    @Test func `a topic that could not be opened when it was made comes to work by itself`() async throws {
        // The same seed gives the same identities.
        let id = try await EngineRig().topic("orders").id
        let rig = try EngineRig()
        rig.store.refuseClaims(of: id.member(0), with: ReopeningTests.failure)
        await expectUnavailable { try await rig.topic("orders") }
        await expectUnavailable { try await rig.publish(["a"], to: "orders") }
        rig.store.refuseClaims(of: id.member(0), with: nil)
        rig.pass(.seconds(3))
        try await rig.publish(["a"], to: "orders")
        #expect(try await rig.ids(of: "orders") == ["a"])
    }

    private func expectUnavailable(_ body: () async throws -> Void) async {
        let error = await #expect(throws: BrokerError.self) { try await body() }
        if case .unavailable = error {} else { Issue.record("not unavailable: \(String(describing: error))") }
    }
}
