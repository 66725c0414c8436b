// SPDX-License-Identifier: Apache-2.0

// What holds a push back and what limits it: the circuit, the rate, consent, batches, age, schedules.

import ApusEngine
import ApusModel
import ApusStorage
import ApusTesting
import ApusTransport
import CloudEvents
import Synchronization
import Testing

private func push(
    _ change: (inout SubscriptionSettings, inout PushSettings) -> Void = { _, _ in }
) throws -> SubscriptionSettings {
    try .shared("orders") { settings in
        var push = PushSettings(url: "http://127.0.0.1/hook", concurrency: 4)
        settings.attemptsMax = 100
        settings.retry = RetrySettings(initial: .seconds(1), max: .seconds(10))
        change(&settings, &push)
        settings.push = push
    }
}

private let down: ScriptedTarget.Script = { _ in .retry(after: nil, status: 503, reason: "down") }

@Suite struct CircuitTests {
    private func rig() async throws -> EngineRig {
        let rig = try EngineRig(target: ScriptedTarget(down))
        try await rig.topic("orders")
        try await rig.subscription(
            "hook",
            push { _, push in
                push.breaker = PushSettings.Breaker(failures: 5, initial: .seconds(10), max: .seconds(60))
            })
        try await rig.publish((0..<100).map(String.init), to: "orders")
        return rig
    }

    @Test
    func `a target that is down for an hour costs its events few attempts and none of them is given up`()
        async throws
    {
        let rig = try await rig()
        rig.pass(.seconds(3600), step: .seconds(5))
        let open = try rig.describe("hook")
        #expect(open.push?.circuit == .open)
        #expect(open.push?.openSince != nil && open.push?.nextProbe != nil)
        #expect(rig.target.deliveries.count < 150)
        #expect(open.deadLettered == 0)
        rig.target.rewrite { _ in .delivered }
        rig.pass(.seconds(120))
        let closed = try rig.describe("hook")
        #expect(closed.acknowledged == 100 && closed.backlog == 0)
        #expect(closed.push?.circuit == .closed)
    }

    @Test func `an open circuit is open again after a restart, and is probed when it was to be`() async throws
    {
        let rig = try await rig()
        rig.settle()
        rig.pass(.seconds(1))
        let before = try #require(try rig.describe("hook").push)
        #expect(before.circuit == .open)
        let probe = try #require(before.nextProbe)
        let target = ScriptedTarget()
        let again = try rig.restarted(target: target)
        let after = try #require(try again.describe("hook").push)
        #expect(after.circuit == .open)
        #expect(after.openSince == before.openSince && after.nextProbe == probe)
        #expect(target.deliveries.isEmpty)
        again.pass(again.clock.wall.duration(to: probe) - .milliseconds(1), step: .milliseconds(500))
        #expect(target.deliveries.isEmpty)
        again.pass(.seconds(30))
        #expect(try again.describe("hook").acknowledged == 100)
        // And that it closed is known after another one.
        let third = try again.restarted()
        #expect(try third.describe("hook").push?.circuit == .closed)
    }

    @Test func `others do not notice`() async throws {
        let rig = try EngineRig(
            target: ScriptedTarget {
                $0.subscription.description == "hook"
                    ? .retry(after: nil, status: nil, reason: "down") : .delivered
            })
        try await rig.topic("orders")
        try await rig.subscription("hook", push { _, push in push.breaker.failures = 2 })
        try await rig.subscription("other", push())
        try await rig.publish((0..<100).map(String.init), to: "orders")
        rig.settle()
        #expect(try rig.describe("other").acknowledged == 100)
        #expect(try rig.describe("hook").push?.circuit == .open)
    }

    @Test func `answers that refuse an event say that the target works`() async throws {
        let rig = try EngineRig(target: ScriptedTarget { _ in .refused(status: 400, reason: "no") })
        try await rig.topic("orders")
        try await rig.subscription("hook", push { _, push in push.breaker.failures = 1 })
        try await rig.publish(["a", "b"], to: "orders")
        rig.settle()
        #expect(try rig.describe("hook").push?.circuit == .closed)
        #expect(try rig.describe("hook").deadLettered == 2)
    }

