// SPDX-License-Identifier: Apache-2.0

// The engine: the broker that runs on a LogStore. This file holds what it consists of, how it starts and how it gets its turns; publishing, reading,
// delivering, routing and administration are extensions in their own folders.
//
// Threads: gateways call from anywhere; the store completes on its own thread; everything that decides over time (leases, retries, pushes, rules, retention,
// changes of the registry) happens in `turn`, which one worker thread calls, or a simulator. Locks are small and never held while calling up; a
// completion of the store takes none of them.

public import ApusModel
public import ApusStorage
public import Logging
import Synchronization

/// A ``Broker`` on a ``LogStore``.
public final class Engine: Broker {
    /// Everything that is defined and everything that runs because of it.
    struct Catalog {
        var definitions = Definitions()
        private(set) var topics: [ResourceName: Topic] = [:]
        var shared: [ResourceName: SharedSubscription] = [:]
        var cursors: [ResourceName: CursorSubscription] = [:]
        var routers: [ResourceName: TopicRouter] = [:]
        var ledgers: [ResourceName: DeadLetterLedger] = [:]
        var ruleMatches = NamedDefinitions<Count>()

        /// Puts a topic to work, or, with nil, takes it out of work.
        mutating func setTopic(_ name: ResourceName, _ topic: Topic?) {
            topics[name] = topic
        }

        /// The topic at work of this identity.
        func topic(_ id: LogID) -> Topic? {
            guard let topic = definitions.topicName(id).flatMap({ topics[$0] }), topic.id == id else {
                return nil
            }
            return topic
        }
    }

    let context: EngineContext
    let catalog = Mutex(Catalog())
    let registry: RegistryLog
    let gate: CommandGate
    let retention: Mutex<RetentionClock>
    let compactor = Compactor()
    let idleWatch = Mutex(IdleWatch())
    let observation = Mutex(Observation())
    let reopening = Mutex(Reopening())
    let scheduler = Mutex<Scheduler?>(nil)
    let coordinators = Mutex(Coordinators())
    /// Who keeps the catalogue of events, once that is open.
    let scout = Mutex<EventScout?>(nil)
    private let worker: EngineWorker?
    private let recoveryTime = Mutex(Duration.zero)
    private let isStopping = Atomic(false)
    /// Turns that were begun and ended: odd while one is under way.
    private let turns = Atomic<UInt64>(0)
    private let office = Mutex<DeadLetterOffice?>(nil)

    /// Opens the engine as its store left it.
    ///
    /// - Parameter isDriven: whether the caller gives the engine its turns (``turn()``); otherwise a thread of its own does, from ``start()`` on.
    /// - Throws: ``LogError`` when the registry cannot be read. A topic, subscription or rule that cannot be opened is opened later, by itself;
    ///   until then what is asked of it is ``BrokerError/unavailable(_:)``.
    public init(
        store: any LogStore, clock: any EngineClock = SystemClock(), entropy: Entropy = Entropy(),
        options: EngineOptions = EngineOptions(), logger: Logger, dispatcher: any DeliveryDispatcher,
        isDriven: Bool = false
    ) throws(LogError) {
        let worker = isDriven ? nil : EngineWorker()
        self.worker = worker
        context = EngineContext(
            store: store, clock: clock, entropy: entropy, options: options, logger: logger,
            dispatcher: dispatcher,
            wake: { worker?.wake() },
            offload: { work in
                // One change is made at a time and one snapshot, so there are few such threads; driven engines have none.
                if isDriven { work() } else { WorkerThread(name: "apus-files", work).detach() }
            },
            rest: { pause in
                if !isDriven { Signal().wait(atMost: pause) }
            })
        gate = CommandGate(inbox: context.inbox)
        registry = try RegistryLog(context: context)
        retention = Mutex(RetentionClock())
        let begin = clock.now
        try recover()
        recoveryTime.withLock { $0 = clock.now - begin }
    }

    // MARK: Turns

    /// Starts the worker thread.
    public func start() {
        worker?.start(clock: context.clock) { [weak self] in
            guard let self else { return nil }
            turns.add(1, ordering: .sequentiallyConsistent)
            let deadline = turn()
            turns.add(1, ordering: .sequentiallyConsistent)
            context.options.onRest?()
            return resumption(deadline)
        }
    }

    /// Stops giving turns. What is acknowledged is durable already, so there is nothing to save.
    public func stop() {
        isStopping.store(true, ordering: .releasing)
        let topics = catalog.withLock { $0.topics.values.sorted { $0.name < $1.name } }
        for topic in topics { topic.close() }
        scheduler.withLock { $0 }?.close()
        worker?.stop()
    }

    /// Does what there is to do, and says when it wants to be called again: at once if that is not later than now, nil for when it is woken.
    @discardableResult
    public func turn() -> Duration? {
        context.inbox.drain()
        context.followers.drain(now: context.clock.now)
        let deadline = context.timers.run(now: context.clock.now)
        return context.inbox.isEmpty && context.followers.isEmpty ? deadline : context.clock.now
    }

    /// When the worker goes on: after a short rest when all that waits is a crowd beside which others are at work. A driven engine never rests.
    private func resumption(_ deadline: Duration?) -> Duration? {
        let now = context.clock.now
        guard let pause = context.followers.pause(now: now), context.inbox.isEmpty else { return deadline }
        let end = now + pause
        return context.timers.next.map { min($0, end) } ?? end
    }

