// SPDX-License-Identifier: Apache-2.0

import ServiceLifecycle
import Synchronization
import Testing

@testable import Apus

@Suite struct ConsumingTests {
    let bench = Bench()

    @Test func `returning acknowledges, and each type goes to its handler`() async throws {
        let notes = Notes<String>()
        let consumer = try bench.bus.consumer(group: "billing") {
            Handle(OrderPlaced.self) { order, context in notes.add("\(order.orderID) \(context.attempt)") }
            Handle(OrderCancelled.self) { order, _ in notes.add("cancelled \(order.orderID)") }
        }
        #expect(consumer.subscriptions.map(\.topic) == ["orders"])
        #expect(consumer.subscriptions.first?.types == [OrderPlaced.type, OrderCancelled.type])
        try await bench.running(consumer) {
            try await bench.bus.publish(OrderPlaced(orderID: "1", total: 1))
            try await bench.bus.publish(OrderCancelled(orderID: "2"))
            #expect(Set(await notes.wait(2)) == ["1 1", "cancelled 2"])
            #expect(await bench.transport.settled(2) == [.acknowledge, .acknowledge])
        }
    }

    @Test func `events of a type can be handled as they travelled`() async throws {
        let notes = Notes<String>()
        let consumer = try bench.bus.consumer(group: "frames") {
            Handle(type: "sensor.frame", topic: "frames") { context in
                notes.add("\(context.id == context.event.id) \(context.data)")
            }
            Handle(type: "sensor.off", topic: "frames") { _ in throw Reject("no more") }
        }
        #expect(consumer.subscriptions.first?.types == ["sensor.frame", "sensor.off"])
        try await bench.running(consumer) {
            try await bench.bus.publish(RawEvent(type: "sensor.frame", topic: "frames", data: [1, 2]))
            #expect(await notes.wait(1) == ["true [1, 2]"])
            try await bench.bus.publish(RawEvent(type: "sensor.off", topic: "frames", data: []))
            #expect(await bench.transport.settled(2) == [.acknowledge, .deadLetter(reason: "no more")])
        }
    }

    @Test func `a consumer of several topics reads each`() async throws {
        let notes = Notes<String>()
        let consumer = try bench.bus.consumer(group: "all") {
            Handle(OrderCancelled.self) { order, _ in notes.add(order.orderID) }
            Handle(PaymentTaken.self) { payment, _ in notes.add(payment.orderID) }
        }
        #expect(consumer.subscriptions.map(\.topic) == ["orders", "payments"])
        try await bench.running(consumer) {
            try await bench.bus.publish(
                [OrderCancelled(orderID: "1"), PaymentTaken(orderID: "2")] as [any Event])
            #expect(Set(await notes.wait(2)) == ["1", "2"])
        }
    }

