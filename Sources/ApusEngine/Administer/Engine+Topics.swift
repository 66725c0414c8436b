// SPDX-License-Identifier: Apache-2.0

// Topics: made, changed, deleted, described.

public import ApusModel
import ApusStorage
import Synchronization

extension Engine {
    public func topics(_ page: Page) throws(BrokerError) -> [TopicDescription] {
        try catalog.withLock { $0.topics.page(page) }.map { topic throws(BrokerError) in try describe(topic) }
    }

    public func topic(_ name: ResourceName) throws(BrokerError) -> TopicDescription {
        try describe(try requireTopic(name))
    }

    private func describe(_ topic: Topic) throws(BrokerError) -> TopicDescription {
        let definition = topic.definition
        let partitions = try topic.partitions.map { partition throws(BrokerError) -> PartitionDescription in
            let bounds = try storing { () throws(LogError) in try context.store.bounds(partition.log) }
            return PartitionDescription(
                number: partition.number, start: bounds.start, end: bounds.end, bytes: bounds.bytes)
        }
        return TopicDescription(
            name: topic.name, id: topic.id, settings: definition.settings, created: definition.created,
            partitions: partitions, published: UInt64(clamping: topic.published.value))
    }

    public func createTopic(
        _ name: ResourceName, _ settings: TopicSettings
    ) async throws(BrokerError) -> TopicDescription {
        let topic = try await change { [self] () throws(BrokerError) in
            guard definitions.topics[name] == nil else {
                _ = try requireTopic(name)
                throw .conflict("topic '\(name)' exists already")
            }
            return try decideTopic(name, settings)
        }
        return try describe(topic)
    }

    /// The running topic of this name, made with `settings` if there is none.
    func ensureTopic(
        _ name: ResourceName, settings: TopicSettings,
        completion: @escaping @Sendable (Result<Topic, BrokerError>) -> Void
    ) {
        change(
            { [self] () throws(BrokerError) in
                if let topic = topicAtWork(name) { return .nothing(topic) }
                return try decideTopic(name, settings)
            }, completion: completion)
    }

    private func decideTopic(
        _ name: ResourceName, _ settings: TopicSettings
    ) throws(BrokerError) -> Decision<Topic> {
        try check(settings)
        try checkQuarantine(of: name, settings)
        let definitions = definitions
        // Defined and not at work: opening it failed, and is tried again.
        if definitions.topics[name] != nil { return .nothing(try requireTopic(name)) }
        guard definitions.topics.count < context.options.topicsMax else {
            throw .invalid("there are \(definitions.topics.count) topics, which is the limit")
        }
        try checkPartitions(adding: settings.partitions)
        let definition = TopicDefinition(
            name: name, id: context.entropy.logFamily(), created: context.clock.wall, settings: settings)
        let topic = Topic(definition, queue: context.followers)
        return Decision(changes: [.topic(definition)]) { [self] () throws(BrokerError) in
            try storing { () throws(LogError) in
                try topic.open(in: context)
                try openDeduplication(topic)
            }
        } apply: { [self] () throws(BrokerError) in
            catalog.withLock { $0.setTopic(name, topic) }
            return topic
        }
    }

    public func alterTopic(
        _ name: ResourceName, _ changes: TopicChanges
    ) async throws(BrokerError) -> TopicDescription {
        let topic = try await change { [self] () throws(BrokerError) -> Decision<Topic> in
            let topic = try requireTopic(name)
            var definition = topic.definition
            let before = definition.settings.partitions
            definition.settings.apply(changes)
            try check(definition.settings)
            try checkQuarantine(of: name, definition.settings)
            guard !definition.settings.cleanup.compacts || !definition.holdsDeadLetters else {
                throw .invalid(
                    "topic '\(name)' holds dead letters, which are kept until somebody deals with them: it cannot be compacted"
                )
            }
            guard definition.settings.partitions >= before else {
                throw .invalid(
                    "topic '\(name)' has \(before) partitions; they can be added, not taken away: events are in them"
                )
            }
            try checkPartitions(adding: definition.settings.partitions - before)
            let altered = definition
            return Decision(changes: [.topic(altered)]) { [self] () throws(BrokerError) in
                try storing { () throws(LogError) in
                    try topic.alter(altered, in: context)
                    try openDeduplication(topic)
                }
            } apply: { () throws(BrokerError) in
                topic
            }
        }
        return try describe(topic)
    }

