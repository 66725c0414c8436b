// SPDX-License-Identifier: Apache-2.0

// The seam under everything: durable, ordered logs of record batches. Files and memory implement it, and
// every implementation passes the contract suite in ApusTesting.
//
// There is deliberately no truncation and no snapshot here: logs that hold state snapshot themselves (append the
// whole state, then `trim` what came before it). Which records of a compacted topic are superseded is the engine's to know; here
// closed segments are only written anew without them, at the same offsets. There is no atomicity over several
// logs either: whoever copies from one log to another copies first and acknowledges then, and the copy
// carries its origin, so that a repeat is recognised.

public import ApusModel

/// When an append counts as done.
public enum Durability: Hashable, Sendable {
    /// After it survives a power cut. Appends share flushes, whatever the number of logs.
    case flush
    /// After it survives the process; a flush follows at least this often.
    case interval(Duration)
    /// After it survives the process; when it reaches the disk is the operating system's decision.
    case none
}

/// How one log is kept.
public struct LogConfiguration: Hashable, Sendable {
    /// When an append counts as done.
    public var durability: Durability
    /// A new segment begins when the current one would grow beyond this, in bytes; 1 MiB to 1 GiB.
    public var segmentBytesMax: Int
    /// A new segment begins when the current one's first record is older than this.
    public var segmentAgeMax: Duration
    /// The store's own state (registry, subscriptions): kept writable from a reserve when the disk is full,
    /// so that acknowledgements and deletions go on.
    public var isEssential: Bool

    /// How one log is kept.
    public init(
        durability: Durability = .flush, segmentBytesMax: Int = 128 << 20,
        segmentAgeMax: Duration = .seconds(7 * 24 * 3600), isEssential: Bool = false
    ) {
        self.durability = durability
        self.segmentBytesMax = segmentBytesMax
        self.segmentAgeMax = segmentAgeMax
        self.isEssential = isEssential
    }
}

/// The right to append to one log. A later claim of the same log fences this one.
///
/// Of one claim there is one holder: it is passed on, not copied around, although as an argument of escaping
/// completions it has to be a value.
public struct LogClaim: Hashable, Sendable {
    /// The log.
    public let log: LogID
    /// Which claim of that log in this process's life this is.
    public let epoch: UInt64
    /// Where the store keeps the log; only the store that gave the claim can tell what it means.
    package let slot: Int

    package init(log: LogID, epoch: UInt64, slot: Int) {
        self.log = log
        self.epoch = epoch
        self.slot = slot
    }
}

/// Where a log begins and ends.
public struct LogBounds: Hashable, Sendable {
    /// The first offset that can still be read (or `end` when there is none).
    public var start: Offset
    /// The first offset that is not yet readable: everything before it is as durable as the log promises.
    public var end: Offset
    /// Bytes kept.
    public var bytes: Int64
    /// How many segments hold them.
    public var segments: Int

    /// Where a log begins and ends.
    public init(start: Offset, end: Offset, bytes: Int64, segments: Int) {
        self.start = start
        self.end = end
        self.bytes = bytes
        self.segments = segments
    }
}

/// A closed part of a log, for deciding what to trim.
public struct SegmentDescription: Hashable, Sendable {
    /// The first offset of the segment.
    public var base: Offset
    /// The offset after its last record.
    public var end: Offset
    /// Its bytes.
    public var bytes: Int64
    /// The greatest timestamp of its records.
    public var maxTimestamp: Timestamp
    /// The time that was noted when it was last written anew; nil for none.
    public var rewritten: Timestamp?
    /// Whether all of it survives a power cut, however lightly its log takes that.
    public var isDurable: Bool

    /// A closed part of a log.
    public init(
        base: Offset, end: Offset, bytes: Int64, maxTimestamp: Timestamp, rewritten: Timestamp? = nil,
        isDurable: Bool = true
    ) {
        self.isDurable = isDurable
        self.rewritten = rewritten
        self.base = base
        self.end = end
        self.bytes = bytes
        self.maxTimestamp = maxTimestamp
    }
}

/// Called once with the base offset that a batch was given, when it is as durable as its log promises, or with
/// the reason why it is not. Runs on the store's thread: hand over and return.
public typealias AppendCompletion = @Sendable (Result<Offset, LogError>) -> Void

/// What becomes of a batch when its segment is written anew.
public enum Thinned: Sendable {
    /// It is replaced by this one, which takes up the same offsets.
    case keep(RecordBatch)
    /// It goes. The last one of a segment stays, without records.
    case drop
    /// Nothing of the segment is to be changed after all.
    case stop
}

/// What came of writing segments anew.
public enum RewriteOutcome: Sendable, Hashable {
    /// They hold what was asked for, durably; how many bytes they took and take.
    case done(before: Int64, after: Int64)
    /// Whoever asked stopped it, or the store is closed; nothing has changed.
    case stopped
    /// Not now, and nothing has changed: they are not closed, not known to be durable, damaged, or not there any more.
    case notNow
}

/// A set of durable logs.
///
/// Calls may come from any thread. Reads and administration may block on the disk for as long as it takes;
/// `append` never does.
public protocol LogStore: Sendable {
    /// Becomes the one writer of `log`, which is created if there is none, and fences the previous one.
    ///
    /// - Parameter onAdvance: called after `end` has grown, with the new end; calls are in order, on the store's
    ///   thread, and may be merged.
    func claim(
        _ log: LogID, _ configuration: LogConfiguration, onAdvance: @escaping @Sendable (Offset) -> Void
    ) throws(LogError) -> LogClaim

