// SPDX-License-Identifier: Apache-2.0

// Walks the batches of a segment and verifies each: Kafka's checksum, the sum of the header bytes it leaves out,
// and that offsets grow. Reading, recovery, rebuilding an index and `verify` all walk with this, so that there is
// one opinion on what is damaged and where the next whole batch begins.

import ApusModel
import CApus
import NIOCore

/// One step of a walk.
enum SegmentStep {
    /// A whole batch.
    case batch(BatchFacts)
    /// Bytes that are no whole batch.
    case damage(SegmentDamage)
    /// The end.
    case end
}

/// A stretch of a segment that is no whole batch.
struct SegmentDamage {
    /// Where it begins.
    var position: Int64 = 0
    let reason: String
    /// What the damaged batch says about itself if all of it but the header's first bytes is whole.
    var body: BatchFacts?
    /// Its base offset, where the bytes that say so have the sum that is kept for them.
    var base: Offset?
    /// Its length, likewise.
    var length: Int?
    /// How many offsets it took, as far as that can still be told; at least one.
    var offsets: Int64 = 1
    /// Whether it begins as it should and goes on beyond the end of the file: a write that was not finished.
    var isCutShort = false
    /// Where the next whole batch begins; nil for none.
    var resume: BatchFacts?
}

/// Walks the batches of a segment.
struct SegmentScanner {
    /// How many batches in a row may be damaged for their sums still to be matched with the batches after.
    private static let sumsAhead = 64

    private let window: FileWindow
    private let sums: FileWindow?
    /// Where the next step looks.
    private(set) var position: Int64
    private(set) var ordinal: Int
    /// Batches from here on begin no earlier than this.
    private(set) var expected: Offset
    /// No batch of this segment reaches this offset, which begins the next segment.
    private let ceiling: Offset
    private let tearing: Tearing

    /// What of a file may be missing.
    enum Tearing {
        /// Nothing.
        case none
        /// Sectors, and what is needed is kept elsewhere: a batch whose header has no sum is not believed, for nothing says
        /// that the header is right.
        case supplied
        /// Sectors, and nothing is kept elsewhere: a batch whose header has no sum is believed where its offset is the
        /// one that follows.
        case alone
    }

    /// A walk through the first `limit` bytes of `log` that begins at `entry`.
    ///
    /// - Parameter piecesOf: how much is read at once for ``piece(_:)``; nil when that is not asked for.
    init(
        log: any DiskFile, limit: Int64, sums: (file: any DiskFile, limit: Int64)?, from entry: IndexEntry,
        ceiling: Offset = Offset(.max), tearing: Tearing = .none, piecesOf step: Int? = nil
    ) {
        window =
            step.map { FileWindow(log, limit: limit, step: $0, isShared: true) }
            ?? FileWindow(log, limit: limit)
        self.sums = sums.map { FileWindow($0.file, limit: $0.limit, step: 4096) }
        position = entry.position
        ordinal = entry.ordinal
        expected = entry.offset
        self.ceiling = ceiling
        self.tearing = tearing
    }

    /// The bytes of a batch that ``next()`` has just returned.
    func bytes(_ facts: BatchFacts) throws(DiskError) -> UnsafeRawBufferPointer? {
        try window.bytes(at: facts.position, facts.length)
    }

    /// The bytes of a batch that ``next()`` has just returned, to keep.
    func piece(_ facts: BatchFacts) throws(DiskError) -> ByteBuffer? {
        try window.piece(at: facts.position, facts.length)
    }

    /// The next batch, damage, or the end.
    mutating func next() throws(DiskError) -> SegmentStep {
        guard position < window.limit else { return .end }
        switch try check(position, ordinal) {
        case .whole(let facts):
            step(over: facts)
            return .batch(facts)
        case .damaged(var damage):
            let number = ordinal
            damage.position = position
            damage.resume = try resynchronise(trusting: damage.length ?? damage.body?.length)
            position = damage.resume?.position ?? window.limit
            ordinal = damage.resume?.ordinal ?? number + 1
            if let resume = damage.resume { expected = resume.base }
            return .damage(damage)
        }
    }

    private mutating func step(over facts: BatchFacts) {
        position = facts.position + Int64(facts.length)
        ordinal = facts.ordinal + 1
        expected = facts.next
    }

    private enum Check {
        case whole(BatchFacts)
        case damaged(SegmentDamage)
    }

    private func storedSum(_ ordinal: Int) throws(DiskError) -> UInt32? {
        guard let sums,
            let bytes = try sums.bytes(
                at: Int64(ordinal) * Int64(SegmentFormat.sumBytes), SegmentFormat.sumBytes)
        else { return nil }
        // Zero is what a sector that never reached the disk reads as: no sum.
        let sum = bytes.load(UInt32.self, 0)
        return sum == 0 ? nil : sum
    }

