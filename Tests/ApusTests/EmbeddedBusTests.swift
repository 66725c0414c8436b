// SPDX-License-Identifier: Apache-2.0

// The library over the real engine, on a clock that tests move.

import ApusTesting
import Testing

@testable import Apus

@Suite struct EmbeddedBusTests {
    @Test
    func `a failing handler is retried at its time, dead-lettered in the end, and every step can be seen`()
        async throws
    {
        let test = try await TestBus()
        let bus = Bus(testing: test)
        let consumer = try bus.consumer(
            group: "billing", options: .init(retry: .list([.seconds(10), .seconds(60)]))
        ) {
            Handle(OrderPlaced.self) { order, context in
                if order.orderID == "bad" { throw GatewayDown() }
                try await context.bus.publish(PaymentTaken(orderID: order.orderID))
            }
        }
        try await test.running(consumer) {
            try await bus.publish([
                OrderPlaced(orderID: "good", total: 1), OrderPlaced(orderID: "bad", total: 2),
            ])
            try await test.settle()
            #expect(try test.published(PaymentTaken.self) == [PaymentTaken(orderID: "good")])
            #expect(try test.consumed(OrderPlaced.self, by: "billing").count == 2)
            try await test.advance(by: .seconds(10))
            #expect(
                try test.consumed(OrderPlaced.self).filter { $0.event.orderID == "bad" }.map(\.attempt) == [
                    1, 2,
                ])
            try await test.advance(by: .seconds(60))
            let dead = try await test.deadLettered(OrderPlaced.self)
            #expect(dead.map(\.event.orderID) == ["bad"] && dead.map(\.reason) == ["GatewayDown()"])
        }
        await bus.close()
    }

    @Test func `events of a key wait for the one ahead of them, through its retries`() async throws {
        let test = try await TestBus()
        let bus = Bus(testing: test)
        let notes = Notes<String>()
        let consumer = try bus.consumer(
            group: "g", options: .init(concurrency: 4, ordering: .byKey, retry: .list([.seconds(10)]))
        ) {
            Handle(OrderPlaced.self) { order, context in
                notes.add("\(order.orderID) \(Int(order.total)) \(context.attempt)")
                if order.total == 1, context.attempt == 1 { throw GatewayDown() }
            }
        }
        try await test.running(consumer) {
            try await bus.publish([
                OrderPlaced(orderID: "a", total: 1), OrderPlaced(orderID: "a", total: 2),
                OrderPlaced(orderID: "b", total: 3),
            ])
            try await test.settle()
            #expect(Set(notes.all) == ["a 1 1", "b 3 1"])
            try await test.advance(by: .seconds(10))
            #expect(notes.all.suffix(2) == ["a 1 2", "a 2 1"])
        }
        await bus.close()
    }

    @Test func `typed rules run in the broker, and what they copy is replayed`() async throws {
        let bus = try await Bus.connect("memory:")
        try await bus.route(
            "large", OrderPlaced.self, where: \.total > 1000 && \.region == "eu", to: .topic("large"))
        let notes = Notes<String>()
        let consumer = try bus.consumer(group: "vip", topic: "large") {
            Handle(OrderPlaced.self) { order, _ in notes.add(order.orderID) }
        }
        try await consumer.subscribe()
        let task = Task { try await consumer.run() }
        try await bus.publish([
            OrderPlaced(orderID: "small", total: 1), OrderPlaced(orderID: "large", total: 2000),
            OrderPlaced(orderID: "abroad", total: 2000, region: "us"),
        ])
        #expect(await notes.wait(1) == ["large"])
        consumer.stop()
        try await task.value
        var replayed: [String] = []
        for try await past in try bus.replay(OrderPlaced.self, from: .earliest, where: \.total > 100) {
            replayed.append(past.event.orderID)
        }
        #expect(replayed == ["large", "abroad"])
        await bus.close()
    }

    @Test func `a filter holds back what a handler is not to see`() async throws {
        let test = try await TestBus()
        let bus = Bus(testing: test)
        let consumer = try bus.consumer(group: "g") {
            Handle(OrderPlaced.self) { _, _ in }.where(OrderPlaced.self, .hasPrefix(\.region, "e"))
            Handle(OrderCancelled.self) { _, _ in }
        }
        try await test.running(consumer) {
            try await bus.publish(
                [OrderPlaced(orderID: "1", total: 1), OrderPlaced(orderID: "2", total: 1, region: "us")])
            try await bus.publish(OrderCancelled(orderID: "3"))
            try await test.settle()
        }
        #expect(try test.consumed(OrderPlaced.self).map(\.event.orderID) == ["1"])
        #expect(try test.consumed(OrderCancelled.self).count == 1)
        await bus.close()
    }

    @Test func `a request is answered over the engine`() async throws {
        let bus = try await Bus.connect("memory:")
        let consumer = try bus.consumer(group: "quotes") {
            Handle(GetQuote.self, replying: Quote.self) { request, _ in
                Quote(price: Double(request.symbol.count))
            }
        }
        try await consumer.subscribe()
        let task = Task { try await consumer.run() }
        #expect(
            try await bus.request(GetQuote(symbol: "apus"), as: Quote.self, timeout: .seconds(30))
                == Quote(price: 4))
        consumer.stop()
        try await task.value
        await bus.close()
    }

    @Test func `delayed events come at their time, and recurring ones again`() async throws {
        let test = try await TestBus()
        let bus = Bus(testing: test)
        let consumer = try bus.consumer(group: "g") {
            Handle(OrderCancelled.self) { _, _ in }
        }
        try await test.running(consumer) {
            let receipt = try await bus.publish(OrderCancelled(orderID: "late"), after: .seconds(60))
            let taken = try await bus.publish(OrderCancelled(orderID: "never"), after: .seconds(60))
            #expect(try await bus.cancel(taken))
            #expect(receipt.scheduleID != nil)
            try await test.advance(by: .seconds(59))
            #expect(try test.consumed(OrderCancelled.self).isEmpty)
            try await test.advance(by: .seconds(1))
            #expect(try test.consumed(OrderCancelled.self).map(\.event.orderID) == ["late"])
            try await bus.schedule("tick", every: .seconds(100), OrderCancelled(orderID: "tick"))
            try await test.advance(by: .seconds(350))
            #expect(try test.consumed(OrderCancelled.self).count { $0.event.orderID == "tick" } >= 3)
            try await bus.unschedule("tick")
        }
        await bus.close()
    }

    @Test func `ten thousand events go through, each once`() async throws {
        let bus = try await Bus.connect("memory:")
        let notes = Notes<Int>()
        struct Counted: Event {
            static let type = "counted", topic = "counted"
            var number: Int
        }
        let consumer = try bus.consumer(group: "g", options: .init(concurrency: 4, prefetch: 512)) {
            Handle(Counted.self) { event, _ in notes.add(event.number) }
        }
        try await consumer.subscribe()
        let task = Task { try await consumer.run() }
        for start in stride(from: 0, to: 10_000, by: 500) {
            try await bus.publish((start..<start + 500).map { Counted(number: $0) })
        }
        #expect(await notes.wait(10_000).sorted() == Array(0..<10_000))
        consumer.stop()
        try await task.value
        await bus.close()
    }
}
