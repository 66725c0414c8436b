// SPDX-License-Identifier: Apache-2.0

// Which topics of an outbox are left alone for now, because publishing to them failed: each waits for itself, longer with every failure, while the messages
// of the others go on.

/// Topics that failed, and until when they are left alone. A value; times are those of a clock that never goes back.
struct HeldTopics {
    private struct Held {
        var failures = 0
        var until = Duration.zero
    }

    /// How many there may be: what reads an outbox has them all in one statement.
    static let countMax = 500

    private var topics: [String: Held] = [:]

    /// Those that are left alone at a time.
    func names(at now: Duration) -> Set<String> { Set(topics.filter { $0.value.until > now }.keys) }

    /// How long from now the first of them is left alone; nil when none is.
    func wait(at now: Duration) -> Duration? {
        topics.values.map(\.until).filter { $0 > now }.min().map { $0 - now }
    }

    /// Leaves a topic alone for a while, and says how often in a row it has failed; nil when there are too many.
    mutating func hold(_ topic: String, at now: Duration) -> Int? {
        if topics[topic] == nil, topics.count >= Self.countMax {
            // One that was not heard of since its time came has nothing to publish any more.
            topics = topics.filter { $0.value.until > now }
            guard topics.count < Self.countMax else { return nil }
        }
        let failures = (topics[topic]?.failures ?? 0) + 1
        topics[topic] = Held(failures: failures, until: now + Self.backoff(failures))
        return failures
    }

    /// What was published to a topic: it has not failed.
    mutating func release(_ topic: String) { topics[topic] = nil }

    /// How long to wait after so many failures.
    static func backoff(_ failures: Int) -> Duration {
        min(Duration.milliseconds(100) * (1 << min(failures, 9)), .seconds(30))
    }
}
