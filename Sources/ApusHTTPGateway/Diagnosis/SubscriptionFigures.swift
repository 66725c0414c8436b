// SPDX-License-Identifier: Apache-2.0

// Everything that an explanation goes by, as one value: what the broker says of a subscription, and a sample of what waits for it.

internal import ApusEngine
internal import ApusModel

/// What is known of a subscription at one moment.
struct SubscriptionFigures: Sendable {
    /// How many events of those that wait are looked at.
    static let sampled = 500

    /// How many of the events looked at have one key.
    struct KeyShare: Sendable, Hashable {
        var key: String
        var events: Int
    }

    /// What waits, by a look at the first events of it.
    struct Sample: Sendable, Hashable {
        /// How many were looked at.
        var events = 0
        /// The keys that came more than once, the most frequent first.
        var keys: [KeyShare] = []
        /// How many of them match the subscription's pattern.
        var matching = 0
    }

    var description: SubscriptionDescription
    var now: Timestamp
    /// Why publishes are refused at the moment, if they are: the disk that refuses them is the one that attempts are counted on.
    var unavailability: BrokerError.Unavailability?
    var sample = Sample()

    var load: SubscriptionLoad { description.load ?? SubscriptionLoad() }
    /// Whether it was looked at often enough for rates to mean something.
    var hasLoad: Bool { description.load != nil }

    /// How long the oldest event that is not settled has waited.
    var age: Duration { description.oldestUnsettled.map { max(.zero, $0.duration(to: now)) } ?? .zero }

    /// Events that it has not settled: those that are out, too.
    var open: Int64 { description.backlog + Int64(description.inFlight) }

    /// The part of the attempts of the last minute that failed; zero when there were none.
    var failing: Double {
        let attempts = load.failed.minute + load.acknowledged.minute
        return attempts > 0.01 ? load.failed.minute / attempts : 0
    }

    /// The part of the events decided in the last minute that were given up; zero when there were none.
    var givingUp: Double {
        let decided = load.deadLettered.minute + load.acknowledged.minute
        return decided > 0.01 ? load.deadLettered.minute / decided : 0
    }

    /// How far the partitions are behind, the furthest first.
    var behind: [(partition: Int, events: Int64)] {
        description.positions.map { ($0.partition, max(0, $0.end.rawValue - $0.cursor.rawValue)) }
            .sorted { ($1.events, $0.partition) < ($0.events, $1.partition) }
    }
}

extension SubscriptionFigures {
    /// Gathers the figures of a subscription.
    ///
    /// - Throws: ``Problem`` when there is no such subscription.
    static func gather(
        _ name: ResourceName, _ context: GatewayContext
    ) async throws(Problem) -> SubscriptionFigures {
        let description = try context.look { broker throws(BrokerError) in try broker.subscription(name) }
        var figures = SubscriptionFigures(
            description: description, now: context.now, unavailability: context.broker.unavailability)
        if let sample = await sample(description, context) { figures.sample = sample }
        return figures
    }

    /// Looks at the first events that wait in the partition that is furthest behind. That it cannot be read is no reason to explain nothing.
    private static func sample(
        _ description: SubscriptionDescription, _ context: GatewayContext
    ) async -> Sample? {
        let furthest = description.positions.max {
            $0.end.rawValue - $0.cursor.rawValue < $1.end.rawValue - $1.cursor.rawValue
        }
        guard let furthest, furthest.end > furthest.cursor else { return nil }
        let topic = description.settings.topic
        guard
            let found = try? await context.broker.fetch(
                topic, partition: furthest.partition, from: .offset(furthest.cursor), limit: sampled,
                pattern: nil, wait: .zero)
        else { return nil }
        var sample = Sample(events: found.events.count)
        var counts: [String: Int] = [:]
        for stored in found.events {
            if let key = stored.key { counts[key, default: 0] += 1 }
        }
        sample.keys = counts.filter { $0.value > 1 }.map { KeyShare(key: $0.key, events: $0.value) }
            .sorted { ($1.events, $0.key) < ($0.events, $1.key) }
        sample.keys = Array(sample.keys.prefix(5))
        sample.matching = found.events.count
        if let pattern = description.settings.pattern {
            let matched = try? await context.broker.fetch(
                topic, partition: furthest.partition, from: .offset(furthest.cursor), limit: sampled,
                pattern: pattern, wait: .zero)
            sample.matching =
                matched?.events.count { $0.offset < found.next } ?? found.events.count
        }
        return sample
    }
}
