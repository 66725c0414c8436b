// SPDX-License-Identifier: Apache-2.0

// Blocks onto the journal: one aligned write and one flush each. After a failed write or flush nothing more is
// acknowledged on that file. The next file's header says from which block on the old one is void; only when that is
// durable are the failed appends refused, so that what was refused never comes back.

import ApusModel
import NIOCore

/// Writes blocks; used by one thread at a time.
final class JournalWriter {
    private let pool: JournalPool
    private let configuration: FileLogStoreConfiguration
    private let store: UInt64
    private let buffer: AlignedBuffer
    private var current: JournalFile?
    private var position: Int64 = 0
    /// Whether the last block failed because there was no space to write it, before any flush.
    private var hasLackedSpace = false
    /// Order of the file being written.
    private(set) var sequence: UInt64
    /// The number of the next block.
    private(set) var block: UInt64

    init(
        _ pool: JournalPool, _ configuration: FileLogStoreConfiguration, _ start: JournalStart
    ) {
        self.pool = pool
        self.configuration = configuration
        store = start.store
        sequence = start.sequence
        block = start.block
        buffer = AlignedBuffer(capacity: min(configuration.blockBytesMax, 256 << 10) + 2 * diskAlignment)
    }

    /// What a block can be written to.
    enum Room {
        case ready
        /// All files hold batches that are not yet durable in segments.
        case full
    }

    /// Makes sure that a block of `length` bytes can be written.
    ///
    /// - Parameter beyondRing: whether one more file than the ring has may be begun.
    func makeRoom(_ length: Int, beyondRing: Bool) throws(DiskError) -> Room {
        if let current {
            let end = position + Int64(JournalFormat.blockBytes(length))
            if end <= current.bytes || isEmpty { return .ready }
            // Growing a file costs more than writing over a prepared one, and less than waiting for it.
            if end <= Int64(configuration.journalFileBytes), !pool.hasPrepared { return .ready }
        }
        guard pool.hasRoom || beyondRing else { return .full }
        try openNext(isSynced: false)
        return .ready
    }

    private var isEmpty: Bool { position == Int64(JournalFormat.fileHeaderBytes) }

    /// Makes void the block that failed; durable on return. Goes on in another file, unless the present one is in
    /// no doubt: its flushes all succeeded, and a full disk may have no room for another.
    func voidFailedBlock() throws(DiskError) {
        if let file = current?.file, hasLackedSpace {
            hasLackedSpace = false
            do throws(DiskError) {
                try file.truncate(to: position)
                try file.sync()
                return
            } catch {
                // What of the block is on the disk is not known: the next file has to say that it is void.
            }
        }
        current = nil
        try openNext(isSynced: true)
    }

    private func openNext(isSynced: Bool) throws(DiskError) {
        current = nil
        sequence += 1
        let next = try pool.take(sequence, bytes: 0)
        let page = UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<JournalFormat.fileHeaderBytes])
        JournalFileHeader(store: store, sequence: sequence, firstBlock: block).write(to: page)
        do throws(DiskError) {
            try next.file.write(UnsafeRawBufferPointer(page), at: 0)
            if isSynced { try next.file.sync() }
        } catch {
            pool.discard(sequence)
            throw error
        }
        current = next
        position = Int64(JournalFormat.fileHeaderBytes)
    }

    // MARK: A block

    private var used = JournalFormat.blockHeaderBytes
    private var frames = 0

    /// Begins a block.
    func beginBlock() {
        used = JournalFormat.blockHeaderBytes
        frames = 0
    }

    /// Adds a batch to the block.
    func add(_ batch: RecordBatch, log: LogID, life: UInt64) {
        let room = JournalFormat.frameBytes(batch.length)
        buffer.reserve(used + room + 2 * diskAlignment, keeping: used)
        let frame = UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[used..<used + room])
        JournalFrameHeader(batch: batch, log: log, life: life, block: block, sequence: sequence).write(
            to: frame)
        batch.bytes.withUnsafeReadableBytes { source in
            guard let from = source.baseAddress, let to = frame.baseAddress else { return }
            (to + JournalFormat.frameHeaderBytes).copyMemory(from: from, byteCount: source.count)
        }
        let end = JournalFormat.frameHeaderBytes + batch.length
        UnsafeMutableRawBufferPointer(rebasing: frame[end...]).initializeMemory(as: UInt8.self, repeating: 0)
        used += room
        frames += 1
    }

    /// Writes and flushes the block. An error means that it is not known what of it is on the disk.
    ///
    /// - Returns: bytes written.
    func commitBlock() throws(DiskError) -> Int {
        guard let current else { throw .failed("no journal file is open") }
        JournalBlockHeader.seal(
            UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<used]), store: store, sequence: sequence,
            number: block,
            frames: frames)
        let length = JournalFormat.blockBytes(used)
        JournalEndMark(length: used, number: block, sequence: sequence).write(
            to: UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<length]))
        do throws(DiskError) {
            try current.file.write(UnsafeRawBufferPointer(rebasing: buffer.bytes[..<length]), at: position)
        } catch {
            hasLackedSpace = error == .noSpace
            throw error
        }
        try current.file.sync()
        position += Int64(length)
        block += 1
        if buffer.bytes.count > 2 * configuration.blockBytesMax {
            buffer.shrink(to: configuration.blockBytesMax)
        }
        return length
    }
}
