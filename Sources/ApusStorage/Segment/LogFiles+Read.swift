// SPDX-License-Identifier: Apache-2.0

// Batches out of segments. Every batch is verified here, before anybody sees it; a damaged one stops the reading with
// an error that says where reading can go on.

import ApusModel
import NIOCore
import Synchronization

/// What reading found.
enum SegmentRead {
    case batches([RecordBatch])
    /// The batch at `offset` cannot be had; the next whole one, or the next known beginning, is at `next`.
    case damaged(offset: Offset, next: Offset, reason: String)
}

extension LogFiles {
    /// What has to be known to read one segment without holding up its writer.
    private struct Plan {
        var log: any DiskFile
        var sums: (file: any DiskFile, limit: Int64)?
        var segment: SegmentState
        var entry: IndexEntry
        var nextBase: Offset?
    }

    /// Whole batches that begin before `end`, from the one that holds `offset` or the next one on, from one segment.
    /// None when no segment has any.
    func read(from offset: Offset, byteLimit: Int, end: Offset) throws(DiskError) -> SegmentRead {
        var offset = offset
        while true {
            if let gap = gap(after: offset), gap.from <= offset {
                return .damaged(offset: offset, next: gap.to, reason: "its records are lost")
            }
            guard let plan = try plan(offset) else { return .batches([]) }
            switch try read(
                plan, from: offset, byteLimit: byteLimit, end: min(end, gap(after: offset)?.from ?? end))
            {
            case .batches(let found) where found.isEmpty:
                guard let next = [plan.nextBase, gap(after: offset)?.from].compactMap(\.self).min() else {
                    return .batches([])
                }
                offset = max(offset, next)
            case let outcome: return outcome
            }
        }
    }

    private func gap(after offset: Offset) -> Gap? {
        state.withLock { state in state.meta.gaps.first { $0.to > offset } }
    }

    private func plan(_ offset: Offset) throws(DiskError) -> Plan? {
        try state.withLock { (state: inout State) throws(DiskError) -> Plan? in
            guard !state.isDeleted, let number = state.segment(holding: offset) else { return nil }
            try learn(number, &state)
            let segment = state.segments[number]
            return Plan(
                log: try file(segment.base, .log), sums: try sums(segment.base), segment: segment,
                entry: try index(segment)?.last { $0.offset <= offset && $0.position < segment.bytes }
                    ?? IndexEntry.start(of: segment.base),
                nextBase: number + 1 < state.segments.count ? state.segments[number + 1].base : nil)
        }
    }

    /// The index of a segment; nil when there is none and no space to make one.
    func index(_ segment: SegmentState) throws(DiskError) -> SparseIndex? {
        guard let file = try helper(segment.base, .index) else { return nil }
        return SparseIndex(file, base: segment.base, count: segment.written.indexEntries)
    }

    /// The sums of a segment; nil when there are none and no space to make them.
    func sums(_ base: Offset) throws(DiskError) -> (file: any DiskFile, limit: Int64)? {
        guard let file = try helper(base, .sums) else { return nil }
        return (file, try file.size())
    }

    /// A file that reading can do without: a full disk does not stop readers.
    private func helper(_ base: Offset, _ kind: SegmentFormat.Kind) throws(DiskError) -> (any DiskFile)? {
        do throws(DiskError) { return try file(base, kind) } catch {
            guard error == .noSpace else { throw error }
            return nil
        }
    }

    private func read(
        _ plan: Plan, from offset: Offset, byteLimit: Int, end: Offset
    ) throws(DiskError) -> SegmentRead {
        var scanner = SegmentScanner(
            log: plan.log, limit: plan.segment.bytes, sums: plan.sums, from: plan.entry,
            ceiling: plan.nextBase ?? Offset(.max), piecesOf: LogFiles.readBytes(byteLimit))
        var found: [RecordBatch] = []
        var size = 0
        while true {
            switch try scanner.next() {
            case .batch(let facts):
                if facts.next <= offset { continue }
                if facts.base >= end { return .batches(found) }
                size += facts.length
                if !found.isEmpty, size > byteLimit { return .batches(found) }
                guard let bytes = try scanner.piece(facts) else { return .batches(found) }
                found.append(RecordBatch(trusted: bytes))
                if size >= byteLimit { return .batches(found) }
            case .damage(let damage):
                let next = damage.resume?.base ?? plan.nextBase ?? plan.segment.end
                if next <= offset { continue }
                report(plan.segment.base, damage.position, damage.reason)
                if found.isEmpty { return .damaged(offset: offset, next: next, reason: damage.reason) }
                return .batches(found)
            case .end: return missing(plan, from: offset, found)
            }
        }
    }