    @Test func `another address closes it`() async throws {
        let rig = try await rig()
        rig.pass(.seconds(1))
        #expect(try rig.describe("hook").push?.circuit == .open)
        rig.target.rewrite { _ in .delivered }
        var changes = SubscriptionChanges()
        changes.push = PushSettings(url: "http://127.0.0.1/other")
        let altered = changes
        let name = try ResourceName("hook")
        _ = try await rig.driving { try await rig.engine.alterSubscription(name, altered) }
        rig.pass(.seconds(12))
        #expect(try rig.describe("hook").acknowledged == 100)
    }
}

@Suite struct PushLimitTests {
    @Test func `no more events are sent per second than the rate says`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.subscription(
            "hook",
            push { _, push in
                push.rate = 10
                push.concurrency = 100
            })
        try await rig.publish((0..<200).map(String.init), to: "orders")
        rig.settle()
        rig.pass(.seconds(10), step: .milliseconds(10))
        #expect((99...102).contains(rig.target.deliveries.count))
        rig.pass(.seconds(11), step: .milliseconds(10))
        #expect(try rig.describe("hook").acknowledged == 200)
    }

    @Test func `a list of waits is kept to, and its last one holds for what follows`() async throws {
        let rig = try EngineRig(target: ScriptedTarget(down))
        try await rig.topic("orders")
        try await rig.subscription(
            "hook",
            push { settings, push in
                settings.attemptsMax = 5
                settings.retry.schedule = [.seconds(10), .seconds(30)]
                push.breaker.failures = 0
            })
        try await rig.publish(["a"], to: "orders")
        rig.settle()
        var times: [Int] = []
        for second in 0..<120 {
            while times.count < rig.target.deliveries.count { times.append(second) }
            rig.pass(.seconds(1))
        }
        #expect(times == [0, 10, 40, 70, 100])
        #expect(try rig.describe("hook").deadLettered == 1)
    }

    @Test func `an event that would be too old at its next attempt is given up`() async throws {
        let rig = try EngineRig(target: ScriptedTarget(down))
        try await rig.topic("orders")
        try await rig.subscription(
            "hook",
            push { settings, push in
                settings.retry = RetrySettings(schedule: [.seconds(40)], ageMax: .seconds(100))
                push.breaker.failures = 0
            })
        try await rig.publish(["a"], to: "orders")
        rig.pass(.seconds(200))
        #expect(rig.target.deliveries.map(\.attempt) == [1, 2, 3])
        let letters = try await rig.engine.deadLetters(DeadLetterSelection(), Page())
        #expect(letters.map(\.reason) == ["too old; the last attempt: down"])
        #expect(letters.map(\.attempts) == [3])
        #expect(letters.map(\.status) == [503])
    }

    @Test func `an event that is too old when its turn comes is given up without an attempt`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.subscription(
            "hook",
            push { settings, _ in
                settings.retry.ageMax = .seconds(100)
                settings.isPaused = true
            })
        try await rig.publish(["a"], to: "orders")
        rig.pass(.seconds(200), step: .seconds(50))
        var changes = SubscriptionChanges()
        changes.isPaused = false
        let altered = changes
        let name = try ResourceName("hook")
        _ = try await rig.driving { try await rig.engine.alterSubscription(name, altered) }
        rig.settle()
        #expect(rig.target.deliveries.isEmpty)
        let letters = try await rig.engine.deadLetters(DeadLetterSelection(), Page())
        #expect(letters.map(\.reason) == ["too old"])
        #expect(letters.map(\.attempts) == [0])
    }

    @Test func `attempts of all subscriptions together are bounded, and each gets some`() async throws {
        let target = ScriptedTarget { _ in nil }
        let rig = try EngineRig(target: target) { $0.attemptsUnderWayMax = { 8 } }
        try await rig.topic("orders")
        for name in ["a", "b", "c", "d"] {
            try await rig.subscription(name, push { _, push in push.concurrency = 100 })
        }
        try await rig.publish((0..<100).map(String.init), to: "orders")
        rig.settle()
        #expect(target.deliveries.count == 8)
        #expect(Set(target.deliveries.map(\.subscription.description)).count >= 3)
        for _ in 0..<60 {
            target.finishOpen(with: .delivered)
            rig.settle()
        }
        target.rewrite { _ in .delivered }
        target.finishOpen(with: .delivered)
        rig.settle()
        for name in ["a", "b", "c", "d"] { #expect(try rig.describe(name).acknowledged == 100) }
    }
}

