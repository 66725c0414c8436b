// SPDX-License-Identifier: Apache-2.0

// Processes that are killed (SIGKILL, no word to anybody) while they place orders and publish: what is lost, what comes twice, and by which identity.

import Apus
import ApusOutboxGRDB
import Foundation
import GRDB
import Testing

/// When a process dies.
enum Moment: String, Codable, CaseIterable {
    /// Order and event are written, the transaction is under way.
    case beforeCommit
    /// The database has them, the broker knows of nothing.
    case beforePublishing
    /// The broker has them, the outbox still says that they wait.
    case beforeRemoving
    /// All is done.
    case afterRemoving

    func dies(at moment: Moment) {
        if self == moment { kill(getpid(), SIGKILL) }
    }
}

/// An outbox whose process dies around the removal of what was published.
private struct DyingOutbox: Outbox {
    let outbox: GRDBOutbox
    let moment: Moment

    func append(_ message: OutboxMessage, in transaction: Database) throws {
        try outbox.append(message, in: transaction)
    }

    func pending(limit: Int) async throws -> [OutboxEntry] {
        moment.dies(at: .beforePublishing)
        return try await outbox.pending(limit: limit)
    }

    func remove(_ numbers: [Int64]) async throws {
        moment.dies(at: .beforeRemoving)
        try await outbox.remove(numbers)
        moment.dies(at: .afterRemoving)
    }

    func setAside(_ number: Int64, reason: String) async throws {
        try await outbox.setAside(number, reason: reason)
    }
}

/// A shop's database and broker in a folder; each process that opens it is another life.
private struct Shop {
    let database: DatabaseQueue
    let outbox: GRDBOutbox
    let bus: Bus

    init(_ folder: String, _ settings: String) async throws {
        database = try DatabaseQueue(path: folder + "/shop.sqlite")
        var migrator = DatabaseMigrator()
        migrator.registerMigration("shop") { db in
            try db.create(table: "shopOrder") { $0.primaryKey("id", .text) }
            try GRDBOutbox.createTables(in: db)
        }
        try migrator.migrate(database)
        outbox = GRDBOutbox(database)
        bus = try await Bus.connect("file://\(folder)/events\(settings)")
    }

    /// Places orders and publishes them, until it dies.
    static func live(_ folder: String, _ settings: String, until moment: Moment) async throws {
        let shop = try await Shop(folder, settings)
        for order in ["1", "2", "3"] {
            try await shop.database.write { db in
                try db.execute(sql: "INSERT INTO shopOrder VALUES (?)", arguments: [order])
                try shop.outbox.append(try shop.bus.message(OrderPlaced(orderID: order)), in: db)
                if order == "3" { moment.dies(at: .beforeCommit) }
            }
        }
        try await OutboxRelay(bus: shop.bus, outbox: DyingOutbox(outbox: shop.outbox, moment: moment)).run()
    }

    func orders() async throws -> [String] {
        try await database.read { db in
            try String.fetchAll(db, sql: "SELECT id FROM shopOrder ORDER BY id")
        }
    }

    /// Orders and ids of events as the broker has them.
    func published() async throws -> [(order: String, id: String)] {
        var all: [(order: String, id: String)] = []
        do {
            for try await past in bus.replay(OrderPlaced.self, from: .earliest) {
                all.append((past.event.orderID, past.context.id))
            }
        } catch let error as BusError {
            // Nothing was published yet.
            guard case .unknown = error else { throw error }
        }
        return all
    }
}

@Suite(.timeLimit(.minutes(2)))
struct KilledTests {
    /// What the next life finds, and what the broker has when that life has published what waited.
    private func nextLife(
        _ folder: String, _ settings: String = ""
    ) async throws -> (
        orders: [String], waiting: Int, publishedBefore: Int, published: [(order: String, id: String)]
    ) {
        let shop = try await Shop(folder, settings)
        let waiting = try await shop.outbox.pending(limit: 10).count
        let before = try await shop.published().count
        let relaying = Task { try await OutboxRelay(bus: shop.bus, outbox: shop.outbox).run() }
        while try await !shop.outbox.pending(limit: 1).isEmpty { await Task.yield() }
        relaying.cancel()
        try await relaying.value
        let found = (try await shop.orders(), waiting, before, try await shop.published())
        await shop.bus.close()
        return found
    }

    private func folder() throws -> String {
        let folder = NSTemporaryDirectory() + "apus-outbox-grdb-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        return folder
    }

    @Test(arguments: Moment.allCases)
    func `a process that is killed loses nothing, and what comes again is the same event`(
        _ moment: Moment
    ) async throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        await #expect(processExitsWith: .signal(SIGKILL)) { [folder = folder as String, moment] in
            try await Shop.live(folder, "", until: moment)
        }
        let found = try await nextLife(folder)
        let committed = moment == .beforeCommit ? ["1", "2"] : ["1", "2", "3"]
        #expect(found.orders == committed)
        #expect(found.waiting == (moment == .afterRemoving ? 0 : committed.count))
        let wasPublished = moment == .beforeRemoving || moment == .afterRemoving
        #expect(found.publishedBefore == (wasPublished ? 3 : 0))
        // Nothing is lost, nothing is there that is no order.
        #expect(
            found.published.map(\.order) == (moment == .beforeRemoving ? committed + committed : committed))
        #expect(Set(found.published.map(\.id)).count == committed.count)
        for (order, ids) in Dictionary(grouping: found.published, by: \.order) {
            #expect(Set(ids.map(\.id)).count == 1, "order \(order)")
        }
    }

    @Test func `a broker that recognises repeats has each event once`() async throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        await #expect(processExitsWith: .signal(SIGKILL)) { [folder = folder as String] in
            try await Shop.live(folder, "?deduplicate=1h", until: .beforeRemoving)
        }
        let found = try await nextLife(folder, "?deduplicate=1h")
        #expect(found.waiting == 3 && found.publishedBefore == 3)
        #expect(found.published.map(\.order) == ["1", "2", "3"])
    }

    @Test func `the example places an order with each run, and publishes it`() async throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let programs = try #require(Bundle.main.executableURL).deletingLastPathComponent()
        for run in 1...2 {
            let process = Process()
            let output = Pipe()
            process.executableURL = programs.appending(path: "outbox-grdb")
            process.arguments = [folder]
            process.standardOutput = output
            try process.run()
            let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            #expect(process.terminationStatus == 0)
            #expect(text == "one order was taken back\n\(run) orders, \(run) published\n")
        }
    }
}
