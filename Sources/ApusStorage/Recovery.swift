// SPDX-License-Identifier: Apache-2.0

// From a folder to a store, whatever the folder went through. The order is: checkpoint, logs (names and sizes),
// journal, then each log's segments from the checkpoint on. What takes time is the journal's length, not the
// amount stored. Nothing that cannot be understood is deleted: it is kept aside in `quarantine` and reported.

import ApusModel
import Logging
import NIOCore

/// What recovery hands to the store.
struct Recovered {
    var lock: any DiskLock
    var journal: JournalStart
    var logs: [(LogFiles, LogRecovery)]
    var checkpoint: (checkpoint: Checkpoint, damaged: Set<UInt64>)
    /// Whether the journal holds damage, so that nothing may depend on it any longer.
    var needsCheckpoint: Bool
    var boot: BootMark
}

/// Tells whether the power may have gone since a store was last brought to whole batches: the file `boot` names the run of
/// the operating system in which that was. Losing it costs nothing but the difference between torn and damaged.
package struct BootMark {
    private static let fileName = "boot"

    private let identity: [UInt8]?
    /// Whether what was written and not flushed may be missing.
    package let mayBeTorn: Bool

    package init(of directory: String, on disk: any Disk) throws(DiskError) {
        identity = try disk.bootIdentity().map { Array($0.utf8) }
        let last = try AtomicFile.read(BootMark.fileName, in: directory, on: disk)
        mayBeTorn = identity.map { last != .bytes($0) } ?? true
    }

    /// Says that from now on everything is whole, as long as the operating system runs.
    func leave(in directory: String, on disk: any Disk) throws(DiskError) {
        guard mayBeTorn, let identity else { return }
        do throws(DiskError) {
            try AtomicFile.replace(BootMark.fileName, in: directory, with: identity, on: disk)
        } catch {
            // The next opening believes that the power may have gone: that is what it would do without this file.
            if error == .crashed { throw error }
        }
    }
}

/// Where the journal goes on.
struct JournalStart: Sendable {
    /// The store's random number.
    var store: UInt64
    /// The sequence of the last file that was found.
    var found: UInt64
    /// How many sequences each opening of the store has to itself.
    private static let sequencesOfOneLife: UInt64 = 1 << 16

    /// A sequence that no file has had; the next file's is the one after. A file whose header was lost with the power may
    /// still hold whole blocks of the sequence that it had, so the numbers after the last one found are not free.
    var sequence: UInt64 { found | (JournalStart.sequencesOfOneLife - 1) }
    /// The number of the next block.
    var block: UInt64
}

/// Opens a store's folder.
struct Recovery {
    private let directory: String
    private let configuration: FileLogStoreConfiguration
    private let environment: LogEnvironment
    private let pool: JournalPool
    private let now: Timestamp
    private let random: @Sendable () -> UInt64
    private var disk: any Disk { environment.disk }

    init(
        directory: String, _ configuration: FileLogStoreConfiguration, _ environment: LogEnvironment,
        _ pool: JournalPool, now: Timestamp, random: @escaping @Sendable () -> UInt64
    ) {
        self.directory = directory
        self.configuration = configuration
        self.environment = environment
        self.pool = pool
        self.now = now
        self.random = random
    }

