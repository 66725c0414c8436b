// SPDX-License-Identifier: Apache-2.0

// The segments of one log and its `meta` file. Writing, reading, recovering and trimming are in extensions; here is
// what they share.
//
// Invariants: segments are in order of their bases and do not overlap; only the last one is written to; of each,
// the first `durable.bytes` survive a power cut; `end` is the offset after everything written.

import ApusModel
import Logging
import Synchronization

/// What all logs of a store share.
struct LogEnvironment: Sendable {
    let disk: any Disk
    let cache: DescriptorCache
    let logger: Logger
    /// Counts damaged batches, each once.
    let quarantined: Counter
    /// Counts bytes appended and read.
    let moved = Counter()
}

/// A number that only grows.
final class Counter: Sendable {
    private let number = Atomic<UInt64>(0)
    var value: UInt64 { number.load(ordering: .relaxed) }
    func add(_ count: UInt64 = 1) { number.wrappingAdd(count, ordering: .relaxed) }
}

/// One segment as it stands.
struct SegmentState {
    let base: Offset
    /// How far it has been written.
    var written: DurableMark
    /// How far that is durable.
    var durable: DurableMark
    /// When its first batch was written, by the wall clock.
    var created: Timestamp
    /// Which writing of it this is; 0 is the first.
    var generation: UInt32 = 0
    /// Whether `written` is known beyond `bytes` and `end`: closed segments found at start are not looked into.
    var isKnown = true
    /// How much shorter the file is than its index says it was when it was closed.
    var bytesMissing: Int64 = 0
    /// Whether its files hold more than has been written, or could after a power cut: what a failed write left, or what
    /// was cut off and not flushed.
    var mayHoldMore = false

    var end: Offset { written.end }
    var bytes: Int64 { written.bytes }
    var isFlushed: Bool { durable.bytes == written.bytes && durable.indexEntries == written.indexEntries }
    var isDurable: Bool { isFlushed && !mayHoldMore }

    init(base: Offset, created: Timestamp) {
        self.base = base
        self.created = created
        written = DurableMark(end: base)
        durable = DurableMark(end: base)
    }
}

/// A batch on its way into a segment.
struct SegmentBatch: Sendable {
    /// Its own base offset need not be `base`: what is written is.
    let batch: RecordBatch
    let base: Offset
    let next: Offset

    init(_ batch: RecordBatch) { self.init(batch, at: batch.baseOffset) }

    init(_ batch: RecordBatch, at base: Offset) {
        self.batch = batch
        self.base = base
        next = base.advanced(by: Int64(batch.lastOffsetDelta) + 1)
    }
}

/// The segments of one log.
final class LogFiles: Sendable {
    struct State {
        var meta: LogMeta
        var segments: [SegmentState] = []
        /// The offset after everything written.
        var end = Offset.zero
        /// Whether the next batch begins a new segment.
        var isSealed = true
        /// Whether the folder holds names that a power cut could take, or has lost some that it could bring back.
        var hasChangedNames = false
        var isDeleted = false
        /// What has to be made good after a flush that failed, before anything else is written.
        var doubt: Doubt?
        /// Whether there are segments that may hold more than has been written.
        var hasMore = false
        /// Damage that has been counted: segment and position.
        var seen: Set<[Int64]> = []
        /// The highest number that a writing of a segment has had: none is given out twice.
        var lastGeneration: UInt32 = 0
        /// Segments written anew of which it is not known whether the disk's `meta` names them.
        var undecided: [SegmentFormat.Name] = []

        var bytes: Int64 { segments.reduce(0) { $0 + $1.bytes } }
    }

    /// Pages that may never reach the disk, whatever a later flush says.
    struct Doubt {
        /// The first offset of which, and of all after it, the store has the batches in memory; nil for none.
        var kept: Offset?
    }

    let id: LogID
    let life: UInt64
    let directory: String
    let environment: LogEnvironment
    let state: Mutex<State>
    /// Which writing of a segment counts, where it is not the first; changed under the state's lock.
    let generations = Mutex<[Offset: UInt32]>([:])

