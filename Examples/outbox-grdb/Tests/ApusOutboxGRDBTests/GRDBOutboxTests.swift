// SPDX-License-Identifier: Apache-2.0

// What a transaction does to the event in it, and what becomes of an event that no broker wants.

import Apus
import ApusOutboxGRDB
import ApusTesting
import GRDB
import Testing

struct OrderPlaced: Event {
    static let type = "com.example.order.placed", topic = "orders"
    var orderID: String
    var key: String { orderID }
}

private struct TakenBack: Error {}

@Suite struct GRDBOutboxTests {
    private let database: DatabaseQueue
    private let outbox: GRDBOutbox

    init() throws {
        database = try DatabaseQueue()
        try database.write { db in
            try db.create(table: "shopOrder") { $0.primaryKey("id", .text) }
            try GRDBOutbox.createTables(in: db, named: "events of the shop")
        }
        outbox = GRDBOutbox(database, table: "events of the shop")
    }

    private func place(_ id: String, _ bus: Bus, isTakenBack: Bool = false) async throws {
        try await database.write { [outbox] db in
            try db.execute(sql: "INSERT INTO shopOrder VALUES (?)", arguments: [id])
            try outbox.append(try bus.message(OrderPlaced(orderID: id)), in: db)
            if isTakenBack { throw TakenBack() }
        }
    }

    private func relayAll(_ bus: Bus) async throws {
        let relay = OutboxRelay(bus: bus, outbox: outbox)
        let relaying = Task { try await relay.run() }
        while try await !outbox.pending(limit: 1).isEmpty { await Task.yield() }
        relaying.cancel()
        try await relaying.value
    }

    private func orders(_ test: TestBus) -> [String] {
        test.published(to: "orders").compactMap { $0.event.extensions[.partitionKey] }
    }

    @Test func `the event is there if and only if the transaction committed`() async throws {
        let test = try await TestBus()
        let bus = Bus(testing: test)
        try await place("1", bus)
        await #expect(throws: TakenBack.self) { try await place("2", bus, isTakenBack: true) }
        try await place("3", bus)
        let waiting = try await outbox.pending(limit: 10)
        #expect(waiting.map { $0.message.event.extensions[.partitionKey] } == ["1", "3"])
        #expect(try await outbox.pending(limit: 1).count == 1)
        try await relayAll(bus)
        #expect(orders(test) == ["1", "3"])
        #expect(test.published(to: "orders").map(\.event.id) == waiting.map(\.message.event.id))
    }

    @Test func `without a transaction nothing is written`() async throws {
        let bus = Bus(testing: try await TestBus())
        let message = try bus.message(OrderPlaced(orderID: "1"))
        await #expect(throws: GRDBOutbox.Failure.noTransaction) { try await append(message) }
        #expect(try await outbox.pending(limit: 10).isEmpty)
    }

    private func append(_ message: OutboxMessage) async throws {
        try await database.writeWithoutTransaction { [outbox] db in try outbox.append(message, in: db) }
    }

    @Test func `what the broker will never have is set aside with the reason, and the rest goes on`()
        async throws
    {
        let test = try await TestBus()
        let bus = Bus(testing: test)
        try await place("bad", bus)
        test.failPublishes(with: .refused("not by the schema"))
        try await relayAll(bus)
        try await place("good", bus)
        try await relayAll(bus)
        #expect(orders(test) == ["good"])
        let aside = try await outbox.aside(limit: 10)
        #expect(aside.map(\.reason) == ["not by the schema"])
        #expect(aside.first?.entry.message.event.extensions[.partitionKey] == "bad")
    }
}
