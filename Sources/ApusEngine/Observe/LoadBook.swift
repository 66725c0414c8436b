// SPDX-License-Identifier: Apache-2.0

// The figures of all looks, folded into averages. A value without clock and engine: what was seen comes in, rates go out.
//
// Invariant: it knows only what the last look saw, so it is as large as what there is, and what was deleted is gone with the next look.

import ApusModel

/// What one look saw.
struct LoadReading: Sendable {
    struct Subscription: Sendable {
        var id: LogID
        var name: ResourceName
        /// Where the topic ends, all partitions together.
        var end: Int64
        /// Neither settled nor handed out, and handed out.
        var backlog: Int64
        var inFlight: Int
        var delivered: Int64
        var acknowledged: Int64
        var failed: Int64
        var deadLettered: Int64
        /// Attempts and leases that have ended; how long those were out, and how long with those that have not, all together (`LeaseTimes`).
        var ended: Int64 = 0
        var held: Int64 = 0
        var occupied: Int64 = 0
        var room: Int
        var receivers: Int
        /// When somebody last asked for events, on the monotonic clock; nil where nobody has to: they are pushed, or none is to be handed out.
        var asked: Duration?
        /// Whether it waits for others' attempts to end.
        var isCrowded: Bool

        /// How many events it was rid of, from some beginning on.
        var done: Int64 { end - backlog - Int64(inFlight) }
    }

    struct Topic: Sendable {
        var id: LogID
        var name: ResourceName
        var published: Int64
        /// Where its partitions end.
        var ends: [Int64]
    }

    var topics: [Topic] = []
    var subscriptions: [Subscription] = []
    var storedBytes: Int64 = 0
}

/// Averages of all looks.
struct LoadBook: Sendable {
    private struct Subscription {
        var name: ResourceName
        var arrival = RateMeter()
        var settled = RateMeter()
        var delivered = RateMeter()
        var acknowledged = RateMeter()
        var failed = RateMeter()
        var deadLettered = RateMeter()
        var ended = RateMeter()
        var held = RateMeter()
        var occupied = RateMeter()
        var crowded = Average()
        var room = 0
        var receivers = 0
        /// When somebody was last seen to ask for events while some were there; nil while none are.
        var asked: Duration?
    }

    private struct Topic {
        var name: ResourceName
        /// Where it ended when it was first seen.
        var first: Int64
        var end: Int64
        var partitions: [RateMeter] = []
    }

    private var lastLook: Duration?
    private var subscriptions: [LogID: Subscription] = [:]
    private var topics: [LogID: Topic] = [:]
    private var published = RateMeter()
    private var delivered = RateMeter()
    private var acknowledged = RateMeter()
    private var failed = RateMeter()
    private var stored = RateMeter()

    /// Takes in what was seen at `now`, on the monotonic clock.
    mutating func note(_ reading: LoadReading, at now: Duration) {
        let elapsed = lastLook.map { (now - $0).seconds } ?? 0
        guard lastLook == nil || elapsed > 0 else { return }
        lastLook = now
        published.note(reading.topics.reduce(0) { $0 + $1.published }, after: elapsed)
        delivered.note(reading.subscriptions.reduce(0) { $0 + $1.delivered }, after: elapsed)
        acknowledged.note(reading.subscriptions.reduce(0) { $0 + $1.acknowledged }, after: elapsed)
        failed.note(reading.subscriptions.reduce(0) { $0 + $1.failed }, after: elapsed)
        stored.noteLevel(reading.storedBytes, after: elapsed)
        noteTopics(reading.topics, elapsed)
        noteSubscriptions(reading.subscriptions, elapsed, now)
    }

    private mutating func noteTopics(_ readings: [LoadReading.Topic], _ elapsed: Double) {
        var noted: [LogID: Topic] = [:]
        noted.reserveCapacity(readings.count)
        // What was not there at the look before is new, and began empty: what it has now came since. At the first look nobody knows.
        let start: Int64? = elapsed > 0 ? 0 : nil
        for reading in readings {
            let end = reading.ends.reduce(0, +)
            var topic =
                topics.removeValue(forKey: reading.id)
                ?? Topic(name: reading.name, first: start ?? end, end: end)
            topic.end = end
            while topic.partitions.count < reading.ends.count {
                topic.partitions.append(RateMeter(from: start))
            }
            for (number, end) in reading.ends.enumerated() {
                topic.partitions[number].note(end, after: elapsed)
            }
            noted[reading.id] = topic
        }
        topics = noted
    }

