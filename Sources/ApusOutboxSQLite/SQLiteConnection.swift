// SPDX-License-Identifier: Apache-2.0

// As much of SQLite's C interface as an outbox and an inbox need: a connection, a statement that is run once, values.

#if SQLite
    import CSQLite

    /// A transaction under way on a connection of the application, by the connection's C handle (`sqlite3 *`).
    ///
    /// It must be used where the connection is, and not afterwards: within the closure that the application's library opened the transaction for.
    public struct SQLiteTransaction {
        let handle: OpaquePointer

        /// A transaction on the connection with this handle; GRDB calls it `sqliteConnection`.
        ///
        /// - Throws: ``SQLiteError`` when there is no connection or no transaction under way on it: the event would be written by itself.
        public init(_ handle: OpaquePointer?) throws(SQLiteError) {
            guard let handle else {
                throw SQLiteError(code: Int(SQLITE_MISUSE), reason: "the connection is closed")
            }
            guard sqlite3_get_autocommit(handle) == 0 else {
                throw SQLiteError(
                    code: Int(SQLITE_MISUSE), reason: "no transaction is under way on the connection")
            }
            self.handle = handle
        }
    }

    /// What SQLite refused, and why.
    public struct SQLiteError: Error, Sendable, Hashable, CustomStringConvertible {
        /// SQLite's result code.
        public var code: Int
        /// Why, in SQLite's words.
        public var reason: String

        public var description: String { "SQLite: \(reason) (\(code))" }
    }

    /// A value of a column or a parameter.
    enum SQLiteValue {
        case integer(Int64)
        case text(String)
        case bytes([UInt8])
        case null
    }

    /// An open connection.
    struct SQLiteConnection: ~Copyable {
        let handle: OpaquePointer

        init(path: String) throws(SQLiteError) {
            var opened: OpaquePointer?
            let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX
            let code = sqlite3_open_v2(path, &opened, flags, nil)
            guard code == SQLITE_OK, let opened else {
                defer { sqlite3_close_v2(opened) }
                throw SQLiteError(
                    code: Int(code), reason: "'\(path)': \(String(cString: sqlite3_errstr(code)))")
            }
            handle = opened
        }

        deinit { sqlite3_close_v2(handle) }

        func execute(_ sql: String) throws(SQLiteError) { try SQLiteStatement.run(handle, sql, []) }
    }

    /// Statements that are run once.
    enum SQLiteStatement {
        /// SQLite copies what it is given.
        private static let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

        /// The name of a table, which can be no parameter.
        ///
        /// - Throws: ``SQLiteError`` unless it consists of ASCII letters, digits and `_`.
        static func checked(table: String) throws(SQLiteError) -> String {
            guard !table.isEmpty, table.utf8.allSatisfy({ $0 == 0x5F || Character(.init($0)).isASCIIWord })
            else {
                throw SQLiteError(code: Int(SQLITE_MISUSE), reason: "'\(table)' is no name of a table")
            }
            return table
        }

        /// Runs a statement and returns its rows.
        @discardableResult
        static func run(
            _ handle: OpaquePointer, _ sql: String, _ values: [SQLiteValue]
        ) throws(SQLiteError) -> [[SQLiteValue]] {
            var statement: OpaquePointer?
            guard sqlite3_prepare_v2(handle, sql, -1, &statement, nil) == SQLITE_OK else {
                throw error(handle)
            }
            defer { sqlite3_finalize(statement) }
            for (index, value) in values.enumerated() {
                guard bind(statement, Int32(index + 1), value) == SQLITE_OK else { throw error(handle) }
            }
            var rows: [[SQLiteValue]] = []
            while true {
                switch sqlite3_step(statement) {
                case SQLITE_ROW:
                    rows.append((0..<sqlite3_column_count(statement)).map { column(statement, $0) })
                case SQLITE_DONE: return rows
                default: throw error(handle)
                }
            }
        }

        private static func error(_ handle: OpaquePointer) -> SQLiteError {
            SQLiteError(
                code: Int(sqlite3_extended_errcode(handle)), reason: String(cString: sqlite3_errmsg(handle)))
        }

        private static func bind(_ statement: OpaquePointer?, _ index: Int32, _ value: SQLiteValue) -> Int32 {
            switch value {
            case .integer(let number): sqlite3_bind_int64(statement, index, number)
            case .text(let text): sqlite3_bind_text(statement, index, text, -1, copied)
            case .bytes(let bytes): sqlite3_bind_blob(statement, index, bytes, Int32(bytes.count), copied)
            case .null: sqlite3_bind_null(statement, index)
            }
        }

        private static func column(_ statement: OpaquePointer?, _ index: Int32) -> SQLiteValue {
            switch sqlite3_column_type(statement, index) {
            case SQLITE_INTEGER: return .integer(sqlite3_column_int64(statement, index))
            case SQLITE_TEXT:
                return sqlite3_column_text(statement, index).map { .text(String(cString: $0)) } ?? .null
            case SQLITE_BLOB:
                let count = Int(sqlite3_column_bytes(statement, index))
                guard count > 0, let bytes = sqlite3_column_blob(statement, index) else { return .bytes([]) }
                return .bytes(Array(UnsafeRawBufferPointer(start: bytes, count: count)))
            default: return .null
            }
        }
    }

    extension Character {
        fileprivate var isASCIIWord: Bool { isASCII && (isLetter || isNumber) }
    }
#endif
