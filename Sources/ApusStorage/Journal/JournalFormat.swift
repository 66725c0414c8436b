// SPDX-License-Identifier: Apache-2.0

// The journal's bytes. A file is one page of header, then blocks that begin on page boundaries; a block is what
// one flush made durable: a header and frames, one per batch. All integers are little-endian.
//
//     file  0 magic u32 | 4 version u32 | 8 store u64 | 16 sequence u64 | 24 first block u64 | 32 CRC32C u32
//           (twice: at 0 and at 2048, so that one damaged sector costs nothing)
//     block 0 magic u32 | 4 length u32 | 8 store u64 | 16 number u64 | 24 frames u32 | 28 CRC32C u32
//          32 sequence of the file u64 | 40 zeros
//     end  0 magic u32 | 4 length u32 | 8 number u64 | 16 sequence of the file u64 | 24 zeros | 28 CRC32C u32
//          (the last 32 bytes of the block's last page)
//     frame 0 magic u32 | 4 length u32 | 8 log u128 | 24 life u64 | 32 base offset i64 | 40 block u64
//          48 last offset delta u32 | 52 header sum u32 | 56 sequence of the file u32 | 60 CRC32C u32
//          64 the batch, padded to 8
//
// A block's CRC covers all of it (the field itself as zero), so a torn block is never believed. A frame's CRC
// covers its 60 bytes, so that damage inside one block costs one batch and not the block. Blocks and frames name the
// file's sequence: left-overs of an earlier use of a recycled file cannot be taken for the present one's, not even
// those of a block that was made void and whose number was given out again.
//
// The end mark tells damage from an unfinished write. A process that is killed leaves a beginning of what it was writing, so
// a block that has its end was written whole; where its bytes do not match, they have changed since.

import ApusModel
import CApus

/// Sizes and marks of the journal's format.
enum JournalFormat {
    static let fileMagic: UInt32 = 0x4650_4A41
    static let blockMagic: UInt32 = 0x4250_4A41
    static let frameMagic: UInt32 = 0x4D50_4A41
    static let version: UInt32 = 1
    static let fileHeaderBytes = diskAlignment
    static let secondCopy = 2048
    static let blockHeaderBytes = 64
    static let frameHeaderBytes = 64
    static let blockChecksumAt = 28
    static let endMagic: UInt32 = 0x4550_4A41
    static let endMarkBytes = 32
    /// Sequences and block numbers from here on are not believed, offsets likewise: what is added to them must not overflow.
    static let numberMax = UInt64(1) << 62
    static let offsetMax = Offset(1 << 62)

    /// The room a batch of `length` bytes takes in a block.
    static func frameBytes(_ length: Int) -> Int { frameHeaderBytes + ((length + 7) & ~7) }

    /// The room a block of `length` bytes takes in the file, its end mark included: whole pages.
    static func blockBytes(_ length: Int) -> Int { AlignedBuffer.roundUp(length + endMarkBytes) }
}

/// What the first page of a journal file says.
struct JournalFileHeader: Hashable {
    /// The store's random number, against files from elsewhere.
    var store: UInt64
    /// Order of the files; grows with every use.
    var sequence: UInt64
    /// The number of the file's first block. Blocks of earlier files from this number on are void: their appends
    /// were refused.
    var firstBlock: UInt64

    /// Fills a page.
    func write(to page: UnsafeMutableRawBufferPointer) {
        page.initializeMemory(as: UInt8.self, repeating: 0)
        for copy in [0, JournalFormat.secondCopy] {
            page.store(JournalFormat.fileMagic, at: copy)
            page.store(JournalFormat.version, at: copy + 4)
            page.store(store, at: copy + 8)
            page.store(sequence, at: copy + 16)
            page.store(firstBlock, at: copy + 24)
            page.store(crc32c(page, copy, 32), at: copy + 32)
        }
    }

    /// The header in a page: the newer one where the copies differ; nil where neither is whole.
    init?(_ page: UnsafeRawBufferPointer) {
        let copies = [0, JournalFormat.secondCopy].compactMap { JournalFileHeader(page, at: $0) }
        guard let newest = copies.max(by: { $0.sequence < $1.sequence }) else { return nil }
        self = newest
    }

