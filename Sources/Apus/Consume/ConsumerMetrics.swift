// SPDX-License-Identifier: Apache-2.0

// What consuming counts. Labels come from the program's text alone (group, topic, a closed set of outcomes), never from events.

import CoreMetrics

/// What has become of an event here.
enum HandlingOutcome: String, CaseIterable {
    case acknowledged
    case retried
    case deadLettered = "dead-lettered"
    case released
    /// Acknowledged without a handler: its policy says so, or a filter passed it over.
    case skipped
    /// Acknowledged without a handler: the inbox knows it.
    case duplicate
    /// The verdict came too late: the event comes again, or has been handed out again.
    case expired
}

/// `apus_client_consumed_total{group,topic,outcome}`, `apus_client_handler_duration_seconds{group,topic}`, `apus_client_in_flight{group,topic}`.
struct ConsumerMetrics: Sendable {
    private let acknowledged, retried, deadLettered, released, skipped, duplicate, expired: Counter
    let duration: Timer
    let inFlight: Gauge
    /// Whether anybody gets to know durations: a program may have no metrics.
    let keepsDuration: Bool

    init(group: String, topic: String) {
        let own = [("group", group), ("topic", topic)]
        func counter(_ outcome: HandlingOutcome) -> Counter {
            Counter(label: "apus_client_consumed_total", dimensions: own + [("outcome", outcome.rawValue)])
        }
        acknowledged = counter(.acknowledged)
        retried = counter(.retried)
        deadLettered = counter(.deadLettered)
        released = counter(.released)
        skipped = counter(.skipped)
        duplicate = counter(.duplicate)
        expired = counter(.expired)
        duration = Timer(label: "apus_client_handler_duration_seconds", dimensions: own)
        keepsDuration = !(MetricsSystem.factory is NOOPMetricsHandler)
        inFlight = Gauge(label: "apus_client_in_flight", dimensions: own)
    }

    func count(_ outcome: HandlingOutcome, _ number: Int = 1) {
        switch outcome {
        case .acknowledged: acknowledged.increment(by: number)
        case .retried: retried.increment(by: number)
        case .deadLettered: deadLettered.increment(by: number)
        case .released: released.increment(by: number)
        case .skipped: skipped.increment(by: number)
        case .duplicate: duplicate.increment(by: number)
        case .expired: expired.increment(by: number)
        }
    }
}
