// SPDX-License-Identifier: Apache-2.0

// What consuming is about: a subscription, the events that it hands out, and the verdicts on them.

public import CloudEvents

/// A durable reader of one topic, shared by all who receive under the same group.
public struct Subscription: Sendable, Hashable {
    /// What is kept in order.
    public enum Ordering: String, Sendable, Hashable {
        /// Nothing.
        case none
        /// Of events with the same key none is handed out before the one ahead of it is settled; needs ``Feature/orderByKey``.
        case byKey
    }

    /// Where a new subscription begins.
    public enum Start: String, Sendable, Hashable {
        /// With what is published from now on.
        case latest
        /// With the first event that is kept; needs ``Feature/replay``.
        case earliest
    }

    /// Who consumes: programs with the same group share the events.
    public var group: String
    /// The topic.
    public var topic: String
    /// A queue that somebody else made, to be consumed as it is in place of one for this subscription: nothing is made or bound, and ``topic`` is a
    /// name for it only. Nil for a queue of the subscription's own. Brokers without queues refuse it.
    public var queue: String?
    /// Only events of these types; nil for all. Where the broker cannot filter by type, its transport skips the others.
    public var types: Set<String>?
    /// Only events that match this event pattern (JSON text), beside the types; nil for all; needs ``Feature/filterByContent``.
    public var pattern: String?
    /// What is kept in order.
    public var ordering: Ordering
    /// How many events may be handed out and unsettled.
    public var prefetch: Int
    /// How long an event is kept for its receiver unless extended, where there are ``Feature/leases``.
    public var lease: Duration
    /// After how many attempts the broker itself gives up, as a net below the consumer's own policy.
    public var attemptsMax: Int
    /// Where events go that were given up; nil for ``deadLetterTopic``.
    public var deadLetter: String?
    /// Where it begins if it is new.
    public var start: Start
    /// Whether it goes away with its reader; needs ``Feature/temporarySubscriptions``.
    public var isTemporary: Bool

    /// A durable reader of one topic.
    public init(
        group: String, topic: String, types: Set<String>? = nil, pattern: String? = nil,
        ordering: Ordering = .none, prefetch: Int = 64, lease: Duration = .seconds(30), attemptsMax: Int = 16,
        deadLetter: String? = nil, start: Start = .latest, isTemporary: Bool = false, queue: String? = nil
    ) {
        self.queue = queue
        self.group = group
        self.topic = topic
        self.types = types
        self.pattern = pattern
        self.ordering = ordering
        self.prefetch = prefetch
        self.lease = lease
        self.attemptsMax = attemptsMax
        self.deadLetter = deadLetter
        self.start = start
        self.isTemporary = isTemporary
    }

    /// What it is called where the broker has one name for it: `group.topic`.
    public var name: String { "\(group).\(topic)" }

    /// Where events go that were given up.
    public var deadLetterTopic: String { deadLetter ?? "\(name).dead-letter" }
}

/// With what an event is settled; means something to its transport only.
public enum DeliveryToken: Sendable, Hashable {
    /// A number within a session (a connection, a generation).
    case number(UInt64, session: UInt64)
    /// Text that the broker made.
    case text(String)
}

/// An event that was handed out.
public struct ReceivedEvent: Sendable {
    /// The event.
    public var event: CloudEvent
    /// Why what came is not a whole event, when it is not: `event` then has attributes made up for it, and the bytes as they came as its data.
    public var problem: String?
    /// The topic.
    public var topic: String
    /// The partition, where the broker has any.
    public var partition: Int?
    /// Its place in the partition, where the broker has any.
    public var offset: Int64?
    /// When the broker got it, where it says so.
    public var publishedAt: CloudEventTimestamp?
    /// Which try this is, from 1; 1 in a replay.
    public var attempt: Int
    /// With what it is settled; in a replay, it is not.
    public var token: DeliveryToken

    /// An event that was handed out.
    @inlinable
    public init(
        event: CloudEvent, problem: String? = nil, topic: String, partition: Int? = nil, offset: Int64? = nil,
        publishedAt: CloudEventTimestamp? = nil, attempt: Int = 1, token: DeliveryToken
    ) {
        self.event = event
        self.problem = problem
        self.topic = topic
        self.partition = partition
        self.offset = offset
        self.publishedAt = publishedAt
        self.attempt = attempt
        self.token = token
    }
}

/// A verdict on one event.
public struct Settlement: Sendable, Hashable {
    /// What is to become of an event.
    public enum Verdict: Sendable, Hashable {
        /// Done.
        case acknowledge
        /// To be handed out again after a while, counted as an attempt.
        case retry(after: Duration, reason: String)
        /// To be handed out again, to anybody, as if it had not been; where the broker cannot do that, it counts.
        case release
        /// Given up: to the dead letters.
        case deadLetter(reason: String)
    }

    /// The event.
    public var token: DeliveryToken
    /// What is to become of it.
    public var verdict: Verdict

    /// A verdict on one event.
    public init(_ token: DeliveryToken, _ verdict: Verdict) {
        self.token = token
        self.verdict = verdict
    }
}

/// What became of a verdict.
public enum SettleResult: String, Sendable, Hashable {
    /// It counts.
    case settled
    /// The lease or the connection had ended: the event comes again, or has been handed out again already.
    case expired
}

/// An event that was given up.
public struct DeadLetter: Sendable, Hashable {
    /// The event.
    public var event: CloudEvent
    /// Why.
    public var reason: String
    /// After how many attempts, where the broker knows.
    public var attempts: Int?

    /// An event that was given up.
    public init(event: CloudEvent, reason: String, attempts: Int? = nil) {
        self.event = event
        self.reason = reason
        self.attempts = attempts
    }
}

/// Where a replay begins.
public enum ReplayStart: Sendable, Hashable {
    /// With the first event that is kept.
    case earliest
    /// With the next event to come.
    case latest
    /// At an offset, the same in every partition.
    case offset(Int64)
    /// With the first event that arrived at or after a time.
    case time(CloudEventTimestamp)
}
