// SPDX-License-Identifier: Apache-2.0

// Rules at work on one topic: behind the append, each new record is matched once against all rules and copied to the topics of those that
// match, once per topic however many rules name it. One chunk per partition is under way at a time, so copies keep the source
// partition's order, and memory is bounded by the number of partitions.

import ApusModel
import ApusRules
import ApusStorage
import Logging
import Synchronization

/// Rules at work on one topic.
final class TopicRouter: Follower {
    /// Bytes of the source that are matched and copied together.
    private static let chunkBytes = 256 << 10
    static let noteInterval = Duration.seconds(1)

    struct State {
        var table = RouteTable()
        var matcher = RecordMatcher([])
        /// Rules that take over when what is under way has ended and where they begin is written down. Until then nothing is begun: what the
        /// rules before them passed over must not be looked at again after a restart.
        var pending: RouteTable?
        var next: [Offset]
        var busy: Set<Int> = []
        var repeats: RouteRepeats
        /// The last note, durable or not.
        var noted: RouteProgress
        /// The last note that is known to be there after a crash; nil when there is none.
        var durable: RouteProgress?
        var isNoting = false
        var lastNote = Duration.zero
        var noteBytes = 0
        /// Nothing new is begun until what is under way has ended and the progress is noted.
        var wantsNote = false
        var isClosed = false
    }

    let topic: Topic
    let isQueued = Atomic(false)
    var lane: ResourceName { topic.name }
    let context: EngineContext
    let claim: LogClaim
    let state: Mutex<State>
    private let copied: Count

    /// Opens the router where its last note says, or where its rules begin when there is none.
    init(_ topic: Topic, table: RouteTable, context: EngineContext) throws(LogError) {
        self.topic = topic
        self.context = context
        let log = topic.definition.routesLog
        claim = try context.store.claim(log, LogConfiguration(segmentBytesMax: 4 << 20, isEssential: true)) {
            _ in
        }
        var progress: RouteProgress?
        try context.replay(log) { record in
            progress = record.value.flatMap { RouteProgress(decoding: Array($0)) } ?? progress
        }
        var next = progress?.next ?? table.start(of: topic)
        while next.count < topic.partitions.count { next.append(.zero) }
        var repeats = RouteRepeats()
        if let progress {
            try repeats.look(
                into: table.targetTopics, after: progress, next: next, source: topic, context: context)
        }
        copied = Count("apus_routed_events_total", [("topic", topic.name.description)])
        var state = State(
            next: next, repeats: repeats, noted: progress ?? RouteProgress(next: []), durable: progress)
        if let progress, table.targets.allSatisfy({ progress.targetEnds[$0.log] != nil }) {
            (state.table, state.matcher) = (table, RecordMatcher(table.patterns))
        } else {
            state.pending = table
        }
        self.state = Mutex(state)
    }

    func start() { topic.add(self) }

    func close() {
        topic.remove(self)
        state.withLock { $0.isClosed = true }
        copied.remove()
    }

    /// Puts other rules to work, from the next record on.
    func replaceTable(_ table: RouteTable) {
        state.withLock { $0.pending = table }
        context.followers.enqueue(self)
    }

    /// Per partition, the first offset that rules have not looked at.
    var positions: [Offset] { state.withLock(\.next) }

    /// Per partition, the offset before which events were certainly there: rules looked at them, or there are copies.
    var seen: [Offset] {
        state.withLock { state in
            var seen = state.next
            seen.raise(to: state.repeats.seen)
            return seen
        }
    }

    func turn(now: Duration) {
        noteIfDue()
        for partition in topic.partitions { step(partition) }
    }

    // MARK: Copying

    private struct Copy {
        var target: Partition
        var batch: RecordBatch
        var count: Int
    }

    /// Matches and copies the next chunk of one partition, unless one is under way.
    private func step(_ partition: Partition) {
        let number = partition.number
        let end = partition.signal.end
        let from: Offset? = state.withLock { state in
            guard !state.isClosed, state.pending == nil, !state.wantsNote, !state.busy.contains(number) else {
                return nil
            }
            while state.next.count <= number { state.next.append(.zero) }
            guard state.next[number] < end else { return nil }
            state.busy.insert(number)
            return state.next[number]
        }
        guard let from else { return }
        do {
            let batches = try context.store.read(partition.log, from: from, byteLimit: TopicRouter.chunkBytes)
            // Offsets of appends that failed, and nothing else, may stand before the end.
            guard let last = batches.last else { return finish(number, to: end) }
            let copies = state.withLock { state in
                TopicRouter.copies(
                    of: batches, from: from, partition: number, topic: topic, &state, context.clock.wall)
            }
            append(copies, partition: number, to: last.nextOffset)
        } catch {
            wayAround(error, partition: number, from: from)
        }
    }

    private func wayAround(_ error: LogError, partition: Int, from: Offset) {
        if let next = LookAhead.wayAround(error) {
            context.logger.error(
                "rules pass over events that cannot be read: \(error)",
                metadata: ["topic": "\(topic.name)", "partition": "\(partition)"])
            finish(partition, to: max(next, from))
        } else {
            finish(partition, to: from, retryAfter: context.options.storeRetryInterval)
        }
    }

