// SPDX-License-Identifier: Apache-2.0

// Reading: from memory where the batches are still there, otherwise from segments, verified.

public import ApusModel
import DequeModule
import Synchronization

extension FileLogStore {
    /// Where the batches from an offset on are.
    private enum Source {
        case end
        case memory([RecordBatch])
        /// In segments, if they begin before `end`.
        case segments(LogFiles, end: Offset)
    }

    /// As ``LogStore/read(_:from:byteLimit:)``.
    public func read(_ log: LogID, from offset: Offset, byteLimit: Int) throws(LogError) -> [RecordBatch] {
        var found: [RecordBatch] = []
        var (offset, left, looks) = (offset, byteLimit, 0)
        while left > 0 || found.isEmpty {
            switch try source(log, offset, left, skipsSegments: looks % 2 == 1) {
            case .end: return found
            case .memory(let batches):
                guard found.isEmpty || (batches.first?.length ?? 0) <= left else { return found }
                return found + batches
            case .segments(let files, let end):
                let batches = try segmentRead(log, files, offset, left, end, isContinued: !found.isEmpty)
                guard let last = batches.last else {
                    // Between the last segment and what is in memory there is only a hole. If memory was emptied
                    // into a segment meanwhile, another look finds it there.
                    looks += 1
                    if !found.isEmpty || looks > 3 { return found }
                    continue
                }
                found += batches
                environment.moved.add(UInt64(batches.reduce(0) { $0 + $1.length }))
                offset = last.nextOffset
                left -= batches.reduce(0) { $0 + $1.length }
            }
        }
        return found
    }

    private func source(
        _ log: LogID, _ offset: Offset, _ byteLimit: Int, skipsSegments: Bool
    ) throws(LogError) -> Source {
        let result = shared.withLock { state -> Result<Source, LogError> in
            guard let index = state.slotOf[log], let slot = state.slots[index] else {
                return .failure(.unknownLog(log))
            }
            guard offset >= slot.start else { return .failure(.trimmed(start: slot.start)) }
            guard offset <= slot.end else { return .failure(.beyondEnd(end: slot.end)) }
            if offset == slot.end { return .success(.end) }
            if !slot.tail.isEmpty, offset >= slot.tailFrom || skipsSegments {
                return .success(.memory(slot.tail.batches(from: offset, byteLimit)))
            }
            if let first = slot.recent.first, offset >= first.base {
                return .success(.memory(slot.recent.batches(from: offset, byteLimit)))
            }
            return .success(.segments(slot.files, end: slot.end))
        }
        return try result.get()
    }

    private func segmentRead(
        _ log: LogID, _ files: LogFiles, _ offset: Offset, _ byteLimit: Int, _ end: Offset, isContinued: Bool
    ) throws(LogError) -> [RecordBatch] {
        let outcome: SegmentRead
        do throws(DiskError) {
            outcome = try files.read(from: offset, byteLimit: byteLimit, end: end)
        } catch { throw LogError(error) }
        switch outcome {
        case .batches(let batches):
            guard isContinued, let first = batches.first, first.length > byteLimit else { return batches }
            return []
        case .damaged(let offset, let next, let reason):
            if isContinued { return [] }
            throw .corrupt(log: log, offset: offset, next: next, reason: reason)
        }
    }

    /// As ``LogStore/bounds(_:)``.
    public func bounds(_ log: LogID) throws(LogError) -> LogBounds {
        let slot = try slot(log)
        let (written, bytes, segments) = slot.files.state.withLock { ($0.end, $0.bytes, $0.segments.count) }
        let waiting = slot.tail.reduce(0) { $1.base >= written ? $0 + Int64($1.batch.length) : $0 }
        return LogBounds(start: slot.start, end: slot.end, bytes: bytes + waiting, segments: segments)
    }

    private func slot(_ log: LogID) throws(LogError) -> LogSlot {
        let slot = shared.withLock { state in state.slotOf[log].flatMap { state.slots[$0] } }
        guard let slot else { throw .unknownLog(log) }
        return slot
    }

    /// As ``LogStore/offset(_:at:)``.
    public func offset(_ log: LogID, at time: Timestamp) throws(LogError) -> Offset {
        let slot = try slot(log)
        var found: RecordBatch?
        do throws(DiskError) {
            found = try slot.files.batch(at: time, from: slot.start, end: slot.end)
        } catch { throw LogError(error) }
        if found == nil {
            found = slot.tail.first { $0.batch.maxTimestamp >= time && $0.next > slot.start }?.batch
        }
        guard let found else { return slot.end }
        return max(slot.start, FileLogStore.offset(in: found, at: time))
    }

    private static func offset(in batch: RecordBatch, at time: Timestamp) -> Offset {
        var found = batch.baseOffset
        do throws(RecordBatchError) {
            try batch.forEachRecord { record in
                found = record.offset
                return record.timestamp < time
            }
        } catch {
            // Compressed by a client: the batch is as near as the store can tell.
            found = batch.baseOffset
        }
        return found
    }

    /// As ``LogStore/statistics()``.
    public func statistics() -> StoreStatistics {
        var (statistics, files) = shared.withLock { state in
            var statistics = StoreStatistics()
            statistics.refusal = state.isClosed ? .closed : state.refusal
            statistics.flushes = state.flushes
            statistics.flushedBytes = state.flushedBytes
            statistics.flushedBatches = state.flushedBatches
            statistics.pendingBytes = Int64(state.queueBytes + state.tailBytes)
            statistics.freeBytes = state.freeBytes
            statistics.totalBytes = state.space.total
            (statistics.space, statistics.spaceSince) = (state.space.level, state.space.since)
            (statistics.alarmsBelow, statistics.refusesBelow) = (
                state.space.alarmsBelow, state.space.refusesBelow
            )
            return (statistics, state.slots.compactMap { $0?.files })
        }
        statistics.storedBytes = files.reduce(0) { $0 + $1.state.withLock { $0.bytes } }
        statistics.quarantined = environment.quarantined.value
        statistics.openFiles = environment.cache.count + pool.liveCount
        return statistics
    }
}

extension Deque<SegmentBatch> {
    /// Whole batches, from the one that holds `offset` or the next one on.
    fileprivate func batches(from offset: Offset, _ byteLimit: Int) -> [RecordBatch] {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if self[middle].next > offset { high = middle } else { low = middle + 1 }
        }
        var found: [RecordBatch] = []
        var size = 0
        for index in low..<count {
            size += self[index].batch.length
            if !found.isEmpty, size > byteLimit { break }
            found.append(self[index].batch)
        }
        return found
    }
}
