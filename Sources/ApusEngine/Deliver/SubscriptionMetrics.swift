// SPDX-License-Identifier: Apache-2.0

// What is counted about one subscription. Gauges (backlog, oldest event) are read from its description when somebody scrapes.

import ApusModel

/// How an attempt ended, as metrics name it.
enum AttemptOutcome: String, CaseIterable {
    case acknowledged, released, rejected, failed, refused, expired
}

/// The counts of one subscription since start.
struct SubscriptionMetrics: Sendable {
    private let attempts: [Count]
    /// Events handed out, repeats included.
    let handedOut: Count
    /// Events given up.
    let deadLettered: Count
    /// Events or batches that could not be read.
    let unreadable: Count
    /// Events whose time was over when their turn came.
    let expired: Count

    init(name: ResourceName, topic: ResourceName) {
        let dimensions = [("subscription", name.description), ("topic", topic.description)]
        attempts = AttemptOutcome.allCases.map {
            Count("apus_delivery_attempts_total", dimensions + [("outcome", $0.rawValue)])
        }
        handedOut = Count("apus_deliveries_total", dimensions)
        deadLettered = Count("apus_dead_letters_total", dimensions)
        expired = Count("apus_expired_events_total", dimensions)
        unreadable = Count("apus_unreadable_batches_total", dimensions)
    }

    func attempt(_ outcome: AttemptOutcome) {
        for (candidate, count) in zip(AttemptOutcome.allCases, attempts) where candidate == outcome {
            count.increment()
        }
    }

    /// Acknowledged since start.
    var acknowledged: Int64 { attempts[0].value }

    func remove() {
        for count in attempts + [handedOut, deadLettered, unreadable, expired] { count.remove() }
    }
}