    private init?(_ page: UnsafeRawBufferPointer, at copy: Int) {
        guard page.count >= copy + 36, page.load(UInt32.self, copy) == JournalFormat.fileMagic,
            page.load(UInt32.self, copy + 4) == JournalFormat.version,
            page.load(UInt32.self, copy + 32) == crc32c(page, copy, 32)
        else { return nil }
        self.init(
            store: page.load(UInt64.self, copy + 8), sequence: page.load(UInt64.self, copy + 16),
            firstBlock: page.load(UInt64.self, copy + 24))
        guard sequence <= JournalFormat.numberMax, firstBlock <= JournalFormat.numberMax else { return nil }
    }

    init(store: UInt64, sequence: UInt64, firstBlock: UInt64) {
        self.store = store
        self.sequence = sequence
        self.firstBlock = firstBlock
    }
}

/// What the front of a block says.
struct JournalBlockHeader {
    var length: Int
    var store: UInt64
    var number: UInt64
    var sequence: UInt64
    var frames: Int
    var checksum: UInt32

    /// The header at the front of `bytes`; nil where there is none.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= JournalFormat.blockHeaderBytes,
            bytes.load(UInt32.self, 0) == JournalFormat.blockMagic
        else { return nil }
        length = Int(bytes.load(UInt32.self, 4))
        store = bytes.load(UInt64.self, 8)
        number = bytes.load(UInt64.self, 16)
        sequence = bytes.load(UInt64.self, 32)
        frames = Int(bytes.load(UInt32.self, 24))
        checksum = bytes.load(UInt32.self, JournalFormat.blockChecksumAt)
        guard length >= JournalFormat.blockHeaderBytes else { return nil }
    }

    /// Fills the header of a block whose frames stand in `block` already, checksum included.
    static func seal(
        _ block: UnsafeMutableRawBufferPointer, store: UInt64, sequence: UInt64, number: UInt64, frames: Int
    ) {
        UnsafeMutableRawBufferPointer(rebasing: block[..<JournalFormat.blockHeaderBytes])
            .initializeMemory(as: UInt8.self, repeating: 0)
        block.store(JournalFormat.blockMagic, at: 0)
        block.store(UInt32(truncatingIfNeeded: block.count), at: 4)
        block.store(store, at: 8)
        block.store(number, at: 16)
        block.store(sequence, at: 32)
        block.store(UInt32(truncatingIfNeeded: frames), at: 24)
        block.store(crc32c(UnsafeRawBufferPointer(block), 0, block.count), at: JournalFormat.blockChecksumAt)
    }

    /// Whether `block`, which this header stands at the front of, is what was written.
    func matches(_ block: UnsafeRawBufferPointer) -> Bool {
        guard block.count == length, let base = block.baseAddress else { return false }
        let field = JournalFormat.blockChecksumAt
        var sum = capus_crc32c(0, base, field)
        var zero: UInt32 = 0
        sum = capus_crc32c(sum, &zero, 4)
        return capus_crc32c(sum, base + field + 4, length - field - 4) == self.checksum
    }
}

/// What stands at the end of a block's last page.
struct JournalEndMark {
    /// The block's length, as its header says it.
    var length: Int
    var number: UInt64
    var sequence: UInt64

    init(length: Int, number: UInt64, sequence: UInt64) {
        self.length = length
        self.number = number
        self.sequence = sequence
    }

    /// Fills everything from the block's end to that of its last page.
    func write(to block: UnsafeMutableRawBufferPointer) {
        let end = block.count - JournalFormat.endMarkBytes
        UnsafeMutableRawBufferPointer(rebasing: block[length...]).initializeMemory(
            as: UInt8.self, repeating: 0)
        block.store(JournalFormat.endMagic, at: end)
        block.store(UInt32(truncatingIfNeeded: length), at: end + 4)
        block.store(number, at: end + 8)
        block.store(sequence, at: end + 16)
        block.store(crc32c(block, end, 28), at: end + 28)
    }

