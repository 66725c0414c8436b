// SPDX-License-Identifier: Apache-2.0

// What comments in the sources show beside what the pages do, compiled: lines of these blocks, as they are.

import Apus
import Logging
import ServiceLifecycle
import UnixSignals

private struct OrderPlacedV1: Event {
    static let type = "com.example.order.placed", topic = "orders"
    var id: String
    var cents: Int
}
private struct CardDeclined: Error {}
private func charge(_ order: OrderPlaced) async throws {}

private enum Comments {
    static func first() async throws {
        let bus = try await Bus.connect("file:///var/lib/shop/events")
        try await bus.publish(OrderPlaced(orderID: "o-1", region: "eu", total: 12.5))
    }

    static func inOrder(_ bus: Bus, _ logger: Logger) async throws {
        let billing = try bus.consumer(group: "billing", options: .init(ordering: .byKey)) {
            Handle(OrderPlaced.self) { order, context in
                guard order.total > 0 else { throw Reject("nothing to pay") }
                try await charge(order)
            }
        }
        try await ServiceGroup(services: [billing], gracefulShutdownSignals: [.sigterm], logger: logger).run()
    }

    static func parts(_ bus: Bus) throws -> Consumer {
        try bus.consumer(group: "billing") {
            Upcaster(from: OrderPlacedV1.self, to: OrderPlaced.self) { old in
                OrderPlaced(orderID: old.id, region: "eu", total: Double(old.cents) / 100)
            }
            Handle(OrderPlaced.self) { order, context in
                try await charge(order)
            }
            .retry(.immediate(3))
            .timeout(.seconds(10))
        }
    }

    static func policies() -> (RetryPolicy, EventPredicate<OrderPlaced>) {
        let policy = RetryPolicy.exponential(from: .seconds(1), to: .seconds(300), attempts: 8)
            .never(on: CardDeclined.self)
        let isLarge: EventPredicate<OrderPlaced> =
            \.total > 1000 && \.region == "eu" || .hasPrefix(\.orderID, "vip-")
        return (policy, isLarge)
    }

    static func rules(_ bus: Bus) async throws {
        try await bus.route(
            "vip", OrderPlaced.self, where: \.total > 1000 && \.region == "eu", to: .topic("vip"))
        try await bus.route(
            "paid", topic: "orders", matching: #"{"data": {"state": ["paid"]}}"#, to: .topic("paid"))
    }
}
