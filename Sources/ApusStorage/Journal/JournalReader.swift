// SPDX-License-Identifier: Apache-2.0

// The journal after a start. Files are read in the order of their sequences, blocks in the order of their numbers.
//
// A block that is not whole is either the last one ever begun: torn, never acknowledged, cut back to its last
// whole batch. Or a later block exists: then it was acknowledged and is damaged. Its batches are picked out one
// by one, and what cannot be read is reported as lost. The same goes for a last block that has its end mark, unless the
// power may have gone since, which takes any sectors that it likes.

import ApusModel
import Logging
import NIOCore

/// What the journal holds.
struct JournalContents {
    /// Batches in the order in which they were written.
    var frames: [LogID: [JournalFrame]] = [:]
    /// Offsets of batches that were acknowledged and cannot be read any more.
    var gaps: [LogID: [(life: UInt64, gap: Gap)]] = [:]
    /// Whether anything was picked out of a block that was not whole, and must not depend on the journal any longer.
    var needsCheckpoint = false
    /// Files that hold damage, by sequence.
    var damagedFiles: Set<UInt64> = []
    /// Number of the next block.
    var nextBlock: UInt64 = 1
    /// Where the last whole block stands, of which it is not known whether it was flushed.
    var lastBlock: (found: JournalFound, position: Int64, number: UInt64, bytes: ByteBuffer)?
    var store: UInt64?
}

/// One batch in the journal.
struct JournalFrame {
    var life: UInt64
    var batch: SegmentBatch
}

/// A journal file found at start.
struct JournalFound {
    var file: JournalFile
    /// The same file, to read at any position.
    var reader: any DiskFile
    var header: JournalFileHeader
}

/// Reads journal files.
struct JournalReader {
    let logger: Logger
    /// Counts damage.
    let quarantined: Counter
    /// Whether sectors that were written and not flushed may be missing.
    let mayBeTorn: Bool
    /// For a life of a log: offsets before this are durable in segments.
    let durableEnd: (LogID, UInt64) -> Offset
    private(set) var contents = JournalContents()

    init(
        logger: Logger, quarantined: Counter, mayBeTorn: Bool,
        durableEnd: @escaping (LogID, UInt64) -> Offset
    ) {
        self.logger = logger
        self.quarantined = quarantined
        self.mayBeTorn = mayBeTorn
        self.durableEnd = durableEnd
    }

    /// Reads `files`, ordered by sequence.
    mutating func read(_ files: [JournalFound]) throws(DiskError) {
        for (index, found) in files.enumerated() {
            let end = index + 1 < files.count ? files[index + 1].header.firstBlock : nil
            try read(found, voidFrom: end)
            contents.store = found.header.store
        }
    }

    private mutating func read(_ found: JournalFound, voidFrom end: UInt64?) throws(DiskError) {
        let window = FileWindow(found.reader, limit: found.file.bytes, step: 1 << 20)
        var position = Int64(JournalFormat.fileHeaderBytes)
        var number = found.header.firstBlock
        contents.nextBlock = max(contents.nextBlock, number)
        while end.map({ number < $0 }) ?? true {
            if let block = try block(window, at: position, found.header), block.number == number {
                take(block)
                contents.lastBlock = (found, position, number, block.bytes)
                position += Int64(JournalFormat.blockBytes(block.length))
                number += 1
                continue
            }
            let next = try nextPlace(window, after: position, number, before: end, found.header)
            if next == nil, end == nil {
                try cutBack(window, at: position, number, found.header)
                break
            }
            try salvage(
                window, position..<(next?.position ?? max(position, window.limit)),
                number..<(next?.number ?? end ?? .max),
                found)
            guard let next else { break }
            (position, number) = (next.position, next.number)
        }
        contents.nextBlock = max(contents.nextBlock, end ?? number)
    }

    private struct Block {
        var number: UInt64
        var length: Int
        var frames: Int
        var bytes: ByteBuffer
    }

    private func block(
        _ window: FileWindow, at position: Int64, _ file: JournalFileHeader
    ) throws(DiskError) -> Block? {
        guard let front = try window.bytes(at: position, JournalFormat.blockHeaderBytes),
            let header = JournalBlockHeader(front), header.store == file.store,
            header.sequence == file.sequence,
            let whole = try window.bytes(at: position, header.length), header.matches(whole)
        else { return nil }
        return Block(
            number: header.number, length: header.length, frames: header.frames,
            bytes: ByteBuffer(bytes: whole))
    }

    /// Where the journal goes on behind a block that is not whole: with a later one, or after the end of this one, which says that it
    /// was written whole; nil when there is neither.
    private func nextPlace(
        _ window: FileWindow, after start: Int64, _ number: UInt64, before end: UInt64?,
        _ file: JournalFileHeader
    ) throws(DiskError) -> (position: Int64, number: UInt64)? {
        let markBytes = JournalFormat.endMarkBytes
        var endOfThis: Int64?
        var position = start + Int64(diskAlignment)
        while let mark = try window.bytes(at: position - Int64(markBytes), markBytes) {
            if !mayBeTorn, let found = JournalEndMark(mark, at: 0), found.number == number,
                found.sequence == file.sequence,
                position == start + Int64(JournalFormat.blockBytes(found.length))
            {
                endOfThis = position
            }
            if let front = try window.bytes(at: position, JournalFormat.blockHeaderBytes),
                let header = JournalBlockHeader(front), header.store == file.store,
                header.sequence == file.sequence, header.number > number,
                end.map({ header.number < $0 }) ?? true, try block(window, at: position, file) != nil
            {
                return (position, header.number)
            }
            position += Int64(diskAlignment)
        }
        return endOfThis.map { ($0, number + 1) }
    }

