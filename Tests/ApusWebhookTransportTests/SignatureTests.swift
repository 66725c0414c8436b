// SPDX-License-Identifier: Apache-2.0

import ApusModel
import ApusTransport
import CloudEvents
import NIOHTTP1
import NIOPosix
import Testing

@testable import ApusWebhookTransport

private let key = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo0NTY3ODk="

private func delivery(
    id: String = "7", source: String = "/shop", attempt: Int = 1, offset: Int64 = 42
) throws -> Delivery {
    Delivery(
        subscription: try ResourceName("billing"), topic: try ResourceName("orders"), partition: 2,
        offset: Offset(offset), attempt: attempt, attemptsMax: 16,
        event: try CloudEvent(
            id: id, source: source, type: "order.placed", dataContentType: "application/json",
            data: CloudEventData(text: #"{"n":1}"#)))
}

private func request(
    _ deliveries: [Delivery], now: Int64 = 1_700_000_000_123,
    _ change: (inout PushSettings) -> Void = { _ in }
) throws -> WebhookRequest {
    var settings = PushSettings(url: "http://example.org:8080/hook?a=b")
    change(&settings)
    var configuration = WebhookConfiguration()
    configuration.origin = "bus.example.org"
    return WebhookRequest.make(
        deliveries, settings, try WebhookURL(settings.url), configuration, now: now)
}

@Suite struct SignatureTests {
    @Test func `a signature is the HMAC of id, time and body`() throws {
        // Computed with another implementation.
        let signature = WebhookSignature.value(
            id: "msg_1", timestamp: 1_700_000_000, body: Array(#"{"n":1}"#.utf8),
            secrets: [try WebhookSecret("whsec_" + key)])
        #expect(signature == "v1,6+zYTo6O5EvxfVEMF5MLgXMejqtjZ5Db3D+Qsd+YAps=")
    }

    @Test func `while secrets change there is a signature for each`() throws {
        let old = try WebhookSecret("whsec_" + key)
        let new = try WebhookSecret("whsec_" + String(key.reversed().drop { $0 == "=" }) + "=")
        let both = WebhookSignature.value(id: "m", timestamp: 1, body: [], secrets: [new, old])
        #expect(
            both.split(separator: " ").map(String.init) == [
                WebhookSignature.value(id: "m", timestamp: 1, body: [], secrets: [new]),
                WebhookSignature.value(id: "m", timestamp: 1, body: [], secrets: [old]),
            ])
    }

    @Test func `the key of an event is the same at every attempt and place, and differs between events`()
        throws
    {
        let first = try request([delivery()]).head.headers
        let again = try request([delivery(attempt: 3, offset: 99)], now: 1_800_000_000_000).head.headers
        let other = try request([delivery(id: "8")]).head.headers
        // Source and id are not run together.
        let moved = try request([delivery(id: "p7", source: "/sho")]).head.headers
        let keys = [first, again, other, moved].map { $0["idempotency-key"] }
        #expect(keys[0] == keys[1])
        #expect(Set(keys).count == 3)
        #expect(first["webhook-id"] == first["idempotency-key"])
        #expect(first["apus-attempt"] == ["1"] && again["apus-attempt"] == ["3"])
        #expect(first["apus-attempt-time"] != again["apus-attempt-time"])
        #expect(first["webhook-timestamp"] == ["1700000000"])
    }

    @Test func `an unsigned request has no signature`() throws {
        #expect(try request([delivery()]).head.headers["webhook-signature"].isEmpty)
    }
}

@Suite struct RequestTests {
    @Test func `a batch is one array, with each event's place and attempt in a list`() throws {
        let request = try request([delivery(), delivery(id: "8", attempt: 4, offset: 43)]) {
            $0.mode = .batch
        }
        #expect(request.head.headers["content-type"] == ["application/cloudevents-batch+json"])
        #expect(request.head.headers.first(name: "apus-attempt") == "1, 4")
        #expect(request.head.headers.first(name: "apus-origin") == "orders/2/42, orders/2/43")
        #expect(try CloudEventJSONFormat.decodeBatch(request.body).map(\.id) == ["7", "8"])
        #expect(request.head.headers["content-length"] == [String(request.body.count)])
    }

    @Test func `headers of the subscription's own are added`() throws {
        let header = try WebhookHeader(name: "X-Tenant", value: "a b")
        let request = try request([delivery()]) { $0.headers = [header] }
        #expect(request.head.headers["x-tenant"] == ["a b"])
        #expect(request.head.headers["host"] == ["example.org:8080"])
        #expect(request.head.uri == "/hook?a=b")
    }

    @Test(arguments: [
        ("http://example.org/", "example.org"), ("https://example.org:443/", "example.org"),
        ("https://example.org:80/", "example.org:80"), ("http://[2606:4700::1]:8080/", "[2606:4700::1]:8080"),
    ])
    func `the host is named as it has to be`(url: String, host: String) throws {
        #expect(try WebhookURL(url).authority == host)
    }
}

@Suite struct ConsentAnswerTests {
    @Test(arguments: [
        (200, ["webhook-allowed-origin": "bus.example.org"], Permission.granted(ratePerSecond: nil)),
        (204, ["webhook-allowed-origin": "*"], .granted(ratePerSecond: nil)),
        (
            200, ["webhook-allowed-origin": "BUS.example.org", "webhook-allowed-rate": "*"],
            .granted(ratePerSecond: nil)
        ),
        (200, ["webhook-allowed-origin": "*", "webhook-allowed-rate": "120"], .granted(ratePerSecond: 2)),
    ])
    func `a receiver that names the sender consents`(
        status: Int, headers: [String: String], permission: Permission
    ) {
        #expect(
            WebhookConsent.of(
                status: status, HTTPHeaders(headers.map { ($0, $1) }), origin: "bus.example.org")
                == permission)
    }

    @Test(arguments: [
        (200, [:]), (204, ["allow": "OPTIONS"]), (403, ["webhook-allowed-origin": "*"]), (500, [:]),
        (302, ["webhook-allowed-origin": "*"]), (200, ["webhook-allowed-origin": "other.example.org"]),
        (200, ["webhook-allowed-origin": "*", "webhook-allowed-rate": "0"]),
        (200, ["webhook-allowed-origin": "*", "webhook-allowed-rate": "lots"]),
    ])
    func `everything else is none`(status: Int, headers: [String: String]) {
        let permission = WebhookConsent.of(
            status: status, HTTPHeaders(headers.map { ($0, $1) }), origin: "bus.example.org")
        guard case .withheld(let reason) = permission else {
            Issue.record("\(permission)")
            return
        }
        #expect(!reason.isEmpty)
    }
}