@Suite struct BatchPushTests {
    private func settings(_ events: Int, linger: Duration = .milliseconds(500)) throws -> SubscriptionSettings
    {
        try push { settings, push in
            push.mode = .batch
            push.batch = PushSettings.Batch(eventsMax: events, bytesMax: 1 << 20, linger: linger)
            settings.attemptsMax = 3
        }
    }

    @Test func `whole batches go at once, the rest when it has waited`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.subscription("hook", settings(10))
        try await rig.publish((0..<25).map(String.init), to: "orders")
        rig.settle()
        #expect(rig.target.requests == 2 && rig.target.deliveries.count == 20)
        rig.pass(.seconds(1), step: .milliseconds(100))
        #expect(rig.target.requests == 3 && rig.target.deliveries.count == 25)
        #expect(try rig.describe("hook").acknowledged == 25)
    }

    @Test func `one outcome is that of all, and each event keeps its own count`() async throws {
        let failing = Flag()
        let rig = try EngineRig(
            target: ScriptedTarget { _ in
                failing.isRaised ? .delivered : .retry(after: nil, status: 503, reason: "no")
            })
        try await rig.topic("orders")
        try await rig.subscription("hook", settings(5, linger: .zero))
        try await rig.publish(["a", "b", "c"], to: "orders")
        rig.settle()
        #expect(rig.target.deliveries.map(\.attempt) == [1, 1, 1])
        failing.raise()
        rig.pass(.seconds(5), step: .milliseconds(100))
        #expect(rig.target.deliveries.dropFirst(3).map(\.attempt) == [2, 2, 2])
        #expect(try rig.describe("hook").acknowledged == 3)
    }

    @Test func `a batch has no more bytes than it may`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.subscription(
            "hook",
            push { _, push in
                push.mode = .batch
                push.batch = PushSettings.Batch(eventsMax: 100, bytesMax: 25, linger: .zero)
            })
        // Ten bytes of data each.
        try await rig.publish((10..<20).map(String.init), to: "orders")
        rig.settle()
        #expect(rig.target.deliveries.count == 10)
        #expect(rig.target.requests == 5)
    }
}

@Suite struct ConsentTests {
    private func settings() throws -> SubscriptionSettings {
        try push { _, push in
            push.handshake = true
            push.breaker = PushSettings.Breaker(failures: 10, initial: .seconds(10), max: .seconds(10))
        }
    }

    @Test func `nothing is sent until the receiver consents, and nothing is lost`() async throws {
        let rig = try EngineRig()
        rig.target.permit(.withheld(reason: "who are you?"))
        try await rig.topic("orders")
        try await rig.subscription("hook", settings())
        try await rig.publish(["a", "b"], to: "orders")
        rig.pass(.seconds(60))
        #expect(rig.target.deliveries.isEmpty)
        #expect((4...13).contains(rig.target.permissionsAsked.count))
        let waiting = try rig.describe("hook")
        #expect(waiting.push?.consent == .withheld(reason: "who are you?"))
        #expect(waiting.lastFailure == "who are you?")
        #expect(waiting.push?.circuit == .open)
        rig.target.permit(.granted(ratePerSecond: nil))
        rig.pass(.seconds(30))
        #expect(rig.target.deliveries.map(\.attempt) == [1, 1])
        #expect(try rig.describe("hook").push?.consent == .granted(ratePerSecond: nil))
    }

