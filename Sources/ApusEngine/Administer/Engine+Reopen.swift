// SPDX-License-Identifier: Apache-2.0

// What is defined is put to work: at start, and again and again while something of it cannot be opened because the disk fails. Until it is
// open nothing is answered for it but that it is not, and nothing is forgotten that it may still need.

import ApusModel
import ApusStorage
import Logging
import Synchronization

/// When to try again.
struct Reopening {
    static let waitMin = Duration.seconds(1)
    static let waitMax = Duration.seconds(60)

    var isScheduled = false
    var wait = Reopening.waitMin
    /// Topics that somebody who is not open needs the events of.
    var spared: Set<ResourceName> = []
    var isComplete = true
}

extension Engine {
    /// Whether anything that is defined is not at work.
    package var isSomethingClosed: Bool { reopening.withLock { !$0.isComplete } }

    /// Tries again, after a while that doubles with every failure.
    func reopenSoon() {
        let wait: Duration? = reopening.withLock { reopening in
            reopening.isComplete = false
            guard !reopening.isScheduled else { return nil }
            reopening.isScheduled = true
            defer { reopening.wait = min(reopening.wait * 2, Reopening.waitMax) }
            return reopening.wait
        }
        guard let wait else { return }
        context.timers.schedule(at: context.clock.now + wait) { [weak self] in
            // As a change like any other, so that none is being made meanwhile.
            self?.gate.run { [weak self] ended in
                self?.reopen()
                ended()
            }
        }
    }

    private func reopen() {
        guard !isStopped else { return }
        reopening.withLock { $0.isScheduled = false }
        putToWork()
        if isSomethingClosed {
            reopenSoon()
        } else {
            reopening.withLock { $0.wait = Reopening.waitMin }
            context.logger.info("everything that is defined is open")
        }
    }

    /// Puts everything that is defined and not at work to work, as far as that goes.
    func putToWork() {
        let definitions = definitions
        var spared: Set<ResourceName> = []
        var isComplete = true
        func attempt(_ what: String, needing topics: [ResourceName] = [], _ body: () throws(LogError) -> Void)
        {
            do throws(LogError) { try body() } catch {
                isComplete = false
                spared.formUnion(topics)
                context.logger.error("\(what) could not be opened, which is tried again: \(error)")
            }
        }
        var changed: Set<ResourceName> = []
        let wasOpen = scheduler.withLock { $0 != nil }
        attempt("delayed events") { () throws(LogError) in try openScheduler() }
        if !wasOpen { changed.formUnion(definitions.topics.keys) }
        attempt("positions of groups") { () throws(LogError) in try openOffsets() }
        attempt("schemas") { () throws(LogError) in try openSchemas() }
        attempt("the catalogue of events") { () throws(LogError) in try openCatalog() }
        for definition in definitions.topics.values.sorted(by: { $0.name < $1.name }) {
            attempt("topic '\(definition.name)'") { () throws(LogError) in
                if try putToWork(definition) { changed.insert(definition.name) }
            }
        }
        attempt("transactions") { () throws(LogError) in try openTransactions() }
        for definition in definitions.subscriptions.values.sorted(by: { $0.name < $1.name })
        where !isAtWork(definition) {
            let topic = definition.settings.topic
            attempt("subscription '\(definition.name)'", needing: [topic]) { () throws(LogError) in
                guard topicAtWork(topic) != nil else { throw .failed("its topic '\(topic)' is not open") }
                try openSubscription(definition)
                changed.insert(topic)
            }
        }
        for definition in definitions.schedules.values.sorted(by: { $0.name < $1.name }) {
            attempt("schedule '\(definition.name)'") { () throws(LogError) in try openSchedule(definition) }
        }
        for (topic, rules) in Dictionary(grouping: definitions.rules.values, by: \.settings.topic).sorted(
            by: { $0.key < $1.key })
        where catalog.withLock({ $0.routers[topic] == nil }) {
            let targets = rules.flatMap(\.targetTopics)
            attempt("rules of topic '\(topic)'", needing: targets + [topic]) { () throws(LogError) in
                for name in targets + [topic] where topicAtWork(name) == nil {
                    throw .failed("topic '\(name)' is not open")
                }
                try openRouter(topic)
                changed.insert(topic)
            }
        }
        for name in changed.sorted() {
            guard let topic = topicAtWork(name) else { continue }
            topic.passOver(seenOffsets(of: topic), in: context)
        }
        reopening.withLock { ($0.spared, $0.isComplete) = (spared, isComplete) }
    }

    /// - Returns: whether it was not at work before.
    private func putToWork(_ definition: TopicDefinition) throws(LogError) -> Bool {
        let name = definition.name
        if let topic = topicAtWork(name) {
            if !topic.isWhole { try topic.alter(definition, in: context) }
            try openDeduplication(topic)
            if definition.holdsDeadLetters, catalog.withLock({ $0.ledgers[name] == nil }) {
                let ledger = try DeadLetterLedger(topic: topic, context: context)
                catalog.withLock { $0.ledgers[name] = ledger }
            }
            return false
        }
        let topic = Topic(definition, queue: context.followers)
        try topic.open(in: context)
        try openDeduplication(topic)
        let ledger =
            definition.holdsDeadLetters ? try DeadLetterLedger(topic: topic, context: context) : nil
        catalog.withLock { catalog in
            catalog.setTopic(name, topic)
            catalog.ledgers[name] = ledger
        }
        return true
    }

    private func isAtWork(_ definition: SubscriptionDefinition) -> Bool {
        catalog.withLock { $0.shared[definition.name] != nil || $0.cursors[definition.name] != nil }
    }

    /// Why a subscription that is not at work cannot be used.
    func missing(_ name: ResourceName) -> BrokerError {
        guard definitions.subscriptions[name] != nil else { return .unknownSubscription(name) }
        return .unavailable(.notOpen("subscription '\(name)' could not be opened; that is tried again"))
    }

    /// Per partition, the offset before which somebody remembers events.
    private func seenOffsets(of topic: Topic) -> [Offset] {
        let (shared, cursors, router, rules, ends) = catalog.withLock { catalog in
            (
                catalog.shared.values.filter { $0.topic === topic },
                catalog.cursors.values.filter { $0.topic === topic }, catalog.routers[topic.name],
                catalog.definitions.rules.values.filter { $0.settings.topic == topic.name },
                catalog.definitions.subscriptions.values.filter { $0.topicID == topic.id }
                    .map(\.seenAtEnd)
            )
        }
        var seen = router?.seen ?? []
        seen.raise(to: topic.partitions.map(\.production.seen))
        for subscription in shared { seen.raise(to: subscription.seen) }
        for subscription in cursors { seen.raise(to: subscription.seen) }
        for rule in rules { seen.raise(to: rule.startOffsets) }
        for end in ends { seen.raise(to: end) }
        if let scheduler = scheduler.withLock({ $0 }) {
            seen.raise(to: topic.partitions.map { scheduler.seen($0.log) })
        }
        return seen
    }
}
