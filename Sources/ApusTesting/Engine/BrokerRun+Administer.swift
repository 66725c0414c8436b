// SPDX-License-Identifier: Apache-2.0

// Administration in a simulated history: topics and subscriptions come, change and go. One change at a time, so that after a crash it
// can be told whether it is there as a whole.

import ApusEngine
import ApusModel
import ApusStorage
import ApusTransport

extension BrokerRun {
    func administer() {
        guard change == nil else { return }
        let topics = topics.filter { $0.certainty == .certain && !$0.holdsDeadLetters }
        guard topics.count > 1 || random.oneIn(2) else { return createTopic() }
        switch random.below(22) {
        case 0..<2: createTopic()
        case 2..<4: alterTopic()
        case 4: deleteTopic()
        case 5..<10: createSubscription()
        case 10..<13: alterSubscription()
        case 13: deleteSubscription()
        case 14..<19: putRule()
        case 19..<21: putSchedule()
        default: deleteRule()
        }
    }

    /// Makes a change; until it is known how that ended, there is no other.
    func make<Value: Sendable>(
        _ change: PendingChange, _ body: @escaping @Sendable (Engine) async throws(BrokerError) -> Value
    ) {
        note(change.what)
        self.change = change
        call(body) { [self] answer in
            note("\(change.what): \(answer)")
            switch answer {
            case .done:
                self.change = nil
                if let engine { change.commit(engine) }
            case .refused(.conflict), .refused(.invalid), .refused(.unknownTopic),
                .refused(.unknownSubscription),
                .refused(.unknownRule), .refused(.unknownSchedule):
                self.change = nil
                change.abort()
            case .refused, .lost:
                // The next start will show.
                break
            }
        }
    }

    func name(_ prefix: String) -> ResourceName? {
        nextName += 1
        return try? ResourceName("\(prefix)\(nextName)")
    }

    func someTopic() -> TopicModel? {
        let topics = topics.filter { $0.certainty == .certain && !$0.holdsDeadLetters }
        return topics.isEmpty ? nil : topics[random.below(topics.count)]
    }

    func someFilter() -> TypeFilter {
        guard random.oneIn(2) else { return TypeFilter() }
        return TypeFilter(
            types: Set((0..<4).filter { _ in random.oneIn(2) }.map { "t\($0)" } + ["t\(random.below(4))"]))
    }

    // MARK: Topics

    func createTopic() {
        let gone = topics.filter { model in
            model.certainty == .gone && !model.holdsDeadLetters
                && !topics.contains { $0.name == model.name && $0.certainty != .gone }
        }
        let reused = gone.isEmpty || random.oneIn(2) ? nil : gone[random.below(gone.count)].name
        guard let name = reused ?? name("topic"), topics.count(where: { $0.certainty != .gone }) < 8 else {
            return
        }
        var settings = TopicSettings(
            partitions: 1 + random.below(4), durability: [.flush, .flush, .flush, .none][random.below(4)],
            retentionAge: random.oneIn(3) ? .seconds(60 + random.below(600)) : nil,
            retentionBytes: random.oneIn(6) ? Int64(random.below(8_000)) : nil,
            ttl: random.oneIn(8) ? .seconds(1 + random.below(600)) : nil,
            // A window that no history outlives, so that every duplicate must be told.
            deduplication: random.oneIn(3) ? DeduplicationSettings(window: .seconds(7 * 86_400)) : nil)
        settings = compactSome(settings)
        let made = settings
        let topic = TopicModel(name, made)
        topics.append(topic)
        make(
            PendingChange(what: "create topic \(name) \(settings)") { engine in
                [(try? engine.topic(name)) != nil]
            } commit: { [self] engine in
                identify(topic, (try? engine.topic(name))?.id)
                topic.certainty = .certain
            } abort: {
                topic.certainty = .gone
            }
        ) { engine throws(BrokerError) in try await engine.createTopic(name, made) }
    }

    private func alterTopic() {
        guard let topic = someTopic() else { return }
        var changes = TopicChanges()
        var settings = topic.settings
        if random.oneIn(2), settings.partitions < 6 { settings.partitions += 1 }
        topic.hasGrown = topic.hasGrown || settings.partitions > topic.settings.partitions
        if random.oneIn(3) {
            settings.retentionAge = random.oneIn(2) ? nil : .seconds(60 + random.below(300))
        }
        if random.oneIn(3) { settings.retentionBytes = random.oneIn(2) ? nil : Int64(random.below(8_000)) }
        changes.partitions = settings.partitions
        changes.retentionAge = .some(settings.retentionAge)
        changes.retentionBytes = .some(settings.retentionBytes)
        let (name, altered, change) = (topic.name, settings, changes)
        make(
            PendingChange(what: "alter topic \(name) \(altered)") { engine in
                [(try? engine.topic(name))?.settings == altered]
            } commit: { _ in
                topic.settings = altered
            } abort: {
            }
        ) { engine throws(BrokerError) in try await engine.alterTopic(name, change) }
    }

    private func deleteTopic() {
        guard let topic = someTopic(), random.oneIn(2) else { return }
        let name = topic.name
        let rules = rules.filter { rule in
            rule.certainty == .certain
                && (rule.topic === topic
                    || rule.versions.last?.settings.targets.contains { $0.topic == name } == true)
        }
        let names = Set(rules.map(\.name))
        let schedules = schedules.filter { $0.certainty == .certain && $0.topic === topic }
        let subscriptions = subscriptions.filter { subscription in
            subscription.certainty == .certain
                && (subscription.topic === topic || subscription.rule.map { names.contains($0) } == true)
        }
        topic.certainty = .uncertain
        for subscription in subscriptions { subscription.certainty = .uncertain }
        for rule in rules { rule.certainty = .uncertain }
        for schedule in schedules { schedule.certainty = .uncertain }
        make(
            PendingChange(what: "delete topic \(name)") { engine in
                [(try? engine.topic(name)) == nil]
                    + subscriptions.map { (try? engine.subscription($0.name)) == nil }
                    + rules.map { (try? engine.rule($0.name)) == nil }
                    + schedules.map { (try? engine.schedule($0.name)) == nil }
            } commit: { [self] _ in
                topic.certainty = .gone
                for subscription in subscriptions { subscription.certainty = .gone }
                for rule in rules { end(rule) }
                for schedule in schedules { schedule.certainty = .gone }
            } abort: {
                topic.certainty = .certain
                for subscription in subscriptions { subscription.certainty = .certain }
                for rule in rules { rule.certainty = .certain }
                for schedule in schedules { schedule.certainty = .certain }
            }
        ) { engine throws(BrokerError) in try await engine.deleteTopic(name, cascade: true) }
    }

    /// A rule is no more.
    func end(_ rule: RuleModel) {
        rule.certainty = .gone
        if let last = rule.versions.indices.last { rule.versions[last].endedAt = step }
    }
}
