// SPDX-License-Identifier: Apache-2.0

// The end of a segment that no checkpoint covers and no journal repeats, after a process that was killed: what is torn is
// cut off and no news, what is damaged is said.

import ApusModel
import ApusStorage
import ApusTesting
import TestThreads
import Testing

@Suite(.ownThread) struct TornOrDamagedTests {
    private static let batches = 4
    private static let log = LogID(high: 9, low: 9)

    /// A log without flush with four batches of two records, and a killed process.
    private func prepared() throws -> (disk: SimulatedDisk, file: String, bytes: [UInt8]) {
        let disk = SimulatedDisk(seed: 1)
        let store = try TestStore(disk).open()
        let claim = try store.claim(Self.log, LogConfiguration(durability: .none)) { _ in }
        for tag in 0..<Self.batches {
            #expect(
                store.appendNow(LogStoreContract.batch(records: 2, tag: tag), claim)
                    == .success(Offset(Int64(tag * 2))))
        }
        disk.killProcess()
        let files = disk.files(under: "/store/logs").filter { $0.path.hasSuffix(".log") }
        let file = try #require(files.first?.path)
        return (disk, file, try #require(disk.content(file)))
    }

    @Test func `a flipped bit behind the last checkpoint is reported, the last batch's too`() throws {
        let (disk, file, whole) = try prepared()
        let length = whole.count / Self.batches
        for position in whole.indices {
            var bytes = whole
            bytes[position] ^= 1 << UInt8(position % 8)
            disk.setContent(file, bytes)
            let copy = disk.duplicate(seed: 1)
            let store = try TestStore(copy).open()
            let found = try store.readAll(Self.log)
            let expected = (0..<Self.batches).filter { $0 != position / length }.map { Int64($0 * 2) }
            #expect(found.bases == expected, "byte \(position)")
            #expect(found.damaged == 1 && store.statistics().quarantined == 1, "byte \(position)")
            let claim = try store.claim(Self.log, LogConfiguration(durability: .none)) { _ in }
            let next = store.appendNow(LogStoreContract.batch(records: 1, tag: 7), claim)
            #expect(try next?.get() ?? .zero >= Offset(8), "byte \(position): offsets are not used again")
        }
    }

    @Test func `a write that was not finished is cut off and no damage`() throws {
        let (disk, file, whole) = try prepared()
        let length = whole.count / Self.batches
        for count in whole.indices {
            disk.setContent(file, Array(whole[..<count]))
            let store = try TestStore(disk.duplicate(seed: 1)).open()
            let found = try store.readAll(Self.log)
            #expect(found.bases == (0..<count / length).map { Int64($0 * 2) }, "cut at \(count)")
            #expect(found.damaged == 0 && store.statistics().quarantined == 0, "cut at \(count)")
        }
    }

    @Test func `after a power cut an end that is not whole is cut off`() throws {
        let (disk, file, whole) = try prepared()
        let length = whole.count / Self.batches
        for position in whole.indices.suffix(length) {
            var bytes = whole
            bytes[position] ^= 1
            disk.setContent(file, bytes)
            let copy = disk.duplicate(seed: 1)
            copy.powerCut()
            let store = try TestStore(copy).open()
            // Whatever is left is whole: nobody promised that this would survive.
            for base in try store.readAll(Self.log).bases { #expect((0..<6).contains(base) && base % 2 == 0) }
        }
    }

    /// Damage at the end of a segment, behind which the journal goes on: in the segment before the last, or in the last one.
    @Test(arguments: [(segmentBytesMax: 1, damaged: Int64(4)), (segmentBytesMax: 1 << 20, damaged: 6)])
    func `damage before what the journal has is reported, however often opening is interrupted`(
        _ segmentBytesMax: Int, _ damaged: Int64
    ) throws {
        let original = SimulatedDisk(seed: 1)
        let store = try TestStore(original).open()
        let claim = try store.claim(
            Self.log, LogConfiguration(durability: .none, segmentBytesMax: segmentBytesMax)
        ) { _ in }
        for tag in 0...Self.batches {
            if tag == Self.batches { try store.configure(claim, LogConfiguration(durability: .flush)) }
            #expect(
                store.appendNow(LogStoreContract.batch(records: 2, tag: tag), claim)
                    == .success(Offset(Int64(tag * 2))))
        }
        original.killProcess()
        let names = original.files(under: "/store/logs").map(\.path).filter { $0.hasSuffix(".log") }
        let file = try #require(segmentBytesMax == 1 ? names.first { $0.hasSuffix("4.log") } : names.first)
        original.flipBit(file, byte: try #require(original.content(file)).count - 1, bit: 0)
        var isInterrupted = true
        var count = UInt64(0)
        while isInterrupted {
            let disk = original.duplicate(seed: 1)
            disk.crash(after: count)
            isInterrupted = (try? TestStore(disk).open()) == nil
            disk.killProcess()
            disk.crash(after: nil)
            let store = try TestStore(disk).open()
            let found = try store.readAll(Self.log)
            let expected: [Int64] = [0, 2, 4, 6, 8].filter { $0 != damaged }
            #expect(found.bases == expected && found.damaged == 1, "interrupted after \(count)")
            count += 1
        }
        #expect(count > 20)
    }
}
