// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Apus

@Suite struct MiddlewareTests {
    let bench = Bench()

    @Test func `layers stand around the handler in the order in which they are written`() async throws {
        let notes = Notes<String>()
        func layer(_ name: String) -> Around {
            Around { context, next in
                notes.add("in \(name)")
                try await next(context)
                notes.add("out \(name)")
            }
        }
        let consumer = try bench.bus.consumer(group: "g") {
            layer("a")
            layer("b")
            Handle(OrderCancelled.self) { _, _ in notes.add("handler") }.use(layer("c"))
        }
        try await bench.running(consumer) {
            try await bench.bus.publish(OrderCancelled(orderID: "1"))
            _ = await bench.transport.settled(1)
        }
        #expect(notes.all == ["in a", "in b", "in c", "handler", "out c", "out b", "out a"])
    }

    @Test func `a layer can swallow, replace and refuse`() async throws {
        let consumer = try bench.bus.consumer(group: "g", options: .init(concurrency: 1)) {
            Around { context, next in
                switch context.event.subject {
                case "skip": return
                case "refuse": throw Reject("refused by a layer")
                default: try await next(context)
                }
            }
            Handle(OrderCancelled.self) { _, _ in throw Reject("handled") }
        }
        try await bench.running(consumer) {
            for subject in ["skip", "refuse", "go"] {
                try await bench.bus.publish(
                    OrderCancelled(orderID: "1"), options: PublishOptions(subject: subject))
            }
            #expect(
                await bench.transport.settled(3) == [
                    .acknowledge, .deadLetter(reason: "refused by a layer"), .deadLetter(reason: "handled"),
                ])
        }
    }

    @Test func `layers see events whose data cannot be read`() async throws {
        let notes = Notes<String>()
        let consumer = try bench.bus.consumer(group: "g") {
            Around { context, next in
                do { try await next(context) } catch let error as UnreadableEvent {
                    notes.add("\(error)")
                    throw error
                }
            }
            Handle(OrderCancelled.self) { _, _ in }
        }
        try await bench.running(consumer) {
            try await bench.bus.publish(
                RawEvent(type: OrderCancelled.type, topic: "orders", data: Array("{}".utf8)))
            _ = await bench.transport.settled(1)
        }
        #expect(notes.all == ["data of com.shop.order.cancelled cannot be read: data lacks 'orderID'"])
    }

    @Test func `a throttle spreads events evenly, after a burst`() {
        var bucket = TokenBucket(interval: .milliseconds(100), burst: 3)
        let begins = (0..<6).map { _ in bucket.take(at: .seconds(1)) }
        #expect(begins == [1000, 1000, 1000, 1100, 1200, 1300].map { .milliseconds($0) })
        let later = bucket.take(at: .seconds(60))
        #expect(later == .seconds(60))
    }

    @Test func `a throttled consumer handles as many as it may`() async throws {
        let notes = Notes<String>()
        let consumer = try bench.bus.consumer(group: "g", options: .init(timeout: nil)) {
            Throttle(2, per: .seconds(1))
            Handle(OrderCancelled.self) { order, _ in notes.add(order.orderID) }
        }
        try await bench.running(consumer) {
            try await bench.bus.publish((0..<3).map { OrderCancelled(orderID: "\($0)") })
            #expect(await notes.wait(1).count == 1)
            await bench.clock.sleepers(until: .seconds(1))
            bench.clock.advance(by: .milliseconds(500))
            #expect(await notes.wait(2).count == 2)
            bench.clock.advance(by: .milliseconds(500))
            #expect(await notes.wait(3).count == 3)
        }
    }

    @Test func `a circuit opens after failures in a row, tries one event, and closes when it works`() {
        var state = CircuitState(failuresMax: 3, pause: .seconds(30))
        func enter(_ seconds: Int) -> CircuitState.Entry { state.enter(at: .seconds(seconds)) }
        func failed(_ seconds: Int, isProbe: Bool = false) -> Bool {
            state.failed(at: .seconds(seconds), isProbe: isProbe)
        }
        func succeeded(isProbe: Bool = false) -> Bool { state.succeeded(isProbe: isProbe) }
        #expect(
            [failed(0), failed(0), succeeded(), failed(0), failed(0)] == [false, false, false, false, false])
        #expect(enter(0) == .go)
        #expect(failed(0))
        #expect(enter(1) == .wait(until: .seconds(30)))
        #expect(enter(30) == .probe)
        #expect(enter(30) == .wait(until: .seconds(33)))
        #expect(!failed(31, isProbe: true))
        #expect(enter(40) == .wait(until: .seconds(61)))
        #expect(enter(61) == .probe)
        #expect(succeeded(isProbe: true))
        #expect(enter(61) == .go)
    }

    @Test func `a handler that hangs opens the circuit, and layers are told that it took too long`()
        async throws
    {
        let notes = Notes<String>()
        let clock = bench.clock
        let consumer = try bench.bus.consumer(
            group: "g", options: .init(concurrency: 1, retry: .immediate(20), timeout: .seconds(2))
        ) {
            Around { context, next in
                do { try await next(context) } catch {
                    notes.add("\(error)")
                    throw error
                }
            }
            CircuitBreaker(after: 1, pause: .seconds(600))
            Handle(OrderCancelled.self) { _, _ in try await clock.sleep(for: .seconds(1000)) }
        }
        try await bench.running(consumer) {
            try await bench.bus.publish(OrderCancelled(orderID: "1"))
            await clock.sleepers(until: .seconds(1000))
            clock.advance(by: .seconds(2))
            #expect(
                await bench.transport.settled(1) == [
                    .retry(after: .zero, reason: "the handler took longer than 2.0 seconds")
                ])
            // The event is there again, and waits for the circuit.
            await clock.sleepers(until: .seconds(602))
        }
        #expect(notes.all.first == "the handler took longer than 2.0 seconds")
    }

    @Test func `what a layer makes of a timeout counts, and is no end of the program`() async throws {
        let clock = bench.clock
        let consumer = try bench.bus.consumer(
            group: "g",
            options: .init(
                concurrency: 1, retry: .immediate(20).never(on: GatewayDown.self), timeout: .seconds(2))
        ) {
            Around { context, next in
                do { try await next(context) } catch is HandlerTimeout { throw GatewayDown() }
            }
            Handle(OrderCancelled.self) { _, _ in try await clock.sleep(for: .seconds(1000)) }
        }
        try await bench.running(consumer) {
            try await bench.bus.publish(OrderCancelled(orderID: "1"))
            await clock.sleepers(until: .seconds(1000))
            clock.advance(by: .seconds(2))
            #expect(await bench.transport.settled(1) == [.deadLetter(reason: "GatewayDown()")])
        }
    }

    @Test func `while a circuit is open, events wait with their attempts unspent`() async throws {
        let notes = Notes<String>()
        let isDown = Signal()
        let consumer = try bench.bus.consumer(
            group: "g", options: .init(concurrency: 1, retry: .immediate(20), timeout: nil)
        ) {
            CircuitBreaker(after: 2, pause: .seconds(30))
            Handle(OrderCancelled.self) { order, context in
                notes.add("\(order.orderID) \(context.attempt)")
                if !isDown.hasHappened { throw GatewayDown() }
            }
        }
        try await bench.running(consumer) {
            try await bench.bus.publish(OrderCancelled(orderID: "1"))
            _ = await notes.wait(2)
            await bench.clock.sleepers(until: .seconds(30))
            isDown.fire()
            bench.clock.advance(by: .seconds(30))
            #expect(await notes.wait(3) == ["1 1", "1 2", "1 3"])
            #expect(await bench.transport.settled(3).last == .acknowledge)
        }
    }
}