    private init(_ id: LogID, _ meta: LogMeta, directory: String, _ environment: LogEnvironment) {
        self.id = id
        life = meta.life
        self.directory = directory
        self.environment = environment
        var state = State(meta: meta)
        state.end = meta.start
        self.state = Mutex(state)
    }

    /// Makes the folder of a log that does not exist yet; durable on return.
    static func create(
        _ id: LogID, life: UInt64, in parent: String, _ environment: LogEnvironment
    ) throws(DiskError) -> LogFiles {
        let directory = parent + "/" + id.description
        let meta = LogMeta(life: life)
        try environment.disk.makeDirectory(directory)
        try AtomicFile.replace(LogMeta.fileName, in: directory, with: meta.bytes, on: environment.disk)
        try environment.disk.syncDirectory(parent)
        return LogFiles(id, meta, directory: directory, environment)
    }

    /// Makes the folders of many logs that do not exist yet, with flushes for all of them together; durable on return.
    static func create(
        _ logs: [(id: LogID, life: UInt64)], in parent: String, _ environment: LogEnvironment
    ) throws(DiskError) -> [LogFiles] {
        var files: [LogFiles] = []
        for log in logs {
            let directory = parent + "/" + log.id.description
            let meta = LogMeta(life: log.life)
            try environment.disk.makeDirectory(directory)
            // Not written aside and renamed: a log with nothing stored and no readable meta was never born, so half a file does no harm.
            files.append(LogFiles(log.id, meta, directory: directory, environment))
        }
        try settle(files, in: parent, environment)
        return files
    }

    /// Makes sure that the folders of logs outlive a power cut, with what says which lives they have. That is written in any case: what
    /// can be read may be pages that an earlier flush has failed to bring to the disk, and another flush alone says nothing about those.
    static func settle(
        _ files: [LogFiles], in parent: String, _ environment: LogEnvironment
    ) throws(DiskError) {
        guard !files.isEmpty else { return }
        let directories = files.map(\.directory)
        for log in files {
            let meta = log.state.withLock { $0.meta }
            try AtomicFile.write(meta.bytes, to: log.directory + "/" + LogMeta.fileName, on: environment.disk)
        }
        try environment.disk.syncFiles(directories.map { $0 + "/" + LogMeta.fileName }, under: parent)
        try environment.disk.syncDirectories(directories, under: parent)
        try environment.disk.syncDirectory(parent)
    }

    /// What a log's folder turned out to be.
    enum Found {
        case log(LogFiles)
        /// Nothing was ever stored: its creation was interrupted.
        case unborn
    }

    /// A log found in its folder: names and sizes only.
    ///
    /// - Parameter fallback: the log's first batch in the journal, for when `meta` is damaged.
    static func open(
        _ id: LogID, in parent: String, fallback: JournalFrame?, now: Timestamp, _ environment: LogEnvironment
    ) throws(DiskError) -> Found {
        let directory = parent + "/" + id.description
        let names = try environment.disk.list(directory)
        let found = names.compactMap { SegmentFormat.Name($0) }
        let bases = Set(found.filter { $0.kind == .log }.map(\.base)).sorted()
        var meta: LogMeta
        switch try AtomicFile.read(LogMeta.fileName, in: directory, on: environment.disk) {
        case .bytes(let bytes):
            guard let read = LogMeta(bytes) else { fallthrough }
            meta = read
        case .damaged, .missing:
            guard !bases.isEmpty || fallback != nil else { return .unborn }
            environment.logger.error(
                "A log's meta file is damaged: it starts at its first segment again",
                metadata: ["log": "\(id)"])
            environment.quarantined.add()
            meta = LogMeta(life: fallback?.life ?? 0)
            meta.start = [bases.first, fallback?.batch.base].compactMap(\.self).min() ?? .zero
            meta.guessRewrites(from: found)
        }
        let files = LogFiles(id, meta, directory: directory, environment)
        try files.adopt(found, now: now)
        return .log(files)
    }

