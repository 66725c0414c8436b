// SPDX-License-Identifier: Apache-2.0

// One log after a start: which of its bytes are whole batches, and what the journal has to add.
//
// Everything before the checkpoint is durable and not looked at. From there on segments are walked batch by batch. At
// the first bytes that are no whole batch it has to be told what they are: what the journal holds too, so the segment is
// cut there and the journal supplies the rest; a torn end, which is cut off; or damage, which stays in place, and
// readers are told. After a power cut whatever is not whole and has nothing whole behind it may be a torn end. After a
// process that only ended nothing that was written is missing: a torn end is then a batch that begins as it should and
// goes on beyond the end of the file, and everything else is damage.

import ApusModel
import Logging
import Synchronization

/// What recovery of one log came to.
struct LogRecovery {
    /// Batches from the journal that are not durable in segments yet.
    var tail: [SegmentBatch] = []
    /// The offset from which on `tail` holds everything.
    var tailFrom = Offset.zero
    /// The offset after the last record.
    var end = Offset.zero
    /// Acknowledged records that are gone.
    var gaps: [Gap] = []
}

extension LogFiles {
    /// Brings segments to whole batches only.
    ///
    /// - Parameters:
    ///   - entry: what the checkpoint says of this log.
    ///   - hasCheckpoint: whether there is a checkpoint at all; without one only the last segment is walked.
    ///   - frames: the log's batches in the journal, in order.
    ///   - mayBeTorn: whether the power may have gone since the log was last brought to whole batches.
    func recover(
        _ entry: Checkpoint.Entry?, hasCheckpoint: Bool, frames: [SegmentBatch], mayBeTorn: Bool,
        now: Timestamp
    ) throws(DiskError) -> LogRecovery {
        let scratch = SegmentScratch()
        return try state.withLock { (state: inout State) throws(DiskError) -> LogRecovery in
            var recovery = LogRecovery()
            let bases = state.segments.map(\.base)
            if let entry { dropLeftovers(of: entry, &state) }
            let first = firstToWalk(state, entry, hasCheckpoint)
            var durableEnd = entry?.mark.end ?? state.meta.start
            if !hasCheckpoint, first < state.segments.count { durableEnd = state.segments[first].base }
            var found = Walk(
                frames, tearing: !mayBeTorn ? .none : hasCheckpoint ? .supplied : .alone)
            for number in first..<max(first, state.segments.count) {
                let mark = state.segments[number].base == entry?.base ? entry?.mark : nil
                let isWhole = try walk(number, from: mark, &state, &found)
                if !isWhole, let mark {
                    let end = state.segments[number].end
                    let next = frames.first { $0.base >= end }?.base ?? mark.end
                    recovery.gaps.append(Gap(from: end, to: min(next, mark.end)))
                    durableEnd = end
                }
            }
            recovery.gaps += found.gaps
            let kept = found.keptEnd
            if kept != nil { try mend(first, durableEnd, frames, &state, scratch) }
            dropEmpty(&state)
            state.end = max(state.segments.last?.end ?? .zero, state.meta.start)
            if let mark = entry?.mark, state.end < mark.end { state.end = mark.end }
            if kept == nil, let first = state.segments.firstIndex(where: { !$0.isDurable }) {
                // A flush of these pages may have failed before the process ended, and reading them proves nothing
                // then. The journal has them all: they are written again.
                let base = state.segments[first].base
                try rewind(to: first, &state)
                if state.segments.last?.base == base {
                    try syncSegment(base)
                    state.segments[state.segments.count - 1].mayHoldMore = false
                }
            }
            // What was removed must not come back with its offsets, when those have been given out anew.
            if !Set(bases).isSubset(of: state.segments.map(\.base)) {
                try environment.disk.syncDirectory(directory)
            }
            // Not from the bases of segments: one that was removed may be back, and the one after it not.
            if kept == nil { state.end = max(durableEnd, state.meta.start) }
            // What the journal has after the last that only segments have stays in memory too, as it was before the
            // process ended: should a flush fail, it is written again from there.
            let from = max(kept ?? durableEnd, durableEnd, recovery.gaps.map(\.to).max() ?? .zero)
            recovery.tail = frames.filter {
                $0.next > durableEnd && $0.next > state.meta.start && $0.next > from
            }
            recovery.end = max(state.end, recovery.tail.last?.next ?? .zero)
            recovery.tailFrom = recovery.tail.isEmpty ? recovery.end : from
            return recovery
        }
    }

