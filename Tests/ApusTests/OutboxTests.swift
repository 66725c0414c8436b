// SPDX-License-Identifier: Apache-2.0

import Synchronization
import Testing

@testable import Apus

/// A database in memory: rows of an application and an outbox, changed together or not at all.
final class LedgerDatabase: Outbox {
    struct Content: Sendable {
        var orders: [String] = []
        var outbox: [OutboxEntry] = []
        var aside: [Int64: String] = [:]
        var next: Int64 = 1
    }

    /// A transaction: changes a copy, which takes the place of the content when it commits.
    final class Transaction {
        var content: Content
        init(_ content: Content) { self.content = content }
    }

    struct Lost: Error {}

    let content = Mutex(Content())
    /// The process dies before the next removal is written.
    let diesBeforeRemoving = Mutex(false)

    func transaction(_ body: (Transaction) throws -> Void) throws {
        try content.withLock { content in
            let transaction = Transaction(content)
            try body(transaction)
            content = transaction.content
        }
    }

    func append(_ message: OutboxMessage, in transaction: Transaction) {
        transaction.content.outbox.append(OutboxEntry(number: transaction.content.next, message: message))
        transaction.content.next += 1
    }

    func pending(limit: Int) async throws -> [OutboxEntry] {
        content.withLock { Array($0.outbox.prefix(limit)) }
    }

    func remove(_ numbers: [Int64]) async throws {
        if diesBeforeRemoving.withLock(\.self) { throw Lost() }
        content.withLock { $0.outbox.removeAll { numbers.contains($0.number) } }
    }

    func setAside(_ number: Int64, reason: String) async throws {
        content.withLock { content in
            content.outbox.removeAll { $0.number == number }
            content.aside[number] = reason
        }
    }
}

@Suite struct OutboxTests {
    let bench = Bench()
    let database = LedgerDatabase()

    private func place(_ ids: [String], failing: Bool = false) throws {
        try database.transaction { transaction in
            for id in ids {
                transaction.content.orders.append(id)
                database.append(try bench.bus.message(OrderPlaced(orderID: id, total: 1)), in: transaction)
            }
            if failing { throw GatewayDown() }
        }
    }

    private func published() -> [CloudEvent] { bench.transport.change { $0.topics["orders"] ?? [] } }

    @Test func `the change and the event happen both or neither`() async throws {
        try place(["1", "2"])
        #expect(throws: GatewayDown.self) { try place(["3"], failing: true) }
        let relay = OutboxRelay(bus: bench.bus, outbox: database)
        #expect(try await !relay.step())
        #expect(try await relay.step())
        #expect(published().map { $0.extensions[.partitionKey] } == ["1", "2"])
        #expect(database.content.withLock(\.orders) == ["1", "2"])
    }

    @Test
    func `a crash between publishing and noting it publishes the same event again, by the same identity`()
        async throws
    {
        try place(["1"])
        let relay = OutboxRelay(bus: bench.bus, outbox: database)
        database.diesBeforeRemoving.withLock { $0 = true }
        await #expect(throws: BusError.self) { try await relay.step() }
        database.diesBeforeRemoving.withLock { $0 = false }
        _ = try await OutboxRelay(bus: bench.bus, outbox: database).step()
        let ids = published().map(\.id)
        #expect(ids.count == 2 && Set(ids).count == 1)
        #expect(database.content.withLock(\.outbox).isEmpty)
    }

    @Test func `a broker that de-duplicates stores an event once through such a crash`() async throws {
        let bus = try await Bus.connect("memory:?deduplicate=1h")
        try place(["1"])
        database.diesBeforeRemoving.withLock { $0 = true }
        let relay = OutboxRelay(bus: bus, outbox: database)
        await #expect(throws: BusError.self) { try await relay.step() }
        database.diesBeforeRemoving.withLock { $0 = false }
        #expect(try await !relay.step())
        var seen: [String] = []
        for try await past in bus.replay(OrderPlaced.self, from: .earliest) {
            seen.append(past.event.orderID)
        }
        #expect(seen == ["1"])
        await bus.close()
    }

    @Test func `what the broker will never have is set aside with the reason, and the rest goes on in order`()
        async throws
    {
        try place(["1", "2", "3"])
        // The batch is refused, then 1 is taken, 2 refused, 3 taken.
        bench.transport.change {
            $0.publishFailures = [.tooLarge(bytes: 9, limit: 1), .refused("a"), .refused("b")]
        }
        let relay = OutboxRelay(bus: bench.bus, outbox: database)
        _ = try await relay.step()
        #expect(published().map { $0.extensions[.partitionKey] } == ["3"])
        #expect(database.content.withLock(\.aside) == [1: "a", 2: "b"])
    }

    @Test func `a relay waits for a broker that is away, looks when it is nudged, and stops`() async throws {
        try place(["1"])
        bench.transport.change { $0.publishFailures = [.unavailable("restarting")] }
        let relay = OutboxRelay(bus: bench.bus, outbox: database)
        let task = Task { try await relay.run() }
        await bench.clock.sleepers(until: .milliseconds(200))
        bench.clock.advance(by: .milliseconds(200))
        await bench.transport.until { $0.topics["orders"]?.count == 1 }
        await bench.clock.sleepers(until: .milliseconds(1200))
        try place(["2"])
        relay.nudge()
        await bench.transport.until { $0.topics["orders"]?.count == 2 }
        task.cancel()
        try await task.value
    }
}
