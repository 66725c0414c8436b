// SPDX-License-Identifier: Apache-2.0

// What happens in the shop.

import Apus

struct OrderPlaced: Event {
    static let type = "com.example.order.placed", topic = "orders"
    var orderID: String
    var number: Int
    var total: Double
    var key: String { orderID }
}

struct PaymentTaken: Event {
    static let type = "com.example.payment.taken", topic = "payments"
    var orderID: String
    var key: String { orderID }
}

struct PaymentRefused: Event {
    static let type = "com.example.payment.refused", topic = "payments"
    var orderID: String
    var reason: String
    var key: String { orderID }
}

struct OrderShipped: Event {
    static let type = "com.example.order.shipped", topic = "shipments"
    var orderID: String
    var key: String { orderID }
}
