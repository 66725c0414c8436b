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

    /// Has a relay publish what is there, each topic once; topics that failed.
    @discardableResult
    private func relay(on bus: Bus, batch: Int = 256) async throws -> Set<String> {
        let relay = OutboxRelay(bus: bus, outbox: database, batch: batch)
        var held = HeldTopics()
        while try await !relay.step(&held) {}
        return held.names(at: .zero)
    }

    private func published() -> [CloudEvent] { bench.transport.change { $0.topics["orders"] ?? [] } }

    @Test func `the change and the event happen both or neither`() async throws {
        try place(["1", "2"])
        #expect(throws: GatewayDown.self) { try place(["3"], failing: true) }
        #expect(try await relay(on: bench.bus).isEmpty)
        #expect(published().map { $0.extensions[.partitionKey] } == ["1", "2"])
        #expect(database.content.withLock(\.orders) == ["1", "2"])
    }

    @Test
    func `a crash between publishing and noting it publishes the same event again, by the same identity`()
        async throws
    {
        try place(["1"])
        database.diesBeforeRemoving.withLock { $0 = true }
        #expect(try await relay(on: bench.bus) == ["orders"])
        database.diesBeforeRemoving.withLock { $0 = false }
        #expect(try await relay(on: bench.bus).isEmpty)
        let ids = published().map(\.id)
        #expect(ids.count == 2 && Set(ids).count == 1)
        #expect(database.content.withLock(\.outbox).isEmpty)
    }

    @Test func `a broker that de-duplicates stores an event once through such a crash`() async throws {
        let bus = try await Bus.connect("memory:?deduplicate=1h")
        try place(["1"])
        database.diesBeforeRemoving.withLock { $0 = true }
        var held = HeldTopics()
        _ = try await OutboxRelay(bus: bus, outbox: database).step(&held)
        database.diesBeforeRemoving.withLock { $0 = false }
        #expect(try await relay(on: bus).isEmpty)
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
        #expect(try await relay(on: bench.bus).isEmpty)
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

    // MARK: One topic and the others

    @Test func `a topic that fails, with more messages than are read at a time, holds up no other`()
        async throws
    {
        bench.transport.change { $0.topicFailures = ["orders": .unavailable("no leader")] }
        try place((1...40).map(String.init))
        try database.transaction { transaction in
            for id in ["a", "b"] {
                let payment = PaymentTaken(orderID: id)
                database.append(try bench.bus.message(payment), in: transaction)
            }
        }
        #expect(try await relay(on: bench.bus, batch: 4) == ["orders"])
        #expect(bench.transport.change { $0.topics["payments"]?.count } == 2)
        #expect(database.content.withLock(\.outbox.count) == 40)
        bench.transport.change { $0.topicFailures = [:] }
        #expect(try await relay(on: bench.bus, batch: 4).isEmpty)
        #expect(published().map { $0.extensions[.partitionKey] } == (1...40).map(String.init))
    }

    @Test func `a topic that failed waits by itself, longer each time, and the others do not`() async throws {
        bench.transport.change { $0.topicFailures = ["orders": .unavailable("no leader")] }
        try place(["1"])
        let relay = OutboxRelay(bus: bench.bus, outbox: database, interval: .seconds(60))
        let task = Task { try await relay.run() }
        for (tries, wait) in [
            (1, Duration.milliseconds(200)), (2, .milliseconds(400)), (3, .milliseconds(800)),
        ] {
            await bench.transport.until { $0.publishCalls.count { $0.topic == "orders" } == tries }
            let due = bench.clock.uptime + wait
            await bench.clock.sleepers(until: due)
            try database.transaction { transaction in
                let payment = PaymentTaken(orderID: "\(wait)")
                database.append(try bench.bus.message(payment), in: transaction)
            }
            let count = bench.transport.change { ($0.topics["payments"]?.count ?? 0) + 1 }
            relay.nudge()
            await bench.transport.until { $0.topics["payments"]?.count == count }
            await bench.clock.sleepers(until: due)
            bench.clock.advance(by: wait)
        }
        await bench.transport.until { $0.publishCalls.count { $0.topic == "orders" } == 4 }
        task.cancel()
        try await task.value
    }

    @Test func `too many topics that fail are a failure of all`() {
        var held = HeldTopics()
        for number in 0..<HeldTopics.countMax { #expect(held.hold("\(number)", at: .zero) == 1) }
        #expect(held.hold("one more", at: .zero) == nil)
        #expect(held.hold("1", at: .zero) == 2)
        // Those whose time has come, and that nobody has heard of since, make room.
        #expect(held.hold("one more", at: .milliseconds(300)) == 1)
        #expect(held.names(at: .milliseconds(300)) == ["1", "one more"])
        #expect(held.wait(at: .milliseconds(300)) == .milliseconds(100))
        held.release("1")
        #expect(held.wait(at: .milliseconds(300)) == .milliseconds(200))
        #expect(held.wait(at: .seconds(1)) == nil)
        #expect(HeldTopics.backoff(1000) == .seconds(30))
    }

    // MARK: Order

    @Test func `what the broker takes of some messages is never ahead of an earlier one of its key`()
        async throws
    {
        try place(["a", "b", "a", "c", "b"])
        // Of the first two, b is taken; a is to be tried again.
        let stored = Receipt(topic: "orders", durability: .memory)
        let later = BusError.Failure(reason: "throttled", isRetryable: true)
        bench.transport.change { state in
            state.publishFailures = [.partial([.failure(later), .success(stored)])]
        }
        #expect(try await relay(on: bench.bus) == ["orders"])
        #expect(published().isEmpty)
        let left = database.content.withLock { $0.outbox.map(\.number) }
        #expect(left == [1, 3, 4, 5])
        #expect(try await relay(on: bench.bus).isEmpty)
        #expect(published().map { $0.extensions[.partitionKey] } == ["a", "a", "c", "b"])
    }

    @Test func `messages are divided where a key comes again, and what has no key is not divided`() throws {
        func entries(_ keys: [String?]) throws -> [OutboxEntry] {
            try keys.enumerated().map { index, key in
                var event = try CloudEvent(id: "\(index)", source: "/shop", type: "t")
                if let key { try event.extensions.set(.partitionKey, to: key) }
                return OutboxEntry(
                    number: Int64(index), message: OutboxMessage(topic: "orders", event: event))
            }
        }
        func runs(_ keys: [String?]) throws -> [[Int64]] {
            OutboxRelay<LedgerDatabase>.runs(try entries(keys)).map { $0.map(\.number) }
        }
        #expect(try runs(["a", "b", "a", "c", "b", "b"]) == [[0, 1], [2, 3, 4], [5]])
        #expect(try runs([nil, "a", nil, nil]) == [[0, 1, 2, 3]])
        #expect(try runs([]) == [])
    }

    @Test func `a broker that keeps no order by key gets all at once`() async throws {
        let bench = Bench(without: [.orderByKey])
        try database.transaction { transaction in
            for _ in 0..<3 {
                let order = OrderPlaced(orderID: "1", total: 1)
                database.append(try bench.bus.message(order), in: transaction)
            }
        }
        try await relay(on: bench.bus)
        #expect(bench.transport.change { $0.publishCalls.map(\.count) } == [3])
    }
}
