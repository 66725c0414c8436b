// SPDX-License-Identifier: Apache-2.0

// Shared and cursor subscriptions: leases, verdicts, retries, dead letters, restarts.

import ApusEngine
import ApusModel
import ApusRules
import ApusStorage
import ApusTesting
import ApusTransport
import CloudEvents
import Synchronization
import Testing

@Suite struct DeliveryTests {
    @Test func `a leased event is handed to nobody else until it is released`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.subscription("billing", .shared("orders"))
        try await rig.publish(["a", "b"], to: "orders")
        let first = try await rig.receive("billing", limit: 1)
        #expect(first.map(\.stored.event.id) == ["a"])
        #expect(first.map(\.attempt) == [1])
        #expect(try await rig.receive("billing").map(\.stored.event.id) == ["b"])
        #expect(try await rig.receive("billing").isEmpty)
        try await rig.settle("billing", [first[0].lease], .release(delay: .zero, counted: true))
        let again = try await rig.receive("billing")
        #expect(again.map(\.stored.event.id) == ["a"])
        #expect(again.map(\.attempt) == [2])
    }

    @Test
    func `how long an event waited is told when it is handed out for the first time, for each subscription`()
        async throws
    {
        let delays = Mutex<[Duration]>([])
        let rig = try EngineRig {
            $0.onFirstDelivery = { delay in delays.withLock { $0.append(delay) } }
        }
        try await rig.topic("orders")
        for name in ["billing", "shipping"] { try await rig.subscription(name, .shared("orders")) }
        try await rig.publish(["a", "b"], to: "orders")
        rig.pass(.seconds(2))
        let leases = try await rig.receive("billing").map(\.lease)
        #expect(delays.withLock { $0 } == [.seconds(2), .seconds(2)])
        try await rig.settle("billing", leases, .release(delay: .zero, counted: true))
        #expect(try await rig.receive("billing").count == 2)
        rig.pass(.seconds(1))
        #expect(try await rig.receive("shipping").count == 2)
        #expect(delays.withLock { $0 } == [2, 2, 3, 3].map { .seconds($0) })
        // Given back uncounted it is attempt 1 again, and no news.
        let again = try await rig.publish(["c"], to: "orders")
        #expect(again.count == 1)
        let given = try await rig.receive("shipping").map(\.lease)
        try await rig.settle("shipping", given, .release(delay: .zero, counted: false))
        #expect(try await rig.receive("shipping").map(\.attempt) == [1])
        #expect(delays.withLock { $0.count } == 5)
    }

    @Test func `nothing is told of events whose hand-out could not be written down`() async throws {
        let delays = Mutex<[Duration]>([])
        let rig = try EngineRig {
            $0.onFirstDelivery = { delay in delays.withLock { $0.append(delay) } }
        }
        try await rig.topic("orders")
        try await rig.subscription("billing", .shared("orders"))
        try await rig.publish(["a"], to: "orders")
        rig.store.refuseAppends(with: .failed("simulated"))
        await #expect(throws: BrokerError.self) { _ = try await rig.receive("billing") }
        #expect(delays.withLock { $0.isEmpty })
    }

    @Test func `as many large events are handed out at once as fit into an answer`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.subscription("billing", .shared("orders"))
        let data = CloudEventData(Array(repeating: UInt8(ascii: "x"), count: 1_000_000))
        for number in 0..<8 {
            _ = try await rig.driving { [engine = rig.engine] in
                try await engine.publish(
                    [try CloudEvent(id: "\(number)", source: "/s", type: "t", data: data)],
                    to: try ResourceName("orders"), key: nil)
            }
        }
        let first = try await rig.receive("billing")
        // The limit of 4 MiB is passed with the fifth.
        #expect(first.map(\.stored.event.id) == ["0", "1", "2", "3", "4"])
        #expect(try await rig.receive("billing").map(\.stored.event.id) == ["5", "6", "7"])
    }

    @Test func `an acknowledged event never comes again, not after a restart either`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.subscription("billing", .shared("orders"))
        try await rig.publish(["a", "b", "c"], to: "orders")
        let leased = try await rig.receive("billing")
        #expect(try await rig.settle("billing", [leased[1].lease], .acknowledge) == [.ok])
        #expect(try await rig.settle("billing", [leased[1].lease], .acknowledge) == [.expired])
        let again = try rig.restarted()
        #expect(try await again.receive("billing").map(\.stored.event.id) == ["a", "c"])
        #expect(try again.describe("billing").inFlight == 2)
    }

    @Test func `attempts are counted over restarts`() async throws {
        var rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.subscription("billing", .shared("orders"))
        try await rig.publish(["a"], to: "orders")
        for attempt in 1...3 {
            #expect(try await rig.receive("billing").map(\.attempt) == [attempt])
            rig = try rig.restarted()
        }
    }

    @Test func `a lease ends at its deadline, unless it is extended`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.subscription("billing", .shared("orders") { $0.lease = .seconds(30) })
        try await rig.publish(["a"], to: "orders")
        let leased = try await rig.receive("billing")
        rig.pass(.seconds(20))
        try await rig.settle("billing", [leased[0].lease], .extend(.seconds(30)))
        rig.pass(.seconds(20))
        #expect(try await rig.receive("billing").isEmpty)
        rig.pass(.seconds(11))
        #expect(try await rig.receive("billing").map(\.attempt) == [2])
        #expect(try await rig.settle("billing", [leased[0].lease], .acknowledge) == [.expired])
    }

    @Test func `an attempt given back is not counted`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.subscription("billing", .shared("orders"))
        try await rig.publish(["a"], to: "orders")
        let leased = try await rig.receive("billing")
        try await rig.settle("billing", [leased[0].lease], .release(delay: .zero, counted: false))
        #expect(try await rig.receive("billing").map(\.attempt) == [1])
    }

    @Test func `a release with a delay comes back when the delay is over, also over a restart`() async throws
    {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.subscription("billing", .shared("orders"))
        try await rig.publish(["a"], to: "orders")
        let leased = try await rig.receive("billing")
        try await rig.settle("billing", [leased[0].lease], .release(delay: .seconds(60), counted: true))
        rig.pass(.seconds(30))
        #expect(try await rig.receive("billing").isEmpty)
        let again = try rig.restarted()
        again.pass(.seconds(29))
        #expect(try await again.receive("billing").isEmpty)
        again.pass(.seconds(2))
        #expect(try await again.receive("billing").map(\.attempt) == [2])
    }

    @Test func `a rejected event is dead-lettered with its reason, and redriven to its subscription only`()
        async throws
    {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.subscription("billing", .shared("orders"))
        try await rig.subscription("audit", .shared("orders"))
        try await rig.publish(["a"], to: "orders")
        let leased = try await rig.receive("billing")
        #expect(
            try await rig.settle("billing", [leased[0].lease], .reject(reason: "no such customer")) == [.ok])
        let audited = try await rig.receive("audit")
        try await rig.settle("audit", audited.map(\.lease), .acknowledge)

        let letters = try await rig.engine.deadLetters(DeadLetterSelection(), Page())
        #expect(letters.map(\.reason) == ["no such customer"])
        #expect(letters.map(\.attempts) == [1])
        #expect(letters.map(\.stored.event.id) == ["a"])
        #expect(letters.first?.origin == "orders/0/0")
        #expect(letters.first?.subscription?.description == "billing")

        let dry = try await rig.driving { try await rig.engine.redrive(DeadLetterSelection(), dryRun: true) }
        #expect(dry == DeadLetterResult(matched: 1, moved: 0))
        let result = try await rig.driving {
            try await rig.engine.redrive(DeadLetterSelection(), dryRun: false)
        }
        #expect(result == DeadLetterResult(matched: 1, moved: 1))
        #expect(try await rig.engine.deadLetters(DeadLetterSelection(), Page()).isEmpty)
        #expect(try await rig.receive("audit").isEmpty)
        #expect(try await rig.receive("billing").map(\.stored.event.id) == ["a"])
        let again = try rig.restarted()
        #expect(try await again.engine.deadLetters(DeadLetterSelection(), Page()).isEmpty)
    }

    @Test func `dead letters are chosen by what their events are and when they were given up`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.subscription("billing", .shared("orders"))
        for (id, type) in [("a", "placed"), ("b", "changed"), ("c", "placed")] {
            try await rig.publish([id], to: "orders", type: type)
            try await rig.settle(
                "billing", try await rig.receive("billing").map(\.lease), .reject(reason: "no"))
            rig.pass(.seconds(10))
        }
        let middle = rig.clock.wall.advanced(by: .seconds(-25))
        var selection = DeadLetterSelection()
        selection.pattern = try Pattern(parsing: #"{"type": ["placed"]}"#)
        #expect(
            try await rig.engine.deadLetters(selection, Page()).map(\.stored.event.id) == ["a", "c"])
        selection.since = middle
        #expect(try await rig.engine.deadLetters(selection, Page()).map(\.stored.event.id) == ["c"])
        (selection.since, selection.until) = (nil, middle)
        let early = selection
        let result = try await rig.driving { try await rig.engine.redrive(early, dryRun: false) }
        #expect(result == DeadLetterResult(matched: 1, moved: 1))
        #expect(try await rig.receive("billing").map(\.stored.event.id) == ["a"])
    }

    @Test func `an edited dead letter keeps source and id, and its lineage says that it was edited`()
        async throws
    {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.subscription("billing", .shared("orders"))
        try await rig.publish(["a"], to: "orders")
        try await rig.settle(
            "billing", try await rig.receive("billing").map(\.lease), .reject(reason: "no total"))
        let id = try #require(try await rig.engine.deadLetters(DeadLetterSelection(), Page()).first?.id)
        let other = try CloudEvent(id: "b", source: "/test", type: "t")
        await #expect(throws: BrokerError.self) {
            try await rig.driving { try await rig.engine.redrive(id, as: other) }
        }
        let edited = try CloudEvent(
            id: "a", source: "/test", type: "t", dataContentType: "application/json",
            data: CloudEventData(text: #"{"total": 1}"#))
        let result = try await rig.driving { try await rig.engine.redrive(id, as: edited) }
        #expect(result == DeadLetterResult(matched: 1, moved: 1))
        let leased = try await rig.receive("billing")
        #expect(leased.map(\.stored.event) == [edited])
        #expect(leased.first?.stored.lineage?.isEdited == true)
        #expect(leased.first?.stored.lineage?.from == id)
        let again = try await rig.driving { try await rig.engine.redrive(id, as: edited) }
        #expect(again == DeadLetterResult(matched: 0, moved: 0))
    }

    @Test func `a rule that copies dead letters back to their topic does not do so for ever`() async throws {
        let rig = try EngineRig()
        let orders = try ResourceName("orders")
        try await rig.topic("orders")
        try await rig.topic("orders.dead-letter")
        try await rig.subscription(
            "billing",
            .shared("orders") {
                $0.push = PushSettings(url: "https://example.org/")
                $0.attemptsMax = 1
            })
        rig.target.rewrite { _ in .refused(status: 400, reason: "no") }
        try await rig.rule("again", .copying("orders.dead-letter", to: "orders"))
        try await rig.publish(["a"], to: "orders")
        rig.pass(.seconds(120))
        let fetched = try await rig.engine.fetch(
            orders, partition: 0, from: .earliest, limit: 1000, pattern: nil, wait: .zero)
        #expect(fetched.events.count == 1 + Defaults.ruleHopsMax)
        #expect(try await rig.ids(of: "orders.dead-letter").count == 1 + Defaults.ruleHopsMax)
    }

    @Test func `a page of large dead letters ends early, and all of them are sent back`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.subscription("billing", .shared("orders"))
        let data = CloudEventData(Array(repeating: UInt8(ascii: "x"), count: 1_000_000))
        for number in 0..<7 {
            _ = try await rig.driving { [engine = rig.engine] in
                try await engine.publish(
                    [try CloudEvent(id: "\(number)", source: "/s", type: "t", data: data)],
                    to: try ResourceName("orders"), key: nil)
            }
        }
        for _ in 0..<2 {
            for delivery in try await rig.receive("billing") {
                try await rig.settle("billing", [delivery.lease], .reject(reason: "no"))
            }
        }
        let first = try await rig.engine.deadLetters(DeadLetterSelection(), Page())
        #expect(first.map(\.stored.event.id) == ["0", "1", "2", "3", "4"])
        let rest = try await rig.engine.deadLetters(DeadLetterSelection(), Page(after: first.last?.id))
        #expect(rest.map(\.stored.event.id) == ["5", "6"])
        let result = try await rig.driving {
            try await rig.engine.redrive(DeadLetterSelection(), dryRun: false)
        }
        #expect(result == DeadLetterResult(matched: 7, moved: 7))
    }

    @Test func `no more events are leased than may be in flight`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.subscription("billing", .shared("orders") { $0.inFlightMax = 2 })
        try await rig.publish(["a", "b", "c"], to: "orders")
        let leased = try await rig.receive("billing")
        #expect(leased.count == 2)
        #expect(try await rig.receive("billing").isEmpty)
        try await rig.settle("billing", leased.map(\.lease), .acknowledge)
        #expect(try await rig.receive("billing").count == 1)
    }

    @Test func `a subscription with a pattern sees what matches and its cursor passes the rest`() async throws
    {
        let rig = try EngineRig()
        try await rig.topic("orders")
        let pattern = try Pattern(parsing: #"{"data":{"id":[{"prefix":"b"}]}}"#)
        try await rig.subscription("billing", .shared("orders") { $0.pattern = pattern })
        try await rig.publish(["a", "b1", "c", "b2", "d"], to: "orders")
        let leased = try await rig.receive("billing")
        #expect(leased.map(\.stored.event.id) == ["b1", "b2"])
        try await rig.settle("billing", leased.map(\.lease), .acknowledge)
        #expect(try rig.describe("billing").backlog == 0)
    }

    @Test func `a replay brings settled events again`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        let name = try await rig.subscription("billing", .shared("orders")).name
        try await rig.publish(["a", "b"], to: "orders")
        let leased = try await rig.receive("billing")
        try await rig.settle("billing", leased.map(\.lease), .acknowledge)
        try await rig.driving { try await rig.engine.replay(name, from: .offset(Offset(1))) }
        #expect(try await rig.receive("billing").map(\.stored.event.id) == ["b"])
        let again = try rig.restarted()
        try await again.driving { try await again.engine.replay(name, from: .earliest) }
        #expect(try await again.receive("billing").map(\.stored.event.id) == ["a", "b"])
    }

    @Test func `a receiver that waits gets the event as it comes`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.subscription("billing", .shared("orders"))
        let name = try ResourceName("billing")
        let received = try await rig.driving {
            async let waiting = rig.engine.receive(name, limit: 10, wait: .seconds(30), lease: nil)
            for _ in 0..<50 { await Task.yield() }
            try await rig.publish(["a"], to: "orders")
            return try await waiting
        }
        #expect(received.map(\.stored.event.id) == ["a"])
    }

    @Test func `a cursor subscription goes on where it committed, over restarts`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        let settings = try SubscriptionSettings.shared("orders") { $0.kind = .cursor }
        let name = try await rig.subscription("replica", settings).name
        try await rig.publish(["a", "b", "c"], to: "orders")
        let first = try await rig.engine.fetch(subscription: name, partition: 0, limit: 2, wait: .zero)
        #expect(first.events.map(\.event.id) == ["a", "b"])
        let next = first.next
        try await rig.driving { try await rig.engine.commit(name, partition: 0, offset: next) }
        let again = try rig.restarted()
        let rest = try await again.engine.fetch(subscription: name, partition: 0, limit: 10, wait: .zero)
        #expect(rest.events.map(\.event.id) == ["c"])
    }
}

