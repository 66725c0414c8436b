// SPDX-License-Identifier: Apache-2.0

// Connections, feeds and deliveries to outside brokers as the engine knows them: kept, checked against each other, and each event with an outcome of its own.

import ApusEngine
import ApusModel
import ApusRules
import ApusTesting
import ApusTransport
import CloudEvents
import Testing

@Suite struct BridgeDefinitionTests {
    private func name(_ text: String) throws -> ResourceName { try ResourceName(text) }

    private func rig(_ configure: (inout EngineOptions) -> Void = { _ in }) async throws -> EngineRig {
        let rig = try EngineRig(configure)
        for topic in ["orders", "copies", "back"] { try await rig.topic(topic) }
        let rabbit = try name("rabbit")
        _ = try await rig.driving { [engine = rig.engine] in
            try await engine.putConnection(rabbit, url: "amqp://me:{secret:rabbit}@host/")
        }
        return rig
    }

    private func feed(_ rig: EngineRig, _ name: String, _ settings: FeedSettings) async throws {
        let name = try self.name(name)
        _ = try await rig.driving { [engine = rig.engine] in try await engine.putFeed(name, settings) }
    }

    private func from(_ topic: String, into: String) throws -> FeedSettings {
        FeedSettings(
            connection: try name("rabbit"), source: .topic(topic, group: "g"), into: try name(into))
    }

    private func out(of topic: String, to outside: String) throws -> RuleSettings {
        RuleSettings(
            topic: try name(topic), pattern: try Pattern(parsing: "{}"),
            targets: [.webhook(PushSettings(connection: try name("rabbit"), topic: outside))])
    }

    @Test(arguments: [1, 256 << 10])
    func `connections, feeds and targets are there after a restart`(snapshotBytes: Int) async throws {
        let rig = try await rig { $0.snapshotBytes = snapshotBytes }
        var settings = try from("x", into: "back")
        (settings.prefetch, settings.start, settings.isPaused) = (7, .earliest, true)
        settings.deadLetter = try name("copies")
        try await feed(rig, "topic", settings)
        settings.source = .queue("legacy")
        try await feed(rig, "queue", settings)
        var push = PushSettings(connection: try name("rabbit"), topic: "elsewhere", concurrency: 2)
        push.batch.linger = .milliseconds(5)
        try await rig.subscription("out", .shared("orders") { $0.push = push })
        try await feed(rig, "gone", try from("y", into: "back"))
        let gone = try name("gone")
        try await rig.driving { [engine = rig.engine] in try await engine.deleteFeed(gone) }
        rig.settle()
        let (connections, feeds) = (rig.engine.storedConnections(), rig.engine.storedFeeds())
        #expect(feeds.map(\.name.description) == ["queue", "topic"])
        let again = try rig.restarted { $0.snapshotBytes = snapshotBytes }
        #expect(again.engine.storedConnections() == connections && again.engine.storedFeeds() == feeds)
        #expect(try again.engine.subscription(try name("out")).settings.push == push)
        #expect(again.engine.uses(ofConnection: try name("rabbit")) == 3)
    }

    @Test func `a rule's target on a broker has a subscription of its own, which goes with it`() async throws
    {
        let rig = try await rig()
        try await rig.rule("out", try out(of: "orders", to: "x"))
        #expect(try rig.engine.rule(try name("out")).subscriptions == [try name("out.bus-1")])
        try await rig.rule(
            "out",
            RuleSettings(
                topic: try name("orders"), pattern: try Pattern(parsing: "{}"),
                targets: [.webhook(PushSettings(url: "https://example.org/"))]))
        let left = try rig.engine.subscriptions(of: nil, Page(limit: 10)).map(\.name.description)
        #expect(left == ["out.webhook-1"])
        #expect(rig.engine.uses(ofConnection: try name("rabbit")) == 0)
    }

    @Test func `of the events of one call, each ends by itself`() async throws {
        let rig = try await rig()
        rig.target.rewrite { delivery in
            switch delivery.event.id {
            case "b": .refused(status: nil, reason: "too large")
            case "c" where delivery.attempt == 1: .retry(after: nil, status: nil, reason: "down")
            default: .delivered
            }
        }
        try await rig.rule("out", try out(of: "orders", to: "x"))
        try await rig.publish(["a", "b", "c", "d"], to: "orders")
        rig.settle()
        #expect(rig.target.requests == 1 && rig.target.deliveries.map(\.event.id) == ["a", "b", "c", "d"])
        rig.pass(.seconds(30))
        // Only what failed was sent again.
        #expect(rig.target.deliveries.map(\.event.id) == ["a", "b", "c", "d", "c"])
        #expect(try await rig.ids(of: "orders.dead-letter") == ["b"])
        let subscription = try rig.engine.subscription(try name("out.bus-1"))
        #expect(subscription.acknowledged == 3 && subscription.deadLettered == 1 && subscription.backlog == 0)
    }

    @Test func `what would bring events back to where they come from is refused`() async throws {
        let rig = try await rig()
        let push = PushSettings(connection: try name("rabbit"), topic: "x")
        try await rig.rule("copy", .copying("orders", to: "copies"))
        try await rig.rule("out", try out(of: "copies", to: "x"))
        // By a feed that closes the circle, over another rule.
        await #expect(throws: BrokerError.self) { try await feed(rig, "in", try from("x", into: "orders")) }
        await #expect(throws: BrokerError.self) { try await feed(rig, "in", try from("x", into: "copies")) }
        try await feed(rig, "in", try from("x", into: "back"))
        // By a rule between topics, by a rule to the broker, by a subscription.
        await #expect(throws: BrokerError.self) {
            try await rig.rule("close", .copying("back", to: "orders"))
        }
        await #expect(throws: BrokerError.self) { try await rig.rule("close", try out(of: "back", to: "x")) }
        await #expect(throws: BrokerError.self) {
            try await rig.subscription(
                "close",
                .shared("back") { $0.push = push })
        }
        // Without the way out all of this is none.
        let rule = try name("out")
        try await rig.driving { [engine = rig.engine] in try await engine.deleteRule(rule) }
        try await rig.rule("close", .copying("back", to: "orders"))
    }
}
