// SPDX-License-Identifier: Apache-2.0

// A topic at work: its partitions with the claims to write them, and those who follow it.

import ApusModel
import ApusStorage
import Synchronization

/// One partition at work.
final class Partition: Sendable {
    let number: Int
    let log: LogID
    let claim: LogClaim
    /// How far events are decided: where everybody stops who reads events.
    let signal: AdvanceSignal
    /// How far the log is readable, open transactions too.
    let written: AdvanceSignal
    /// Who appends batches with numbers, and transactions.
    let production: Production
    private let logStart: Atomic<Int64>

    init(
        number: Int, log: LogID, claim: LogClaim, start: Offset, production: Production
    ) {
        self.number = number
        self.log = log
        self.claim = claim
        self.production = production
        signal = production.signal
        written = production.written
        logStart = Atomic(start.rawValue)
    }

    /// The first offset that is kept.
    var start: Offset { Offset(logStart.load(ordering: .acquiring)) }

    /// Where it begins and ends.
    var bounds: PartitionBounds {
        // In this order: what is decided is never beyond what is readable.
        let (start, stableEnd) = (self.start, signal.end)
        return PartitionBounds(start: start, stableEnd: max(start, stableEnd), end: max(start, written.end))
    }

    /// Forgets what is before `offset`.
    func trim(before offset: Offset, in store: any LogStore) throws(LogError) {
        try store.trim(log, before: offset)
        logStart.max(offset.rawValue, ordering: .acquiringAndReleasing)
    }
}

/// A topic at work.
final class Topic: Follower {
    let name: ResourceName
    let id: LogID
    let isQueued = Atomic(false)
    var lane: ResourceName? { name }
    private let isFollowed = Atomic(false)
    /// Whether its growth is known to whoever looks at what came, or concerns nobody: true before the topic is open, then as long as it is on the list.
    private let isGrowthNoted = Atomic(true)
    private let state: Mutex<State>
    private let turns = Atomic<Int>(0)
    private let queue: FollowerQueue
    /// Events published since start.
    let published: Count
    let producerLog: ProducerLog

    private let isDeduplicating = Atomic(false)
    private let isGuarded = Atomic(false)
    private let isCompacted: Atomic<Bool>
    private let batchLimit: Atomic<Int>

    private struct State {
        var definition: TopicDefinition
        var deduplicator: Deduplicator?
        var schemaGuard: SchemaGuard?
        var partitions: [Partition]
        /// In the order in which they came: whose turn it is must not depend on addresses.
        var followers: [any Follower] = []
    }

    init(_ definition: TopicDefinition, queue: FollowerQueue) {
        name = definition.name
        id = definition.id
        self.queue = queue
        producerLog = ProducerLog(definition.producersLog)
        published = Count("apus_published_events_total", [("topic", definition.name.description)])
        isCompacted = Atomic(definition.settings.cleanup.compacts)
        batchLimit = Atomic(definition.settings.batchBytesMax)
        state = Mutex(State(definition: definition, partitions: []))
    }

    /// Claims the logs of partitions that are not claimed yet. They come to work together: keys are placed by the number of partitions.
    func open(in context: EngineContext) throws(LogError) {
        let store = context.store
        let definition = self.definition
        setSchemaGuard(definition, in: context)
        let missing = partitions.count..<max(partitions.count, definition.settings.partitions)
        guard !missing.isEmpty else { return }
        if missing.count > 1 { try store.create(missing.map { definition.partitionLog($0) }) }
        let producers = try producerLog.isOpen ? [:] : producerLog.load(in: context)
        var opened: [Partition] = []
        for number in missing {
            let growth = context.growth
            let signal = AdvanceSignal { [weak self] in
                if let self, !self.isGrowthNoted.load(ordering: .acquiring) { self.noteGrowth(in: growth) }
                // Most flushes of most topics concern nobody: they must not cost a wake-up of the worker.
                guard let self, self.isFollowed.load(ordering: .acquiring) else { return }
                self.queue.enqueue(self)
            }
            let log = definition.partitionLog(number)
            let production = Production(written: AdvanceSignal {}, signal: signal)
            let claim = try store.claim(log, definition.settings.logConfiguration) {
                production.advanced(to: $0)
            }
            let bounds = try store.bounds(log)
            if let producers {
                try production.restore(producers[number], from: log, bounds, in: context)
            }
            production.advanced(to: bounds.end)
            opened.append(
                Partition(number: number, log: log, claim: claim, start: bounds.start, production: production)
            )
        }
        state.withLock { $0.partitions += opened }
        guard context.options.catalogsEvents else { return }
        // What came before it was open is looked at too. A topic that is given more partitions may be on the list already: on it twice, it would be
        // looked at twice in one look.
        if missing.lowerBound == 0 { growthIsSeen() }
        noteGrowth(in: context.growth)
    }

    /// Puts the topic on the list of those that have grown, unless it is there.
    func noteGrowth(in list: GrowthList) {
        guard !isGrowthNoted.exchange(true, ordering: .acquiringAndReleasing) else { return }
        list.append(self)
    }

