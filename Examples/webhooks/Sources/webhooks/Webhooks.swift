// SPDX-License-Identifier: Apache-2.0

// `webhooks`: a shop that is told of orders by webhook. Its handlers are those of any consumer; where the events come from is one line.
//
// Orders whose id begins with `bad` are given up, `flaky` ones fail twice, `slow` ones take longer than anybody waits.

import Apus
import ApusWebhook
import ApusWebhookNIO
import ArgumentParser
import AsyncHTTPClient
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

struct OrderPlaced: Event {
    static let type = "com.example.order.placed", topic = "orders"
    var orderID: String
    var total: Double
    var key: String { orderID }
}

struct ProviderIsDown: Error {}

/// How often each order has failed.
final class Failures: Sendable {
    private let counts = Mutex<[String: Int]>([:])

    func next(_ orderID: String) -> Int {
        counts.withLock { counts in
            counts[orderID, default: 0] += 1
            return counts[orderID, default: 0]
        }
    }
}

@main
struct Webhooks: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "webhooks", abstract: "A shop that is told of orders by webhook.")

    @Option(help: "The port on loopback; 0 for any that is free.")
    var port = 0

    @Option(
        help: "A secret of Standard Webhooks (whsec_...), for /hook; repeatable, for a change of secrets.")
    var secret: [String] = []

    @Option(help: "The key that Event Grid sends as ?code=, for /event-grid.")
    var eventGridKey: String?

    @Option(help: "The ARN of a topic of Amazon SNS, for /sns.")
    var snsTopic: String?

    @Option(help: "Where what Amazon SNS names is fetched instead, for doubles of it.")
    var snsEndpoint: String?

    @Option(help: "Who gets consent when it asks; repeatable.")
    var origin: [String] = []

    @Option(help: "How long handlers may take, in milliseconds.")
    var patience = 5_000

    @Option(help: "The most bytes of a body.")
    var bodyLimit = 1 << 20

    @Option(help: "How long a request may take to come in, in milliseconds.")
    var bodyTime = 10_000

    @Flag(help: "Keep what handlers give up here, and tell the sender that it was handled.")
    var keepsRejected = false

    func run() async throws {
        let http = HTTPClient(eventLoopGroupProvider: .singleton)
        let inbox = MemoryInbox()
        let failures = Failures()
        var endpoints: [String: WebhookReceiver] = [:]
        for (path, sender) in try senders() {
            endpoints[path] = try receiver(sender, http)
        }
        let channel = try await listen(endpoints)
        print("listening on http://127.0.0.1:\(channel.localAddress?.port ?? 0)")
        fflush(nil)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for (path, receiver) in endpoints {
                let options = ConsumerOptions(
                    retry: .list([.seconds(1), .seconds(1), .seconds(1)]), inbox: inbox)
                let consumer = try Bus(transport: receiver).consumer(group: "shop", options: options) {
                    Handle(OrderPlaced.self) { order, context in
                        try await Self.handle(order, context, failures, path)
                    }
                }
                tasks.addTask { try await consumer.run() }
            }
            try await tasks.waitForAll()
        }
    }

    private func senders() throws -> [(String, WebhookEndpoint.Sender)] {
        var senders: [(String, WebhookEndpoint.Sender)] = []
        if !secret.isEmpty { senders.append(("/hook", try .standardWebhooks(secrets: secret))) }
        if let eventGridKey { senders.append(("/event-grid", try .sharedKey([eventGridKey]))) }
        if let snsTopic { senders.append(("/sns", try .sns(topics: [snsTopic]))) }
        return senders
    }

    private func receiver(_ sender: WebhookEndpoint.Sender, _ http: HTTPClient) throws -> WebhookReceiver {
        let endpoint = WebhookEndpoint(
            from: sender, consent: origin.isEmpty ? .none : .origins(Set(origin)), bodyBytesMax: bodyLimit)
        let snsEndpoint = snsEndpoint
        let fetch: WebhookFetch = { url in
            // The host is Amazon's, or that of a double: what comes behind it is the same.
            let path = url.dropFirst("https://".count).drop { $0 != "/" }
            let request = HTTPClientRequest(url: snsEndpoint.map { $0 + path } ?? url)
            let answer = try await http.execute(request, timeout: .seconds(5))
            guard answer.status == .ok else { throw ProviderIsDown() }
            return Array(buffer: try await answer.body.collect(upTo: 1 << 16))
        }
        let rejected: WebhookReceiver.Rejected = { event, reason in Self.say("kept \(event.id): \(reason)") }
        return try WebhookReceiver(
            endpoint, options: .init(patience: .milliseconds(patience)), fetch: fetch,
            rejected: keepsRejected ? rejected : nil)
    }

    private func listen(_ endpoints: [String: WebhookReceiver]) async throws -> any Channel {
        let bodyTime = Duration.milliseconds(bodyTime)
        return try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.pipeline.configureHTTPServerPipeline(
                    withPipeliningAssistance: true, withErrorHandling: true
                ).flatMapThrowing {
                    try channel.pipeline.syncOperations.addHandler(
                        WebhookHandler(endpoints, bodyTime: bodyTime))
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
    }

    private static func handle(
        _ order: OrderPlaced, _ context: EventContext, _ failures: Failures, _ path: String
    ) async throws {
        if order.orderID.hasPrefix("bad") { throw Reject("nothing can be done with \(order.orderID)") }
        if order.orderID.hasPrefix("slow") { try await Task.sleep(for: .seconds(60)) }
        if order.orderID.hasPrefix("flaky"), failures.next(order.orderID) <= 2 { throw ProviderIsDown() }
        say("handled \(order.orderID) \(context.id) \(path)")
    }

    private static func say(_ line: String) {
        print(line)
        fflush(nil)
    }
}
