// SPDX-License-Identifier: Apache-2.0

// A broker that is simple enough to be seen through: everything in memory, one partition at a time, no durability. It notes what it
// is asked, and fails as it is told to.

import ApusCatalog
import ApusModel
import ApusRules
import ApusSchemas
import ApusStorage
import ApusTransport
import CloudEvents
import Synchronization

@testable import ApusEngine

final class RecorderBroker: Broker {
    struct State {
        var topics: [ResourceName: TopicDescription] = [:]
        var events: [ResourceName: [[StoredEvent]]] = [:]
        var subscriptions: [ResourceName: SubscriptionDescription] = [:]
        var rules: [ResourceName: RuleDescription] = [:]
        var letters: [DeadLetter] = []
        var delayed: [WaitingEventDescription] = []
        var schedules: [ResourceName: ScheduleDescription] = [:]
        var leases: [String: LeasedEvent] = [:]
        var verdicts: [Verdict] = []
        var replays: [StartPosition] = []
        var selections: [DeadLetterSelection] = []
        var edits: [(letter: String, event: CloudEvent)] = []
        var trials: [(settings: RuleSettings, range: RuleTrialRange, limit: Int)] = []
        var schemas = SchemaRegistry()
        var catalog = EventCatalog()
        var trimmedBefore: Int64 = 0
        var error: BrokerError?
        var unavailability: BrokerError.Unavailability?
        var store = StoreStatistics()
        var idCount: UInt64 = 0
        var waits = 0
    }

    static let created = Timestamp(milliseconds: 1_795_467_600_000)
    private let state = Mutex(State())

    func change<Value: Sendable>(_ body: (inout sending State) -> sending Value) -> Value {
        state.withLock { body(&$0) }
    }

    /// Every call fails with `error` from now on.
    func fail(with error: BrokerError?) { change { $0.error = error } }

    private func check() throws(BrokerError) {
        if let error = state.withLock({ $0.error }) { throw error }
    }

    @discardableResult
    func addTopic(_ name: ResourceName, partitions: Int = 1) -> TopicDescription {
        change { $0.addTopic(name, TopicSettings(partitions: partitions)) }
    }

    func append(_ event: CloudEvent, to name: ResourceName, partition: Int = 0) {
        change { _ = $0.append(event, to: name, partition: partition, key: nil) }
    }

    // MARK: Publish

    func publish(
        _ events: [CloudEvent], to topic: ResourceName, key: String?, completion: @escaping PublishCompletion
    ) {
        let result = state.withLock { state -> Result<[PublishReceipt], BrokerError> in
            if let error = state.error { return .failure(error) }
            guard state.topics[topic] != nil else { return .failure(.unknownTopic(topic)) }
            return .success(events.map { state.append($0, to: topic, partition: 0, key: key) })
        }
        completion(result)
    }

    // MARK: Fetch

    func fetch(
        _ topic: ResourceName, partition: Int, from position: StartPosition, limit: Int, pattern: Pattern?,
        wait: Duration
    ) async throws(BrokerError) -> FetchedEvents {
        let deadline = ContinuousClock.now.advanced(by: wait)
        while true {
            try check()
            let found = try fetchNow(topic, partition, position, limit, pattern)
            if !found.events.isEmpty || ContinuousClock.now >= deadline || Task.isCancelled { return found }
            change { $0.waits += 1 }
            // A test double may poll; cancelled, it looks once more and returns.
            try? await Task.sleep(for: .milliseconds(2))
        }
    }

    private func fetchNow(
        _ topic: ResourceName, _ partition: Int, _ position: StartPosition, _ limit: Int, _ pattern: Pattern?
    ) throws(BrokerError) -> FetchedEvents {
        let (partitions, trimmedBefore) = state.withLock { ($0.events[topic], $0.trimmedBefore) }
        guard let partitions else { throw .unknownTopic(topic) }
        guard partitions.indices.contains(partition) else { throw .unknownPartition(topic, partition) }
        let events = partitions[partition]
        let end = Offset(Int64(events.count))
        let start: Int64 =
            switch position {
            case .earliest: trimmedBefore
            case .latest: end.rawValue
            case .offset(let offset): offset.rawValue
            case .time(let time): Int64(events.firstIndex { $0.timestamp >= time } ?? events.count)
            }
        guard start >= trimmedBefore else { throw .trimmed(start: Offset(trimmedBefore)) }
        guard start <= end.rawValue else { throw .beyondEnd(end: end) }
        var next = start
        var found: [StoredEvent] = []
        while next < end.rawValue, found.count < limit {
            let stored = events[Int(next)]
            if pattern?.explain(stored.event).isMatched ?? true { found.append(stored) }
            next += 1
        }
        return FetchedEvents(events: found, next: Offset(next), end: end)
    }