@Suite struct PushTests {
    private func push(
        _ change: (inout SubscriptionSettings) -> Void = { _ in }
    ) throws -> SubscriptionSettings {
        try .shared("orders") { settings in
            settings.push = PushSettings(url: "http://127.0.0.1/hook", concurrency: 4)
            settings.attemptsMax = 3
            settings.retry = RetrySettings(initial: .seconds(1), max: .seconds(10))
            change(&settings)
        }
    }

    @Test func `every event is pushed and settled`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.subscription("hook", push())
        try await rig.publish((0..<50).map(String.init), to: "orders")
        rig.settle()
        #expect(rig.target.deliveries.map(\.event.id) == (0..<50).map(String.init))
        let described = try rig.describe("hook")
        #expect(described.backlog == 0 && described.inFlight == 0 && described.acknowledged == 50)
    }

    @Test func `no more attempts run than the target takes at a time`() async throws {
        let rig = try EngineRig(target: ScriptedTarget { _ in nil })
        try await rig.topic("orders")
        try await rig.subscription("hook", push())
        try await rig.publish((0..<10).map(String.init), to: "orders")
        rig.settle()
        #expect(rig.target.deliveries.count == 4)
        rig.target.finishOpen(with: .delivered)
        rig.settle()
        #expect(rig.target.deliveries.count == 8)
    }

    @Test
    func
        `a failing target is tried again with backoff, then the event is dead-lettered with the last status`()
        async throws
    {
        let rig = try EngineRig(
            target: ScriptedTarget { _ in .retry(after: nil, status: 503, reason: "503 from hook") })
        try await rig.topic("orders")
        try await rig.subscription("hook", push())
        try await rig.publish(["a"], to: "orders")
        rig.pass(.seconds(60))
        #expect(rig.target.deliveries.map(\.attempt) == [1, 2, 3])
        let letters = try await rig.engine.deadLetters(DeadLetterSelection(), Page())
        #expect(letters.map(\.status) == [503])
        #expect(letters.map(\.reason) == ["503 from hook"])
        #expect(letters.map(\.attempts) == [3])
        #expect(try rig.describe("hook").deadLettered == 1)
    }

    @Test func `a target's wish to wait is heeded`() async throws {
        let rig = try EngineRig(
            target: ScriptedTarget {
                $0.attempt == 1 ? .retry(after: .seconds(40), status: 429, reason: "slow") : .delivered
            })
        try await rig.topic("orders")
        try await rig.subscription("hook", push())
        try await rig.publish(["a"], to: "orders")
        rig.pass(.seconds(39))
        #expect(rig.target.deliveries.count == 1)
        rig.pass(.seconds(2))
        #expect(rig.target.deliveries.count == 2)
    }

    @Test func `a refused event is dead-lettered at once`() async throws {
        let rig = try EngineRig(target: ScriptedTarget { _ in .refused(status: 400, reason: "bad request") })
        try await rig.topic("orders")
        try await rig.subscription("hook", push())
        try await rig.publish(["a"], to: "orders")
        rig.settle()
        #expect(rig.target.deliveries.count == 1)
        #expect(try await rig.engine.deadLetters(DeadLetterSelection(), Page()).map(\.status) == [400])
    }

    @Test func `one event that fails does not hold up the others`() async throws {
        let rig = try EngineRig(
            target: ScriptedTarget {
                $0.event.id == "b" ? .retry(after: nil, status: 500, reason: "no") : .delivered
            })
        try await rig.topic("orders")
        try await rig.subscription("hook", push { $0.attemptsMax = 1000 })
        try await rig.publish(["a", "b", "c", "d"], to: "orders")
        rig.settle()
        #expect(Set(rig.target.deliveries.map(\.event.id)) == ["a", "b", "c", "d"])
        #expect(try rig.describe("hook").acknowledged == 3)
    }

    @Test func `retries that wait come back after a restart with their attempts`() async throws {
        let rig = try EngineRig(
            target: ScriptedTarget { _ in .retry(after: .seconds(100), status: 503, reason: "no") })
        try await rig.topic("orders")
        try await rig.subscription("hook", push())
        try await rig.publish(["a"], to: "orders")
        rig.settle()
        rig.pass(.seconds(50))
        let target = ScriptedTarget()
        let again = try rig.restarted(target: target)
        again.pass(.seconds(48))
        #expect(target.deliveries.isEmpty)
        again.pass(.seconds(3))
        #expect(target.deliveries.map(\.attempt) == [2])
    }
}

