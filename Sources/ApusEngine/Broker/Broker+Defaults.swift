// SPDX-License-Identifier: Apache-2.0

// What brokers say that lack something: a recorder in tests, a remote one.

public import ApusModel

// What a broker says that can only describe topics in full.
extension Broker {
    public func topicSummaries() -> [TopicSummary] {
        var summaries: [TopicSummary] = []
        var page = Page(limit: 1000)
        while let topics = try? topics(page), let last = topics.last {
            summaries += topics.map(\.summary)
            page.after = last.name.description
        }
        return summaries
    }

    public func topicSummary(_ name: ResourceName) -> TopicSummary? { (try? topic(name))?.summary }

    public func topicSummary(_ id: LogID) -> TopicSummary? { topicSummaries().first { $0.id == id } }
}

extension TopicDescription {
    /// What is decided about the topic.
    public var summary: TopicSummary {
        TopicSummary(name: name, id: id, settings: settings, partitions: partitions.count)
    }
}

// What a broker that keeps no time says.
extension Broker {
    public func schedule(
        _ events: [DelayedEvent], to topic: ResourceName, key: String?,
        completion: @escaping ScheduleCompletion
    ) {
        completion(.failure(.invalid("this broker does not delay events")))
    }

    public func waitingEvents(
        of topic: ResourceName?, _ page: Page
    ) async throws(BrokerError) -> [WaitingEventDescription] { [] }

    public func waitingEvent(_ id: String) async throws(BrokerError) -> WaitingEventDescription {
        throw .unknownWaitingEvent(id)
    }

    public func cancelWaitingEvent(_ id: String) async throws(BrokerError) { throw .unknownWaitingEvent(id) }

    public func schedules(
        of topic: ResourceName?, _ page: Page
    ) throws(BrokerError) -> [ScheduleDescription] { [] }

    public func schedule(_ name: ResourceName) throws(BrokerError) -> ScheduleDescription {
        throw .unknownSchedule(name)
    }

    public func putSchedule(
        _ name: ResourceName, _ settings: ScheduleSettings
    ) async throws(BrokerError) -> (ScheduleDescription, isNew: Bool) {
        throw .invalid("this broker has no recurring schedules")
    }

    public func deleteSchedule(_ name: ResourceName) async throws(BrokerError) {
        throw .unknownSchedule(name)
    }
}
