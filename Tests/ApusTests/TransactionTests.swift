// SPDX-License-Identifier: Apache-2.0

// Handling exactly once: what a handler publishes and that its event is done are one step. Against the bus for tests, which has transactions; that Kafka keeps the same
// promises is the contract's business.

import ApusTesting
import Synchronization
import Testing

@testable import Apus

@Suite struct TransactionTests {
    private func bus() async throws -> (TestBus, Bus) {
        let test = try await TestBus()
        return (test, Bus(testing: test))
    }

    @Test
    func `what a handler publishes comes with its acknowledgement, once, and not from attempts that fail`()
        async throws
    {
        let (test, bus) = try await bus()
        let consumer = try bus.consumer(
            group: "billing", options: .init(retry: .immediate(3), transactions: "billing-1")
        ) {
            Handle(OrderPlaced.self) { order, context in
                let receipt = try await context.bus.publish(PaymentTaken(orderID: order.orderID))
                // It is not anywhere yet.
                #expect(receipt.topic == "payments" && receipt.offset == nil)
                #expect(
                    test.published(to: "payments").allSatisfy { $0.event.subject != "order/\(order.orderID)" }
                )
                if context.attempt == 1 { throw GatewayDown() }
            }
        }
        #expect(consumer.subscriptions.map(\.ordering) == [.byKey])
        try await test.running(consumer) {
            try await bus.publish((0..<20).map { OrderPlaced(orderID: "\($0)", total: 1) })
            try await test.settle()
        }
        let payments = try test.published(PaymentTaken.self)
        #expect(Set(payments.map(\.orderID)) == Set((0..<20).map(String.init)) && payments.count == 20)
        // They say what they come of.
        let orders = Set(test.published(to: "orders").map(\.event.id))
        #expect(
            test.published(to: "payments").allSatisfy {
                $0.event.extensions[.causationID].map(orders.contains) == true
            })
        #expect(try test.consumed(OrderPlaced.self).count { $0.verdict == .acknowledge } == 20)
    }

    @Test func `what came of an event and cannot be published gives that event up, and no other`()
        async throws
    {
        let (test, bus) = try await bus()
        let consumer = try bus.consumer(group: "billing", options: .init(transactions: "billing-1")) {
            Handle(OrderPlaced.self) { order, context in
                test.failPublishes(order.orderID == "large" ? 1 : 0, with: .tooLarge(bytes: 9, limit: 8))
                try await context.bus.publish(PaymentTaken(orderID: order.orderID))
            }
        }
        try await test.running(consumer) {
            for id in ["first", "large", "last"] {
                try await bus.publish(OrderPlaced(orderID: id, total: 1))
                try await test.settle()
            }
        }
        #expect(try test.published(PaymentTaken.self).map(\.orderID) == ["first", "last"])
        #expect(try await test.deadLettered(OrderPlaced.self).map(\.event.orderID) == ["large"])
    }

    @Test func `who is taken over ends and says so, with nothing published`() async throws {
        let (test, bus) = try await bus()
        let consumer = try bus.consumer(group: "billing", options: .init(transactions: "billing-1")) {
            Handle(OrderPlaced.self) { order, context in
                try await context.bus.publish(PaymentTaken(orderID: order.orderID))
                _ = try await test.transactions(id: "billing-1.orders")
            }
        }
        try await consumer.subscribe()
        try await bus.publish(OrderPlaced(orderID: "1", total: 1))
        await #expect {
            try await consumer.run()
        } throws: { error in
            if case .refused = error as? BusError { true } else { false }
        }
        #expect(test.published(to: "payments").isEmpty)
        #expect(try test.consumed(OrderPlaced.self).allSatisfy { $0.verdict != .acknowledge })
    }

    @Test func `what comes too late for its transaction is refused, and so is another time`() async throws {
        let (test, bus) = try await bus()
        let late = Notes<String>()
        let gate = Signal()
        let consumer = try bus.consumer(
            group: "billing", options: .init(retry: .none, transactions: "billing-1")
        ) {
            Handle(OrderPlaced.self) { order, context in
                Task {
                    await gate.wait()
                    do {
                        _ = try await context.bus.publish(PaymentTaken(orderID: order.orderID))
                        late.add("published")
                    } catch { late.add("\(error)") }
                }
                if order.orderID == "delayed" {
                    try await context.bus.publish(PaymentTaken(orderID: order.orderID), after: .seconds(9))
                }
            }
        }
        try await test.running(consumer) {
            try await bus.publish(OrderPlaced(orderID: "late", total: 1))
            try await bus.publish(OrderPlaced(orderID: "delayed", total: 1))
            try await test.settle()
        }
        gate.fire()
        #expect(await late.wait(2).allSatisfy { $0.contains("the transaction of this event is over") })
        #expect(test.published(to: "payments").isEmpty)
        let letters = try await test.deadLettered(OrderPlaced.self)
        #expect(letters.map(\.event.orderID) == ["delayed"])
        #expect(letters.first?.reason.contains("not at another time") == true)
    }

    @Test func `what does not go together is said when it is assembled`() {
        func error(_ bench: Bench, _ options: ConsumerOptions, _ handle: Handle) -> String {
            do throws(AssemblyError) {
                _ = try bench.bus.consumer(group: "g", options: options) { handle }
                return "assembled"
            } catch { return error.description }
        }
        let single = Handle(OrderPlaced.self) { _, _ in }
        let lacking = error(Bench(without: [.transactions]), .init(transactions: "g-1"), single)
        #expect(lacking.contains("cannot do transactions (transactions: \"g-1\")"), "\(lacking)")
        let bench = Bench()
        #expect(
            error(bench, .init(inbox: MemoryInbox(), transactions: "g-1"), single).contains(
                "an inbox has no place"))
        #expect(error(bench, .init(transactions: ""), single).contains("need an id"))
        #expect(
            error(bench, .init(transactions: "g-1"), Handle(batchesOf: OrderPlaced.self, size: 5) { _ in })
                .contains("batch handlers"))
    }
}
