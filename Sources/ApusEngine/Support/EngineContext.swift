// SPDX-License-Identifier: Apache-2.0

// What every part of the engine shares: the store, time, chance, the worker's queues, and the limits.

import ApusModel
public import ApusSchemas
import ApusStorage
public import ApusTransport
import Logging
import NIOCore
import Synchronization
package import Tracing

/// How the engine behaves where nobody decided otherwise.
public struct EngineOptions: Sendable {
    /// Whether publishing to a topic that does not exist creates it.
    public var createsTopicsOnPublish = false
    /// Settings of topics that are created without any.
    public var topicDefaults = TopicSettings()
    /// The largest batch that one publish may put into a partition, in bytes.
    public var batchBytesMax = Defaults.batchBytesMax
    /// How many topics, and how many partitions in all, may exist.
    public var topicsMax = 10_000
    /// How many partitions there may be, of all topics.
    public var partitionsMax = 20_000
    /// How many subscriptions may exist.
    public var subscriptionsMax = 20_000
    /// How many rules may exist.
    public var rulesMax = 100_000
    /// How many connections to outside brokers, and how many feeds from them, may exist.
    public var bridgesMax = Defaults.bridgesMax
    /// How many recurring schedules may exist.
    public var schedulesMax = 10_000
    /// How many events may wait for their time.
    public var scheduledMax = Int64(Defaults.scheduledMax)
    /// How many events a topic that tells duplicates remembers at most.
    public var deduplicationEntriesMax = Defaults.deduplicationEntriesMax
    /// How many groups may have committed positions.
    public var groupsMax = Defaults.groupsMax
    /// How many bytes the positions of all groups may have.
    public var offsetsBytesMax = Defaults.offsetsBytesMax
    /// For how long the positions of a group are kept after it was last seen.
    public var offsetsRetention = Defaults.offsetsRetention
    /// How many producers that number their batches a partition remembers at most.
    public var producersMax = Defaults.producersMax
    /// How long a partition remembers a producer that sends nothing and has no transaction open.
    public var producerExpiration = Defaults.producerExpiration
    /// How many transactional ids may be known.
    public var transactionalIDsMax = Defaults.transactionalIDsMax
    /// How many partitions and groups a transaction may have.
    public var transactionPartitionsMax = Defaults.transactionPartitionsMax
    /// For how long a transactional id is remembered after it was last used.
    public var transactionalIDRetention = Defaults.transactionalIDRetention
    /// What appends the markers that end transactions, in place of the partitions; for tests.
    package var markerWriter: MarkerWriter?
    /// Whether batches of transactions are taken only when their coordinator knows of them; tests of partitions by themselves have none.
    package var verifiesTransactions = true
    /// Where time zones are found.
    public var timeZones = TimeZoneDatabase.system
    /// How often the load on topics and subscriptions is looked at; nil for never, as where nobody asks for it.
    public var lookInterval: Duration?
    /// How often retention and compaction look for what can be forgotten.
    public var retentionInterval = Duration.seconds(10)
    /// How many attempts on targets, of all subscriptions, are under way at the same time; asked when some are to begin.
    public var attemptsUnderWayMax: @Sendable () -> Int = { Defaults.attemptsUnderWayMax }
    /// How compaction goes about it; tests make its memory small.
    var compaction = CompactionOptions()
    /// How long to wait before work that the disk refused is tried again.
    public var storeRetryInterval = Duration.seconds(1)
    /// Whether it is written down how far subscriptions have come, as is needed where the store outlives the engine.
    public var writesSubscriptions = true
    /// How many bytes the logs of subscriptions, rules and dead letters grow before they are folded into snapshots; simulations make it small.
    package var snapshotBytes = 256 << 10
    /// How many bytes are appended to a partition before its producers are written down again: what a start has to look through; simulations
    /// make it small.
    package var producerSnapshotBytes: Int64 = 4 << 20
    /// Whether there is a catalogue of events, and types of events are discovered in topics.
    public var catalogsEvents = false
    /// The formats of schemas that are understood.
    public var schemaFormats = SchemaFormats()
    /// How much the registry of schemas holds.
    public var schemaLimits = SchemaRegistryLimits()
    /// How much is noted of the way of events; nil for nothing.
    public var journey: JourneyOptions?
    /// Whether appends, copies and pulled deliveries of events whose trace is recorded become spans of it. Pushes always do, by the program's tracer.
    public var tracesEvents = false
    /// What makes the spans of pulled deliveries; nil for the program's, which tests cannot replace.
    package var tracer: (any Tracer)?
    /// Told, when an event is handed out to consumers or to be pushed and was not before, how long ago its timestamp in the topic was. A subscription that is moved back has its events told again. Quick, and on
    /// any thread.
    public var onFirstDelivery: (@Sendable (Duration) -> Void)?
    /// Called when the worker has done what there was to do, and when a consumer begins to wait, on any thread: for who waits until nothing happens.
    package var onRest: (@Sendable () -> Void)?
    /// Bytes of events that are due soon and kept in memory, about; tests make it small.
    package var scheduleWindowBytes = 64 << 20

    /// The defaults.
    public init() {}
}

/// Hands deliveries to their target and reports the outcome, on any thread.
public protocol DeliveryDispatcher: Sendable {
    /// Starts one attempt with one or several events; calls `completion` exactly once when it has ended. Does not wait.
    func dispatch(
        _ deliveries: [Delivery], to settings: PushSettings, completion: @escaping @Sendable (Outcome) -> Void
    )
    /// Starts one attempt with several events; calls `completion` exactly once with an outcome for each, in order. Does not wait.
    func dispatchEach(
        _ deliveries: [Delivery], to settings: PushSettings,
        completion: @escaping @Sendable ([Outcome]) -> Void)
    /// Asks the target for its consent; calls `completion` exactly once with its answer. Does not wait.
    func requestPermission(_ settings: PushSettings, completion: @escaping @Sendable (Permission) -> Void)
    /// Why nothing will be delivered to this address; nil when it will.
    func objection(to settings: PushSettings) -> String?
}