    /// The mark at `position`; nil unless it is whole.
    init?(_ bytes: UnsafeRawBufferPointer, at position: Int) {
        guard position >= 0, bytes.count - position >= JournalFormat.endMarkBytes,
            bytes.load(UInt32.self, position) == JournalFormat.endMagic,
            bytes.load(UInt32.self, position + 28) == crc32c(bytes, position, 28)
        else { return nil }
        length = Int(bytes.load(UInt32.self, position + 4))
        number = bytes.load(UInt64.self, position + 8)
        sequence = bytes.load(UInt64.self, position + 16)
    }
}

/// What stands before each batch.
struct JournalFrameHeader {
    var length: Int
    var log: LogID
    var life: UInt64
    var base: Offset
    var block: UInt64
    /// The low half of the file's sequence.
    var sequence: UInt32
    var lastOffsetDelta: Int64
    var headerSum: UInt32

    /// The offset after the batch's last.
    var next: Offset { base.advanced(by: lastOffsetDelta + 1) }

    /// Fills the 64 bytes before a batch.
    func write(to bytes: UnsafeMutableRawBufferPointer) {
        bytes.store(JournalFormat.frameMagic, at: 0)
        bytes.store(UInt32(truncatingIfNeeded: length), at: 4)
        bytes.store(log.high, at: 8)
        bytes.store(log.low, at: 16)
        bytes.store(life, at: 24)
        bytes.store(base.rawValue, at: 32)
        bytes.store(block, at: 40)
        bytes.store(UInt32(truncatingIfNeeded: lastOffsetDelta), at: 48)
        bytes.store(headerSum, at: 52)
        bytes.store(sequence, at: 56)
        bytes.store(crc32c(UnsafeRawBufferPointer(bytes), 0, 60), at: 60)
    }

    /// The header at `position`; nil unless it is whole.
    init?(_ bytes: UnsafeRawBufferPointer, at position: Int) {
        guard position >= 0, bytes.count - position >= JournalFormat.frameHeaderBytes,
            bytes.load(UInt32.self, position) == JournalFormat.frameMagic,
            bytes.load(UInt32.self, position + 60) == crc32c(bytes, position, 60)
        else { return nil }
        length = Int(bytes.load(UInt32.self, position + 4))
        log = LogID(high: bytes.load(UInt64.self, position + 8), low: bytes.load(UInt64.self, position + 16))
        life = bytes.load(UInt64.self, position + 24)
        base = Offset(bytes.load(Int64.self, position + 32))
        block = bytes.load(UInt64.self, position + 40)
        sequence = bytes.load(UInt32.self, position + 56)
        lastOffsetDelta = Int64(bytes.load(UInt32.self, position + 48))
        headerSum = bytes.load(UInt32.self, position + 52)
        guard base >= .zero, base <= JournalFormat.offsetMax else { return nil }
    }

    init(batch: RecordBatch, log: LogID, life: UInt64, block: UInt64, sequence: UInt64) {
        length = batch.length
        self.log = log
        self.life = life
        base = batch.baseOffset
        self.block = block
        self.sequence = UInt32(truncatingIfNeeded: sequence)
        lastOffsetDelta = Int64(batch.lastOffsetDelta)
        headerSum = batch.headerChecksum
    }
}

/// CRC32C of `count` bytes from `start` on, which the caller has made sure are there.
func crc32c(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ count: Int) -> UInt32 {
    guard let base = bytes.baseAddress, start >= 0, count >= 0, start + count <= bytes.count else { return 0 }
    return capus_crc32c(0, base + start, count)
}

/// As ``crc32c(_:_:_:)-(UnsafeRawBufferPointer,_,_)``.
func crc32c(_ bytes: UnsafeMutableRawBufferPointer, _ start: Int, _ count: Int) -> UInt32 {
    crc32c(UnsafeRawBufferPointer(bytes), start, count)
}

extension UnsafeRawBufferPointer {
    /// The little-endian integer at `position`, which the caller has made sure is there.
    @inline(__always)
    func load<Value: FixedWidthInteger>(_ type: Value.Type, _ position: Int) -> Value {
        Value(littleEndian: loadUnaligned(fromByteOffset: position, as: type))
    }
}

extension UnsafeMutableRawBufferPointer {
    /// Puts `value` at `position`, little-endian.
    @inline(__always)
    func store<Value: FixedWidthInteger>(_ value: Value, at position: Int) {
        storeBytes(of: value.littleEndian, toByteOffset: position, as: Value.self)
    }
}