    func fetch(
        subscription: ResourceName, partition: Int, limit: Int, wait: Duration
    ) async throws(BrokerError) -> FetchedEvents {
        let found = try self.subscription(subscription)
        guard let position = found.positions.first(where: { $0.partition == partition }) else {
            throw .unknownPartition(found.settings.topic, partition)
        }
        return try await fetch(
            found.settings.topic, partition: partition, from: .offset(position.cursor), limit: limit,
            pattern: nil,
            wait: wait)
    }

    // MARK: Receive and settle

    func receive(
        _ subscription: ResourceName, limit: Int, wait: Duration, lease: Duration?
    ) async throws(BrokerError) -> [LeasedEvent] {
        try check()
        let found = try self.subscription(subscription)
        let deadline = ContinuousClock.now.advanced(by: wait)
        while true {
            let leased = state.withLock { state in
                (state.events[found.settings.topic]?.first ?? []).prefix(limit).map { stored in
                    state.idCount += 1
                    let leased = LeasedEvent(
                        lease: "lease-\(state.idCount)", attempt: 1, attemptsMax: found.settings.attemptsMax,
                        deadline: Self.created.advanced(by: lease ?? found.settings.lease), stored: stored)
                    state.leases[leased.lease] = leased
                    return leased
                }
            }
            if !leased.isEmpty || ContinuousClock.now >= deadline || Task.isCancelled { return leased }
            change { $0.waits += 1 }
            try? await Task.sleep(for: .milliseconds(2))
        }
    }

    func settle(
        _ subscription: ResourceName, leases: [String], verdict: Verdict
    ) async throws(BrokerError) -> [SettleResult] {
        try check()
        _ = try self.subscription(subscription)
        return state.withLock { state in
            state.verdicts.append(verdict)
            return leases.map { lease in
                if case .extend = verdict { return state.leases[lease] == nil ? .expired : .ok }
                return state.leases.removeValue(forKey: lease) == nil ? .expired : .ok
            }
        }
    }

    func commit(_ subscription: ResourceName, partition: Int, offset: Offset) async throws(BrokerError) {
        try check()
        var found = try self.subscription(subscription)
        guard found.settings.kind == .cursor else {
            throw .invalid("'\(subscription)' is not of the cursor kind")
        }
        guard let index = found.positions.firstIndex(where: { $0.partition == partition }) else {
            throw .unknownPartition(found.settings.topic, partition)
        }
        found.positions[index].cursor = offset
        let changed = found
        change { $0.subscriptions[subscription] = changed }
    }

    func replay(_ subscription: ResourceName, from position: StartPosition) async throws(BrokerError) {
        try check()
        _ = try self.subscription(subscription)
        change { $0.replays.append(position) }
    }

    func replay(
        _ subscription: ResourceName, from start: StartPosition, to end: StartPosition
    ) async throws(BrokerError) {
        try check()
        _ = try self.subscription(subscription)
        change { $0.replays += [start, end] }
    }

    func previewReplay(
        _ subscription: ResourceName, from start: StartPosition, to end: StartPosition?
    ) throws(BrokerError) -> [ReplayPreview] {
        try check()
        _ = try self.subscription(subscription)
        return []
    }

    func retryNow(
        _ subscription: ResourceName, _ chosen: RetryChoice
    ) async throws(BrokerError) -> RetriedNow {
        try check()
        _ = try self.subscription(subscription)
        return switch chosen {
        case .all: RetriedNow(retried: 7, isProbed: true)
        case .events(let places): RetriedNow(retried: places.count, isProbed: false)
        case .since: RetriedNow(retried: 5, isProbed: false)
        }
    }

    func testPush(_ subscription: ResourceName, _ event: CloudEvent?) async throws(BrokerError) -> PushTest {
        try check()
        _ = try self.subscription(subscription)
        throw .conflict("nothing is sent here")
    }

