// SPDX-License-Identifier: Apache-2.0

// What the broker does about time: events accepted for later, listed and cancelled; recurring schedules made, changed and deleted.

public import ApusModel
import ApusSchedule
import ApusStorage
import CloudEvents
import Synchronization

extension Engine {
    func requireScheduler() throws(BrokerError) -> Scheduler {
        guard let scheduler = scheduler.withLock({ $0 }) else {
            throw .unavailable(.notOpen("delayed events could not be opened; that is tried again"))
        }
        return scheduler
    }

    // MARK: Delayed events

    public func schedule(
        _ events: [DelayedEvent], to name: ResourceName, key: String?,
        completion: @escaping ScheduleCompletion
    ) {
        do throws(BrokerError) {
            let scheduler = try requireScheduler()
            guard !isStopped else { throw .unavailable(.stopping) }
            let latest = context.clock.wall.advanced(by: Defaults.delayMax)
            if let event = events.first(where: { $0.due > latest }) {
                throw .invalid(
                    "an event can wait for \(Defaults.delayMax.milliseconds / 86_400_000) days at most, and this one is due in \(context.clock.wall.duration(to: event.due).milliseconds / 86_400_000)"
                )
            }
            guard !events.isEmpty else { return completion(.success([])) }
            guard let topic = topicAtWork(name) else {
                guard context.options.createsTopicsOnPublish, definitions.topics[name] == nil else {
                    _ = try requireTopic(name)
                    return
                }
                return ensureTopic(name, settings: context.options.topicDefaults) { result in
                    switch result {
                    case .success(let topic):
                        scheduler.accept(events, for: topic, key: key, completion: completion)
                    case .failure(let error): completion(.failure(error))
                    }
                }
            }
            if let objection = topic.keyObjection, key == nil,
                events.contains(where: { $0.event.placementKey == nil })
            {
                throw objection
            }
            if topic.schemaGuard != nil { try screen(events.map(\.event), for: topic) }
            scheduler.accept(events, for: topic, key: key, completion: completion)
        } catch {
            completion(.failure(error))
        }
    }

    public func waitingEvents(
        of topic: ResourceName?, _ page: Page
    ) async throws(BrokerError) -> [WaitingEventDescription] {
        let scheduler = try requireScheduler()
        let wanted: LogID? = if let topic { try requireTopic(topic).id } else { nil }
        if let after = page.after, ScheduleKey(cursor: after) == nil {
            throw .invalid("'\(after.prefix(80))' is not where a page of waiting events ended")
        }
        let definitions = definitions
        return try storing { () throws(LogError) in
            try scheduler.list(page, topic: wanted) { definitions.topicName($0) }
        }
    }

    public func waitingEvent(_ id: String) async throws(BrokerError) -> WaitingEventDescription {
        let scheduler = try requireScheduler()
        let definitions = definitions
        let found = try storing { () throws(LogError) in
            try scheduler.describe(id) { definitions.topicName($0) }
        }
        guard let found else { throw .unknownWaitingEvent(id) }
        return found
    }

    public func cancelWaitingEvent(_ id: String) async throws(BrokerError) {
        let scheduler = try requireScheduler()
        let result = await withUnsafeContinuation { continuation in
            scheduler.cancel([id]) { continuation.resume(returning: $0) }
        }
        let missing = try storing { () throws(LogError) in try result.get() }
        guard missing.isEmpty else { throw .unknownWaitingEvent(id) }
    }

    // MARK: Recurring schedules

    public func schedules(
        of topic: ResourceName?, _ page: Page
    ) throws(BrokerError) -> [ScheduleDescription] {
        definitions.schedules.page(page) { topic == nil || $0.settings.topic == topic }.map { describe($0) }
    }

    public func schedule(_ name: ResourceName) throws(BrokerError) -> ScheduleDescription {
        guard let definition = definitions.schedules[name] else { throw .unknownSchedule(name) }
        return describe(definition)
    }

