// SPDX-License-Identifier: Apache-2.0

// The outbox in a database file: with transactions of another connection, as an application has one, and through crashes.

#if SQLite
    import Apus
    import ApusTesting
    import CSQLite
    import Foundation
    import Testing

    @testable import ApusOutboxSQLite

    private struct OrderPlaced: Event {
        static let type = "order.placed", topic = "orders"
        var orderID: String
        var key: String { orderID }
    }

    /// An application's own connection.
    private final class Application {
        let connection: SQLiteConnection

        init(_ path: String) throws {
            connection = try SQLiteConnection(path: path)
            try connection.execute("CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY)")
        }

        func place(_ id: String, _ outbox: SQLiteOutbox, _ bus: Bus, commit: Bool = true) throws {
            try connection.execute("BEGIN IMMEDIATE")
            try SQLiteStatement.run(connection.handle, "INSERT INTO orders VALUES (?)", [.text(id)])
            try outbox.append(
                try bus.message(OrderPlaced(orderID: id)), in: SQLiteTransaction(connection.handle))
            try connection.execute(commit ? "COMMIT" : "ROLLBACK")
        }

        func orders() throws -> Int {
            try SQLiteStatement.run(connection.handle, "SELECT id FROM orders", []).count
        }
    }

    @Suite struct SQLiteOutboxTests {
        private let path = NSTemporaryDirectory() + "apus-outbox-\(UUID().uuidString).sqlite"

        private func published(_ test: TestBus) -> [String] {
            test.published(to: "orders").compactMap { $0.event.extensions[.partitionKey] }
        }

        @Test func `the event is there if and only if the transaction committed`() async throws {
            defer { try? FileManager.default.removeItem(atPath: path) }
            let bus = Bus(testing: try await TestBus())
            let outbox = try SQLiteOutbox(path: path)
            let application = try Application(path)
            try application.place("1", outbox, bus)
            try application.place("2", outbox, bus, commit: false)
            try application.place("3", outbox, bus)
            let waiting = try await outbox.pending(limit: 10)
            #expect(waiting.map { $0.message.event.extensions[.partitionKey] } == ["1", "3"])
            #expect(try application.orders() == 2)
            #expect(waiting.map(\.message.topic) == ["orders", "orders"])
        }

        @Test func `the messages of some topics are read past, however many there are`() async throws {
            defer { try? FileManager.default.removeItem(atPath: path) }
            let bus = Bus(testing: try await TestBus())
            let outbox = try SQLiteOutbox(path: path)
            let application = try Application(path)
            for number in 1...20 { try application.place("\(number)", outbox, bus) }
            try application.connection.execute("BEGIN IMMEDIATE")
            for topic in ["it's", "payments"] {
                let message = try bus.message(OrderPlaced(orderID: topic), options: .init(topic: topic))
                try outbox.append(message, in: SQLiteTransaction(application.connection.handle))
            }
            try application.connection.execute("COMMIT")
            let others = try await outbox.pending(limit: 4, excluding: ["orders"])
            #expect(others.map(\.message.topic) == ["it's", "payments"])
            #expect(try await outbox.pending(limit: 1, excluding: ["orders", "it's"]).map(\.number) == [22])
            #expect(try await outbox.pending(limit: 4, excluding: []).map(\.number) == [1, 2, 3, 4])
            let many = Set((0..<499).map { "topic-\($0)" } + ["orders"])
            #expect(try await outbox.pending(limit: 1, excluding: many).map(\.number) == [21])
        }

        @Test func `without a transaction nothing is written`() async throws {
            defer { try? FileManager.default.removeItem(atPath: path) }
            let application = try Application(path)
            #expect(throws: SQLiteError.self) { try SQLiteTransaction(application.connection.handle) }
            #expect(throws: SQLiteError.self) { try SQLiteTransaction(nil) }
            #expect(throws: SQLiteError.self) { try SQLiteOutbox(path: path, table: "a; DROP TABLE orders") }
        }

        @Test
        func
            `after a crash between publishing and removing the same event is published again, by its identity`()
            async throws
        {
            defer { try? FileManager.default.removeItem(atPath: path) }
            let test = try await TestBus()
            let bus = Bus(testing: test)
            let application = try Application(path)
            do {
                // A life that ends after the broker took the events, and before they were removed.
                let outbox = try SQLiteOutbox(path: path)
                for id in ["1", "2"] { try application.place(id, outbox, bus) }
                for entry in try await outbox.pending(limit: 10) {
                    try await bus.publish(entry.message.event, to: entry.message.topic)
                }
            }
            let outbox = try SQLiteOutbox(path: path)
            try application.place("3", outbox, bus)
            let relay = OutboxRelay(bus: bus, outbox: outbox)
            let task = Task { try await relay.run() }
            while try await !outbox.pending(limit: 1).isEmpty { await Task.yield() }
            task.cancel()
            try await task.value
            #expect(published(test) == ["1", "2", "1", "2", "3"])
            let ids = test.published(to: "orders").map(\.event.id)
            #expect(ids[0] == ids[2] && ids[1] == ids[3] && Set(ids).count == 3)
        }

        @Test func `what is set aside is kept with the reason, and the rest goes on`() async throws {
            defer { try? FileManager.default.removeItem(atPath: path) }
            let test = try await TestBus()
            let bus = Bus(testing: test)
            let outbox = try SQLiteOutbox(path: path)
            let application = try Application(path)
            try application.place("bad", outbox, bus)
            test.failPublishes(with: .refused("not by the schema"))
            let relay = OutboxRelay(bus: bus, outbox: outbox)
            let task = Task { try await relay.run() }
            while try await !outbox.pending(limit: 1).isEmpty { await Task.yield() }
            try application.place("good", outbox, bus)
            relay.nudge()
            while try await !outbox.pending(limit: 1).isEmpty { await Task.yield() }
            task.cancel()
            try await task.value
            #expect(published(test) == ["good"])
            let aside = try outbox.aside(limit: 10)
            #expect(aside.map(\.reason) == ["not by the schema"])
            #expect(aside.first?.entry.message.event.extensions[.partitionKey] == "bad")
        }
    }
#endif
