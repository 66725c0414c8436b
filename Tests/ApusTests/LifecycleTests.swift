// SPDX-License-Identifier: Apache-2.0

import Logging
import ServiceLifecycle
import Synchronization
import Testing

@testable import Apus

@Suite struct LifecycleTests {
    let bench = Bench()

    @Test func `a handler that takes too long is cancelled and its event retried, and the worker goes on`()
        async throws
    {
        let notes = Notes<String>()
        let clock = bench.clock
        let consumer = try bench.bus.consumer(
            group: "g", options: .init(concurrency: 1, retry: .immediate(3), timeout: .seconds(10))
        ) {
            Handle(OrderCancelled.self) { order, context in
                notes.add("\(order.orderID) \(context.attempt)")
                if order.orderID == "slow", context.attempt == 1 {
                    try await clock.sleep(for: .seconds(1000))
                }
            }
        }
        try await bench.running(consumer) {
            try await bench.bus.publish(OrderCancelled(orderID: "slow"))
            _ = await notes.wait(1)
            await clock.sleepers(until: .seconds(10))
            clock.advance(by: .seconds(10))
            #expect(
                await bench.transport.settled(1) == [
                    .retry(after: .zero, reason: "the handler took longer than 10.0 seconds")
                ])
            try await bench.bus.publish(OrderCancelled(orderID: "next"))
            #expect(Set(await notes.wait(3)) == ["slow 1", "slow 2", "next 1"])
            _ = await bench.transport.settled(3)
        }
    }

    @Test func `a handler's own limit wins over the consumer's`() async throws {
        let clock = bench.clock
        let notes = Notes<Int>()
        let consumer = try bench.bus.consumer(
            group: "g", options: .init(concurrency: 1, retry: .none, timeout: .seconds(10))
        ) {
            Handle(OrderCancelled.self) { _, context in
                notes.add(1)
                try await clock.sleep(for: .seconds(1000))
            }
            .timeout(.seconds(2))
        }
        try await bench.running(consumer) {
            try await bench.bus.publish(OrderCancelled(orderID: "1"))
            _ = await notes.wait(1)
            await clock.sleepers(until: .seconds(2))
            clock.advance(by: .seconds(2))
            #expect(
                await bench.transport.settled(1) == [
                    .deadLetter(reason: "the handler took longer than 2.0 seconds")
                ])
        }
    }

    @Test func `what follows a handler that took too long and did its work is judged by itself`() async throws
    {
        let (gate, notes, clock) = (Signal(), Notes<Int>(), bench.clock)
        let consumer = try bench.bus.consumer(
            group: "g", options: .init(concurrency: 1, retry: .immediate(3), timeout: nil)
        ) {
            Handle(OrderCancelled.self) { _, _ in
                notes.add(1)
                await Task { await gate.wait() }.value
            }
            .timeout(.seconds(2))
            Handle(OrderPlaced.self) { _, _ in throw Reject("no") }
        }
        try await bench.running(consumer) {
            try await bench.bus.publish(OrderCancelled(orderID: "1"))
            _ = await notes.wait(1)
            await clock.sleepers(until: .seconds(2))
            clock.advance(by: .seconds(2))
            await clock.sleepers(until: .seconds(12))
            gate.fire()
            #expect(await bench.transport.settled(1) == [.acknowledge])
            try await bench.bus.publish(OrderPlaced(orderID: "2", total: 1))
            #expect(await bench.transport.settled(2).last == .deadLetter(reason: "no"))
        }
    }

    @Test func `the event of a handler that ignores its end is left to others`() async throws {
        let (gate, notes, clock, lines) = (Signal(), Notes<Int>(), bench.clock, Notes<String>())
        let bus = Bus(
            transport: bench.transport,
            options: BusOptions(logger: Logger(label: "tests") { _ in LineNotes(lines) }, clock: clock))
        let consumer = try bus.consumer(
            group: "g", options: .init(concurrency: 1, timeout: .seconds(2), lease: .seconds(30))
        ) {
            Handle(OrderCancelled.self) { _, _ in
                notes.add(1)
                await Task { await gate.wait() }.value
            }
        }
        try await bench.running(consumer) {
            try await bus.publish(OrderCancelled(orderID: "1"))
            _ = await notes.wait(1)
            await clock.sleepers(until: .seconds(2))
            clock.advance(by: .seconds(2))
            await clock.sleepers(until: .seconds(12))
            clock.advance(by: .seconds(8))
            await clock.sleepers(until: .seconds(20))
            #expect(bench.transport.change(\.extended).count == 1)
            clock.advance(by: .seconds(2))
            #expect(await lines.wait(1).last?.hasPrefix("a handler took too long and goes on") == true)
            clock.advance(by: .seconds(8))
            await clock.sleepers(until: .seconds(30))
            #expect(bench.transport.change(\.extended).count == 1)
            gate.fire()
            _ = await bench.transport.settled(1)
        }
    }

    @Test func `so are the events of a batch whose handler ignores its end`() async throws {
        let (gate, notes, clock, lines) = (Signal(), Notes<Int>(), bench.clock, Notes<String>())
        let bus = Bus(
            transport: bench.transport,
            options: BusOptions(logger: Logger(label: "tests") { _ in LineNotes(lines) }, clock: clock))
        let consumer = try bus.consumer(
            group: "g", options: .init(timeout: .seconds(2), lease: .seconds(30))
        ) {
            Handle(batchesOf: OrderCancelled.self, size: 2) { batch in
                notes.add(batch.count)
                await Task { await gate.wait() }.value
            }
        }
        try await bench.running(consumer) {
            try await bus.publish((0..<2).map { OrderCancelled(orderID: "\($0)") })
            #expect(await notes.wait(1) == [2])
            await clock.sleepers(until: .seconds(2))
            clock.advance(by: .seconds(2))
            await clock.sleepers(until: .seconds(12))
            clock.advance(by: .seconds(8))
            await clock.sleepers(until: .seconds(20))
            #expect(bench.transport.change(\.extended).count == 2)
            clock.advance(by: .seconds(2))
            #expect(await lines.wait(1).last?.hasPrefix("a handler took too long and goes on") == true)
            clock.advance(by: .seconds(8))
            await clock.sleepers(until: .seconds(30))
            #expect(bench.transport.change(\.extended).count == 2)
            gate.fire()
            _ = await bench.transport.settled(2)
        }
    }

    @Test func `handlers that ignore their end do not hold up that of the program`() async throws {
        let (gate, notes, clock) = (Signal(), Notes<Int>(), bench.clock)
        let consumer = try bench.bus.consumer(
            group: "g", options: .init(timeout: nil, grace: .seconds(5))
        ) {
            Handle(OrderCancelled.self) { _, _ in
                notes.add(1)
                await Task { await gate.wait() }.value
            }
        }
        try await consumer.subscribe()
        let run = Task { try await consumer.run() }
        try await bench.bus.publish(OrderCancelled(orderID: "1"))
        _ = await notes.wait(1)
        consumer.stop()
        await clock.sleepers(until: .seconds(5))
        clock.advance(by: .seconds(5))
        await clock.sleepers(until: .seconds(15))
        clock.advance(by: .seconds(10))
        try await run.value
        #expect(
            bench.transport.change {
                $0.groups["g.orders"]?.ready.count ?? $0.groups.values.first?.ready.count
            } == 1)
        gate.fire()
    }

    @Test func `a broker that is away when the consumer begins is waited for`() async throws {
        let (notes, clock) = (Notes<String>(), bench.clock)
        let consumer = try bench.bus.consumer(group: "g") {
            Handle(OrderCancelled.self) { order, _ in notes.add(order.orderID) }
        }
        try await consumer.subscribe()
        bench.transport.change {
            $0.subscribeFailures = [.unavailable("restarting"), .unavailable("restarting")]
        }
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await consumer.run() }
            await clock.sleepers(until: .milliseconds(200))
            clock.advance(by: .milliseconds(200))
            await clock.sleepers(until: .milliseconds(600))
            clock.advance(by: .milliseconds(400))
            try await bench.bus.publish(OrderCancelled(orderID: "1"))
            #expect(await notes.wait(1) == ["1"])
            consumer.stop()
            try await tasks.waitForAll()
        }
    }

    @Test func `a consumer that waits for its broker ends when it is told to`() async throws {
        let consumer = try bench.bus.consumer(group: "g") { Handle(OrderCancelled.self) { _, _ in } }
        bench.transport.change { $0.subscribeFailures = [.unavailable("restarting")] }
        let run = Task { try await consumer.run() }
        await bench.clock.sleepers(until: .milliseconds(200))
        consumer.stop()
        try await run.value
    }

    @Test func `a consumer that could not go on says so each time, and runs again when it can`() async throws
    {
        let notes = Notes<String>()
        let consumer = try bench.bus.consumer(group: "g") {
            Handle(OrderCancelled.self) { order, _ in notes.add(order.orderID) }
        }
        try await consumer.subscribe()
        bench.transport.change { $0.subscribeFailures = [.unauthorized("no"), .unauthorized("no")] }
        for _ in 0..<2 { await #expect(throws: BusError.unauthorized("no")) { try await consumer.run() } }
        try await bench.running(consumer) {
            try await bench.bus.publish(OrderCancelled(orderID: "1"))
            #expect(await notes.wait(1) == ["1"])
        }
    }

    @Test func `leases are extended as long as events are unsettled`() async throws {
        let gate = Signal()
        let notes = Notes<Int>()
        let consumer = try bench.bus.consumer(
            group: "g", options: .init(timeout: nil, lease: .seconds(30))
        ) {
            Handle(OrderCancelled.self) { _, _ in
                notes.add(1)
                await gate.wait()
            }
        }
        try await bench.running(consumer) {
            try await bench.bus.publish(OrderCancelled(orderID: "1"))
            _ = await notes.wait(1)
            for round in 1...3 {
                await bench.clock.sleepers(until: .seconds(10 * round))
                bench.clock.advance(by: .seconds(10))
                await bench.transport.until { $0.extended.count == round }
            }
            gate.fire()
            _ = await bench.transport.settled(1)
            await bench.clock.sleepers(until: .seconds(40))
            bench.clock.advance(by: .seconds(10))
            await bench.clock.sleepers(until: .seconds(50))
        }
        #expect(bench.transport.change(\.extended) == [.seconds(30), .seconds(30), .seconds(30)])
    }

    @Test func `a graceful shutdown finishes what runs and gives the rest back`() async throws {
        let gate = Signal()
        let notes = Notes<String>()
        let consumer = try bench.bus.consumer(group: "g", options: .init(concurrency: 1)) {
            Handle(OrderCancelled.self) { order, _ in
                notes.add(order.orderID)
                await gate.wait()
            }
        }
        try await consumer.subscribe()
        let group = ServiceGroup(services: [consumer], logger: bench.bus.logger)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            try await bench.bus.publish((1...3).map { OrderCancelled(orderID: "\($0)") })
            _ = await notes.wait(1)
            await bench.transport.until { ($0.groups["g.orders"]?.out.count ?? 0) == 3 }
            await group.triggerGracefulShutdown()
            #expect(await bench.transport.settled(2) == [.release, .release])
            gate.fire()
            try await tasks.waitForAll()
        }
        #expect(bench.settled == [.release, .release, .acknowledge])
        #expect(notes.all == ["1"])
    }

    @Test func `a consumer that is full gives back what waits as soon as it is to end`() async throws {
        let gate = Signal()
        let notes = Notes<String>()
        let consumer = try bench.bus.consumer(group: "g", options: .init(concurrency: 1, prefetch: 4)) {
            Handle(OrderCancelled.self) { order, _ in
                notes.add(order.orderID)
                await gate.wait()
            }
        }
        try await consumer.subscribe()
        try await bench.bus.publish((1...9).map { OrderCancelled(orderID: "\($0)") })
        let task = Task { try await consumer.run() }
        _ = await notes.wait(1)
        await bench.transport.until { ($0.groups["g.orders"]?.out.count ?? 0) == 4 }
        consumer.stop()
        #expect(await bench.transport.settled(3) == [.release, .release, .release])
        gate.fire()
        try await task.value
        #expect(notes.all == ["1"])
    }

    @Test func `handlers that do not end within the grace are cancelled and their events given back`()
        async throws
    {
        let clock = bench.clock
        let notes = Notes<Int>()
        let consumer = try bench.bus.consumer(
            group: "g", options: .init(timeout: nil, grace: .seconds(5))
        ) {
            Handle(OrderCancelled.self) { _, _ in
                notes.add(1)
                try await clock.sleep(for: .seconds(1000))
            }
        }
        try await consumer.subscribe()
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await consumer.run() }
            try await bench.bus.publish(OrderCancelled(orderID: "1"))
            _ = await notes.wait(1)
            consumer.stop()
            await clock.sleepers(until: .seconds(5))
            clock.advance(by: .seconds(5))
            try await tasks.waitForAll()
        }
        #expect(bench.settled == [.release])
    }

    @Test func `an event that middleware holds back is given back at once when the consumer is to end`()
        async throws
    {
        let notes = Notes<Int>()
        let consumer = try bench.bus.consumer(
            group: "g", options: .init(concurrency: 1, retry: .immediate(9))
        ) {
            CircuitBreaker(after: 1, pause: .seconds(600))
            Handle(OrderCancelled.self) { _, context in
                notes.add(context.attempt)
                throw GatewayDown()
            }
        }
        try await bench.running(consumer) {
            try await bench.bus.publish(OrderCancelled(orderID: "1"))
            await bench.clock.sleepers(until: .seconds(600))
        }
        #expect(bench.settled == [.retry(after: .zero, reason: "GatewayDown()"), .release])
        #expect(notes.all == [1])
    }

    @Test func `cancelling a consumer gives its events back and says so`() async throws {
        let clock = bench.clock
        let notes = Notes<Int>()
        let consumer = try bench.bus.consumer(group: "g") {
            Handle(OrderCancelled.self) { _, _ in
                notes.add(1)
                try await clock.sleep(for: .seconds(1000))
            }
        }
        try await consumer.subscribe()
        let task = Task { try await consumer.run() }
        try await bench.bus.publish(OrderCancelled(orderID: "1"))
        _ = await notes.wait(1)
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(bench.settled == [.release])
    }

    @Test
    func `a broker that hiccups is asked again, and one that is gone ends the consumer with the reason`()
        async throws
    {
        let consumer = try bench.bus.consumer(group: "g") { Handle(OrderCancelled.self) { _, _ in } }
        bench.transport.change { state in
            state.receiveFailures = [.unavailable("restarting"), .refused("not allowed")]
        }
        try await consumer.subscribe()
        let task = Task { try await consumer.run() }
        await bench.clock.sleepers(until: .milliseconds(200))
        bench.clock.advance(by: .milliseconds(200))
        await #expect(throws: BusError.refused("not allowed")) { try await task.value }
    }

    @Test func `verdicts that were not taken are told again`() async throws {
        let consumer = try bench.bus.consumer(group: "g") { Handle(OrderCancelled.self) { _, _ in } }
        bench.transport.change { $0.settleFailures = [.unavailable("a moment")] }
        try await bench.running(consumer) {
            try await bench.bus.publish(OrderCancelled(orderID: "1"))
            await bench.clock.sleepers(until: .milliseconds(100))
            bench.clock.advance(by: .milliseconds(100))
            #expect(await bench.transport.settled(1) == [.acknowledge])
        }
    }

    @Test func `a consumer ends when the bus is closed`() async throws {
        let consumer = try bench.bus.consumer(group: "g") { Handle(OrderCancelled.self) { _, _ in } }
        try await consumer.subscribe()
        let task = Task { try await consumer.run() }
        await bench.transport.until { $0.groups["g.orders"]?.receiving.isEmpty == false }
        await bench.bus.close()
        await #expect(throws: BusError.closed) { try await task.value }
    }
}
