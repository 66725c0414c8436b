// SPDX-License-Identifier: Apache-2.0

// A shop that writes an order and the event that tells of it in one transaction of GRDB's, and publishes what waits.
//
//     swift run outbox-grdb FOLDER
//
// Each run places an order, and one that is taken back. Stop it wherever you like (kill -9, too): the next run makes up for what was not published.

import Apus
import ApusOutboxGRDB
import Foundation
import GRDB

struct Order: Codable, FetchableRecord, PersistableRecord {
    var id: String
    var total: Double
}

struct OrderPlaced: Event {
    static let type = "com.example.order.placed", topic = "orders"
    var orderID: String
    var total: Double
    var key: String { orderID }
}

struct OutOfStock: Error {}

@main
struct Shop {
    let database: DatabaseQueue
    let outbox: GRDBOutbox
    let bus: Bus
    let relay: OutboxRelay<GRDBOutbox>

    init(_ folder: URL) async throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        database = try DatabaseQueue(path: folder.appending(path: "shop.sqlite").path)
        var migrator = DatabaseMigrator()
        migrator.registerMigration("orders") { db in
            try db.create(table: "order") { table in
                table.primaryKey("id", .text)
                table.column("total", .double).notNull()
            }
        }
        migrator.registerMigration("outbox") { db in try GRDBOutbox.createTables(in: db) }
        try migrator.migrate(database)
        outbox = GRDBOutbox(database)
        // The broker is what the URL says. This one recognises what is published again.
        bus = try await Bus.connect("file://\(folder.appending(path: "events").path)?deduplicate=1h")
        relay = OutboxRelay(bus: bus, outbox: outbox)
    }

    func place(_ order: Order, isInStock: Bool) async throws {
        try await database.write { db in
            try order.insert(db)
            try outbox.append(try bus.message(OrderPlaced(orderID: order.id, total: order.total)), in: db)
            // Thrown here, both are taken back.
            guard isInStock else { throw OutOfStock() }
            db.afterNextTransaction { _ in relay.nudge() }
        }
    }

    /// How many orders there are, and how many of them were published.
    func counts() async throws -> (orders: Int, published: Int) {
        let orders = try await database.read { db in try Order.fetchCount(db) }
        var published = 0
        for try await _ in bus.replay(OrderPlaced.self, from: .earliest) { published += 1 }
        return (orders, published)
    }

    static func main() async throws {
        let folder = URL(filePath: CommandLine.arguments.dropFirst().first ?? "shop")
        let shop = try await Shop(folder)
        // In a program that goes on, the relay is a service beside the consumers.
        let relaying = Task { try await shop.relay.run() }

        try await shop.place(Order(id: UUID().uuidString, total: 12.5), isInStock: true)
        do {
            try await shop.place(Order(id: UUID().uuidString, total: 1290), isInStock: false)
        } catch is OutOfStock {
            print("one order was taken back")
        }

        while try await !shop.outbox.pending(limit: 1).isEmpty {
            try await Task.sleep(for: .milliseconds(20))
        }
        relaying.cancel()
        try await relaying.value
        let (orders, published) = try await shop.counts()
        await shop.bus.close()
        print("\(orders) orders, \(published) published")
    }
}
