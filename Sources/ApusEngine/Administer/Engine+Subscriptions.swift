// SPDX-License-Identifier: Apache-2.0

// Subscriptions: made, changed, deleted, described.

public import ApusModel
import ApusStorage
import ApusTransport
import Logging
import Synchronization

extension Engine {
    public func subscriptions(
        of topic: ResourceName?, _ page: Page
    ) throws(BrokerError) -> [SubscriptionDescription] {
        let found = definitions.subscriptions.page(page) { topic == nil || $0.settings.topic == topic }
        return found.compactMap { describe($0) }
    }

    public func subscription(_ name: ResourceName) throws(BrokerError) -> SubscriptionDescription {
        guard let definition = definitions.subscriptions[name], let description = describe(definition) else {
            throw missing(name)
        }
        return description
    }

    private func describe(_ definition: SubscriptionDefinition) -> SubscriptionDescription? {
        let (shared, cursor) = catalog.withLock { ($0.shared[definition.name], $0.cursors[definition.name]) }
        var description = shared?.description(in: context) ?? cursor?.description(in: context)
        description?.load = load(of: definition)
        return description
    }

    public func createSubscription(
        _ name: ResourceName, _ settings: SubscriptionSettings
    ) async throws(BrokerError) -> SubscriptionDescription {
        try await change { [self] () throws(BrokerError) -> Decision<Void> in
            guard definitions.subscriptions[name] == nil else {
                throw .conflict("subscription '\(name)' exists already")
            }
            let definition = try decideSubscription(name, settings, rule: nil)
            return Decision(changes: [.subscription(definition)]) { [self] () throws(BrokerError) in
                try storing { () throws(LogError) in try openSubscription(definition) }
            }
        }
        return try subscription(name)
    }

    /// A new subscription by definition, its start resolved to offsets.
    func decideSubscription(
        _ name: ResourceName, _ settings: SubscriptionSettings, rule: ResourceName?
    ) throws(BrokerError) -> SubscriptionDefinition {
        let topic = try requireTopic(settings.topic)
        try check(settings)
        guard definitions.subscriptions.count < context.options.subscriptionsMax else {
            throw .invalid("there are \(definitions.subscriptions.count) subscriptions, which is the limit")
        }
        let start = try topic.partitions.map { partition throws(BrokerError) in
            try resolve(settings.start, in: partition)
        }
        let end = try settings.end.map { end throws(BrokerError) in
            try topic.partitions.map { partition throws(BrokerError) in try resolve(end, in: partition) }
        }
        return SubscriptionDefinition(
            name: name, id: context.entropy.logFamily(), created: context.clock.wall, settings: settings,
            topicID: topic.id, startOffsets: start, rule: rule, endOffsets: end)
    }

    public func alterSubscription(
        _ name: ResourceName, _ changes: SubscriptionChanges
    ) async throws(BrokerError) -> SubscriptionDescription {
        try await change { [self] () throws(BrokerError) -> Decision<Void> in
            if changes.push != nil, definitions.subscriptions[name]?.rule != nil {
                throw .conflict("subscription '\(name)' serves a rule: change the rule's target instead")
            }
            return try decideAlteration(of: name, changes)
        }
        return try subscription(name)
    }

    /// A subscription with changed settings.
    func decideAlteration(
        of name: ResourceName, _ changes: SubscriptionChanges
    ) throws(BrokerError) -> Decision<Void> {
        guard var definition = definitions.subscriptions[name] else { throw .unknownSubscription(name) }
        let before = definition.settings
        definition.settings.apply(changes)
        try check(definition.settings)
        if !definition.settings.hasSameOrder(as: before),
            catalog.withLock({ $0.shared[name] })?.isReplaying == true
        {
            throw .conflict(
                "a bounded replay of subscription '\(name)' is under way: change its order afterwards")
        }
        let altered = definition
        return Decision(changes: [.subscription(altered)]) { [self] () throws(BrokerError) in
            let (shared, cursor) = catalog.withLock { ($0.shared[name], $0.cursors[name]) }
            shared?.alter(altered)
            cursor?.alter(altered)
            if altered.settings.pattern != before.pattern {
                // Programs of one group that want different events take turns at this, and each loses what only it wanted.
                context.logger.notice(
                    "a subscription has another filter: what only the former one wanted is not delivered any more",
                    metadata: ["subscription": "\(name)", "topic": "\(altered.settings.topic)"])
            }
            watchForIdleSubscriptions()
        }
    }

