// SPDX-License-Identifier: Apache-2.0

// The engine looks at itself every few seconds: what counters say and how subscriptions stand, from which rates and alarms follow. A look costs
// a few loads for each partition and a short lock for each subscription; where that takes long, it is done more rarely.

public import ApusModel
import ApusStorage
import ApusTransport
import Logging
import Synchronization

/// What the looks have found.
struct Observation: Sendable {
    var book = LoadBook()
    var watch = SlowConsumerWatch()
    var time: Timestamp?
    /// When the oldest event of each subscription came that has one, and how far the subscription was then: one that stands still is not asked again.
    var oldest: [LogID: (done: Int64, time: Timestamp)] = [:]
}

extension Engine {
    /// A look may take this part of the time between two.
    private static let effort = 0.01
    /// So many subscriptions are asked for their oldest event in one look: the answer may be on the disk.
    private static let oldestMax = 256

    /// Looks now and then, if that is wanted.
    func scheduleLooks() {
        guard let interval = context.options.lookInterval else { return }
        let begun = context.clock.now
        look()
        let pause = max(interval, (context.clock.now - begun) / Engine.effort)
        context.timers.schedule(at: context.clock.now + pause) { [weak self] in self?.scheduleLooks() }
    }

    /// Takes one look.
    func look() {
        let (topics, shared, cursors) = catalog.withLock { catalog in
            (Array(catalog.topics.values), Array(catalog.shared.values), Array(catalog.cursors.values))
        }
        var reading = LoadReading()
        reading.topics = topics.map { topic in
            LoadReading.Topic(
                id: topic.id, name: topic.name, published: topic.published.value,
                ends: topic.partitions.map(\.written.end.rawValue))
        }
        reading.storedBytes = context.store.statistics().storedBytes
        var sights: [SlowConsumerWatch.Sight] = []
        for subscription in shared {
            let (figures, sight) = subscription.look(context)
            reading.subscriptions.append(figures)
            sights.append(sight)
        }
        for subscription in cursors {
            let (figures, sight) = subscription.look()
            reading.subscriptions.append(figures)
            sights.append(sight)
        }
        findAges(&sights, reading.subscriptions)
        let (now, wall) = (context.clock.now, context.clock.wall)
        let changes = observation.withLock { observation in
            observation.book.note(reading, at: now)
            observation.time = wall
            return observation.watch.look(sights, at: wall)
        }
        for change in changes { tell(change) }
    }

    /// Finds out how long the oldest events of subscriptions have waited.
    private func findAges(
        _ sights: inout [SlowConsumerWatch.Sight], _ readings: [LoadReading.Subscription]
    ) {
        let known = observation.withLock(\.oldest)
        let wall = context.clock.wall
        var found: [LogID: (done: Int64, time: Timestamp)] = [:]
        var asked = 0
        for (index, reading) in readings.enumerated() where reading.backlog > 0 || reading.inFlight > 0 {
            if let oldest = known[reading.id], oldest.done == reading.done {
                found[reading.id] = oldest
            } else if asked < Engine.oldestMax {
                asked += 1
                let description = catalog.withLock {
                    ($0.shared[reading.name], $0.cursors[reading.name])
                }
                let one = description.0?.description(in: context) ?? description.1?.description(in: context)
                // What lay there before the subscription did not wait for it.
                guard let one, let oldest = one.oldestUnsettled else { continue }
                found[reading.id] = (reading.done, max(oldest, one.created))
            }
            sights[index].age = found[reading.id].map { max(.zero, $0.time.duration(to: wall)) }
        }
        observation.withLock { $0.oldest = found }
    }

    private func tell(_ change: SlowConsumerWatch.Change) {
        switch change {
        case .raised(let sight):
            context.logger.warning(
                "a subscription is behind: its consumers are slow",
                metadata: [
                    "subscription": "\(sight.name)", "what": "\(SlowConsumerWatch.text(sight))",
                    "next": "apus explain \(sight.name)",
                ])
        case .cleared(let name):
            context.logger.notice("a subscription is no longer behind", metadata: ["subscription": "\(name)"])
        }
    }

    // MARK: Telling

    public func load() -> BrokerLoad {
        let statistics = context.store.statistics()
        let room = statistics.freeBytes.map { $0 - statistics.pendingBytes - statistics.refusesBelow }
        var (load, book) = observation.withLock { observation in
            var load = observation.book.load(room: room)
            load.time = observation.time
            return (load, observation.book)
        }
        let slow = slowSince()
        for (name, since) in slow { load.subscriptions[name]?.slowSince = since }
        load.idleRules = idleRules { book.arrived(in: $0) }
        load.invalidPublishers = context.invalidPublishers.worst(BrokerLoad.told)
        return load
    }

    private func slowSince() -> [(ResourceName, Timestamp)] {
        let ids = catalog.withLock { catalog in
            catalog.shared.values.map { ($0.name, $0.id) } + catalog.cursors.values.map { ($0.name, $0.id) }
        }
        return observation.withLock { observation in
            ids.compactMap { name, id in observation.watch.since(id).map { (name, $0) } }
        }
    }