    func run() throws(DiskError) -> Recovered {
        try makeFolders()
        let lock = try disk.lock(directory + "/lock")
        let boot = try BootMark(of: directory, on: disk)
        var checkpoint = try readCheckpoint()
        let hasCheckpoint = checkpoint != nil
        let journals = try findJournals()
        if journals.isEmpty { try prepareFirst() }
        let known = checkpoint?.logs ?? [:]
        var reader = JournalReader(
            logger: environment.logger, quarantined: environment.quarantined, mayBeTorn: boot.mayBeTorn
        ) { log, life in
            known[log].map { $0.life == life ? $0.mark.end : .zero } ?? .zero
        }
        let low = checkpoint?.journalLow ?? 0
        try reader.read(journals.filter { $0.header.sequence >= low })
        let journal = reader.contents
        try rewriteLastBlock(journal)
        for found in journals {
            let isDone =
                found.header.sequence < low && found.file.bytes == Int64(configuration.journalFileBytes)
            pool.adopt(found.file, sequence: isDone ? nil : found.header.sequence)
        }
        var logs: [(LogFiles, LogRecovery)] = []
        let opened = try openLogs(journal)
        // A process that ended while it made logs may have left them without a flush, or after one that failed; nothing may be
        // promised of them before.
        let unknown = opened.filter { known[$0.id]?.life != $0.life }
        try LogFiles.settle(unknown, in: directory + "/logs", environment)
        for files in opened {
            let recovered = try recover(files, known[files.id], hasCheckpoint: hasCheckpoint, journal, boot)
            if !recovered.gaps.isEmpty { checkpoint?.logs[files.id] = nil }
            logs.append((files, recovered))
        }
        if !hasCheckpoint { try writeFirstCheckpoint() }
        let start = JournalStart(
            store: journal.store ?? random(), found: max(journals.last?.header.sequence ?? 0, low),
            block: max(1, journal.nextBlock))
        environment.logger.info(
            "The store is open",
            metadata: [
                "logs": "\(logs.count)", "journal files": "\(journals.map(\.header.sequence))",
                "low": "\(low)",
                "next block": "\(start.block)",
                "batches from the journal": "\(journal.frames.values.reduce(0) { $0 + $1.count })",
                "damaged": "\(journal.needsCheckpoint)",
            ])
        return Recovered(
            lock: lock, journal: start, logs: logs,
            checkpoint: (checkpoint ?? Checkpoint(), journal.damagedFiles),
            // Of what is in memory nobody is told that something is missing in between: segments say so.
            needsCheckpoint: journal.needsCheckpoint
                || logs.contains { files, recovery in
                    !recovery.tail.isEmpty && files.hasGap(after: recovery.tailFrom)
                },
            boot: boot)
    }

    private func makeFolders() throws(DiskError) {
        try disk.makeDirectory(directory)
        for name in ["journal", "logs", "trash", "quarantine"] {
            try disk.makeDirectory(directory + "/" + name)
        }
        // Whether they are new is not worth finding out: a process that made them may have ended before this.
        try disk.syncDirectory(directory)
        for name in ["journal", "logs"] { try disk.syncDirectory(directory + "/" + name) }
        let parent = directory.lastIndex(of: "/").map { directory[..<$0] } ?? "."
        try disk.syncDirectory(parent.isEmpty ? "/" : String(parent))
    }

    private func readCheckpoint() throws(DiskError) -> Checkpoint? {
        switch try AtomicFile.read(Checkpoint.fileName, in: directory, on: disk) {
        case .missing: return nil
        case .bytes(let bytes): if let checkpoint = Checkpoint(bytes) { return checkpoint }
        case .damaged: break
        }
        environment.logger.error(
            "The checkpoint is damaged: the last segment of every log is checked instead")
        environment.quarantined.add()
        return nil
    }

    private func writeFirstCheckpoint() throws(DiskError) {
        try AtomicFile.replace(Checkpoint.fileName, in: directory, with: Checkpoint().bytes, on: disk)
    }

    // MARK: Journal

    /// The journal files, in order; those that were never used are free at once.
    private func findJournals() throws(DiskError) -> [JournalFound] {
        let folder = directory + "/journal"
        var found: [JournalFound] = []
        for name in try disk.list(folder).sorted() {
            guard let number = JournalPool.number(ofName: name) else { continue }
            pool.reserve(number: number)
            let path = folder + "/" + name
            let file = try disk.open(path, .direct)
            let bytes = try file.size()
            let reader = try disk.open(path, .read)
            let page = try firstPage(of: reader)
            let journal = JournalFile(path: path, file: file, bytes: bytes)
            if let header = page.header {
                found.append(JournalFound(file: journal, reader: reader, header: header))
            } else if page.isBlank {
                if bytes == Int64(configuration.journalFileBytes) {
                    pool.adopt(journal, sequence: nil)
                } else {
                    try disk.remove(path)
                }
            } else {
                try setAside(path, name, "its header is damaged")
            }
        }
        return found.sorted { $0.header.sequence < $1.header.sequence }
    }

