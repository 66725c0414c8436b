// SPDX-License-Identifier: Apache-2.0

// From the queue to a completion: a commit step takes as many appends as make a block, flushes them together, and completes them in
// order while the next ones gather.

import ApusModel
import DequeModule
import Logging
import Synchronization

/// What only the committing thread touches.
struct Committer {
    let writer: JournalWriter
    let scratch = SegmentScratch()
    /// Taken from the queue, not yet in a block.
    var gathered: Deque<PendingAppend> = []
    /// Failed, and not yet known to be void: refused when they are.
    var failed: [PendingAppend] = []
    var failure = LogError.closed
    /// Whether a block of the journal has to be made void.
    var isVoidOwed = false
    /// Logs whose segments have to be cut back after a failed write.
    var cutsOwed: [LogFiles] = []
    var commits: UInt64 = 0
    /// How many were taken from the queue the last time.
    var lastTaken = 0
    /// Since when nothing could be settled or written.
    var stoppedSince: Duration?

    init(writer: JournalWriter) { self.writer = writer }
}

/// What a commit step came to.
package enum CommitOutcome: Hashable, Sendable {
    /// Nothing waits.
    case idle
    /// Something was completed or refused; there may be more.
    case progress
    /// A checkpoint has to make room first.
    case blocked
    /// The disk fails: try again in a while.
    case stuck
}

extension FileLogStore {
    /// Makes one group of appends durable and completes it.
    package func commitStep() -> CommitOutcome {
        let (outcome, hasNews) = committer.withLock { committer in
            var completions = Completions()
            let outcome = step(&committer, &completions)
            return (outcome, deliveries.add(completions))
        }
        if hasNews { deliver() }
        return outcome
    }

    /// Writes what has queued up if that is small, needs no flush, and nobody else is writing.
    ///
    /// - Returns: whether it did.
    func commitInline() -> Bool {
        let hasNews = committer.withLockIfAvailable { committer -> Bool? in
            guard committer.gathered.isEmpty, committer.failed.isEmpty, committer.cutsOwed.isEmpty,
                !committer.isVoidOwed
            else { return nil }
            let items = shared.withLock { state -> [PendingAppend] in
                guard state.refusal == nil, !state.isClosed, !state.queue.isEmpty,
                    state.queue.allSatisfy(\.isDirect), state.queueBytes <= FileLogStore.inlineBytesMax
                else { return [] }
                defer { state.queue.removeAll(keepingCapacity: true) }
                return state.queue
            }
            guard !items.isEmpty else { return nil }
            var completions = Completions()
            committer.stoppedSince = nil
            committer.commits += 1
            commitDirect(items, &committer, &completions)
            return deliveries.add(completions)
        }
        guard let hasNews = hasNews ?? nil else { return false }
        if hasNews { deliveries.tellAll() }
        return true
    }

    /// Tells outcomes, in order. When enough has queued up for the next flush, another thread does so and the flush
    /// begins; otherwise this thread has nothing better to do, and a hand-over would only cost time.
    ///
    /// Called without any lock: those who are told may call the store.
    func deliver() {
        let isBusy =
            threads.isRunning && shared.withLock { $0.queue.count >= max(1, $0.pacing.countWanted / 2) }
        if isBusy { threads.wakeDelivery() } else { deliveries.tellAll() }
    }

    private func step(_ committer: inout Committer, _ completions: inout Completions) -> CommitOutcome {
        guard settleFailures(&committer, &completions) else {
            losePatience(&committer, &completions)
            return .stuck
        }
        if shared.withLock({ $0.bytesUnwatched + Int64($0.queueBytes) }) >= configuration.freeBytesReserve / 8
        {
            watchSpace()
        }
        let whole = gather(&committer, &completions)
        guard whole != nil || !committer.gathered.isEmpty else {
            return completions.outcomes.isEmpty ? .idle : .progress
        }
        var group = whole ?? takeGroup(&committer)
        guard makeRoom(&group, &committer, &completions) else {
            for item in (group.journaled + group.direct).reversed() { committer.gathered.prepend(item) }
            shared.withLock { $0.isCheckpointWanted = true }
            losePatience(&committer, &completions)
            return .blocked
        }
        committer.stoppedSince = nil
        committer.commits += 1
        if !group.journaled.isEmpty { commitJournaled(group.journaled, &committer, &completions) }
        if !group.direct.isEmpty { commitDirect(group.direct, &committer, &completions) }
        return committer.failed.isEmpty ? .progress : .stuck
    }

