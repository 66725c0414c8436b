// SPDX-License-Identifier: Apache-2.0

// The shop: billing, shipping, notifications. Every one of them may get an event twice, because brokers deliver at least once. What they publish has an
// identity that follows from the order, so that repeats are recognised by whoever comes next.

import Apus

struct Shop {
    let billing: Consumer
    let shipping: Consumer
    let notifications: Consumer

    var consumers: [Consumer] { [billing, shipping, notifications] }

    init(on bus: Bus, paying provider: PaymentProvider, noting ledger: Ledger) throws {
        let retry = RetryPolicy.list([.milliseconds(200), .milliseconds(400), .milliseconds(800)])
        billing = try bus.consumer(group: "billing", options: .init(retry: retry)) {
            Handle(OrderPlaced.self) { order, context in
                do {
                    try provider.charge(order)
                    try await context.bus.publish(
                        PaymentTaken(orderID: order.orderID), options: .init(id: "\(order.orderID)-paid"))
                } catch let refusal as CardDeclined {
                    try await context.bus.publish(
                        PaymentRefused(orderID: order.orderID, reason: refusal.reason),
                        options: .init(id: "\(order.orderID)-refused"))
                }
            }
        }
        shipping = try bus.consumer(group: "shipping", options: .init(retry: retry, inbox: MemoryInbox())) {
            Handle(PaymentTaken.self) { payment, context in
                try await context.bus.publish(
                    OrderShipped(orderID: payment.orderID), options: .init(id: "\(payment.orderID)-shipped"))
            }
        }
        notifications = try bus.consumer(
            group: "notifications", options: .init(retry: retry, inbox: MemoryInbox())
        ) {
            Handle(OrderShipped.self) { shipment, _ in ledger.note(shipment.orderID, .shipped) }
            Handle(PaymentRefused.self) { refusal, _ in ledger.note(refusal.orderID, .refused) }
        }
    }
}
