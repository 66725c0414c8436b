// SPDX-License-Identifier: Apache-2.0

// A shared subscription at work: the shell around `DeliveryState` that reads, writes and waits. All state is behind one lock; completions of the
// store never take it but come back through the worker's turns, so a store may complete while an append is being made.

import ApusModel
import ApusStorage
import ApusTransport
import Synchronization

/// Why an event's last attempt failed.
struct DeliveryFailure: Sendable, Hashable {
    var status: Int?
    var reason: String
    /// Whether there is no use in trying again.
    var isFinal: Bool
    /// Whether the reason is what a consumer wrote.
    var isConsumersReason = false
}

/// A shared subscription at work.
final class SharedSubscription: Follower {
    struct State {
        var definition: SubscriptionDefinition
        var delivery: DeliveryState
        var log: SubscriptionLog
        var filter: EventFilter
        /// By partition, what was read ahead of it.
        var ahead: [LookAhead?] = []
        /// Where the order of events, fairness or priorities decide: what they go by, and what was read of those to come.
        var tagger: EventTagger
        var ordered = OrderedReads()
        var failures: [Position: DeliveryFailure] = [:]
        var waiters: [(id: UInt64, resume: @Sendable (Bool) -> Void)] = []
        var lastWaiter: UInt64 = 0
        /// Those who are told of every reason to look again, once: they want some partitions only, so it is not known whose turn it is.
        var watchers: [UInt64: @Sendable () -> Void] = [:]
        /// The partitions that the hand-out under way is to be from; nil for all.
        var wanted: Set<Int>?
        /// Ready events of other partitions that were met on the way.
        var unwanted: [Position] = []
        /// Counts reasons to look again, so that nobody falls asleep over one.
        var version: UInt64 = 0
        var timer: (deadline: Duration, token: UInt64)?
        /// Spans of what consumers hold; empty where traces are not exported.
        var leaseTraces = LeaseTraces()
        /// Events handed out to be pushed whose end is not known yet.
        var pushing = 0
        /// Being given up since before keys began to wait for their dead letters: no key waits for these.
        var passing: Set<Position> = []
        var push = PushState()
        var lastFailure: String?
        var firstPartition = 0
        var deadLettersUnderWay = 0
        /// Expired before anybody saw them, and not noted as about to become dead letters.
        var expiring: [Position] = []
        /// Of dead letters, those being written down.
        var settlementsUnderWay = 0
        /// Some could not be; until a snapshot makes up for that, the mark must stay before them.
        var hasLostSettlement = false
        var deadLetterMark: BurialMark?
        /// The log lacks something: it has to be written anew.
        var wantsSnapshot = false
        /// Bounded replays: what was read ahead of them, how far they have come since that was written down, and whose turn it is.
        var replayAhead: [Int: LookAhead] = [:]
        var replayProgress: [Int: ReplayWindow] = [:]
        var takesReplayed = false
        var isReplayBeingWritten = false
        /// Counts replays without an end, which end those that are bounded.
        var replayEra = 0
        var isClosed = false
        /// When it was last used; kept up only where that decides how long it lasts.
        var lastUse = Duration.zero
    }

    let name: ResourceName
    let id: LogID
    let topic: Topic
    let isQueued = Atomic(false)
    /// Whether an event is on its way that is sent only to see what happens.
    let isTested = Atomic(false)
    var lane: ResourceName? { topic.name }
    let context: EngineContext
    let deadLetters: any DeadLetterSink
    let state: Mutex<State>
    /// What happened to pushes since the last turn; a lock of its own, because a dispatcher may report at any moment.
    let news = Mutex<[PushNews]>([])
    /// Verdicts that could not be written down; a lock of its own, because the store may say so while an append is being made.
    let undone = Mutex<[VerdictNote]>([])
    let metrics: SubscriptionMetrics
    /// What becomes of events before the target gets them; a lock of its own, because attempts begin while the other one is held.
    let shaping: Mutex<Shaping>

