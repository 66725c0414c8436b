// SPDX-License-Identifier: Apache-2.0

// Rules at work on one topic: behind the append, each new record is matched once against all rules and copied to the topics of those that
// match, once per topic however many rules name it. One chunk per partition is under way at a time, so copies keep the source
// partition's order, and memory is bounded by the number of partitions.

import ApusModel
import ApusRules
import ApusStorage
import Logging
import Synchronization

/// Makes sure that there is a topic for dead letters; calls back in a turn of the worker.
typealias DeadLetterOpener =
    @Sendable (_ completion: @escaping @Sendable (Result<Void, BrokerError>) -> Void) -> Void

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
        var pending: RouteChanges?
        var changeCount: UInt64 = 0
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
        /// Events of the chunk under way that matched and have been copied too often already.
        var circling = 0
        var isClosed = false

        /// Puts what waited to work.
        mutating func takeOver() {
            for (rule, route) in pending?.routes ?? [:] {
                let (gone, new) = table.set(rule, to: route)
                if let gone { matcher.remove(gone) }
                if let new { matcher.add(new.id, new.pattern) }
            }
            if let deadLetters = pending?.deadLetters { table.deadLetters = deadLetters }
            pending = nil
        }
    }

    let topic: Topic
    let isQueued = Atomic(false)
    var lane: ResourceName? { topic.name }
    let context: EngineContext
    let claim: LogClaim
    let state: Mutex<State>
    private let copied: Count
    private let circled: Count
    /// Gives the rules a table that says where dead letters go.
    let openDeadLetters: DeadLetterOpener

    /// Opens the router where its last note says, or where its rules begin when there is none.
    init(
        _ topic: Topic, table: RouteTable, context: EngineContext,
        openDeadLetters: @escaping DeadLetterOpener
    ) throws(LogError) {
        self.openDeadLetters = openDeadLetters
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
        circled = Count("apus_rule_loops_stopped_total", [("topic", topic.name.description)])
        var state = State(
            next: next, repeats: repeats, noted: progress ?? RouteProgress(next: []), durable: progress)
        let targets = table.targetTopics.flatMap(\.partitions)
        if let progress, targets.allSatisfy({ progress.targetEnds[$0.log] != nil }) {
            (state.table, state.matcher) = (table, RecordMatcher(table.patterns))
        } else {
            state.pending = RouteChanges(
                routes: table.changes, deadLetters: .some(table.deadLetters), number: 0)
        }
        self.state = Mutex(state)
    }

    func start() { topic.add(self) }

    func close() {
        topic.remove(self)
        state.withLock { $0.isClosed = true }
        copied.remove()
        circled.remove()
    }

    /// Puts a rule to work as it is now, from the next record on; nil takes it out of work.
    func change(_ rule: ResourceName, to route: RouteTable.Route?) {
        change { $0.routes.updateValue(route, forKey: rule) }
    }

    /// Puts dead letters into `topic` from the next record on; nil when that has to be found out again.
    func bury(in topic: Topic?) {
        change { $0.deadLetters = .some(topic) }
    }

    private func change(_ body: (inout RouteChanges) -> Void) {
        state.withLock { state in
            state.changeCount += 1
            var pending = state.pending ?? RouteChanges(routes: [:], number: 0)
            state.pending = nil
            body(&pending)
            pending.number = state.changeCount
            state.pending = pending
        }
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

    /// What a chunk becomes.
    private struct Copies {
        var copies: [CopyWriter.Written]
        /// Where the next chunk begins.
        var next: Offset
        /// Why there are none, if dead letters have to be written and there is no topic for them yet.
        var lacksDeadLetters = false
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
            let batches = try partition.readEvents(
                from: from, byteLimit: TopicRouter.chunkBytes, in: context.store)
            // Offsets of appends that failed, and nothing else, may stand before the end.
            guard let last = batches.last else { return finish(number, to: end) }
            let (copies, circling) = state.withLock { state in
                state.circling = 0
                let copies = TopicRouter.copies(
                    of: batches, from: from, to: last.nextOffset, partition: number, topic: topic, &state,
                    context)
                return (copies, state.circling)
            }
            guard !copies.lacksDeadLetters else { return prepareDeadLetters(number, from: from) }
            if circling > 0 { stop(circling, partition: number) }
            append(copies.copies, partition: number, to: copies.next)
        } catch {
            wayAround(error, partition: number, from: from)
        }
    }

    /// Tells that events were not copied any further. They stay in their topic; only a way that leads back through something other than rules,
    /// such as a dead-letter topic, lets them come so far.
    private func stop(_ circling: Int, partition: Int) {
        circled.increment(by: Int64(circling))
        context.logger.error(
            "events that rules have copied \(Defaults.ruleHopsMax) times already are not copied again: they go in a circle",
            metadata: [
                "topic": "\(topic.name)", "partition": "\(partition)", "events": "\(circling)",
            ])
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
        of batches: [RecordBatch], from: Offset, to end: Offset, partition: Int, topic: Topic,
        _ state: inout State, _ context: EngineContext
    ) -> Copies {
        var writer = CopyWriter(
            source: topic, partition: partition, deadLetters: state.table.deadLetters,
            now: context.clock.wall, context: context)
        var matched: [RouteTable.Route] = []
        let routes = state.table.routes
        var next = end
        for batch in batches where next == end {
            context.forEachRecord(of: batch, in: topic.name, partition) { record in
                guard record.offset >= from else { return true }
                if let recipient = record.header(LineageHeader.recipientBytes) {
                    // A redriven event is for one subscription, or for one target of one rule: everybody else saw its original.
                    if let recipient = RuleRecipient(recipient) {
                        writer.redeliver(record, to: recipient, state.table, state.repeats)
                    }
                    return true
                }
                matched.removeAll(keepingCapacity: true)
                state.matcher.forEachMatch(record) { id in
                    if let route = routes[id] { matched.append(route) }
                }
                guard !matched.isEmpty else { return true }
                let chosen = choices(of: record.offset, partition, among: &matched)
                guard chosen.isEmpty || record.hops < Defaults.ruleHopsMax else {
                    state.circling += 1
                    return true
                }
                for choice in chosen { writer.copy(record, to: choice.target, choice.rule, state.repeats) }
                guard writer.isFull else { return true }
                next = record.offset.advanced(by: 1)
                return false
            }
        }
        guard !writer.lacksDeadLetters else { return Copies(copies: [], next: from, lacksDeadLetters: true) }
        return Copies(copies: writer.finish(), next: next)
    }

    /// The chunk is done again when the rules have taken over a table that says where dead letters go.
    private func prepareDeadLetters(_ partition: Int, from: Offset) {
        openDeadLetters { [self] result in
            guard case .failure(let error) = result else { return finish(partition, to: from) }
            context.logger.error(
                "the topic for dead letters of rules cannot be opened, which will be tried again: \(error)",
                metadata: ["topic": "\(topic.name)"])
            finish(partition, to: from, retryAfter: context.options.storeRetryInterval)
        }
    }

    /// The targets that an event is copied to, each once, with the first rule that says so.
    private static func choices(
        of offset: Offset, _ partition: Int, among matched: inout [RouteTable.Route]
    ) -> [(target: RouteTarget, rule: ResourceName)] {
        // In the order of the rules, so that what happens does not depend on how a table is laid out in memory.
        if matched.count > 1 { matched.sort { $0.rule < $1.rule } }
        var chosen: [(target: RouteTarget, rule: ResourceName)] = []
        for route in matched
        where partition >= route.startOffsets.count || offset >= route.startOffsets[partition] {
            route.matches.increment()
            for target in route.targets
            where !chosen.contains(where: {
                $0.target.isSame(as: target, ofSameRule: $0.rule == route.rule)
            }) {
                chosen.append((target, route.rule))
            }
        }
        return chosen
    }

    /// Whether dead letters go to `topic`.
    func buries(in topic: Topic) -> Bool {
        state.withLock { state in
            if let pending = state.pending?.deadLetters { return pending === topic }
            return state.table.deadLetters === topic
        }
    }

    private func append(_ copies: [CopyWriter.Written], partition: Int, to next: Offset) {
        guard !copies.isEmpty else { return finish(partition, to: next) }
        let gathering = CopyGathering(missing: copies.count) { [weak self] error in
            // The store's thread only reports; the router goes on in the worker's turn.
            guard let self else { return }
            self.context.inbox.post { self.appended(partition, to: next, error: error) }
        }
        for copy in copies {
            let copied = copied
            let (target, count, traces) = (copy.target.log, copy.count, copy.traces)
            context.store.append(copy.batch, holding: copy.target.claim) { result in
                switch result {
                case .success:
                    copied.increment(by: Int64(count))
                    for trace in traces { trace.end(nil) }
                    gathering.take(target, nil)
                case .failure(let error):
                    for trace in traces { trace.end(error) }
                    gathering.take(target, error)
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