    public func load(of subscription: ResourceName) -> SubscriptionLoad? {
        definitions.subscriptions[subscription].flatMap { load(of: $0) }
    }

    /// The load on a subscription.
    func load(of definition: SubscriptionDefinition) -> SubscriptionLoad? {
        observation.withLock { observation in
            var load = observation.book.load(of: definition.id)
            load?.slowSince = observation.watch.since(definition.id)
            return load
        }
    }

    public func alarms() -> [Alarm] { diskAlarms() + observation.withLock { $0.watch.alarms } }

    /// Rules at work that matched nothing although events came.
    private func idleRules(_ arrived: (LogID) -> Int64) -> [IdleRule] {
        let (rules, matches, topics) = catalog.withLock {
            ($0.definitions.rules, $0.ruleMatches, $0.topics.mapValues(\.id))
        }
        var idle: [IdleRule] = []
        for rule in rules.values where rule.settings.isEnabled && (matches[rule.name]?.value ?? 0) == 0 {
            guard let topic = topics[rule.settings.topic] else { continue }
            let events = arrived(topic)
            guard events > 0, !hasHandedOut(rule) else { continue }
            idle.append(IdleRule(name: rule.name, topic: rule.settings.topic, events: events))
        }
        return Array(idle.sorted { $0.name < $1.name }.prefix(BrokerLoad.told))
    }

    /// Whether a subscription behind one of the rule's targets has: what goes to webhooks alone is matched there.
    private func hasHandedOut(_ rule: RuleDefinition) -> Bool {
        let names = rule.settings.targets.indices.compactMap { rule.subscriptionName(target: $0) }
        return catalog.withLock { catalog in
            names.contains { (catalog.shared[$0]?.metrics.handedOut.value ?? 0) > 0 }
        }
    }
}

extension SharedSubscription {
    /// How it stands, without what would need a look at the disk.
    fileprivate func look(
        _ context: EngineContext
    ) -> (figures: LoadReading.Subscription, sight: SlowConsumerWatch.Sight) {
        let ends = topic.ends
        let now = context.clock.now
        let (settings, backlog, inFlight, receivers, end, times, occupied, isFree) = state.withLock { state in
            let definition = state.definition
            var (unseen, sum) = (Int64(0), Int64(0))
            for (number, end) in ends.enumerated() {
                let end = definition.end(ofPartition: number).map { min($0, end) } ?? end
                let next = number < state.delivery.next.count ? state.delivery.next[number] : .zero
                unseen += max(0, end.rawValue - next.rawValue)
                sum += end.rawValue
            }
            let open = state.delivery.items.count + state.delivery.parkedCount
            let backlog = unseen + Int64(open - state.delivery.leased)
            state.delivery.times.tell(now)
            return (
                definition.settings, backlog, state.delivery.leased,
                state.waiters.count + state.watchers.count, sum, state.delivery.times,
                state.delivery.times.occupied(leased: state.delivery.leased),
                // What waits for its time, or for a dead letter, waits for no consumer.
                backlog > Int64(state.delivery.waiting + state.delivery.parkedCount + state.delivery.blocked)
            )
        }
        let mustBeAsked = settings.push == nil && !settings.isPaused && isFree
        let isAsked = receivers > 0 || inFlight > 0
        let figures = LoadReading.Subscription(
            id: id, name: name, end: end, backlog: backlog, inFlight: inFlight,
            delivered: metrics.handedOut.value, acknowledged: metrics.acknowledged, failed: metrics.failed,
            deadLettered: metrics.deadLettered.value, ended: times.ended, held: times.held,
            occupied: occupied, room: settings.room, receivers: receivers,
            asked: mustBeAsked ? (isAsked ? now : times.lastAsked) : nil,
            isCrowded: context.slots.isWaiting(id))
        let sight = SlowConsumerWatch.Sight(
            id: id, name: name, settings: settings.alarm, backlog: backlog, age: nil,
            isExcused: settings.isPaused)
        return (figures, sight)
    }
}

extension CursorSubscription {
    fileprivate func look() -> (figures: LoadReading.Subscription, sight: SlowConsumerWatch.Sight) {
        let ends = topic.ends
        let settings = definition.settings
        let backlog = zip(ends, committed).reduce(Int64(0)) { $0 + max(0, $1.0.rawValue - $1.1.rawValue) }
        let figures = LoadReading.Subscription(
            id: id, name: name, end: ends.reduce(0) { $0 + $1.rawValue }, backlog: backlog, inFlight: 0,
            delivered: 0, acknowledged: 0, failed: 0, deadLettered: 0, room: 0, receivers: 0,
            asked: backlog > 0 && !settings.isPaused ? asked ?? .zero : nil,
            isCrowded: false)
        let sight = SlowConsumerWatch.Sight(
            id: id, name: name, settings: settings.alarm, backlog: backlog, age: nil,
            isExcused: settings.isPaused)
        return (figures, sight)
    }
}

extension SubscriptionSettings {
    /// How many events may be handed out and not settled at the same time.
    fileprivate var room: Int {
        guard kind == .shared else { return 0 }
        guard let push else { return inFlightMax }
        return min(inFlightMax, push.concurrency * (push.mode == .batch ? push.batch.eventsMax : 1))
    }
}