    private func describe(_ definition: ScheduleDefinition) -> ScheduleDescription {
        let standing = scheduler.withLock { $0 }?.standing(of: definition.id)
        return ScheduleDescription(
            name: definition.name, settings: definition.settings, created: definition.created,
            next: standing?.next, fired: standing?.fired ?? 0)
    }

    public func putSchedule(
        _ name: ResourceName, _ settings: ScheduleSettings
    ) async throws(BrokerError) -> (ScheduleDescription, isNew: Bool) {
        let isNew = try await change { [self] () throws(BrokerError) -> Decision<Bool> in
            let scheduler = try requireScheduler()
            let topic = try requireTopic(settings.topic)
            var builder = RecordBatchBuilder()
            builder.append(settings.template, key: settings.key, timestamp: context.clock.wall)
            try topic.check(builder.length, in: context)
            try screen([settings.template], for: topic)
            let (expression, zone) = try compile(settings)
            let existing = definitions.schedules[name]
            guard existing != nil || definitions.schedules.count < context.options.schedulesMax else {
                throw .invalid("there are \(definitions.schedules.count) schedules, which is the limit")
            }
            if let start = settings.start, let end = settings.end, end < start {
                throw .invalid("the schedule would end before it starts")
            }
            if case .all(let limit) = settings.catchUp, !(1...Recurring.catchUpMax).contains(limit) {
                throw .invalid("1 to \(Recurring.catchUpMax) occurrences can be made up for, not \(limit)")
            }
            let now = context.clock.wall
            let definition = ScheduleDefinition(
                name: name, id: existing?.id ?? context.entropy.logFamily(),
                created: existing?.created ?? now,
                settings: settings, changed: now)
            return Decision(changes: [.schedule(definition)]) { () throws(BrokerError) in
                scheduler.define(definition, expression, zone)
                return existing == nil
            }
        }
        return (try schedule(name), isNew)
    }

    public func deleteSchedule(_ name: ResourceName) async throws(BrokerError) {
        try await change { [self] () throws(BrokerError) -> Decision<Void> in
            guard let definition = definitions.schedules[name] else { throw .unknownSchedule(name) }
            return Decision(changes: [.scheduleDeleted(name)]) { [self] () throws(BrokerError) in
                scheduler.withLock { $0 }?.remove(definition.id)
            }
        }
    }

    /// What a schedule says, checked.
    func compile(
        _ settings: ScheduleSettings
    ) throws(BrokerError) -> (ScheduleExpression, TimeZoneRules) {
        let expression: ScheduleExpression
        do throws(ScheduleSyntaxError) {
            expression = try ScheduleExpression(parsing: settings.expression)
        } catch { throw .invalid("schedule '\(settings.expression.prefix(120))' \(error)") }
        do throws(TimeZoneLookupError) {
            return (expression, try context.options.timeZones.zone(named: settings.zone))
        } catch { throw .invalid(error.reason) }
    }

    // MARK: At work

    /// Opens what waits, before anything else is put to work: it remembers offsets.
    func openScheduler() throws(LogError) {
        guard scheduler.withLock({ $0 == nil }) else { return }
        let opened = try Scheduler(context: context) { [weak self] id in
            self?.standing(of: id) ?? .closed
        } topic: { [weak self] in
            self?.topicAtWork($0)
        }
        scheduler.withLock { $0 = opened }
        opened.start()
    }

    private func standing(of id: LogID) -> TopicStanding {
        catalog.withLock { catalog in
            if let topic = catalog.topic(id) { return .open(topic) }
            return catalog.definitions.topicName(id) == nil ? .gone : .closed
        }
    }

    /// Puts a schedule to work that is not yet.
    func openSchedule(_ definition: ScheduleDefinition) throws(LogError) {
        guard let scheduler = scheduler.withLock({ $0 }) else { throw .failed("delayed events are not open") }
        guard !scheduler.isDefined(definition.id) else { return }
        do throws(BrokerError) {
            let (expression, zone) = try compile(definition.settings)
            scheduler.define(definition, expression, zone)
        } catch { throw .failed("\(error)") }
    }
}
