// SPDX-License-Identifier: Apache-2.0

// Closed segments written anew, without some of their records. The new files are made durable under names of their own, with a number that
// no other writing has had; then `meta` says which writing counts, in one durable step. Before it the old ones count, after it the new
// one, and what does not count is removed, by this process or by the next opening.

import ApusModel
import Logging
import NIOCore
import Synchronization

/// Segments that are to be written anew, as they stood when that began.
struct RewritePlan {
    struct Source {
        var segment: SegmentState
        var log: any DiskFile
        var sums: (file: any DiskFile, limit: Int64)?
        var ceiling: Offset
    }

    var sources: [Source]
    /// The name of the new one.
    var generation: UInt32

    var bytes: Int64 { sources.reduce(0) { $0 + $1.segment.bytes } }
}

extension LogFiles {
    /// The segments from `range`'s beginning to its end, if they can be written anew; nil when they cannot.
    func planRewrite(_ range: Range<Offset>) throws(DiskError) -> RewritePlan? {
        try state.withLock { (state: inout State) throws(DiskError) -> RewritePlan? in
            try settleUndecided(&state)
            guard !state.isDeleted, state.doubt == nil, state.meta.start < range.upperBound,
                !state.meta.gaps.contains(where: { $0.to > range.lowerBound && $0.from < range.upperBound }),
                let first = state.segments.firstIndex(where: { $0.base == range.lowerBound })
            else { return nil }
            var sources: [RewritePlan.Source] = []
            for number in first..<state.segments.count {
                // The last one is what a checkpoint tells of when nothing else is under way.
                guard number + 1 < state.segments.count else { return nil }
                try learn(number, &state)
                let segment = state.segments[number]
                let ceiling = state.segments[number + 1].base
                guard segment.isDurable, segment.isKnown, segment.bytes > 0, segment.bytesMissing == 0,
                    segment.end <= ceiling
                else { return nil }
                sources.append(
                    RewritePlan.Source(
                        segment: segment, log: try file(segment.base, .log), sums: try sums(segment.base),
                        ceiling: ceiling))
                if segment.end >= range.upperBound { break }
            }
            guard sources.last?.segment.end == range.upperBound,
                range.upperBound.rawValue - range.lowerBound.rawValue <= Int64(UInt32.max)
            else { return nil }
            state.lastGeneration += 1
            let plan = RewritePlan(sources: sources, generation: state.lastGeneration)
            return plan.bytes <= Int64(UInt32.max) ? plan : nil
        }
    }

    /// Calls `body` with each batch of the plan, until it returns false.
    ///
    /// - Throws: ``LogError/corrupt(log:offset:next:reason:)`` at damage.
    func forEachBatch(
        of plan: RewritePlan, _ body: (RecordBatch) throws(DiskError) -> Bool
    ) throws(LogError) {
        for source in plan.sources {
            var scanner = SegmentScanner(
                log: source.log, limit: source.segment.bytes, sums: source.sums,
                from: IndexEntry.start(of: source.segment.base), ceiling: source.ceiling)
            var damage: SegmentDamage?
            var isWanted = true
            do throws(DiskError) {
                walking: while isWanted {
                    switch try scanner.next() {
                    case .batch(let facts):
                        guard let bytes = try scanner.bytes(facts) else { break walking }
                        isWanted = try body(RecordBatch(trusted: ByteBuffer(bytes: bytes)))
                    case .damage(let found):
                        damage = found
                        break walking
                    case .end: break walking
                    }
                }
            } catch { throw LogError(error) }
            if let damage {
                throw .corrupt(
                    log: id, offset: scanner.expected, next: damage.resume?.base ?? source.ceiling,
                    reason: damage.reason)
            }
            guard isWanted else { return }
        }
    }

    /// Removes what was written anew and is not to count.
    func discard(_ plan: RewritePlan) {
        if let base = plan.sources.first?.segment.base { removeRewritten(base, plan.generation) }
    }

