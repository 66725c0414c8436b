// SPDX-License-Identifier: Apache-2.0

// Rules as JSON, both ways.

internal import ApusEngine
internal import ApusModel
internal import ApusRules
internal import ApusTransform
internal import ApusTransport
internal import JSONText

extension RuleSettings {
    /// What a request's body says; masked secrets stand for those of `stored`.
    init(_ reader: MemberReader, stored: [PushSettings]) throws(Problem) {
        let targets = try reader.require("targets") { _ throws(Problem) in
            try RuleTarget.list(reader, count: Bounds.targets, stored: stored)
        }
        self.init(
            topic: try reader.require("topic", reader.name),
            pattern: try reader.require("pattern", reader.pattern),
            targets: targets, isEnabled: try reader.bool("enabled") ?? true)
    }

    /// The settings of its webhooks.
    var pushes: [PushSettings] {
        targets.compactMap(\.push)
    }
}

extension RuleTarget {
    /// The targets of a request's body; nil when it has no such member.
    static func list(
        _ reader: MemberReader, count: ClosedRange<Int>, stored: [PushSettings]
    ) throws(Problem) -> [RuleTarget]? {
        guard let elements = try reader.list("targets", count: count) else { return nil }
        var targets: [RuleTarget] = []
        for (index, element) in elements.enumerated() {
            targets.append(try RuleTarget(element, in: "targets[\(index)].", stored: stored))
        }
        return targets
    }

    fileprivate init(_ value: JSONValue, in prefix: String, stored: [PushSettings]) throws(Problem) {
        let reader = try MemberReader(value, Schema.ruleTarget, in: prefix)
        let transformation = try reader.transformation("transformation")
        switch (try reader.name("topic"), reader.value("webhook"), reader.value("bus")) {
        case (let topic?, nil, nil): self = .topic(topic, transformation: transformation)
        case (nil, let webhook?, nil):
            let push = try PushSettings(webhook, in: prefix + "webhook.", stored: stored)
            guard push.connection == nil else {
                throw Problem(.malformed, "'\(prefix)webhook' has a 'url'; a connection goes under 'bus'")
            }
            self = .webhook(push, transformation: transformation)
        case (nil, nil, let bus?):
            let push = try PushSettings(bus, in: prefix + "bus.", stored: stored)
            guard push.connection != nil else {
                throw Problem(
                    .malformed, "'\(prefix)bus' has 'connection' and 'topic'; a URL goes under 'webhook'")
            }
            self = .webhook(push, transformation: transformation)
        default:
            throw Problem(
                .malformed, "'\(prefix.dropLast())' must have exactly one of 'topic', 'webhook' and 'bus'")
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
            switch target.destination {
            case .topic(let name): writer.member("topic", name.description)
            case .webhook(let settings):
                writer.key(settings.connection == nil ? "webhook" : "bus")
                writer.push(settings)
            }
            if let transformation = target.transformation {
                writer.key("transformation")
                writer.raw(Array(transformation.text.utf8))
            }
        }
    }
}
