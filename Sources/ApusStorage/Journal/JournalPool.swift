// SPDX-License-Identifier: Apache-2.0

// The ring of journal files. A file is prepared (filled with zeros, flushed), written block by block, sealed, and
// free again when a checkpoint has made its batches durable in segments. Writing over prepared space changes no
// metadata, which halves the cost of a flush.

import Synchronization

/// One journal file.
struct JournalFile: Sendable {
    let path: String
    let file: any DiskFile
    /// How far it has been prepared; a larger file is let go instead of being used again.
    var bytes: Int64
}

/// The journal files of a store and what each is for at the moment.
final class JournalPool: Sendable {
    private struct State {
        var free: [JournalFile] = []
        /// Files whose batches are not yet durable in segments, oldest first; the last one is being written.
        var live: [(sequence: UInt64, file: JournalFile)] = []
        var number: UInt64 = 0
    }

    private let disk: any Disk
    private let directory: String
    private let configuration: FileLogStoreConfiguration
    private let state = Mutex(State())

    init(_ disk: any Disk, directory: String, _ configuration: FileLogStoreConfiguration) {
        self.disk = disk
        self.directory = directory
        self.configuration = configuration
    }

    /// Takes over a file found at start.
    func adopt(_ file: JournalFile, sequence: UInt64?) {
        state.withLock { state in
            guard let sequence else { return state.free.append(file) }
            state.live.append((sequence, file))
            state.live.sort { $0.sequence < $1.sequence }
        }
    }

    /// Never gives out this file number, or one below, again.
    func reserve(number: UInt64) { state.withLock { $0.number = max($0.number, number + 1) } }

    /// Whether a new file may be begun.
    var hasRoom: Bool {
        state.withLock { !$0.free.isEmpty || $0.live.count < max(2, configuration.journalFiles) }
    }

    /// Whether a prepared file waits.
    var hasPrepared: Bool { state.withLock { !$0.free.isEmpty } }

    /// Lets go of a file that could not even be begun.
    func discard(_ sequence: UInt64) {
        let discarded = state.withLock { state -> JournalFile? in
            guard let index = state.live.lastIndex(where: { $0.sequence == sequence }) else { return nil }
            return state.live.remove(at: index).file
        }
        // What stays of it says nothing that is not true: that its block number is void in earlier files.
        if let discarded { try? disk.remove(discarded.path) }
    }

    /// Files in use for batches that are not durable in segments.
    var liveCount: Int { state.withLock { $0.live.count } }

    /// Whether a checkpoint should begin to free files: one may be begun besides those in use.
    var isFillingUp: Bool { liveCount >= max(2, configuration.journalFiles - 1) }

    /// Whether the last file of the ring is in use.
    var isUsedUp: Bool { liveCount >= max(2, configuration.journalFiles) }

    /// A file for `sequence`: a prepared one, or else a new one that grows as it is written.
    func take(_ sequence: UInt64, bytes: Int) throws(DiskError) -> JournalFile {
        let prepared: JournalFile? = state.withLock { state in
            guard let index = state.free.lastIndex(where: { $0.bytes >= Int64(bytes) }) else { return nil }
            return state.free.remove(at: index)
        }
        let file: JournalFile
        if let prepared { file = prepared } else { file = try create(bytes: 0) }
        state.withLock { $0.live.append((sequence, file)) }
        return file
    }

    private func create(bytes: Int) throws(DiskError) -> JournalFile {
        let number = state.withLock { state in
            state.number += 1
            return state.number - 1
        }
        let path = directory + "/" + JournalPool.name(number)
        let file = try disk.open(path, .direct)
        if bytes > 0 { try JournalPool.fill(file, bytes: bytes) }
        try disk.syncDirectory(directory)
        return JournalFile(path: path, file: file, bytes: Int64(bytes))
    }

    /// Prepares one more file if the ring is not complete.
    ///
    /// - Returns: whether there was one to prepare.
    func prepare(bytes: Int) throws(DiskError) -> Bool {
        let isComplete = state.withLock { state in
            !state.free.isEmpty || state.free.count + state.live.count >= max(2, configuration.journalFiles)
        }
        if isComplete { return false }
        let file = try create(bytes: bytes)
        state.withLock { $0.free.append(file) }
        return true
    }

    /// Frees the files before sequence `low`. Those that outgrew the ring, or never grew to its size, are removed.
    func recycle(before low: UInt64, quarantining damaged: Set<UInt64>, to quarantine: String) {
        let done = state.withLock { state in
            let done = state.live.filter { $0.sequence < low }
            state.live.removeAll { $0.sequence < low }
            return done
        }
        for (sequence, file) in done {
            if damaged.contains(sequence) {
                let name = file.path.split(separator: "/").last.map(String.init) ?? "journal"
                try? disk.rename(file.path, to: quarantine + "/" + name + "-\(sequence)")
            } else if file.bytes == Int64(configuration.journalFileBytes) {
                state.withLock { $0.free.append(file) }
            } else {
                try? disk.remove(file.path)
            }
        }
    }

    static func name(_ number: UInt64) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 8 - digits.count)) + digits + ".journal"
    }

    /// The number in a journal file's name; nil for other names.
    static func number(ofName name: String) -> UInt64? {
        guard name.hasSuffix(".journal") else { return nil }
        return UInt64(name.dropLast(8))
    }

    private static func fill(_ file: any DiskFile, bytes: Int) throws(DiskError) {
        let zeros = AlignedBuffer(capacity: min(bytes, 1 << 20))
        zeros.bytes.initializeMemory(as: UInt8.self, repeating: 0)
        var position = 0
        while position < bytes {
            let count = min(zeros.bytes.count, bytes - position)
            try file.write(UnsafeRawBufferPointer(rebasing: zeros.bytes[..<count]), at: Int64(position))
            position += count
        }
        try file.sync()
    }
}
