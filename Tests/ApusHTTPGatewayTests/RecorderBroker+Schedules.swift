// SPDX-License-Identifier: Apache-2.0

// What the recorder does about time: it keeps what is to wait, and publishes none of it.

import ApusModel
import CloudEvents

@testable import ApusEngine

extension RecorderBroker {
    func schedule(
        _ events: [DelayedEvent], to topic: ResourceName, key: String?,
        completion: @escaping ScheduleCompletion
    ) {
        completion(
            change { state -> Result<[ScheduleReceipt], BrokerError> in
                if let error = state.error { return .failure(error) }
                guard state.topics[topic] != nil else { return .failure(.unknownTopic(topic)) }
                let first = state.delayed.count
                state.delayed += events.enumerated().map { index, delayed in
                    WaitingEventDescription(
                        id: "1-\(first + index)", topic: topic, due: delayed.due, key: key,
                        event: delayed.event)
                }
                return .success(state.delayed[first...].map { ScheduleReceipt(id: $0.id, due: $0.due) })
            })
    }

    func waitingEvents(
        of topic: ResourceName?, _ page: Page
    ) async throws(BrokerError) -> [WaitingEventDescription] {
        let all = change { $0.delayed }.sorted { $0.due < $1.due }
            .filter { topic == nil || $0.topic == topic }
        let start = all.firstIndex { "\($0.due.rawValue)/\($0.id)" == page.after }.map { $0 + 1 } ?? 0
        return Array(all.dropFirst(start).prefix(page.limit))
    }

    func waitingEvent(_ id: String) async throws(BrokerError) -> WaitingEventDescription {
        guard let found = change({ $0.delayed.first { $0.id == id } }) else {
            throw .unknownWaitingEvent(id)
        }
        return found
    }

    func cancelWaitingEvent(_ id: String) async throws(BrokerError) {
        _ = try await waitingEvent(id)
        change { $0.delayed.removeAll { $0.id == id } }
    }

    func schedules(
        of topic: ResourceName?, _ page: Page
    ) throws(BrokerError) -> [ScheduleDescription] {
        let all = change { $0.schedules.values.sorted { $0.name < $1.name } }
        return Array(
            all.filter { topic == nil || $0.settings.topic == topic }
                .filter { page.after == nil || $0.name.description > page.after ?? "" }.prefix(page.limit))
    }

    func schedule(_ name: ResourceName) throws(BrokerError) -> ScheduleDescription {
        guard let found = change({ $0.schedules[name] }) else { throw .unknownSchedule(name) }
        return found
    }

    func putSchedule(
        _ name: ResourceName, _ settings: ScheduleSettings
    ) async throws(BrokerError) -> (ScheduleDescription, isNew: Bool) {
        guard change({ $0.topics[settings.topic] != nil }) else { throw .unknownTopic(settings.topic) }
        let isNew = change { $0.schedules[name] == nil }
        let schedule = ScheduleDescription(
            name: name, settings: settings, created: Self.created, next: settings.start, fired: 0)
        change { $0.schedules[name] = schedule }
        return (schedule, isNew)
    }

    func deleteSchedule(_ name: ResourceName) async throws(BrokerError) {
        _ = try schedule(name)
        change { $0.schedules[name] = nil }
    }
}
