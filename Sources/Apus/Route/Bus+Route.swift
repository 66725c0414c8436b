// SPDX-License-Identifier: Apache-2.0

// Rules: the broker copies matching events to where somebody wants them, whether this program runs or not.

public import ApusBus
import ApusRules

extension Bus {
    /// Has the broker copy events of a kind for which a condition holds; needs ``Feature/rules``. Replaces the rule of this name if there is one.
    ///
    /// ```swift
    /// try await bus.route(
    ///     "vip", OrderPlaced.self, where: \.total > 1000 && \.region == "eu", to: .topic("vip"))
    /// ```
    ///
    /// - Parameters:
    ///   - name: unique within the broker.
    ///   - type: the kind of event.
    ///   - predicate: which of them; nil for all.
    ///   - topic: the topic that the rule sees; nil for that of the kind.
    ///   - targets: where the copies go, at least one.
    /// - Throws: ``BusError/invalid(_:)`` when the condition names what is no field of the event's data.
    public func route<E: Event>(
        _ name: String, _ type: E.Type, where predicate: EventPredicate<E>? = nil, topic: String? = nil,
        to targets: Rule.Target...
    ) async throws(BusError) {
        let pattern = try (predicate ?? .always).pattern()
        try await put(Rule(name: name, topic: topic ?? E.topic, pattern: pattern, targets: targets))
    }

    /// Has the broker copy events that match an event pattern; needs ``Feature/rules``. Replaces the rule of this name if there is one.
    ///
    /// ```swift
    /// try await bus.route(
    ///     "paid", topic: "orders", matching: #"{"data": {"state": ["paid"]}}"#, to: .topic("paid"))
    /// ```
    ///
    /// - Parameters:
    ///   - name: unique within the broker.
    ///   - topic: the topic that the rule sees.
    ///   - pattern: JSON text; nil for all events.
    ///   - targets: where the copies go, at least one.
    public func route(
        _ name: String, topic: String, matching pattern: String? = nil, to targets: Rule.Target...
    ) async throws(BusError) {
        try await put(Rule(name: name, topic: topic, pattern: pattern, targets: targets))
    }

    /// Deletes a rule; nothing happens when there is none of this name.
    public func unroute(_ name: String) async throws(BusError) {
        try require(.rules)
        try await transport.deleteRule(name)
    }

    private func put(_ rule: Rule) async throws(BusError) {
        try require(.rules)
        for case .webhook in rule.targets { try require(.webhooks) }
        guard !rule.targets.isEmpty else { throw .invalid("rule '\(rule.name)' needs a target") }
        var rule = rule
        // Checked here too, so that what is wrong with it is said the same way whatever the broker is.
        if let pattern = rule.pattern { rule.pattern = try PatternCheck.parse(pattern).text }
        try await transport.putRule(rule)
    }
}
