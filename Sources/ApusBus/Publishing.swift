// SPDX-License-Identifier: Apache-2.0

// What publishing gives back, and what rules and recurring events consist of.

public import CloudEvents

/// Proof of publishing.
public struct Receipt: Sendable, Hashable {
    /// The topic.
    public var topic: String
    /// The partition that the event was placed in, where the broker says it.
    public var partition: Int?
    /// Its place in the partition, where the broker says it.
    public var offset: Int64?
    /// What the broker calls the event, where that is not its `id`.
    public var brokerID: String?
    /// With what a delayed event can be cancelled.
    public var scheduleID: String?
    /// What the broker has promised.
    public var durability: Durability
    /// Whether the event had been published before, and this is where it is.
    public var isDuplicate: Bool

    /// Proof of publishing.
    public init(
        topic: String, partition: Int? = nil, offset: Int64? = nil, brokerID: String? = nil,
        scheduleID: String? = nil, durability: Durability, isDuplicate: Bool = false
    ) {
        self.topic = topic
        self.partition = partition
        self.offset = offset
        self.brokerID = brokerID
        self.scheduleID = scheduleID
        self.durability = durability
        self.isDuplicate = isDuplicate
    }
}

/// Copies matching events of one topic to other places.
public struct Rule: Sendable, Hashable {
    /// Where a rule's copies go.
    public enum Target: Sendable, Hashable {
        /// A topic of the same broker.
        case topic(String)
        /// A URL that gets the events by HTTP, signed with `secret` (`whsec_…`) if there is one.
        case webhook(String, secret: String?)
    }

    /// Unique within the broker.
    public var name: String
    /// The topic whose events it sees.
    public var topic: String
    /// Which events it copies: an event pattern as JSON text; nil for all.
    public var pattern: String?
    /// Where the copies go; at least one.
    public var targets: [Target]

    /// Copies matching events of one topic to other places.
    public init(name: String, topic: String, pattern: String?, targets: [Target]) {
        self.name = name
        self.topic = topic
        self.pattern = pattern
        self.targets = targets
    }
}

/// An event that is published again and again.
public struct RecurringEvent: Sendable, Hashable {
    /// When it is published.
    public enum Recurrence: Sendable, Hashable {
        /// A cron expression of five fields, in an IANA time zone (`Europe/Berlin`).
        case cron(String, timeZone: String)
        /// Every so often.
        case rate(Duration)
    }

    /// Unique within the broker.
    public var name: String
    /// Where it is published.
    public var topic: String
    /// When.
    public var recurrence: Recurrence
    /// What is published; each occurrence gets an `id` and a `time` of its own.
    public var event: CloudEvent

    /// An event that is published again and again.
    public init(name: String, topic: String, recurrence: Recurrence, event: CloudEvent) {
        self.name = name
        self.topic = topic
        self.recurrence = recurrence
        self.event = event
    }
}
