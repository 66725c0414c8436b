// SPDX-License-Identifier: Apache-2.0

import ApusModel
import ApusStorage
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
            #expect(try await fixture.delete("/v1/subscriptions/billing").status == 204)
            #expect(try await fixture.post("/v1/subscriptions/billing/pause").status == 404)
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

@Suite struct DeadLetterTests {
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
            $0.metricsText = { Array("apus_up 1\n".utf8) }
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
