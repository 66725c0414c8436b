// SPDX-License-Identifier: Apache-2.0

// What a disk that failed for a while may cost: nothing that was acknowledged, and no wait without end. Power cuts keep any
// part of what was not flushed, so each history is told with many seeds of the disk.

import ApusModel
import ApusStorage
import ApusTesting
import Synchronization
import TestThreads
import Testing

@Suite(.ownThread) struct FailedFlushTests {
    private static let log = LogID(high: 9, low: 9)
    private static let seeds = UInt64(1)...60

    private static func faults(write: UInt64 = 0, sync: UInt64 = 0) -> DiskFaults {
        var faults = DiskFaults()
        (faults.write, faults.sync) = (write, sync)
        return faults
    }

    private func batch(_ tag: Int, bytes: Int = 700) -> RecordBatch {
        LogStoreContract.batch(records: 1, tag: tag, valueBytes: bytes)
    }

    /// Lets `body` run on a disk that fails.
    private func failing<Value>(
        _ disk: SimulatedDisk, _ faults: DiskFaults, _ body: () throws -> Value
    ) rethrows -> Value {
        disk.setFaults(faults)
        defer { disk.setFaults(DiskFaults()) }
        return try body()
    }

    /// The base offsets of a log that reads without an error.
    private func bases(_ store: FileLogStore) throws -> [Int64] {
        var (offset, bases) = (Offset.zero, [Int64]())
        let end = try store.bounds(Self.log).end
        while offset < end {
            let batches = try store.read(Self.log, from: offset, byteLimit: 1)
            guard let last = batches.last else { break }
            bases += batches.map(\.baseOffset.rawValue)
            offset = last.nextOffset
        }
        return bases
    }

    /// A store with offset 0 in its segment, a hole at 1, and 2 in the journal.
    private func withHole(_ disk: SimulatedDisk) throws -> (FileLogStore, LogClaim) {
        let store = try TestStore(disk).open()
        let claim = try store.claim(Self.log, LogConfiguration()) { _ in }
        #expect(store.appendNow(batch(0), claim) == .success(Offset(0)))
        #expect(store.checkpointNow())
        _ = failing(disk, Self.faults(write: 1)) { store.appendNow(batch(1), claim) }
        store.settle()
        #expect(store.appendNow(batch(2), claim) == .success(Offset(2)))
        return (store, claim)
    }

