// SPDX-License-Identifier: Apache-2.0

import ApusModel
import JSONText
import Testing

@testable import ApusEngine

@Suite struct ReadTests {
    @Test func `events are read from a position on`() async throws {
        try await GatewayFixture.with { fixture async throws in
            fixture.broker.addTopic("orders")
            for number in 0..<5 { fixture.broker.append(try event("\(number)"), to: "orders") }
            let reply = try await fixture.get("/v1/topics/orders/events?from=1&limit=2")
            #expect(reply.json["events"]?.array?.compactMap { $0["event"]?["id"]?.string } == ["1", "2"])
            #expect(reply.json["next"] == 3)
            #expect(reply.json["end"] == 5)
            #expect(reply.header("apus-next-offset") == "3")
            #expect(reply.header("apus-end-offset") == "5")
        }
    }

    @Test func `a pattern selects, and a batch is given to who wants one`() async throws {
        try await GatewayFixture.with { fixture async throws in
            fixture.broker.addTopic("orders")
            fixture.broker.append(try event("1", type: "a"), to: "orders")
            fixture.broker.append(try event("2", type: "b"), to: "orders")
            let reply = try await fixture.get(
                "/v1/topics/orders/events?pattern=%7B%22type%22:%5B%22b%22%5D%7D",
                headers: [("accept", "application/cloudevents-batch+json")])
            #expect(reply.header("content-type") == "application/cloudevents-batch+json")
            #expect(reply.json.array?.compactMap { $0["id"]?.string } == ["2"])
            let other = try await fixture.get("/v1/topics/orders/events", headers: [("accept", "text/html")])
            #expect(other.status == 406)
            #expect(try await fixture.get("/v1/topics/orders/events?pattern=x").status == 400)
        }
    }

    @Test func `a read that waits is answered by the event that comes`() async throws {
        try await GatewayFixture.with { fixture async throws in
            fixture.broker.addTopic("orders")
            async let reply = fixture.get("/v1/topics/orders/events?wait=30s")
            while fixture.broker.change({ $0.waits }) == 0 { await Task.yield() }
            fixture.broker.append(try event("late"), to: "orders")
            let answered = try await reply
            #expect(answered.json["events"]?.array?.count == 1)
        }
    }

    @Test(arguments: [
        ("from=0", 404, "trimmed"), ("from=9", 422, "invalid"), ("partition=3", 404, "not-found"),
        ("wait=31s", 422, "invalid"), ("wait=1", 400, "malformed"), ("from=yesterday", 400, "malformed"),
    ])
    func `what cannot be read is told with the reason`(query: String, status: Int, type: String) async throws
    {
        try await GatewayFixture.with { fixture async throws in
            fixture.broker.addTopic("orders")
            for number in 0..<3 { fixture.broker.append(try event("\(number)"), to: "orders") }
            fixture.broker.change { $0.trimmedBefore = 2 }
            let reply = try await fixture.get("/v1/topics/orders/events?\(query)")
            #expect(reply.status == status)
            #expect(reply.type == type)
            if type == "trimmed" { #expect(reply.json["start"] == 2) }
        }
    }

    @Test func `damage is told with the place to go on`() async throws {
        try await GatewayFixture.with { fixture async throws in
            fixture.broker.addTopic("orders")
            fixture.broker.fail(with: .corrupt(offset: Offset(3), next: Offset(8), reason: "checksum"))
            let reply = try await fixture.get("/v1/topics/orders/events")
            #expect(reply.status == 500)
            #expect(reply.type == "corrupt")
            #expect(reply.json["next"] == 8)
        }
    }
}

@Suite struct ReceiveTests {
    private func withSubscription(
        kind: String = "shared", _ test: (GatewayFixture) async throws -> Void
    ) async throws {
        try await GatewayFixture.with { fixture async throws in
            fixture.broker.addTopic("orders")
            fixture.broker.append(try event("1", data: "{\n\"n\": 1\n}"), to: "orders")
            _ = try await fixture.put("/v1/subscriptions/s", #"{"topic":"orders","kind":"\#(kind)"}"#)
            try await test(fixture)
        }
    }

    @Test func `events are leased and settled`() async throws {
        try await withSubscription { fixture async throws in
            let reply = try await fixture.post(
                "/v1/subscriptions/s/receive", #"{"max":1,"wait":"1s","lease":"1m"}"#)
            let delivery = try #require(reply.json["deliveries"]?.array?.first)
            #expect(delivery["attempt"] == 1)
            #expect(delivery["max_attempts"] == 16)
            #expect(delivery["event"]?["data"] == ["n": 1])
            let lease = try #require(delivery["lease"]?.string)
            let acked = try await fixture.post(
                "/v1/subscriptions/s/ack", #"{"leases":["\#(lease)","other"]}"#)
            let results: JSONValue = [
                ["lease": .string(lease), "status": "ok"], ["lease": "other", "status": "expired"],
            ]
            #expect(acked.json == ["results": results])
        }
    }

    @Test(arguments: [
        ("ack", "{}", Verdict.acknowledge),
        ("release", "{}", .release(delay: .zero, counted: true)),
        ("release", #"{"delay":"5s","counted":false}"#, .release(delay: .seconds(5), counted: false)),
        ("reject", "{}", .reject(reason: "rejected by the consumer")),
        ("reject", #"{"reason":"bad"}"#, .reject(reason: "bad")),
        ("extend", #"{"lease":"60s"}"#, .extend(.seconds(60))),
    ])
    func `each verdict says what it means`(verb: String, members: String, verdict: Verdict) async throws {
        try await withSubscription { fixture async throws in
            let separator = members == "{}" ? "" : ","
            let body = #"{"leases":["x"]\#(separator)"# + members.dropFirst()
            let reply = try await fixture.post("/v1/subscriptions/s/\(verb)", body)
            #expect(reply.status == 200, "\(reply.json)")
            #expect(fixture.broker.change { $0.verdicts } == [verdict])
        }
    }

    @Test(arguments: [
        ("ack", "{}", 400), ("ack", #"{"leases":[]}"#, 422), ("ack", #"{"leases":[1]}"#, 400),
        ("ack", #"{"lease":["x"]}"#, 400), ("extend", #"{"leases":["x"]}"#, 400),
        ("release", #"{"leases":["x"],"delay":"-1s"}"#, 400), ("receive", #"{"max":0}"#, 422),
        ("receive", #"{"wait":"31s"}"#, 422), ("commit", #"{"partition":0}"#, 400),
        ("commit", #"{"partition":0,"offset":1}"#, 422),
    ])
    func `requests that make no sense are refused`(verb: String, body: String, status: Int) async throws {
        try await withSubscription { fixture async throws in
            #expect(try await fixture.post("/v1/subscriptions/s/\(verb)", body).status == status)
            #expect(try await fixture.post("/v1/subscriptions/none/\(verb)", "[]").status == 400)
        }
    }

    @Test func `a cursor is read and committed`() async throws {
        try await withSubscription(kind: "cursor") { fixture async throws in
            let first = try await fixture.get("/v1/subscriptions/s/events?limit=10")
            #expect(first.json["events"]?.array?.count == 1)
            let commit = try await fixture.post("/v1/subscriptions/s/commit", #"{"partition":0,"offset":1}"#)
            #expect(commit.status == 204)
            #expect(try await fixture.get("/v1/subscriptions/s/events").json["events"] == [])
            #expect(try await fixture.get("/v1/subscriptions/s/events?partition=7").status == 404)
        }
    }
}
