// SPDX-License-Identifier: Apache-2.0

// Rules and recurring events.

public import ApusBus
import ApusEngine
import ApusModel
import ApusRules

extension EmbeddedBus {
    public func putRule(_ rule: Rule) async throws(BusError) {
        let name = try openName(rule.name)
        let topic = try openName(rule.topic)
        var targets: [RuleTarget] = []
        for target in rule.targets {
            switch target {
            case .topic(let target): targets.append(.topic(try openName(target)))
            case .webhook: throw .unsupported(.webhooks, transport: capabilities.transport)
            }
        }
        guard !targets.isEmpty else { throw .invalid("rule '\(name)' has no target") }
        let settings = RuleSettings(
            topic: topic, pattern: try pattern(rule.pattern) ?? .matchAll, targets: targets)
        try await ensureTopic(topic)
        for target in targets { if let topic = target.topic { try await ensureTopic(topic) } }
        do throws(BrokerError) {
            // A rule of the engine stays with its topic.
            if let existing = try? engine.rule(name), existing.settings.topic != topic {
                try await engine.deleteRule(name)
            }
            _ = try await engine.putRule(name, settings)
        } catch { throw BusError(error) }
    }

    public func deleteRule(_ name: String) async throws(BusError) {
        let name = try openName(name)
        do throws(BrokerError) { try await engine.deleteRule(name) } catch {
            if case .unknownRule = error { return }
            throw BusError(error)
        }
    }

    public func putSchedule(_ schedule: RecurringEvent) async throws(BusError) {
        let name = try openName(schedule.name)
        let topic = try openName(schedule.topic)
        let expression: String
        var zone = "UTC"
        switch schedule.recurrence {
        case .cron(let cron, let timeZone): (expression, zone) = (cron, timeZone)
        case .rate(let interval):
            guard interval >= .milliseconds(1) else {
                throw .invalid("an event recurs every millisecond at most, not every \(interval)")
            }
            expression = "@every \(interval.milliseconds)ms"
        }
        try await ensureTopic(topic)
        do throws(BrokerError) {
            _ = try await engine.putSchedule(
                name,
                ScheduleSettings(
                    topic: topic, expression: expression, zone: zone, template: schedule.event))
        } catch { throw BusError(error) }
    }

    public func deleteSchedule(_ name: String) async throws(BusError) {
        let name = try openName(name)
        do throws(BrokerError) { try await engine.deleteSchedule(name) } catch {
            if case .unknownSchedule = error { return }
            throw BusError(error)
        }
    }
}
