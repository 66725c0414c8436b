// SPDX-License-Identifier: Apache-2.0

// Rules as JSON, both ways.

internal import ApusEngine
internal import ApusModel
internal import ApusRules
internal import ApusTransport
internal import JSONText

extension RuleSettings {
    /// What a request's body says; masked secrets stand for those of `stored`.
    init(_ reader: MemberReader, stored: [PushSettings]) throws(Problem) {
        let elements = try reader.require("targets") { name throws(Problem) in
            try reader.list(name, count: Bounds.targets)
        }
        var targets: [RuleTarget] = []
        for (index, element) in elements.enumerated() {
            targets.append(try RuleTarget(element, in: "targets[\(index)].", stored: stored))
        }
        self.init(
            topic: try reader.require("topic", reader.name),
            pattern: try reader.require("pattern", reader.pattern),
            targets: targets, isEnabled: try reader.bool("enabled") ?? true)
    }

    /// The settings of its webhooks.
    var pushes: [PushSettings] {
        targets.compactMap { if case .webhook(let push) = $0 { push } else { nil } }
    }
}

extension RuleTarget {
    fileprivate init(_ value: JSONValue, in prefix: String, stored: [PushSettings]) throws(Problem) {
        let reader = try MemberReader(value, Schema.ruleTarget, in: prefix)
        switch (try reader.name("topic"), reader.value("webhook")) {
        case (let topic?, nil): self = .topic(topic)
        case (nil, let webhook?):
            self = .webhook(try PushSettings(webhook, in: prefix + "webhook.", stored: stored))
        default:
            throw Problem(.malformed, "'\(prefix.dropLast())' must have exactly one of 'topic' and 'webhook'")
        }
    }
}

extension JSONWriter {
    mutating func rule(_ rule: RuleDescription) {
        object { writer in
            writer.member("name", rule.name.description)
            writer.member("topic", rule.settings.topic.description)
            writer.key("pattern")
            writer.raw(Array(rule.settings.pattern.text.utf8))
            writer.member("targets", list: rule.settings.targets) { $0.target($1) }
            writer.member("enabled", rule.settings.isEnabled)
            writer.member("created", rule.created)
            writer.member("matches", rule.matches)
            writer.member("subscriptions", list: rule.subscriptions) { $0.string($1.description) }
        }
    }

    private mutating func target(_ target: RuleTarget) {
        object { writer in
            switch target {
            case .topic(let name): writer.member("topic", name.description)
            case .webhook(let settings):
                writer.key("webhook")
                writer.push(settings)
            }
        }
    }
}
