// SPDX-License-Identifier: Apache-2.0

// What goes on, gathered from everything at work at once: a list page by page would be put in order for each page.

import ApusModel
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
}