    public func deleteSubscription(_ name: ResourceName) async throws(BrokerError) {
        try await change { [self] () throws(BrokerError) -> Decision<Void> in
            guard let definition = definitions.subscriptions[name] else { throw .unknownSubscription(name) }
            if let rule = definition.rule, definitions.rules[rule] != nil {
                throw .conflict("subscription '\(name)' serves rule '\(rule)': delete the rule instead")
            }
            return Decision(changes: [.subscriptionDeleted(name)]) { [self] () throws(BrokerError) in
                closeSubscription(definition)
            }
        }
    }

    /// Takes a subscription that is no longer defined out of work, its log with it.
    func closeSubscription(_ definition: SubscriptionDefinition) {
        let shared = catalog.withLock { catalog in
            catalog.cursors[definition.name] = nil
            return catalog.shared.removeValue(forKey: definition.name)
        }
        shared?.close()
        try? context.store.delete(definition.log)
    }

    private func check(_ settings: SubscriptionSettings) throws(BrokerError) {
        guard settings.lease >= .zero, settings.lease <= .seconds(12 * 3600) else {
            throw .invalid("a lease lasts 0 s to 12 h")
        }
        guard (1...100_000).contains(settings.inFlightMax) else {
            throw .invalid("max_in_flight is 1 to 100,000, not \(settings.inFlightMax)")
        }
        guard (1...1000).contains(settings.attemptsMax) else {
            throw .invalid("max_attempts is 1 to 1,000, not \(settings.attemptsMax)")
        }
        guard settings.retry.initial >= .zero, settings.retry.initial <= settings.retry.max,
            settings.retry.max <= .seconds(7 * 86_400)
        else { throw .invalid("retry.initial is at most retry.max, which is at most 7 days") }
        try settings.retry.check()
        if settings.deadLetter == nil, settings.topic.description.utf8.count > ResourceName.lengthMax - 12 {
            throw .invalid("the topic's name is too long to derive a dead-letter topic from it: name one")
        }
        guard settings.deadLetter != settings.topic else {
            throw .invalid(
                "a topic cannot be its own dead-letter topic: dead letters would come back for ever")
        }
        guard settings.end == nil || settings.kind == .shared else {
            throw .invalid("only shared subscriptions have an end: read to where you want, and commit")
        }
        if let limit = settings.expiresAfter {
            guard settings.kind == .shared, settings.push == nil else {
                throw .invalid(
                    "only a shared subscription that consumers receive from can end when it is idle")
            }
            guard (.seconds(1) ... .seconds(30 * 86_400)).contains(limit) else {
                throw .invalid("expires_after is 1 s to 30 d")
            }
        }
        try checkOrder(settings)
        if let push = settings.push {
            guard settings.kind == .shared else { throw .invalid("only shared subscriptions push") }
            try check(push)
            if let cycle = definitions.cycle(adding: settings) {
                let way = cycle.map(\.description).joined(separator: " → ")
                throw .invalid(
                    "a feed would bring events of topic '\(settings.topic)' back to it from \(push.url): \(way)"
                )
            }
        }
    }

    /// Refuses push settings that cannot work.
    func check(_ push: PushSettings) throws(BrokerError) {
        try push.check()
        if let connection = push.connection {
            guard definitions.connections[connection] != nil else { throw .unknownConnection(connection) }
        }
        if let objection = context.dispatcher.objection(to: push) { throw .invalid(objection) }
    }
}