    func changeSecrets(
        _ subscription: ResourceName, _ change: SecretChange
    ) async throws(BrokerError) -> [WebhookSecret] {
        try check()
        _ = try self.subscription(subscription)
        return switch change {
        case .add(let secret): [secret]
        case .keepNewest: []
        }
    }

    // MARK: Topics

    func topics(_ page: Page) throws(BrokerError) -> [TopicDescription] {
        try check()
        return state.withLock {
            Self.page($0.topics.values.sorted { $0.name < $1.name }, page, \.name.description)
        }
    }

    func topic(_ name: ResourceName) throws(BrokerError) -> TopicDescription {
        guard let topic = state.withLock({ $0.topics[name] }) else { throw .unknownTopic(name) }
        return topic
    }

    func createTopic(
        _ name: ResourceName, _ settings: TopicSettings
    ) async throws(BrokerError) -> TopicDescription {
        try check()
        return change { $0.addTopic(name, settings) }
    }

    func alterTopic(
        _ name: ResourceName, _ changes: TopicChanges
    ) async throws(BrokerError) -> TopicDescription {
        try check()
        var topic = try self.topic(name)
        if let partitions = changes.partitions {
            guard partitions >= topic.settings.partitions else {
                throw .invalid("partitions cannot be taken away")
            }
            topic.settings.partitions = partitions
        }
        if let durability = changes.durability { topic.settings.durability = durability }
        if let age = changes.retentionAge { topic.settings.retentionAge = age }
        if let bytes = changes.retentionBytes { topic.settings.retentionBytes = bytes }
        let changed = topic
        change { $0.topics[name] = changed }
        return changed
    }

    func deleteTopic(_ name: ResourceName, cascade: Bool) async throws(BrokerError) {
        try check()
        _ = try topic(name)
        let isUsed = state.withLock { state in
            state.subscriptions.values.contains { $0.settings.topic == name }
        }
        guard cascade || !isUsed else { throw .conflict("subscriptions use '\(name)'") }
        change { state in
            state.topics[name] = nil
            state.events[name] = nil
        }
    }

    // MARK: Subscriptions

    func subscriptions(of topic: ResourceName?, _ page: Page) throws(BrokerError) -> [SubscriptionDescription]
    {
        try check()
        return state.withLock { state in
            let all = state.subscriptions.values.filter { topic == nil || $0.settings.topic == topic }
            return Self.page(all.sorted { $0.name < $1.name }, page, \.name.description)
        }
    }

    func subscription(_ name: ResourceName) throws(BrokerError) -> SubscriptionDescription {
        guard let found = state.withLock({ $0.subscriptions[name] }) else { throw .unknownSubscription(name) }
        return found
    }

    func createSubscription(
        _ name: ResourceName, _ settings: SubscriptionSettings
    ) async throws(BrokerError) -> SubscriptionDescription {
        try check()
        let topic = try topic(settings.topic)
        let subscription = SubscriptionDescription(
            name: name, settings: settings, deadLetter: settings.deadLetter ?? settings.topic, rule: nil,
            created: Self.created, backlog: 0, inFlight: 0, waiting: 0, oldestUnsettled: nil, acknowledged: 0,
            deadLettered: 0, lastFailure: nil,
            positions: topic.partitions.map {
                SubscriptionPosition(partition: $0.number, cursor: .zero, next: .zero, end: $0.end)
            })
        change { $0.subscriptions[name] = subscription }
        return subscription
    }

    func alterSubscription(
        _ name: ResourceName, _ changes: SubscriptionChanges
    ) async throws(BrokerError) -> SubscriptionDescription {
        try check()
        var found = try subscription(name)
        if let pattern = changes.pattern { found.settings.pattern = pattern }
        if let lease = changes.lease { found.settings.lease = lease }
        if let isPaused = changes.isPaused { found.settings.isPaused = isPaused }
        if let retry = changes.retry { found.settings.retry = retry }
        if let ordering = changes.ordering { found.settings.ordering = ordering }
        if let fairness = changes.fairness { found.settings.fairness = fairness }
        if let priority = changes.priority { found.settings.priority = priority }
        let changed = found
        change { $0.subscriptions[name] = changed }
        return changed
    }