    /// Writes the new segment; durable on return, and of no account yet. Nil when `thin` stops it; then nothing is left of it.
    func writeAnew(
        _ plan: RewritePlan, _ scratch: SegmentScratch, _ thin: (RecordBatch) -> Thinned
    ) throws(LogError) -> SegmentState? {
        guard let first = plan.sources.first?.segment, let end = plan.sources.last?.segment.end else {
            return nil
        }
        var writer: RewrittenSegment
        do throws(DiskError) { writer = try RewrittenSegment(self, first, plan.generation, scratch) } catch {
            removeRewritten(first.base, plan.generation)
            throw LogError(error)
        }
        var isStopped = false
        do throws(LogError) {
            try forEachBatch(of: plan) { batch throws(DiskError) in
                switch thin(batch) {
                case .stop: isStopped = true
                case .drop where batch.nextOffset < end: break
                case .drop: try writer.add(batch.emptied())
                case .keep(let kept):
                    guard kept.baseOffset == batch.baseOffset, kept.nextOffset == batch.nextOffset else {
                        throw .failed("a batch was to be replaced by one with other offsets")
                    }
                    try writer.add(kept)
                }
                return !isStopped
            }
            if !isStopped {
                do throws(DiskError) { try writer.finish() } catch { throw LogError(error) }
            }
        } catch {
            removeRewritten(first.base, plan.generation)
            throw error
        }
        guard !isStopped, writer.segment.end == end else {
            removeRewritten(first.base, plan.generation)
            return nil
        }
        return writer.segment
    }

    /// Lets the new segment count, or notes the time with the old one if there is none; false when the old ones are not what they were.
    func swap(
        _ plan: RewritePlan, for new: SegmentState?, noting time: Timestamp?
    ) throws(DiskError) -> Bool {
        guard let base = plan.sources.first?.segment.base, let end = plan.sources.last?.segment.end else {
            return false
        }
        return try state.withLock { (state: inout State) throws(DiskError) -> Bool in
            let bases = plan.sources.map(\.segment.base)
            guard !state.isDeleted, let first = state.segments.firstIndex(where: { $0.base == base }),
                first + bases.count < state.segments.count,
                zip(state.segments[first...], plan.sources).allSatisfy({ now, then in
                    now.base == then.segment.base && now.generation == then.segment.generation
                        && now.bytes == then.segment.bytes && now.isDurable
                })
            else {
                if new != nil { removeRewritten(base, plan.generation) }
                return false
            }
            var meta = state.meta
            let generation = new.map { _ in plan.generation } ?? state.segments[first].generation
            meta.add(Rewrite(base: base, end: end, generation: generation, time: time ?? .unnoted))
            do throws(DiskError) {
                try AtomicFile.replace(
                    LogMeta.fileName, in: directory, with: meta.bytes, on: environment.disk)
            } catch {
                // The disk may have it or not. Both are right after a restart; until then the old ones count here.
                if new != nil {
                    state.undecided += SegmentFormat.Kind.allCases.map { .init(base, plan.generation, $0) }
                }
                throw error
            }
            state.meta = meta
            guard let new else { return true }
            let old = state.segments[first..<first + bases.count]
            state.segments.replaceSubrange(first..<first + bases.count, with: [new])
            generations.withLock { generations in
                for base in bases { generations[base] = nil }
                generations[base] = plan.generation
            }
            for segment in old { removeRewritten(segment.base, segment.generation) }
            return true
        }
    }

    /// Takes note of which files count, and removes the others.
    ///
    /// - Returns: the bases of the segments, in order.
    func adoptNames(_ found: [SegmentFormat.Name], _ state: inout State) throws(DiskError) -> [Offset] {
        state.lastGeneration = found.map(\.generation).max() ?? 0
        let strays = found.filter { !state.meta.counts($0) }
        if !strays.isEmpty {
            // What says that they do not count has to stay.
            try environment.disk.syncDirectory(directory)
            for stray in strays { removeFile(stray) }
        }
        let kept = found.filter { $0.kind == .log && state.meta.counts($0) }
        generations.withLock { generations in
            for name in kept where name.generation > 0 { generations[name.base] = name.generation }
        }
        return kept.map(\.base).sorted()
    }

    /// Makes sure that the disk's `meta` is the one known here, when that is in doubt, and removes what it does not name.
    func settleUndecided(_ state: inout State) throws(DiskError) {
        guard !state.undecided.isEmpty, !state.isDeleted else { return }
        try AtomicFile.replace(
            LogMeta.fileName, in: directory, with: state.meta.bytes, on: environment.disk)
        for name in state.undecided { removeFile(name) }
        state.undecided = []
    }

