// SPDX-License-Identifier: Apache-2.0

// An outbox as a table of an application's own SQLite database. It works on connections by their C handle, which every Swift library for SQLite gives out, so
// that the event is written by the application's connection, in its transaction, whatever library that is. Reading and removing have a connection of their own.

#if SQLite
    public import Apus
    import CSQLite
    import Synchronization

    /// An outbox in a table of a SQLite database.
    ///
    /// In a transaction of whatever writes the database, a message is appended with the connection that the transaction is on; with GRDB that is
    /// `outbox.append(try bus.message(event), in: SQLiteTransaction(db.sqliteConnection))` within `queue.write`.
    ///
    /// Messages are numbered as they are written, and SQLite has one writer at a time, so numbers follow the order in which transactions commit.
    public final class SQLiteOutbox: Outbox {
        /// The connection of reading and removing; SQLite itself allows one call at a time on it.
        private let connection: Mutex<SQLiteConnection>
        private let table: String

        /// Opens an outbox, whose tables are made if there are none.
        ///
        /// - Parameters:
        ///   - path: the file of the database.
        ///   - table: the table of messages that wait; those set aside are in the table of this name with `_aside` behind it. Letters, digits and `_`.
        /// - Throws: ``SQLiteError``.
        public init(path: String, table: String = "apus_outbox") throws(SQLiteError) {
            self.table = try SQLiteStatement.checked(table: table)
            let opened = try SQLiteConnection(path: path)
            try opened.execute("PRAGMA busy_timeout = 5000")
            try opened.execute(
                """
                CREATE TABLE IF NOT EXISTS \(table) (
                    number INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, event BLOB NOT NULL)
                """)
            try opened.execute(
                """
                CREATE TABLE IF NOT EXISTS \(table)_aside (
                    number INTEGER PRIMARY KEY, topic TEXT NOT NULL, event BLOB NOT NULL, reason TEXT NOT NULL)
                """)
            connection = Mutex(opened)
        }

        /// Writes a message by the connection of a transaction.
        public func append(_ message: OutboxMessage, in transaction: SQLiteTransaction) throws {
            let json = CloudEventJSONFormat.encode(message.event)
            try SQLiteStatement.run(
                transaction.handle, "INSERT INTO \(table) (topic, event) VALUES (?, ?)",
                [.text(message.topic), .bytes(json)])
        }

        public func pending(limit: Int) async throws -> [OutboxEntry] {
            try await pending(limit: limit, excluding: [])
        }

        public func pending(limit: Int, excluding topics: Set<String>) async throws -> [OutboxEntry] {
            let places = topics.map { _ in "?" }.joined(separator: ", ")
            let rows = try rows(
                """
                SELECT number, topic, event FROM \(table)
                \(topics.isEmpty ? "" : "WHERE topic NOT IN (\(places))") ORDER BY number LIMIT ?
                """, topics.map { .text($0) } + [.integer(Int64(limit))])
            return try rows.map { row in
                guard case .integer(let number) = row[0], case .text(let topic) = row[1],
                    case .bytes(let event) = row[2]
                else {
                    throw SQLiteError(
                        code: Int(SQLITE_MISMATCH), reason: "a row of \(table) is not as it was written")
                }
                return OutboxEntry(
                    number: number,
                    message: OutboxMessage(topic: topic, event: try CloudEventJSONFormat.decode(event)))
            }
        }

        public func remove(_ numbers: [Int64]) async throws {
            guard !numbers.isEmpty else { return }
            try connection.withLock { connection in
                try connection.execute("BEGIN IMMEDIATE")
                do throws(SQLiteError) {
                    for number in numbers {
                        try SQLiteStatement.run(
                            connection.handle, "DELETE FROM \(table) WHERE number = ?", [.integer(number)])
                    }
                    try connection.execute("COMMIT")
                } catch {
                    try? connection.execute("ROLLBACK")
                    throw error
                }
            }
        }

        public func setAside(_ number: Int64, reason: String) async throws {
            try connection.withLock { connection in
                try connection.execute("BEGIN IMMEDIATE")
                do throws(SQLiteError) {
                    try SQLiteStatement.run(
                        connection.handle,
                        """
                        INSERT OR REPLACE INTO \(table)_aside (number, topic, event, reason)
                        SELECT number, topic, event, ? FROM \(table) WHERE number = ?
                        """, [.text(reason), .integer(number)])
                    try SQLiteStatement.run(
                        connection.handle, "DELETE FROM \(table) WHERE number = ?", [.integer(number)])
                    try connection.execute("COMMIT")
                } catch {
                    try? connection.execute("ROLLBACK")
                    throw error
                }
            }
        }

        /// The messages that were set aside, oldest first, with the reasons.
        public func aside(limit: Int) throws -> [(entry: OutboxEntry, reason: String)] {
            try rows(
                "SELECT number, topic, event, reason FROM \(table)_aside ORDER BY number LIMIT ?",
                [.integer(Int64(limit))]
            )
            .compactMap { row in
                guard case .integer(let number) = row[0], case .text(let topic) = row[1],
                    case .bytes(let event) = row[2], case .text(let reason) = row[3]
                else { return nil }
                let message = OutboxMessage(topic: topic, event: try CloudEventJSONFormat.decode(event))
                return (OutboxEntry(number: number, message: message), reason)
            }
        }

        private func rows(_ sql: String, _ values: [SQLiteValue]) throws(SQLiteError) -> [[SQLiteValue]] {
            let result = connection.withLock { connection in
                Result { () throws(SQLiteError) in try SQLiteStatement.run(connection.handle, sql, values) }
            }
            return try result.get()
        }
    }
#endif
