// SPDX-License-Identifier: Apache-2.0

// Rules in a simulated history, and the subscriptions behind their webhooks.

import ApusEngine
import ApusModel
import ApusRules
import ApusStorage
import ApusTransform
import ApusTransport

extension BrokerRun {
    func putRule() {
        let existing = rules.filter { $0.certainty == .certain }
        let old = existing.isEmpty || !random.oneIn(3) ? nil : existing[random.below(existing.count)]
        guard let topic = old?.topic ?? someTopic(), topic.certainty == .certain,
            let name = old?.name ?? name("rule")
        else { return }
        // Copies go to topics with later names only, so no rule ever feeds itself.
        let later = topics.filter { model in
            model.certainty == .certain && !model.holdsDeadLetters && order(model) > order(topic)
        }
        var targets: [RuleTarget] = []
        var copied: [TopicModel] = []
        for model in later where random.oneIn(2) && copied.count < 2 {
            // By the target and not by chance, so that whoever copies there makes the same of an event.
            let shape = order(model).isMultiple(of: 2) ? BrokerRun.shape : nil
            targets.append(.topic(model.name, transformation: shape))
            copied.append(model)
        }
        if targets.isEmpty || random.oneIn(3) { targets.append(.webhook(somePush())) }
        let filter = someFilter()
        let settings = RuleSettings(
            topic: topic.name, pattern: filter.pattern ?? .matchAll, targets: targets,
            isEnabled: !random.oneIn(8))
        let version = RuleVersion(
            settings: settings, filter: filter, targets: settings.isEnabled ? copied : [])
        put(name, topic, old, version)
    }

    /// Leaves what the checks look at as it is, and never fails.
    private static let shape = try? Transformation(
        parsing: #"{"attributes": {"set": {"via": "<apus.topic> <id>"}}, "input_paths": {"id": "$.id"}}"#)

    private func order(_ topic: TopicModel) -> Int { Int(topic.name.description.dropFirst(5)) ?? 0 }

    private func put(_ name: ResourceName, _ topic: TopicModel, _ old: RuleModel?, _ version: RuleVersion) {
        let rule = old ?? RuleModel(name, topic, version)
        if old == nil { rules.append(rule) } else { rule.versions.append(version) }
        let (kept, fresh, gone) = webhooks(of: rule, version)
        subscriptions += fresh.map(\.model)
        for model in gone { model.certainty = .uncertain }
        let settings = version.settings
        make(
            PendingChange(
                what: "put rule \(name) \(settings.pattern) \(settings.targets) \(settings.isEnabled)"
            ) { engine in
                [(try? engine.rule(name))?.settings == settings]
                    + (kept + fresh).map {
                        (try? engine.subscription($0.model.name))?.settings == $0.settings
                    }
                    + gone.map { (try? engine.subscription($0.name)) == nil }
            } commit: { [self] engine in
                if rule.versions.count > 1 { rule.versions[rule.versions.count - 2].endedAt = step }
                rule.versions[rule.versions.count - 1].answeredAt = step
                rule.certainty = .certain
                for entry in kept {
                    entry.model.settings = entry.settings
                    entry.model.filters[entry.model.filters.count - 2].to = step
                }
                for entry in fresh { begin(entry.model, engine) }
                for model in gone { model.certainty = .gone }
            } abort: {
                if old == nil { rule.certainty = .gone } else { rule.versions.removeLast() }
                for entry in kept { entry.model.filters.removeLast() }
                for entry in fresh { entry.model.certainty = .gone }
                for model in gone { model.certainty = .certain }
            }
        ) { engine throws(BrokerError) in try await engine.putRule(name, settings).isNew }
    }

    private typealias Webhook = (model: SubscriptionModel, settings: SubscriptionSettings)

    /// The subscriptions behind a rule's webhooks: those that change, those to come, those to go.
    private func webhooks(
        of rule: RuleModel, _ version: RuleVersion
    ) -> (kept: [Webhook], fresh: [Webhook], gone: [SubscriptionModel]) {
        var kept: [Webhook] = []
        var fresh: [Webhook] = []
        let existing = subscriptions.filter { $0.rule == rule.name && $0.certainty == .certain }
        for (index, target) in version.settings.targets.enumerated() {
            guard let push = target.push,
                let name = try? ResourceName("\(rule.name).webhook-\(index + 1)")
            else { continue }
            let model = existing.first { $0.name == name }
            var settings = model?.settings ?? SubscriptionSettings(topic: rule.topic.name)
            settings.pattern = version.settings.pattern
            settings.push = push
            settings.isPaused = !version.settings.isEnabled
            if let model {
                model.concurrencyMax = max(model.concurrencyMax, push.concurrency)
                model.filters.append(Version(value: version.filter, from: step))
                kept.append((model, settings))
            } else {
                let model = SubscriptionModel(
                    name, rule.topic, settings, version.filter,
                    allowedFrom: stableEnds(of: rule.topic),
                    step: step, rule: rule.name)
                fresh.append((model, settings))
            }
        }
        let names = Set((kept + fresh).map(\.model.name))
        return (kept, fresh, existing.filter { !names.contains($0.name) })
    }

    func deleteRule() {
        let candidates = rules.filter { $0.certainty == .certain }
        guard !candidates.isEmpty else { return }
        let rule = candidates[random.below(candidates.count)]
        let name = rule.name
        let behind = subscriptions.filter { $0.rule == name && $0.certainty == .certain }
        rule.certainty = .uncertain
        for model in behind { model.certainty = .uncertain }
        make(
            PendingChange(what: "delete rule \(name)") { engine in
                [(try? engine.rule(name)) == nil] + behind.map { (try? engine.subscription($0.name)) == nil }
            } commit: { [self] _ in
                end(rule)
                for model in behind { model.certainty = .gone }
            } abort: {
                rule.certainty = .certain
                for model in behind { model.certainty = .certain }
            }
        ) { engine throws(BrokerError) in try await engine.deleteRule(name) }
    }
}
