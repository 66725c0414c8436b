// SPDX-License-Identifier: Apache-2.0

// What docs/library.md shows, compiled. Each block of Swift on the page is one of the pieces between `// snippet:` and `// end` here, or the quickstart.

import Apus
import ApusTesting
import ApusXML
import Foundation
import Logging
import ServiceLifecycle
import Synchronization
import Testing
import UnixSignals

// What the pieces take for granted.

private protocol PaymentGateway: Sendable {
    func charge(_ amount: Double, idempotencyKey: String) async throws
}
private struct CardDeclined: Error {}
private struct RateLimited: Error { var retryAfter: Duration }
private func charge(_ order: OrderPlaced) async throws {}
private func store(_ orders: [OrderPlaced]) async throws {}
private enum Tenant { @TaskLocal static var current: String? }

// snippet: define
struct OrderPlaced: Event {
    static let type = "com.example.order.placed", topic = "orders"
    var orderID: String
    var region: String
    var total: Double
    var key: String { orderID }
}
// end

// snippet: define-more
struct InvoiceSent: Event {
    static let type = "com.example.invoice.sent", topic = "invoices"
    static let source = "/shop/invoicing"
    static let version = 2
    static let dataSchema = "https://example.com/schemas/invoice-2.json"
    static let codec: any EventCodec = JSONEventCodec { encoder, decoder in
        encoder.keyEncodingStrategy = .convertToSnakeCase
        decoder.keyDecodingStrategy = .convertFromSnakeCase
    }

    var number: Int
    var customer: UUID
    var key: UUID { customer }
    var subject: String { "invoice/\(number)" }
}
// end

// snippet: define-xml
private struct Shipped: Event {
    static let type = "com.example.order.shipped", topic = "shipments"
    static let codec: any EventCodec = XMLEventCodec(root: "shipped", namespace: "urn:example:shop")
    @AsAttribute var orderID: String
    var parcels: [String]
}  // <shipped xmlns="urn:example:shop" orderID="o-1"><parcels>p-1</parcels><parcels>p-2</parcels></shipped>
// end

private struct InvoiceSentV1: Event {
    static let type = "com.example.invoice.sent", topic = "invoices"
    var number: String
    var customer: UUID
}

private struct GetQuote: Event {
    static let type = "com.example.quote.get", topic = "quotes"
    var symbol: String
}
private struct Quote: Event {
    static let type = "com.example.quote", topic = "quotes.given"
    var price: Double
}
private struct ReportDue: Event {
    static let type = "com.example.report.due", topic = "reports"
}

// snippet: handler-type
private struct ChargeCard: EventHandler {
    let gateway: any PaymentGateway

    func handle(_ order: OrderPlaced, _ context: EventContext) async throws {
        try await gateway.charge(order.total, idempotencyKey: context.id)
    }
}
// end

private enum Snippets {
    static func publish(_ bus: Bus) async throws {
        let order = OrderPlaced(orderID: "o-1", region: "eu", total: 12.5)
        let orders = [order]
        // snippet: publish
        let receipt = try await bus.publish(order)  // the broker has promised to keep it
        print(receipt.topic, receipt.offset ?? -1, receipt.durability)

        try await bus.publish(orders)  // one call, order kept
        try await bus.publish([order, InvoiceSent(number: 7, customer: UUID())] as [any Event])
        try await bus.publish(order, options: PublishOptions(id: "o-1-placed", correlationID: "checkout-9"))
        try await bus.publish(
            RawEvent(type: "sensor.frame", topic: "frames", data: [0x01, 0x02], key: "s-1"))

        let later = try await bus.publish(order, after: .seconds(900))
        _ = try await bus.cancel(later)
        // end
    }

    static func connect() async throws {
        // snippet: connect
        let bus = try await Bus.connect(ProcessInfo.processInfo.environment["BUS_URL"] ?? "memory:")
        // end
        await bus.close()
    }

    static func consume(_ bus: Bus, _ gateway: any PaymentGateway, _ logger: Logger) async throws {
        // snippet: consume
        let billing = try bus.consumer(group: "billing", options: .init(concurrency: 8, ordering: .byKey)) {
            Handle(OrderPlaced.self) { order, context in
                guard order.total > 0 else { throw Reject("nothing to pay") }
                try await charge(order)
                try await context.bus.publish(InvoiceSent(number: 7, customer: UUID()))
            }
        }
        try await ServiceGroup(services: [billing], gracefulShutdownSignals: [.sigterm], logger: logger).run()
        // end
        // snippet: consume-type
        let charging = try bus.consumer(group: "charging") {
            ChargeCard(gateway: gateway)
        }
        // end
        _ = charging
    }

    static func retry(_ bus: Bus) throws {
        // snippet: retry
        let careful = try bus.consumer(
            group: "billing",
            options: .init(
                retry: .exponential(from: .seconds(1), to: .seconds(300), attempts: 8)
                    .never(on: CardDeclined.self)
                    .on(RateLimited.self, .list([.seconds(30), .seconds(60)])),
                timeout: .seconds(20))
        ) {
            Handle(OrderPlaced.self) { order, context in
                do {
                    try await charge(order)
                } catch let limited as RateLimited {
                    throw RetryLater(after: limited.retryAfter, "the gateway asked for it")
                }
            }
            Handle(InvoiceSent.self) { _, _ in }
                .retry(.immediate(2).then(.list([.seconds(60)])))
                .timeout(nil)
        }
        // end
        _ = careful
    }