    /// Removes segments that began where an earlier one is known to go on: they were taken back once, and a power
    /// cut has brought them back.
    private func dropLeftovers(of entry: Checkpoint.Entry, _ state: inout State) {
        for segment in state.segments where segment.base > entry.base && segment.base < entry.mark.end {
            remove(segment.base)
        }
        state.segments.removeAll { $0.base > entry.base && $0.base < entry.mark.end }
    }

    private func firstToWalk(_ state: State, _ entry: Checkpoint.Entry?, _ hasCheckpoint: Bool) -> Int {
        guard let entry else { return hasCheckpoint ? 0 : max(0, state.segments.count - 1) }
        let found = state.segments.firstIndex { $0.base >= entry.base } ?? state.segments.count
        if found < state.segments.count, state.segments[found].base == entry.base { return found }
        // A power cut has taken the segment that was to begin there, and the one before it has gone on instead.
        return max(0, found - 1)
    }

    /// Walks a segment from `mark` on and cuts it where it ends; rebuilds its index and sums from there.
    ///
    /// - Returns: false when bytes are missing that were durable.
    private func walk(
        _ number: Int, from mark: DurableMark?, _ state: inout State, _ found: inout Walk
    ) throws(DiskError) -> Bool {
        var segment = state.segments[number]
        let next = number + 1 < state.segments.count ? state.segments[number + 1].base : nil
        var from = mark ?? DurableMark(end: segment.base)
        let isShort = segment.bytes < from.bytes
        if isShort {
            quarantine(
                &state, segment: segment.base, position: segment.bytes,
                reason: "\(from.bytes) bytes were durable and \(segment.bytes) are left")
            from = DurableMark(end: segment.base)
        }
        var rebuilt = SegmentRebuild(from: from)
        let log = try file(segment.base, .log)
        let sums = try file(segment.base, .sums)
        var scanner = SegmentScanner(
            log: log, limit: segment.bytes, sums: (sums, try sums.size()), from: IndexEntry(from),
            ceiling: next ?? Offset(.max), tearing: isShort ? .none : found.tearing)
        var isSettled = true
        walking: while true {
            switch try scanner.next() {
            case .batch(let facts):
                rebuilt.add(facts, base: segment.base)
                if !isShort { found.note(facts) }
            case .damage(let damage):
                let finding = found.judge(
                    damage, after: rebuilt.mark.end, ceiling: next, limit: segment.bytes)
                if finding != .end {
                    isSettled = false
                    quarantine(
                        &state, segment: segment.base, position: damage.position, reason: damage.reason)
                }
                switch finding {
                case .end: break walking
                case .gap:
                    // Before the bytes that tell of it are cut off: this may not come to its end.
                    try addGaps(found.gaps, &state)
                    break walking
                case .stays(let resume): rebuilt.addDamage(until: resume)
                case .staysLast(let end, let next):
                    rebuilt.addDamage(from: damage.position, to: end, next: next)
                    break walking
                }
            case .end: break walking
            }
        }
        if next != nil { rebuilt.addFooter(bytes: rebuilt.mark.bytes) }
        segment.written = rebuilt.mark
        segment.durable = isShort ? rebuilt.mark : from
        segment.isKnown = true
        if isShort { segment.bytesMissing = max(1, (mark?.bytes ?? 0) - rebuilt.mark.bytes) }
        let isCut = rebuilt.mark.bytes < state.segments[number].bytes
        try rebuilt.store(in: self, base: segment.base, cutsLog: true)
        // What was cut off must not come back behind what will be written there, and what was found damaged must not be
        // found whole the next time.
        if isCut || !isSettled { try syncSegment(segment.base) }
        state.segments[number] = segment
        if segment.written.batches != segment.durable.batches { state.hasChangedNames = true }
        return !isShort
    }

