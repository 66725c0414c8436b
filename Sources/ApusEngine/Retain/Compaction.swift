// SPDX-License-Identifier: Apache-2.0

// One pass of compaction over one partition. Segments that a pass has gone over are clean: of each key they hold one record, the last, as
// far as they reach. Those behind are dirty. A pass remembers which keys the dirty ones write and at which offset last, leaves out of all
// segments what is superseded, oldest first, and then calls the dirty ones clean: an interruption anywhere only means that the next
// pass does some of it again. A tombstone stays for a time after it became clean, for readers that are behind; nothing older of its
// key is there any more by then, so it can go.
//
// The time at which a segment became clean is noted with it in the store; `.max` there means that its old tombstones are gone.

import ApusModel
import ApusStorage

/// How passes go about it.
struct CompactionOptions: Sendable {
    /// Memory for keys.
    var keyBytes = Defaults.compactionKeyBytes
    /// Bytes of one read.
    var readBytes = 1 << 20
    /// For how long batches without records stay that say how far their producer came.
    var producerAge = Duration.seconds(7 * 86_400)
}

/// What a pass did.
struct CompactionResult: Sendable, Hashable {
    /// Records left out.
    var records: Int64 = 0
    /// Bytes of segments before and after.
    var before: Int64 = 0
    /// Bytes of segments before and after.
    var after: Int64 = 0
    /// Segments that are clean now and were not.
    var cleaned = 0
    /// Why it came no further, when that is worth telling.
    var obstacle: String?
}

/// One pass over one partition.
struct Compaction {
    let store: any LogStore
    let log: LogID
    let settings: TopicSettings
    let hash: SipHash128
    let options: CompactionOptions
    let wall: Timestamp
    /// Nothing from here on is touched or looked at.
    let limit: Offset
    /// Called now and then with how many bytes were gone through; false ends the pass.
    let goOn: (Int) -> Bool
    private var result = CompactionResult()
    private var isStopped = false
    /// By producer, where its last batch among the dirty ones is; nil when there are too many of them.
    private var producers: [Int64: Offset]? = [:]

    private static let producersMax = 100_000
    /// Segments that are written anew hold no more offsets than the store's index can count.
    private static let offsetsMax = Int64(Int32.max)

    init(
        store: any LogStore, log: LogID, settings: TopicSettings, hash: SipHash128,
        options: CompactionOptions, wall: Timestamp, limit: Offset, goOn: @escaping (Int) -> Bool
    ) {
        self.store = store
        self.log = log
        self.settings = settings
        self.hash = hash
        self.options = options
        self.wall = wall
        self.limit = limit
        self.goOn = goOn
    }

    /// Does what there is to do.
    mutating func run() throws(LogError) -> CompactionResult {
        let eligible = try eligibleSegments()
        let firstDirty = eligible.firstIndex { $0.rewritten == nil } ?? eligible.count
        let clean = Array(eligible[..<firstDirty])
        let dirty = eligible[firstDirty...]
        if isDirtyEnough(clean: clean, dirty: Array(dirty)) {
            try cleanUp(clean, Array(dirty))
        } else if clean.contains(where: isOverdue) {
            // Only tombstones whose time is over.
            let keys = KeyOffsets(bytes: 0, hash: hash)
            for group in groups(clean) where group.contains(where: isOverdue) {
                guard try rewrite(group, keys, isLast: true) else { break }
            }
        }
        return result
    }

    // MARK: What to go over

    /// The segments at the front that can be compacted now.
    private func eligibleSegments() throws(LogError) -> [SegmentDescription] {
        let closed = try store.closedSegments(log)
        return Array(
            closed.prefix { segment in
                segment.end <= limit && segment.isDurable
                    && (settings.compaction.minLag == .zero
                        || segment.maxTimestamp.duration(to: wall) >= settings.compaction.minLag)
            })
    }

    private func isDirtyEnough(clean: [SegmentDescription], dirty: [SegmentDescription]) -> Bool {
        let (cleanBytes, dirtyBytes) = (
            clean.reduce(0) { $0 + $1.bytes }, dirty.reduce(0) { $0 + $1.bytes }
        )
        guard dirtyBytes > 0 else { return false }
        return Double(dirtyBytes) >= settings.compaction.dirtyRatio * Double(cleanBytes + dirtyBytes)
    }

    /// Whether tombstones may be there whose time is over.
    private func isOverdue(_ segment: SegmentDescription) -> Bool {
        guard let cleaned = segment.rewritten, cleaned.rawValue < Int64.max else { return false }
        return cleaned.duration(to: wall) >= settings.compaction.deleteRetention
    }

