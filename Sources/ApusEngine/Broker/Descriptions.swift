// SPDX-License-Identifier: Apache-2.0

// What the broker tells about topics, subscriptions and rules: what is decided about them, and how they stand.

public import ApusModel

/// One partition as it stands.
public struct PartitionDescription: Sendable, Hashable {
    /// Its number, from 0.
    public var number: Int
    /// The first offset kept.
    public var start: Offset
    /// The next offset to be read.
    public var end: Offset
    /// Bytes kept.
    public var bytes: Int64
}

/// A topic as it stands.
public struct TopicDescription: Sendable, Hashable {
    /// Its name.
    public var name: ResourceName
    /// Its identity: another one after deletion and creation.
    public var id: LogID
    /// What is decided about it.
    public var settings: TopicSettings
    /// When it was made.
    public var created: Timestamp
    /// Its partitions.
    public var partitions: [PartitionDescription]
    /// Events published to it since the server started, copies of rules and dead letters not included.
    public var published: UInt64 = 0
}

/// What is decided about a topic at work, without how it stands, which costs a look at every partition.
public struct TopicSummary: Sendable, Hashable {
    /// Its name.
    public var name: ResourceName
    /// Its identity: another one after deletion and creation.
    public var id: LogID
    /// What is decided about it.
    public var settings: TopicSettings
    /// How many partitions are at work.
    public var partitions: Int

    /// What is decided about a topic.
    public init(name: ResourceName, id: LogID, settings: TopicSettings, partitions: Int) {
        self.name = name
        self.id = id
        self.settings = settings
        self.partitions = partitions
    }
}

/// Where a subscription stands in one partition.
public struct SubscriptionPosition: Sendable, Hashable {
    /// The partition.
    public var partition: Int
    /// Everything before it is settled.
    public var cursor: Offset
    /// The next offset to be looked at.
    public var next: Offset
    /// Where the partition ends.
    public var end: Offset
}

/// A subscription as it stands.
public struct SubscriptionDescription: Sendable, Hashable {
    /// Its name.
    public var name: ResourceName
    /// What is decided about it.
    public var settings: SubscriptionSettings
    /// The dead-letter topic in force.
    public var deadLetter: ResourceName
    /// The rule whose target it serves, if it does.
    public var rule: ResourceName?
    /// When it was made.
    public var created: Timestamp
    /// Events that are neither settled nor handed out, those not looked at yet included (so with a pattern: at most).
    public var backlog: Int64
    /// Leased now.
    public var inFlight: Int
    /// Waiting for a retry.
    public var waiting: Int
    /// Keys that wait for somebody to deal with a dead letter.
    public var blocked = 0
    /// When the oldest event that is not settled arrived; nil when there is none.
    public var oldestUnsettled: Timestamp?
    /// Acknowledged since the server started.
    public var acknowledged: UInt64
    /// Dead-lettered since the server started.
    public var deadLettered: UInt64
    /// Handed out since the server started, repeats included; of the shared kind only.
    public var delivered: UInt64 = 0
    /// Attempts that came to nothing since the server started: failed, refused or rejected for good, or the lease ended.
    public var failed: UInt64 = 0
    /// Events that commits have passed since the server started; of cursors only.
    public var committed: UInt64 = 0
    /// Outcome of the last failed attempt since the server started, for a person.
    public var lastFailure: String?
    /// How many events at most are left of a bounded replay; 0 when there is none.
    public var replaying: Int64 = 0
    /// Whether it has an end and everything before that is settled.
    public var isComplete = false
    /// How pushing goes; nil when consumers receive.
    public var push: PushDescription?
    /// The load on it; nil before it was looked at twice.
    public var load: SubscriptionLoad?
    /// Per partition.
    public var positions: [SubscriptionPosition]
}

/// How pushing to a target goes.
public struct PushDescription: Sendable, Hashable {
    /// Whether events are sent now.
    public enum Circuit: String, Sendable, Hashable, CaseIterable {
        /// They are.
        case closed
        /// The target kept failing and is left alone for a while; events wait.
        case open
        /// One event is on its way to find out whether the target works again.
        case probing
    }

    /// What the receiver said when it was asked for its consent.
    public enum Consent: Sendable, Hashable {
        /// It was not asked yet.
        case unknown
        /// Events may be sent; at most so many per second, nil for no limit of its own.
        case granted(ratePerSecond: Double?)
        /// Events may not be sent. It is asked again.
        case withheld(reason: String)
    }

    /// Whether events are sent now.
    public var circuit: Circuit
    /// When the circuit opened; nil when it is closed.
    public var openSince: Timestamp?
    /// When the target is probed next; nil when the circuit is closed.
    public var nextProbe: Timestamp?
    /// Failures in a row, as far as this life of the server knows.
    public var failures: Int
    /// What the receiver said; nil when the settings do not want it asked.
    public var consent: Consent?
    /// Attempts under way.
    public var underWay: Int

    /// How pushing to a target goes.
    public init(
        circuit: Circuit = .closed, openSince: Timestamp? = nil, nextProbe: Timestamp? = nil,
        failures: Int = 0,
        consent: Consent? = nil, underWay: Int = 0
    ) {
        self.circuit = circuit
        self.openSince = openSince
        self.nextProbe = nextProbe
        self.failures = failures
        self.consent = consent
        self.underWay = underWay
    }
}

/// A rule as it stands.
public struct RuleDescription: Sendable, Hashable {
    /// Its name.
    public var name: ResourceName
    /// What is decided about it.
    public var settings: RuleSettings
    /// When it was made.
    public var created: Timestamp
    /// Events matched since the server started.
    public var matches: UInt64
    /// The subscriptions behind its webhook targets.
    public var subscriptions: [ResourceName]
}
