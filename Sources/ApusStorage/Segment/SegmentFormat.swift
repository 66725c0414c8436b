// SPDX-License-Identifier: Apache-2.0

// A segment is three files named by the offset of its first batch, in twenty digits; one that was written anew has the number of that
// writing too (00000000000000000042.3.log), and `meta` says which one counts:
//
//     .log    batches one after another, exactly Kafka's segment bytes
//     .sums   4 bytes per batch: CRC32C of the 21 header bytes that Kafka's own checksum leaves out
//     .index  24 bytes about every 4 KiB of .log, and when the segment is closed:
//             0 greatest timestamp before i64 | 8 relative offset u32 | 12 position u32 | 16 ordinal u32 | 20 CRC32C
//
// Only .log holds what cannot be made again. All integers of our own are little-endian.

import ApusModel
import CApus

/// Names and sizes of a segment's files.
enum SegmentFormat {
    static let sumBytes = 4
    static let indexEntryBytes = 24
    /// An index entry is written when this many bytes have gone by since the last.
    static let indexStep = 4096

    enum Kind: String, CaseIterable, Hashable, Sendable {
        case log, sums, index
    }

    /// What the name of a segment's file says.
    struct Name: Hashable {
        var base: Offset
        /// 0 for a segment that was never written anew.
        var generation: UInt32
        var kind: Kind

        init(_ base: Offset, _ generation: UInt32, _ kind: Kind) {
            self.base = base
            self.generation = generation
            self.kind = kind
        }

        /// The name taken apart; nil when it is none of a segment's file.
        init?(_ name: String) {
            let parts = name.split(separator: ".", omittingEmptySubsequences: false)
            guard (2...3).contains(parts.count), parts[0].utf8.count == 20,
                parts.dropLast().allSatisfy({ part in
                    part.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
                }), let base = Int64(parts[0]), let kind = parts.last.flatMap({ Kind(rawValue: String($0)) })
            else { return nil }
            self.base = Offset(base)
            self.kind = kind
            generation = 0
            if parts.count == 3 {
                guard let number = UInt32(parts[1]), number > 0 else { return nil }
                generation = number
            }
        }

        var text: String {
            var text = ""
            write(to: &text)
            return text
        }

        /// Where the file is, in `folder`. In one piece of memory, because every file that is opened asks.
        func path(in folder: String) -> String {
            var path = ""
            path.reserveCapacity(folder.utf8.count + 48)
            path += folder
            path += "/"
            write(to: &path)
            return path
        }

        private func write(to text: inout String) {
            let digits = String(base.rawValue)
            text += "00000000000000000000".dropLast(min(20, digits.utf8.count))
            text += digits
            if generation > 0 { text += ".\(generation)" }
            text += "."
            text += kind.rawValue
        }
    }
}

/// One mark of a sparse index: at `position` stands batch number `ordinal`, which begins at `offset`; no
/// batch before it has a timestamp above `maxTimestampBefore`.
struct IndexEntry: Hashable {
    var offset: Offset
    var position: Int64
    var ordinal: Int
    var maxTimestampBefore: Timestamp

    /// Where every segment begins.
    static func start(of base: Offset) -> IndexEntry {
        IndexEntry(
            offset: base, position: 0, ordinal: 0, maxTimestampBefore: Timestamp(milliseconds: .min))
    }

    func write(to bytes: UnsafeMutableRawBufferPointer, base: Offset) {
        bytes.store(maxTimestampBefore.rawValue, at: 0)
        bytes.store(UInt32(truncatingIfNeeded: offset.rawValue - base.rawValue), at: 8)
        bytes.store(UInt32(truncatingIfNeeded: position), at: 12)
        bytes.store(UInt32(truncatingIfNeeded: ordinal), at: 16)
        bytes.store(IndexEntry.sum(UnsafeRawBufferPointer(bytes), base), at: 20)
    }

    /// The entry in `bytes`; nil when it is damaged.
    init?(_ bytes: UnsafeRawBufferPointer, base: Offset) {
        guard bytes.count >= SegmentFormat.indexEntryBytes,
            bytes.load(UInt32.self, 20) == IndexEntry.sum(bytes, base)
        else { return nil }
        self.init(
            offset: base.advanced(by: Int64(bytes.load(UInt32.self, 8))),
            position: Int64(bytes.load(UInt32.self, 12)), ordinal: Int(bytes.load(UInt32.self, 16)),
            maxTimestampBefore: Timestamp(milliseconds: bytes.load(Int64.self, 0)))
    }

    /// Where a walk goes on after what `mark` covers.
    init(_ mark: DurableMark) {
        self.init(
            offset: mark.end, position: mark.bytes, ordinal: mark.batches,
            maxTimestampBefore: mark.maxTimestamp)
    }

    init(offset: Offset, position: Int64, ordinal: Int, maxTimestampBefore: Timestamp) {
        self.offset = offset
        self.position = position
        self.ordinal = ordinal
        self.maxTimestampBefore = maxTimestampBefore
    }

    // Seeded with the base, so that an index cannot be taken for another segment's.
    private static func sum(_ bytes: UnsafeRawBufferPointer, _ base: Offset) -> UInt32 {
        guard let start = bytes.baseAddress else { return 0 }
        return capus_crc32c(UInt32(truncatingIfNeeded: base.rawValue) ^ 0x5A5A_5A5A, start, 20)
    }
}

/// What a batch that was found whole says about itself.
struct BatchFacts: Hashable {
    var position: Int64
    var ordinal: Int
    var base: Offset
    var next: Offset
    var length: Int
    var maxTimestamp: Timestamp
    var headerSum: UInt32
}