    private func removeRewritten(_ base: Offset, _ generation: UInt32) {
        for kind in [SegmentFormat.Kind.index, .sums, .log] { removeFile(.init(base, generation, kind)) }
    }

    /// Removes a file as far as that goes; what stays is removed when the store is opened again.
    private func removeFile(_ name: SegmentFormat.Name) {
        environment.cache.forget(name, in: directory)
        do throws(DiskError) { try environment.disk.remove(path(name)) } catch {
            if case .notFound = error { return }
            environment.logger.warning(
                "A segment file could not be removed",
                metadata: ["file": "\(path(name))", "error": "\(error)"])
        }
    }
}

extension LogMeta {
    /// Without a readable `meta`: the first writing of a segment counts while it is there, then the lowest number. What is being replaced is
    /// removed last.
    mutating func guessRewrites(from found: [SegmentFormat.Name]) {
        for (base, names) in Dictionary(grouping: found.filter { $0.kind == .log }, by: \.base) {
            guard let generation = names.map(\.generation).min(), generation > 0 else { continue }
            add(
                Rewrite(
                    base: base, end: base.advanced(by: 1), generation: generation,
                    time: Timestamp(milliseconds: .max)))
        }
    }
}

/// A segment while it is written anew.
private struct RewrittenSegment {
    private(set) var segment: SegmentState
    private var run: SegmentRun
    private let files: [SegmentFormat.Kind: any DiskFile]
    private let paths: [String]
    private let owner: LogFiles

    init(
        _ owner: LogFiles, _ old: SegmentState, _ generation: UInt32, _ scratch: SegmentScratch
    ) throws(DiskError) {
        self.owner = owner
        segment = SegmentState(base: old.base, created: old.created)
        segment.generation = generation
        run = SegmentRun(scratch)
        var files: [SegmentFormat.Kind: any DiskFile] = [:]
        var paths: [String] = []
        for kind in SegmentFormat.Kind.allCases {
            let path = owner.path(SegmentFormat.Name(old.base, generation, kind))
            let file = try owner.environment.disk.open(path, .write)
            if try file.size() > 0 { try file.truncate(to: 0) }
            files[kind] = file
            paths.append(path)
        }
        (self.files, self.paths) = (files, paths)
    }

    mutating func add(_ batch: RecordBatch) throws(DiskError) {
        if run.logBytes + batch.length > SegmentScratch.bytesMax { try flush() }
        run.add(SegmentBatch(batch), to: segment)
    }

    private mutating func flush() throws(DiskError) {
        guard run.logBytes > 0 else { return }
        try files[.sums]?.write(run.sums, at: Int64(segment.written.batches * SegmentFormat.sumBytes))
        try files[.log]?.write(run.log, at: segment.bytes)
        files[.log]?.hintSync(from: segment.bytes, count: run.logBytes)
        if run.indexBytes > 0 {
            try files[.index]?.write(
                run.index, at: Int64(segment.written.indexEntries * SegmentFormat.indexEntryBytes))
        }
        segment.written = run.mark
        run.clear()
    }

    /// Writes the rest and makes everything durable, names too.
    mutating func finish() throws(DiskError) {
        try flush()
        let entry = IndexEntry(
            offset: segment.end, position: segment.bytes, ordinal: segment.written.batches,
            maxTimestampBefore: segment.written.maxTimestamp)
        var bytes = [UInt8](repeating: 0, count: SegmentFormat.indexEntryBytes)
        bytes.withUnsafeMutableBytes { entry.write(to: $0, base: segment.base) }
        var failure: DiskError?
        let position = Int64(segment.written.indexEntries * SegmentFormat.indexEntryBytes)
        bytes.withUnsafeBytes { raw in
            do throws(DiskError) { try files[.index]?.write(raw, at: position) } catch { failure = error }
        }
        if let failure { throw failure }
        segment.written.indexEntries += 1
        segment.written.lastIndexed = segment.bytes
        segment.durable = segment.written
        try owner.environment.disk.syncFiles(paths, under: owner.directory)
        try owner.environment.disk.syncDirectory(owner.directory)
    }
}
