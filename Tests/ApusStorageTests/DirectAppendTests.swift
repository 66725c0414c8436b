// SPDX-License-Identifier: Apache-2.0

// Appends that nobody was promised a flush of: written by whoever appends, read from memory a moment later, and the same bytes in segments.

import ApusModel
import ApusTesting
import Synchronization
import TestThreads
import Testing

@testable import ApusStorage

@Suite(.ownThread) struct DirectAppendTests {
    private static let log = LogID(high: 5, low: 5)
    private static let none = LogConfiguration(durability: .none)

    private func batch(_ tag: Int, bytes: Int = 20) -> RecordBatch {
        LogStoreContract.batch(records: 2, tag: tag, valueBytes: bytes)
    }

    /// What every byte of a batch has a part in.
    private func fingerprint(_ batch: RecordBatch) -> [Int64] {
        [batch.baseOffset.rawValue, Int64(batch.headerChecksum), Int64(batch.checksum), Int64(batch.length)]
    }

    /// Reads a log by bits.
    private func content(of store: FileLogStore, byteLimit: Int = 1) throws -> [[Int64]] {
        var (found, offset) = ([[Int64]](), Offset.zero)
        while offset < (try store.bounds(Self.log).end) {
            let batches = try store.read(Self.log, from: offset, byteLimit: byteLimit)
            let last = try #require(batches.last)
            found += batches.map(fingerprint)
            offset = last.nextOffset
        }
        return found
    }

    @Test func `whoever appends writes, and is answered before the append returns`() throws {
        try withTemporaryDirectory { directory in
            let store = try FileLogStore(
                directory: directory, configuration: TestStore.configuration, logger: TestStore.silent)
            defer { store.close() }
            let claim = try store.claim(Self.log, Self.none) { _ in }
            let offsets = Mutex<[Offset]>([])
            for tag in 0..<20 {
                store.append(batch(tag), holding: claim) { result in
                    if case .success(let offset) = result { offsets.withLock { $0.append(offset) } }
                }
            }
            // Another thread may have been at it, which completes what it took and no more.
            while offsets.withLock({ $0.count }) < 20 { store.settle() }
            #expect(offsets.withLock { $0 } == (0..<20).map { Offset($0 * 2) })
        }
    }

    @Test func `what is written in this way waits for whoever writes already, and for flushes`() throws {
        let store = try TestStore(SimulatedDisk(seed: 1)).open()
        let claim = try store.claim(Self.log, Self.none) { _ in }
        #expect(!store.commitInline(), "nothing waits")
        let count = Mutex(0)
        store.append(batch(0), holding: claim) { _ in count.withLock { $0 += 1 } }
        #expect(store.commitInline())
        #expect(count.withLock { $0 } == 1)
        store.append(batch(1, bytes: FileLogStore.inlineBytesMax), holding: claim) { _ in
            count.withLock { $0 += 1 }
        }
        #expect(!store.commitInline(), "too much at once")
        store.settle()
        #expect(count.withLock { $0 } == 2)
        let flushed = try store.claim(LogID(high: 6, low: 6), LogConfiguration()) { _ in }
        store.append(batch(2), holding: flushed) { _ in count.withLock { $0 += 1 } }
        store.append(batch(3), holding: claim) { _ in count.withLock { $0 += 1 } }
        #expect(!store.commitInline(), "one of them wants a flush")
        store.settle()
        #expect(count.withLock { $0 } == 4)
        store.close()
    }

    @Test(arguments: [20, 3_000, 9_000, 40_000, 200_000])
    func `from memory, from segments and after a start the same bytes are read`(_ valueBytes: Int) throws {
        let disk = SimulatedDisk(seed: 1)
        var configuration = TestStore(disk)
        configuration.configuration.blockBytesMax = 1 << 20
        let store = try configuration.open()
        let claim = try store.claim(Self.log, Self.none) { _ in }
        for tag in 0..<40 {
            // Whatever offset the client gave it.
            var sent = batch(tag, bytes: tag % 3 == 0 ? 20 : valueBytes)
            sent.baseOffset = Offset(77)
            #expect(store.appendNow(sent, claim) == .success(Offset(Int64(tag) * 2)))
        }
        let expected = (0..<40).map { tag in
            var placed = batch(tag, bytes: tag % 3 == 0 ? 20 : valueBytes)
            placed.baseOffset = Offset(Int64(tag) * 2)
            return fingerprint(placed)
        }
        #expect(try content(of: store) == expected)
        #expect(try content(of: store, byteLimit: 1 << 20) == expected)
        store.close()
        let again = try TestStore(disk).open()
        #expect(try content(of: again) == expected)
        #expect(try content(of: again, byteLimit: 100_000) == expected)
        #expect(again.statistics().quarantined == 0)
        again.close()
    }

    @Test func `what is kept in memory of many logs is bounded`() throws {
        var state = SharedState()
        let environment = LogEnvironment(
            disk: SimulatedDisk(seed: 1), cache: DescriptorCache(SimulatedDisk(seed: 1), limit: 8),
            logger: TestStore.silent, quarantined: Counter())
        try environment.disk.makeDirectory("/logs")
        for number in 0..<300 {
            let id = LogID(high: 1, low: UInt64(number))
            let files = try LogFiles.create(id, life: 1, in: "/logs", environment)
            let slot = state.add(
                LogSlot(id: id, files: files, start: .zero, reserved: .zero, end: .zero, tailFrom: .zero))
            for tag in 0..<10 {
                state.remember(SegmentBatch(batch(tag, bytes: 2_000), at: Offset(Int64(tag) * 2)), of: slot)
            }
        }
        let kept = state.slots.compactMap { $0 }
        #expect(
            kept.allSatisfy {
                $0.recentBytes <= 32 << 10 && $0.recentBytes == $0.recent.reduce(0) { $0 + $1.batch.length }
            })
        #expect(state.recentBytes == kept.reduce(0) { $0 + $1.recentBytes })
        #expect(state.recentBytes <= 4 << 20)
        #expect(
            Set(state.recentSlots)
                == Set(state.slots.indices.filter { state.slots[$0]?.recentBytes ?? 0 > 0 }))
        for slot in state.slots.indices { state.forgetRecent(of: slot) }
        #expect(state.recentBytes == 0 && state.recentSlots.isEmpty)
    }

    @Test func `memory is given back when much was moved and nothing is any more`() {
        var memory = MemoryReturn()
        let load: UInt64 = 100 << 20
        let looks = [0, load] + Array(repeating: load, count: 10) + [load + 1000]
        let due = looks.map { memory.isDue(after: $0) }
        #expect(due == [false, false, true, false, false, true] + Array(repeating: false, count: 7))
    }
}