    // MARK: Frames

    private mutating func take(_ block: Block) {
        var position = JournalFormat.blockHeaderBytes
        while position < block.length {
            let header = block.bytes.withUnsafeReadableBytes { JournalFrameHeader($0, at: position) }
            guard let header else { return }
            if !add(header, block.bytes, at: position) { miss(header) }
            position += JournalFormat.frameBytes(header.length)
        }
    }

    /// Keeps a frame unless its log's segments are known to hold it.
    ///
    /// - Returns: false when its batch is not whole, or not where a batch can be.
    private mutating func add(_ header: JournalFrameHeader, _ bytes: ByteBuffer, at position: Int) -> Bool {
        guard header.next > durableEnd(header.log, header.life) else { return true }
        let start = bytes.readerIndex + position + JournalFormat.frameHeaderBytes
        guard let slice = bytes.getSlice(at: start, length: header.length),
            let batch = try? RecordBatch(verifying: slice), batch.headerChecksum == header.headerSum,
            batch.baseOffset == header.base, batch.nextOffset == header.next,
            header.base >= end(header)
        else { return false }
        contents.frames[header.log, default: []].append(
            JournalFrame(life: header.life, batch: SegmentBatch(batch)))
        return true
    }

    /// Where the batches of a log's life that were found so far end.
    private func end(_ header: JournalFrameHeader) -> Offset {
        contents.frames[header.log]?.last { $0.life == header.life }?.batch.next ?? .zero
    }

    /// Takes note of a batch that stood in a block that is whole, and is none: its records are lost.
    private mutating func miss(_ header: JournalFrameHeader) {
        quarantined.add()
        logger.error(
            "A batch in the journal is damaged",
            metadata: ["log": "\(header.log)", "offset": "\(header.base)"])
        contents.needsCheckpoint = true
        let gap = Gap(from: max(header.base, end(header)), to: header.next)
        if gap.from < gap.to { contents.gaps[header.log, default: []].append((header.life, gap)) }
    }

    /// Picks whole batches out of blocks that were acknowledged and are damaged.
    private mutating func salvage(
        _ window: FileWindow, _ range: Range<Int64>, _ blocks: Range<UInt64>, _ found: JournalFound
    ) throws(DiskError) {
        quarantined.add()
        logger.error(
            "A journal block that was acknowledged is damaged; its whole batches are kept",
            metadata: [
                "file": "\(found.file.path)", "position": "\(range.lowerBound)",
                "block": "\(blocks.lowerBound)",
            ])
        contents.needsCheckpoint = true
        contents.damagedFiles.insert(found.header.sequence)
        var position = range.lowerBound
        while position < range.upperBound {
            guard let header = try frame(window, at: position), blocks.contains(header.block),
                header.sequence == UInt32(truncatingIfNeeded: found.header.sequence)
            else {
                position += 8
                continue
            }
            let length = JournalFormat.frameBytes(header.length)
            var isWhole = false
            if let raw = try window.bytes(at: position, length) {
                isWhole = add(header, ByteBuffer(bytes: raw), at: 0)
            }
            let gap = Gap(from: max(header.base, end(header)), to: header.next)
            if !isWhole, gap.from < gap.to {
                contents.gaps[header.log, default: []].append((header.life, gap))
            }
            position += Int64(isWhole ? length : JournalFormat.frameHeaderBytes)
        }
    }

    /// Keeps the first whole batches of a torn last block.
    private mutating func cutBack(
        _ window: FileWindow, at start: Int64, _ number: UInt64, _ file: JournalFileHeader
    ) throws(DiskError) {
        var position = start + Int64(JournalFormat.blockHeaderBytes)
        var kept = 0
        while let header = try frame(window, at: position), header.block == number,
            header.sequence == UInt32(truncatingIfNeeded: file.sequence)
        {
            let length = JournalFormat.frameBytes(header.length)
            guard let raw = try window.bytes(at: position, length), add(header, ByteBuffer(bytes: raw), at: 0)
            else { break }
            kept += 1
            position += Int64(length)
        }
        guard kept > 0 else { return }
        contents.needsCheckpoint = true
        logger.notice(
            "The journal ends in a torn block", metadata: ["block": "\(number)", "batches": "\(kept)"])
    }

    private func frame(_ window: FileWindow, at position: Int64) throws(DiskError) -> JournalFrameHeader? {
        guard let bytes = try window.bytes(at: position, JournalFormat.frameHeaderBytes) else { return nil }
        return JournalFrameHeader(bytes, at: 0)
    }
}