    /// Learns about a closed segment that was found at start what its index tells, and makes index and sums anew
    /// when they are missing or do not fit.
    func learn(_ number: Int, _ state: inout State) throws(DiskError) {
        var segment = state.segments[number]
        guard !segment.isKnown else { return }
        let last = try index(segment)?.entry(segment.written.indexEntries - 1)
        let sumsBytes = try sums(segment.base)?.limit ?? 0
        if let last, last.position >= segment.bytes, sumsBytes >= Int64(last.ordinal * SegmentFormat.sumBytes)
        {
            segment.written.end = last.offset
            segment.written.batches = last.ordinal
            segment.written.maxTimestamp = last.maxTimestampBefore
            segment.bytesMissing = last.position - segment.bytes
        } else {
            let rebuilt = try rebuild(
                segment,
                ceiling: number + 1 < state.segments.count ? state.segments[number + 1].base : Offset(.max))
            segment.written.end = rebuilt.end
            segment.written.batches = rebuilt.batches
            segment.written.indexEntries = rebuilt.indexEntries
            segment.written.lastIndexed = rebuilt.lastIndexed
            segment.written.maxTimestamp = rebuilt.maxTimestamp
        }
        segment.isKnown = true
        segment.durable = segment.written
        state.segments[number] = segment
    }

    private func rebuild(_ segment: SegmentState, ceiling: Offset) throws(DiskError) -> DurableMark {
        environment.logger.notice(
            "A segment's index or sums are missing or damaged and are made again",
            metadata: ["segment": "\(path(segment.base, .log))"])
        let start = IndexEntry.start(of: segment.base)
        var rebuilt = SegmentRebuild(from: DurableMark(end: segment.base))
        var scanner = SegmentScanner(
            log: try file(segment.base, .log), limit: segment.bytes, sums: try sums(segment.base),
            from: start,
            ceiling: ceiling)
        walking: while true {
            switch try scanner.next() {
            case .batch(let facts): rebuilt.add(facts, base: segment.base)
            case .damage(let damage):
                guard let resume = damage.resume else {
                    // What was damaged before must not have its sum taken away, and be whole from then on.
                    rebuilt.addDamage(
                        from: damage.position, to: segment.bytes,
                        next: ceiling < Offset(.max)
                            ? ceiling : rebuilt.mark.end.advanced(by: damage.offsets))
                    break walking
                }
                rebuilt.addDamage(until: resume)
            case .end: break walking
            }
        }
        rebuilt.addFooter(bytes: segment.bytes)
        do throws(DiskError) {
            try rebuilt.store(in: self, base: segment.base, cutsLog: false)
        } catch {
            // Reading goes on without, from the segment's start; the next opening tries again.
            guard error != .crashed else { throw error }
            var mark = rebuilt.mark
            mark.indexEntries = 0
            return mark
        }
        return rebuilt.mark
    }

    /// For a log whose segments hold batches that the journal does not have: puts what is missing between and
    /// before segments there, and writes what is not known to be flushed once more.
    private func mend(
        _ first: Int, _ durableEnd: Offset, _ frames: [SegmentBatch], _ state: inout State,
        _ scratch: SegmentScratch
    ) throws(DiskError) {
        guard first < state.segments.count else { return }
        for number in first..<state.segments.count {
            try rewrite(state.segments[number], until: state.segments[number].bytes)
        }
        for number in first..<state.segments.count - 1 {
            let (end, next) = (state.segments[number].end, state.segments[number + 1].base)
            try append(frames.filter { $0.next > end && $0.base < next }, to: number, &state, scratch)
        }
        let next = state.segments[first].base
        let before = frames.filter { $0.next > durableEnd && $0.base < next }
        guard let base = before.first?.base else { return }
        for kind in SegmentFormat.Kind.allCases { try file(base, kind).truncate(to: 0) }
        state.segments.insert(SegmentState(base: base, created: state.segments[first].created), at: first)
        state.hasChangedNames = true
        try append(before, to: first, &state, scratch)
    }

    /// Writes the bytes of a segment between what is durable and `end` once more, as they are.
    func rewrite(_ segment: SegmentState, until end: Int64) throws(DiskError) {
        let log = try file(segment.base, .log)
        let window = FileWindow(log, limit: end)
        var position = segment.durable.bytes
        while position < end {
            let count = Int(min(64 << 10, end - position))
            guard let bytes = try window.bytes(at: position, count) else { return }
            try log.write(bytes, at: position)
            position += Int64(count)
        }
    }

    private func dropEmpty(_ state: inout State) {
        for segment in state.segments where segment.bytes == 0 { remove(segment.base) }
        state.segments.removeAll { $0.bytes == 0 }
        // One that was not walked is closed, and what it holds is not known in full. One that has lost its end must not grow to where the
        // last checkpoint says that it is durable: the next opening would not notice any more.
        state.isSealed = state.segments.last.map { !$0.isKnown || $0.bytesMissing > 0 } ?? true
    }
}