    /// How much is read at once for a reader that wants `limit` bytes: not less than a few batches, and not more than a buffer may hold.
    private static func readBytes(_ limit: Int) -> Int { min(max(limit, 8 << 10) + (8 << 10), 1 << 20) }

    /// At the end of a closed segment that has lost its own end, the records in between are lost too.
    private func missing(_ plan: Plan, from offset: Offset, _ found: [RecordBatch]) -> SegmentRead {
        guard found.isEmpty, plan.segment.bytesMissing > 0, let next = plan.nextBase, offset < next else {
            return .batches(found)
        }
        let reason = "\(plan.segment.bytesMissing) bytes are missing at the end of the segment"
        report(plan.segment.base, plan.segment.bytes, reason)
        return .damaged(offset: offset, next: next, reason: reason)
    }

    private func report(_ base: Offset, _ position: Int64, _ reason: String) {
        state.withLock { quarantine(&$0, segment: base, position: position, reason: reason) }
    }

    /// The first offset whose record, or one before it in its batch, has a timestamp at or after `time`, with the
    /// batch it is in; nil when there is none in segments.
    func batch(at time: Timestamp, from start: Offset, end: Offset) throws(DiskError) -> RecordBatch? {
        let bases = state.withLock { $0.segments.map(\.base) }
        for base in bases {
            guard let plan = try plan(base), plan.segment.base == base, plan.segment.bytes > 0 else {
                continue
            }
            let entry = try index(plan.segment)?.last {
                $0.maxTimestampBefore < time && $0.position < plan.segment.bytes
            }
            var timed = plan
            timed.entry = entry ?? IndexEntry.start(of: base)
            if let maxTimestamp = try maxTimestamp(of: base), maxTimestamp < time { continue }
            if let batch = try first(timed, since: time, from: start, end: end) { return batch }
        }
        return nil
    }

    private func first(
        _ plan: Plan, since time: Timestamp, from start: Offset, end: Offset
    ) throws(DiskError) -> RecordBatch? {
        var scanner = SegmentScanner(
            log: plan.log, limit: plan.segment.bytes, sums: plan.sums, from: plan.entry,
            ceiling: plan.nextBase ?? Offset(.max))
        while true {
            switch try scanner.next() {
            case .batch(let facts):
                guard facts.base < end else { return nil }
                guard facts.maxTimestamp >= time, facts.next > start, let bytes = try scanner.bytes(facts)
                else { continue }
                return RecordBatch(trusted: ByteBuffer(bytes: bytes))
            case .damage: continue
            case .end: return nil
            }
        }
    }

    /// The greatest timestamp in a segment; nil when its index does not tell.
    func maxTimestamp(of base: Offset) throws(DiskError) -> Timestamp? {
        try state.withLock { (state: inout State) throws(DiskError) -> Timestamp? in
            guard let number = state.segments.firstIndex(where: { $0.base == base }) else { return nil }
            try learn(number, &state)
            let known = state.segments[number]
            return known.isKnown ? known.written.maxTimestamp : nil
        }
    }
}

extension LogFiles.State {
    /// The number of the last segment that begins at or before `offset`; the first one for offsets before that.
    func segment(holding offset: Offset) -> Int? {
        guard !segments.isEmpty else { return nil }
        var (low, high) = (0, segments.count)
        while low < high {
            let middle = (low + high) / 2
            if segments[middle].base <= offset { low = middle + 1 } else { high = middle }
        }
        return max(0, low - 1)
    }
}
