// SPDX-License-Identifier: Apache-2.0

// An inbox as a table of an application's own SQLite database: what was handled is known across the end of the process, and a handler can note it in the
// transaction of its own effects. What is under way is known to this process alone: that ends with it, so nothing stays under way for ever.

#if SQLite
    public import Apus
    import CSQLite
    import Foundation
    import Synchronization

    /// An inbox in a table of a SQLite database.
    ///
    /// A consumer with it acknowledges what was handled before, by any process that has the database. Between the return of a handler and the note that it
    /// has returned lies a moment in which a crash makes a repeat. A handler closes it by noting the event with its effects, in one transaction: with
    /// GRDB, `guard try inbox.note(InboxKey(context), in: SQLiteTransaction(db.sqliteConnection)) else { return }` first in `queue.write`. Then the
    /// effects are there if and only if the note is, however often the event comes and to however many processes.
    public final class SQLiteInbox: Inbox {
        private struct State: ~Copyable {
            let connection: SQLiteConnection
            var underWay: Set<InboxKey> = []
            var notesUntilPruning = 0
        }

        /// After how many notes those that are too old are forgotten.
        private static let pruningInterval = 1_000

        private let state: Mutex<State>
        private let table: String
        private let ageMax: Duration
        private let now: @Sendable () -> Int64

        /// Opens an inbox, whose table is made if there is none.
        ///
        /// - Parameters:
        ///   - path: the file of the database.
        ///   - table: the table of what was handled. Letters, digits and `_`.
        ///   - ageMax: for how long that is known: longer than an event can take to come again. 7 days.
        /// - Throws: ``SQLiteError``.
        public convenience init(
            path: String, table: String = "apus_inbox", ageMax: Duration = .seconds(7 * 86_400)
        ) throws(SQLiteError) {
            try self.init(path: path, table: table, ageMax: ageMax) { Int64(Date().timeIntervalSince1970) }
        }

        init(
            path: String, table: String, ageMax: Duration, now: @escaping @Sendable () -> Int64
        ) throws(SQLiteError) {
            self.table = try SQLiteStatement.checked(table: table)
            self.ageMax = ageMax
            self.now = now
            let opened = try SQLiteConnection(path: path)
            try opened.execute("PRAGMA busy_timeout = 5000")
            try opened.execute(
                """
                CREATE TABLE IF NOT EXISTS \(table) (
                    consumers TEXT NOT NULL, source TEXT NOT NULL, id TEXT NOT NULL, handled INTEGER NOT NULL,
                    PRIMARY KEY (consumers, source, id)) WITHOUT ROWID
                """)
            try opened.execute("CREATE INDEX IF NOT EXISTS \(table)_handled ON \(table) (handled)")
            state = Mutex(State(connection: opened))
        }

        public func begin(_ key: InboxKey) throws -> InboxEntry {
            try state.withLock { state in
                guard !state.underWay.contains(key) else { return .underWay }
                let rows = try SQLiteStatement.run(
                    state.connection.handle,
                    "SELECT 1 FROM \(table) WHERE consumers = ? AND source = ? AND id = ?", key.values)
                guard rows.isEmpty else { return .handled }
                state.underWay.insert(key)
                return .new
            }
        }

        public func complete(_ key: InboxKey) throws {
            try state.withLock { state in
                state.underWay.remove(key)
                _ = try insert(key, by: state.connection.handle)
                state.notesUntilPruning -= 1
                guard state.notesUntilPruning < 0 else { return }
                state.notesUntilPruning = Self.pruningInterval
                try SQLiteStatement.run(
                    state.connection.handle, "DELETE FROM \(table) WHERE handled < ?",
                    [.integer(now() - ageMax.components.seconds)])
            }
        }

        public func abandon(_ key: InboxKey) {
            state.withLock { _ = $0.underWay.remove(key) }
        }

        /// Notes an event as handled, by the connection of a transaction, so that it is noted if and only if the transaction commits.
        ///
        /// - Returns: false when that is noted already, by an earlier delivery or another process: then the effects are there, too, and there is nothing to do.
        public func note(_ key: InboxKey, in transaction: SQLiteTransaction) throws(SQLiteError) -> Bool {
            try insert(key, by: transaction.handle)
        }

        private func insert(_ key: InboxKey, by handle: OpaquePointer) throws(SQLiteError) -> Bool {
            try SQLiteStatement.run(
                handle, "INSERT OR IGNORE INTO \(table) (consumers, source, id, handled) VALUES (?, ?, ?, ?)",
                key.values + [.integer(now())])
            return sqlite3_changes(handle) > 0
        }
    }

    extension InboxKey {
        fileprivate var values: [SQLiteValue] { [.text(group), .text(source), .text(id)] }
    }
#endif
