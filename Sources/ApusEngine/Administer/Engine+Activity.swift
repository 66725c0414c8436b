// SPDX-License-Identifier: Apache-2.0

// What goes on, gathered from everything at work at once: a list page by page would be put in order for each page.

public import ApusModel
import Synchronization

extension Engine {
    public func activity() -> BrokerActivity {
        let (topics, shared, cursors, ledgers) = catalog.withLock { catalog in
            (
                Array(catalog.topics.values), Array(catalog.shared.values), Array(catalog.cursors.values),
                Array(catalog.ledgers.values)
            )
        }
        var activity = BrokerActivity()
        activity.published = topics.reduce(0) { $0 + $1.published.value }
        activity.deadLettersWaiting = ledgers.reduce(0) { $0 + $1.waiting }
        for subscription in shared { activity.add(subscription.description(in: context)) }
        for subscription in cursors { activity.add(subscription.description(in: context)) }
        return activity
    }

    public func readers(of topics: Set<ResourceName>) -> [ResourceName: TopicReaders] {
        let (shared, cursors) = catalog.withLock { catalog in
            (
                catalog.shared.values.filter { topics.contains($0.topic.name) },
                catalog.cursors.values.filter { topics.contains($0.topic.name) }
            )
        }
        var readers: [ResourceName: TopicReaders] = [:]
        for one in shared {
            readers[one.topic.name, default: TopicReaders()].add(one.description(in: context))
        }
        for one in cursors {
            readers[one.topic.name, default: TopicReaders()].add(one.description(in: context))
        }
        return readers
    }
}