    /// Tells turns apart, for ``isAtRest(since:)``.
    package var turnMark: UInt64 { turns.load(ordering: .sequentiallyConsistent) }

    /// Whether the worker has nothing to do before time passes or somebody calls, and has done nothing since `mark`: what somebody saw of the engine's state in between is still so.
    package func isAtRest(since mark: UInt64) -> Bool {
        // In this order: what a turn has taken out of a queue it has not done yet.
        guard context.inbox.isEmpty, context.followers.isEmpty, !gate.isBusy,
            context.timers.next.map({ $0 > context.clock.now }) ?? true
        else { return false }
        return mark.isMultiple(of: 2) && turnMark == mark
    }

    /// When the worker next has something to do because time has passed.
    package var nextDeadline: Duration? { context.timers.next }

    /// Time since some moment in the engine's life.
    package var monotonicNow: Duration { context.clock.now }

    /// Calls `body` in the first turn at or after `deadline`, unless the timer is cancelled.
    package func schedule(at deadline: Duration, _ body: @escaping @Sendable () -> Void) -> UInt64 {
        context.timers.schedule(at: deadline, body)
    }

    /// Forgets a timer.
    package func cancelTimer(_ timer: UInt64) { context.timers.cancel(timer) }

    /// Has the worker look at the clock again, which was moved.
    package func clockMoved() { context.inbox.post {} }

    var isStopped: Bool { isStopping.load(ordering: .acquiring) }

    // MARK: Recovery

    private func recover() throws(LogError) {
        let (definitions, gone) = try registry.load()
        let office = DeadLetterOffice(context: context) { [weak self] name, completion in
            guard let self else { return completion(.failure(.unavailable(.stopping))) }
            self.openDeadLetterTopic(name, completion)
        }
        self.office.withLock { $0 = office }
        catalog.withLock { $0.definitions = definitions }
        putToWork()
        if isSomethingClosed { reopenSoon() }
        // Deletions that were decided and not carried out before the end of the last life.
        for log in gone { try? context.store.delete(log) }
        scheduleRetention()
        scheduleLooks()
    }

    /// Puts a subscription to work.
    func openSubscription(_ definition: SubscriptionDefinition) throws(LogError) {
        guard let topic = topicAtWork(definition.settings.topic) else { return }
        switch definition.settings.kind {
        case .cursor:
            let cursor = try CursorSubscription(definition, topic: topic, context: context)
            catalog.withLock { catalog in
                catalog.cursors[definition.name] = cursor
                catalog.definitions.subscriptions[definition.name] = definition
            }
        case .shared:
            guard let office = office.withLock({ $0 }) else { return }
            // Without its dead-letter topic nobody could tell what is buried there already.
            guard
                topicAtWork(definition.deadLetter) != nil || definitions.topics[definition.deadLetter] == nil
            else { throw .failed("its dead-letter topic '\(definition.deadLetter)' is not open") }
            let shared = try SharedSubscription(
                definition, topic: topic, context: context, deadLetters: office)
            if let target = topicAtWork(definition.deadLetter) {
                let ledger = catalog.withLock { $0.ledgers[definition.deadLetter] }
                try shared.settleBuried(in: target, by: office) { ledger?.isDone($0) ?? false }
            }
            catalog.withLock { catalog in
                catalog.shared[definition.name] = shared
                catalog.definitions.subscriptions[definition.name] = definition
            }
            shared.start()
            watchForIdleSubscriptions()
        }
    }

    // MARK: What runs

    /// The running topic of this name.
    func topicAtWork(_ name: ResourceName) -> Topic? {
        catalog.withLock { $0.topics[name] }
    }

    func requireTopic(_ name: ResourceName) throws(BrokerError) -> Topic {
        if let topic = topicAtWork(name) { return topic }
        guard definitions.topics[name] != nil else { throw .unknownTopic(name) }
        throw .unavailable(.notOpen("topic '\(name)' could not be opened; that is tried again"))
    }

    func requirePartition(_ name: ResourceName, _ number: Int) throws(BrokerError) -> (Topic, Partition) {
        let topic = try requireTopic(name)
        let partitions = topic.partitions
        guard partitions.indices.contains(number) else { throw .unknownPartition(name, number) }
        return (topic, partitions[number])
    }

    // MARK: Status

    /// Wall time as the engine sees it.
    public var now: Timestamp { context.clock.wall }

    public var unavailability: BrokerError.Unavailability? {
        if isStopped { return .stopping }
        guard let refusal = context.store.statistics().refusal,
            case .unavailable(let reason) = BrokerError(refusal)
        else { return nil }
        return reason
    }

    public func status() -> BrokerStatus {
        let (counts, ledgers) = catalog.withLock { catalog in
            (
                (
                    catalog.topics.count, catalog.topics.values.reduce(0) { $0 + $1.partitions.count },
                    catalog.shared.count + catalog.cursors.count, catalog.definitions.rules.count
                ), Array(catalog.ledgers.values)
            )
        }
        return BrokerStatus(
            topics: counts.0, partitions: counts.1, subscriptions: counts.2, rules: counts.3,
            deadLettersWaiting: ledgers.reduce(0) { $0 + $1.waiting }, store: context.store.statistics(),
            recovery: recoveryTime.withLock { $0 }, unopened: context.unopened.report)
    }
}
