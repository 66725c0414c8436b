// SPDX-License-Identifier: Apache-2.0

// Time over HTTP: publishing later and with a time-to-live, what waits, and recurring schedules.

import ApusModel
import CloudEvents
import JSONText
import Testing

@testable import ApusEngine
@testable import ApusHTTPGateway

@Suite struct ScheduleRouteTests {
    private let now = RecorderBroker.created
    private let one = #"{"specversion":"1.0","id":"a","source":"/s","type":"t"}"#

    @Test(arguments: [
        ("delay=0s", Duration.zero), ("delay=10m", .seconds(600)), ("delay=365d", .seconds(365 * 86_400)),
        ("delay=8760h", .seconds(365 * 86_400)),
    ])
    func `a publish with a delay is accepted and waits that long`(
        query: String, delay: Duration
    ) async throws {
        try await GatewayFixture.with { fixture async throws in
            fixture.broker.addTopic("orders")
            let reply = try await fixture.post("/v1/topics/orders/events?key=k&\(query)", #"{"n":1}"#)
            #expect(reply.status == 202, "\(reply.json)")
            let due = now.advanced(by: delay)
            #expect(reply.json == ["id": "1-0", "due": .string(TimeText.text(due))])
            let waiting = fixture.broker.change { $0.delayed }
            #expect(waiting.map(\.due) == [due])
            #expect(waiting.map(\.key) == ["k"])
            let stored = fixture.broker.change { $0.events["orders"]?[0] ?? [] }
            #expect(stored.isEmpty)
        }
    }

    @Test(arguments: [
        ("delay=366d", 422, "'delay' must be at most"), ("delay=31536001s", 422, "'delay' must be at most"),
        ("delay=soon", 400, "'delay'"), ("delay=-1s", 400, "'delay'"), ("delay=", 400, "'delay'"),
        ("at=tomorrow", 400, "'at' must be a time"), ("at=", 400, "'at' must be a time"),
        ("at=2026-13-01T00:00:00Z", 400, "'at' must be a time"),
        ("delay=1s&at=2027-01-01T00:00:00Z", 400, "cannot both be given"), ("ttl=never", 400, "'ttl'"),
    ])
    func `a time that cannot be is refused with its parameter`(
        query: String, status: Int, reason: String
    ) async throws {
        try await GatewayFixture.with { fixture async throws in
            fixture.broker.addTopic("orders")
            let reply = try await fixture.post("/v1/topics/orders/events?\(query)", "{}")
            #expect(reply.status == status, "\(reply.json)")
            #expect(reply.json["detail"]?.string?.contains(reason) == true, "\(reply.json)")
            #expect(fixture.broker.change { $0.delayed }.isEmpty)
        }
    }

    @Test func `a publish at a time waits until then, a batch as a whole`() async throws {
        try await GatewayFixture.with { fixture async throws in
            fixture.broker.addTopic("orders")
            let reply = try await fixture.send(
                "POST", "/v1/topics/orders/events?at=2027-01-01T00:00:00Z", body: "[\(one),\(one)]",
                headers: [("content-type", "application/cloudevents-batch+json")])
            #expect(reply.status == 202, "\(reply.json)")
            #expect(
                reply.json["receipts"] == [
                    ["id": "1-0", "due": "2027-01-01T00:00:00.000Z"],
                    ["id": "1-1", "due": "2027-01-01T00:00:00.000Z"],
                ])
            let missing = try await fixture.post("/v1/topics/other/events?delay=1s", "{}")
            #expect(missing.status == 404)
        }
    }