    /// Writes and flushes the last block once more, and the header of its file, which is flushed together with the first
    /// block. The process may have ended before that flush, or after one that failed; from now on the block will be read,
    /// so that it must not go away again.
    private func rewriteLastBlock(_ journal: JournalContents) throws(DiskError) {
        guard let (found, position, number, bytes) = journal.lastBlock else { return }
        let file = found.file.file
        let page = AlignedBuffer(capacity: JournalFormat.fileHeaderBytes)
        let header = UnsafeMutableRawBufferPointer(rebasing: page.bytes[..<JournalFormat.fileHeaderBytes])
        found.header.write(to: header)
        try file.write(UnsafeRawBufferPointer(header), at: 0)
        let length = JournalFormat.blockBytes(bytes.readableBytes)
        let buffer = AlignedBuffer(capacity: length)
        let block = UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<length])
        bytes.withUnsafeReadableBytes { block.copyMemory(from: $0) }
        JournalEndMark(
            length: bytes.readableBytes, number: number, sequence: found.header.sequence
        ).write(to: block)
        try file.write(UnsafeRawBufferPointer(block), at: position)
        try file.sync()
    }

    private func firstPage(
        of file: any DiskFile
    ) throws(DiskError) -> (header: JournalFileHeader?, isBlank: Bool) {
        let buffer = AlignedBuffer(capacity: JournalFormat.fileHeaderBytes)
        let read = try file.read(into: buffer.bytes, at: 0)
        let page = UnsafeRawBufferPointer(rebasing: buffer.bytes[..<read])
        return (JournalFileHeader(page), page.allSatisfy { $0 == 0 })
    }

    private func setAside(_ path: String, _ name: String, _ reason: String) throws(DiskError) {
        environment.logger.error(
            "A journal file cannot be understood and is kept aside",
            metadata: ["file": "\(path)", "reason": "\(reason)"])
        environment.quarantined.add()
        try disk.rename(path, to: directory + "/quarantine/" + name + "-" + String(random(), radix: 16))
    }

    /// A small journal file, so that an empty store takes its first append within milliseconds.
    private func prepareFirst() throws(DiskError) {
        _ = try pool.prepare(bytes: min(configuration.firstJournalBytes, configuration.journalFileBytes))
    }

    // MARK: Logs

    private func openLogs(_ journal: JournalContents) throws(DiskError) -> [LogFiles] {
        var logs: [LogFiles] = []
        for name in try disk.list(directory + "/logs").sorted() {
            guard let id = LogID(name) else { continue }
            let found = try LogFiles.open(
                id, in: directory + "/logs", fallback: Recovery.first(journal.frames[id]), now: now,
                environment)
            switch found {
            case .log(let files): logs.append(files)
            case .unborn:
                try disk.rename(
                    directory + "/logs/" + name,
                    to: directory + "/trash/" + name + "-" + String(random(), radix: 16))
            }
        }
        return logs
    }

    /// The first batch of the last life that the journal knows.
    private static func first(_ frames: [JournalFrame]?) -> JournalFrame? {
        frames?.first { $0.life == frames?.last?.life }
    }

    private func recover(
        _ files: LogFiles, _ entry: Checkpoint.Entry?, hasCheckpoint: Bool, _ journal: JournalContents,
        _ boot: BootMark
    ) throws(DiskError) -> LogRecovery {
        let frames = (journal.frames[files.id] ?? []).filter { $0.life == files.life }.map(\.batch)
        let valid = entry.flatMap { $0.life == files.life ? $0 : nil }
        var recovery = try files.recover(
            valid, hasCheckpoint: hasCheckpoint, frames: frames, mayBeTorn: boot.mayBeTorn, now: now)
        environment.logger.debug(
            "A log is open",
            metadata: [
                "log": "\(files.id)", "start": "\(files.start)", "end": "\(recovery.end)",
                "checkpoint": "\(valid.map { "\($0.base)+\($0.mark.bytes)=\($0.mark.end)" } ?? "none")",
                "journal": "\(frames.map { "\($0.base)" }.joined(separator: " "))",
                "segments": "\(files.describe())", "tail from": "\(recovery.tailFrom)",
            ])
        let lost = (journal.gaps[files.id] ?? []).filter { $0.life == files.life && $0.gap.to > files.start }
        for (_, gap) in lost where !frames.contains(where: { $0.base == gap.from }) {
            recovery.gaps.append(gap)
        }
        recovery.end = max(recovery.end, recovery.gaps.map(\.to).max() ?? .zero)
        try files.addGaps(recovery.gaps)
        return recovery
    }
}