    /// Somebody looks at what came: what comes from now on is to be noted again.
    func growthIsSeen() { isGrowthNoted.store(false, ordering: .releasing) }

    /// Takes changed settings; more partitions are opened by `open`.
    func alter(_ definition: TopicDefinition, in context: EngineContext) throws(LogError) {
        state.withLock { $0.definition = definition }
        isCompacted.store(definition.settings.cleanup.compacts, ordering: .releasing)
        batchLimit.store(definition.settings.batchBytesMax, ordering: .releasing)
        for partition in partitions {
            try context.store.configure(partition.claim, definition.settings.logConfiguration)
        }
        try open(in: context)
    }

    /// Whether all partitions are at work.
    var isWhole: Bool { state.withLock { $0.partitions.count >= $0.definition.settings.partitions } }

    var definition: TopicDefinition { state.withLock(\.definition) }
    var partitions: [Partition] { state.withLock(\.partitions) }

    /// The readable ends of all partitions.
    var ends: [Offset] { partitions.map(\.signal.end) }

    /// The partition of a topic that has one.
    var onlyPartition: Partition? {
        state.withLock { state in state.partitions.count == 1 ? state.partitions.first : nil }
    }

    /// The partition for a key; without a key each call takes the next one.
    func partition(forKey key: String?) -> Partition? {
        state.withLock { state in
            let count = state.partitions.count
            guard count > 1 else { return state.partitions.first }
            guard let key else {
                let turn = turns.wrappingAdd(1, ordering: .relaxed).oldValue
                return state.partitions[Int(UInt(bitPattern: turn) % UInt(count))]
            }
            return state.partitions[Partitioner.partition(ofKey: key, count: count)]
        }
    }

    /// What tells duplicates, for topics that want to know: for all others one load.
    var deduplicator: Deduplicator? {
        isDeduplicating.load(ordering: .acquiring) ? state.withLock(\.deduplicator) : nil
    }

    /// What judges events by schemas, for topics that want that: for all others one load.
    var schemaGuard: SchemaGuard? {
        isGuarded.load(ordering: .acquiring) ? state.withLock(\.schemaGuard) : nil
    }

    /// Puts the settings about schemas in force.
    private func setSchemaGuard(_ definition: TopicDefinition, in context: EngineContext) {
        let settings = definition.settings
        let isWanted = settings.schema.enforcement != .off
        let old = state.withLock(\.schemaGuard)
        guard old?.settings != settings.schema || old?.allowsNoData != settings.cleanup.compacts else {
            return
        }
        old?.removeMetrics()
        let new = isWanted ? SchemaGuard(definition, context: context) : nil
        state.withLock { $0.schemaGuard = new }
        isGuarded.store(isWanted, ordering: .releasing)
    }

    /// Why an event cannot be published without a key here; nil when it can.
    var keyObjection: BrokerError? {
        guard isCompacted.load(ordering: .acquiring) else { return nil }
        return .invalid(
            "topic '\(name)' keeps the last event of each key, so an event without a key has no place in it: name a key"
        )
    }

    /// Refuses a batch, or an event in a batch of its own, that is larger than the topic takes.
    func check(_ bytes: Int, in context: EngineContext) throws(BrokerError) {
        let limit = min(batchLimit.load(ordering: .acquiring), context.options.batchBytesMax)
        guard bytes <= limit else { throw .tooLarge(bytes: bytes, limit: limit) }
    }

    func setDeduplicator(_ deduplicator: Deduplicator?) {
        state.withLock { state in
            state.deduplicator?.duplicates.remove()
            state.deduplicator = deduplicator
        }
        isDeduplicating.store(deduplicator != nil, ordering: .releasing)
    }

    /// How long events are worth handing out.
    var timeToLive: Duration? { state.withLock(\.definition.settings.ttl) }

    // MARK: Followers

    func add(_ follower: any Follower) {
        // Before the follower's first turn: it sees what came earlier by itself, and is told of what comes later.
        state.withLock { state in
            state.followers.append(follower)
            isFollowed.store(true, ordering: .releasing)
        }
        queue.enqueue(follower)
    }

    func remove(_ follower: any Follower) {
        state.withLock { state in
            state.followers.removeAll { $0 === follower }
            isFollowed.store(!state.followers.isEmpty, ordering: .releasing)
        }
    }

    /// The topic has grown: everybody who follows it gets a turn.
    func turn(now: Duration) {
        for follower in state.withLock({ $0.followers }) { queue.enqueue(follower) }
    }

    /// Tells everybody who waits that nothing more will come.
    func close() {
        for partition in partitions {
            partition.signal.cancelAll()
            partition.written.cancelAll()
        }
    }
}

extension TopicSettings {
    var logConfiguration: LogConfiguration {
        // A segment that is never closed can never be forgotten, so it closes well within the time that events are kept.
        let age = min(retentionAge.map { max($0 / 4, .seconds(60)) } ?? segmentAge, segmentAge)
        return LogConfiguration(durability: durability, segmentBytesMax: segmentBytes, segmentAgeMax: age)
    }
}