    /// Takes over what has queued up.
    ///
    /// - Returns: all of it, if it goes together, as it nearly always does; otherwise it is in `gathered`.
    private func gather(_ committer: inout Committer, _ completions: inout Completions) -> Group? {
        guard committer.gathered.isEmpty || shared.withLock({ $0.refusal != nil }) else { return nil }
        var taken: [PendingAppend] = []
        taken.reserveCapacity(committer.lastTaken)
        let refusal = shared.withLock { state in
            if committer.gathered.isEmpty { swap(&taken, &state.queue) }
            return state.refusal
        }
        committer.lastTaken = taken.count
        guard let refusal else {
            let bytes = journalBytes(taken)
            if let bytes, bytes <= configuration.blockBytesMax {
                return Group(journaled: taken, journalBytes: bytes)
            }
            committer.gathered.append(contentsOf: taken)
            return nil
        }
        committer.gathered.append(contentsOf: taken)
        let refused = Array(committer.gathered.filter { !$0.isEssential })
        committer.gathered.removeAll { !$0.isEssential }
        fail(refused, refusal, &completions)
        return nil
    }

    /// The size of a block of these; nil when there are none, or not all are for the journal.
    private func journalBytes(_ items: [PendingAppend]) -> Int? {
        guard !items.isEmpty else { return nil }
        var bytes = JournalFormat.blockHeaderBytes
        for index in items.indices {
            if items[index].isDirect { return nil }
            bytes += JournalFormat.frameBytes(items[index].batch.length)
        }
        return bytes
    }

    /// Appends that go together. Of one log, only journaled or only direct ones: their order is kept.
    private struct Group {
        var journaled: [PendingAppend] = []
        var direct: [PendingAppend] = []
        var journalBytes = JournalFormat.blockHeaderBytes
    }

    private func takeGroup(_ committer: inout Committer) -> Group {
        var group = Group()
        var directSlots: Set<Int> = []
        var journaledSlots: Set<Int>?
        while let item = committer.gathered.first {
            let bytes = JournalFormat.frameBytes(item.batch.length)
            if item.isDirect {
                let others = journaledSlots ?? Set(group.journaled.map(\.slot))
                journaledSlots = others
                if others.contains(item.slot) { break }
                directSlots.insert(item.slot)
                group.direct.append(item)
            } else {
                let isFull =
                    !group.journaled.isEmpty && group.journalBytes + bytes > configuration.blockBytesMax
                if isFull || directSlots.contains(item.slot) { break }
                journaledSlots?.insert(item.slot)
                group.journaled.append(item)
                group.journalBytes += bytes
            }
            committer.gathered.removeFirst()
        }
        return group
    }

    /// Whether the journal takes the group now. Essential appends may use more room than the others, so that a disk
    /// that is full of events still takes acknowledgements and deletions.
    private func makeRoom(
        _ group: inout Group, _ committer: inout Committer, _ completions: inout Completions
    ) -> Bool {
        guard !group.journaled.isEmpty else { return true }
        let (tailBytes, isRefusing) = shared.withLock { ($0.tailBytes, $0.refusal != nil) }
        let usesReserve = isRefusing && group.journaled.allSatisfy(\.isEssential)
        let limit = usesReserve ? 2 * configuration.tailBytesMax : configuration.tailBytesMax
        guard tailBytes <= limit else { return false }
        do throws(DiskError) {
            return try committer.writer.makeRoom(group.journalBytes, beyondRing: usesReserve) == .ready
        } catch {
            // Nothing of it has been written anywhere.
            fail(group.journaled, LogError(error), &completions)
            group.journaled = []
            // A disk that fails is refused to everybody, as after a block that failed, until a file can be begun. A full one
            // still takes what needs no journal.
            if error != .noSpace { committer.isVoidOwed = true }
            return true
        }
    }

    private func commitJournaled(
        _ group: [PendingAppend], _ committer: inout Committer, _ completions: inout Completions
    ) {
        let writer = committer.writer
        writer.beginBlock()
        for item in group { writer.add(item.batch, log: item.files.id, life: item.files.life) }
        do throws(DiskError) {
            let begun = clock.monotonic()
            let bytes = try writer.commitBlock()
            onFlush?(clock.monotonic() - begun, group.count, bytes)
            finish(group, journalBytes: bytes, committer, &completions)
        } catch {
            environment.logger.error(
                "A journal write failed; its file is given up", metadata: ["error": "\(error)"])
            committer.failed += group
            committer.failure = LogError(error)
            committer.isVoidOwed = true
            _ = settleFailures(&committer, &completions)
        }
    }

    private static let logsToldTogether = 16