    @Test func `a time-to-live becomes the expiry time of events that have none`() async throws {
        try await GatewayFixture.with { fixture async throws in
            fixture.broker.addTopic("orders")
            let expiry = #""expirytime":"2030-01-01T00:00:00Z""#
            let own = #"{"specversion":"1.0","id":"b","source":"/s","type":"t",\#(expiry)}"#
            let reply = try await fixture.send(
                "POST", "/v1/topics/orders/events?ttl=1h", body: "[\(one),\(own)]",
                headers: [("content-type", "application/cloudevents-batch+json")])
            #expect(reply.status == 200, "\(reply.json)")
            let later = try await fixture.send(
                "POST", "/v1/topics/orders/events?ttl=1h&delay=2h", body: one,
                headers: [("content-type", "application/cloudevents+json")])
            #expect(later.status == 202)
            let events = fixture.broker.change { ($0.events["orders"]?[0] ?? []).map(\.event) }
            let hour = now.advanced(by: .seconds(3600)).rawValue
            #expect(
                events.map { $0.extensions[.expiryTime]?.description } == [
                    CloudEventTimestamp(millisecondsSinceEpoch: hour).description, "2030-01-01T00:00:00Z",
                ])
            let waiting = fixture.broker.change { $0.delayed }
            let third = now.advanced(by: .seconds(3 * 3600)).rawValue
            #expect(
                waiting.first?.event.extensions[.expiryTime]?.description
                    == CloudEventTimestamp(millisecondsSinceEpoch: third).description)
        }
    }

    @Test func `what waits is listed by its time, shown and cancelled`() async throws {
        try await GatewayFixture.with { fixture async throws in
            fixture.broker.addTopic("orders")
            fixture.broker.addTopic("mails")
            for (topic, delay) in [("orders", "3h"), ("mails", "1h"), ("orders", "2h")] {
                _ = try await fixture.post("/v1/topics/\(topic)/events?delay=\(delay)", #"{"n":1}"#)
            }
            let first = try await fixture.get("/v1/delayed?limit=2")
            #expect(first.json["delayed"]?.array?.map { $0["id"] } == ["1-1", "1-2"])
            let next = try #require(first.json["next"]?.string)
            let after = next.replacing("/", with: "%2F")
            let second = try await fixture.get("/v1/delayed?limit=2&after=\(after)")
            #expect(second.json["delayed"]?.array?.map { $0["id"] } == ["1-0"])
            let mails = try await fixture.get("/v1/delayed?topic=mails")
            #expect(mails.json["delayed"]?.array?.map { $0["topic"] } == ["mails"])
            let shown = try await fixture.get("/v1/delayed/1-2")
            #expect(shown.json["event"]?["data"] == ["n": 1])
            #expect(shown.json["due"] == .string(TimeText.text(now.advanced(by: .seconds(7200)))))
            #expect(try await fixture.delete("/v1/delayed/1-2").status == 204)
            #expect(try await fixture.delete("/v1/delayed/1-2").status == 404)
            #expect(try await fixture.get("/v1/delayed/1-2").status == 404)
        }
    }

    @Test func `a schedule is made, replaced, listed and deleted`() async throws {
        try await GatewayFixture.with { fixture async throws in
            fixture.broker.addTopic("reports")
            let created = try await fixture.put(
                "/v1/schedules/daily",
                """
                {"topic":"reports","schedule":"0 9 * * mon-fri","time_zone":"Europe/Berlin",
                 "event":{"data":{"kind":"daily"}},"key":"k","start":"2027-01-01T00:00:00Z","catch_up":10000}
                """)
            #expect(created.status == 201, "\(created.json)")
            #expect(created.json["event"]?["source"] == "/v1/schedules/daily")
            #expect(created.json["event"]?["type"] == "apus.schedule")
            #expect(created.json["event"]?["data"] == ["kind": "daily"])
            #expect(created.json["catch_up"] == 10_000)
            #expect(created.json["next"] == "2027-01-01T00:00:00.000Z")
            let replaced = try await fixture.put(
                "/v1/schedules/daily",
                #"{"topic":"reports","schedule":"@daily","event":{"type":"t"},"enabled":false,"catch_up":"skip"}"#
            )
            #expect(replaced.status == 200, "\(replaced.json)")
            #expect(replaced.json["time_zone"] == "UTC")
            #expect(replaced.json["enabled"] == false)
            #expect(replaced.json["catch_up"] == "skip")
            #expect(try await fixture.get("/v1/schedules/daily").json == replaced.json)
            let listed = try await fixture.get("/v1/schedules?topic=reports")
            #expect(listed.json["schedules"] == [replaced.json])
            #expect(try await fixture.get("/v1/schedules?topic=other").json["schedules"] == [])
            #expect(try await fixture.delete("/v1/schedules/daily").status == 204)
            #expect(try await fixture.delete("/v1/schedules/daily").status == 404)
            #expect(try await fixture.get("/v1/schedules/daily").status == 404)
        }
    }

    @Test(arguments: [
        (#"{"schedule":"@daily","event":{}}"#, 400, "'topic'"),
        (#"{"topic":"reports","event":{}}"#, 400, "'schedule'"),
        (#"{"topic":"reports","schedule":"@daily"}"#, 400, "'event'"),
        (#"{"topic":"reports","schedule":"@daily","event":{"type":""}}"#, 400, "'event'"),
        (#"{"topic":"reports","schedule":"@daily","event":{},"catch_up":10001}"#, 422, "'catch_up'"),
        (#"{"topic":"reports","schedule":"@daily","event":{},"catch_up":0}"#, 422, "'catch_up'"),
        (#"{"topic":"reports","schedule":"@daily","event":{},"catch_up":"all"}"#, 400, "'catch_up'"),
        (#"{"topic":"reports","schedule":"@daily","event":{},"start":"soon"}"#, 400, "'start'"),
        (#"{"topic":"reports","schedule":"@daily","event":{},"zone":"UTC"}"#, 400, "'zone'"),
        (#"{"topic":"other","schedule":"@daily","event":{}}"#, 404, "'other'"),
    ])
    func `a schedule that cannot be is refused with its place`(
        body: String, status: Int, place: String
    ) async throws {
        try await GatewayFixture.with { fixture async throws in
            fixture.broker.addTopic("reports")
            let reply = try await fixture.put("/v1/schedules/daily", body)
            #expect(reply.status == status, "\(reply.json)")
            #expect(reply.json["detail"]?.string?.contains(place) == true, "\(reply.json)")
        }
    }
}
