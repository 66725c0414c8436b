// SPDX-License-Identifier: Apache-2.0

// 'Why is this slow?': figures in, causes out, cause by cause; and that what stops everything is told before what follows from it.

import ApusModel
import ApusRules
import ApusTransport
import JSONText
import Testing

@testable import ApusEngine
@testable import ApusHTTPGateway

@Suite struct ExplanationTests {
    private static let now = Timestamp(milliseconds: 1_795_467_600_000)

    /// Figures of a subscription that is well, changed as the test wants.
    private func figures(
        push: PushSettings? = nil,
        _ change: (inout SubscriptionFigures, inout SubscriptionLoad) -> Void = { _, _ in }
    ) throws -> SubscriptionFigures {
        let topic: ResourceName = "orders"
        var description = SubscriptionDescription(
            name: "billing", settings: SubscriptionSettings(topic: topic),
            deadLetter: topic,
            created: Self.now.advanced(by: .seconds(-86_400)), backlog: 0, inFlight: 0, waiting: 0,
            acknowledged: 0, deadLettered: 0, positions: [])
        description.settings.push = push
        if push != nil { description.push = PushDescription() }
        var figures = SubscriptionFigures(description: description, now: Self.now)
        var load = SubscriptionLoad()
        load.room = push?.concurrency ?? 1000
        change(&figures, &load)
        figures.description.load = load
        return figures
    }

    private func wait(
        _ figures: inout SubscriptionFigures, _ backlog: Int64 = 500, for age: Duration = .seconds(60)
    ) {
        figures.description.backlog = backlog
        figures.description.oldestUnsettled = Self.now.advanced(by: .zero - age)
    }

    private func causes(_ figures: SubscriptionFigures) -> [SubscriptionCause] {
        Explanation(figures).causes.map(\.cause)
    }

    private let hook = PushSettings(url: "https://example.org/hook")

    @Test func `where nothing waits nothing is slow`() throws {
        let explanation = Explanation(try figures())
        #expect(explanation.causes.isEmpty)
        #expect(explanation.summary == "nothing waits: it is not slow")
        #expect(explanation.findings(ageMax: .seconds(3600)).isEmpty)
    }