    /// Opens the subscription as its log left it.
    init(
        _ definition: SubscriptionDefinition, topic: Topic, context: EngineContext,
        deadLetters: any DeadLetterSink
    ) throws(LogError) {
        name = definition.name
        id = definition.id
        self.topic = topic
        self.context = context
        self.deadLetters = deadLetters
        shaping = Mutex(Shaping(definition))
        metrics = SubscriptionMetrics(name: definition.name, topic: definition.settings.topic)
        var log = try SubscriptionLog(definition.log, context: context)
        var delivery = DeliveryState(next: definition.startOffsets)
        for (partition, end) in definition.seenAtStart.enumerated() {
            delivery.see(partition: partition, before: end)
        }
        let limit = definition.settings.retry.max
        var mark: BurialMark?
        var pause: CircuitBreaker.Pause?
        var unaccounted = UnaccountedEvents()
        try log.replay {
            unaccounted.appendIsMissing()
        } _: { change in
            unaccounted.note(change, next: delivery.next)
            if case .deadLetterMark(let partition, let end) = change {
                mark = BurialMark(partition: partition, end: end)
            }
            pause = CircuitBreaker.Pause.last(pause, change)
            delivery.apply(change) { context.anchor($0, limit: max(limit, .seconds(86_400))) }
        }
        var filter = EventFilter(definition.settings.pattern)
        for position in try unaccounted.find(in: topic, recipient: name, filter: &filter, context: context) {
            delivery.putBack(position, attempts: 0)
        }
        for partition in topic.partitions {
            delivery.forget(partition: partition.number, from: partition.written.end)
        }
        let tagger = EventTagger(definition.settings)
        delivery.arrange(tagger, isChanged: true)
        var restored = State(
            definition: definition, delivery: delivery, log: log, filter: filter, tagger: tagger,
            deadLetterMark: mark)
        if let push = definition.settings.push {
            // No longer than it was to last, though the clock may have jumped back since.
            let length = pause.map { $0.since.duration(to: $0.probe) } ?? .zero
            restored.push.breaker = CircuitBreaker(restoring: pause) {
                context.anchor($0, limit: min(max(length, push.breaker.initial), .seconds(86_400)))
            }
        }
        restored.lastUse = Self.lastUse(definition, in: context)
        state = Mutex(restored)
        state.withLock { unblockAll(&$0) }
        takeSnapshotIfDue()
    }

    /// Settles events whose dead letters are in `target` already: the last life ended between copy and settlement.
    ///
    /// - Parameter isDone: whether somebody has dealt with the letter at that place.
    func settleBuried(
        in target: Topic, by office: DeadLetterOffice, isDone: (Position) -> Bool
    ) throws(LogError) {
        let (definition, isNothingOpen, mark) = state.withLock { state in
            (
                state.definition, state.delivery.items.isEmpty && state.delivery.parkedCount == 0,
                state.deadLetterMark?.end ?? .zero
            )
        }
        guard !isNothingOpen else { return }
        // The key of a letter that was redriven goes on with the same event, which comes again; a letter that is only settled late does not.
        let mayBlock = definition.settings.ordering?.onDeadLetter == .block
        let letters = try office.alreadyBuried(by: definition, in: target, from: mark) { letter in
            mayBlock && isDone(letter)
        }
        let buried = state.withLock { state in
            letters.filter {
                state.delivery.items[$0].map { $0.phase != .blocked } ?? state.delivery.isParked($0)
            }
        }
        guard !buried.isEmpty else { return }
        state.withLock { state in
            let changes = buried.sorted().map {
                finish($0, attempts: state.delivery.items[$0]?.attempts ?? 0, &state)
            }
            // Until this is written down the mark must stay before their copies, as for a burial.
            state.settlementsUnderWay += 1
            state.log.append(changes) { [weak self] result in
                guard let self else { return }
                self.context.inbox.post { self.settled(buried.count, result) }
            }
        }
    }

    /// Begins to follow the topic.
    func start() { topic.add(self) }

    var definition: SubscriptionDefinition { state.withLock(\.definition) }

    /// Per partition, the offset before which events were certainly there.
    var seen: [Offset] { state.withLock(\.delivery.seen) }

    /// Takes changed settings.
    func alter(_ definition: SubscriptionDefinition) {
        state.withLock { state in
            if state.definition.settings.pattern != definition.settings.pattern {
                state.filter = EventFilter(definition.settings.pattern)
                (state.ahead, state.replayAhead) = ([], [:])
            }
            let old = state.definition.settings
            state.definition = definition
            if old.expiresAfter != definition.settings.expiresAfter { state.lastUse = context.clock.now }
            passOnClosing(from: old, &state)
            if !definition.settings.hasSameOrder(as: old) { arrange(&state) }
            pushChanged(from: old.push, &state)
        }
        shaping.withLock { $0 = Shaping(definition) }
        context.followers.enqueue(self)
    }

    /// Ends it: nobody is handed anything any more.
    func close() {
        topic.remove(self)
        let (waiters, watchers) = state.withLock { state in
            state.isClosed = true
            endWithdrawn(&state)
            defer { (state.waiters, state.watchers) = ([], [:]) }
            return (state.waiters, state.watchers)
        }
        for waiter in waiters { waiter.resume(false) }
        for watcher in watchers.values { watcher() }
        metrics.remove()
    }

    // MARK: Turns