    /// Neighbours that become one segment: alike in what is known of their tombstones, and together no larger than a segment.
    private func groups(_ segments: [SegmentDescription]) -> [[SegmentDescription]] {
        var groups: [[SegmentDescription]] = []
        for segment in segments {
            if let last = groups.last, let first = last.first, kind(first) == kind(segment),
                last.reduce(segment.bytes, { $0 + $1.bytes }) <= Int64(settings.segmentBytes),
                segment.end.rawValue - first.base.rawValue <= Compaction.offsetsMax
            {
                groups[groups.count - 1].append(segment)
            } else {
                groups.append([segment])
            }
        }
        return groups
    }

    private func kind(_ segment: SegmentDescription) -> Int64? {
        isOverdue(segment) ? Int64.max : segment.rewritten?.rawValue
    }

    // MARK: A pass

    private mutating func cleanUp(
        _ clean: [SegmentDescription], _ dirty: [SegmentDescription]
    ) throws(LogError) {
        // How many dirty segments become clean, and in how many classes their keys have to be divided for that.
        var (target, parts) = (dirty.count, UInt64(1))
        var isDone = false
        while !isDone {
            isDone = true
            for part in 0..<parts {
                let seen = try keys(of: dirty, target: target, part: (part, parts))
                guard !isStopped, let seen else { return }
                guard seen.covered == target else {
                    // As far as memory reaches: once more, so that it holds nothing of what is behind. Where one segment has more
                    // keys than there is memory for, class by class.
                    guard seen.covered > 0 || seen.isFull else { return }
                    if seen.covered == 0 { parts *= 2 }
                    target = max(seen.covered, 1)
                    isDone = false
                    break
                }
                let isLast = part == parts - 1
                for group in groups(clean) + groups(Array(dirty[..<target])) {
                    guard try rewrite(group, seen.keys, isLast: isLast) else { return }
                }
                if isLast { result.cleaned += target }
            }
        }
    }

    /// What was seen of dirty segments.
    private struct Seen {
        var keys: KeyOffsets
        /// By producer, records of transactions whose end was not seen yet.
        var open: [Int64: [(key: Digest128, offset: Offset)]] = [:]
        /// How many those are.
        var openCount = 0
        /// How many segments, from the first on, the memory holds all keys of.
        var covered = 0
        /// Whether there was no room for more.
        var isFull = false
    }

    /// The keys that the first `target` dirty segments write; nil when the pass is to end. Beyond them only the ends of transactions are
    /// looked for.
    private mutating func keys(
        of dirty: [SegmentDescription], target: Int, part: (UInt64, UInt64)
    ) throws(LogError) -> Seen? {
        var seen = Seen(keys: KeyOffsets(bytes: options.keyBytes, hash: hash, part: part))
        producers = [:]
        let start = try store.bounds(log).start
        looking: for (number, segment) in dirty.enumerated() where number < target || !seen.open.isEmpty {
            // What was trimmed in the middle of a segment is nobody's.
            var offset = max(segment.base, start)
            while offset < segment.end {
                let batches: [RecordBatch]
                do { batches = try store.read(log, from: offset, byteLimit: options.readBytes) } catch {
                    guard case .corrupt = error else { throw error }
                    result.obstacle = "\(error)"
                    break looking
                }
                guard let last = batches.last else { break }
                guard goOn(batches.reduce(0) { $0 + $1.length }) else {
                    isStopped = true
                    return nil
                }
                for batch in batches where batch.baseOffset < segment.end {
                    if let obstacle = batch.openingObstacle {
                        result.obstacle = "\(obstacle)"
                        break looking
                    }
                    if number < target { note(batch) }
                    guard take(batch, &seen, onlyEnds: number >= target) else {
                        seen.isFull = true
                        if number >= target { seen.covered = max(0, target - 1) }
                        break looking
                    }
                }
                offset = last.nextOffset
            }
            if number < target { seen.covered = number + 1 }
        }
        // None with a record of a transaction whose end is not there yet.
        if let unstable = seen.open.values.lazy.compactMap(\.first?.offset).min() {
            seen.covered = min(seen.covered, dirty.prefix { $0.end <= unstable }.count)
        }
        return seen
    }

    private mutating func note(_ batch: RecordBatch) {
        guard batch.producerID >= 0, producers != nil else { return }
        producers?[batch.producerID] = batch.baseOffset
        if let count = producers?.count, count > Compaction.producersMax { producers = nil }
    }