extension SubscriptionSettings {
    mutating func apply(_ changes: SubscriptionChanges) {
        if let pattern = changes.pattern { self.pattern = pattern }
        if let lease = changes.lease { self.lease = lease }
        if let max = changes.inFlightMax { inFlightMax = max }
        if let max = changes.attemptsMax { attemptsMax = max }
        if let retry = changes.retry { self.retry = retry }
        if let name = changes.deadLetter { deadLetter = name }
        if let push = changes.push { self.push = push }
        if let isPaused = changes.isPaused { self.isPaused = isPaused }
        if let ordering = changes.ordering { self.ordering = ordering }
        if let fairness = changes.fairness { self.fairness = fairness }
        if let priority = changes.priority { self.priority = priority }
        if let limit = changes.expiresAfter { expiresAfter = limit }
        if let limit = changes.alarmAge { alarm.age = limit }
        if let limit = changes.alarmBacklog { alarm.backlog = limit }
    }
}

extension SharedSubscription {
    /// The subscription as it stands.
    func description(in context: EngineContext) -> SubscriptionDescription {
        let ends = topic.ends
        // No copy of the state leaves the lock: it would be shared when it next changes, and so be copied whole.
        let (definition, lastFailure, push, cursors, looked, counts) = state.withLock { state in
            let delivery = state.delivery
            return (
                state.definition, state.lastFailure, pushDescription(state), delivery.cursors(),
                delivery.next,
                (
                    leased: delivery.leased, waiting: delivery.waiting, blocked: delivery.blocked,
                    open: delivery.items.count + delivery.parkedCount,
                    replaying: delivery.replays.values.reduce(0) { $0 + $1.end.rawValue - $1.next.rawValue }
                )
            )
        }
        let positions = ends.enumerated().map { number, end in
            let next = number < looked.count ? looked[number] : .zero
            let end = definition.end(ofPartition: number).map { min($0, end) } ?? end
            return SubscriptionPosition(
                partition: number, cursor: number < cursors.count ? cursors[number] : .zero, next: next,
                end: end)
        }
        let unseen = positions.reduce(Int64(0)) { $0 + max(0, $1.end.rawValue - $1.next.rawValue) }
        return SubscriptionDescription(
            name: name, settings: definition.settings, deadLetter: definition.deadLetter,
            rule: definition.rule,
            created: definition.created, backlog: unseen + Int64(counts.open - counts.leased),
            inFlight: counts.leased, waiting: counts.waiting, blocked: counts.blocked,
            oldestUnsettled: oldest(of: positions, in: topic, context: context),
            acknowledged: UInt64(metrics.acknowledged), deadLettered: UInt64(metrics.deadLettered.value),
            delivered: UInt64(clamping: metrics.handedOut.value), failed: UInt64(clamping: metrics.failed),
            lastFailure: lastFailure,
            replaying: counts.replaying,
            isComplete: definition.endOffsets != nil && positions.allSatisfy { $0.cursor >= $0.end },
            push: push, positions: positions)
    }
}

extension CursorSubscription {
    /// The subscription as it stands.
    func description(in context: EngineContext) -> SubscriptionDescription {
        let definition = definition
        let positions = zip(topic.ends, committed).enumerated().map { number, place in
            SubscriptionPosition(partition: number, cursor: place.1, next: place.1, end: place.0)
        }
        return SubscriptionDescription(
            name: name, settings: definition.settings, deadLetter: definition.deadLetter, rule: nil,
            created: definition.created,
            backlog: positions.reduce(Int64(0)) { $0 + max(0, $1.end.rawValue - $1.cursor.rawValue) },
            inFlight: 0,
            waiting: 0, oldestUnsettled: oldest(of: positions, in: topic, context: context), acknowledged: 0,
            deadLettered: 0, committed: UInt64(clamping: passed), lastFailure: nil, push: nil,
            positions: positions)
    }
}

/// When the oldest event at a cursor arrived.
private func oldest(
    of positions: [SubscriptionPosition], in topic: Topic, context: EngineContext
) -> Timestamp? {
    let partitions = topic.partitions
    return positions.compactMap { position -> Timestamp? in
        guard position.cursor < position.end, position.partition < partitions.count else { return nil }
        let log = partitions[position.partition].log
        return (try? context.store.read(log, from: position.cursor, byteLimit: 1))?.first?.baseTimestamp
    }.min()
}