    private func adopt(_ found: [SegmentFormat.Name], now: Timestamp) throws(DiskError) {
        try withState { state throws(DiskError) in
            let bases = try adoptNames(found, &state)
            // The start that lets segments go has to stay, whoever moved it.
            if bases.count > 1, bases[1] <= state.meta.start { try environment.disk.syncDirectory(directory) }
            for (index, base) in bases.enumerated() {
                let next = index + 1 < bases.count ? bases[index + 1] : nil
                if let next, next <= state.meta.start {
                    remove(base)
                    continue
                }
                var segment = SegmentState(base: base, created: now)
                segment.generation = state.meta.rewrite(of: base)?.generation ?? 0
                segment.written.bytes = try environment.disk.size(of: path(base, .log)) ?? 0
                segment.written.indexEntries =
                    Int(try environment.disk.size(of: path(base, .index)) ?? 0)
                    / SegmentFormat.indexEntryBytes
                segment.written.end = next ?? base
                segment.durable = segment.written
                segment.isKnown = false
                state.segments.append(segment)
            }
            state.end = max(state.meta.start, state.segments.last?.end ?? .zero)
            // What a process before this one changed in the folder may not be durable either.
            state.hasChangedNames = true
        }
    }

    /// Runs `body` with the log's state to itself; disk work included.
    func withState<Value: Sendable>(
        _ body: (inout State) throws(DiskError) -> Value
    ) throws(DiskError) -> Value {
        try state.withLock { (state: inout State) throws(DiskError) -> Value in try body(&state) }
    }

    /// Its segments in short, for logs: base, bytes written and durable, end.
    func describe() -> String {
        state.withLock { state in
            state.segments.map { "\($0.base)+\($0.bytes)/\($0.durable.bytes)=\($0.end)" }.joined(
                separator: " ")
        }
    }

    /// Whether everything written is known to be durable.
    var isDurable: Bool { state.withLock { $0.segments.allSatisfy(\.isDurable) } }

    /// The offset after everything written.
    var writtenEnd: Offset { state.withLock { $0.end } }

    /// Whether records after `offset` are known to be lost.
    func hasGap(after offset: Offset) -> Bool { state.withLock { $0.meta.gaps.contains { $0.to > offset } } }

    /// The first offset that is kept.
    var start: Offset { state.withLock { $0.meta.start } }

    /// A file of the writing of a segment that counts now.
    func path(_ base: Offset, _ kind: SegmentFormat.Kind) -> String { path(name(base, kind)) }

    func name(_ base: Offset, _ kind: SegmentFormat.Kind) -> SegmentFormat.Name {
        SegmentFormat.Name(base, generations.withLock { $0[base] ?? 0 }, kind)
    }

    func path(_ name: SegmentFormat.Name) -> String { name.path(in: directory) }

    /// An open file of a segment.
    func file(_ base: Offset, _ kind: SegmentFormat.Kind) throws(DiskError) -> any DiskFile {
        try environment.cache.file(name(base, kind), in: directory)
    }

    /// Removes a segment's files as far as that goes; what stays is removed when the store is opened again.
    func remove(_ base: Offset) {
        for kind in [SegmentFormat.Kind.index, .sums, .log] {
            environment.cache.forget(name(base, kind), in: directory)
            do throws(DiskError) { try environment.disk.remove(path(base, kind)) } catch {
                if case .notFound = error { continue }
                environment.logger.warning(
                    "A segment file could not be removed",
                    metadata: ["file": "\(path(base, kind))", "error": "\(error)"])
            }
        }
    }

    /// Counts damage at a place, once.
    ///
    /// - Returns: whether it is news.
    func quarantine(_ state: inout State, segment: Offset, position: Int64, reason: String) {
        guard state.seen.insert([segment.rawValue, position]).inserted else { return }
        environment.quarantined.add()
        environment.logger.error(
            "A stored batch is damaged; it is kept and refused, everything around it stays readable",
            metadata: [
                "log": "\(id)", "segment": "\(path(segment, .log))", "position": "\(position)",
                "reason": "\(reason)",
            ])
    }
}
