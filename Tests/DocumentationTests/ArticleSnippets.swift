// SPDX-License-Identifier: Apache-2.0

// What the articles in Apus.docc show beside what docs/library.md does, compiled: pieces between `// snippet:` and `// end`, as in LibrarySnippets.

import Apus
import ApusAMQP
import ApusTesting
import Logging
import ServiceLifecycle
import UnixSignals

private struct ReportDue: Event {
    static let type = "com.example.report.due", topic = "reports"
}
private func charge(_ order: OrderPlaced) async throws {}

// snippet: codec
private struct LinesCodec: EventCodec {
    let contentType = "text/plain"

    func encode(_ value: some Encodable) throws -> [UInt8] { Array("\(value)".utf8) }

    func decode<Value: Decodable>(
        _ type: Value.Type, from bytes: [UInt8], contentType: String?
    ) throws -> Value {
        guard let text = String(decoding: bytes, as: UTF8.self) as? Value else { throw Reject("only text") }
        return text
    }
}
// end

private enum Articles {
    static func connect(_ url: String) async throws {
        // snippet: connect-listed
        let bus = try await Bus.connect(url, transports: [.memory, .file, .amqp])
        // end
        await bus.close()
    }

    static func connectNeeding(_ url: String) async throws {
        // snippet: connect-needing
        let options = BusOptions(needs: [.delay, .replay])
        let bus = try await Bus.connect(url, transports: [.memory, .file, .amqp], options: options)
        // end
        await bus.close()
    }

    static func simplest(_ bus: Bus) throws {
        // snippet: simplest
        let billing = try bus.consumer(group: "billing") {
            Handle(OrderPlaced.self) { order, _ in try await charge(order) }
        }
        // end
        _ = billing
    }

    static func attempts(_ bus: Bus) throws {
        // snippet: attempts
        let billing = try bus.consumer(group: "billing", options: .init(retry: .exponential(attempts: 5))) {
            Handle(OrderPlaced.self) { order, _ in try await charge(order) }
        }
        // end
        _ = billing
    }

    static func services(_ billing: Consumer, _ shipping: Consumer) async throws {
        // snippet: services
        let logger = Logger(label: "shop")
        let services = ServiceGroup(
            services: [billing, shipping], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        try await services.run()
        // end
    }

    static func partial(_ bus: Bus, _ orders: [OrderPlaced]) async throws {
        // snippet: partial
        do {
            try await bus.publish(orders)
        } catch .partial(let outcomes) {
            for (order, outcome) in zip(orders, outcomes) {
                if case .failure(let failure) = outcome {
                    print(order.orderID, failure.reason, failure.isRetryable)
                }
            }
        }
        // end
    }

    static func delay(_ bus: Bus, _ order: OrderPlaced) async throws {
        // snippet: delay
        let later = try await bus.publish(order, after: .seconds(900))
        _ = try await bus.cancel(later)
        // end
    }

    static func deadLetters(_ billing: Consumer) async throws {
        // snippet: dead-letters
        for letter in try await billing.deadLetters(limit: 20) {
            print(letter.event.id, letter.reason)
        }
        // end
    }

    static func replay(_ bus: Bus) async throws {
        // snippet: replay-where
        let large = try bus.replay(OrderPlaced.self, from: .earliest, where: \.total > 1000)
        for try await past in large { print(past.event.total) }
        // end
    }

    static func raw(_ bus: Bus) async throws {
        // snippet: raw
        try await bus.publish(
            RawEvent(type: "sensor.frame", topic: "frames", data: [0x01, 0x02], key: "s-1"))
        // end
    }

    static func faults(_ test: TestBus) async throws {
        // snippet: faults
        test.failPublishes(1, with: .unavailable("the network is down"))
        test.loseVerdicts(1)  // an acknowledgement does not arrive
        test.duplicateDeliveries(1)  // an event comes twice
        try await test.expireLeases()  // a handler took too long
        // end
    }

    static func logs(_ bus: Bus) throws {
        // snippet: logs
        let shipping = try bus.consumer(group: "shipping") {
            Handle(OrderPlaced.self) { order, context in context.logger.info("shipping \(order.orderID)") }
        }
        // end
        _ = shipping
    }

    static func move(_ old: Bus, _ new: Bus, _ inbox: MemoryInbox, _ logger: Logger) async throws {
        // snippet: two-brokers
        let handlers = { (bus: Bus) throws in
            try bus.consumer(group: "billing", options: .init(inbox: inbox)) {
                Handle(OrderPlaced.self) { order, _ in try await charge(order) }
            }
        }
        let services = ServiceGroup(
            services: [try handlers(old), try handlers(new)], gracefulShutdownSignals: [.sigterm],
            logger: logger)
        // end
        _ = services
        // snippet: copy
        for try await past in old.replay(OrderPlaced.self, from: .earliest) {
            try await new.publish(past.context.event, to: past.context.topic)
        }
        // end
    }
}
