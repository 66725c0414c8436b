// SPDX-License-Identifier: Apache-2.0

import ApusModel
import ApusRules
import ApusStorage
import CloudEvents
import JSONText
import Testing

@testable import ApusEngine
@testable import ApusHTTPGateway

@Suite struct TopicTests {
    @Test func `a topic is created, changed, looked at and deleted`() async throws {
        try await GatewayFixture.with { fixture async throws in
            let created = try await fixture.put(
                "/v1/topics/orders",
                #"{"partitions":3,"durability":"100ms","retention":{"age":"7d","bytes":null}}"#)
            #expect(created.status == 201)
            #expect(created.json["durability"] == "100ms")
            #expect(created.json["retention"] == ["age": "7d", "bytes": nil])
            #expect(created.json["positions"]?.array?.count == 3)
            let changed = try await fixture.put(
                "/v1/topics/orders", #"{"retention":{"age":null,"bytes":1000},"durability":"none"}"#)
            #expect(changed.status == 200)
            #expect(changed.json["retention"] == ["age": nil, "bytes": 1000])
            #expect(changed.json["partitions"] == 3)
            #expect(try await fixture.get("/v1/topics/orders").json == changed.json)
            #expect(try await fixture.delete("/v1/topics/orders").status == 204)
            #expect(try await fixture.get("/v1/topics/orders").status == 404)
        }
    }

    @Test func `a topic in use is deleted only with cascade`() async throws {
        try await GatewayFixture.with { fixture async throws in
            fixture.broker.addTopic("orders")
            _ = try await fixture.put("/v1/subscriptions/s", #"{"topic":"orders"}"#)
            #expect(try await fixture.delete("/v1/topics/orders").status == 409)
            #expect(try await fixture.delete("/v1/topics/orders?cascade=maybe").status == 400)
            #expect(try await fixture.delete("/v1/topics/orders?cascade=true").status == 204)
        }
    }

    @Test(arguments: [
        (#"{"partitons":3}"#, 400, "did you mean 'partitions'"),
        (#"{"partitions":"3"}"#, 400, "a whole number"),
        (#"{"partitions":0}"#, 422, "1 to 10000"), (#"{"durability":"fast"}"#, 400, "'flush', 'none'"),
        (#"{"durability":"2h"}"#, 422, "from 1ms to 1h"), (#"{"retention":null}"#, 400, "'retention'"),
        (#"{"retention":{"aeg":"1d"}}"#, 400, "'retention.aeg': did you mean 'age'"),
        (#"{"retention":{"age":"1 day"}}"#, 400, "a duration"), ("[]", 400, "a JSON object"),
        ("{", 400, "JSON"),
        (#"{"partitions":1,"partitions":2}"#, 400, "appears twice"),
    ])
    func `settings that make no sense are refused with the reason`(
        body: String, status: Int, reason: String
    ) async throws {
        try await GatewayFixture.with { fixture async throws in
            let reply = try await fixture.put("/v1/topics/orders", body)
            #expect(reply.status == status)
            #expect(reply.json["detail"]?.string?.contains(reason) == true, "\(reply.json)")
        }
    }
}

@Suite struct SubscriptionTests {
    @Test func `a subscription is created, changed, paused and deleted`() async throws {
        try await GatewayFixture.with { fixture async throws in
            fixture.broker.addTopic("orders")
            let created = try await fixture.put(
                "/v1/subscriptions/billing",
                """
                {"topic":"orders","kind":"shared","start":"earliest","pattern":{"type":["a"]},"lease":"1m",
                 "max_in_flight":5,"max_attempts":3,"retry":{"initial":"2s"},"dead_letter":"dead",
                 "push":{"url":"https://example.org/hook","mode":"structured"}}
                """)
            #expect(created.status == 201, "\(created.json)")
            #expect(created.json["retry"] == ["initial": "2s", "max": "5m", "schedule": [], "max_age": nil])
            #expect(created.json["pattern"] == ["type": ["a"]])
            #expect(created.json["push"]?["timeout"] == "15s")
            #expect(created.json["start"] == "earliest")
            let changed = try await fixture.put(
                "/v1/subscriptions/billing", #"{"pattern":null,"lease":"30s","retry":{"max":"10s"}}"#)
            #expect(changed.status == 200)
            #expect(changed.json["pattern"] == .null)
            #expect(changed.json["retry"] == ["initial": "2s", "max": "10s", "schedule": [], "max_age": nil])
            #expect(try await fixture.post("/v1/subscriptions/billing/pause").json["paused"] == true)
            #expect(try await fixture.post("/v1/subscriptions/billing/resume").json["paused"] == false)
            #expect(
                try await fixture.get("/v1/subscriptions?topic=orders").json["subscriptions"]?.array?.count
                    == 1)
            let topics = try await fixture.get("/v1/topics?readers=true")
            #expect(topics.json["topics"]?.array?.first?["readers"]?["subscriptions"] == 1)
            #expect(try await fixture.get("/v1/topics").json["topics"]?.array?.first?["readers"] == nil)
            #expect(try await fixture.delete("/v1/subscriptions/billing").status == 204)
            #expect(try await fixture.post("/v1/subscriptions/billing/pause").status == 404)
        }
    }

    @Test func `order, fairness and priorities are set, told and taken away`() async throws {
        try await GatewayFixture.with { fixture async throws in
            fixture.broker.addTopic("orders")
            let created = try await fixture.put(
                "/v1/subscriptions/billing",
                """
                {"topic":"orders","ordering":{"on_dead_letter":"block"},
                 "fairness":{"by":"attribute:tenant","weights":{"gold":10}},"priority":"urgency"}
                """)
            #expect(created.status == 201, "\(created.json)")
            #expect(created.json["ordering"] == ["by": "key", "on_dead_letter": "block"])
            #expect(created.json["fairness"] == ["by": "attribute:tenant", "weights": ["gold": 10]])
            #expect(created.json["priority"] == "urgency")
            #expect(created.json["blocked"] == 0)
            let changed = try await fixture.put(
                "/v1/subscriptions/billing", #"{"ordering":{"by":"attribute:tenant"},"priority":null}"#)
            #expect(changed.json["ordering"] == ["by": "attribute:tenant", "on_dead_letter": "continue"])
            #expect(changed.json["fairness"]?["by"] == "attribute:tenant")
            #expect(changed.json["priority"] == .null)
        }
    }

    @Test(arguments: [
        (#"{"ordering":{"by":"tenant"}}"#, 400, "'ordering.by'"),
        (#"{"ordering":{"by":"attribute:No"}}"#, 400, "'ordering.by'"),
        (#"{"ordering":{"on_dead_letter":"stop"}}"#, 400, "'ordering.on_dead_letter'"),
        (#"{"ordering":"key"}"#, 400, "'ordering' must be a JSON object"),
        (#"{"fairness":{"weights":{"gold":1001}}}"#, 422, "'fairness.weights.gold'"),
        (#"{"fairness":{"weights":[1]}}"#, 400, "'fairness.weights'"),
        (#"{"fairness":{"wieghts":{}}}"#, 400, "'fairness.wieghts'"),
        (#"{"priority":"Urgency"}"#, 400, "'priority'"), (#"{"priority":9}"#, 400, "'priority'"),
    ])
    func `order that cannot be is refused with its place`(
        body: String, status: Int, place: String
    ) async throws {
        try await GatewayFixture.with { fixture async throws in
            fixture.broker.addTopic("orders")
            _ = try await fixture.put("/v1/subscriptions/s", #"{"topic":"orders"}"#)
            let reply = try await fixture.put("/v1/subscriptions/s", body)
            #expect(reply.status == status, "\(reply.json)")
            #expect(reply.json["detail"]?.string?.contains(place) == true, "\(reply.json)")
        }
    }

    @Test(arguments: [
        (#"{"topic":"other"}"#, 409), (#"{"kind":"cursor"}"#, 409), (#"{"start":"earliest"}"#, 409),
        (#"{"topic":"orders","kind":"shared","start":"latest"}"#, 200), (#"{"push":null}"#, 409),
        (#"{"retry":{"initial":"1h"}}"#, 422), (#"{"lease":"13h"}"#, 422), (#"{"pattern":"x"}"#, 400),
        (#"{"pattern":{"type":"x"}}"#, 400), (#"{"kind":"sharde"}"#, 400), (#"{"start":"soon"}"#, 400),
        (#"{"push":{"url":"http://x","conurrency":3}}"#, 400), (#"{"push":{}}"#, 400),
    ])
    func `what cannot change is refused`(body: String, status: Int) async throws {
        try await GatewayFixture.with { fixture async throws in
            fixture.broker.addTopic("orders")
            let first = #"{"topic":"orders","push":{"url":"https://example.org"}}"#
            #expect(try await fixture.put("/v1/subscriptions/s", first).status == 201)
            let reply = try await fixture.put("/v1/subscriptions/s", body)
            #expect(reply.status == status, "\(reply.json)")
        }
    }

    @Test func `a subscription needs a topic that exists`() async throws {
        try await GatewayFixture.with { fixture async throws in
            #expect(try await fixture.put("/v1/subscriptions/s", "{}").status == 400)
            #expect(try await fixture.put("/v1/subscriptions/s", #"{"topic":"x"}"#).status == 404)
        }
    }

    @Test(arguments: [
        ("\"earliest\"", StartPosition.earliest), ("\"latest\"", .latest), ("42", .offset(Offset(42))),
        ("\"42\"", .offset(Offset(42))),
        ("\"1h\"", .time(RecorderBroker.created.advanced(by: .seconds(-3600)))),
        ("\"1970-01-01T00:00:01Z\"", .time(Timestamp(milliseconds: 1000))),
    ])
    func `a replay goes to any position`(position: String, expected: StartPosition) async throws {
        try await GatewayFixture.with { fixture async throws in
            fixture.broker.addTopic("orders")
            _ = try await fixture.put("/v1/subscriptions/s", #"{"topic":"orders"}"#)
            let reply = try await fixture.post("/v1/subscriptions/s/replay", #"{"from":\#(position)}"#)
            #expect(reply.status == 200)
            #expect(fixture.broker.change { $0.replays } == [expected])
            #expect(try await fixture.post("/v1/subscriptions/s/replay", "{}").status == 400)
            let bounded = #"{"from":\#(position),"to":"latest"}"#
            #expect(try await fixture.post("/v1/subscriptions/s/replay", bounded).status == 200)
            #expect(fixture.broker.change { $0.replays } == [expected, expected, .latest])
        }
    }

    @Test func `what waits is retried, all of it, what is named, or what came since a time`() async throws {
        try await GatewayFixture.with { fixture async throws in
            fixture.broker.addTopic("orders")
            _ = try await fixture.put("/v1/subscriptions/s", #"{"topic":"orders"}"#)
            let all = try await fixture.post("/v1/subscriptions/s/retry", "{}")
            #expect(all.status == 200 && all.json["retried"] == 7 && all.json["probed"] == true)
            let two = #"{"events":["orders/0/4","orders/1/0"]}"#
            #expect(try await fixture.post("/v1/subscriptions/s/retry", two).json["retried"] == 2)
            #expect(
                try await fixture.post("/v1/subscriptions/s/retry", #"{"since":"1h"}"#).json["retried"] == 5)
            let both = #"{"events":["orders/0/4"],"since":"1h"}"#
            #expect(try await fixture.post("/v1/subscriptions/s/retry", both).status == 400)
            for wrong in [
                #"{"since":"soon"}"#, #"{"events":[]}"#, #"{"events":["orders"]}"#,
                #"{"events":["orders/-1/0"]}"#,
            ] {
                #expect(try await fixture.post("/v1/subscriptions/s/retry", wrong).status >= 400)
            }
            #expect(try await fixture.post("/v1/subscriptions/none/retry", "{}").status == 404)
        }
    }
}

@Suite struct RuleTests {
    @Test func `a rule is created, replaced, looked at and deleted`() async throws {
        try await GatewayFixture.with { fixture async throws in
            let body = """
                {"topic":"orders","pattern":{"data":{"total":[1290]}},
                 "targets":[{"topic":"vip"},{"webhook":{"url":"https://example.org/hook","concurrency":2}}]}
                """
            let created = try await fixture.put("/v1/rules/vip", body)
            #expect(created.status == 201)
            #expect(created.json["enabled"] == true)
            #expect(created.json["targets"]?.array?.count == 2)
            #expect(try await fixture.put("/v1/rules/vip", body).status == 200)
            #expect(try await fixture.get("/v1/rules/vip").json == created.json)
            #expect(try await fixture.get("/v1/rules").json["rules"]?.array?.count == 1)
            #expect(try await fixture.delete("/v1/rules/vip").status == 204)
            #expect(try await fixture.delete("/v1/rules/vip").status == 404)
        }
    }

    @Test(arguments: [
        (#"{"topic":"a","pattern":{}}"#, 400), (#"{"topic":"a","pattern":{},"targets":[]}"#, 422),
        (#"{"topic":"a","pattern":{},"targets":[{}]}"#, 400),
        (#"{"pattern":{},"targets":[{"topic":"b"}]}"#, 400),
        (#"{"topic":"a","pattern":{},"targets":[{"topic":"b","webhook":{"url":"http://x"}}]}"#, 400),
        (#"{"topic":"a","pattern":{"type":[]},"targets":[{"topic":"b"}]}"#, 400),
        (#"{"topic":"a","pattern":{},"targets":[{"topci":"b"}]}"#, 400),
    ])
    func `rules that make no sense are refused`(body: String, status: Int) async throws {
        try await GatewayFixture.with { fixture async throws in
            #expect(try await fixture.put("/v1/rules/r", body).status == status)
        }
    }

    @Test func `a pattern can be tried on an event`() async throws {
        try await GatewayFixture.with { fixture async throws in
            let body = """
                {"pattern":{"type":["a"],"data":{"n":[1]}},
                 "event":{"specversion":"1.0","id":"1","source":"/s","type":"a","data":{"n":2}}}
                """
            let reply = try await fixture.post("/v1/rules/test", body)
            #expect(reply.json["matched"] == false)
            let leaves = reply.json["leaves"]?.array ?? []
            #expect(Set(leaves.compactMap { $0["path"]?.string }) == ["type", "data.n"])
            #expect(leaves.first { $0["path"] == "data.n" }?["found"] == [2])
            let noEvent = try await fixture.post("/v1/rules/test", #"{"pattern":{},"event":{"id":"1"}}"#)
            #expect(noEvent.status == 400)
        }
    }
}

@Suite struct RuleTrialTests {
    @Test func `a trial shows matches with their destinations, and what is left`() async throws {
        try await GatewayFixture.with { fixture async throws in
            fixture.broker.addTopic("orders")
            fixture.broker.append(try event(), to: "orders")
            let body =
                #"{"topic":"orders","pattern":{"type":["a"]},"targets":[{"topic":"vip"}],"from":"1h","show":3}"#
            let reply = try await fixture.post("/v1/rules/try", body)
            #expect(reply.status == 200)
            #expect(reply.json["matched"] == 1 && reply.json["looked"] == 1)
            let shown = reply.json["events"]?.array?.first
            #expect(shown?["event"]?["id"] == "1")
            #expect(shown?["destinations"] == [["webhook": "https://example.org/"]])
            #expect(reply.json["rest"] == [["partition": 0, "next": 5, "end": 9]])
            let rest = #"{"topic":"orders","pattern":{},"rest":[{"partition":0,"next":5,"end":9}]}"#
            #expect(try await fixture.post("/v1/rules/try", rest).status == 200)
            let newest =
                #"{"topic":"orders","pattern":{},"newest":1000,"rest":[{"partition":0,"next":5,"end":9}]}"#
            #expect(try await fixture.post("/v1/rules/try", newest).status == 200)
            let last = fixture.broker.change { $0.trials.removeLast() }
            #expect(last.range.showsNewest)
            #expect(
                try await fixture.post(
                    "/v1/rules/try", #"{"topic":"orders","pattern":{},"newest":1000}"#
                ).status == 200)
            #expect(fixture.broker.change { $0.trials.removeLast() }.range == .newest(1000))
            let trials = fixture.broker.change { $0.trials }
            #expect(trials.map(\.limit) == [3, 10])
            #expect(
                trials.last?.range
                    == .rest([RuleTrial.Span(partition: 0, next: Offset(5), end: Offset(9))]))
            guard case .between(.time, .latest) = trials.first?.range else {
                Issue.record("the range is \(String(describing: trials.first?.range))")
                return
            }
        }
    }

    @Test(arguments: [
        #"{"pattern":{}}"#, #"{"topic":"orders","pattern":{},"rest":[]}"#,
        #"{"topic":"orders","pattern":{},"from":"soon"}"#, #"{"topic":"orders","pattern":{},"show":1001}"#,
        #"{"topic":"orders","pattern":{},"rest":[{"partition":0,"next":1,"end":2}],"from":"1h"}"#,
        #"{"topic":"orders","pattern":{},"rest":[{"partition":0,"next":1}]}"#,
        #"{"topic":"orders","pattern":{},"newest":0}"#, #"{"topic":"orders","pattern":{},"newest":1000001}"#,
        #"{"topic":"orders","pattern":{},"newest":9,"to":"1h"}"#,
    ])
    func `a trial that cannot be understood is refused`(_ body: String) async throws {
        try await GatewayFixture.with { fixture async throws in
            fixture.broker.addTopic("orders")
            let reply = try await fixture.post("/v1/rules/try", body)
            #expect(reply.status == 400 || reply.status == 422)
            #expect(fixture.broker.change { $0.trials }.isEmpty)
        }
    }
}

@Suite struct DeadLetterTests {
    @Test func `a dead letter is sent back edited, alone and named`() async throws {
        try await GatewayFixture.with { fixture async throws in
            let event = #""event":{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{"n":1}}"#
            let reply = try await fixture.post(
                "/v1/dead-letters/redrive", #"{"ids":["orders.dead-letter/0/0"],\#(event)}"#)
            #expect(reply.json == ["matched": 1, "redriven": 1])
            let edits = fixture.broker.change { $0.edits }
            #expect(edits.map(\.letter) == ["orders.dead-letter/0/0"] && edits.map(\.event.id) == ["1"])
            for body in [
                #"{\#(event)}"#, #"{"ids":["a","b"],\#(event)}"#, #"{"ids":["a"],"dry_run":true,\#(event)}"#,
            ] {
                #expect(try await fixture.post("/v1/dead-letters/redrive", body).status == 400)
            }
            #expect(
                try await fixture.post("/v1/dead-letters/discard", #"{"ids":["a"],\#(event)}"#).status == 400)
        }
    }

    @Test func `dead letters are selected by pattern and time`() async throws {
        try await GatewayFixture.with { fixture async throws in
            let query = "pattern=%7B%22type%22%3A%5B%22a%22%5D%7D&since=1h&until=2026-11-23T21:00:00Z"
            #expect(try await fixture.get("/v1/dead-letters?\(query)").status == 200)
            let body = #"{"pattern":{"type":["a"]},"since":"2026-11-23T20:00:00Z","dry_run":true}"#
            #expect(try await fixture.post("/v1/dead-letters/redrive", body).status == 200)
            let selections = fixture.broker.change { $0.selections }
            #expect(selections.allSatisfy { $0.pattern == (try? Pattern(parsing: #"{"type":["a"]}"#)) })
            #expect(selections.map(\.until) == [Timestamp(milliseconds: 1_795_467_600_000), nil])
            #expect(selections.last?.since == Timestamp(milliseconds: 1_795_464_000_000))
            let wrong = try await fixture.get("/v1/dead-letters?since=soon")
            #expect(wrong.status == 400)
            let cause = #"{"cause":"HTTP 503 after … ms","dry_run":true}"#
            #expect(try await fixture.post("/v1/dead-letters/redrive", cause).status == 200)
            let causes = try await fixture.get("/v1/dead-letters/causes?subscription=s&cause=shut")
            #expect(causes.status == 200 && causes.json["looked"] == 0 && causes.json["causes"] == [])
            let last = fixture.broker.change { $0.selections.suffix(2) }
            #expect(last.map(\.cause) == ["HTTP 503 after … ms", "shut"])
        }
    }

    @Test func `dead letters are listed, redriven and discarded`() async throws {
        try await GatewayFixture.with { fixture async throws in
            fixture.broker.addTopic("orders.dead-letter")
            fixture.broker.append(try event(), to: "orders.dead-letter")
            fixture.broker.change { state in
                guard let stored = state.events["orders.dead-letter"]?[0].first else { return }
                state.letters = [
                    DeadLetter(
                        id: "orders.dead-letter/0/0", subscription: "billing", reason: "no", attempts: 16,
                        status: 503,
                        first: RecorderBroker.created, last: RecorderBroker.created, origin: "orders/0/42",
                        stored: stored)
                ]
            }
            let list = try await fixture.get("/v1/dead-letters?topic=orders.dead-letter&subscription=billing")
            let letter = list.json["dead_letters"]?.array?.first
            #expect(letter?["origin"] == ["topic": "orders", "partition": 0, "offset": 42])
            #expect(letter?["status"] == 503)
            #expect(letter?["event"]?["id"] == "1")
            let redriven = try await fixture.post("/v1/dead-letters/redrive", #"{"subscription":"billing"}"#)
            #expect(redriven.json == ["matched": 1, "redriven": 1])
            let dry = try await fixture.post("/v1/dead-letters/discard", #"{"ids":["a"],"dry_run":true}"#)
            #expect(dry.json == ["matched": 1, "discarded": 0])
            let selections = fixture.broker.change { $0.selections }
            #expect(selections.map(\.subscription) == ["billing", "billing", nil])
            #expect(selections.last?.ids == ["a"])
        }
    }
}

@Suite struct OperationTests {
    @Test func `the server is ready until publishes would be refused`() async throws {
        try await GatewayFixture.with { fixture async throws in
            #expect(try await fixture.get("/health/live").status == 200)
            #expect(try await fixture.get("/health/ready").status == 200)
            fixture.broker.change { $0.unavailability = .diskFull }
            let reply = try await fixture.get("/health/ready")
            #expect(reply.status == 503)
            #expect(reply.json["detail"]?.string?.contains("disk is full") == true)
            #expect(try await fixture.get("/health/live").status == 200)
        }
    }

    @Test func `status, metrics and verification are told`() async throws {
        try await GatewayFixture.with {
            $0.metricsText = { _ in Array("apus_up 1\n".utf8) }
            $0.version = "1.2.3"
        } _: { fixture async throws in
            fixture.broker.addTopic("orders")
            let status = try await fixture.get("/v1/status")
            #expect(status.json["version"] == "1.2.3")
            #expect(status.json["topics"] == 1)
            #expect(status.json["ready"] == true)
            let metrics = try await fixture.get("/metrics")
            #expect(metrics.text == "apus_up 1\n")
            #expect(metrics.header("content-type")?.hasPrefix("text/plain; version=0.0.4") == true)
            #expect(try await fixture.post("/v1/verify").json["damage"] == ["orders/0 at offset 7"])
        }
    }

    @Test func `a diagnosis names what needs attention, the gravest first`() async throws {
        try await GatewayFixture.with { fixture async throws in
            fixture.broker.addTopic("orders")
            _ = try await fixture.put("/v1/subscriptions/slow", #"{"topic":"orders"}"#)
            _ = try await fixture.put("/v1/subscriptions/still", #"{"topic":"orders","paused":true}"#)
            #expect(try await fixture.get("/v1/diagnosis").json == ["healthy": true, "findings": []])
            fixture.broker.change { state in
                state.subscriptions["slow"]?.oldestUnsettled = RecorderBroker.created.advanced(
                    by: .seconds(-7200))
                state.subscriptions["still"]?.backlog = 3
                state.store.quarantined = 1
            }
            let reply = try await fixture.get("/v1/diagnosis")
            #expect(reply.json["healthy"] == false)
            let subjects = reply.json["findings"]?.array?.compactMap { $0["subject"]?.string }
            #expect(subjects == ["disk", "subscription slow", "subscription still"])
        }
    }
}
