// SPDX-License-Identifier: Apache-2.0

// Rules: made, replaced, deleted, described; and the tables that routers work by.

public import ApusModel
import ApusStorage
import ApusTransform
import ApusTransport
import Synchronization

extension Engine {
    public func rules(of topic: ResourceName?, _ page: Page) throws(BrokerError) -> [RuleDescription] {
        definitions.rules.page(page) { topic == nil || $0.settings.topic == topic }.map { describe($0) }
    }

    public func rule(_ name: ResourceName) throws(BrokerError) -> RuleDescription {
        // Not by way of a copy of all definitions: a change that came meanwhile would have to copy them.
        guard let definition = catalog.withLock({ $0.definitions.rules[name] }) else {
            throw .unknownRule(name)
        }
        return describe(definition)
    }

    private func describe(_ definition: RuleDefinition) -> RuleDescription {
        let subscriptions = webhooks(of: definition).map(\.name)
        let delivered = catalog.withLock { catalog in
            (
                catalog.ruleMatches[definition.name]?.value ?? 0,
                subscriptions.compactMap { catalog.shared[$0]?.metrics.handedOut.value }.max() ?? 0
            )
        }
        return RuleDescription(
            name: definition.name, settings: definition.settings, created: definition.created,
            matches: UInt64(max(delivered.0, delivered.1)), subscriptions: subscriptions)
    }

    /// The webhook targets of a rule, with the names of the subscriptions behind them.
    private func webhooks(
        of definition: RuleDefinition
    ) -> [(name: ResourceName, push: PushSettings, transformation: Transformation?)] {
        definition.settings.targets.enumerated().compactMap { index, target in
            guard let push = target.push, let name = definition.subscriptionName(target: index) else {
                return nil
            }
            return (name, push, target.transformation)
        }
    }

    public func putRule(
        _ name: ResourceName, _ settings: RuleSettings
    ) async throws(BrokerError) -> (RuleDescription, isNew: Bool) {
        let isNew = try await change { [self] () throws(BrokerError) in try decideRule(name, settings) }
        return (try rule(name), isNew)
    }

    func decideRule(
        _ name: ResourceName, _ settings: RuleSettings
    ) throws(BrokerError) -> Decision<Bool> {
        let topic = try requireTopic(settings.topic)
        let definitions = definitions
        let existing = definitions.rules[name]
        guard existing != nil || definitions.rules.count < context.options.rulesMax else {
            throw .invalid("there are \(definitions.rules.count) rules, which is the limit")
        }
        if let existing, existing.settings.topic != settings.topic {
            throw .conflict("rule '\(name)' belongs to topic '\(existing.settings.topic)': delete it first")
        }
        let definition = RuleDefinition(
            name: name, id: existing?.id ?? context.entropy.logFamily(),
            created: existing?.created ?? context.clock.wall,
            settings: settings, startOffsets: existing?.startOffsets ?? topic.ends,
            changed: existing.flatMap { $0.settings == settings ? $0.changed : context.clock.wall })
        try check(definition, definitions)
        let (changes, gone, kept) = try decideWebhooks(definition, definitions)
        return Decision(changes: [.rule(definition)] + changes) { [self] () throws(BrokerError) in
            for subscription in gone { closeSubscription(subscription) }
            for subscription in kept {
                if let shared = catalog.withLock({ $0.shared[subscription.name] }) {
                    shared.alter(subscription)
                } else {
                    try storing { () throws(LogError) in try openSubscription(subscription) }
                }
            }
            try storing { () throws(LogError) in try putToWork(definition) }
            return existing == nil
        }
    }

    /// What a trial of a rule is refused for: the same that making it would be.
    func checkTrial(_ settings: RuleSettings) throws(BrokerError) {
        guard let name = try? ResourceName("trial") else { return }
        let definition = RuleDefinition(
            name: name, id: LogID(high: 0, low: 0), created: context.clock.wall, settings: settings,
            startOffsets: [])
        try check(definition, definitions)
    }

    private func check(_ definition: RuleDefinition, _ definitions: Definitions) throws(BrokerError) {
        guard (1...Engine.ruleTargetsMax).contains(definition.settings.targets.count) else {
            throw .invalid(
                "a rule has 1 to \(Engine.ruleTargetsMax) targets, not \(definition.settings.targets.count)")
        }
        for name in definition.targetTopics { _ = try requireTopic(name) }
        if let cycle = definitions.cycle(adding: definition) {
            let way = cycle.map(\.description).joined(separator: " → ")
            throw .invalid(
                "rule '\(definition.name)' would feed topic '\(definition.settings.topic)' from itself: \(way)"
            )
        }
        for webhook in webhooks(of: definition) { try check(webhook.push) }
        guard !definition.canFail || definition.settings.topic.deadLetter != nil else {
            throw .invalid(
                "the name of topic '\(definition.settings.topic)' is too long for a dead-letter topic, which a transformation needs"
            )
        }
        if definition.settings.targets.count > webhooks(of: definition).count + definition.targetTopics.count
        {
            throw .invalid("the rule's name is too long to name the subscriptions behind its webhooks")
        }
    }