extension DeliveryDispatcher {
    /// Dispatchers whose attempts succeed or fail as a whole have one outcome for all events.
    public func dispatchEach(
        _ deliveries: [Delivery], to settings: PushSettings,
        completion: @escaping @Sendable ([Outcome]) -> Void
    ) {
        let count = deliveries.count
        dispatch(deliveries, to: settings) { completion(Array(repeating: $0, count: count)) }
    }

    /// Dispatchers whose targets are not asked say yes.
    public func requestPermission(
        _ settings: PushSettings, completion: @escaping @Sendable (Permission) -> Void
    ) {
        completion(.granted(ratePerSecond: nil))
    }
}

/// What every part of the engine shares.
final class EngineContext: Sendable {
    let store: any LogStore
    let clock: any EngineClock
    let entropy: Entropy
    let options: EngineOptions
    let logger: Logger
    let dispatcher: any DeliveryDispatcher
    let timers: TimerQueue
    let inbox: Inbox
    let followers: FollowerQueue
    let slots: AttemptSlots
    let unopened: UnopenedBatches
    let trimmer = LogTrimmer()
    /// What happened to events, where that is noted.
    let journey: JourneyLog?
    /// The log's lines about events that were given up.
    let failures: FailureLog
    let invalidPublishers = InvalidPublishers()
    /// Topics that have grown since somebody looked for types of events in them.
    let growth = GrowthList()
    /// The registry of schemas, once it is open.
    let schemas = Mutex<SchemaOffice?>(nil)
    /// Runs what would hold up the worker.
    let offload: @Sendable (_ work: @escaping @Sendable () -> Void) -> Void
    /// Has what was offloaded wait, so that others get the disk.
    let rest: @Sendable (Duration) -> Void

    init(
        store: any LogStore, clock: any EngineClock, entropy: Entropy, options: EngineOptions, logger: Logger,
        dispatcher: any DeliveryDispatcher, wake: @escaping @Sendable () -> Void,
        offload: @escaping @Sendable (_ work: @escaping @Sendable () -> Void) -> Void,
        rest: @escaping @Sendable (Duration) -> Void
    ) {
        self.offload = offload
        self.rest = rest
        self.store = store
        self.clock = clock
        self.entropy = entropy
        self.options = options
        self.logger = logger
        self.dispatcher = dispatcher
        failures = FailureLog(logger: logger)
        unopened = UnopenedBatches(logger: logger)
        timers = TimerQueue(wake: wake)
        inbox = Inbox(wake: wake)
        followers = FollowerQueue(wake: wake)
        slots = AttemptSlots(capacity: options.attemptsUnderWayMax, followers: followers)
        journey = EngineContext.openJourney(options.journey, store, clock, timers, logger)
    }

    /// Nobody is kept from publishing because the journeys of events cannot be noted.
    private static func openJourney(
        _ options: JourneyOptions?, _ store: any LogStore, _ clock: any EngineClock, _ timers: TimerQueue,
        _ logger: Logger
    ) -> JourneyLog? {
        guard let options else { return nil }
        do throws(LogError) {
            return JourneyLog(
                options, holding: try JourneyLog.claim(options, of: store), store: store, clock: clock,
                timers: timers, logger: logger)
        } catch {
            logger.error("what happens to events is not noted until the next start: \(error)")
            return nil
        }
    }

    /// Gives `follower` a turn after `delay`.
    func enqueue(_ follower: any Follower, after delay: Duration) {
        timers.schedule(at: clock.now + delay) { [followers, weak follower] in
            if let follower { followers.enqueue(follower) }
        }
    }

    /// The moment on the monotonic clock at which the clock on the wall should say `wall`, but no further away than `limit`: a clock
    /// that jumped back must not postpone everything for years.
    func anchor(_ wall: Timestamp, limit: Duration) -> Duration {
        clock.now + min(max(clock.wall.duration(to: wall), .zero), limit)
    }

    /// Every record of a state log, oldest first.
    func replay(_ log: LogID, _ body: (RecordView) -> Void) throws(LogError) {
        let bounds = try store.bounds(log)
        var offset = bounds.start
        while offset < bounds.end {
            let batches = try store.read(log, from: offset, byteLimit: 1 << 20)
            guard let last = batches.last else { break }
            for batch in batches {
                do {
                    try batch.forEachRecord { record in
                        if record.offset >= bounds.start { body(record) }
                        return true
                    }
                } catch {
                    throw .corrupt(
                        log: log, offset: batch.baseOffset, next: batch.nextOffset, reason: "\(error)")
                }
            }
            offset = last.nextOffset
        }
    }

    /// The record at `offset`, handed to `body` in place; nil when there is none.
    func withRecord<Value>(
        _ log: LogID, at offset: Offset, _ body: (RecordView) -> Value
    ) throws(LogError) -> Value? {
        var found: Value?
        for batch in try store.read(log, from: offset, byteLimit: 1) {
            do {
                try batch.forEachRecord { record in
                    guard record.offset >= offset else { return true }
                    if record.offset == offset { found = body(record) }
                    return false
                }
            } catch {
                throw .corrupt(log: log, offset: batch.baseOffset, next: batch.nextOffset, reason: "\(error)")
            }
        }
        return found
    }
}