    private mutating func noteSubscriptions(
        _ readings: [LoadReading.Subscription], _ elapsed: Double, _ now: Duration
    ) {
        var noted: [LogID: Subscription] = [:]
        noted.reserveCapacity(readings.count)
        for reading in readings {
            var one = subscriptions.removeValue(forKey: reading.id) ?? Subscription(name: reading.name)
            one.arrival.note(reading.end, after: elapsed)
            one.settled.note(reading.done, after: elapsed)
            one.delivered.note(reading.delivered, after: elapsed)
            one.acknowledged.note(reading.acknowledged, after: elapsed)
            one.failed.note(reading.failed, after: elapsed)
            one.deadLettered.note(reading.deadLettered, after: elapsed)
            one.ended.note(reading.ended, after: elapsed)
            one.held.note(reading.held, after: elapsed)
            one.occupied.note(reading.occupied, after: elapsed)
            if elapsed > 0 { one.crowded.note(reading.isCrowded ? 1 : 0, for: elapsed) }
            (one.room, one.receivers) = (reading.room, reading.receivers)
            // What was not seen to wait before waits since now: after a start, and for what was just made, readers have time to come.
            one.asked = reading.asked.map { max($0, one.asked ?? now) }
            noted[reading.id] = one
        }
        subscriptions = noted
    }

    // MARK: Telling

    /// The load on a subscription; nil before the second look at it.
    func load(of subscription: LogID) -> SubscriptionLoad? {
        subscriptions[subscription].flatMap { load($0) }
    }

    private func load(_ one: Subscription) -> SubscriptionLoad? {
        guard let arrival = one.arrival.rate else { return nil }
        var load = SubscriptionLoad()
        load.arrival = arrival
        let settled = one.settled.rate ?? Rate()
        load.delivered = one.delivered.rate ?? Rate()
        load.acknowledged = one.acknowledged.rate ?? Rate()
        load.failed = one.failed.rate ?? Rate()
        load.deadLettered = one.deadLettered.rate ?? Rate()
        // A dead letter that its key waits for is given up now and settled later.
        load.service = Rate(
            minute: max(0, settled.minute - load.deadLettered.minute),
            fiveMinutes: max(0, settled.fiveMinutes - load.deadLettered.fiveMinutes))
        load.ended = one.ended.rate ?? Rate()
        load.held = LoadBook.seconds(one.held.rate)
        load.inFlight = LoadBook.seconds(one.occupied.rate)
        load.crowded = one.crowded.rate ?? Rate()
        (load.room, load.receivers) = (one.room, one.receivers)
        if let asked = one.asked, let lastLook, asked < lastLook { load.unread = lastLook - asked }
        return load
    }

    private static func seconds(_ rate: Rate?) -> Rate {
        Rate(
            minute: (rate?.minute ?? 0) / LeaseTimes.perSecond,
            fiveMinutes: (rate?.fiveMinutes ?? 0) / LeaseTimes.perSecond)
    }

    /// How many events came into a topic since it was first looked at.
    func arrived(in topic: LogID) -> Int64 { topics[topic].map { $0.end - $0.first } ?? 0 }

    /// The load on everything, but for what the book does not know.
    ///
    /// - Parameter room: bytes that may still be stored before publishes are refused.
    func load(room: Int64?) -> BrokerLoad {
        var load = BrokerLoad()
        load.published = published.rate ?? Rate()
        load.delivered = delivered.rate ?? Rate()
        load.acknowledged = acknowledged.rate ?? Rate()
        load.failed = failed.rate ?? Rate()
        load.disk.growth = stored.rate
        if let room, let growth = stored.rate?.fiveMinutes, growth > 1 {
            load.disk.fullIn = .seconds(Int64(min(Double(max(0, room)) / growth, 1e9)))
        }
        for one in subscriptions.values { load.subscriptions[one.name] = self.load(one) }
        load.partitions = busiest()
        return load
    }

    private func busiest() -> [PartitionLoad] {
        var found: [PartitionLoad] = []
        for topic in topics.values {
            let rates = topic.partitions.map { $0.rate ?? Rate() }
            let sum = rates.reduce(0) { $0 + $1.fiveMinutes }
            guard sum > 0 else { continue }
            for (number, rate) in rates.enumerated() where rate.fiveMinutes > 0 {
                found.append(
                    PartitionLoad(
                        topic: topic.name, partition: number, arrival: rate, share: rate.fiveMinutes / sum))
            }
        }
        found.sort {
            ($1.arrival.fiveMinutes, $0.topic, $0.partition) < (
                $0.arrival.fiveMinutes, $1.topic, $1.partition
            )
        }
        return Array(found.prefix(BrokerLoad.told))
    }
}