    /// A flush that failed has dropped pages which the next opening still reads, and which its own flush does not bring to the disk.
    @Test func `a log whose making failed to be flushed survives once it is open`() throws {
        let logs = (0..<3).map { Self.log.member($0) }
        for seed in Self.seeds {
            let disk = SimulatedDisk(seed: seed)
            let store = try TestStore(disk).open()
            _ = failing(disk, Self.faults(sync: 1)) {
                #expect(throws: LogError.self) { try store.create(logs) }
            }
            disk.killProcess()
            // An opening that fails has dropped what it wrote as well.
            failing(disk, Self.faults(sync: 3)) { _ = try? TestStore(disk).open() }
            disk.killProcess()
            let again = try TestStore(disk).open()
            let found = try again.logs()
            var ends: [LogID: Offset] = [:]
            for (tag, log) in found.enumerated() where tag > 0 {
                let claim = try again.claim(log, LogConfiguration()) { _ in }
                #expect(again.appendNow(batch(tag), claim) == .success(.zero))
                ends[log] = Offset(1)
            }
            if seed % 2 == 0 { #expect(again.checkpointNow()) }
            disk.powerCut()
            let last = try TestStore(disk).open()
            #expect(try last.logs() == found, "seed \(seed)")
            for log in found {
                #expect(try last.bounds(log).end == ends[log] ?? .zero, "seed \(seed)")
                let batches = try last.read(log, from: .zero, byteLimit: 1 << 20)
                #expect(batches.count == (ends[log] == nil ? 0 : 1), "seed \(seed)")
            }
            #expect(last.statistics().quarantined == 0, "seed \(seed)")
        }
    }

    @Test func `what was taken back after a failed flush does not come back as damage`() throws {
        for seed in Self.seeds {
            let disk = SimulatedDisk(seed: seed)
            let (store, claim) = try withHole(disk)
            failing(disk, Self.faults(sync: 1)) { #expect(!store.checkpointNow()) }
            #expect(store.checkpointNow())
            #expect(store.appendNow(batch(3), claim) == .success(Offset(3)))
            #expect(store.checkpointNow())
            disk.powerCut()
            let again = try TestStore(disk).open()
            #expect(try bases(again) == [0, 2, 3], "seed \(seed)")
            #expect(again.statistics().quarantined == 0, "seed \(seed)")
        }
    }

    @Test func `what a failed write left is not read as damage when its batches went to another segment`()
        throws
    {
        for seed in Self.seeds {
            let disk = SimulatedDisk(seed: seed)
            let (store, claim) = try withHole(disk)
            failing(disk, Self.faults(write: 1)) { #expect(!store.checkpointNow()) }
            try store.configure(claim, LogConfiguration(segmentBytesMax: 1))
            #expect(store.checkpointNow())
            disk.killProcess()
            let again = try TestStore(disk).open()
            #expect(try bases(again) == [0, 2], "seed \(seed)")
            #expect(again.statistics().quarantined == 0, "seed \(seed)")
        }
    }

    @Test func `a flushed batch behind one without flush survives a failed flush and a power cut`() throws {
        for seed in Self.seeds {
            let disk = SimulatedDisk(seed: seed)
            let store = try TestStore(disk).open()
            let claim = try store.claim(Self.log, LogConfiguration(durability: .none)) { _ in }
            #expect(store.appendNow(batch(0), claim) == .success(Offset(0)))
            try store.configure(claim, LogConfiguration(durability: .flush))
            #expect(store.appendNow(batch(1), claim) == .success(Offset(1)))
            failing(disk, Self.faults(sync: 1)) { #expect(!store.checkpointNow()) }
            #expect(store.checkpointNow())
            disk.powerCut()
            // What was made durable by a checkpoint stays, with or without `flush`.
            #expect(try bases(try TestStore(disk).open()) == [0, 1], "seed \(seed)")
        }
    }

    @Test func `what is read after a start survives a power cut, its journal file's header included`() throws
    {
        for count in 0..<24 {
            let disk = SimulatedDisk(seed: UInt64(count))
            var store = try TestStore(disk).open()
            let claim = try store.claim(Self.log, LogConfiguration()) { _ in }
            for tag in 0..<count { _ = store.appendNow(batch(tag, bytes: 6_000), claim) }
            _ = failing(disk, Self.faults(sync: 1)) { store.appendNow(batch(count, bytes: 6_000), claim) }
            disk.killProcess()
            store = try TestStore(disk).open()
            let found = try bases(store)
            disk.powerCut()
            #expect(try bases(try TestStore(disk).open()) == found, "after \(count) appends")
        }
    }

    @Test(arguments: [faults(sync: 1), faults(write: 1)])
    func `a disk that goes on failing answers within bounds, and what it refused does not appear`(
        _ faults: DiskFaults
    ) throws {
        let disk = SimulatedDisk(seed: 3)
        var opening = TestStore(disk)
        opening.configuration.patience = .zero
        let store = try opening.open()
        let claim = try store.claim(Self.log, LogConfiguration()) { _ in }
        #expect(store.appendNow(batch(0), claim) == .success(Offset(0)))
        failing(disk, faults) {
            let answers = Mutex<[Result<Offset, LogError>]>([])
            store.append(batch(1), holding: claim) { answer in answers.withLock { $0.append(answer) } }
            // The first step finds the disk failing, the next one that it still does.
            for _ in 0..<3 { _ = store.commitStep() }
            guard case .failure(let error) = answers.withLock({ $0.first }) else {
                Issue.record("no answer")
                return
            }
            #expect(error.isRetryable)
            guard case .failure(.failed) = store.appendNow(batch(2), claim) else {
                Issue.record("appends are taken while the disk fails")
                return
            }
            #expect(store.statistics().refusal != nil)
        }
        store.settle()
        #expect(store.statistics().refusal == nil)
        guard case .success(let last) = store.appendNow(batch(3), claim) else {
            Issue.record("appends are not taken any more")
            return
        }
        #expect(try bases(store) == [0, last.rawValue])
        disk.killProcess()
        #expect(try bases(try TestStore(disk).open()) == [0, last.rawValue])
    }

    /// Whether the flush that fails is a block's or that of a journal file which cannot be begun, depends on where the journal happens to be.
    @Test func `wherever the journal is, a disk that fails is refused to logs without flush too`() throws {
        for count in 0..<24 {
            let disk = SimulatedDisk(seed: UInt64(count))
            let store = try TestStore(disk).open()
            let claim = try store.claim(Self.log, LogConfiguration()) { _ in }
            let unflushed = try store.claim(Self.log.member(1), LogConfiguration(durability: .none)) { _ in }
            for tag in 0..<count { _ = store.appendOnce(batch(tag, bytes: 6_000), claim) }
            let refused = failing(disk, Self.faults(sync: 1)) {
                _ = store.appendNow(batch(count, bytes: 6_000), claim)
                return store.appendNow(batch(0), unflushed)
            }
            guard case .failure(.failed) = refused else {
                Issue.record("after \(count) appends: \(String(describing: refused))")
                continue
            }
            store.settle()
            #expect(store.appendNow(batch(1), unflushed) == .success(.zero), "after \(count) appends")
            guard case .success(let last) = store.appendNow(batch(count), claim) else {
                Issue.record("after \(count) appends: not taken any more")
                continue
            }
            #expect(try bases(store) == (0..<Int64(count)).map(\.self) + [last.rawValue])
        }
    }

    @Test func `appends behind checkpoints that go on failing are answered, and taken once one succeeds`()
        throws
    {
        let disk = SimulatedDisk(seed: 4)
        let clock = SimulatedClock()
        var opening = TestStore(disk)
        opening.configuration.tailBytesMax = 8 << 10
        opening.configuration.patience = .seconds(5)
        let store = try opening.open(clock.clock)
        let claim = try store.claim(Self.log, LogConfiguration()) { _ in }
        var taken: [Int64] = []
        // The journal's flushes work and the segments' do not, as when they are on different parts of a bad disk.
        for tag in 0..<3 {
            #expect(store.appendNow(batch(tag, bytes: 3_000), claim) == .success(Offset(Int64(tag))))
            taken.append(Int64(tag))
        }
        let answers = Mutex<[Result<Offset, LogError>]>([])
        func step() -> CommitOutcome {
            failing(disk, Self.faults(sync: 1)) { #expect(!store.checkpointNow()) }
            return store.commitStep()
        }
        store.append(batch(4), holding: claim) { answer in answers.withLock { $0.append(answer) } }
        #expect(step() == .blocked)
        clock.advance(.seconds(4))
        #expect(step() == .blocked)
        #expect(answers.withLock { $0.isEmpty }, "patience is not at its end")
        clock.advance(.seconds(2))
        store.append(batch(5), holding: claim) { answer in answers.withLock { $0.append(answer) } }
        #expect(step() == .blocked)
        let refused = answers.withLock { $0 }
        #expect(refused.count == 2)
        for answer in refused {
            guard case .failure(let error) = answer else {
                Issue.record("acknowledged without room for it: \(answer)")
                continue
            }
            #expect(error.isRetryable)
        }
        #expect(store.checkpointNow())
        guard case .success(let last) = store.appendNow(batch(6), claim) else {
            Issue.record("appends are not taken any more")
            return
        }
        taken.append(last.rawValue)
        #expect(try bases(store) == taken)
        disk.powerCut()
        #expect(try bases(try TestStore(disk).open()) == taken)
    }

    @Test func `a journal that is full behind failing checkpoints answers too`() throws {
        let disk = SimulatedDisk(seed: 5)
        let clock = SimulatedClock()
        var opening = TestStore(disk)
        opening.configuration.journalFiles = 2
        let store = try opening.open(clock.clock)
        let claim = try store.claim(Self.log, LogConfiguration()) { _ in }
        var taken = 0
        while case .success = store.appendOnce(batch(taken, bytes: 12_000), claim) {
            taken += 1
            failing(disk, Self.faults(sync: 1)) { #expect(!store.checkpointNow()) }
        }
        #expect(store.commitStep() == .blocked)
        clock.advance(.seconds(6))
        #expect(store.commitStep() == .blocked)
        #expect(store.commitStep() == .idle, "nothing waits any more")
        #expect(store.checkpointNow())
        guard case .success = store.appendNow(batch(taken), claim) else {
            Issue.record("appends are not taken any more")
            return
        }
        #expect(try bases(store).count == taken + 1)
    }
}
