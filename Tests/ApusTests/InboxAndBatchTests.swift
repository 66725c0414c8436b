// SPDX-License-Identifier: Apache-2.0

import Synchronization
import Testing

@testable import Apus

@Suite struct InboxTests {
    let bench = Bench()

    @Test func `an event published twice is handled once for each group`() async throws {
        let notes = Notes<String>()
        let inbox = MemoryInbox(clock: bench.clock)
        let one = try bench.bus.consumer(group: "one", options: .init(concurrency: 1, inbox: inbox)) {
            Handle(OrderCancelled.self) { order, _ in notes.add("one \(order.orderID)") }
        }
        let two = try bench.bus.consumer(group: "two", options: .init(concurrency: 1, inbox: inbox)) {
            Handle(OrderCancelled.self) { order, _ in notes.add("two \(order.orderID)") }
        }
        try await bench.running(one) {
            try await bench.running(two) {
                for _ in 0..<2 {
                    try await bench.bus.publish(
                        OrderCancelled(orderID: "1"), options: PublishOptions(id: "same"))
                }
                #expect(await bench.transport.settled(4).allSatisfy { $0 == .acknowledge })
            }
        }
        #expect(notes.all.sorted() == ["one 1", "two 1"])
    }

    @Test func `a repeat of what is being handled waits, costs no attempt, and is done when that is`()
        async throws
    {
        let (notes, begun, goesOn) = (Notes<String>(), Signal(), Signal())
        let consumer = try bench.bus.consumer(
            group: "g",
            options: .init(concurrency: 2, retry: .none, inbox: MemoryInbox(clock: bench.clock))
        ) {
            Handle(OrderCancelled.self) { order, _ in
                begun.fire()
                await goesOn.wait()
                notes.add(order.orderID)
            }
        }
        try await bench.running(consumer) {
            let now = bench.clock.uptime
            for _ in 0..<2 {
                try await bench.bus.publish(
                    OrderCancelled(orderID: "1"), options: PublishOptions(id: "same"))
            }
            await begun.wait()
            await bench.clock.sleepers(until: now + .seconds(1))
            goesOn.fire()
            #expect(await bench.transport.settled(1) == [.acknowledge])
            bench.clock.advance(by: .seconds(1))
            #expect(await bench.transport.settled(3) == [.acknowledge, .release, .acknowledge])
        }
        #expect(notes.all == ["1"])
    }

    @Test func `a failure is forgotten, so that the retry is handled`() async throws {
        let notes = Notes<Int>()
        let consumer = try bench.bus.consumer(
            group: "g", options: .init(retry: .immediate(2), inbox: MemoryInbox(clock: bench.clock))
        ) {
            Handle(OrderCancelled.self) { _, context in
                notes.add(context.attempt)
                if context.attempt == 1 { throw GatewayDown() }
            }
        }
        try await bench.running(consumer) {
            try await bench.bus.publish(OrderCancelled(orderID: "1"))
            #expect(await bench.transport.settled(2).last == .acknowledge)
        }
        #expect(notes.all == [1, 2])
    }

    @Test func `an inbox in memory is bounded by count and age`() {
        let clock = TestClock()
        let inbox = MemoryInbox(countMax: 2, ageMax: .seconds(10), clock: clock)
        func key(_ id: Int) -> InboxKey { InboxKey(group: "g", source: "/s", id: "\(id)") }
        for id in 1...3 {
            #expect(inbox.begin(key(id)) == .new)
            #expect(inbox.begin(key(id)) == .underWay)
            inbox.complete(key(id))
        }
        #expect(inbox.begin(key(3)) == .handled && inbox.begin(key(2)) == .handled)
        #expect(inbox.begin(key(1)) == .new)
        inbox.abandon(key(1))
        #expect(inbox.begin(key(1)) == .new)
        clock.advance(by: .seconds(10))
        #expect(inbox.begin(key(3)) == .new)
    }
}

@Suite struct BatchTests {
    let bench = Bench()

    @Test func `a batch is handled when it is full, and what is left when it has waited`() async throws {
        let notes = Notes<[String]>()
        let consumer = try bench.bus.consumer(group: "g", options: .init(timeout: nil)) {
            Handle(batchesOf: OrderCancelled.self, size: 3, linger: .seconds(2)) { items in
                notes.add(items.map(\.event.orderID).sorted())
            }
        }
        try await bench.running(consumer) {
            try await bench.bus.publish((1...4).map { OrderCancelled(orderID: "\($0)") })
            _ = await notes.wait(1)
            await bench.clock.sleepers(until: .seconds(2))
            bench.clock.advance(by: .seconds(2))
            let batches = await notes.wait(2)
            #expect(batches.map(\.count) == [3, 1])
            #expect(batches.flatMap(\.self).sorted() == ["1", "2", "3", "4"])
            #expect(await bench.transport.settled(4).allSatisfy { $0 == .acknowledge })
        }
    }

    @Test func `some of a batch can fail, and what cannot be read does not come into one`() async throws {
        let consumer = try bench.bus.consumer(group: "g", options: .init(retry: .none, timeout: nil)) {
            Handle(batchesOf: OrderCancelled.self, size: 3, linger: .seconds(2)) { items in
                #expect(items.count == 2)
                throw BatchFailure([1: Reject("second of \(items[1].event.orderID)")])
            }
        }
        try await bench.running(consumer) {
            try await bench.bus.publish(RawEvent(type: OrderCancelled.type, topic: "orders", data: []))
            try await bench.bus.publish([OrderCancelled(orderID: "1"), OrderCancelled(orderID: "2")])
            let verdicts = await bench.transport.settled(3)
            #expect(verdicts.count { $0 == .acknowledge } == 1)
        }
        #expect(bench.dead("g.orders").count == 2)
    }

    @Test func `a batch that takes too long is cancelled and its events retried`() async throws {
        let clock = bench.clock
        let notes = Notes<Int>()
        let consumer = try bench.bus.consumer(
            group: "g", options: .init(retry: .immediate(1), timeout: .seconds(10))
        ) {
            Handle(batchesOf: OrderCancelled.self, size: 2) { items in
                notes.add(items.count)
                if notes.all.count == 1 { try await clock.sleep(for: .seconds(1000)) }
            }
        }
        try await bench.running(consumer) {
            try await bench.bus.publish([OrderCancelled(orderID: "1"), OrderCancelled(orderID: "2")])
            _ = await notes.wait(1)
            await clock.sleepers(until: .seconds(10))
            clock.advance(by: .seconds(10))
            #expect(
                await bench.transport.settled(4) == [
                    .retry(after: .zero, reason: "the handler took longer than 10.0 seconds"),
                    .retry(after: .zero, reason: "the handler took longer than 10.0 seconds"), .acknowledge,
                    .acknowledge,
                ])
        }
    }

    @Test func `a batch that waits is handled at the end`() async throws {
        let notes = Notes<Int>()
        let consumer = try bench.bus.consumer(group: "g", options: .init(timeout: nil)) {
            Handle(batchesOf: OrderCancelled.self, size: 10, linger: .seconds(2)) { items in
                notes.add(items.count)
            }
        }
        try await bench.running(consumer) {
            try await bench.bus.publish(OrderCancelled(orderID: "1"))
            await bench.clock.sleepers(until: .seconds(2))
        }
        #expect(notes.all == [1])
        #expect(bench.settled == [.acknowledge])
    }
}
