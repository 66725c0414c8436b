// SPDX-License-Identifier: Apache-2.0

// What is counted about one subscription. Gauges (backlog, oldest event) are read from its description when somebody scrapes.

import ApusModel

/// How an attempt ended, as metrics name it.
enum AttemptOutcome: String, CaseIterable {
    case acknowledged, released, rejected, failed, refused, expired

    /// Its place among all cases.
    fileprivate var place: Int {
        switch self {
        case .acknowledged: 0
        case .released: 1
        case .rejected: 2
        case .failed: 3
        case .refused: 4
        case .expired: 5
        }
    }
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

    func attempt(_ outcome: AttemptOutcome, count: Int = 1) {
        attempts[outcome.place].increment(by: Int64(count))
    }

    /// Acknowledged since start.
    var acknowledged: Int64 { attempts[0].value }

    /// Attempts since start that came to nothing: the target failed or refused, the consumer rejected, or the lease ended. What is released is not among
    /// them: it was put back, for whatever reason.
    var failed: Int64 {
        SubscriptionMetrics.failures.reduce(0) { $0 + attempts[$1.place].value }
    }

    private static let failures: [AttemptOutcome] = [.failed, .refused, .rejected, .expired]

    func remove() {
        for count in attempts + [handedOut, deadLettered, unreadable, expired] { count.remove() }
    }
}
