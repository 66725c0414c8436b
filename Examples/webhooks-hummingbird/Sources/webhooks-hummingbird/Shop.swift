// SPDX-License-Identifier: Apache-2.0

// A shop on Hummingbird that is told of orders by webhook, beside what else it serves. Its handlers are those of any consumer.
//
//     WEBHOOK_SECRET=whsec_… PORT=8080 swift run webhooks-hummingbird

import Apus
import ApusWebhook
import ApusWebhookHummingbird
import Hummingbird

struct OrderPlaced: Event {
    static let type = "com.example.order.placed", topic = "orders"
    var orderID: String
    var total: Double
    var key: String { orderID }
}

@main
struct Shop {
    static func main() async throws {
        let environment = Environment()
        // Standard Webhooks: an Apus server's push subscriptions sign like this, and many others do.
        let hook = try WebhookReceiver(
            .init(
                from: try .standardWebhooks(secrets: [environment.require("WEBHOOK_SECRET")]), consent: .all))
        let orders = try Bus(transport: hook).consumer(group: "shop", options: .init(inbox: MemoryInbox())) {
            Handle(OrderPlaced.self) { order, _ in
                guard order.total > 0 else { throw Reject("nothing to pay") }
                print("an order: \(order.orderID)")
            }
        }

        let router = Router()
        router.get("/") { _, _ in "The shop is open.\n" }
        router.webhook("/hooks/orders", hook)

        // The consumer is a service like the server. Services end in the reverse of this order: first no request comes any more, then what is handled is finished.
        let port = environment.get("PORT", as: Int.self) ?? 8080
        let application = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: port)),
            services: [orders])
        try await application.runService()
    }
}
