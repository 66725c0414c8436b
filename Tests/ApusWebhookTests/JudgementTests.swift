// SPDX-License-Identifier: Apache-2.0

// Who is believed, and what requests are.

import CloudEvents
import Crypto
import JSONText
import Testing

@testable import ApusWebhook

struct StandardWebhookTests {
    private let endpoint: WebhookEndpoint

    init() throws {
        endpoint = WebhookEndpoint(
            from: try .standardWebhooks(secrets: [Requests.secret, Requests.newSecret]), bodyBytesMax: 4_000,
            eventsMax: 3)
    }

    private func judge(_ request: WebhookRequest) -> WebhookJudgement {
        endpoint.judge(request, now: Requests.now)
    }

    @Test func `what is signed with a known secret is delivered`() throws {
        for secrets in [[Requests.secret], [Requests.newSecret], [Requests.secret, Requests.newSecret]] {
            let request = try Requests.signed([Requests.event()], with: secrets)
            #expect(Requests.ids(judge(request)) == ["1"])
        }
    }

    @Test func `a signature by somebody else, of another version or none at all is refused`() throws {
        let other = "whsec_" + Base64.encoded([UInt8](repeating: 7, count: 32))
        var request = try Requests.signed([Requests.event()], with: [other])
        #expect(Requests.status(judge(request)) == 401)
        request = try Requests.signed([Requests.event()])
        request.headers = request.headers.map {
            $0.name == "webhook-signature" ? ($0.name, $0.value.replacing("v1,", with: "v2,")) : $0
        }
        #expect(Requests.status(judge(request)) == 401)
        request.headers.removeAll { $0.name == "webhook-signature" }
        #expect(Requests.status(judge(request)) == 401)
    }

    @Test func `each byte of the body, the id and the time are covered`() throws {
        let request = try Requests.signed([Requests.event()])
        for index in request.body.indices {
            var tampered = request
            tampered.body[index] ^= 1
            #expect(Requests.status(judge(tampered)) == 401)
        }
        for (name, value) in [("webhook-id", "evt_2"), ("webhook-timestamp", "\(Requests.now + 1)")] {
            var tampered = request
            tampered.headers = tampered.headers.map { $0.name == name ? (name, value) : $0 }
            #expect(Requests.status(judge(tampered)) == 401)
        }
    }

    @Test(arguments: [(-301, 401), (-300, nil), (0, nil), (300, nil), (301, 401)] as [(Int64, Int?)])
    func `what is too old or from the future is refused`(_ seconds: Int64, _ status: Int?) throws {
        let request = try Requests.signed([Requests.event()], at: Requests.now + seconds)
        #expect(Requests.status(judge(request)) == status)
    }

    @Test(arguments: ["", "-1", "1e9", "99999999999999999999", "9223372036854775807", "+1800000000"])
    func `a time that is none is refused`(_ text: String) throws {
        var request = try Requests.signed([Requests.event()])
        request.headers = request.headers.map { $0.name == "webhook-timestamp" ? ($0.name, text) : $0 }
        #expect(Requests.status(judge(request)) == 401)
    }

    @Test func `headers that are there twice are not believed`() throws {
        for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
            var request = try Requests.signed([Requests.event()])
            let value = request.headers.first { $0.name == name }?.value ?? ""
            request.headers.append((name.uppercased(), value))
            #expect(Requests.status(judge(request)) == 401)
        }
    }

    @Test func `no more bytes and events are taken than that`() throws {
        #expect(
            Requests.ids(judge(try Requests.signed((1...3).map { try Requests.event("\($0)") })))?.count == 3)
        #expect(
            Requests.status(judge(try Requests.signed((1...4).map { try Requests.event("\($0)") }))) == 413)
        var request = try Requests.signed([Requests.event()])
        request.body += [UInt8](repeating: 0x20, count: 4_000)
        #expect(Requests.status(judge(request)) == 413)
    }

    @Test func `attempts are those that the sender counts`() throws {
        let request = try Requests.signed(
            [Requests.event("1"), Requests.event("2")], headers: [("apus-attempt", "3, 1")])
        guard case .deliver(let events) = judge(request) else {
            Issue.record("not delivered")
            return
        }
        #expect(events.map(\.attempt) == [3, 1])
    }

    @Test func `attributes that are not signed are refused where that is asked for`() throws {
        let strict = WebhookEndpoint(
            from: try .standardWebhooks(secrets: [Requests.secret], takesBinary: false))
        let message = CloudEventHTTPBinding.encode(try Requests.event())
        let signed = try Requests.signed([Requests.event()])
        var request = signed
        request.body = message.body
        let resigned = try Requests.signedBody(request.body)
        request.headers = message.headers.map { ($0.name, $0.value) } + resigned
        #expect(Requests.ids(endpoint.judge(request, now: Requests.now)) == ["1"])
        #expect(Requests.status(strict.judge(request, now: Requests.now)) == 400)
        #expect(Requests.ids(strict.judge(signed, now: Requests.now)) == ["1"])
    }

    @Test func `what is signed and no event is refused for good`() throws {
        let body = Array("nonsense".utf8)
        let request = WebhookRequest(
            method: "POST", target: "/hook",
            headers: [("content-type", "application/cloudevents+json")] + (try Requests.signedBody(body)),
            body: body)
        #expect(Requests.status(judge(request)) == 400)
    }

    @Test func `secrets that are none are refused and not repeated`() {
        for secrets in [[], ["not-a-secret"], ["whsec_c2hvcnQ="]] {
            #expect {
                _ = try WebhookEndpoint.Sender.standardWebhooks(secrets: secrets)
            } throws: { error in
                !"\(error)".contains("not-a-secret") && !"\(error)".contains("c2hvcnQ")
            }
        }
    }
}

