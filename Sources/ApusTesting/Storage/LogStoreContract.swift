// SPDX-License-Identifier: Apache-2.0

// What every LogStore promises, as checks that any of them can be held against:
//
//     @Test(arguments: LogStoreContract.checks)
//     func `keeps the contract`(_ check: LogStoreContract.Check) throws {
//         try check.run { MyStore() }
//     }

import ApusModel
public import ApusStorage
import NIOCore
import Synchronization

/// The checks that every ``LogStore`` passes.
public enum LogStoreContract {
    /// Why a store does not keep the contract.
    public struct Violation: Error, CustomStringConvertible {
        /// What was expected and what happened.
        public let description: String
    }

    /// A store under test.
    public struct Subject {
        /// The store.
        public let store: any LogStore
        /// Makes the store do what waits: completes appends, if it does that only when told.
        public let settle: @Sendable () -> Void

        /// A store and how to make it do what waits; nothing for one with threads of its own.
        public init(_ store: any LogStore, settle: @escaping @Sendable () -> Void = {}) {
            self.store = store
            self.settle = settle
        }
    }

    /// One named promise.
    public struct Check: Sendable, CustomTestStringConvertibleLike {
        /// What is promised, as a sentence.
        public let name: String
        let body: @Sendable (Subject) throws -> Void

        /// In words, for reports.
        public var description: String { name }

        /// Holds a new store against the promise.
        public func run(_ subject: Subject) throws { try body(subject) }
    }

    /// A description for test reports.
    public protocol CustomTestStringConvertibleLike: CustomStringConvertible {}

    /// All promises.
    public static let checks: [Check] = ordering + reading + forgetting + creating + claiming

    private static let ordering = [
        Check(name: "offsets follow the order of appends") { subject in
            let writer = try Writer(subject)
            let offsets = try writer.appendAll((1...20).map { batch(records: $0 % 3 + 1, tag: $0) })
            var expected = Int64(0)
            for (index, offset) in offsets.enumerated() {
                try expect(offset.rawValue == expected, "append \(index) at \(expected), not \(offset)")
                expected += Int64((index + 1) % 3 + 1)
            }
            try expect(try subject.store.bounds(writer.log).end.rawValue == expected, "end is \(expected)")
        },
        Check(name: "the end grows before anybody is told so") { subject in
            let seen = Mutex<[Offset]>([])
            let writer = try Writer(subject) { end in seen.withLock { $0.append(end) } }
            _ = try writer.appendAll((0..<5).map { batch(records: 2, tag: $0) })
            let ends = eventually {
                seen.withLock { $0 }
            } until: {
                $0.last == Offset(10)
            }
            try expect(ends.last == Offset(10), "the last end told is 10, not \(ends)")
            try expect(ends == ends.sorted(), "ends are told in order: \(ends)")
        },
        Check(name: "logs do not mix") { subject in
            let first = try Writer(subject)
            let second = try Writer(subject)
            for tag in 0..<10 {
                _ = try first.append(batch(records: 1, tag: tag))
                _ = try second.append(batch(records: 1, tag: 100 + tag))
            }
            for (writer, tag) in [(first, 0), (second, 100)] {
                let batches = try subject.store.read(writer.log, from: .zero, byteLimit: 1 << 20)
                try expect(try tags(batches) == Array(tag..<tag + 10), "each log has its own records")
            }
            try expect(
                Set(try subject.store.logs()).isSuperset(of: [first.log, second.log]), "both are listed")
        },
        Check(name: "every durability acknowledges and reads back") { subject in
            for durability in [Durability.flush, .interval(.milliseconds(50)), .none] {
                let writer = try Writer(subject, LogConfiguration(durability: durability))
                _ = try writer.appendAll((0..<5).map { batch(records: 1, tag: $0) })
                let read = try subject.store.read(writer.log, from: .zero, byteLimit: 1 << 20)
                try expect(try tags(read) == Array(0..<5), "\(durability): read what was appended")
            }
        },
    ]

    private static let reading = [
        Check(name: "reading gives whole batches from the one that holds the offset") { subject in
            let writer = try Writer(subject)
            let first = batch(records: 3, tag: 1)
            let length = first.length
            _ = try writer.appendAll([first, batch(records: 3, tag: 2), batch(records: 3, tag: 3)])
            let one = try subject.store.read(writer.log, from: Offset(4), byteLimit: 1)
            try expect(
                one.count == 1 && one[0].baseOffset == Offset(3), "at least one batch, the one with offset 4")
            let two = try subject.store.read(writer.log, from: .zero, byteLimit: 2 * length)
            try expect(two.count == 2, "as many as fit: 2, not \(two.count)")
            let all = try subject.store.read(writer.log, from: .zero, byteLimit: 1 << 20)
            try expect(all.map(\.baseOffset.rawValue) == [0, 3, 6], "all three in order")
        },
        Check(name: "reading at the end gives nothing, beyond it an error") { subject in
            let writer = try Writer(subject)
            _ = try writer.append(batch(records: 2, tag: 1))
            let none = try subject.store.read(writer.log, from: Offset(2), byteLimit: 100)
            try expect(none.isEmpty, "nothing at the end")
            try expectError(.beyondEnd(end: Offset(2))) {
                _ = try subject.store.read(writer.log, from: Offset(3), byteLimit: 100)
            }
        },
        Check(name: "bytes come back as they went in") { subject in
            let writer = try Writer(subject)
            let batches = (0..<30).map { batch(records: 1 + $0 % 4, tag: $0, valueBytes: $0 * 97) }
            let offsets = try writer.appendAll(batches)
            for (index, offset) in offsets.enumerated() {
                var expected = batches[index]
                expected.baseOffset = offset
                let read = try subject.store.read(writer.log, from: offset, byteLimit: 1)
                try expect(read.first?.bytes == expected.bytes, "batch \(index) has the same bytes")
            }
        },
        Check(name: "times are found") { subject in
            let writer = try Writer(subject)
            for index in 0..<20 {
                _ = try writer.append(batch(records: 2, tag: index, time: 1_000 + Int64(index) * 10))
            }
            let found = try subject.store.offset(writer.log, at: Timestamp(milliseconds: 1_095))
            try expect(found == Offset(20), "the first record at or after 1095 is 20, not \(found)")
            let first = try subject.store.offset(writer.log, at: Timestamp(milliseconds: 0))
            try expect(first == .zero, "before all: the first")
            let none = try subject.store.offset(writer.log, at: Timestamp(milliseconds: 9_999))
            try expect(none == Offset(40), "after all: the end")
        },
    ]