    @Test func `it is asked once a life, once a day, and when the address changes`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.subscription("hook", settings())
        rig.settle()
        try await rig.publish(["a"], to: "orders")
        rig.settle()
        #expect(rig.target.permissionsAsked.count == 1)
        rig.pass(.seconds(90_000), step: .seconds(3600))
        try await rig.publish(["b"], to: "orders")
        rig.settle()
        #expect(rig.target.permissionsAsked.count == 2)
        var changes = SubscriptionChanges()
        changes.push = try settings().push
        changes.push?.destination = .web("http://127.0.0.1/other")
        let altered = changes
        let name = try ResourceName("hook")
        _ = try await rig.driving { try await rig.engine.alterSubscription(name, altered) }
        rig.settle()
        #expect(rig.target.permissionsAsked.last == "http://127.0.0.1/other")
        let target = ScriptedTarget()
        let again = try rig.restarted(target: target)
        try await again.publish(["c"], to: "orders")
        again.settle()
        #expect(target.permissionsAsked.count == 1)
        #expect(target.deliveries.map(\.event.id) == ["c"])
    }

    @Test func `the rate that the receiver grants holds`() async throws {
        let rig = try EngineRig()
        rig.target.permit(.granted(ratePerSecond: 2))
        try await rig.topic("orders")
        try await rig.subscription("hook", settings())
        try await rig.publish((0..<100).map(String.init), to: "orders")
        rig.settle()
        rig.pass(.seconds(10), step: .milliseconds(50))
        #expect((19...22).contains(rig.target.deliveries.count))
    }
}

@Suite struct StoredPushSettingsTests {
    @Test func `all settings come back after a restart`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        let secret = try WebhookSecret("whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo0NTY3ODk=")
        let header = try WebhookHeader(name: "Authorization", value: "Bearer abc")
        let settings = try push { settings, push in
            settings.retry = RetrySettings(
                initial: .seconds(2), max: .seconds(20), schedule: [.seconds(1), .seconds(5)],
                ageMax: .seconds(3600))
            push.mode = .batch
            push.batch = PushSettings.Batch(eventsMax: 7, bytesMax: 8, linger: .seconds(9))
            push.rate = 77
            push.secrets = [secret]
            push.headers = [header]
            push.handshake = true
            push.breaker = PushSettings.Breaker(failures: 1, initial: .seconds(2), max: .seconds(3))
        }
        try await rig.subscription("hook", settings)
        #expect(try rig.restarted().describe("hook").settings == settings)
    }

    @Test func `secrets and credentials print masked`() throws {
        var push = PushSettings(url: "http://example.org/")
        push.secrets = [try WebhookSecret("whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo0NTY3ODk=")]
        push.headers = [try WebhookHeader(name: "X-Api-Key", value: "hunter2hunter2")]
        var dumped = ""
        dump(push, to: &dumped)
        for text in ["\(push)", String(reflecting: push), dumped] {
            #expect(!text.contains("QUJDREVG") && !text.contains("hunter2"))
        }
    }

    @Test(arguments: [
        "Host", "content-length", "Content-Type", "transfer-encoding", "connection", "ce-id", "webhook-id",
        "webhook-signature", "apus-attempt", "idempotency-key", "te", "", "a b", "a:b", "ä",
    ])
    func `headers that are not anybody's to set are refused`(name: String) {
        #expect(throws: WebhookHeaderError.self) { try WebhookHeader(name: name, value: "x") }
    }

    @Test(arguments: ["a\r\nb: c", "a\u{0}", "ä", " a", "a "])
    func `header values that could end a line are refused`(value: String) {
        #expect(throws: WebhookHeaderError.self) { try WebhookHeader(name: "x", value: value) }
    }

    @Test(arguments: [
        "", "whsec_", "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=", "whsec_QUJD", "whsec_not base64 at all!!!!",
        "whsec_QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo0NTY3ODk",
    ])
    func `texts that are no secrets are refused without being repeated`(text: String) {
        let error = #expect(throws: WebhookSecretError.self) { try WebhookSecret(text) }
        if text.count > 8 { #expect(error?.description.contains(text) == false) }
    }
}