    static func more(_ bus: Bus) throws {
        // snippet: inbox
        let once = try bus.consumer(group: "billing", options: .init(inbox: MemoryInbox())) {
            Handle(OrderPlaced.self) { order, _ in try await charge(order) }
        }
        // end
        // snippet: transactions
        let invoicing = try bus.consumer(group: "invoicing", options: .init(transactions: "invoicing-1")) {
            Handle(OrderPlaced.self) { order, context in
                try await context.bus.publish(InvoiceSent(number: 7, customer: UUID()))
            }
        }
        // end
        // snippet: batch
        let archive = try bus.consumer(group: "archive") {
            Handle(batchesOf: OrderPlaced.self, size: 500, linger: .milliseconds(200)) { items in
                try await store(items.map(\.event))
            }
        }
        // end
        // snippet: middleware
        let guarded = try bus.consumer(group: "billing") {
            Throttle(100, per: .seconds(1), burst: 20)
            CircuitBreaker(after: 5, pause: .seconds(30))
            Around { context, next in
                try await Tenant.$current.withValue(context.event.extensions["tenant"]?.text) {
                    try await next(context)
                }
            }
            Handle(OrderPlaced.self) { order, _ in try await charge(order) }
        }
        // end
        // snippet: upcast
        let current = try bus.consumer(group: "ledger", options: .init(unknown: .skip)) {
            Upcaster(from: InvoiceSentV1.self, to: InvoiceSent.self) { old in
                guard let number = Int(old.number) else { throw Reject("'\(old.number)' is no number") }
                return InvoiceSent(number: number, customer: old.customer)
            }
            Handle(InvoiceSent.self) { invoice, _ in print(invoice.number) }
        }
        // end
        _ = (once, invoicing, archive, guarded, current)
    }

    static func route(_ bus: Bus) async throws {
        // snippet: route
        try await bus.route(
            "large-eu", OrderPlaced.self, where: \.total > 1000 && \.region == "eu", to: .topic("large"))
        try await bus.route(
            "abroad", topic: "orders", matching: #"{"data": {"region": [{"anything-but": ["eu"]}]}}"#,
            to: .topic("abroad"))
        // end
        // snippet: filter
        let large = try bus.consumer(group: "large-orders") {
            Handle(OrderPlaced.self) { order, _ in print(order.orderID) }
                .where(OrderPlaced.self, \.total > 1000 || .hasPrefix(\.orderID, "vip-"), evaluated: .either)
        }
        // end
        _ = large
    }

    static func replay(_ bus: Bus) async throws {
        // snippet: replay
        for try await past in bus.replay(OrderPlaced.self, from: .earliest) {
            print(past.event.orderID, past.context.offset ?? -1)
        }
        // end
    }

    static func request(_ bus: Bus) async throws {
        // snippet: answer
        let quotes = try bus.consumer(group: "quotes") {
            Handle(GetQuote.self, replying: Quote.self) { request, _ in Quote(price: 12.5) }
        }
        // end
        _ = quotes
        // snippet: request
        let quote = try await bus.request(GetQuote(symbol: "APUS"), as: Quote.self, timeout: .seconds(2))
        // end
        _ = quote
    }

    static func schedule(_ bus: Bus) async throws {
        // snippet: schedule
        try await bus.schedule("nightly-report", cron: "0 3 * * *", timeZone: "Europe/Berlin", ReportDue())
        try await bus.schedule("heartbeat", every: .seconds(30), ReportDue())
        try await bus.unschedule("heartbeat")
        // end
    }

    static func outbox<Box: Outbox>(_ bus: Bus, _ outbox: Box, _ transaction: Box.Transaction) throws {
        // snippet: outbox
        try outbox.append(
            try bus.message(OrderPlaced(orderID: "o-1", region: "eu", total: 12.5)), in: transaction)
        let relay = OutboxRelay(bus: bus, outbox: outbox)  // a service, beside the consumers
        // end
        _ = relay
    }
}

@Suite struct LibrarySnippetTests {
    // snippet: test
    @Test func `a failing charge is tried again and given up`() async throws {
        let test = try await TestBus()  // the real engine in memory, on a clock that the test moves
        let bus = Bus(testing: test)
        let billing = try bus.consumer(group: "billing", options: .init(retry: .list([.seconds(10)]))) {
            Handle(OrderPlaced.self) { _, _ in throw CardDeclined() }
        }
        try await test.running(billing) {
            try await bus.publish(OrderPlaced(orderID: "o-1", region: "eu", total: 12.5))
            try await test.settle()  // returns when nothing is left to do now
            #expect(try test.consumed(OrderPlaced.self).map(\.attempt) == [1])
            try await test.advance(by: .seconds(10))
            #expect(try test.consumed(OrderPlaced.self).map(\.attempt) == [1, 2])
        }
        #expect(try await test.deadLettered(OrderPlaced.self).map(\.reason) == ["CardDeclined()"])
    }
    // end
}
