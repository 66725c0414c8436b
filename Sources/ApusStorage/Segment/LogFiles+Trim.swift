// SPDX-License-Identifier: Apache-2.0

// Forgetting: the start moves durably first, whole segments go then. A crash in between leaves segments below the
// start, which the next opening removes.

import ApusModel
import Synchronization

extension LogFiles {
    /// Moves the start to `offset` and removes segments that hold nothing at or after it.
    func trim(before offset: Offset) throws(DiskError) {
        try state.withLock { (state: inout State) throws(DiskError) in
            guard !state.isDeleted, offset > state.meta.start else { return }
            var meta = state.meta
            meta.start = offset
            meta.gaps.removeAll { $0.to <= offset }
            // A segment that was written anew may have grown since: what counts of it is said for as long as it is there.
            let stays = Set(state.segments.dropFirst(state.countBefore(offset)).map(\.base))
            meta.rewrites.removeAll { $0.end <= offset && !stays.contains($0.base) }
            try AtomicFile.replace(LogMeta.fileName, in: directory, with: meta.bytes, on: environment.disk)
            state.meta = meta
            state.end = max(state.end, offset)
            for first in state.segments.prefix(state.countBefore(offset)) {
                remove(first.base)
                generations.withLock { $0[first.base] = nil }
                state.segments.removeFirst()
            }
        }
    }

    /// Remembers that acknowledged records are gone.
    func addGaps(_ gaps: [Gap]) throws(DiskError) {
        try state.withLock { (state: inout State) throws(DiskError) in try addGaps(gaps, &state) }
    }

    func addGaps(_ gaps: [Gap], _ state: inout State) throws(DiskError) {
        var meta = state.meta
        for gap in gaps where gap.to > meta.start && gap.to > gap.from && !meta.gaps.contains(gap) {
            meta.gaps.append(gap)
        }
        guard meta.gaps.count > state.meta.gaps.count else { return }
        meta.gaps.sort { $0.from < $1.from }
        try AtomicFile.replace(LogMeta.fileName, in: directory, with: meta.bytes, on: environment.disk)
        state.meta = meta
    }

    /// Moves the log's folder to `trash`; its name is free again and stays so after a power cut.
    func delete(to trash: String) throws(DiskError) {
        try state.withLock { (state: inout State) throws(DiskError) in
            try environment.disk.rename(directory, to: trash)
            state.isDeleted = true
            state.segments = []
            environment.cache.forget(folder: directory)
        }
    }

    /// The segments that are no longer written to, oldest first.
    func closedSegments() throws(DiskError) -> [SegmentDescription] {
        let (closed, meta) = state.withLock { state in
            (state.isSealed ? state.segments[...] : state.segments.dropLast(), state.meta)
        }
        var descriptions: [SegmentDescription] = []
        for segment in closed {
            descriptions.append(
                SegmentDescription(
                    base: segment.base, end: segment.end, bytes: segment.bytes,
                    maxTimestamp: try maxTimestamp(of: segment.base) ?? segment.created,
                    rewritten: meta.rewrite(of: segment.base).flatMap { $0.time == .unnoted ? nil : $0.time },
                    isDurable: segment.isDurable))
        }
        return descriptions
    }

    /// Ends the segment being written when its first batch is older than it may be.
    func rollIfOld(_ configuration: LogConfiguration, now: Timestamp) throws(DiskError) {
        try state.withLock { (state: inout State) throws(DiskError) in
            guard !state.isDeleted, !state.isSealed, let active = state.segments.last, active.bytes > 0,
                active.created.duration(to: now) > configuration.segmentAgeMax
            else { return }
            try close(&state)
        }
    }
}

extension LogFiles.State {
    /// How many segments hold nothing at or after `offset`, the one being written not among them.
    fileprivate func countBefore(_ offset: Offset) -> Int {
        (isSealed ? segments[...] : segments.dropLast()).prefix { $0.end <= offset }.count
    }
}