    /// Takes the keys of a batch; false when there is no room for them.
    private func take(_ batch: RecordBatch, _ seen: inout Seen, onlyEnds: Bool) -> Bool {
        if batch.isControl {
            // A transaction that was aborted has superseded nothing.
            guard let pending = seen.open.removeValue(forKey: batch.producerID) else { return true }
            seen.openCount -= pending.count
            guard batch.commits == true else { return true }
            for (key, offset) in pending where !seen.keys.put(key, offset) { return false }
            return true
        }
        guard !onlyEnds else { return true }
        var hasRoom = true
        // What of a batch contradicts itself is nobody's event.
        _ = try? batch.forEachRecord { record in
            guard let key = record.key.flatMap({ seen.keys.digest($0) }), !record.isRedriven else {
                return true
            }
            if batch.isTransactional {
                seen.open[batch.producerID, default: []].append((key, record.offset))
                seen.openCount += 1
                hasRoom = seen.openCount <= options.keyBytes / KeyOffsets.bytesPerKey
            } else {
                hasRoom = seen.keys.put(key, record.offset)
            }
            return hasRoom
        }
        return hasRoom
    }

    // MARK: Leaving out

    /// Writes neighbouring segments anew; false when the pass is to end.
    private mutating func rewrite(
        _ group: [SegmentDescription], _ keys: KeyOffsets, isLast: Bool
    ) throws(LogError) -> Bool {
        guard let first = group.first, let last = group.last else { return true }
        let sweeps = group.contains(where: isOverdue)
        // Until the last class of keys is done with, dirty segments are not clean.
        let time: Timestamp? =
            sweeps ? Timestamp(milliseconds: .max) : first.rewritten ?? (isLast ? wall : nil)
        var left: [Offset: Int64] = [:]
        var isStopped = false
        let (goOn, producers, pass) = (goOn, producers, self)
        let outcome: RewriteOutcome
        do {
            outcome = try store.rewrite(log, first.base..<last.end, noting: time) { batch in
                guard goOn(batch.length) else {
                    isStopped = true
                    return .stop
                }
                let thinned = pass.thin(batch, keys, producers, sweeps: sweeps)
                if case .keep(let kept) = thinned {
                    left[batch.baseOffset] = Int64(batch.recordCount - kept.recordCount)
                } else {
                    left[batch.baseOffset] = Int64(batch.recordCount)
                }
                return thinned
            }
        } catch {
            guard case .corrupt = error else { throw error }
            result.obstacle = "\(error)"
            return false
        }
        self.isStopped = isStopped
        guard case .done(let before, let after) = outcome else { return false }
        result.before += before
        result.after += after
        result.records += left.values.reduce(0, +)
        return true
    }

    /// What is left of a batch.
    private func thin(
        _ batch: RecordBatch, _ keys: KeyOffsets, _ producers: [Int64: Offset]?, sweeps: Bool
    ) -> Thinned {
        // Markers of transactions stay: they are few, and whoever reads from further back needs them.
        if batch.isControl { return .keep(batch) }
        guard batch.recordCount > 0 else {
            return mayBeLast(batch, producers) ? .keep(batch) : .drop
        }
        let kept: RecordBatch
        do throws(RecordBatchError) {
            kept = try batch.keeping { record in
                guard let key = record.key else { return true }
                guard let digest = keys.digest(key) else { return true }
                // Before the limit, whoever it is for is done with it.
                guard !record.isRedriven else { return false }
                if let last = keys.last(digest), last > record.offset { return false }
                return record.value != nil || !sweeps
            }
        } catch { return .keep(batch) }
        guard kept.recordCount == 0 else { return .keep(kept) }
        return mayBeLast(batch, producers) ? .keep(kept) : .drop
    }

    /// Whether a batch without records has still to say how far its producer came.
    private func mayBeLast(_ batch: RecordBatch, _ producers: [Int64: Offset]?) -> Bool {
        guard batch.producerID >= 0 else { return false }
        if let last = producers?[batch.producerID], last > batch.baseOffset { return false }
        return batch.maxTimestamp.duration(to: wall) < options.producerAge
    }
}

extension RecordView {
    /// Whether the event was sent back to one subscription, or one target of a rule, from among dead letters. It is older than where it stands, and
    /// everybody else passes over it: so it is nobody's last state of its key.
    fileprivate var isRedriven: Bool { header(LineageHeader.recipientBytes) != nil }
}

extension RecordBatch {
    /// Whether a control batch ends a transaction by committing it; nil when it says neither.
    fileprivate var commits: Bool? {
        var commits: Bool?
        _ = try? forEachRecord { record in
            // A version and a type, 16 bits each: 0 aborts, 1 commits.
            if let key = record.key, key.count >= 4 {
                switch (key[2], key[3]) {
                case (0, 0): commits = false
                case (0, 1): commits = true
                default: break
                }
            }
            return false
        }
        return commits
    }
}
