// SPDX-License-Identifier: Apache-2.0

// The LogStore of files: appends go to a shared journal, one flush for all that arrived meanwhile; a batch stays in
// memory until a checkpoint has made it durable in its log's segment; then the journal file is used again.
//
// The work is done in steps (`commitStep`, `maintenanceStep`), which threads call in production and a
// simulator calls in any order it likes. Three locks, taken in this order: `maintenance`, `committer` (each held by the
// one who does that work, disk work included), `shared` (never held over disk work). A log's files have a lock of
// their own, after the first two and never together with `shared`.

import ApusModel
import DequeModule
public import Logging
import Synchronization

/// Told after each flush of the journal how long it took and how many batches and bytes it covered; on the journal's
/// thread: count and return.
public typealias FlushObserver = @Sendable (_ duration: Duration, _ batches: Int, _ bytes: Int) -> Void

/// Logs in the files of one folder.
public final class FileLogStore: LogStore {
    let directory: String
    let configuration: FileLogStoreConfiguration
    let clock: StoreClock
    let random: @Sendable () -> UInt64
    let environment: LogEnvironment
    let pool: JournalPool
    let shared = Mutex(SharedState())
    let committer: Mutex<Committer>
    let maintenance: Mutex<Maintenance>
    /// Held while segments are written anew: one after the other.
    let rewriting = Mutex<Void>(())
    let deliveries = Deliveries()
    let threads = StoreThreads()
    /// How many wait for the maintenance lock who are not to wait for a checkpoint that takes its time.
    let administrators = Atomic(0)
    let onFlush: FlushObserver?

    /// Opens the store in `directory`, which is made if there is none, and starts its threads.
    ///
    /// - Throws: ``LogError/failed(_:)`` when another process has it open, or the disk refuses.
    public convenience init(
        directory: String, configuration: FileLogStoreConfiguration = FileLogStoreConfiguration(),
        logger: Logger, onFlush: FlushObserver? = nil
    ) throws(LogError) {
        try self.init(
            directory: directory, on: PosixDisk(), configuration: configuration, logger: logger,
            onFlush: onFlush)
        start()
    }

    /// Opens the store without threads: whoever opens it calls the steps.
    package init(
        directory: String, on disk: any Disk, configuration: FileLogStoreConfiguration,
        clock: StoreClock = .system, random: @escaping @Sendable () -> UInt64 = { .random(in: 1 ... .max) },
        logger: Logger, onFlush: FlushObserver? = nil
    ) throws(LogError) {
        self.onFlush = onFlush
        self.directory = directory
        self.configuration = configuration
        self.clock = clock
        self.random = random
        environment = LogEnvironment(
            disk: disk, cache: DescriptorCache(disk, limit: configuration.descriptorsMax), logger: logger,
            quarantined: Counter())
        pool = JournalPool(disk, directory: directory + "/journal", configuration)
        do throws(DiskError) {
            let opened = try Recovery(
                directory: directory, configuration, environment, pool, now: clock.wall(), random: random
            ).run()
            committer = Mutex(Committer(writer: JournalWriter(pool, configuration, opened.journal)))
            maintenance = Mutex(Maintenance(lock: opened.lock, opened.checkpoint))
            shared.withLock { state in
                state.space = SpaceWatch(
                    alarm: configuration.spaceAlarm, refusal: configuration.spaceRefusal,
                    reserve: configuration.freeBytesReserve)
                state.adopt(opened.logs, sequence: opened.journal.found)
            }
            if opened.needsCheckpoint {
                guard checkpoint(.everything) else {
                    throw .failed("what was saved from the journal cannot be written")
                }
                shared.withLock { $0.restartTails() }
            }
            // Before anything else happens: what is torn at the end of the last file is not looked at again, when
            // its offsets may have been given out anew.
            try beginJournal()
            try opened.boot.leave(in: directory, on: disk)
        } catch { throw LogError(error) }
    }

    /// Makes everything durable and stops; appends after this are refused.
    public func close() {
        let isFirst = shared.withLock { state in
            defer { state.isClosed = true }
            return !state.isClosed
        }
        guard isFirst else { return }
        threads.stop()
        // A rewrite that is under way notices at its next batch.
        rewriting.withLock { _ in }
        while case .progress = commitStep() {}
        _ = checkpoint(.everything)
        abandon()
        maintenance.withLock { $0.lock = nil }
    }
}

/// A batch on its way to the disk.
struct PendingAppend: Sendable {
    /// With its base offset in it if it goes to the journal. Otherwise only where it is written gets that: the batch shares its memory with the
    /// request that brought it, so that changing eight bytes would copy all of it.
    let batch: RecordBatch
    /// The offset of its first record.
    let base: Offset
    let slot: Int
    let epoch: UInt64
    let files: LogFiles
    /// Whether it goes to its segment and not to the journal.
    let isDirect: Bool
    let isEssential: Bool
    let completion: AppendCompletion

    /// The offset after its last record.
    var next: Offset { base.advanced(by: Int64(batch.lastOffsetDelta) + 1) }
}