    private func check(_ position: Int64, _ ordinal: Int) throws(DiskError) -> Check {
        guard let header = try window.bytes(at: position, RecordBatch.headerLength) else {
            return .damaged(SegmentDamage(reason: "cut short in its header", isCutShort: true))
        }
        let headerSum = crc32c(header, 0, RecordBatch.uncheckedLength)
        let stored = try storedSum(ordinal)
        let length =
            Int(Int32(bigEndian: header.loadUnaligned(fromByteOffset: 8, as: Int32.self)))
            + RecordBatch.lengthPrefix
        let base = Offset(Int64(bigEndian: header.loadUnaligned(fromByteOffset: 0, as: Int64.self)))
        let delta = Int32(bigEndian: header.loadUnaligned(fromByteOffset: 23, as: Int32.self))
        let kafkaSum = UInt32(bigEndian: header.loadUnaligned(fromByteOffset: 17, as: UInt32.self))
        let time = Int64(bigEndian: header.loadUnaligned(fromByteOffset: 35, as: Int64.self))
        let magic = header[16]
        let isTrusted = stored == headerSum
        let offsets = SegmentScanner.offsets(header)
        func damage(_ reason: String) -> SegmentDamage {
            SegmentDamage(
                reason: reason, base: isTrusted ? base : nil, length: isTrusted ? length : nil,
                offsets: offsets)
        }
        guard magic == 2, length >= RecordBatch.headerLength, length <= RecordBatch.lengthMax else {
            return .damaged(SegmentDamage(reason: "not a batch of format 2", offsets: offsets))
        }
        guard let whole = try window.bytes(at: position, length) else {
            return .damaged(
                SegmentDamage(
                    reason: "cut short", base: isTrusted ? base : nil, offsets: offsets,
                    isCutShort: stored == nil || isTrusted))
        }
        guard crc32c(whole, RecordBatch.uncheckedLength, length - RecordBatch.uncheckedLength) == kafkaSum
        else {
            return .damaged(damage("checksum mismatch"))
        }
        // Kafka's checksum leaves the offset out, and bytes inside a record may be made to look like a batch.
        guard base >= .zero, base <= JournalFormat.offsetMax else {
            return .damaged(damage("its offset \(base) is none"))
        }
        let facts = BatchFacts(
            position: position, ordinal: ordinal, base: base, next: base.advanced(by: Int64(delta) + 1),
            length: length, maxTimestamp: Timestamp(milliseconds: time), headerSum: headerSum)
        if let stored, stored != headerSum {
            return .damaged(
                SegmentDamage(
                    reason: "its header does not have the sum kept for it", body: facts, offsets: offsets))
        }
        guard base >= expected, base < ceiling, delta >= 0 else {
            return .damaged(damage("its offset \(base) does not follow \(expected)"))
        }
        if stored == nil, tearing == .supplied || tearing == .alone && base != expected {
            return .damaged(
                SegmentDamage(
                    reason: "there is no sum to believe its header by, with offset \(base) after \(expected)",
                    offsets: offsets))
        }
        return .whole(facts)
    }

    /// How many offsets a batch took by what its header says twice: one of the two may be damaged, and the greater that is
    /// not absurd takes none too few.
    private static func offsets(_ header: UnsafeRawBufferPointer) -> Int64 {
        let delta = Int32(bigEndian: header.loadUnaligned(fromByteOffset: 23, as: Int32.self))
        let count = Int32(bigEndian: header.loadUnaligned(fromByteOffset: 57, as: Int32.self))
        let plausible = [Int64(delta) + 1, Int64(count)].filter { (1...1 << 20).contains($0) }
        return plausible.max() ?? 1
    }

    /// The first whole batch after a damaged one: where the damaged one's length says, if its header is whole,
    /// otherwise wherever bytes look like a batch and check out as one.
    private func resynchronise(trusting length: Int?) throws(DiskError) -> BatchFacts? {
        if let length, case .whole(let facts) = try check(position + Int64(length), ordinal + 1) {
            return facts
        }
        var candidate = position + 1
        while try window.bytes(at: candidate, RecordBatch.headerLength) != nil {
            if let facts = try wholeBatch(at: candidate) { return facts }
            candidate += 1
        }
        return nil
    }

    private func wholeBatch(at candidate: Int64) throws(DiskError) -> BatchFacts? {
        guard let header = try window.bytes(at: candidate, RecordBatch.headerLength), header[16] == 2 else {
            return nil
        }
        let length =
            Int(Int32(bigEndian: header.loadUnaligned(fromByteOffset: 8, as: Int32.self)))
            + RecordBatch.lengthPrefix
        guard length >= RecordBatch.headerLength, Int64(length) <= window.limit - candidate else {
            return nil
        }
        let sum = crc32c(header, 0, RecordBatch.uncheckedLength)
        // Bytes inside a damaged batch's records may look like a batch too; one that was written here has a sum.
        var number = ordinal + 1
        var isKnown = tearing != .none
        for ahead in 1...SegmentScanner.sumsAhead {
            guard let stored = try storedSum(ordinal + ahead) else { break }
            isKnown = true
            if stored == sum {
                number = ordinal + ahead
                isKnown = false
                break
            }
        }
        guard !isKnown, case .whole(let facts) = try check(candidate, number) else { return nil }
        return facts
    }
}
