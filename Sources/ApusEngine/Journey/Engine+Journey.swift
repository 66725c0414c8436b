// SPDX-License-Identifier: Apache-2.0

// The way of one event, put together when somebody asks: the event from its topic, what was noted from the journey log, rules and subscriptions as they
// are now, copies from where rules and dead letters go. Nothing of this is kept ready: people ask rarely, events come all the time.

import ApusModel
import ApusRules
import ApusStorage
import ApusTransport
import CloudEvents
import Synchronization

extension Engine {
    /// Bytes of the journey log that are looked through for one event.
    static let journeyBytesMax = 512 << 20
    /// Rules and subscriptions of a topic that are told of.
    private static let verdictsMax = 500
    /// How far ahead of the clock the time of an event may be: clients of Kafka say it themselves.
    private static let clockMargin = Defaults.batchTimestampAhead + .seconds(60)

    public func journey(
        of place: EventPlace, explaining: Bool
    ) async throws(BrokerError) -> EventJourney {
        let (topic, partition) = try requirePartition(place.topic, place.partition)
        guard let (stored, isFor) = try event(at: place.offset, of: topic, partition) else {
            guard place.offset < partition.signal.end else { throw .beyondEnd(end: partition.signal.end) }
            throw .invalid("there is no event at \(place): what was there is no event, or was taken back")
        }
        // What is noted is written a little later: who asks wants to see what just happened.
        context.journey?.write()
        let earliest = stored.timestamp.advanced(by: .zero - Engine.clockMargin)
        var (steps, isWhole) = try steps(of: [place], since: earliest)
        // When it really came, if that is noted: its own time may be its producer's.
        let came = min(stored.timestamp, steps[place]?.first?.time ?? stored.timestamp)
        var search = RelativeSearch(since: came)
        try findRelatives(of: stored, in: topic, &search)
        for letter in buried(steps[place] ?? []) where !search.places.contains(letter) {
            try adopt(letter, of: place, &search)
        }
        let more = try self.steps(of: search.places, since: min(came, earliest))
        steps.merge(more.0) { _, new in new }
        isWhole = isWhole && more.1
        let rules = try ruleVerdicts(on: stored, isFor: isFor, explaining: explaining)
        return EventJourney(
            stored: stored, isNoted: context.journey != nil, isWhole: isWhole && search.isWhole,
            steps: steps[place] ?? [],
            schema: stored.quarantineReason.map { .violated($0) }
                ?? schemaVerdict(on: stored.event, in: topic),
            rules: rules,
            subscriptions: subscriptionVerdicts(on: stored, in: topic, isFor: isFor, explaining: explaining),
            ancestors: ancestors(of: stored),
            descendants: search.inOrder.map { relative in
                var relative = relative
                relative.steps = steps[relative.place] ?? []
                return relative
            })
    }

    /// An event as it lies there, and the one that it is for, if it is not for everybody.
    func event(
        at offset: Offset, of topic: Topic, _ partition: Partition
    ) throws(BrokerError) -> (StoredEvent, recipient: String?)? {
        guard offset < partition.signal.end else { return nil }
        var found: (StoredEvent, String?)?
        var budget = Int.max
        try forEachEvent(in: partition, of: topic, offset..<offset.advanced(by: 1), &budget) { record in
            found = (
                StoredEvent(record: record, topic: topic.name, partition: partition.number),
                record.header(LineageHeader.recipientBytes)
            )
        }
        return found
    }

    // MARK: What was noted

    /// What was noted of events since the first of them came.
    private func steps(
        of places: [EventPlace], since time: Timestamp
    ) throws(BrokerError) -> ([EventPlace: [JourneyStep]], isWhole: Bool) {
        guard let journey = context.journey, !places.isEmpty else { return ([:], true) }
        var wanted: [(place: EventPlace, topic: LogID)] = []
        for place in places {
            if let topic = topicAtWork(place.topic) { wanted.append((place, topic.id)) }
        }
        let topics = Set(wanted.map(\.topic))
        var steps: [EventPlace: [JourneyStep]] = [:]
        let isWhole = try storing { () throws(LogError) in
            try journey.forEachRecord(since: time, budget: Engine.journeyBytesMax) { record in
                // Most are of other topics, which their keys tell.
                guard let key = record.key, JourneyStep.isOf(topics, key), let step = JourneyStep(record)
                else { return true }
                for (place, topic) in wanted where step.concerns(topic, place.partition, place.offset) {
                    steps[place, default: []].append(step)
                }
                return !isStopped
            }
        }
        return (steps, isWhole)
    }

    /// Where dead letters of an event are, by what is noted.
    private func buried(_ steps: [JourneyStep]) -> [EventPlace] {
        steps.compactMap { step in
            guard case .buried(_, let letter, _) = step.note else { return nil }
            return EventPlace(letter)
        }
    }