    func turn(now: Duration) {
        state.withLock { $0.version += 1 }
        let ended = news.withLock { news in
            defer { news = [] }
            return news
        }
        if !ended.isEmpty { conclude(ended) }
        endLeases(now: now)
        pump()
        let (waiter, watchers) = state.withLock { state in
            // Whoever has looked since the turn began may have missed what it put back.
            state.version += 1
            defer { state.watchers = [:] }
            return (state.waiters.isEmpty ? nil : state.waiters.removeFirst(), state.watchers)
        }
        waiter?.resume(true)
        for watcher in watchers.values { watcher() }
        takeSnapshotIfDue()
    }

    private func endLeases(now: Duration) {
        let letters = state.withLock { state -> [DeadLetterDraft] in
            var letters: [DeadLetterDraft] = []
            for position in state.delivery.elapse(now: now) {
                // A lease that was extended is listed once for each of its ends.
                guard let item = state.delivery.items[position], case .leased = item.phase else { continue }
                metrics.attempt(.expired)
                state.failures[position] = DeliveryFailure(
                    status: nil, reason: "the consumer's lease ran out", isFinal: false)
                state.leaseTraces.end(
                    position, AttemptResult.expired.text, failure: "the consumer's lease ran out")
                if item.attempts >= state.definition.settings.attemptsMax {
                    letters.append(draft(position, item.attempts, &state))
                } else {
                    state.delivery.putBack(position, attempts: item.attempts)
                }
                noteExpiry(position, item.attempts, state)
            }
            rearm(&state)
            return letters
        }
        bury(letters)
    }

    /// Makes sure of a turn when the next lease ends or the next retry is due.
    func rearm(_ state: inout State) {
        guard let deadline = state.delivery.deadline else { return }
        if let timer = state.timer {
            if timer.deadline <= deadline, timer.deadline > context.clock.now { return }
            context.timers.cancel(timer.token)
        }
        let token = context.timers.schedule(at: deadline) { [weak self] in
            guard let self else { return }
            self.state.withLock { $0.timer = nil }
            self.context.followers.enqueue(self)
        }
        state.timer = (deadline, token)
    }

    private func takeSnapshotIfDue() {
        state.withLock { state in
            guard state.log.wantsSnapshot || state.wantsSnapshot else { return }
            state.wantsSnapshot = false
            let mark = state.deadLetterMark.map {
                SubscriptionChange.deadLetterMark(partition: $0.partition, end: $0.end)
            }
            _ = state.delivery.takeUnwritten()
            let circuit = state.push.breaker.pause.map { SubscriptionChange.circuit($0) }
            state.log.appendSnapshot(state.delivery.snapshot() + [mark, circuit].compactMap { $0 }) {
                [weak self] isDurable in
                guard let self else { return }
                self.context.inbox.post { self.tookSnapshot(isDurable) }
            }
        }
    }

    private func tookSnapshot(_ isDurable: Bool) {
        state.withLock { state in
            if isDurable { state.hasLostSettlement = false } else { state.wantsSnapshot = true }
        }
        if !isDurable { context.enqueue(self, after: context.options.storeRetryInterval) }
    }

    // MARK: Waiting

    /// Waits for a reason to look again, at most until `deadline`; false when there was none.
    func waitForWork(since version: UInt64, until deadline: Duration) async -> Bool {
        let id = nextWaiter()
        var timer: UInt64?
        let isWork = await withTaskCancellationHandler {
            await withUnsafeContinuation { (continuation: UnsafeContinuation<Bool, Never>) in
                if let verdict = addWaiter(id, since: version, resume: { continuation.resume(returning: $0) })
                {
                    continuation.resume(returning: verdict)
                } else {
                    timer = context.timers.schedule(at: deadline) { [weak self] in self?.stopWaiting(id) }
                }
            }
        } onCancel: {
            stopWaiting(id)
        }
        if let timer { context.timers.cancel(timer) }
        return isWork
    }

    /// What a waiter is known by.
    func nextWaiter() -> UInt64 {
        state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
    }

    /// Calls `resume` once: with true when there is a reason to look again, with false when there will be none.
    ///
    /// - Returns: what it would have been called with when that is known already; then it is not called.
    func addWaiter(
        _ id: UInt64, since version: UInt64, resume: @escaping @Sendable (Bool) -> Void
    ) -> Bool? {
        state.withLock { state in
            if state.isClosed || Task.isCancelled { return false }
            if state.version != version { return true }
            state.waiters.append((id, resume))
            return nil
        }
    }

    /// Has a waiter go on without a reason.
    func stopWaiting(_ id: UInt64) {
        let waiter = state.withLock { state -> (@Sendable (Bool) -> Void)? in
            guard let index = state.waiters.firstIndex(where: { $0.id == id }) else { return nil }
            return state.waiters.remove(at: index).resume
        }
        waiter?(false)
    }
}
