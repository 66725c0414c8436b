// SPDX-License-Identifier: Apache-2.0

// Requests to a webhook through Hummingbird's router, and through a server where the connection matters.

import Apus
import ApusWebhook
import ApusWebhookHummingbird
import CloudEvents
import Crypto
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import Synchronization
import Testing

private struct OrderPlaced: Event {
    static let type = "com.example.order.placed", topic = "orders"
    var orderID: String
}

private struct ProviderIsDown: Error {}

/// What handlers have seen.
private final class Seen: Sendable {
    private let orders = Mutex<[String]>([])

    func add(_ order: String) { orders.withLock { $0.append(order) } }
    var all: [String] { orders.withLock(\.self) }
}

/// A program with a webhook at `/hooks/orders`.
private struct Program {
    static let secret = "whsec_QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo0NTY3ODk="
    static let gridKey = "a-key-for-event-grid"

    let seen = Seen()
    let application: Application<RouterResponder<BasicRequestContext>>

    init(
        from sender: WebhookEndpoint.Sender? = nil, bodyBytesMax: Int = 1_000
    ) throws {
        let endpoint = WebhookEndpoint(
            from: try sender ?? .standardWebhooks(secrets: [Self.secret]),
            consent: .origins(["bus.example.org"]), ratePerMinute: 120, bodyBytesMax: bodyBytesMax)
        let hook = try WebhookReceiver(endpoint)
        let options = ConsumerOptions(retry: .list([.seconds(7)]), inbox: MemoryInbox())
        let consumer = try Bus(transport: hook).consumer(group: "shop", options: options) { [seen] in
            Handle(OrderPlaced.self) { order, _ in
                seen.add(order.orderID)
                if order.orderID == "bad" { throw Reject("nothing can be done with it") }
                if order.orderID == "flaky" { throw ProviderIsDown() }
            }
        }
        let router = Router()
        router.group("hooks").webhook("orders", hook)
        application = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            services: [consumer])
    }

    /// The headers and the body of an order in structured mode, signed now.
    static func signed(
        _ order: String, with secret: String = secret
    ) throws -> (headers: HTTPFields, body: ByteBuffer) {
        let event = try CloudEvent(
            id: order, source: "/test", type: OrderPlaced.type, dataContentType: "application/json",
            data: CloudEventData(text: #"{"orderID": "\#(order)"}"#))
        let message = CloudEventHTTPBinding.encodeStructured(event)
        let time = Int(Date().timeIntervalSince1970)
        let key = try #require(Data(base64Encoded: String(secret.dropFirst("whsec_".count))))
        let code = HMAC<SHA256>.authenticationCode(
            for: Array("evt_\(order).\(time).".utf8) + message.body, using: SymmetricKey(data: key))
        var headers: HTTPFields = [:]
        for header in message.headers { headers[try #require(HTTPField.Name(header.name))] = header.value }
        headers[try #require(HTTPField.Name("webhook-id"))] = "evt_\(order)"
        headers[try #require(HTTPField.Name("webhook-timestamp"))] = "\(time)"
        headers[try #require(HTTPField.Name("webhook-signature"))] =
            "v1,\(Data(code).base64EncodedString())"
        return (headers, ByteBuffer(bytes: message.body))
    }
}

extension TestClientProtocol {
    /// Sends an order until somebody is there to handle it, as senders do.
    fileprivate func send(_ order: String) async throws -> TestResponse {
        let (headers, body) = try Program.signed(order)
        while true {
            let response = try await execute(
                uri: "/hooks/orders", method: .post, headers: headers, body: body)
            guard String(buffer: response.body).hasPrefix("nobody is handling") else { return response }
            await Task.yield()
        }
    }
}

@Suite(.timeLimit(.minutes(2)))
struct WebhookRouteTests {
    @Test func `a delivery is handed to a typed handler, and what comes again is not handled again`()
        async throws
    {
        let program = try Program()
        try await program.application.test(.live) { client in
            for _ in 0..<2 {
                let response = try await client.send("o-1")
                #expect(response.status == .noContent)
                #expect(response.body.readableBytes == 0)
            }
        }
        #expect(program.seen.all == ["o-1"])
    }

    @Test func `what a handler gives up or wants again is told to the sender`() async throws {
        let program = try Program()
        try await program.application.test(.router) { client in
            let bad = try await client.send("bad")
            #expect(bad.status == .badRequest)
            #expect(String(buffer: bad.body) == "nothing can be done with it\n")
            let flaky = try await client.send("flaky")
            #expect(flaky.status == .serviceUnavailable)
            #expect(flaky.headers[.retryAfter] == "7")
        }
    }

    @Test func `a signature by another secret is refused, and nothing is handled`() async throws {
        let program = try Program()
        try await program.application.test(.router) { client in
            let foreign = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
            let (headers, body) = try Program.signed("o-1", with: foreign)
            let response = try await client.execute(
                uri: "/hooks/orders", method: .post, headers: headers, body: body)
            #expect(response.status == .unauthorized)

            // Two signatures, one of which is right: whoever reads the other one would see another request.
            var (doubled, right) = try Program.signed("o-1")
            let name = try #require(HTTPField.Name("webhook-signature"))
            doubled.append(HTTPField(name: name, value: doubled[name] ?? ""))
            let twice = try await client.execute(
                uri: "/hooks/orders", method: .post, headers: doubled, body: right)
            #expect(twice.status == .unauthorized)
            right.clear()
        }
        #expect(program.seen.all.isEmpty)
    }

    @Test func `who asks for consent gets it, if it is named`() async throws {
        let program = try Program()
        let origin = try #require(HTTPField.Name("webhook-request-origin"))
        try await program.application.test(.router) { client in
            let named = try await client.execute(
                uri: "/hooks/orders", method: .options, headers: [origin: "bus.example.org"])
            #expect(named.status == .ok)
            #expect(
                named.headers[try #require(HTTPField.Name("webhook-allowed-origin"))] == "bus.example.org")
            #expect(named.headers[try #require(HTTPField.Name("webhook-allowed-rate"))] == "120")
            let other = try await client.execute(
                uri: "/hooks/orders", method: .options, headers: [origin: "example.com"])
            #expect(other.status == .forbidden)
        }
    }

    @Test func `Event Grid's question is answered, by the key in the query`() async throws {
        let program = try Program(from: .sharedKey([Program.gridKey]))
        let question = """
            [{"id": "1", "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent", "subject": "",
              "topic": "/t", "eventTime": "2026-01-01T00:00:00Z", "metadataVersion": "1", "dataVersion": "1",
              "data": {"validationCode": "512d38b6-c7b8-40c8-89fe-f46f9e9622b6"}}]
            """
        let headers: HTTPFields = [
            .contentType: "application/json",
            try #require(HTTPField.Name("aeg-event-type")): "SubscriptionValidation",
        ]
        try await program.application.test(.router) { client in
            let known = try await client.execute(
                uri: "/hooks/orders?code=\(Program.gridKey)", method: .post, headers: headers,
                body: ByteBuffer(string: question))
            #expect(known.status == .ok)
            #expect(String(buffer: known.body).contains("512d38b6-c7b8-40c8-89fe-f46f9e9622b6"))
            let unknown = try await client.execute(
                uri: "/hooks/orders", method: .post, headers: headers, body: ByteBuffer(string: question))
            #expect(unknown.status == .unauthorized)
        }
    }

    @Test func `Amazon's question is answered by fetching what it names, if Amazon has signed it`()
        async throws
    {
        let fetched = Seen()
        let hook = try WebhookReceiver(
            .init(from: try .sns(topics: [SNSConfirmation.topic]), bodyBytesMax: 10_000),
            fetch: { url in
                fetched.add(url)
                return url == SNSConfirmation.certificateURL ? Array(SNSConfirmation.certificate.utf8) : []
            })
        let router = Router()
        router.webhook("/sns", hook)
        try await Application(router: router).test(.router) { client in
            for (message, status) in [
                (SNSConfirmation.message.replacing("t-1", with: "t-2"), HTTPResponse.Status.unauthorized),
                (SNSConfirmation.message, .ok),
            ] {
                let response = try await client.execute(
                    uri: "/sns", method: .post, headers: [.contentType: "text/plain; charset=UTF-8"],
                    body: ByteBuffer(string: message))
                #expect(response.status == status)
            }
        }
        #expect(fetched.all == [SNSConfirmation.certificateURL, SNSConfirmation.subscribeURL])
    }

    @Test func `a body that says that it is too large is refused`() async throws {
        let program = try Program(bodyBytesMax: 1_000)
        try await program.application.test(.live) { client in
            let response = try await client.execute(
                uri: "/hooks/orders", method: .post, body: ByteBuffer(repeating: 0x20, count: 1_001))
            #expect(response.status == .contentTooLarge)
            #expect(response.headers[.connection] == "close")
            #expect(String(buffer: response.body) == "the body is larger than 1000 bytes\n")
        }
    }

    @Test func `a body that turns out too large, or does not come, is refused`() async throws {
        let hook = try WebhookReceiver(
            .init(from: try .standardWebhooks(secrets: [Program.secret]), bodyBytesMax: 1_000))
        let parts = AsyncStream { continuation in
            for _ in 0..<2 { continuation.yield(ByteBuffer(repeating: 0x20, count: 501)) }
            continuation.finish()
        }
        let large = try await hook.respond(to: Self.request(parts))
        #expect(large.status == .contentTooLarge)
        let never = AsyncStream<ByteBuffer> { $0.yield(ByteBuffer(string: "{")) }
        let late = try await hook.respond(to: Self.request(never), bodyTime: .zero)
        #expect(late.status == .requestTimeout)
        #expect(late.headers[.connection] == "close")
    }

    private static func request(_ parts: AsyncStream<ByteBuffer>) -> Request {
        Request(
            head: HTTPRequest(method: .post, scheme: "http", authority: "localhost", path: "/hooks/orders"),
            body: RequestBody(asyncSequence: parts))
    }

    @Test func `other methods and paths are the server's`() async throws {
        let program = try Program()
        try await program.application.test(.router) { client in
            let read = try await client.execute(uri: "/hooks/orders", method: .get)
            #expect(read.status == .notFound)
            let elsewhere = try await client.execute(uri: "/hooks/others", method: .post)
            #expect(elsewhere.status == .notFound)
        }
    }
}
