// SPDX-License-Identifier: Apache-2.0

// Walks the batches of a segment and verifies each: Kafka's checksum, the sum of the header bytes it leaves out,
// and that offsets grow. Reading, recovery, rebuilding an index and `verify` all walk with this, so that there is
// one opinion on what is damaged and where the next whole batch begins.

import ApusModel
import CApus

/// One step of a walk.
enum SegmentStep {
    /// A whole batch.
    case batch(BatchFacts)
    /// Bytes that are no whole batch, up to `resume`, where the next whole one begins; or up to the end.
    ///
    /// `body` is what the damaged batch says about itself if all of it but the header's first bytes is whole.
    case damage(position: Int64, body: BatchFacts?, reason: String, resume: BatchFacts?)
    /// The end.
    case end
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
    /// Whether sectors may be missing: then a batch whose header has no sum is only believed where it has to be.
    private let isTorn: Bool

    /// A walk through the first `limit` bytes of `log` that begins at `entry`.
    init(
        log: any DiskFile, limit: Int64, sums: (file: any DiskFile, limit: Int64)?, from entry: IndexEntry,
        ceiling: Offset = Offset(.max), isTorn: Bool = false
    ) {
        window = FileWindow(log, limit: limit)
        self.sums = sums.map { FileWindow($0.file, limit: $0.limit, step: 4096) }
        position = entry.position
        ordinal = entry.ordinal
        expected = entry.offset
        self.ceiling = ceiling
        self.isTorn = isTorn
    }

    /// The bytes of a batch that ``next()`` has just returned.
    func bytes(_ facts: BatchFacts) throws(DiskError) -> UnsafeRawBufferPointer? {
        try window.bytes(at: facts.position, facts.length)
    }

    /// The next batch, damage, or the end.
    mutating func next() throws(DiskError) -> SegmentStep {
        guard position < window.limit else { return .end }
        switch try check(position, ordinal) {
        case .whole(let facts):
            step(over: facts)
            return .batch(facts)
        case .damaged(let reason, let length, let body):
            let (start, number) = (position, ordinal)
            let resume = try resynchronise(trusting: length ?? body?.length)
            position = resume?.position ?? window.limit
            ordinal = resume?.ordinal ?? number + 1
            if let resume { expected = resume.base }
            return .damage(position: start, body: body, reason: reason, resume: resume)
        }
    }

    private mutating func step(over facts: BatchFacts) {
        position = facts.position + Int64(facts.length)
        ordinal = facts.ordinal + 1
        expected = facts.next
    }

    private enum Check {
        case whole(BatchFacts)
        /// The length is given where the header it stands in is known to be whole.
        case damaged(String, length: Int?, body: BatchFacts? = nil)
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
            return .damaged("cut short in its header", length: nil)
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
        let trusted = stored == headerSum ? length : nil
        guard magic == 2, length >= RecordBatch.headerLength, length <= RecordBatch.lengthMax else {
            return .damaged("not a batch of format 2", length: nil)
        }
        guard let whole = try window.bytes(at: position, length) else {
            return .damaged("cut short", length: nil)
        }
        guard crc32c(whole, RecordBatch.uncheckedLength, length - RecordBatch.uncheckedLength) == kafkaSum
        else {
            return .damaged("checksum mismatch", length: trusted)
        }
        let facts = BatchFacts(
            position: position, ordinal: ordinal, base: base, next: base.advanced(by: Int64(delta) + 1),
            length: length, maxTimestamp: Timestamp(milliseconds: time), headerSum: headerSum)
        if let stored, stored != headerSum {
            return .damaged("its header does not have the sum kept for it", length: nil, body: facts)
        }
        guard base >= expected, base < ceiling, delta >= 0 else {
            return .damaged("its offset \(base) does not follow \(expected)", length: trusted)
        }
        if isTorn, stored == nil, base != expected {
            return .damaged(
                "its offset \(base) is not \(expected), and there is no sum to believe it by", length: nil)
        }
        return .whole(facts)
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
        var isKnown = isTorn
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
