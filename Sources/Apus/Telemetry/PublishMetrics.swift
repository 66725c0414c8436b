// SPDX-License-Identifier: Apache-2.0

// What publishing counts. Handles are made once per topic and kept: making one looks it up in the program's registry.

import CoreMetrics
import Synchronization

/// Counters of what a bus publishes, by topic.
///
/// `apus_client_published_total{topic}`, `apus_client_publish_failed_total{topic}`, `apus_client_publish_duration_seconds{topic}`. After 256 topics the
/// others share the label `other`: topics may be made from data, series must not.
final class PublishMetrics: Sendable {
    struct Handles: Sendable {
        let published: Counter
        let failed: Counter
        let duration: Timer

        init(topic: String) {
            let dimensions = [("topic", topic)]
            published = Counter(label: "apus_client_published_total", dimensions: dimensions)
            failed = Counter(label: "apus_client_publish_failed_total", dimensions: dimensions)
            duration = Timer(label: "apus_client_publish_duration_seconds", dimensions: dimensions)
        }
    }

    static let topicsMax = 256
    private let topics = Mutex<[String: Handles]>([:])

    func handles(for topic: String) -> Handles {
        topics.withLock { topics in
            if let known = topics[topic] { return known }
            let label = topics.count < Self.topicsMax ? topic : "other"
            if let known = topics[label] { return known }
            let made = Handles(topic: label)
            topics[label] = made
            return made
        }
    }
}
