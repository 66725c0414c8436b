// SPDX-License-Identifier: Apache-2.0

// What operators do with a receiver: a test goes out beside everything else, and secrets change one at a time.

import ApusEngine
import ApusModel
import ApusRules
import ApusTesting
import ApusTransport
import CloudEvents
import Testing

private let hook = "http://127.0.0.1/hook"

private func push(
    _ change: (inout SubscriptionSettings, inout PushSettings) -> Void = { _, _ in }
) throws -> SubscriptionSettings {
    try .shared("orders") { settings in
        var push = PushSettings(url: hook)
        change(&settings, &push)
        settings.push = push
    }
}

@Suite struct PushTestTests {
    private func test(_ rig: EngineRig, _ event: CloudEvent? = nil) async throws -> PushTest {
        let name = try ResourceName("hook")
        return try await rig.driving { [engine = rig.engine] in try await engine.testPush(name, event) }
    }

    @Test func `a test goes out although the subscription is paused, and nothing of it counts`() async throws
    {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.subscription("hook", push { settings, _ in settings.isPaused = true })
        try await rig.publish(["a"], to: "orders")
        let test = try await test(rig)
        #expect(test.outcome == .delivered)
        #expect(test.event.type == PushTest.eventType && test.event.source == "/v1/subscriptions/hook")
        let delivery = try #require(rig.target.deliveries.first)
        #expect(rig.target.deliveries.count == 1 && delivery.isTest && delivery.event == test.event)
        let hook = try rig.describe("hook")
        #expect(hook.delivered == 0 && hook.acknowledged == 0 && hook.failed == 0 && hook.backlog == 1)
    }

    @Test func `a test that fails opens no circuit and has the answer's reason`() async throws {
        let rig = try EngineRig(
            target: ScriptedTarget { _ in .retry(after: nil, status: 503, reason: "down") })
        try await rig.topic("orders")
        try await rig.subscription("hook", push { _, push in push.breaker = .init(failures: 1) })
        let test = try await test(rig)
        #expect(test.outcome == .retry(after: nil, status: 503, reason: "down"))
        let hook = try rig.describe("hook")
        #expect(hook.push?.circuit == .closed && hook.failed == 0 && hook.lastFailure == nil)
    }

    @Test func `what is sent is the event that is given`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.subscription("hook", push())
        let event = try CloudEvent(id: "1", source: "/shop", type: "order.placed")
        #expect(try await test(rig, event).event == event)
        #expect(rig.target.deliveries.map(\.event) == [event])
    }

    @Test func `nothing is sent to a receiver that withholds its consent`() async throws {
        let rig = try EngineRig()
        rig.target.permit(.withheld(reason: "not for you"))
        try await rig.topic("orders")
        try await rig.subscription("hook", push { _, push in push.handshake = true })
        #expect(try await test(rig).outcome == .refused(status: nil, reason: "not for you"))
        #expect(rig.target.deliveries.isEmpty)
    }

    @Test func `a receiver that says nothing ends the test, and one test runs at a time`() async throws {
        let rig = try EngineRig(target: ScriptedTarget { _ in nil })
        try await rig.topic("orders")
        try await rig.subscription("hook", push { _, push in push.timeout = .seconds(5) })
        let name = try ResourceName("hook")
        let first = Task { [engine = rig.engine] in try await engine.testPush(name, nil) }
        while rig.target.deliveries.isEmpty { await Task.yield() }
        await #expect(throws: BrokerError.self) { try await rig.engine.testPush(name, nil) }
        rig.pass(.seconds(7))
        guard case .retry = try await first.value.outcome else {
            Issue.record("a test without an answer has no outcome that says so")
            return
        }
        // Too late: nobody is told twice.
        rig.target.finishOpen(with: .delivered)
        rig.target.rewrite { _ in .delivered }
        #expect(try await test(rig).outcome == .delivered)
    }

    @Test func `who does not push has no receiver to test`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.subscription("hook", .shared("orders"))
        await #expect(throws: BrokerError.self) { try await test(rig) }
    }
}

@Suite struct SecretChangeTests {
    private let old = WebhookSecret.random()

    private func change(
        _ rig: EngineRig, _ name: String, _ change: SecretChange
    ) async throws -> [WebhookSecret] {
        let name = try ResourceName(name)
        return try await rig.driving { [engine = rig.engine] in
            try await engine.changeSecrets(name, change)
        }
    }

    private func secrets(_ rig: EngineRig, _ name: String) throws -> [WebhookSecret]? {
        try rig.describe(name).settings.push?.secrets
    }

    @Test func `secrets come and go, the newest first, at most four, and outlive a restart`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.subscription("hook", push { [old] _, push in push.secrets = [old] })
        let added = (0..<4).map { _ in WebhookSecret.random() }
        for secret in added { _ = try await change(rig, "hook", .add(secret)) }
        #expect(try secrets(rig, "hook") == added.reversed())
        let again = try rig.restarted()
        #expect(try secrets(again, "hook") == added.reversed())
        #expect(try await change(again, "hook", .keepNewest) == [added[3]])
        #expect(try secrets(again, "hook") == [added[3]])
    }

    @Test func `the secrets of a rule's webhook are changed in the rule`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        var one = PushSettings(url: hook)
        one.secrets = [old]
        let settings = try RuleSettings(
            topic: ResourceName("orders"), pattern: Pattern(parsing: "{}"),
            targets: [.webhook(one), .webhook(PushSettings(url: hook + "2"))])
        try await rig.rule("vip", settings)
        let secret = WebhookSecret.random()
        #expect(try await change(rig, "vip.webhook-1", .add(secret)) == [secret, old])
        let rule = try rig.engine.rule(ResourceName("vip"))
        #expect(rule.settings.targets.map { $0.push?.secrets } == [[secret, old], []])
        #expect(try secrets(rig, "vip.webhook-1") == [secret, old])
    }

    @Test func `who does not push to a webhook has nothing to sign`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.subscription("pulled", .shared("orders"))
        await #expect(throws: BrokerError.self) { try await change(rig, "pulled", .keepNewest) }
    }

    @Test func `a new secret is one that can be read, and no two are alike`() throws {
        let secrets = (0..<100).map { _ in WebhookSecret.random() }
        #expect(Set(secrets).count == 100)
        for secret in secrets {
            #expect(try WebhookSecret(secret.text) == secret)
            #expect(secret.key.count == 32)
        }
    }
}
