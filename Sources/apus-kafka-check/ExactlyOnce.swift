// SPDX-License-Identifier: Apache-2.0

// A service that handles typed events exactly once, as an application would be: one option of a consumer. Its tests kill it, and the broker below it.

import Apus
import ApusKafka
import Logging
import ServiceLifecycle
import UnixSignals

/// What an invoice is to be sent for.
private struct OrderPlaced: Event {
    static let type = "check.order.placed", topic = "orders"
    var number: Int
    var key: Int { number }
}

private struct InvoiceSent: Event {
    static let type = "check.invoice.sent", topic = "invoices"
    var order: Int
}

/// What becomes of some orders at first, after their invoice was published.
private struct NotNow: Error {}

enum ExactlyOnce {
    private static func connect(_ url: String) async throws -> Bus {
        try await Bus.connect(
            url, transports: [.kafka], options: BusOptions(logger: logger, clientName: "apus-kafka-check"))
    }

    private static var logger: Logger {
        var logger = Logger(label: "apus-kafka-check", factory: { StreamLogHandler.standardError(label: $0) })
        logger.logLevel = .warning
        return logger
    }

    /// Publishes orders.
    static func place(_ url: String, _ count: Int) async throws {
        let bus = try await connect(url)
        for start in stride(from: 0, to: count, by: 100) {
            try await bus.publish((start..<min(count, start + 100)).map { OrderPlaced(number: $0) })
        }
        await bus.close()
    }

    /// Sends an invoice for each order until it is told to stop; a line for each that was handled. Every 50th order fails when its invoice was already published, and is tried again.
    static func invoice(_ url: String, id: String) async throws {
        let bus = try await connect(url)
        let options = ConsumerOptions(retry: .immediate(3), start: .earliest, transactions: id)
        let consumer = try bus.consumer(group: "invoicing", options: options) {
            Handle(OrderPlaced.self) { order, context in
                try await context.bus.publish(InvoiceSent(order: order.number))
                guard context.attempt > 1 || order.number % 50 != 7 else { throw NotNow() }
                Check.say("handled \(order.number)")
            }
        }
        try await ServiceGroup(services: [consumer], gracefulShutdownSignals: [.sigterm], logger: logger)
            .run()
        await bus.close()
        Check.say("stopped")
    }

    /// The orders for which there are invoices, as readers of committed events see them.
    static func invoices(_ url: String) async throws {
        let bus = try await connect(url)
        for try await past in bus.replay(InvoiceSent.self, from: .earliest) {
            Check.say("\(past.event.order)")
        }
        await bus.close()
    }
}
