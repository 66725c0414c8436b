// SPDX-License-Identifier: Apache-2.0

// Index and sums made again from a segment's batches: by recovery, after a failed flush, and where those files are
// missing. What is damaged and stays in place gets a sum that no bytes have.

import ApusModel

/// Index and sums of a walked stretch of a segment.
struct SegmentRebuild {
    private(set) var mark: DurableMark
    private let from: DurableMark
    private var sums = ByteWriter()
    private var index: [IndexEntry] = []

    init(from mark: DurableMark) {
        self.mark = mark
        from = mark
    }

    mutating func add(_ facts: BatchFacts, base: Offset) {
        if facts.position - mark.lastIndexed >= Int64(SegmentFormat.indexStep) {
            index.append(
                IndexEntry(
                    offset: facts.base, position: facts.position, ordinal: mark.batches,
                    maxTimestampBefore: mark.maxTimestamp))
            mark.indexEntries += 1
            mark.lastIndexed = facts.position
        }
        sums.write(facts.headerSum)
        mark.batches += 1
        mark.bytes = facts.position + Int64(facts.length)
        mark.end = facts.next
        mark.maxTimestamp = max(mark.maxTimestamp, facts.maxTimestamp)
    }

    /// Damage that stays in place counts as one batch, whose sum no bytes have.
    mutating func addDamage(until resume: BatchFacts) {
        while mark.batches < resume.ordinal {
            sums.write(UInt32.max)
            mark.batches += 1
        }
        mark.bytes = resume.position
        mark.end = resume.base
    }

    /// Damage that stays in place at the end of a segment, and reaches up to `next`. It counts as two batches, whose sums no
    /// bytes have: with it go the sums of all that stood there, and where a batch has none, its header is believed.
    mutating func addDamage(from position: Int64, to end: Int64, next: Offset) {
        for _ in 0..<2 {
            sums.write(UInt32.max)
            mark.batches += 1
        }
        mark.bytes = end
        mark.end = max(mark.end, next)
    }

    mutating func addFooter(bytes: Int64) {
        index.append(
            IndexEntry(
                offset: mark.end, position: bytes, ordinal: mark.batches,
                maxTimestampBefore: mark.maxTimestamp))
        mark.indexEntries += 1
        mark.lastIndexed = bytes
    }

    func store(in files: LogFiles, base: Offset, cutsLog: Bool) throws(DiskError) {
        if cutsLog { try files.file(base, .log).truncate(to: mark.bytes) }
        let sumsFile = try files.file(base, .sums)
        let indexFile = try files.file(base, .index)
        // Written over and cut then: sums that are there already are needed if this does not come to its end.
        try LogFiles.write(sums.bytes, to: sumsFile, at: Int64(from.batches * SegmentFormat.sumBytes))
        var entries = [UInt8](repeating: 0, count: index.count * SegmentFormat.indexEntryBytes)
        entries.withUnsafeMutableBytes { raw in
            for (number, entry) in index.enumerated() {
                entry.write(
                    to: UnsafeMutableRawBufferPointer(
                        rebasing: raw[(number * SegmentFormat.indexEntryBytes)...]),
                    base: base)
            }
        }
        try LogFiles.write(
            entries, to: indexFile, at: Int64(from.indexEntries * SegmentFormat.indexEntryBytes))
        try sumsFile.truncate(to: Int64(mark.batches * SegmentFormat.sumBytes))
        try indexFile.truncate(to: Int64(mark.indexEntries * SegmentFormat.indexEntryBytes))
    }
}

extension LogFiles {
    fileprivate static func write(
        _ bytes: [UInt8], to file: any DiskFile, at position: Int64
    ) throws(DiskError) {
        var failure: DiskError?
        bytes.withUnsafeBytes { raw in
            do throws(DiskError) { try file.write(raw, at: position) } catch { failure = error }
        }
        if let failure { throw failure }
    }
}