    @Test func `throwing has an event retried after the policy's waits, and given up with the last reason`()
        async throws
    {
        let notes = Notes<Int>()
        let consumer = try bench.bus.consumer(
            group: "billing", options: .init(retry: .list([.seconds(5), .seconds(60)]))
        ) {
            Handle(OrderPlaced.self) { _, context in
                notes.add(context.attempt)
                throw GatewayDown()
            }
        }
        #expect(consumer.subscriptions.first?.attemptsMax == 3)
        try await bench.running(consumer) {
            try await bench.bus.publish(OrderPlaced(orderID: "1", total: 1))
            _ = await bench.transport.settled(1)
            await bench.clock.sleepers(until: .seconds(5))
            bench.clock.advance(by: .seconds(5))
            _ = await bench.transport.settled(2)
            await bench.clock.sleepers(until: .seconds(65))
            bench.clock.advance(by: .seconds(60))
            let verdicts = await bench.transport.settled(3)
            #expect(notes.all == [1, 2, 3])
            #expect(
                verdicts == [
                    .retry(after: .seconds(5), reason: "GatewayDown()"),
                    .retry(after: .seconds(60), reason: "GatewayDown()"),
                    .deadLetter(reason: "GatewayDown()"),
                ])
            #expect(bench.dead("billing.orders").map(\.attempts) == [3])
        }
    }

    @Test func `Reject gives up at once, RetryLater says when, and never(on:) knows hopeless errors`()
        async throws
    {
        let consumer = try bench.bus.consumer(
            group: "g", options: .init(concurrency: 1, retry: .immediate(5).never(on: CardDeclined.self))
        ) {
            Handle(OrderPlaced.self) { order, _ in
                switch order.orderID {
                case "reject": throw Reject("too little")
                case "later": throw RetryLater(after: .seconds(7), "busy")
                default: throw CardDeclined()
                }
            }
        }
        try await bench.running(consumer) {
            for id in ["reject", "later", "declined"] {
                try await bench.bus.publish(OrderPlaced(orderID: id, total: 1))
            }
            #expect(
                await bench.transport.settled(3) == [
                    .deadLetter(reason: "too little"), .retry(after: .seconds(7), reason: "busy"),
                    .deadLetter(reason: "CardDeclined()"),
                ])
        }
    }

    @Test
    func `undecodable data, unknown versions and broken events go to the dead letters and block nothing`()
        async throws
    {
        let notes = Notes<String>()
        let consumer = try bench.bus.consumer(group: "g", options: .init(concurrency: 1)) {
            Handle(OrderPlaced.self) { order, _ in notes.add(order.orderID) }
        }
        try await bench.running(consumer) {
            var options = PublishOptions()
            try options.extensions.set("dataversion", to: 2)
            try await bench.bus.publish(
                RawEvent(type: OrderPlaced.type, topic: "orders", data: Array("{\"orderID\":7}".utf8)),
                options: options)
            try options.extensions.set("dataversion", to: 9)
            try await bench.bus.publish(
                RawEvent(type: OrderPlaced.type, topic: "orders", data: []), options: options)
            bench.transport.inject(
                ReceivedEvent(
                    event: try CloudEvent(id: "x", source: "/s", type: OrderPlaced.type), problem: "no ce_id",
                    topic: "orders", token: .text("odd")), into: "g.orders")
            try await bench.bus.publish(OrderPlaced(orderID: "fine", total: 1))
            #expect(await notes.wait(1) == ["fine"])
            _ = await bench.transport.settled(4)
        }
        let reasons = bench.dead("g.orders").map(\.reason)
        #expect(reasons.count == 3)
        #expect(reasons[0].contains("orderID is not a String"), "\(reasons)")
        #expect(reasons[1].contains("version 9"), "\(reasons)")
        #expect(reasons[2].contains("no ce_id"), "\(reasons)")
    }

    @Test func `unknown events can be skipped or handed to a closure`() async throws {
        let notes = Notes<String>()
        let skipping = try bench.bus.consumer(
            group: "skip", options: .init(unknown: .skip, selection: .everything)
        ) {
            Handle(OrderPlaced.self) { _, _ in }
        }
        let looking = try bench.bus.consumer(
            group: "look", topic: "orders",
            options: .init(
                unknown: .handle { context, reason in notes.add("\(context.event.type): \(reason)") },
                selection: .everything)
        ) {}
        try await bench.running(skipping) {
            try await bench.bus.publish(OrderCancelled(orderID: "1"))
            #expect(await bench.transport.settled(1) == [.acknowledge])
        }
        try await bench.running(looking) {
            try await bench.bus.publish(OrderCancelled(orderID: "1"))
            #expect(
                await notes.wait(1) == [
                    "com.shop.order.cancelled: no handler for events of type com.shop.order.cancelled"
                ])
        }
    }

    @Test func `older versions are upcast, through a chain`() async throws {
        struct V0: Event {
            static let type = "order.legacy", topic = "orders"
            var number: Int
        }
        let notes = Notes<OrderPlaced>()
        let consumer = try bench.bus.consumer(group: "g") {
            Upcaster(from: V0.self, to: OrderPlacedV1.self) { old in
                OrderPlacedV1(id: "\(old.number)", cents: 100)
            }
            Upcaster(from: OrderPlacedV1.self, to: OrderPlaced.self) { old in
                OrderPlaced(orderID: old.id, total: Double(old.cents) / 100)
            }
            Handle(OrderPlaced.self) { order, _ in notes.add(order) }
        }
        #expect(consumer.subscriptions.first?.types == ["order.legacy", OrderPlaced.type])
        try await bench.running(consumer) {
            try await bench.bus.publish(
                [V0(number: 1), OrderPlacedV1(id: "2", cents: 250), OrderPlaced(orderID: "3", total: 3)]
                    as [any Event])
            let orders = await notes.wait(3).sorted { $0.orderID < $1.orderID }
            #expect(orders.map(\.total) == [1, 2.5, 3])
        }
    }

    @Test func `what is published while handling says what caused it`() async throws {
        let bus = bench.bus
        let consumer = try bus.consumer(group: "g") {
            Handle(OrderPlaced.self) { order, context in
                try await context.bus.publish(PaymentTaken(orderID: order.orderID))
            }
        }
        let second = try bus.consumer(group: "h") {
            Handle(PaymentTaken.self) { payment, context in
                try await context.bus.publish(OrderCancelled(orderID: payment.orderID))
            }
        }
        try await bench.running(consumer) {
            try await bench.running(second) {
                try await bus.publish(
                    OrderPlaced(orderID: "1", total: 1), options: PublishOptions(id: "first"))
                await bench.transport.until { $0.topics["orders"]?.count == 2 }
            }
        }
        let payment = try #require(bench.transport.change { $0.topics["payments"]?.first })
        let cancelled = try #require(bench.transport.change { $0.topics["orders"]?.last })
        #expect(payment.extensions[.causationID] == "first" && payment.extensions[.correlationID] == "first")
        #expect(cancelled.extensions[.causationID] == payment.id)
        #expect(cancelled.extensions[.correlationID] == "first")
    }

    @Test func `trace context is passed on where nobody makes spans`() async throws {
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        let consumer = try bench.bus.consumer(group: "g") {
            Handle(OrderPlaced.self) { order, context in
                try await context.bus.publish(PaymentTaken(orderID: order.orderID))
            }
        }
        try await bench.running(consumer) {
            var options = PublishOptions()
            try options.extensions.set(.traceParent, to: parent)
            try await bench.bus.publish(OrderPlaced(orderID: "1", total: 1), options: options)
            await bench.transport.until { $0.topics["payments"]?.count == 1 }
        }
        #expect(bench.transport.change { $0.topics["payments"]?.first?.extensions[.traceParent] } == parent)
    }

    @Test func `no more events are asked for than there is room for, and no more handlers run than may`()
        async throws
    {
        let running = Mutex((now: 0, most: 0))
        let notes = Notes<Int>()
        let gate = Signal()
        let consumer = try bench.bus.consumer(group: "g", options: .init(concurrency: 3, prefetch: 6)) {
            Handle(OrderCancelled.self) { _, _ in
                let now = running.withLock { running in
                    running.now += 1
                    running.most = max(running.most, running.now)
                    return running.now
                }
                notes.add(now)
                await gate.wait()
                running.withLock { $0.now -= 1 }
            }
        }
        try await bench.running(consumer) {
            try await bench.bus.publish((0..<20).map { OrderCancelled(orderID: "\($0)") })
            _ = await notes.wait(3)
            #expect(bench.transport.change { $0.groups["g.orders"]?.out.count ?? 0 } <= 6)
            gate.fire()
            _ = await bench.transport.settled(20)
        }
        #expect(running.withLock(\.most) == 3)
    }
}
