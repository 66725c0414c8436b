// SPDX-License-Identifier: Apache-2.0

// Topics as protocols ask for them all the time: by name or identity, without a look at their logs.

public import ApusModel
import Synchronization

extension Engine {
    public func topicSummaries() -> [TopicSummary] {
        catalog.withLock { Array($0.topics.values) }.map(\.summary).sorted { $0.name < $1.name }
    }

    public func topicSummary(_ name: ResourceName) -> TopicSummary? { topicAtWork(name)?.summary }

    public func topicSummary(_ id: LogID) -> TopicSummary? {
        catalog.withLock { $0.topic(id) }?.summary
    }
}

extension Topic {
    fileprivate var summary: TopicSummary {
        TopicSummary(name: name, id: id, settings: definition.settings, partitions: partitions.count)
    }
}