    private static func copies(
        of batches: [RecordBatch], from: Offset, partition: Int, topic: Topic, _ state: inout State,
        _ now: Timestamp
    ) -> [Copy] {
        var builders: [LogID: (target: Partition, builder: RecordBatchBuilder)] = [:]
        // In the order of the rules, so that what happens does not depend on how a table is laid out in memory.
        var chosen: [(topic: Topic, rule: ResourceName)] = []
        for batch in batches where !batch.isControl {
            _ = try? batch.forEachRecord { record in
                // A redriven event is for one subscription: rules saw its original.
                guard record.offset >= from, record.header(LineageHeader.recipientBytes) == nil else {
                    return true
                }
                chosen.removeAll(keepingCapacity: true)
                let table = state.table
                state.matcher.forEachMatch(record) { id in
                    let route = table.routes[id]
                    guard
                        partition >= route.startOffsets.count
                            || record.offset >= route.startOffsets[partition]
                    else {
                        return
                    }
                    route.matches.increment()
                    for target in route.targets where !chosen.contains(where: { $0.topic === target }) {
                        chosen.append((target, route.rule))
                    }
                }
                for choice in chosen {
                    copy(record, from: partition, of: topic, to: choice, now, state.repeats, &builders)
                }
                return true
            }
        }
        return builders.sorted(by: { $0.key < $1.key }).compactMap { _, entry in
            var entry = entry
            let count = entry.builder.count
            return entry.builder.finish().map { Copy(target: entry.target, batch: $0, count: count) }
        }
    }

    private static func copy(
        _ record: RecordView, from partition: Int, of topic: Topic,
        to choice: (topic: Topic, rule: ResourceName),
        _ now: Timestamp, _ repeats: RouteRepeats,
        _ builders: inout [LogID: (target: Partition, builder: RecordBatchBuilder)]
    ) {
        let targets = choice.topic.partitions
        guard !targets.isEmpty else { return }
        let index =
            record.key.map { Partitioner.partition(ofKey: $0, count: targets.count) } ?? partition
            % targets.count
        let target = targets[index]
        guard !repeats.contains(target.log, of: choice.topic.id, partition: partition, offset: record.offset)
        else { return }
        let producer = RouteRepeats.producerID(of: topic.id)
        let fresh = (target, RecordBatchBuilder(capacity: 4096, producerID: producer, producerEpoch: 0))
        builders[target.log, default: fresh].builder.addEventHeaders(of: record)
        let origin = Origin(topic: topic.id, partition: partition, offset: record.offset)
        builders[target.log]?.builder.addHeader(LineageHeader.origin, origin.text)
        builders[target.log]?.builder.addHeader(
            LineageHeader.place, "\(topic.name)/\(partition)/\(record.offset)")
        builders[target.log]?.builder.addHeader(LineageHeader.rule, choice.rule.description)
        builders[target.log]?.builder.append(timestamp: now, key: record.key, value: record.value)
    }

    private func append(_ copies: [Copy], partition: Int, to next: Offset) {
        guard !copies.isEmpty else { return finish(partition, to: next) }
        let gathering = CopyGathering(missing: copies.count) { [weak self] error in
            // The store's thread only reports; the router goes on in the worker's turn.
            guard let self else { return }
            self.context.inbox.post { self.appended(partition, to: next, error: error) }
        }
        for copy in copies {
            let copied = copied
            let (target, count) = (copy.target.log, copy.count)
            context.store.append(copy.batch, holding: copy.target.claim) { result in
                switch result {
                case .success:
                    copied.increment(by: Int64(count))
                    gathering.take(target, nil)
                case .failure(let error): gathering.take(target, error)
                }
            }
        }
    }

    private func appended(_ partition: Int, to next: Offset, error: (LogError, done: [LogID])?) {
        guard let (error, done) = error else {
            return finish(partition, to: next)
        }
        context.logger.warning(
            "copies could not be written and will be tried again: \(error)",
            metadata: ["topic": "\(topic.name)"])
        let from = state.withLock { state in
            for target in done { state.repeats.note(target, partition: partition, before: next) }
            return state.next[partition]
        }
        finish(partition, to: from, retryAfter: context.options.storeRetryInterval)
    }

    private func finish(_ partition: Int, to next: Offset, retryAfter delay: Duration? = nil) {
        let hasMore = state.withLock { state in
            state.busy.remove(partition)
            state.next[partition] = max(state.next[partition], next)
            state.repeats.forget(partition: partition, before: state.next[partition])
            return state.pending != nil || state.wantsNote
                || state.next[partition] < topic.partitions[partition].signal.end
        }
        if let delay {
            context.enqueue(self, after: delay)
        } else if hasMore {
            context.followers.enqueue(self)
        } else {
            // With nothing left to do the progress is noted once more, a little later.
            context.enqueue(self, after: TopicRouter.noteInterval)
        }
    }
}

/// Waits for the copies of one chunk.
private final class CopyGathering: Sendable {
    private struct State {
        var missing: Int
        var error: LogError?
        var done: [LogID] = []
    }

    private let state: Mutex<State>
    private let completion: @Sendable ((LogError, done: [LogID])?) -> Void

    init(missing: Int, completion: @escaping @Sendable ((LogError, done: [LogID])?) -> Void) {
        state = Mutex(State(missing: missing))
        self.completion = completion
    }

    func take(_ target: LogID, _ error: LogError?) {
        let end: State? = state.withLock { state in
            state.missing -= 1
            if let error { state.error = error } else { state.done.append(target) }
            return state.missing == 0 ? state : nil
        }
        guard let end else { return }
        completion(end.error.map { ($0, end.done) })
    }
}
