// SPDX-License-Identifier: Apache-2.0

// Every byte of a segment and of a journal flipped, and files cut at every byte: damage is always noticed, never
// delivered, and costs the batch it is in and nothing else.

import ApusModel
import ApusStorage
import ApusTesting
import TestThreads
import Testing

@Suite(.ownThread) struct DamageTests {
    private static let batches = 5
    private static let log = LogID(high: 9, low: 9)

    /// A store with five small batches, in its segment or still in the journal, and killed.
    ///
    /// - Parameter closesSegment: whether the last batch has a segment of its own.
    private func prepared(inSegment: Bool, closesSegment: Bool = false) throws -> SimulatedDisk {
        let disk = SimulatedDisk(seed: 1)
        let store = try TestStore(disk).open()
        let claim = try store.claim(Self.log, LogConfiguration()) { _ in }
        for tag in 0..<Self.batches {
            if closesSegment, tag == Self.batches - 1 {
                guard store.checkpointNow() else { throw LogError.overloaded }
                try store.configure(claim, LogConfiguration(segmentBytesMax: 1))
            }
            guard case .success = store.appendNow(LogStoreContract.batch(records: 2, tag: tag), claim) else {
                throw LogError.overloaded
            }
        }
        if inSegment { store.close() }
        disk.killProcess()
        return disk
    }

    private func path(_ disk: SimulatedDisk, _ suffix: String) throws -> String {
        let files = disk.files(under: "/store").filter { $0.path.hasSuffix(suffix) && $0.size > 0 }
        return try #require(files.max { $0.size < $1.size }?.path)
    }

    @Test func `a flipped byte anywhere in a segment costs its batch and is noticed`() throws {
        let original = try prepared(inSegment: true)
        let file = try path(original, ".log")
        let whole = try #require(original.content(file))
        let length = whole.count / Self.batches
        for position in placesToTry(whole.indices) {
            let disk = original.duplicate(seed: 1)
            var bytes = whole
            bytes[position] ^= 0x41
            disk.setContent(file, bytes)
            let store = try TestStore(disk).open()
            let found = try store.readAll(Self.log)
            let expected = (0..<Self.batches).filter { $0 != position / length }.map { Int64($0 * 2) }
            #expect(found.bases == expected, "byte \(position)")
            #expect(found.damaged == 1, "byte \(position)")
            #expect(store.statistics().quarantined == 1, "byte \(position)")
            _ = try store.readAll(Self.log)
            #expect(store.statistics().quarantined == 1, "counted once")
            let verified = try store.verify(Self.log)
            #expect(verified.damage.count == 1 && verified.batches == Self.batches - 1)
        }
    }

    @Test
    func `a segment cut anywhere gives the whole batches before the cut and says that the rest is lost`()
        throws
    {
        let original = try prepared(inSegment: true)
        let file = try path(original, ".log")
        let whole = try #require(original.content(file))
        let length = whole.count / Self.batches
        for count in placesToTry(0..<whole.count) {
            let disk = original.duplicate(seed: 1)
            disk.setContent(file, Array(whole[..<count]))
            let store = try TestStore(disk).open()
            let found = try store.readAll(Self.log)
            #expect(found.bases == (0..<count / length).map { Int64($0 * 2) }, "cut at \(count)")
            #expect(found.damaged == 1, "cut at \(count)")
            let claim = try store.claim(Self.log, LogConfiguration()) { _ in }
            let next = store.appendNow(LogStoreContract.batch(records: 1, tag: 7), claim)
            #expect(next == .success(Offset(10)), "offsets are not used again")
        }
    }

    /// The index is what says where a closed segment ends; without it that is found out again, sums included.
    @Test(arguments: 1...3)
    func `a header that is damaged stays damaged when the index is made again`(_ damaged: Int) throws {
        let original = try prepared(inSegment: true, closesSegment: true)
        let names = original.files(under: "/store/logs").map(\.path)
        let file = try #require(names.first { $0.hasSuffix("00000000.log") })
        let index = try #require(names.first { $0.hasSuffix("00000000.index") })
        let whole = try #require(original.content(file))
        let length = whole.count / (Self.batches - 1)
        for position in 0..<16 {
            let disk = original.duplicate(seed: 1)
            var bytes = whole
            // The leader epoch and the base offset are what no checksum of Kafka's covers.
            for batch in Self.batches - 1 - damaged..<Self.batches - 1 {
                bytes[batch * length + position] ^= 1
            }
            // One of several is damaged in its records too: nothing about it is believed then.
            if damaged > 1 { bytes[whole.count - length * damaged + 80] ^= 1 }
            disk.setContent(file, bytes)
            var entries = try #require(disk.content(index))
            entries[entries.count - 3] ^= 1
            disk.setContent(index, entries)
            for _ in 0..<2 {
                let store = try TestStore(disk).open()
                let found = try store.readAll(Self.log)
                let expected = Array(0..<Self.batches - 1 - damaged) + [Self.batches - 1]
                #expect(found.bases == expected.map { Int64($0 * 2) }, "byte \(position)")
                #expect(found.damaged > 0 && store.statistics().quarantined > 0, "byte \(position)")
                disk.killProcess()
            }
        }
    }

    @Test func `a flipped byte anywhere in the journal is noticed or without effect`() throws {
        let original = try prepared(inSegment: false)
        let file = try path(original, ".journal")
        let whole = try #require(original.content(file))
        let used = (whole.lastIndex { $0 != 0 } ?? 0) + 1
        for position in placesToTry(0..<used) {
            let disk = original.duplicate(seed: 1)
            var bytes = whole
            bytes[position] ^= 0x41
            disk.setContent(file, bytes)
            let store = try TestStore(disk).open()
            let found = try store.readAll(Self.log)
            #expect(found.bases.count >= Self.batches - 1, "byte \(position)")
            if found.bases.count < Self.batches {
                #expect(store.statistics().quarantined > 0, "byte \(position)")
            }
        }
    }

    @Test func `a journal cut anywhere gives a first part of the batches`() throws {
        let original = try prepared(inSegment: false)
        let file = try path(original, ".journal")
        let whole = try #require(original.content(file))
        let used = (whole.lastIndex { $0 != 0 } ?? 0) + 1
        for place in placesToTry(0..<(used - 4096 + 6) / 7) {
            let count = 4096 + place * 7
            let disk = original.duplicate(seed: 1)
            disk.setContent(file, Array(whole[..<count]))
            let store = try TestStore(disk).open()
            let found = try store.readAll(Self.log)
            #expect(found.bases == (0..<found.bases.count).map { Int64($0 * 2) }, "cut at \(count)")
        }
    }

    @Test(arguments: [".index", ".sums", "checkpoint"])
    func `what can be made again may be missing`(_ suffix: String) throws {
        let disk = try prepared(inSegment: true)
        for file in disk.files(under: "/store") where file.path.hasSuffix(suffix) {
            try disk.remove(file.path)
        }
        let store = try TestStore(disk).open()
        #expect(try store.readAll(Self.log).bases.count == Self.batches)
    }
}
