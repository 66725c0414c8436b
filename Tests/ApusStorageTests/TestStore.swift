// SPDX-License-Identifier: Apache-2.0

// Stores for tests: small files, stepped by hand, with a clock that stands still until told.

import ApusModel
import ApusStorage
import ApusTesting
import Glibc
import Logging
import Synchronization

/// Opens and opens again one store on one disk.
struct TestStore {
    static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    static var configuration: FileLogStoreConfiguration {
        var configuration = FileLogStoreConfiguration()
        configuration.journalFileBytes = 64 << 10
        configuration.firstJournalBytes = 16 << 10
        configuration.blockBytesMax = 16 << 10
        configuration.freeBytesReserve = 0
        return configuration
    }

    let disk: SimulatedDisk
    var configuration = TestStore.configuration

    init(_ disk: SimulatedDisk) { self.disk = disk }

    func open(_ clock: StoreClock = .system) throws(LogError) -> FileLogStore {
        try FileLogStore(
            directory: "/store", on: disk, configuration: configuration, clock: clock,
            logger: TestStore.silent)
    }
}

extension FileLogStore {
    /// Completes everything that waits.
    func settle() {
        while true {
            switch commitStep() {
            case .progress: continue
            case .blocked: _ = maintenanceStep()
            case .idle, .stuck: return
            }
        }
    }

    /// Appends, with one commit step: for where several would make room.
    func appendOnce(_ batch: RecordBatch, _ claim: LogClaim) -> Result<Offset, LogError>? {
        let box = Mutex<Result<Offset, LogError>?>(nil)
        append(batch, holding: claim) { result in box.withLock { $0 = result } }
        _ = commitStep()
        return box.withLock { $0 }
    }

    /// Appends and completes.
    func appendNow(_ batch: RecordBatch, _ claim: LogClaim) -> Result<Offset, LogError>? {
        let box = Mutex<Result<Offset, LogError>?>(nil)
        append(batch, holding: claim) { result in box.withLock { $0 = result } }
        settle()
        return box.withLock { $0 }
    }
}

/// A folder of its own for one test.
func withTemporaryDirectory<Value>(_ body: (String) throws -> Value) throws -> Value {
    var template = Array("/tmp/apus-test-XXXXXX".utf8CString)
    let made = template.withUnsafeMutableBufferPointer { buffer in
        buffer.baseAddress.flatMap { mkdtemp($0) } != nil
    }
    precondition(made, "no temporary folder")
    let path = template.withUnsafeBufferPointer { buffer in
        buffer.baseAddress.map { String(cString: $0) } ?? ""
    }
    defer { removeTree(path) }
    return try body(path)
}

private func removeTree(_ path: String) {
    let disk = PosixDisk()
    for name in (try? disk.list(path)) ?? [] {
        let child = path + "/" + name
        if (try? disk.list(child)) != nil { removeTree(child) } else { try? disk.remove(child) }
    }
    try? disk.removeDirectory(path)
}

extension FileLogStore {
    /// The base offsets of a log that can be read, going on behind damage, and how often damage was met.
    func readAll(_ log: LogID) throws -> (bases: [Int64], damaged: Int) {
        var (offset, bases, damaged) = (Offset.zero, [Int64](), 0)
        let end = try bounds(log).end
        while offset < end {
            do throws(LogError) {
                let batches = try read(log, from: offset, byteLimit: 1 << 20)
                guard let last = batches.last else { break }
                bases += batches.map(\.baseOffset.rawValue)
                offset = last.nextOffset
            } catch {
                guard case .corrupt(_, _, let next, _) = error, next > offset else { throw error }
                damaged += 1
                offset = next
            }
        }
        return (bases, damaged)
    }
}
