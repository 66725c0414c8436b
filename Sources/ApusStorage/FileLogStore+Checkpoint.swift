// SPDX-License-Identifier: Apache-2.0

// A checkpoint: what tails hold goes to segments, segments are flushed together, the checkpoint file says so, and
// then the journal files before the present one are free. Whatever fails stays in memory and in the journal, and is
// done again.

import ApusModel
import DequeModule
import Logging
import Synchronization

extension FileLogStore {
    /// One log in a checkpoint.
    private struct Work {
        var slot: Int
        var files: LogFiles
        var configuration: LogConfiguration
        /// The offset from which on its tail holds everything; nil when it has no tail.
        var tailFrom: Offset?
        var ticket: SyncTicket?
    }

    /// Brings tails to segments and makes them durable.
    ///
    /// - Returns: whether everything went well.
    func checkpoint(_ scope: CheckpointScope) -> Bool {
        maintenance.withLock { maintenance in
            var isWhole = true
            let isDue = scope == .everything || isIdleSyncDue(&maintenance)
            let (touched, low) = shared.withLock { state in
                defer {
                    state.dirty = []
                    if isDue { state.idle = [] }
                    state.dirtySince = nil
                    state.isCheckpointWanted = false
                }
                return (isDue ? state.dirty.union(state.idle) : state.dirty, state.journalSequence)
            }
            let slots = touched.sorted()
            var works: [Work] = []
            var pace = CheckpointPace(configuration, logs: slots.count, now: clock.monotonic())
            for slot in slots {
                guard var (work, tail) = work(slot) else { continue }
                guard write(&tail, of: work, &pace, &maintenance) else {
                    isWhole = false
                    continue
                }
                let isPromised = work.configuration.durability != .none || work.tailFrom != nil
                work.ticket = work.files.syncTicket(includesActive: isPromised || isDue)
                if !isPromised, !isDue { shared.withLock { _ = $0.idle.insert(slot) } }
                works.append(work)
            }
            if !sync(works) { isWhole = false }
            guard isWhole else {
                for work in works { again(work.slot) }
                return false
            }
            return conclude(works, low, &maintenance)
        }
    }

    /// A checkpoint of everything, now.
    ///
    /// - Returns: whether everything went well.
    package func checkpointNow() -> Bool { checkpoint(.everything) }

    private func isIdleSyncDue(_ maintenance: inout Maintenance) -> Bool {
        guard let last = maintenance.lastIdleSync else { return true }
        return clock.monotonic() - last >= configuration.idleSyncAge
    }

    private func again(_ slot: Int) {
        let now = clock.monotonic()
        shared.withLock { state in
            state.dirty.insert(slot)
            if state.dirtySince == nil { state.dirtySince = now }
        }
    }

    /// What there is to do for a log; nil when it was deleted meanwhile.
    private func work(_ slot: Int) -> (Work, Deque<SegmentBatch>)? {
        shared.withLock { state in
            guard state.slots.indices.contains(slot), let log = state.slots[slot] else { return nil }
            let work = Work(
                slot: slot, files: log.files, configuration: log.configuration,
                tailFrom: log.tail.isEmpty ? nil : log.tailFrom)
            return (work, log.tail)
        }
    }

    /// Writes a log's tail, a portion at a time.
    private func write(
        _ tail: inout Deque<SegmentBatch>, of work: Work, _ pace: inout CheckpointPace,
        _ maintenance: inout Maintenance
    ) -> Bool {
        do throws(DiskError) {
            repeat {
                try work.files.write(
                    pace.portion(of: &tail), work.configuration, now: clock.wall(),
                    startsWriting: pace.startsWriting, maintenance.scratch)
                if let pause = pace.pause(now: clock.monotonic()), !isHurried {
                    threads.pauseMaintenance(for: pause)
                    pace.goOn(now: clock.monotonic())
                }
            } while !tail.isEmpty
            return true
        } catch {
            environment.logger.error(
                "A segment could not be written; its batches stay in the journal",
                metadata: ["log": "\(work.files.id)", "error": "\(error)"])
            shared.withLock { $0.checkpointFailure = LogError(error) }
            if error == .noSpace { shared.withLock { if $0.refusal == nil { $0.refusal = .diskFull } } }
            again(work.slot)
            return false
        }
    }

    /// How many logs forget what is durable in segments in one go.
    private static let dropGroupMax = 64

    /// Whether more arrives than a paced checkpoint brings to segments, or nothing arrives any more, or somebody waits for its end.
    private var isHurried: Bool {
        if pool.isUsedUp || administrators.load(ordering: .relaxed) > 0 { return true }
        return shared.withLock { $0.isClosed || $0.tailBytes > configuration.tailBytesMax / 4 * 3 }
    }

