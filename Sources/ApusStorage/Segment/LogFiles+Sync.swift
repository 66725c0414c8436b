// SPDX-License-Identifier: Apache-2.0

// From written to durable. A checkpoint asks every log what it has to have flushed, flushes it all together, and
// tells the logs how that went.

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
                }
            }
            // A segment begun since then has put names into the folder that this flush may have missed.
            let known = state.segments.allSatisfy { ticket.marks[$0.base] != nil || $0.durable.bytes > 0 }
            if ticket.needsDirectory, known { state.hasChangedNames = false }
        }
    }

    /// A flush failed: the pages written since the last one are not to be trusted, whatever a later flush says.
    /// Nothing more is written to those segments. What `kept` still holds in memory is taken back and goes to a new
    /// segment; the rest is read back and verified like everything else.
    ///
    /// - Parameter kept: the first offset of which, and of all after it, the store has the batches in memory.
    func distrust(_ ticket: SyncTicket, kept: Offset?) {
        state.withLock { state in
            guard !state.isDeleted else { return }
            state.isSealed = true
            guard let kept, let first = state.segments.firstIndex(where: { ticket.marks[$0.base] != nil })
            else { return }
            guard state.segments[first].durable.end >= kept else { return }
            rewind(to: first, &state)
        }
    }

    /// Takes back everything written after what is durable of the segment numbered `first`.
    func rewind(to first: Int, _ state: inout State) {
        state.hasChangedNames = true
        for segment in state.segments[(first + 1)...] { remove(segment.base) }
        state.segments.removeSubrange((first + 1)...)
        let durable = state.segments[first].durable
        state.end = max(durable.end, state.meta.start)
        if durable.bytes == 0 {
            remove(state.segments[first].base)
            state.segments.removeLast()
            state.isSealed = true
        } else {
            state.segments[first].written = durable
            cut(state.segments[first])
        }
    }

    /// Makes one segment's files durable as they are.
    func syncSegment(_ base: Offset) throws(DiskError) {
        try environment.disk.syncFiles(SegmentFormat.Kind.allCases.map { path(base, $0) }, under: directory)
    }

    /// Cuts a segment's files to what they are known to hold. That it may fail does no harm: what is beyond repeats
    /// what the next segment holds, and readers stop where that begins.
    private func cut(_ segment: SegmentState) {
        do throws(DiskError) {
            try file(segment.base, .log).truncate(to: segment.bytes)
            try file(segment.base, .sums).truncate(
                to: Int64(segment.written.batches * SegmentFormat.sumBytes))
            try file(segment.base, .index).truncate(
                to: Int64(segment.written.indexEntries * SegmentFormat.indexEntryBytes))
        } catch {
            environment.logger.warning(
                "A segment could not be cut back", metadata: ["log": "\(id)", "error": "\(error)"])
        }
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
