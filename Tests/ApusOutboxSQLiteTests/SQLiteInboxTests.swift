// SPDX-License-Identifier: Apache-2.0

// The inbox in a database file: across the end of a process, and in the transactions of a handler's effects.

#if SQLite
    import Apus
    import ApusTesting
    import CSQLite
    import Foundation
    import Synchronization
    import Testing

    @testable import ApusOutboxSQLite

    private struct Charged: Event {
        static let type = "order.charged", topic = "orders"
        var orderID: String
        var key: String { orderID }
    }

    @Suite struct SQLiteInboxTests {
        private let path = NSTemporaryDirectory() + "apus-inbox-\(UUID().uuidString).sqlite"
        private let key = InboxKey(group: "billing", source: "/shop", id: "1")

        @Test func `what was handled is known to the next process, what was under way is not`() throws {
            defer { try? FileManager.default.removeItem(atPath: path) }
            let other = InboxKey(group: "billing", source: "/shop", id: "2")
            let inbox = try SQLiteInbox(path: path)
            #expect(try inbox.begin(key) == .new)
            #expect(try inbox.begin(key) == .underWay)
            try inbox.complete(key)
            #expect(try inbox.begin(key) == .handled)
            #expect(try inbox.begin(other) == .new)
            // The process ends here, in the middle of `other`.
            let next = try SQLiteInbox(path: path)
            #expect(try next.begin(key) == .handled)
            #expect(try next.begin(other) == .new)
            #expect(try next.begin(InboxKey(group: "shipping", source: "/shop", id: "1")) == .new)
        }

        @Test func `what failed is to be handled again`() throws {
            defer { try? FileManager.default.removeItem(atPath: path) }
            let inbox = try SQLiteInbox(path: path)
            #expect(try inbox.begin(key) == .new)
            inbox.abandon(key)
            #expect(try inbox.begin(key) == .new)
        }

        @Test func `a note in a transaction is there if and only if the transaction committed`() throws {
            defer { try? FileManager.default.removeItem(atPath: path) }
            let inbox = try SQLiteInbox(path: path)
            let application = try SQLiteConnection(path: path)
            for end in ["ROLLBACK", "COMMIT"] {
                try application.execute("BEGIN IMMEDIATE")
                #expect(try inbox.note(key, in: SQLiteTransaction(application.handle)))
                try application.execute(end)
                // The process ends before the consumer notes anything itself.
                let next = try SQLiteInbox(path: path)
                #expect(try next.begin(key) == (end == "COMMIT" ? .handled : .new))
            }
            try application.execute("BEGIN IMMEDIATE")
            #expect(try !inbox.note(key, in: SQLiteTransaction(application.handle)))
            try application.execute("COMMIT")
        }

        @Test func `what is older than an event can take to come again is forgotten`() throws {
            defer { try? FileManager.default.removeItem(atPath: path) }
            let seconds = Atomic<Int64>(1_000_000)
            let inbox = try SQLiteInbox(path: path, table: "seen", ageMax: .seconds(60)) {
                seconds.load(ordering: .relaxed)
            }
            try inbox.complete(key)
            seconds.add(61, ordering: .relaxed)
            for number in 0...1_000 {
                try inbox.complete(InboxKey(group: "billing", source: "/shop", id: "later-\(number)"))
            }
            #expect(try inbox.begin(key) == .new)
            #expect(try inbox.begin(InboxKey(group: "billing", source: "/shop", id: "later-0")) == .handled)
        }

        @Test func `a table is named by letters, digits and underscores`() {
            #expect(throws: SQLiteError.self) { try SQLiteInbox(path: path, table: "a b") }
            #expect(throws: SQLiteError.self) { try SQLiteInbox(path: path, table: "") }
        }

        @Test
        func
            `effects of an event that comes again, after a crash before its acknowledgement, are there once`()
            async throws
        {
            defer { try? FileManager.default.removeItem(atPath: path) }
            let test = try await TestBus()
            let bus = Bus(testing: test)
            let path = path
            let setup = try SQLiteConnection(path: path)
            try setup.execute("CREATE TABLE charges (id TEXT NOT NULL)")
            let inbox = try SQLiteInbox(path: path)
            let billing = try bus.consumer(group: "billing", options: .init(inbox: inbox)) {
                Handle(Charged.self) { event, context in
                    let database = try SQLiteConnection(path: path)
                    try database.execute("BEGIN IMMEDIATE")
                    guard try inbox.note(InboxKey(context), in: SQLiteTransaction(database.handle)) else {
                        return try database.execute("ROLLBACK")
                    }
                    try SQLiteStatement.run(
                        database.handle, "INSERT INTO charges VALUES (?)", [.text(event.orderID)])
                    try database.execute("COMMIT")
                }
            }
            test.loseVerdicts(1)
            try await test.running(billing) {
                try await bus.publish(Charged(orderID: "o-1"))
                try await test.settle()
                try await test.expireLeases()
                try await test.settle()
            }
            #expect(try SQLiteStatement.run(setup.handle, "SELECT id FROM charges", []).count == 1)
        }
    }
#endif
