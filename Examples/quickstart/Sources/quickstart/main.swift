// SPDX-License-Identifier: Apache-2.0

// Orders are placed, paid for, and the large ones routed to a topic of their own. `swift run quickstart` runs it in memory; with another URL it runs on
// files (`swift run quickstart file:///tmp/quickstart`).

import Apus

struct OrderPlaced: Event {
    static let type = "com.example.order.placed", topic = "orders"
    var orderID: String
    var region: String
    var total: Double
    var key: String { orderID }
}

struct PaymentTaken: Event {
    static let type = "com.example.payment.taken", topic = "payments"
    var orderID: String
}

let bus = try await Bus.connect(CommandLine.arguments.dropFirst().first ?? "memory:")

try await bus.route(
    "large-eu", OrderPlaced.self, where: \.total > 1000 && \.region == "eu", to: .topic("large"))

let billing = try bus.consumer(group: "billing", options: .init(ordering: .byKey)) {
    Handle(OrderPlaced.self) { order, context in
        guard order.total > 0 else { throw Reject("nothing to pay") }
        try await context.bus.publish(PaymentTaken(orderID: order.orderID))
    }
}
let shipping = try bus.consumer(group: "shipping") {
    Handle(PaymentTaken.self) { payment, context in
        print("shipping \(payment.orderID), ordered by event \(context.causationID ?? "?")")
        if payment.orderID == "o-3" { billing.stop() }
    }
}
try await billing.subscribe()
try await shipping.subscribe()

for (number, total) in [12.5, 1290, 99].enumerated() {
    let receipt = try await bus.publish(OrderPlaced(orderID: "o-\(number + 1)", region: "eu", total: total))
    print("published to \(receipt.topic), offset \(receipt.offset ?? -1)")
}

try await withThrowingTaskGroup(of: Void.self) { tasks in
    tasks.addTask { try await shipping.run() }
    try await billing.run()
    shipping.stop()
    try await tasks.waitForAll()
}
for try await large in bus.replay(OrderPlaced.self, from: .earliest, topic: "large") {
    print("large: \(large.event.orderID)")
}
await bus.close()