    public func deleteTopic(_ name: ResourceName, cascade: Bool) async throws(BrokerError) {
        try await change { [self] () throws(BrokerError) -> Decision<Void> in
            let topic = try requireTopic(name)
            let definitions = definitions
            let rules = definitions.rules.values.filter {
                $0.settings.topic == name || $0.targetTopics.contains(name)
            }.sorted { $0.name < $1.name }
            let ruleNames = Set(rules.map(\.name))
            let used = definitions.subscriptions.values.filter { $0.settings.topic == name }
            // With a rule of another topic that copies here go the subscriptions behind its webhooks.
            let subscriptions = definitions.subscriptions.values.filter { subscription in
                subscription.settings.topic == name
                    || subscription.rule.map { ruleNames.contains($0) } == true
            }.sorted { $0.name < $1.name }
            let schedules = definitions.schedules.values.filter { $0.settings.topic == name }.sorted {
                $0.name < $1.name
            }
            if let feed = definitions.feeds.values.filter({ $0.settings.into == name }).map(\.name).min() {
                // What runs because of it is not the engine's to end.
                throw .conflict(
                    "feed '\(feed)' brings events into topic '\(name)': delete it first (apus feed delete \(feed)), or cascade"
                )
            }
            guard cascade || schedules.isEmpty else {
                throw .conflict(
                    "topic '\(name)' is used by \(schedules.count) schedules: delete them first, or cascade")
            }
            guard cascade || (rules.isEmpty && used.isEmpty) else {
                throw .conflict(
                    "topic '\(name)' is used by \(used.count) subscriptions and \(rules.count) rules: delete them first, or cascade"
                )
            }
            let changes =
                rules.map { RegistryChange.ruleDeleted($0.name) }
                + subscriptions.map { RegistryChange.subscriptionDeleted($0.name) }
                + schedules.map { RegistryChange.scheduleDeleted($0.name) } + [.topicDeleted(name)]
            return Decision(changes: changes) { [self] () throws(BrokerError) in
                for rule in rules { ruleIsGone(rule) }
                for schedule in schedules { scheduler.withLock { $0 }?.remove(schedule.id) }
                for subscription in subscriptions { closeSubscription(subscription) }
                catalog.withLock { catalog in
                    catalog.setTopic(name, nil)
                    catalog.ledgers[name] = nil
                    catalog.routers.removeValue(forKey: name)?.close()
                }
                forgetDeadLetters(topic)
                topic.close()
                topic.published.remove()
                topic.schemaGuard?.removeMetrics()
                for log in topic.definition.logs { try? context.store.delete(log) }
            }
        }
    }

    private func check(_ settings: TopicSettings) throws(BrokerError) {
        guard (1...10_000).contains(settings.partitions) else {
            throw .invalid("a topic has 1 to 10,000 partitions, not \(settings.partitions)")
        }
        if let age = settings.retentionAge, age < .seconds(1) {
            throw .invalid("events are kept at least one second, or for ever")
        }
        if let bytes = settings.retentionBytes, bytes < 0 {
            throw .invalid("retention in bytes cannot be negative")
        }
        guard (1 << 20...1 << 30).contains(settings.segmentBytes) else {
            throw .invalid("a segment has 1 MiB to 1 GiB, not \(settings.segmentBytes) bytes")
        }
        guard settings.segmentAge >= .milliseconds(1) else {
            throw .invalid("a segment is closed after a millisecond at the earliest")
        }
        guard (1...Defaults.batchBytesMax).contains(settings.batchBytesMax) else {
            throw .invalid(
                "a batch has at most 1 to \(Defaults.batchBytesMax) bytes, not \(settings.batchBytesMax)")
        }
        if let ttl = settings.ttl, ttl < .milliseconds(1) {
            throw .invalid("events live for at least a millisecond, or for as long as they are kept")
        }
        if let deduplication = settings.deduplication {
            guard (.seconds(1)...Defaults.deduplicationWindowMax).contains(deduplication.window) else {
                throw .invalid("duplicates are told for one second to seven days")
            }
            if case .attribute(let name) = deduplication.key,
                !(1...20).contains(name.utf8.count)
                    || !name.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) })
            {
                throw .invalid(
                    "'\(name.prefix(80))' is no extension attribute: those have 1 to 20 lower-case letters and digits"
                )
            }
        }
        let compaction = settings.compaction
        guard compaction.deleteRetention >= .zero, compaction.minLag >= .zero,
            (0...1).contains(compaction.dirtyRatio)
        else {
            throw .invalid(
                "of compaction, times are not negative, and the part that has to be new is between 0 and 1")
        }
        if case .interval(let interval) = settings.durability,
            !(.milliseconds(1) ... .seconds(60)).contains(interval)
        {
            throw .invalid("an interval of durability is 1 ms to 60 s")
        }
    }

    private func checkQuarantine(
        of name: ResourceName, _ settings: TopicSettings
    ) throws(BrokerError) {
        guard settings.schema.quarantine == name else { return }
        throw .invalid("topic '\(name)' cannot be its own quarantine: what it refuses has to go elsewhere")
    }

    private func checkPartitions(adding count: Int) throws(BrokerError) {
        let existing = catalog.withLock { $0.topics.values.reduce(0) { $0 + $1.partitions.count } }
        guard existing + count <= context.options.partitionsMax else {
            throw .invalid(
                "there are \(existing) partitions; \(count) more would exceed the limit of \(context.options.partitionsMax)"
            )
        }
    }
}

extension TopicSettings {
    mutating func apply(_ changes: TopicChanges) {
        if let partitions = changes.partitions { self.partitions = partitions }
        if let durability = changes.durability { self.durability = durability }
        if let age = changes.retentionAge { retentionAge = age }
        if let bytes = changes.retentionBytes { retentionBytes = bytes }
        if let bytes = changes.segmentBytes { segmentBytes = bytes }
        if let age = changes.segmentAge { segmentAge = age }
        if let bytes = changes.batchBytesMax { batchBytesMax = bytes }
        if let ttl = changes.ttl { self.ttl = ttl }
        if let deduplication = changes.deduplication { self.deduplication = deduplication }
        if let timestamps = changes.timestamps { self.timestamps = timestamps }
        if let cleanup = changes.cleanup { self.cleanup = cleanup }
        if let retention = changes.deleteRetention { compaction.deleteRetention = retention }
        if let lag = changes.minCompactionLag { compaction.minLag = lag }
        if let ratio = changes.dirtyRatio { compaction.dirtyRatio = ratio }
        if let schema = changes.schema { self.schema = schema }
    }
}
