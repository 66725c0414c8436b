// SPDX-License-Identifier: Apache-2.0

// From written to durable. A checkpoint asks every log what it has to have flushed, flushes it all together, and
// tells the logs how that went. After a flush that failed nothing is believed to be durable because of a second one:
// it is written once more.

import ApusModel
import Logging
import Synchronization

/// What one log needs flushed.
struct SyncTicket {
    let files: LogFiles
    /// Everything before is durable once this ticket is confirmed; nil when the active segment was left out.
    fileprivate(set) var end: Offset?
    /// Segments and how far they had been written when the ticket was made.
    fileprivate(set) var marks: [Offset: DurableMark] = [:]
    /// Files to flush.
    fileprivate(set) var paths: [String] = []
    /// Whether the folder has to be flushed too.
    fileprivate(set) var needsDirectory = false
}

extension LogFiles {
    /// What has to be flushed so that everything written is durable; nil when the log is deleted.
    ///
    /// - Parameter includesActive: false leaves out the segment being written.
    func syncTicket(includesActive: Bool) -> SyncTicket? {
        state.withLock { state in
            guard !state.isDeleted else { return nil }
            var ticket = SyncTicket(files: self, end: state.end)
            for (index, segment) in state.segments.enumerated() where !segment.isDurable {
                let isActive = index == state.segments.count - 1 && !state.isSealed
                if isActive, !includesActive {
                    ticket.end = nil
                    continue
                }
                ticket.marks[segment.base] = segment.written
                for kind in SegmentFormat.Kind.allCases { ticket.paths.append(path(segment.base, kind)) }
            }
            ticket.needsDirectory = state.hasChangedNames
            return ticket
        }
    }

    /// What a ticket asked for has been flushed.
    func confirm(_ ticket: SyncTicket) {
        state.withLock { state in
            for index in state.segments.indices {
                if let mark = ticket.marks[state.segments[index].base] {
                    state.segments[index].durable = mark
                    state.segments[index].mayHoldMore = false
                }
            }
            state.hasMore = state.segments.contains(where: \.mayHoldMore)
            // A segment begun since then has put names into the folder that this flush may have missed.
            let known = state.segments.allSatisfy { ticket.marks[$0.base] != nil || $0.durable.bytes > 0 }
            if ticket.needsDirectory, known { state.hasChangedNames = false }
        }
    }

    /// A flush failed: the pages written since the last one are not to be trusted, whatever a later flush says.
    /// Nothing more is written to those segments, and before anything is written at all ``makeGood(_:)`` follows.
    ///
    /// - Parameter kept: the first offset of which, and of all after it, the store has the batches in memory.
    func distrust(_ ticket: SyncTicket, kept: Offset?) {
        state.withLock { state in
            guard !state.isDeleted else { return }
            state.isSealed = true
            state.doubt = Doubt(kept: kept)
        }
    }

    /// Makes good what a failed flush may have lost. What is in memory is taken back, and goes to a new segment. What is
    /// in segments only is read, verified and written once more: so it is flushed, which a second flush alone would not
    /// do.
    func makeGood(_ state: inout State) throws(DiskError) {
        // What follows may make a segment the last one again, which the checkpoint tells of.
        try settleUndecided(&state)
        for index in state.segments.indices where state.segments[index].mayHoldMore {
            try cut(state.segments[index])
        }
        guard let doubt = state.doubt else { return }
        var number = 0
        while number < state.segments.count {
            defer { number += 1 }
            if state.segments[number].isFlushed { continue }
            if let kept = doubt.kept, state.segments[number].durable.end >= kept {
                try rewind(to: number, &state)
            } else {
                try renew(number, until: doubt.kept, &state)
            }
        }
        state.doubt = nil
    }

    /// Takes back everything written after what is durable of the segment numbered `first`.
    func rewind(to first: Int, _ state: inout State) throws(DiskError) {
        dropSegments(after: first, &state)
        let durable = state.segments[first].durable
        state.end = max(durable.end, state.meta.start)
        if durable.bytes == 0 {
            remove(state.segments[first].base)
            state.segments.removeLast()
            state.isSealed = true
        } else {
            state.segments[first].written = durable
            // Until that is durable this is where recovery begins: what a power cut brings back there repeats what the
            // next segment holds, and would be read as damage wherever offsets have a hole.
            state.segments[first].mayHoldMore = true
            state.hasMore = true
            try cut(state.segments[first])
        }
    }

    func dropSegments(after number: Int, _ state: inout State) {
        state.hasChangedNames = true
        for segment in state.segments[(number + 1)...] { remove(segment.base) }
        state.segments.removeSubrange((number + 1)...)
    }

    /// Writes what is not durable of a segment once more, as far as it is not in memory too.
    private func renew(_ number: Int, until kept: Offset?, _ state: inout State) throws(DiskError) {
        let segment = state.segments[number]
        let next = number + 1 < state.segments.count ? state.segments[number + 1].base : nil
        var rebuilt = SegmentRebuild(from: segment.durable)
        var scanner = SegmentScanner(
            log: try file(segment.base, .log), limit: segment.bytes, sums: try sums(segment.base),
            from: IndexEntry(segment.durable), ceiling: next ?? Offset(.max))
        var isInMemory = false
        walking: while true {
            switch try scanner.next() {
            case .batch(let facts):
                isInMemory = kept.map { facts.base >= $0 } ?? false
                if isInMemory { break walking }
                rebuilt.add(facts, base: segment.base)
            case .damage(let damage):
                quarantine(&state, segment: segment.base, position: damage.position, reason: damage.reason)
                if let resume = damage.resume, kept.map({ resume.base < $0 }) ?? true {
                    rebuilt.addDamage(until: resume)
                } else {
                    isInMemory = kept != nil
                    rebuilt.addDamage(
                        from: damage.position, to: damage.resume?.position ?? segment.bytes,
                        next: kept ?? segment.end)
                    break walking
                }
            case .end: break walking
            }
        }
        rebuilt.addFooter(bytes: rebuilt.mark.bytes)
        try rewrite(segment, until: rebuilt.mark.bytes)
        try rebuilt.store(in: self, base: segment.base, cutsLog: true)
        state.segments[number].written = rebuilt.mark
        guard isInMemory else { return }
        dropSegments(after: number, &state)
        state.end = max(rebuilt.mark.end, state.meta.start)
    }

    /// Makes one segment's files durable as they are.
    func syncSegment(_ base: Offset) throws(DiskError) {
        try environment.disk.syncFiles(SegmentFormat.Kind.allCases.map { path(base, $0) }, under: directory)
    }

    /// Cuts a segment's files to what they are known to hold; durable after a flush.
    private func cut(_ segment: SegmentState) throws(DiskError) {
        try file(segment.base, .log).truncate(to: segment.bytes)
        try file(segment.base, .sums).truncate(
            to: Int64(segment.written.batches * SegmentFormat.sumBytes))
        try file(segment.base, .index).truncate(
            to: Int64(segment.written.indexEntries * SegmentFormat.indexEntryBytes))
    }

    /// Where recovery has to begin to look.
    var checkpointEntry: Checkpoint.Entry? {
        state.withLock { state in
            guard !state.isDeleted else { return nil }
            guard let segment = state.segments.first(where: { !$0.isDurable }) ?? state.segments.last else {
                return Checkpoint.Entry(life: life, base: state.end, mark: DurableMark(end: state.end))
            }
            return Checkpoint.Entry(life: life, base: segment.base, mark: segment.durable)
        }
    }
}
