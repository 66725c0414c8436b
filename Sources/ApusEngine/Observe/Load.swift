// SPDX-License-Identifier: Apache-2.0

// What is known of the load on topics and subscriptions: rates, and how much of what may be under way is. Figures for whoever explains why something
// is slow; they are gathered by looks that the engine takes every few seconds. Where events pass there are only counts and sums to look at.

public import ApusModel

/// The load on a subscription, as of the last look.
public struct SubscriptionLoad: Sendable, Hashable {
    /// Events that came into what it reads, per second; with a pattern all of them.
    public var arrival = Rate()
    /// Events that it was done with and did not give up, per second: acknowledged, committed, or passed over by its pattern.
    public var service = Rate()
    /// Events handed out, repeats included, per second.
    public var delivered = Rate()
    /// Events acknowledged, per second.
    public var acknowledged = Rate()
    /// Attempts that came to nothing, per second: failed, refused or rejected for good, or the lease ended.
    public var failed = Rate()
    /// Events given up, per second.
    public var deadLettered = Rate()
    /// Events handed out and not settled, on average.
    public var inFlight = Rate()
    /// Attempts and leases that ended, whatever came of them, per second.
    public var ended = Rate()
    /// How many seconds those were out, all together, per second.
    public var held = Rate()
    /// How many may be handed out and not settled at the same time.
    public var room = 0
    /// Consumers that wait for events at this moment.
    public var receivers = 0
    /// The part of the last looks at which attempts had to wait because all subscriptions together had as many as the server allows.
    public var crowded = Rate()
    /// Since when it counts as a slow consumer; nil when it does not.
    public var slowSince: Timestamp?
    /// For how long nobody has asked for what waits; nil while somebody does, nothing is there to be handed out, or it is pushed.
    public var unread: Duration?

    /// From when on it counts as unread: longer than consumers are away that begin anew.
    public static let unreadMin = Duration.seconds(120)

    /// Nothing was seen yet.
    public init() {}

    /// The part of what may be handed out that is, on average over a minute; nil for cursors, which hand out nothing.
    public var utilisation: Double? { room > 0 ? min(1, inFlight.minute / Double(room)) : nil }

    /// Whether nobody has asked for what waits for so long that somebody should know.
    public var isUnread: Bool { unread.map { $0 >= SubscriptionLoad.unreadMin } ?? false }

    /// How long an event was out, on average over those whose attempt or lease ended in the last minutes; nil when none did.
    public var timeInFlight: Duration? {
        // What is left of a single one after four minutes tells nothing any more.
        guard ended.minute > 0.0005 else { return nil }
        return .microseconds(Int64((held.minute / ended.minute * 1_000_000).rounded()))
    }

    /// Events that it was rid of, per second: done, or given up.
    public var settled: Double { service.minute + deadLettered.minute }

    /// When `backlog` events will be done, at the rates of the last minute; nil when it does not shrink, or does so because most events are given up.
    public func drain(_ backlog: Int64) -> Duration? {
        guard deadLettered.minute <= service.minute else { return nil }
        guard backlog > 0 else { return .zero }
        let shrinking = settled - arrival.minute
        guard shrinking > 0.01 else { return nil }
        return .milliseconds(Int64(min(Double(backlog) / shrinking, 1e9) * 1000))
    }
}

/// The load on one partition.
public struct PartitionLoad: Sendable, Hashable {
    /// Its topic.
    public var topic: ResourceName
    /// Its number.
    public var partition: Int
    /// Events that came into it, per second.
    public var arrival: Rate
    /// The part of the topic's events that went into it, over five minutes.
    public var share: Double
}

/// A rule that was at work and matched nothing.
public struct IdleRule: Sendable, Hashable {
    /// Its name.
    public var name: ResourceName
    /// The topic that it looks at.
    public var topic: ResourceName
    /// How many events came into that topic meanwhile.
    public var events: Int64
}

/// Somebody who publishes events that their schema does not accept.
public struct InvalidPublisher: Sendable, Hashable {
    /// The events' `source`.
    public var source: String
    /// Where they were published to.
    public var topic: ResourceName
    /// How many were not accepted.
    public var events: Int64
    /// What was wrong with the last of them.
    public var reason: String
    /// When that was.
    public var last: Timestamp
}

/// How the disk fills up.
public struct DiskLoad: Sendable, Hashable {
    /// Bytes by which what is stored grows, per second; negative when it shrinks. Nil before it is known.
    public var growth: Rate?
    /// When publishes will be refused, at the rate of the last five minutes; nil when it does not grow.
    public var fullIn: Duration?

    /// Nothing is known.
    public init(growth: Rate? = nil, fullIn: Duration? = nil) {
        self.growth = growth
        self.fullIn = fullIn
    }
}

/// The load on a whole broker, as of the last look.
public struct BrokerLoad: Sendable, Hashable {
    /// When it was looked at; nil when never.
    public var time: Timestamp?
    /// Events published, per second.
    public var published = Rate()
    /// Events handed out, per second.
    public var delivered = Rate()
    /// Events acknowledged, per second.
    public var acknowledged = Rate()
    /// Attempts that failed, per second.
    public var failed = Rate()
    /// How the disk fills up.
    public var disk = DiskLoad()
    /// Subscriptions by name.
    public var subscriptions: [ResourceName: SubscriptionLoad] = [:]
    /// The partitions that get most, the busiest first.
    public var partitions: [PartitionLoad] = []
    /// Rules that matched nothing although events came, by name; not more than ``rulesMax``.
    public var idleRules: [IdleRule] = []
    /// Who publishes what schemas do not accept, the worst first.
    public var invalidPublishers: [InvalidPublisher] = []

    /// How many idle rules, and how many partitions, are told.
    public static let told = 20

    /// Nothing was looked at.
    public init() {}
}

extension Broker {
    /// Brokers that take no looks know nothing.
    public func load() -> BrokerLoad { BrokerLoad() }
    /// Brokers that take no looks know nothing.
    public func load(of subscription: ResourceName) -> SubscriptionLoad? { nil }
    /// Brokers that take no looks raise no alarms.
    public func alarms() -> [Alarm] { [] }
}