    func deleteSubscription(_ name: ResourceName) async throws(BrokerError) {
        try check()
        _ = try subscription(name)
        change { $0.subscriptions[name] = nil }
    }

    // MARK: Rules

    func rules(of topic: ResourceName?, _ page: Page) throws(BrokerError) -> [RuleDescription] {
        try check()
        return state.withLock {
            let rules = $0.rules.values.filter { topic == nil || $0.settings.topic == topic }
            return Self.page(rules.sorted { $0.name < $1.name }, page, \.name.description)
        }
    }

    func rule(_ name: ResourceName) throws(BrokerError) -> RuleDescription {
        guard let found = state.withLock({ $0.rules[name] }) else { throw .unknownRule(name) }
        return found
    }

    func putRule(
        _ name: ResourceName, _ settings: RuleSettings
    ) async throws(BrokerError) -> (RuleDescription, isNew: Bool) {
        try check()
        let rule = RuleDescription(
            name: name, settings: settings, created: Self.created, matches: 0, subscriptions: [])
        return change { state in (rule, isNew: state.rules.updateValue(rule, forKey: name) == nil) }
    }

    func tryRule(
        _ settings: RuleSettings, over range: RuleTrialRange, showing limit: Int
    ) async throws(BrokerError) -> RuleTrial {
        try check()
        let topic = try topic(settings.topic)
        return state.withLock { state in
            state.trials.append((settings, range, limit))
            let stored = (state.events[topic.name] ?? []).joined()
            let matches = stored.prefix(limit).map {
                RuleTrial.Match(
                    stored: $0, destinations: [RuleTrial.Destination(.webhook(url: "https://example.org/"))])
            }
            return RuleTrial(
                looked: Int64(stored.count), matched: Int64(stored.count), unreadable: 0,
                matches: Array(matches),
                rest: [RuleTrial.Span(partition: 0, next: Offset(5), end: Offset(9))])
        }
    }

    func deleteRule(_ name: ResourceName) async throws(BrokerError) {
        try check()
        _ = try rule(name)
        change { $0.rules[name] = nil }
    }

    // MARK: Dead letters

    func deadLetters(_ selection: DeadLetterSelection, _ page: Page) async throws(BrokerError) -> [DeadLetter]
    {
        try check()
        return state.withLock { state in
            state.selections.append(selection)
            return Self.page(state.letters, page, \.id)
        }
    }

    func redrive(_ selection: DeadLetterSelection, dryRun: Bool) async throws(BrokerError) -> DeadLetterResult
    {
        try check()
        return state.withLock { state in
            state.selections.append(selection)
            return DeadLetterResult(matched: state.letters.count, moved: dryRun ? 0 : state.letters.count)
        }
    }

    func redrive(_ letter: String, as event: CloudEvent) async throws(BrokerError) -> DeadLetterResult {
        try check()
        change { $0.edits.append((letter, event)) }
        return DeadLetterResult(matched: 1, moved: 1)
    }

    func discard(
        _ selection: DeadLetterSelection, reason: String?, dryRun: Bool
    ) async throws(BrokerError) -> DeadLetterResult {
        try await redrive(selection, dryRun: dryRun)
    }

    // MARK: Observe

    var unavailability: BrokerError.Unavailability? { state.withLock { $0.unavailability } }

    func status() -> BrokerStatus {
        state.withLock { state in
            BrokerStatus(
                topics: state.topics.count, partitions: state.topics.count,
                subscriptions: state.subscriptions.count, rules: state.rules.count,
                deadLettersWaiting: Int64(state.letters.count), store: state.store,
                recovery: .milliseconds(12))
        }
    }

    func verify(progress: @Sendable (Int64) -> Void) async throws(BrokerError) -> VerificationReport {
        try check()
        return VerificationReport(batches: 3, bytes: 400, damage: ["orders/0 at offset 7"])
    }

    private static func page<Element>(
        _ all: [Element], _ page: Page, _ name: (Element) -> String
    ) -> [Element] {
        let wanted = page.search?.lowercased() ?? ""
        return Array(
            all.filter { page.after == nil || name($0) > page.after ?? "" }
                .filter { wanted.isEmpty || name($0).lowercased().contains(wanted) }.prefix(page.limit))
    }
}
