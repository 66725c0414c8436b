// SPDX-License-Identifier: Apache-2.0

// The bus for tests of applications: time that is moved, rest that is known, what happened, and faults.

import ApusBus
import ApusTesting
import CloudEvents
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(2))) struct TestBusTests {
    /// A consumer as the library has one: receives, handles, settles, until it is cancelled.
    private static func consume(
        _ receiver: any Receiver,
        _ handle: @escaping @Sendable (ReceivedEvent) async throws -> Settlement.Verdict
    ) -> Task<Void, Never> {
        Task {
            while !Task.isCancelled, let events = try? await receiver.receive(limit: 8, wait: .seconds(5)) {
                for event in events {
                    guard let verdict = try? await handle(event) else { return }
                    _ = try? await receiver.settle([Settlement(event.token, verdict)])
                }
            }
        }
    }

    private static func event(_ id: String) throws -> CloudEvent {
        try CloudEvent(id: id, source: "/test", type: "test.happened")
    }

    private static let subscription = Subscription(group: "billing", topic: "orders", attemptsMax: 3)

    @Test func `settle returns when everything was handled, what handlers publish too`() async throws {
        let bus = try await TestBus()
        let orders = Self.consume(try await bus.subscribe(Self.subscription)) { event in
            _ = try await bus.publish([try Self.event("paid-\(event.event.id)")], to: "payments")
            return .acknowledge
        }
        let payments = Self.consume(
            try await bus.subscribe(Subscription(group: "shipping", topic: "payments"))
        ) { _ in .acknowledge }
        for id in 0..<50 { _ = try await bus.publish([try Self.event("\(id)")], to: "orders") }
        try await bus.settle()
        #expect(bus.consumed(by: "billing.orders").count == 50)
        #expect(
            Set(bus.consumed(by: "shipping.payments").map(\.event.event.id))
                == Set((0..<50).map { "paid-\($0)" }))
        #expect(bus.published(to: "payments").count == 50 && bus.published().count == 100)
        bus.forgetHistory()
        #expect(bus.published().isEmpty && bus.consumed().isEmpty)
        await bus.close()
        await orders.value
        await payments.value
    }

    @Test func `an hour of retries passes at once, each at its time`() async throws {
        let bus = try await TestBus()
        let times = Mutex<[Int64]>([])
        let start = bus.now.millisecondsSinceEpoch
        let subscription = Subscription(group: "billing", topic: "orders", attemptsMax: 100)
        let task = Self.consume(try await bus.subscribe(subscription)) { event in
            times.withLock { $0.append(bus.now.millisecondsSinceEpoch - start) }
            return event.attempt < 4 ? .retry(after: .seconds(600), reason: "not yet") : .acknowledge
        }
        _ = try await bus.publish([try Self.event("1")], to: "orders")
        try await bus.settle()
        #expect(times.withLock { $0 } == [0])
        try await bus.advance(by: .seconds(3600))
        #expect(times.withLock { $0 } == [0, 600_000, 1_200_000, 1_800_000])
        #expect(bus.now.millisecondsSinceEpoch - start == 3_600_000)
        #expect(bus.consumed().map(\.event.attempt) == [1, 2, 3, 4])
        await bus.close()
        await task.value
    }

    @Test func `delayed and recurring events come by the clock of the bus`() async throws {
        let bus = try await TestBus()
        let task = Self.consume(try await bus.subscribe(Self.subscription)) { _ in .acknowledge }
        let due = CloudEventTimestamp(millisecondsSinceEpoch: bus.now.millisecondsSinceEpoch + 60_000)
        _ = try await bus.publish([try Self.event("later")], to: "orders", at: due)
        try await bus.advance(by: .seconds(59))
        #expect(bus.consumed().isEmpty)
        #expect(bus.published().map(\.due) == [due])
        try await bus.advance(by: .seconds(1))
        #expect(bus.consumed().map(\.event.event.id) == ["later"])
        try await bus.putSchedule(
            RecurringEvent(
                name: "tick", topic: "orders", recurrence: .rate(.seconds(60)), event: try Self.event("tick"))
        )
        bus.forgetHistory()
        try await bus.advance(by: .seconds(600))
        #expect((10...11).contains(bus.consumed().count))
        await bus.close()
        await task.value
    }

    @Test func `dead letters of consumers and of the bus are told`() async throws {
        let bus = try await TestBus()
        let task = Self.consume(try await bus.subscribe(Self.subscription)) { event in
            event.event.id == "bad"
                ? .deadLetter(reason: "unreadable") : .retry(after: .seconds(1), reason: "down")
        }
        _ = try await bus.publish([try Self.event("bad"), try Self.event("unlucky")], to: "orders")
        try await bus.advance(by: .seconds(10))
        let letters = try await bus.deadLettered()
        #expect(letters.map(\.letter.event.id).sorted() == ["bad", "unlucky"])
        #expect(Set(letters.map(\.letter.reason)) == ["unreadable", "down"])
        #expect(letters.first { $0.letter.event.id == "unlucky" }?.letter.attempts == 3)
        await bus.close()
        await task.value
    }

    @Test func `publishes fail when they are told to`() async throws {
        let bus = try await TestBus()
        bus.failPublishes(2, with: .unavailable("no"))
        for _ in 0..<2 {
            await #expect(throws: BusError.unavailable("no")) {
                try await bus.publish([try Self.event("1")], to: "orders")
            }
        }
        _ = try await bus.publish([try Self.event("1")], to: "orders")
        #expect(bus.published().count == 1)
        await bus.close()
    }

    @Test func `a verdict that was lost brings the event again when its lease ends`() async throws {
        let bus = try await TestBus()
        let task = Self.consume(try await bus.subscribe(Self.subscription)) { _ in .acknowledge }
        bus.loseVerdicts()
        _ = try await bus.publish([try Self.event("1")], to: "orders")
        try await bus.settle()
        #expect(bus.consumed().isEmpty)
        try await bus.advance(by: .seconds(30))
        #expect(bus.consumed().map(\.event.attempt) == [2])
        await bus.close()
        await task.value
    }

    @Test func `deliveries are repeated when they are told to be`() async throws {
        let bus = try await TestBus()
        let task = Self.consume(try await bus.subscribe(Self.subscription)) { _ in .acknowledge }
        bus.duplicateDeliveries(2)
        _ = try await bus.publish(
            [try Self.event("1"), try Self.event("2"), try Self.event("3")], to: "orders")
        try await bus.settle()
        #expect(bus.consumed().map(\.event.event.id).sorted() == ["1", "1", "2", "2", "3"])
        await bus.close()
        await task.value
    }

    @Test func `leases end when they are told to`() async throws {
        let bus = try await TestBus()
        let receiver = try await bus.subscribe(Self.subscription)
        _ = try await bus.publish([try Self.event("1")], to: "orders")
        let first = try await receiver.receive(limit: 1, wait: .seconds(5))
        try await bus.expireLeases()
        let results = try await receiver.settle(first.map { Settlement($0.token, .acknowledge) })
        #expect(results == [.expired])
        let again = try await receiver.receive(limit: 1, wait: .seconds(5))
        #expect(again.map(\.attempt) == [2])
        await bus.close()
    }

    @Test func `settle says what is still being handled`() async throws {
        let bus = try await TestBus()
        let receiver = try await bus.subscribe(Self.subscription)
        _ = try await bus.publish([try Self.event("1")], to: "orders")
        let held = try await receiver.receive(limit: 1, wait: .seconds(5))
        #expect(held.count == 1)
        let error = await #expect(throws: TestBus.NotSettled.self) {
            try await bus.settle(patience: .milliseconds(20))
        }
        #expect(error?.description == "still being handled: test.happened '1' of billing.orders")
        await bus.close()
    }
}