extension Requests {
    /// The headers that sign a body.
    static func signedBody(_ body: [UInt8]) throws -> [(name: String, value: String)] {
        let key = try #require(Base64.decoded(String(secret.dropFirst(6))))
        let code = HMAC<SHA256>.authenticationCode(
            for: Array("evt_1.\(now).".utf8) + body, using: SymmetricKey(data: key))
        return [
            ("webhook-id", "evt_1"), ("webhook-timestamp", "\(now)"),
            ("webhook-signature", "v1," + Base64.encoded(Array(code))),
        ]
    }
}

struct ConsentTests {
    private func ask(
        _ consent: WebhookEndpoint.Consent, _ origin: String?, rate: Int? = nil
    ) throws -> WebhookResponse {
        let endpoint = WebhookEndpoint(
            from: try .standardWebhooks(secrets: [Requests.secret]), consent: consent, ratePerMinute: rate)
        let request = WebhookRequest(
            method: "OPTIONS", target: "/hook",
            headers: origin.map { [("WebHook-Request-Origin", $0)] } ?? [], body: [])
        guard case .answer(let response) = endpoint.judge(request, now: 0) else {
            return WebhookResponse(status: 0)
        }
        return response
    }

    @Test func `who is known gets consent, with a rate`() throws {
        let response = try ask(.origins(["Bus.example.org"]), "bus.example.org", rate: 120)
        #expect(response.status == 200)
        #expect(response.headers.contains { $0 == ("webhook-allowed-origin", "bus.example.org") })
        #expect(response.headers.contains { $0 == ("webhook-allowed-rate", "120") })
        #expect(try ask(.all, "anybody").status == 200)
    }

    @Test func `others do not`() throws {
        #expect(try ask(.origins(["bus.example.org"]), "evil.example.org").status == 403)
        #expect(try ask(.none, "bus.example.org").status == 403)
        #expect(try ask(.all, nil).status == 405)
    }
}

struct EventGridWebhookTests {
    private static let key = "a key of sixteen characters"
    private let endpoint: WebhookEndpoint

    init() throws { endpoint = WebhookEndpoint(from: try .sharedKey([Self.key, "another key, of before"])) }

    private func request(
        _ body: String, _ target: String = "/hook?x=1&code=a%20key%20of%20sixteen%20characters",
        _ headers: [(name: String, value: String)] = []
    ) -> WebhookRequest {
        WebhookRequest(
            method: "POST", target: target,
            headers: [("content-type", "application/json; charset=utf-8")] + headers,
            body: Array(body.utf8))
    }

    private static let validation =
        #"[{"id": "1", "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent", "data": {"validationCode": "C-1"}}]"#

    @Test func `the question whether events are wanted is answered with its code`() {
        let judged = endpoint.judge(
            request(Self.validation, headers: [("aeg-event-type", "SubscriptionValidation")]), now: 0)
        guard case .answer(let response) = judged else {
            Issue.record("not answered")
            return
        }
        #expect(response.status == 200)
        #expect(String(decoding: response.body, as: UTF8.self) == #"{"validationResponse":"C-1"}"#)
    }

    @Test func `without the key nothing is answered`() {
        for target in ["/hook", "/hook?code=", "/hook?code=wrong", "/hook?code=%zz", "/hook?code"] {
            let judged = endpoint.judge(
                request(Self.validation, target, [("aeg-event-type", "SubscriptionValidation")]), now: 0)
            #expect(Requests.status(judged) == 401)
        }
    }

    @Test func `events of its own schema become CloudEvents`() throws {
        let body = """
            [{"id": "7", "topic": "/subscriptions/x", "subject": "orders/1", "eventType": "Shop.Ordered", "dataVersion": "2",
              "eventTime": "2026-11-26T01:02:03Z", "data": {"total": 12.50}}]
            """
        guard case .deliver(let events) = endpoint.judge(request(body), now: 0) else {
            Issue.record("not delivered")
            return
        }
        let event = try #require(events.first?.event)
        #expect(event.id == "7" && event.type == "Shop.Ordered" && event.source == "/subscriptions/x")
        #expect(event.subject == "orders/1" && event.extensions["dataversion"]?.text == "2")
        #expect(event.data == CloudEventData(text: #"{"total":12.50}"#))
        #expect(Requests.status(endpoint.judge(request(#"[{"eventType": "x"}]"#), now: 0)) == 400)
    }

    @Test func `CloudEvents are events, too`() throws {
        let message = CloudEventHTTPBinding.encodeBatch([try Requests.event("1"), try Requests.event("2")])
        var request = request("")
        request.headers = message.headers.map { ($0.name, $0.value) }
        request.body = message.body
        #expect(Requests.ids(endpoint.judge(request, now: 0)) == ["1", "2"])
    }

    private func request(_ body: String, headers: [(name: String, value: String)]) -> WebhookRequest {
        request(body, "/hook?code=a%20key%20of%20sixteen%20characters", headers)
    }
}