    /// Makes those of `logs` that do not exist yet, empty and durable on return: claiming them afterwards costs no flush each. When it fails
    /// some of them may be there.
    func create(_ logs: [LogID]) throws(LogError)

    /// Changes how a claimed log is kept, from the next append on.
    func configure(_ claim: LogClaim, _ configuration: LogConfiguration) throws(LogError)

    /// Places `batch` at the end of its log. Batches of one log complete in the order of these calls, and offsets
    /// follow that order; after a failure, offsets given to failed batches are not used again.
    func append(
        _ batch: consuming RecordBatch, holding claim: LogClaim, completion: @escaping AppendCompletion)

    /// Whole batches from the one that holds `offset` on (or the next one, where offsets have a hole), at least
    /// one and then as many as fit in `byteLimit`; none when `offset` is the end.
    ///
    /// - Throws: ``LogError/trimmed(start:)`` below the start, ``LogError/beyondEnd(end:)`` above the end,
    ///   ``LogError/corrupt(log:offset:next:reason:)`` when the batch there fails its checksum.
    func read(_ log: LogID, from offset: Offset, byteLimit: Int) throws(LogError) -> [RecordBatch]

    /// Where the log begins and ends.
    func bounds(_ log: LogID) throws(LogError) -> LogBounds

    /// The first offset whose record, or a record before it in the same batch, has a timestamp at or after `time`;
    /// the end when there is none.
    func offset(_ log: LogID, at time: Timestamp) throws(LogError) -> Offset

    /// The parts of the log that `trim` could forget whole, oldest first; not the one being written.
    func closedSegments(_ log: LogID) throws(LogError) -> [SegmentDescription]

    /// Replaces the closed segments that reach from `range`'s beginning to its end by one with what `thin` makes of their batches, in
    /// order. Offsets stay; a reader sees all of the old or all of the new, and so does whoever opens the store after a crash at any
    /// moment. Blocks, for as long as reading and writing take, on the caller's thread; appends, reads and trims go on. `thin` may be
    /// called more than once for a batch.
    ///
    /// - Parameter time: noted with the segment, for ``SegmentDescription/rewritten``; nil notes that there is none.
    /// - Throws: ``LogError/corrupt(log:offset:next:reason:)`` when a batch there is damaged; then nothing has changed, and
    ///   neither has it after any other error, as far as this store is concerned.
    func rewrite(
        _ log: LogID, _ range: Range<Offset>, noting time: Timestamp?, _ thin: (RecordBatch) -> Thinned
    ) throws(LogError) -> RewriteOutcome

    /// Forgets records before `offset`, by whole segments: it may keep more, never less, but `start` moves to `offset`
    /// at once and durably enough not to come back by more than a segment.
    func trim(_ log: LogID, before offset: Offset) throws(LogError)

    /// Forgets the log and everything in it.
    func delete(_ log: LogID) throws(LogError)

    /// Every log that exists.
    func logs() throws(LogError) -> [LogID]

    /// What the store can say about its health and its work so far.
    func statistics() -> StoreStatistics
}

/// What went on in a store since it was opened, and what it found.
public struct StoreStatistics: Sendable, Hashable {
    /// Whether appends are accepted, and if not, why.
    public var refusal: LogError?
    /// Flushes done.
    public var flushes: UInt64 = 0
    /// Bytes flushed.
    public var flushedBytes: UInt64 = 0
    /// Batches flushed.
    public var flushedBatches: UInt64 = 0
    /// Bytes accepted and not yet in segments.
    public var pendingBytes: Int64 = 0
    /// Bytes free on the disk, when known.
    public var freeBytes: Int64?
    /// The size of the disk in bytes, when known.
    public var totalBytes: Int64?
    /// How much space is left, by the watermarks.
    public var space = SpaceLevel.ample
    /// Since when that is so; nil when it was never otherwise.
    public var spaceSince: Timestamp?
    /// Below this many free bytes there is an alarm.
    public var alarmsBelow: Int64 = 0
    /// Below this many free bytes appends are refused.
    public var refusesBelow: Int64 = 0
    /// Bytes used by segments.
    public var storedBytes: Int64 = 0
    /// Batches that failed verification, each once.
    public var quarantined: UInt64 = 0
    /// Open file descriptors.
    public var openFiles: Int = 0

    /// Nothing yet.
    public init() {}
}

/// Why a store could not do as asked.
public enum LogError: Error, Hashable, Sendable {
    /// There is no such log.
    case unknownLog(LogID)
    /// A later claim exists: the holder of the earlier one must stop.
    case fenced(LogID)
    /// The offset is before the start, which is given.
    case trimmed(start: Offset)
    /// The offset is after the end, which is given.
    case beyondEnd(end: Offset)
    /// The batch at `offset` fails verification; reading can go on at `next`. Nothing else is affected.
    case corrupt(log: LogID, offset: Offset, next: Offset, reason: String)
    /// No space is left: retry later, reads go on.
    case diskFull
    /// Too much waits to be written: retry later.
    case overloaded
    /// The batch is larger than the log takes.
    case tooLarge(bytes: Int, limit: Int)
    /// The disk failed. Whether the batch would be found after a restart is known: it would not.
    case failed(String)
    /// The disk failed and goes on failing, so that what it has of the batch can be neither kept nor made void. It will not be
    /// found as long as this store is open; whether it would be found after a restart is not known.
    case undecided(String)
    /// The store is closed.
    case closed
}

extension LogError {
    /// Whether the same call can succeed later without anybody changing anything.
    public var isRetryable: Bool {
        switch self {
        case .diskFull, .overloaded, .failed, .undecided: true
        case .unknownLog, .fenced, .trimmed, .beyondEnd, .corrupt, .tooLarge, .closed: false
        }
    }
}
