// SPDX-License-Identifier: Apache-2.0

// What the contract's checks are written with.

public import ApusModel
import ApusStorage
import Glibc
import NIOCore
import Synchronization

extension LogStoreContract {
    private static let logs = Mutex(SplitMix64(seed: 7))

    /// One claimed log, appended to and waited for.
    struct Writer {
        let subject: Subject
        let log: LogID
        let claim: LogClaim

        init(
            _ subject: Subject, _ configuration: LogConfiguration = LogConfiguration(), log: LogID? = nil,
            onAdvance: @escaping @Sendable (Offset) -> Void = { _ in }
        ) throws {
            self.subject = subject
            self.log = log ?? LogStoreContract.logs.withLock { LogID.random(using: &$0) }
            claim = try subject.store.claim(self.log, configuration, onAdvance: onAdvance)
        }

        func append(_ batch: RecordBatch) throws -> Offset {
            guard let offset = try appendAll([batch]).first else {
                throw Violation(description: "no completion")
            }
            return offset
        }

        /// Appends without waiting in between, then waits for all.
        func appendAll(_ batches: [RecordBatch]) throws -> [Offset] {
            let results = Results()
            for batch in batches {
                subject.store.append(batch, holding: claim) { result in
                    results.list.withLock { $0.append(result) }
                }
            }
            subject.settle()
            let done = eventually {
                results.list.withLock { $0 }
            } until: {
                $0.count == batches.count
            }
            try expect(done.count == batches.count, "\(batches.count) completions, not \(done.count)")
            return try done.map { try $0.get() }
        }
    }

    private final class Results: Sendable {
        let list = Mutex<[Result<Offset, LogError>]>([])
    }

    /// A batch whose records say where they come from.
    public static func batch(records: Int, tag: Int, valueBytes: Int = 20, time: Int64 = 1_000) -> RecordBatch
    {
        var builder = RecordBatchBuilder()
        for index in 0..<max(records, 1) {
            builder.append(
                timestamp: Timestamp(milliseconds: time + Int64(index)), key: Array("\(tag)".utf8),
                value: [UInt8](repeating: UInt8(truncatingIfNeeded: tag &* 31 &+ index), count: valueBytes))
        }
        guard let batch = builder.finish() else {
            preconditionFailure("a batch with records can be finished")
        }
        return batch
    }

    static func tags(_ batches: [RecordBatch]) throws -> [Int] {
        var tags: [Int] = []
        for batch in batches {
            let records = try batch.records()
            let key = records.first?.key ?? []
            tags.append(Int(String(decoding: key, as: UTF8.self)) ?? -1)
        }
        return tags
    }

    static func expect(_ condition: @autoclosure () throws -> Bool, _ what: String) throws {
        guard try condition() else { throw Violation(description: "expected: \(what)") }
    }

    static func expectError(_ error: LogError, _ body: () throws -> Void) throws {
        do {
            try body()
        } catch let thrown as LogError {
            guard thrown == error else { throw Violation(description: "expected \(error), not \(thrown)") }
            return
        }
        throw Violation(description: "expected \(error), and nothing was thrown")
    }

    /// Polls a store that has threads of its own.
    static func eventually<Value>(_ value: () -> Value, until isDone: (Value) -> Bool) -> Value {
        var current = value()
        var patience = 10_000
        while !isDone(current), patience > 0 {
            usleep(1_000)
            patience -= 1
            current = value()
        }
        return current
    }
}