    private func sync(_ works: [Work]) -> Bool {
        let tickets = works.compactMap(\.ticket)
        let paths = tickets.flatMap(\.paths)
        do throws(DiskError) {
            if !paths.isEmpty { try environment.disk.syncFiles(paths, under: directory) }
            let directories = tickets.filter(\.needsDirectory).map(\.files.directory)
            try environment.disk.syncDirectories(directories, under: directory)
        } catch {
            environment.logger.error(
                "A flush of segments failed; they are written again elsewhere",
                metadata: ["error": "\(error)"])
            shared.withLock { $0.checkpointFailure = LogError(error) }
            for work in works {
                if let ticket = work.ticket { work.files.distrust(ticket, kept: work.tailFrom) }
            }
            return false
        }
        for ticket in tickets { ticket.files.confirm(ticket) }
        return true
    }

    private func conclude(_ works: [Work], _ low: UInt64, _ maintenance: inout Maintenance) -> Bool {
        maintenance.lastIdleSync = maintenance.lastIdleSync ?? clock.monotonic()
        if isIdleSyncDue(&maintenance) { maintenance.lastIdleSync = clock.monotonic() }
        var next = maintenance.checkpoint
        for work in works {
            if let entry = work.files.checkpointEntry { next.logs[work.files.id] = entry }
        }
        next.journalLow = max(next.journalLow, low)
        do throws(DiskError) {
            if next != maintenance.checkpoint {
                try AtomicFile.replace(
                    Checkpoint.fileName, in: directory, with: next.bytes, on: environment.disk)
            }
        } catch {
            environment.logger.error("The checkpoint could not be written", metadata: ["error": "\(error)"])
            shared.withLock { $0.checkpointFailure = LogError(error) }
            for work in works { again(work.slot) }
            return false
        }
        maintenance.checkpoint = next
        environment.logger.trace(
            "A checkpoint is done", metadata: ["low": "\(low)", "logs": "\(works.count)"])
        shared.withLock { $0.checkpointFailure = nil }
        // A few at a time: whoever appends waits for this lock.
        for first in stride(from: 0, to: works.count, by: FileLogStore.dropGroupMax) {
            let group = works[first..<min(first + FileLogStore.dropGroupMax, works.count)]
            shared.withLock { state in
                for work in group { state.dropTail(work.slot, work.files, before: work.ticket?.end) }
            }
        }
        pool.recycle(
            before: next.journalLow, quarantining: maintenance.damagedFiles, to: directory + "/quarantine")
        maintenance.damagedFiles = maintenance.damagedFiles.filter { $0 >= next.journalLow }
        return true
    }
}

/// Spreads a checkpoint's work over time. The disk serves one queue: what a checkpoint puts into it at once is what the
/// journal's next flush, and everybody who waits for it, stands behind. And the first checkpoint of many logs makes files for each of them, which
/// on some file systems costs half a millisecond a file: without rests that is a processor taken for seconds.
private struct CheckpointPace {
    /// Long enough for several flushes of the journal.
    private static let pauseMin = Duration.milliseconds(2)
    private static let pauseMax = Duration.milliseconds(40)
    /// Work that takes longer than this is not a portion any more, however little it is.
    private static let workMax = Duration.milliseconds(2)
    /// How much longer than its work a checkpoint rests.
    private static let restFactor = 3

    private let portionBytes: Int
    private let portionLogs: Int
    /// Whether the disk gets what is written at once: what many logs have, a page or two each, would otherwise come to it all together when they
    /// are flushed.
    let startsWriting: Bool
    private var bytes = 0
    private var logs = 0
    private var began: Duration

    init(_ configuration: FileLogStoreConfiguration, logs: Int, now: Duration) {
        began = now
        portionBytes = configuration.checkpointPortionBytes
        portionLogs = configuration.checkpointPortionLogs
        startsWriting = logs > CheckpointPace.manyLogs
    }

    private static let manyLogs = 256

    /// Takes batches of a log off the front of `tail` until the portion is full; at least one, if there is one.
    mutating func portion(of tail: inout Deque<SegmentBatch>) -> [SegmentBatch] {
        logs += 1
        var taken: [SegmentBatch] = []
        while let first = tail.first, taken.isEmpty || bytes < portionBytes {
            bytes += first.batch.length
            taken.append(first)
            tail.removeFirst()
        }
        return taken
    }

    /// How long to rest; nil as long as the portion is not full.
    mutating func pause(now: Duration) -> Duration? {
        let worked = now - began
        guard bytes >= portionBytes || logs >= portionLogs || worked >= CheckpointPace.workMax else {
            return nil
        }
        (bytes, logs) = (0, 0)
        began = now
        return min(max(worked * CheckpointPace.restFactor, CheckpointPace.pauseMin), CheckpointPace.pauseMax)
    }

    /// A rest is over.
    mutating func goOn(now: Duration) { began = now }
}

extension SharedState {
    /// Forgets what is durable in segments.
    fileprivate mutating func dropTail(_ slot: Int, _ files: LogFiles, before end: Offset?) {
        guard let end, slots.indices.contains(slot), slots[slot]?.files === files else { return }
        while let first = slots[slot]?.tail.first, first.next <= end {
            tailBytes -= first.batch.length
            slots[slot]?.tail.removeFirst()
        }
        if let from = slots[slot]?.tailFrom { slots[slot]?.tailFrom = max(from, end) }
    }
}
