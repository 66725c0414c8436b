// SPDX-License-Identifier: Apache-2.0

// An outbox as a table of a database that an application uses through GRDB: the event is written by the application's own transaction, read and removed
// through its own queue or pool. All of it is in this file, so that it can be copied.

public import Apus
internal import CloudEvents
public import GRDB

internal import struct Foundation.Data

/// An outbox in a table of a GRDB database.
///
/// ```swift
/// try await database.write { db in
///     try order.insert(db)
///     try outbox.append(try bus.message(OrderPlaced(order)), in: db)
/// }
/// ```
///
/// Messages are numbered as they are written, and SQLite has one writer at a time, so numbers follow the order in which transactions commit.
public struct GRDBOutbox: Outbox {
    /// Why an outbox refused.
    public enum Failure: Error, Sendable, Hashable, CustomStringConvertible {
        /// The event would have been written by itself, whatever became of what it tells.
        case noTransaction

        public var description: String {
            switch self {
            case .noTransaction:
                "no transaction is under way: append to the outbox within 'write' or 'inTransaction', beside the change that the event tells of"
            }
        }
    }

    /// What the table is called unless somebody says otherwise.
    public static let defaultTable = "apusOutbox"

    private let database: any DatabaseWriter
    private let table: String

    /// An outbox in a database that has its tables (``createTables(in:named:)``).
    ///
    /// - Parameters:
    ///   - database: the application's own queue or pool.
    ///   - table: the table of messages that wait; those set aside are in the table of this name with `Aside` behind it. No quotation marks, which GRDB does not escape.
    public init(_ database: any DatabaseWriter, table: String = Self.defaultTable) {
        self.database = database
        self.table = table
    }

    /// Makes the tables of an outbox; a step of the application's migrations.
    ///
    /// ```swift
    /// migrator.registerMigration("outbox") { db in try GRDBOutbox.createTables(in: db) }
    /// ```
    ///
    /// - Throws: what GRDB throws; also when there are such tables already.
    public static func createTables(in db: Database, named table: String = Self.defaultTable) throws {
        try db.create(table: table) { columns in
            // Never used again, so that what a relay was about to remove is never another message.
            columns.autoIncrementedPrimaryKey("number")
            columns.column("topic", .text).notNull()
            columns.column("event", .blob).notNull()
        }
        try db.create(table: aside(table)) { columns in
            columns.primaryKey("number", .integer)
            columns.column("topic", .text).notNull()
            columns.column("event", .blob).notNull()
            columns.column("reason", .text).notNull()
        }
    }

    /// Writes a message within a transaction: it is there if and only if the transaction commits.
    ///
    /// - Throws: ``Failure/noTransaction``, or what GRDB throws.
    public func append(_ message: OutboxMessage, in transaction: Database) throws {
        guard transaction.isInsideTransaction else { throw Failure.noTransaction }
        try transaction.cachedStatement(sql: "INSERT INTO \(quoted) (topic, event) VALUES (?, ?)")
            .execute(arguments: [message.topic, Data(CloudEventJSONFormat.encode(message.event))])
    }

    public func pending(limit: Int) async throws -> [OutboxEntry] {
        try await pending(limit: limit, excluding: [])
    }

    public func pending(limit: Int, excluding topics: Set<String>) async throws -> [OutboxEntry] {
        let places = topics.map { _ in "?" }.joined(separator: ", ")
        let sql = """
            SELECT number, topic, event FROM \(quoted)
            \(topics.isEmpty ? "" : "WHERE topic NOT IN (\(places))") ORDER BY number LIMIT ?
            """
        return try await database.read { db in
            try Row.fetchAll(db, sql: sql, arguments: StatementArguments(Array(topics)) + [limit])
                .map(Self.entry)
        }
    }

    public func remove(_ numbers: [Int64]) async throws {
        guard !numbers.isEmpty else { return }
        try await database.write { db in
            let statement = try db.cachedStatement(sql: "DELETE FROM \(quoted) WHERE number = ?")
            for number in numbers { try statement.execute(arguments: [number]) }
        }
    }

    public func setAside(_ number: Int64, reason: String) async throws {
        try await database.write { db in
            try db.execute(
                sql: """
                    INSERT OR REPLACE INTO \(quotedAside) (number, topic, event, reason)
                    SELECT number, topic, event, ? FROM \(quoted) WHERE number = ?
                    """, arguments: [reason, number])
            try db.execute(sql: "DELETE FROM \(quoted) WHERE number = ?", arguments: [number])
        }
    }

    /// The messages that were set aside, oldest first, with the reasons.
    public func aside(limit: Int) async throws -> [(entry: OutboxEntry, reason: String)] {
        try await database.read { db in
            try Row.fetchAll(
                db, sql: "SELECT number, topic, event, reason FROM \(quotedAside) ORDER BY number LIMIT ?",
                arguments: [limit]
            ).map { (try Self.entry($0), $0["reason"]) }
        }
    }

    private static func entry(_ row: Row) throws -> OutboxEntry {
        let event: Data = row["event"]
        return OutboxEntry(
            number: row["number"],
            message: OutboxMessage(topic: row["topic"], event: try CloudEventJSONFormat.decode(Array(event))))
    }

    private static func aside(_ table: String) -> String { table + "Aside" }
    private var quoted: String { table.quotedDatabaseIdentifier }
    private var quotedAside: String { Self.aside(table).quotedDatabaseIdentifier }
}