    /// The subscriptions that the rule's webhooks need: those to write down, those that are no longer needed, and those to run.
    private func decideWebhooks(
        _ rule: RuleDefinition, _ definitions: Definitions
    ) throws(BrokerError) -> (
        [RegistryChange], gone: [SubscriptionDefinition], kept: [SubscriptionDefinition]
    ) {
        let wanted = webhooks(of: rule)
        let existing = subscriptions(of: rule, definitions)
        let gone = existing.filter { old in !wanted.contains { $0.name == old.name } }
        var kept: [SubscriptionDefinition] = []
        for (name, push, transformation) in wanted {
            var definition: SubscriptionDefinition
            if let old = definitions.subscriptions[name] {
                guard old.rule == rule.name else {
                    throw .conflict(
                        "subscription '\(name)' exists and does not belong to rule '\(rule.name)'")
                }
                definition = old
            } else {
                definition = try decideSubscription(
                    name, SubscriptionSettings(topic: rule.settings.topic), rule: rule.name)
            }
            definition.settings.pattern = rule.settings.pattern
            definition.settings.push = push
            definition.settings.isPaused = !rule.settings.isEnabled
            definition.transformation = transformation
            kept.append(definition)
        }
        let changes =
            gone.map { RegistryChange.subscriptionDeleted($0.name) }
            + kept.map { RegistryChange.subscription($0) }
        return (changes, gone, kept)
    }

    /// The subscriptions behind the webhooks that a rule has or had.
    private func subscriptions(
        of rule: RuleDefinition, _ definitions: Definitions
    ) -> [SubscriptionDefinition] {
        rule.subscriptionNames(targets: Engine.ruleTargetsMax)
            .compactMap { definitions.subscriptions[$0] }.filter { $0.rule == rule.name }
    }

    private static let ruleTargetsMax = 16

    public func deleteRule(_ name: ResourceName) async throws(BrokerError) {
        try await change { [self] () throws(BrokerError) -> Decision<Void> in
            guard let rule = definitions.rules[name] else { throw .unknownRule(name) }
            let subscriptions = subscriptions(of: rule, definitions)
            let changes =
                subscriptions.map { RegistryChange.subscriptionDeleted($0.name) } + [.ruleDeleted(name)]
            return Decision(changes: changes) { [self] () throws(BrokerError) in
                for subscription in subscriptions { closeSubscription(subscription) }
                ruleIsGone(rule)
            }
        }
    }

    /// Takes a rule that is no longer defined out of work.
    func ruleIsGone(_ rule: RuleDefinition) {
        let router = catalog.withLock { catalog in
            catalog.ruleMatches.removeValue(forKey: rule.name)?.remove()
            return catalog.routers[rule.settings.topic]
        }
        router?.change(rule.name, to: nil)
    }

    // MARK: Routers

    /// Puts a rule to work as it is defined now. Other rules of its topic, however many, are not looked at.
    private func putToWork(_ rule: RuleDefinition) throws(LogError) {
        let (route, router) = catalog.withLock { catalog in
            (Engine.route(of: rule, &catalog), catalog.routers[rule.settings.topic])
        }
        if let router {
            router.change(rule.name, to: route)
        } else {
            try openRouter(rule.settings.topic)
        }
    }

    /// Puts the rules of a topic to work that has no router.
    func openRouter(_ name: ResourceName) throws(LogError) {
        guard let topic = topicAtWork(name) else { return }
        let table = catalog.withLock { catalog -> RouteTable? in
            guard catalog.routers[name] == nil else { return nil }
            var table = RouteTable()
            for rule in catalog.definitions.rules.values where rule.settings.topic == name {
                _ = table.set(rule.name, to: Engine.route(of: rule, &catalog))
            }
            table.deadLetters = name.deadLetter.flatMap { catalog.ledgers[$0]?.topic }
            return table
        }
        guard let table, !table.isEmpty else { return }
        let router = try TopicRouter(topic, table: table, context: context) { [weak self] completion in
            guard let self else { return completion(.failure(.unavailable(.stopping))) }
            self.openDeadLetters(of: name, completion)
        }
        catalog.withLock { $0.routers[name] = router }
        router.start()
    }

    /// What a router has to know of a rule; nil if there is nothing for it to do.
    private static func route(of rule: RuleDefinition, _ catalog: inout Catalog) -> RouteTable.Route? {
        let targets = rule.settings.targets.compactMap { target in
            target.topic.flatMap { catalog.topics[$0] }.map {
                RouteTarget(topic: $0, transformation: target.transformation)
            }
        }
        guard rule.settings.isEnabled, !targets.isEmpty else { return nil }
        let count =
            catalog.ruleMatches[rule.name]
            ?? Count(
                "apus_rule_matches_total",
                [("rule", rule.name.description), ("topic", rule.settings.topic.description)])
        catalog.ruleMatches[rule.name] = count
        return RouteTable.Route(
            rule: rule.name, pattern: rule.settings.pattern, startOffsets: rule.startOffsets,
            targets: targets,
            matches: count)
    }

    /// Makes sure that the rules of a topic have somewhere to put dead letters; `completion` comes when they are about to take over a
    /// table that says where.
    private func openDeadLetters(
        of name: ResourceName, _ completion: @escaping @Sendable (Result<Void, BrokerError>) -> Void
    ) {
        guard let deadLetters = name.deadLetter else { return completion(.failure(.unknownTopic(name))) }
        openDeadLetterTopic(deadLetters) { [self] result in
            context.inbox.post { [self] in
                completion(
                    result.map { topic in
                        catalog.withLock { $0.routers[name] }?.bury(in: topic)
                    })
            }
        }
    }

    /// A topic is gone: rules that put dead letters there have to find another place.
    func forgetDeadLetters(_ topic: Topic) {
        let routers = catalog.withLock { Array($0.routers.values) }
        for router in routers.sorted(by: { $0.topic.name < $1.topic.name }) where router.buries(in: topic) {
            router.bury(in: nil)
        }
    }
}
