// SPDX-License-Identifier: Apache-2.0

import ApusModel
import CloudEvents
import JSONText
import Testing

@testable import ApusEngine
@testable import ApusHTTPGateway

@Suite struct PublishTests {
    private let binary = [
        ("ce-specversion", "1.0"), ("ce-id", "7"), ("ce-source", "/shop"), ("ce-type", "order.placed"),
        ("content-type", "application/json"),
    ]

    @Test func `an event in binary mode gets a receipt`() async throws {
        try await GatewayFixture.with { fixture async throws in
            fixture.broker.addTopic("orders")
            let reply = try await fixture.send(
                "POST", "/v1/topics/orders/events?key=k%201", body: #"{"total":3}"#, headers: binary)
            #expect(reply.status == 200)
            #expect(reply.json == ["topic": "orders", "partition": 0, "offset": 0])
            let stored = fixture.broker.change { $0.events["orders"]?[0] ?? [] }
            #expect(stored.map(\.event.id) == ["7"])
            #expect(stored.map(\.key) == ["k 1"])
            #expect(stored.first?.event.data?.text == #"{"total":3}"#)
        }
    }

    @Test func `structured and batched events are read by their content type`() async throws {
        try await GatewayFixture.with { fixture async throws in
            fixture.broker.addTopic("orders")
            let one = #"{"specversion":"1.0","id":"a","source":"/s","type":"t","data":{"n":1}}"#
            let structured = try await fixture.send(
                "POST", "/v1/topics/orders/events", body: one,
                headers: [("content-type", "application/cloudevents+json; charset=utf-8")])
            #expect(structured.json["offset"] == 0)
            let batch = try await fixture.send(
                "POST", "/v1/topics/orders/events", body: "[\(one),\(one)]",
                headers: [("content-type", "application/cloudevents-batch+json")])
            #expect(batch.json["receipts"]?.array?.count == 2)
            let empty = try await fixture.send(
                "POST", "/v1/topics/orders/events", body: "[]",
                headers: [("content-type", "application/cloudevents-batch+json")])
            #expect(empty.json["receipts"] == [])
        }
    }

    @Test func `a body without attributes becomes an event of its own type`() async throws {
        try await GatewayFixture.with { fixture async throws in
            fixture.broker.addTopic("orders")
            let reply = try await fixture.post("/v1/topics/orders/events", #"{"id":1}"#)
            #expect(reply.status == 200)
            let stored = fixture.broker.change { $0.events["orders"]?[0].first?.event }
            #expect(stored?.type == "apus.http.message")
            #expect(stored?.source == "/v1/topics/orders")
            #expect(stored?.id.utf8.count == 32)
            #expect(stored?.dataContentType == "application/json")
        }
    }

    @Test func `a large structured event takes the detour and arrives`() async throws {
        try await GatewayFixture.with { fixture async throws in
            fixture.broker.addTopic("orders")
            let data = String(repeating: "x", count: 200_000)
            let reply = try await fixture.send(
                "POST", "/v1/topics/orders/events",
                body: #"{"specversion":"1.0","id":"a","source":"/s","type":"t","data":"\#(data)"}"#,
                headers: [("content-type", "application/cloudevents+json")])
            #expect(reply.status == 200)
        }
    }

    @Test(arguments: [("gzip", 415), ("br, gzip", 415), ("identity", 200), ("", 200)])
    func `a body that is compressed is not stored under the name of what it was`(
        coding: String, status: Int
    ) async throws {
        try await GatewayFixture.with { fixture async throws in
            fixture.broker.addTopic("orders")
            let headers = binary + [("content-encoding", coding)]
            let event = try await fixture.send(
                "POST", "/v1/topics/orders/events", body: "{}", headers: headers)
            #expect(event.status == status)
            let settings = try await fixture.send(
                "PUT", "/v1/topics/orders", body: "{}", headers: Array(headers.suffix(2)))
            #expect(settings.status == status)
        }
    }

    @Test func `an event without a trace gets that of its request, if that is valid`() async throws {
        let (own, request) = (
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        )
        try await GatewayFixture.with { fixture async throws in
            fixture.broker.addTopic("orders")
            for headers in [
                [("traceparent", request), ("tracestate", "a=1"), ("tracestate", "b=2")],
                [("traceparent", request), ("ce-traceparent", own)], [("traceparent", "00-zz-zz-01")],
            ] {
                let reply = try await fixture.send(
                    "POST", "/v1/topics/orders/events", body: "{}", headers: binary + headers)
                #expect(reply.status == 200)
            }
            let one = #"{"specversion":"1.0","id":"a","source":"/s","type":"t"}"#
            let batch = try await fixture.send(
                "POST", "/v1/topics/orders/events", body: "[\(one)]",
                headers: [("content-type", "application/cloudevents-batch+json"), ("traceparent", request)])
            #expect(batch.status == 200)
            let events = fixture.broker.change { ($0.events["orders"]?[0] ?? []).map(\.event) }
            #expect(events.map { $0.extensions[.traceParent] } == [request, own, nil, request])
            #expect(events.map { $0.extensions[.traceState] } == ["a=1,b=2", nil, nil, nil])
        }
    }

    @Test func `what is no event is refused with the attribute's name`() async throws {
        try await GatewayFixture.with { fixture async throws in
            fixture.broker.addTopic("orders")
            let missing = try await fixture.send(
                "POST", "/v1/topics/orders/events", body: "{}", headers: Array(binary.dropFirst(2)))
            #expect(missing.status == 400)
            #expect(missing.json["detail"]?.string?.contains("is required") == true)
            let name = try await fixture.send("POST", "/v1/topics/a,b/events", body: "{}", headers: binary)
            #expect(name.status == 400)
            let query = try await fixture.send(
                "POST", "/v1/topics/orders/events?kei=1", body: "{}", headers: binary)
            #expect(query.status == 400)
            #expect(query.json["detail"]?.string?.contains("did you mean 'key'") == true)
        }
    }

    @Test func `form data is refused with a hint, plain text only from web pages`() async throws {
        try await GatewayFixture.with { fixture async throws in
            fixture.broker.addTopic("orders")
            let form = try await fixture.send(
                "POST", "/v1/topics/orders/events", body: "a=1",
                headers: [("content-type", "application/x-www-form-urlencoded")])
            #expect(form.status == 415)
            #expect(form.json["hint"]?.string?.contains("-H 'content-type: application/json'") == true)
            let text = try await fixture.send(
                "POST", "/v1/topics/orders/events", body: "hello", headers: [("content-type", "text/plain")])
            #expect(text.status == 200)
            let page = try await fixture.send(
                "POST", "/v1/topics/orders/events", body: "hello",
                headers: [("content-type", "text/plain"), ("origin", fixture.base)])
            #expect(page.status == 415)
        }
    }

    @Test func `limits on events and batches are answered with 413`() async throws {
        try await GatewayFixture.with { configuration in
            configuration.eventBytesMax = 100
            configuration.batchEventsMax = 2
        } _: { fixture async throws in
            fixture.broker.addTopic("orders")
            let large = try await fixture.send(
                "POST", "/v1/topics/orders/events", body: String(repeating: "x", count: 101), headers: binary)
            #expect(large.status == 413)
            let one = #"{"specversion":"1.0","id":"a","source":"/s","type":"t"}"#
            let many = try await fixture.send(
                "POST", "/v1/topics/orders/events", body: "[\(one),\(one),\(one)]",
                headers: [("content-type", "application/cloudevents-batch+json")])
            #expect(many.status == 413)
        }
    }

    @Test(arguments: [
        (BrokerError.unknownTopic("orders"), 404), (.unavailable(.diskFull), 503),
        (.unavailable(.overloaded), 503),
        (.tooLarge(bytes: 5, limit: 4), 413), (.storage("gone"), 500), (.conflict("no"), 409),
        (.invalid("no"), 422),
    ])
    func `the broker's errors become this protocol's`(error: BrokerError, status: Int) async throws {
        try await GatewayFixture.with { fixture async throws in
            fixture.broker.addTopic("orders")
            fixture.broker.fail(with: error)
            let reply = try await fixture.send(
                "POST", "/v1/topics/orders/events", body: "{}", headers: binary)
            #expect(reply.status == status)
        }
    }

    @Test func `a batch that is stored in part says which part`() async throws {
        try await GatewayFixture.with { fixture async throws in
            fixture.broker.addTopic("orders")
            let receipt = PublishReceipt(topic: "orders", partition: 1, offset: Offset(4))
            fixture.broker.fail(
                with: .partial([.success(receipt), .failure(BrokerError.PartialFailure(reason: "disk full"))])
            )
            let reply = try await fixture.send(
                "POST", "/v1/topics/orders/events", body: "{}", headers: binary)
            #expect(reply.status == 503)
            #expect(reply.type == "partial")
            let receipts: JSONValue = [
                ["topic": "orders", "partition": 1, "offset": 4], ["error": "disk full"],
            ]
            #expect(reply.json["receipts"] == receipts)
        }
    }
}