    // MARK: Schemas, rules, subscriptions

    private func schemaVerdict(on event: CloudEvent, in topic: Topic) -> SchemaVerdict {
        guard let schemaGuard = topic.schemaGuard else { return .none }
        do throws(BrokerError) {
            guard let office = try schemaGuard.office() else {
                return .unknown("schemas are not open yet")
            }
            let objection = schemaGuard.objection(to: event, 0, told: true, office)
            return objection.map { .violated("\($0)") } ?? .accepted
        } catch { return .unknown("\(error)") }
    }

    private func ruleVerdicts(
        on stored: StoredEvent, isFor recipient: String?, explaining: Bool
    ) throws(BrokerError) -> [RuleVerdict] {
        try rules(of: stored.topic, Page(limit: Engine.verdictsMax)).map { rule in
            let changed = catalog.withLock { $0.definitions.rules[rule.name]?.changed } ?? rule.created
            let explanation = rule.settings.pattern.explain(stored.event)
            // What is sent back is for one of the rule's targets at most.
            let isMeant = recipient.map { $0.hasPrefix("rule:\(rule.name)/") } ?? true
            return RuleVerdict(
                name: rule.name, isEnabled: rule.settings.isEnabled,
                isNewer: changed > stored.timestamp, isMatch: explanation.isMatched && isMeant,
                explanation: explaining ? explanation : nil,
                targets: rule.settings.targets.map(\.placeText))
        }
    }

    private func subscriptionVerdicts(
        on stored: StoredEvent, in topic: Topic, isFor recipient: String?, explaining: Bool
    ) -> [SubscriptionVerdict] {
        let (shared, cursors) = catalog.withLock { catalog in
            (
                catalog.shared.values.filter { $0.topic === topic },
                catalog.cursors.values.filter { $0.topic === topic }
            )
        }
        var verdicts = shared.map { subscription in
            subscription.state.withLock { $0.verdict(on: stored, recipient) }
        }
        verdicts += cursors.map { cursor in
            let committed = cursor.committed
            let position = stored.partition < committed.count ? committed[stored.partition] : .zero
            return SubscriptionVerdict(
                name: cursor.name, isPush: false, standing: stored.offset < position ? .settled : .ahead)
        }
        verdicts = Array(verdicts.sorted { $0.name < $1.name }.prefix(Engine.verdictsMax))
        for index in verdicts.indices {
            let settings = definitions.subscriptions[verdicts[index].name]?.settings
            guard let explanation = settings?.pattern?.explain(stored.event) else { continue }
            if !explanation.isMatched, verdicts[index].standing != .foreign {
                verdicts[index].standing = .filtered
            }
            if explaining { verdicts[index].explanation = explanation }
        }
        return verdicts
    }
}

extension JourneyStep {
    /// Whether a key is that of an event of one of these topics.
    static func isOf(_ topics: Set<LogID>, _ key: UnsafeRawBufferPointer) -> Bool {
        var reader = ByteReader(key)
        return reader.identity().map { topics.contains($0) } ?? false
    }
}

extension SharedSubscription.State {
    /// How far the subscription is with an event, its pattern left aside.
    fileprivate func verdict(on stored: StoredEvent, _ recipient: String?) -> SubscriptionVerdict {
        let position = Position(partition: stored.partition, offset: stored.offset)
        var verdict = SubscriptionVerdict(
            name: definition.name, rule: definition.rule, isPush: definition.settings.push != nil,
            standing: .settled)
        if let recipient, recipient != definition.name.description {
            verdict.standing = .foreign
            return verdict
        }
        guard let item = delivery.items[position] else {
            let (next, starts) = (delivery.next, definition.startOffsets)
            let isSeen = position.partition < next.count && position.offset < next[position.partition]
            let isBefore =
                position.partition < starts.count && position.offset < starts[position.partition]
            verdict.standing =
                delivery.isParked(position) ? .parked : !isSeen ? .ahead : isBefore ? .before : .settled
            return verdict
        }
        verdict.attempts = item.attempts
        switch item.phase {
        case .ready: verdict.standing = .ready
        case .leased: verdict.standing = .leased
        case .waiting(_, let wall): (verdict.standing, verdict.next) = (.waiting, wall)
        case .closing: verdict.standing = .closing
        case .blocked: verdict.standing = .blocked
        }
        return verdict
    }
}

extension RuleTarget {
    /// Where it leads, without secrets.
    fileprivate var placeText: String {
        switch destination {
        case .topic(let name): name.description
        case .webhook(let push):
            switch push.destination {
            case .web(let url): SecretMask.url(url)
            case .bus: push.url
            }
        }
    }
}