    @Test func `paused`() throws {
        let figures = try figures { figures, _ in
            wait(&figures, 1)
            figures.description.settings.isPaused = true
        }
        #expect(causes(figures) == [.paused])
        #expect(Explanation(figures).causes.first?.text == "it is paused, with 1 event waiting")
        #expect(Explanation(figures).findings(ageMax: .seconds(10)).map(\.severity) == [.note])
        #expect(
            Explanation(figures).causes.first?.hint == "let it go on with 'apus subscription resume billing'")
    }

    @Test func `the disk fails`() throws {
        let figures = try figures(push: hook) { figures, _ in
            wait(&figures)
            figures.unavailability = .diskFailed("I/O error")
        }
        #expect(causes(figures).first == .storage)
    }

    @Test func `the receiver does not consent`() throws {
        let figures = try figures(push: hook) { figures, _ in
            wait(&figures)
            figures.description.push?.consent = .withheld(reason: "no")
            figures.description.push?.circuit = .open
        }
        #expect(causes(figures) == [.consentWithheld])
    }

    @Test func `the receiver is left alone, and that it fails is not told twice`() throws {
        let figures = try figures(push: hook) { figures, load in
            wait(&figures)
            figures.description.push?.circuit = .open
            figures.description.push?.openSince = Self.now.advanced(by: .seconds(-90))
            figures.description.push?.nextProbe = Self.now.advanced(by: .seconds(30))
            figures.description.lastFailure = "HTTP 503"
            figures.description.waiting = 400
            load.failed = Rate(minute: 5, fiveMinutes: 5)
            load.arrival = Rate(minute: 5, fiveMinutes: 5)
        }
        let explanation = Explanation(figures)
        #expect(explanation.causes.map(\.cause) == [.receiverDown])
        #expect(
            explanation.causes.first?.evidence == [
                "left alone for 90 s so far", "tried again in 30 s", "the last attempt: HTTP 503",
            ])
        #expect(
            explanation.causes.first?.hint.contains("'apus subscription retry billing' tries it at once")
                == true)
    }

    @Test func `nobody receives`() throws {
        let figures = try figures { figures, _ in wait(&figures) }
        #expect(causes(figures) == [.nobodyReceives])
        #expect(Explanation(figures).summary == "500 events wait: nobody receives")
    }

    @Test func `that nobody has received for minutes needs attention, whatever waits`() throws {
        for (unread, isTold) in [(Duration.seconds(119), false), (SubscriptionLoad.unreadMin, true)] {
            let figures = try figures { figures, load in
                wait(&figures)
                load.unread = unread
            }
            #expect(causes(figures) == [.nobodyReceives])
            #expect(SubscriptionState(figures.description) == (isTold ? .unread : .ok))
            let findings = Explanation(figures).findings(ageMax: .seconds(3600))
            #expect(findings.map(\.severity) == (isTold ? [.warning] : []))
            #expect(findings.allSatisfy { $0.text == "500 events wait, and nobody has asked for 2 min" })
        }
    }

    @Test func `a cursor that nobody reads is told as that, and not that more arrives than is done`() throws {
        let figures = try figures { figures, load in
            wait(&figures)
            figures.description.settings.kind = .cursor
            load.unread = .seconds(780)
            load.arrival = Rate(minute: 0.03, fiveMinutes: 0.03)
        }
        let explanation = Explanation(figures)
        #expect(explanation.causes.map(\.cause) == [.nobodyReceives])
        #expect(explanation.summary == "500 events wait: nobody reads")
        #expect(
            explanation.causes.first?.evidence == [
                "500 events wait, and no consumer asks for them", "nobody has asked for 13 min",
            ])
        #expect(SubscriptionState(figures.description) == .unread)
        #expect(explanation.findings(ageMax: .seconds(3600)).map(\.severity) == [.warning])
    }

    @Test func `what arrives too rarely to be told as a rate makes nobody fall behind`() throws {
        for (arrival, isTold) in [(0.03, false), (0.05, true)] {
            let figures = try figures { figures, load in
                wait(&figures)
                load.receivers = 1
                load.arrival = Rate(minute: arrival, fiveMinutes: arrival)
            }
            #expect(causes(figures) == (isTold ? [.fallingBehind] : []))
        }
    }

    @Test func `as many events as allowed are leased`() throws {
        let figures = try figures { figures, load in
            wait(&figures)
            figures.description.inFlight = 1000
            load.inFlight = Rate(minute: 1000, fiveMinutes: 1000)
        }
        #expect(causes(figures) == [.leasesHeld])
    }

    @Test func `keys wait for a dead letter to be dealt with`() throws {
        let figures = try figures { figures, load in
            wait(&figures, 3)
            figures.description.blocked = 1
            load.receivers = 1
        }
        #expect(causes(figures) == [.keysBlocked])
        #expect(
            Explanation(figures).causes.first?.text == "1 key waits for somebody to deal with a dead letter")
    }

    @Test func `attempts fail, with how many of them`() throws {
        let figures = try figures(push: hook) { figures, load in
            wait(&figures, 1)
            figures.description.waiting = 1
            figures.description.lastFailure = "HTTP 500"
            load.failed = Rate(minute: 3, fiveMinutes: 3)
            load.acknowledged = Rate(minute: 1, fiveMinutes: 1)
        }
        let cause = try #require(Explanation(figures).causes.first)
        #expect(cause.cause == .attemptsFail)
        #expect(cause.text == "1 event waits for another attempt; the last one failed: HTTP 500")
        #expect(cause.evidence.first == "75 % of the attempts of the last minute failed (3/s)")
        #expect(cause.severity == .warning)
    }

    @Test func `what is refused for good at once is told, though nothing waits for another attempt`() throws {
        let figures = try figures(push: hook) { figures, load in
            figures.description.deadLettered = 40
            figures.description.lastFailure = "HTTP 400"
            load.deadLettered = Rate(minute: 3, fiveMinutes: 3)
            load.acknowledged = Rate(minute: 1, fiveMinutes: 1)
        }
        let cause = try #require(Explanation(figures).causes.first)
        #expect(cause.cause == .attemptsFail && cause.severity == .warning)
        #expect(cause.text == "attempts fail, and 40 events were given up since the server started")
        #expect(cause.evidence.contains("75 % of what was decided in the last minute was given up (3/s)"))
        #expect(cause.hint.contains("apus dead-letter redrive --subscription"))
    }

    @Test func `who refuses most is failing, and what is given up is not done`() throws {
        for (refused, state) in [(4.0, SubscriptionState.ok), (6.0, .failing)] {
            let figures = try figures(push: hook) { figures, load in
                wait(&figures)
                figures.description.deadLettered = 40
                figures.description.inFlight = 2
                load.failed = Rate(minute: refused, fiveMinutes: refused)
                load.deadLettered = load.failed
                load.service = Rate(minute: 10 - refused, fiveMinutes: 10 - refused)
                load.acknowledged = load.service
                load.arrival = Rate(minute: 12, fiveMinutes: 12)
            }
            #expect(SubscriptionState(figures.description) == state)
            let explanation = Explanation(figures)
            #expect(explanation.causes.map(\.cause) == [.attemptsFail, .fallingBehind])
            #expect(explanation.causes.first?.hint.contains("then send back what was given up") == true)
            #expect(
                explanation.causes.last?.evidence == [
                    "12/s arrive, \(Int(10 - refused))/s are done, \(Int(refused))/s are given up"
                ])
        }
        var load = SubscriptionLoad()
        (load.service, load.deadLettered) = (Rate(minute: 3), Rate(minute: 2))
        #expect(load.drain(50) == .seconds(10))
        (load.service, load.deadLettered) = (Rate(minute: 2), Rate(minute: 3))
        #expect(load.drain(50) == nil)
        #expect(load.drain(0) == nil)
    }

    @Test func `where everything that failed was given up, nothing is said to come again by itself`() throws {
        let figures = try figures(push: hook) { figures, load in
            figures.description.deadLettered = 40
            figures.description.lastFailure = "HTTP 400"
            load.failed = Rate(minute: 3, fiveMinutes: 3)
        }
        let cause = try #require(Explanation(figures).causes.first)
        #expect(cause.cause == .attemptsFail)
        #expect(cause.text == "attempts fail, and 40 events were given up since the server started")
        #expect(cause.evidence == ["no event waits for another attempt", "the last one failed: HTTP 400"])
        #expect(cause.hint.hasSuffix("apus dead-letter redrive --subscription billing"))
        #expect(!cause.hint.contains("by themselves"))
    }

    @Test func `what failed long ago is no cause`() throws {
        let figures = try figures(push: hook) { figures, load in
            figures.description.lastFailure = "HTTP 500"
            figures.description.failed = 1000
            load.acknowledged = Rate(minute: 50, fiveMinutes: 50)
        }
        #expect(causes(figures).isEmpty)
        #expect(SubscriptionState(figures.description) == .ok)
    }

    @Test func `the rate is limited, by its settings or by the receiver`() throws {
        var push = hook
        push.rate = 10
        let limited = try figures(push: push) { figures, load in
            wait(&figures)
            load.delivered = Rate(minute: 9.8, fiveMinutes: 9.8)
        }
        #expect(causes(limited) == [.rateLimited])
        #expect(Explanation(limited).causes.first?.hint == "raise 'push.rate'")
        let granted = try figures(push: hook) { figures, load in
            wait(&figures)
            figures.description.push?.consent = .granted(ratePerSecond: 2)
            load.delivered = Rate(minute: 2, fiveMinutes: 2)
        }
        #expect(Explanation(granted).causes.first?.hint.contains("the receiver grants no more") == true)
    }

    @Test func `the server has no attempts left`() throws {
        let figures = try figures(push: hook) { figures, load in
            wait(&figures)
            load.crowded = Rate(minute: 0.9, fiveMinutes: 0.5)
            load.inFlight = Rate(minute: 8, fiveMinutes: 8)
        }
        #expect(causes(figures) == [.serverCrowded])
    }

    @Test func `a slow receiver, with how long it takes and what that allows`() throws {
        let figures = try figures(push: hook) { figures, load in
            wait(&figures)
            load.inFlight = Rate(minute: 8, fiveMinutes: 8)
            load.ended = Rate(minute: 4, fiveMinutes: 4)
            load.held = Rate(minute: 8, fiveMinutes: 8)
            load.acknowledged = Rate(minute: 4, fiveMinutes: 4)
            load.service = Rate(minute: 4, fiveMinutes: 4)
            load.arrival = Rate(minute: 20, fiveMinutes: 20)
        }
        let explanation = Explanation(figures)
        #expect(explanation.causes.map(\.cause) == [.slowReceiver, .fallingBehind])
        #expect(
            explanation.causes.first?.evidence == [
                "100 % of 8 at a time are out", "an event is out for about 2 s", "20/s arrive, 4/s are done",
            ])
    }

    @Test func `consumers do not keep up`() throws {
        let figures = try figures { figures, load in
            wait(&figures)
            figures.description.inFlight = 3
            load.delivered = Rate(minute: 2, fiveMinutes: 2)
            load.acknowledged = Rate(minute: 2, fiveMinutes: 2)
            load.service = Rate(minute: 2, fiveMinutes: 2)
            load.arrival = Rate(minute: 2, fiveMinutes: 2)
        }
        #expect(causes(figures) == [.slowConsumers])
    }

    @Test func `a hot key is grave only where order has it wait`() throws {
        for isOrdered in [false, true] {
            let figures = try figures { figures, load in
                wait(&figures)
                load.receivers = 1
                figures.sample.events = 100
                figures.sample.keys = [SubscriptionFigures.KeyShare(key: "acme", events: 90)]
                if isOrdered { figures.description.settings.ordering = OrderingSettings() }
            }
            let cause = try #require(Explanation(figures).causes.first)
            #expect(cause.cause == .hotKey)
            #expect(cause.severity == (isOrdered ? .warning : .note))
            // The text goes on into findings and alarms, where a key has no business.
            #expect(!cause.text.contains("acme"))
            #expect(cause.evidence == ["90 % of the first 100 events have the key 'acme'"])
        }
    }

    @Test func `a hot partition`() throws {
        let figures = try figures { figures, load in
            wait(&figures)
            load.receivers = 1
            figures.description.positions = (0..<4).map { number in
                SubscriptionPosition(
                    partition: number, cursor: .zero, next: .zero, end: Offset(number == 2 ? 900 : 10))
            }
        }
        #expect(causes(figures) == [.hotPartition])
        #expect(Explanation(figures).causes.first?.text == "most of what waits is in partition 2")
    }

    @Test func `a pattern that matches hardly anything`() throws {
        let pattern = try Pattern(parsing: #"{"type": ["rare"]}"#)
        let figures = try figures { figures, load in
            wait(&figures)
            load.receivers = 1
            figures.description.settings.pattern = pattern
            figures.sample.events = 100
            figures.sample.matching = 1
        }
        #expect(causes(figures) == [.sparsePattern])
    }

    @Test func `most of what waits is waiting for its time`() throws {
        let figures = try figures(push: hook) { figures, _ in
            wait(&figures, 10)
            figures.description.waiting = 9
            figures.description.lastFailure = "HTTP 500"
        }
        #expect(causes(figures) == [.attemptsFail, .retriesWait])
    }

    @Test func `a replay, and what becomes less`() throws {
        let figures = try figures { figures, load in
            wait(&figures, 100)
            load.receivers = 1
            figures.description.replaying = 7
            load.service = Rate(minute: 12, fiveMinutes: 12)
            load.arrival = Rate(minute: 2, fiveMinutes: 2)
        }
        #expect(causes(figures) == [.replaying, .catchingUp])
        #expect(Explanation(figures).causes.last?.text == "what waits becomes less: done in about 10 s")
    }

    @Test func `more arrives than is done, and nothing says why`() throws {
        let figures = try figures { figures, load in
            wait(&figures)
            load.receivers = 2
            load.arrival = Rate(minute: 10, fiveMinutes: 10)
            load.service = Rate(minute: 5, fiveMinutes: 5)
        }
        #expect(causes(figures) == [.fallingBehind])
    }

    @Test(arguments: [(true, SubscriptionState.failing), (false, .ok)])
    func `whether it fails goes by the last minute`(failsNow: Bool, state: SubscriptionState) throws {
        let figures = try figures(push: hook) { figures, load in
            figures.description.failed = 100
            figures.description.lastFailure = "HTTP 500"
            load.failed = Rate(minute: failsNow ? 5 : 0.1, fiveMinutes: 5)
            load.acknowledged = Rate(minute: failsNow ? 1 : 4, fiveMinutes: 1)
        }
        #expect(SubscriptionState(figures.description) == state)
    }

    @Test
    func
        `over HTTP an explanation comes with figures, keys and partitions, bottlenecks in the order that is asked for`()
        async throws
    {
        try await GatewayFixture.with { fixture async throws in
            fixture.broker.addTopic("orders")
            _ = try await fixture.put(
                "/v1/subscriptions/billing", #"{"topic":"orders","alarm":{"age":"5m","backlog":null}}"#)
            _ = try await fixture.put("/v1/subscriptions/audit", #"{"topic":"orders"}"#)
            fixture.broker.change { state in
                state.subscriptions["billing"]?.backlog = 5
                state.subscriptions["billing"]?.oldestUnsettled = RecorderBroker.created.advanced(
                    by: .seconds(-60))
            }
            let explanation = try await fixture.get("/v1/subscriptions/billing/explanation")
            #expect(explanation.json["causes"]?.array?.first?["cause"] == "nobody_receives")
            #expect(explanation.json["rates"] == .null)
            #expect(try await fixture.get("/v1/subscriptions/none/explanation").status == 404)
            let names = { (reply: Reply) in reply.json["subscriptions"]?.array?.map { $0["name"]?.string } }
            #expect(names(try await fixture.get("/v1/bottlenecks")) == ["billing", "audit"])
            #expect(names(try await fixture.get("/v1/bottlenecks?sort=name&limit=1")) == ["audit"])
            #expect(names(try await fixture.get("/v1/bottlenecks?search=BILL")) == ["billing"])
            #expect(try await fixture.get("/v1/bottlenecks?sort=luck").status == 400)
            #expect(try await fixture.get("/v1/alarms").json == ["alarms": []])
            let subscription = try await fixture.get("/v1/subscriptions/billing")
            #expect(subscription.json["alarm"] == ["age": "5m", "backlog": .null])
            #expect(subscription.json["state"] == "ok")
        }
    }
}