/// One log as appends and reads see it.
struct LogSlot {
    let id: LogID
    let files: LogFiles
    var epoch: UInt64 = 0
    var configuration = LogConfiguration()
    var onAdvance: (@Sendable (Offset) -> Void)?
    var start: Offset
    /// The offset for the next append.
    var reserved: Offset
    /// The offset after the last batch that may be read.
    var end: Offset
    /// Batches that are not known to be durable in segments, in order; every batch from `tailFrom` on.
    var tail: Deque<SegmentBatch> = []
    var tailFrom: Offset
    /// The last batches that went to segments right away, copied, up to `end`: who waits for what comes next is answered from here.
    var recent: Deque<SegmentBatch> = []
    var recentBytes = 0
    /// Appends that go to the journal and are not completed.
    var journaledPending = 0
    /// The last commit that touched it.
    var commit: UInt64 = 0

    /// Gives `batch` the next offsets; which, and where it goes then.
    mutating func place(_ batch: inout RecordBatch) -> (files: LogFiles, base: Offset, isDirect: Bool) {
        let base = reserved
        reserved = base.advanced(by: Int64(batch.lastOffsetDelta) + 1)
        // What follows a journaled batch that is not durable in its segment yet is journaled too: so a tail
        // holds journaled batches only, and can be written again from the journal.
        let isDirect = configuration.durability != .flush && tail.isEmpty && journaledPending == 0
        if !isDirect {
            batch.baseOffset = base
            journaledPending += 1
        }
        return (files, base, isDirect)
    }
}

/// What appends, reads and the steps share; held briefly.
struct SharedState {
    var slots: [LogSlot?] = []
    var slotOf: [LogID: Int] = [:]
    /// Slots of logs that were deleted.
    var freeSlots: [Int] = []
    var queue: [PendingAppend] = []
    /// How long the queue must be for the committing thread to be woken.
    var queueCountWanted = 1
    var pacing = CommitPacing()
    /// Bytes accepted and neither completed nor refused.
    var queueBytes = 0
    /// Bytes in tails.
    var tailBytes = 0
    /// Bytes in recent batches, and the slots that have some.
    var recentBytes = 0
    var recentSlots: [Int] = []
    /// Logs with something to write or to flush.
    var dirty: Set<Int> = []
    /// Logs that nobody was promised a flush of: written, and made durable with the next of the rare flushes that cover them too.
    var idle: Set<Int> = []
    /// When the first of those that are dirty became so.
    var dirtySince: Duration?
    var refusal: LogError?
    /// Why the last checkpoint failed; nil when it did not.
    var checkpointFailure: LogError?
    /// Bytes taken since free space was looked at.
    var bytesUnwatched: Int64 = 0
    var freeBytes: Int64?
    var space = SpaceWatch(alarm: SpaceThreshold(), refusal: SpaceThreshold(), reserve: 0)
    var isClosed = false
    /// The journal file of the last block that was completed.
    var journalSequence: UInt64 = 0
    var isCheckpointWanted = false
    /// Claims given so far: each has a number of its own, across logs and their lives.
    var claims: UInt64 = 0
    var flushes: UInt64 = 0
    var flushedBytes: UInt64 = 0
    var flushedBatches: UInt64 = 0

    /// The slot that `claim` was given for.
    func index(_ claim: LogClaim) -> Result<Int, LogError> {
        // Field by field: a copy of the slot would cost a reference count for each thing that it refers to.
        guard slots.indices.contains(claim.slot), slots[claim.slot]?.id == claim.log else {
            return .failure(.unknownLog(claim.log))
        }
        return slots[claim.slot]?.epoch == claim.epoch ? .success(claim.slot) : .failure(.fenced(claim.log))
    }

    mutating func add(_ slot: LogSlot) -> Int {
        let index = freeSlots.popLast() ?? slots.count
        if index == slots.count { slots.append(slot) } else { slots[index] = slot }
        slotOf[slot.id] = index
        return index
    }

    /// Lets memory take over at the end of every log whose tail is empty.
    mutating func restartTails() {
        for index in slots.indices where slots[index]?.tail.isEmpty == true {
            if let end = slots[index]?.end { slots[index]?.tailFrom = end }
        }
    }

    /// Takes over what recovery found.
    mutating func adopt(_ logs: [(LogFiles, LogRecovery)], sequence: UInt64) {
        journalSequence = sequence
        for (files, recovery) in logs {
            let start = files.start
            var slot = LogSlot(
                id: files.id, files: files, start: start, reserved: recovery.end, end: recovery.end,
                tailFrom: recovery.tailFrom)
            slot.tail.append(contentsOf: recovery.tail)
            tailBytes += recovery.tail.reduce(0) { $0 + $1.batch.length }
            slots.append(slot)
            slotOf[files.id] = slots.count - 1
            if !recovery.tail.isEmpty || !files.isDurable { dirty.insert(slots.count - 1) }
        }
        if !dirty.isEmpty { dirtySince = .zero }
    }
}

extension LogError {
    init(_ error: DiskError) {
        switch error {
        case .noSpace: self = .diskFull
        case .notFound(let path): self = .failed("\(path) is missing")
        case .locked(let path): self = .failed("\(path) is locked: another process has this store open")
        case .failed(let reason): self = .failed(reason)
        case .crashed: self = .closed
        }
    }
}