    private func commitDirect(
        _ group: [PendingAppend], _ committer: inout Committer, _ completions: inout Completions
    ) {
        // By files and not by slots: a slot may have gone from a deleted log to a new one in between.
        var order: [LogFiles] = []
        var items: [ObjectIdentifier: [PendingAppend]] = [:]
        for item in group {
            let log = ObjectIdentifier(item.files)
            if items[log] == nil { order.append(item.files) }
            items[log, default: []].append(item)
        }
        let now = clock.wall()
        for (number, files) in order.enumerated() {
            // Whoever waits for the first of many need not wait for the last: they publish on while the others are written.
            if number % Self.logsToldTogether == 0, threads.isRunning, deliveries.add(completions) {
                completions = Completions()
                threads.wakeDelivery()
            }
            guard let items = items[ObjectIdentifier(files)], let slot = items.first?.slot else { continue }
            let configuration = shared.withLock { $0.slots[slot]?.configuration ?? LogConfiguration() }
            do throws(DiskError) {
                try files.write(
                    items.map { SegmentBatch($0.batch, at: $0.base) }, configuration, now: now,
                    committer.scratch)
                finish(items, journalBytes: nil, committer, &completions)
            } catch {
                // Those before the failed write are in the segment, and will be found there.
                let written = files.writtenEnd
                finish(
                    items.filter { $0.next <= written }, journalBytes: nil, committer,
                    &completions)
                committer.failed += items.filter { $0.next > written }
                committer.failure = LogError(error)
                committer.cutsOwed.append(files)
            }
        }
        if !committer.failed.isEmpty { _ = settleFailures(&committer, &completions) }
    }

    /// Makes batches readable and has their appends completed.
    private func finish(
        _ group: [PendingAppend], journalBytes: Int?, _ committer: borrowing Committer,
        _ completions: inout Completions
    ) {
        let (commit, sequence) = (committer.commits, committer.writer.sequence)
        let now = clock.monotonic()
        let (advances, gone, isCheckpointDue) = shared.withLock { state in
            var touched: [Int] = []
            var gone: [Int] = []
            for index in group.indices {
                let slot = group[index].slot
                guard state.leave(group[index]) else {
                    gone.append(index)
                    continue
                }
                state.finish(group[index])
                if state.slots[slot]?.commit != commit {
                    state.slots[slot]?.commit = commit
                    state.dirty.insert(slot)
                    touched.append(slot)
                }
            }
            if !touched.isEmpty, state.dirtySince == nil { state.dirtySince = now }
            var isFillingUp = false
            if let journalBytes {
                isFillingUp = state.journalSequence != sequence && pool.isFillingUp
                state.journalSequence = sequence
                state.flushes += 1
                state.flushedBytes += UInt64(journalBytes)
                state.flushedBatches += UInt64(group.count)
                state.pacing.flushed(group.count, at: now)
            }
            let isCheckpointDue =
                isFillingUp || state.tailBytes >= checkpointBytes(logs: state.dirty.count)
            let isNews = isCheckpointDue && !state.isCheckpointWanted
            if isCheckpointDue { state.isCheckpointWanted = true }
            let advances = touched.compactMap { slot -> (@Sendable (Offset) -> Void, Offset)? in
                guard let onAdvance = state.slots[slot]?.onAdvance, let end = state.slots[slot]?.end else {
                    return nil
                }
                return (onAdvance, end)
            }
            return (advances, gone, isNews)
        }
        if isCheckpointDue { threads.wakeMaintenance() }
        completions.advances += advances
        guard !gone.isEmpty else { return completions.outcomes.append(.stored(group)) }
        for index in group.indices {
            let item = group[index]
            completions.outcomes.append(
                gone.contains(index) ? .refused([item], .unknownLog(item.files.id)) : .stored([item]))
        }
    }

    /// How much has to wait for a checkpoint to begin: more when it is spread over many logs, because each costs three writes.
    private func checkpointBytes(logs: Int) -> Int {
        let (least, most) = (configuration.checkpointBytes, configuration.tailBytesMax / 2)
        return min(max(least, logs * configuration.checkpointBytesPerLog), max(least, most))
    }
}

extension SharedState {
    /// An append does not wait any more.
    ///
    /// - Returns: whether its log is still there.
    mutating func leave(_ item: PendingAppend) -> Bool {
        queueBytes -= item.batch.length
        bytesUnwatched += Int64(item.batch.length)
        guard slots.indices.contains(item.slot), slots[item.slot]?.files === item.files else { return false }
        if !item.isDirect { slots[item.slot]?.journaledPending -= 1 }
        return true
    }

    /// Makes a batch of a log that is there readable.
    fileprivate mutating func finish(_ item: PendingAppend) {
        let batch = SegmentBatch(item.batch, at: item.base)
        slots[item.slot]?.end = batch.next
        if item.isDirect {
            slots[item.slot]?.tailFrom = batch.next
            remember(batch, of: item.slot)
        } else {
            forgetRecent(of: item.slot)
            slots[item.slot]?.tail.append(batch)
            tailBytes += item.batch.length
        }
    }
}