@Suite struct RoutingTests {
    @Test func `a rule copies what matches, from the moment it was made`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.topic("vip")
        try await rig.publish(["b0"], to: "orders")
        let pattern = try Pattern(parsing: #"{"data":{"id":[{"prefix":"b"}]}}"#)
        try await rig.rule(
            "vips",
            RuleSettings(
                topic: try ResourceName("orders"), pattern: pattern,
                targets: [.topic(try ResourceName("vip"))]))
        try await rig.publish(["a", "b1", "c", "b2"], to: "orders")
        rig.settle()
        #expect(try await rig.ids(of: "vip") == ["b1", "b2"])
        #expect(try rig.engine.rule(try ResourceName("vips")).matches == 2)
    }

    @Test func `two rules with one target make one copy`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.topic("all")
        for name in ["one", "two"] {
            try await rig.rule(
                name,
                RuleSettings(
                    topic: try ResourceName("orders"), pattern: .matchAll,
                    targets: [.topic(try ResourceName("all"))]))
        }
        try await rig.publish(["a"], to: "orders")
        rig.settle()
        #expect(try await rig.ids(of: "all") == ["a"])
    }

    @Test func `after a restart nothing is copied twice and nothing is left out`() async throws {
        var rig = try EngineRig()
        try await rig.topic("orders", TopicSettings(partitions: 3))
        try await rig.topic("all", TopicSettings(partitions: 2))
        try await rig.rule(
            "copy",
            RuleSettings(
                topic: try ResourceName("orders"), pattern: .matchAll,
                targets: [.topic(try ResourceName("all"))]))
        var expected: [String] = []
        for life in 0..<5 {
            let ids = (0..<20).map { "\(life)-\($0)" }
            try await rig.publish(ids, to: "orders")
            expected += ids
            if life % 2 == 0 { rig.settle() }
            rig = try rig.restarted()
        }
        rig.pass(.seconds(3))
        #expect(try await rig.ids(of: "all").sorted() == expected.sorted())
    }

    @Test func `a rule that would feed a topic from itself is refused with the way`() async throws {
        let rig = try EngineRig()
        for name in ["a", "b", "c"] { try await rig.topic(name) }
        func rule(_ from: String, _ to: String) throws -> RuleSettings {
            RuleSettings(
                topic: try ResourceName(from), pattern: .matchAll, targets: [.topic(try ResourceName(to))])
        }
        try await rig.rule("ab", rule("a", "b"))
        try await rig.rule("bc", rule("b", "c"))
        let error = await #expect(throws: BrokerError.self) { try await rig.rule("ca", rule("c", "a")) }
        #expect(error.map { "\($0)" }?.contains("c → a → b → c") == true)
    }

    @Test func `a webhook target has a subscription of its own that ends with the rule`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        let settings = RuleSettings(
            topic: try ResourceName("orders"), pattern: try Pattern(parsing: #"{"type":["paid"]}"#),
            targets: [.webhook(PushSettings(url: "http://127.0.0.1/hook"))])
        try await rig.rule("hook", settings)
        try await rig.publish(["a"], to: "orders", type: "paid")
        try await rig.publish(["b"], to: "orders", type: "placed")
        rig.settle()
        #expect(rig.target.deliveries.map(\.event.id) == ["a"])
        let name = try ResourceName("hook")
        #expect(try rig.engine.rule(name).subscriptions.map(\.description) == ["hook.webhook-1"])
        try await rig.driving { try await rig.engine.deleteRule(name) }
        #expect(try rig.engine.subscriptions(of: nil, Page()).isEmpty)
    }

    @Test func `a topic in use is deleted only with what uses it`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.topic("all")
        try await rig.subscription("billing", .shared("orders"))
        try await rig.rule(
            "copy",
            RuleSettings(
                topic: try ResourceName("orders"), pattern: .matchAll,
                targets: [.topic(try ResourceName("all"))]))
        let name = try ResourceName("orders")
        await #expect(throws: BrokerError.self) {
            try await rig.driving { try await rig.engine.deleteTopic(name, cascade: false) }
        }
        try await rig.driving { try await rig.engine.deleteTopic(name, cascade: true) }
        #expect(try rig.engine.topics(Page()).map(\.name.description) == ["all"])
        #expect(try rig.restarted().engine.status().subscriptions == 0)
    }
}