    private static let forgetting = [
        Check(name: "trimming moves the start and nothing else") { subject in
            let writer = try Writer(subject)
            _ = try writer.appendAll((0..<10).map { batch(records: 2, tag: $0) })
            try subject.store.trim(writer.log, before: Offset(7))
            let bounds = try subject.store.bounds(writer.log)
            try expect(bounds.start == Offset(7) && bounds.end == Offset(20), "from 7 to 20: \(bounds)")
            try expectError(.trimmed(start: Offset(7))) {
                _ = try subject.store.read(writer.log, from: Offset(6), byteLimit: 100)
            }
            let read = try subject.store.read(writer.log, from: Offset(7), byteLimit: 1)
            try expect(read.first?.baseOffset == Offset(6), "the batch that holds the start is whole")
            try subject.store.trim(writer.log, before: Offset(3))
            try expect(try subject.store.bounds(writer.log).start == Offset(7), "the start never goes back")
            try expectError(.beyondEnd(end: Offset(20))) {
                try subject.store.trim(writer.log, before: Offset(21))
            }
        },
        Check(name: "a log trimmed to its end goes on at its end") { subject in
            let writer = try Writer(subject)
            _ = try writer.appendAll((0..<3).map { batch(records: 1, tag: $0) })
            try subject.store.trim(writer.log, before: Offset(3))
            let next = try writer.append(batch(records: 1, tag: 9))
            try expect(next == Offset(3), "offsets go on at 3, not \(next)")
        },
        Check(name: "a deleted log is gone and its name starts at zero") { subject in
            let writer = try Writer(subject)
            _ = try writer.append(batch(records: 5, tag: 1))
            try subject.store.delete(writer.log)
            try expect(try !subject.store.logs().contains(writer.log), "it is not listed")
            try expectError(.unknownLog(writer.log)) { _ = try subject.store.bounds(writer.log) }
            try expectError(.unknownLog(writer.log)) { try subject.store.delete(writer.log) }
            let again = try Writer(subject, log: writer.log)
            let offset = try again.append(batch(records: 1, tag: 2))
            try expect(offset == .zero, "a new life begins at 0, not \(offset)")
        },
    ]

    private static let claiming = [
        Check(name: "a later claim fences the earlier one") { subject in
            let first = try Writer(subject)
            _ = try first.append(batch(records: 1, tag: 1))
            let second = try Writer(subject, log: first.log)
            try expectError(.fenced(first.log)) { _ = try first.append(batch(records: 1, tag: 2)) }
            try expectError(.fenced(first.log)) {
                try subject.store.configure(first.claim, LogConfiguration())
            }
            let offset = try second.append(batch(records: 1, tag: 3))
            try expect(offset == Offset(1), "the later claim goes on at 1, not \(offset)")
        },
        Check(name: "unknown logs are errors") { subject in
            let log = LogID(high: 1, low: 2)
            try expectError(.unknownLog(log)) { _ = try subject.store.read(log, from: .zero, byteLimit: 1) }
            try expectError(.unknownLog(log)) { _ = try subject.store.bounds(log) }
            try expectError(.unknownLog(log)) {
                _ = try subject.store.offset(log, at: Timestamp(milliseconds: 0))
            }
            try expectError(.unknownLog(log)) { try subject.store.trim(log, before: .zero) }
        },
        Check(name: "what can be trimmed whole is in order and below the end") { subject in
            let writer = try Writer(subject, LogConfiguration(segmentBytesMax: 1 << 20))
            for tag in 0..<8 { _ = try writer.append(batch(records: 1, tag: tag, valueBytes: 400 << 10)) }
            let closed = try subject.store.closedSegments(writer.log)
            let end = try subject.store.bounds(writer.log).end
            for (left, right) in zip(closed, closed.dropFirst()) {
                try expect(left.end <= right.base, "segments do not overlap")
            }
            try expect(closed.allSatisfy { $0.base < $0.end && $0.end <= end }, "segments are below the end")
            if let first = closed.first {
                try subject.store.trim(writer.log, before: first.end)
                try expect(
                    try subject.store.bounds(writer.log).start == first.end, "the first one is forgotten")
            }
        },
    ]
}
