// SPDX-License-Identifier: Apache-2.0

// What people decide about topics, subscriptions and rules. Values only; the registry's log keeps them.

public import ApusModel
public import ApusRules
public import ApusStorage
public import ApusTransform
public import ApusTransport

/// What is decided about a topic.
public struct TopicSettings: Sendable, Hashable {
    /// How many partitions; 1 to 10,000, can grow and not shrink.
    public var partitions: Int
    /// When a publish is acknowledged.
    public var durability: Durability
    /// How long events are kept; nil for ever.
    public var retentionAge: Duration?
    /// How many bytes are kept per partition; nil for no limit.
    public var retentionBytes: Int64?
    /// When a segment is closed, in bytes; what retention can forget is whole segments.
    public var segmentBytes: Int
    /// The age at which a segment is closed, even if it is small. It is closed earlier where ``retentionAge`` could not be kept otherwise.
    public var segmentAge = Defaults.segmentAge
    /// The largest batch that is taken, in bytes as Kafka counts them: header and records, compressed as they come. 1 to
    /// ``Defaults/batchBytesMax``. What Apus puts together itself, of events of which each would be taken, may be larger.
    public var batchBytesMax = Defaults.batchBytesMax
    /// How long after its arrival an event is handed out; nil for as long as it is kept.
    public var ttl: Duration?
    /// How events that are published twice are told; nil when they are not.
    public var deduplication: DeduplicationSettings?
    /// Which time records have that come as whole batches. Events published otherwise always have that of their arrival.
    public var timestamps: TimestampSource
    /// What becomes of old events.
    public var cleanup = CleanupPolicy.delete
    /// How older events of a key are forgotten, where ``cleanup`` says so.
    public var compaction = CompactionSettings()
    /// How its events are judged by schemas.
    public var schema = SchemaSettings()

    /// What is decided about a topic.
    public init(
        partitions: Int = Defaults.partitions, durability: Durability = .flush,
        retentionAge: Duration? = Defaults.retentionAge, retentionBytes: Int64? = nil,
        segmentBytes: Int = Defaults.segmentBytes, segmentAge: Duration = Defaults.segmentAge,
        batchBytesMax: Int = Defaults.batchBytesMax, ttl: Duration? = nil,
        deduplication: DeduplicationSettings? = nil, timestamps: TimestampSource = .producer,
        cleanup: CleanupPolicy = .delete, compaction: CompactionSettings = CompactionSettings()
    ) {
        self.segmentAge = segmentAge
        self.batchBytesMax = batchBytesMax
        self.timestamps = timestamps
        self.cleanup = cleanup
        self.compaction = compaction
        self.ttl = ttl
        self.deduplication = deduplication
        self.partitions = partitions
        self.durability = durability
        self.retentionAge = retentionAge
        self.retentionBytes = retentionBytes
        self.segmentBytes = segmentBytes
    }
}

/// Where the timestamps of records come from.
public enum TimestampSource: String, Sendable, Hashable, CaseIterable {
    /// From whoever made them.
    case producer
    /// From the moment at which they are appended.
    case append
}

/// What becomes of old events; the raw values are those of Kafka's `cleanup.policy`.
public enum CleanupPolicy: String, Sendable, Hashable, CaseIterable {
    /// They are forgotten when they are too old or too many.
    case delete
    /// All but the last of each key are forgotten; age and number do not matter.
    case compact
    /// Both.
    case compactAndDelete = "compact,delete"

    /// Whether all but the last event of each key are forgotten.
    public var compacts: Bool { self != .delete }
    /// Whether events that are too old or too many are forgotten.
    public var deletes: Bool { self != .compact }
}

/// How older events of a key are forgotten.
public struct CompactionSettings: Sendable, Hashable {
    /// For how long an event without data, which deletes its key, can be read after older ones of its key are gone.
    public var deleteRetention: Duration
    /// How old events are at least that are looked at.
    public var minLag: Duration
    /// Which part of a partition has to be new before it is gone over; 0 to 1.
    public var dirtyRatio: Double

    /// How older events of a key are forgotten.
    public init(
        deleteRetention: Duration = Defaults.compactionDeleteRetention, minLag: Duration = .zero,
        dirtyRatio: Double = Defaults.compactionDirtyRatio
    ) {
        self.deleteRetention = deleteRetention
        self.minLag = minLag
        self.dirtyRatio = dirtyRatio
    }
}

/// How a topic tells events that are published twice.
public struct DeduplicationSettings: Sendable, Hashable {
    /// What two publishes of one event have in common.
    public enum Key: Sendable, Hashable {
        /// The event's source and id.
        case identity
        /// The value of this extension attribute; events without it are never duplicates.
        case attribute(String)
    }

    /// For how long an event is remembered; one second to seven days.
    public var window: Duration
    /// What two publishes of one event have in common.
    public var key: Key

    /// How a topic tells events that are published twice.
    public init(window: Duration = Defaults.deduplicationWindow, key: Key = .identity) {
        self.window = window
        self.key = key
    }
}

/// The settings to change; nil leaves one as it is.
public struct TopicChanges: Sendable, Hashable {
    /// More partitions.
    public var partitions: Int?
    /// When a publish is acknowledged.
    public var durability: Durability?
    /// How long events are kept; `.some(nil)` for ever.
    public var retentionAge: Duration??
    /// How many bytes are kept per partition; `.some(nil)` for no limit.
    public var retentionBytes: Int64??
    /// When a segment is closed, in bytes.
    public var segmentBytes: Int?
    /// The age at which a segment is closed.
    public var segmentAge: Duration?
    /// The largest batch that is taken, in bytes.
    public var batchBytesMax: Int?
    /// How long after its arrival an event is handed out; `.some(nil)` for as long as it is kept.
    public var ttl: Duration??
    /// How events that are published twice are told; `.some(nil)` when they are not.
    public var deduplication: DeduplicationSettings??
    /// Which time records have that come as whole batches.
    public var timestamps: TimestampSource?
    /// What becomes of old events.
    public var cleanup: CleanupPolicy?
    /// For how long an event that deletes its key can be read.
    public var deleteRetention: Duration?
    /// How old events are at least that are compacted.
    public var minCompactionLag: Duration?
    /// Which part of a partition has to be new before it is compacted.
    public var dirtyRatio: Double?
    /// How its events are judged by schemas.
    public var schema: SchemaSettings?

    /// Changes nothing.
    public init() {}
}

/// A place in a topic that can be named before it is known.
public enum StartPosition: Sendable, Hashable {
    /// The first event that is kept.
    case earliest
    /// The next event to come.
    case latest
    /// An offset, the same in every partition.
    case offset(Offset)
    /// The first event that arrived at or after this time.
    case time(Timestamp)
}

/// How a subscription consumes.
public enum SubscriptionKind: String, Sendable, Hashable, CaseIterable {
    /// Each event is leased and settled by itself.
    case shared
    /// One position per partition, moved by the consumer.
    case cursor
}

/// When a failed delivery is tried again: exponential with full jitter, so that attempt n waits a random time of up to
/// `initial * 2^(n-1)`, capped at `max`; or after the waits of a list.
public struct RetrySettings: Sendable, Hashable {
    /// The longest wait before the second attempt.
    public var initial: Duration
    /// The longest wait before any attempt.
    public var max: Duration
    /// The waits before the second attempt, the third, and so on, taken as they are; the last one holds for all further attempts. Empty
    /// for exponential waits. At most 100.
    public var schedule: [Duration]
    /// How long after its arrival in the topic an event is still tried; nil for as long as there are attempts.
    public var ageMax: Duration?

    /// When a failed delivery is tried again.
    public init(
        initial: Duration = Defaults.retryInitial, max: Duration = Defaults.retryMax,
        schedule: [Duration] = [],
        ageMax: Duration? = nil
    ) {
        self.initial = initial
        self.max = max
        self.schedule = schedule
        self.ageMax = ageMax
    }
}

/// What events are told apart by.
public enum EventKey: Sendable, Hashable {
    /// The key that they were published with.
    case key
    /// The value of an attribute, core or extension.
    case attribute(String)
}

/// What becomes of a key when one of its events was dead-lettered.
public enum AfterDeadLetter: String, Sendable, Hashable, CaseIterable {
    /// Its next event is handed out.
    case proceed = "continue"
    /// It waits until the dead letter is redriven, and then that event goes first, or discarded.
    case block
}

/// What is kept in order.
public struct OrderingSettings: Sendable, Hashable {
    /// Events with the same value come one after another; those without one are in no order.
    public var by: EventKey
    /// What becomes of a key after a dead letter.
    public var onDeadLetter: AfterDeadLetter

    /// What is kept in order.
    public init(by: EventKey = .key, onDeadLetter: AfterDeadLetter = .proceed) {
        self.by = by
        self.onDeadLetter = onDeadLetter
    }
}

/// How hand-outs are shared between keys.
public struct FairnessSettings: Sendable, Hashable {
    /// What has a share: every value of it one. Events without one have a share together.
    public var by: EventKey
    /// How large the shares of some values are, from 1 to 1000; all others have 1.
    public var weights: [String: Int]

    /// How hand-outs are shared between keys.
    public init(by: EventKey = .key, weights: [String: Int] = [:]) {
        self.by = by
        self.weights = weights
    }
}

/// What is decided about a subscription.
public struct SubscriptionSettings: Sendable, Hashable {
    /// The topic that it reads.
    public var topic: ResourceName
    /// How it consumes.
    public var kind: SubscriptionKind
    /// Where it began.
    public var start: StartPosition
    /// Where it ends, as that was when it was made; nil for nowhere. Shared kind only.
    public var end: StartPosition?
    /// Which events it wants; nil for all.
    public var pattern: Pattern?
    /// How long a lease lasts unless extended; 0 s to 12 h.
    public var lease: Duration
    /// How many events may be leased at the same time; 1 to 100,000.
    public var inFlightMax: Int
    /// How many attempts an event gets before it is dead-lettered; 1 to 1,000.
    public var attemptsMax: Int
    /// When a failed delivery is tried again.
    public var retry: RetrySettings
    /// The dead-letter topic; nil for `{topic}.dead-letter`.
    public var deadLetter: ResourceName?
    /// Where Apus delivers by itself; nil when consumers receive.
    public var push: PushSettings?
    /// Whether handing out is stopped.
    public var isPaused: Bool
    /// What is kept in order: of events with the same key, none is handed out before the one ahead of it is done. Nil for no order.
    public var ordering: OrderingSettings?
    /// How hand-outs are shared between keys; nil for first come, first served.
    public var fairness: FairnessSettings?
    /// The attribute that has an event's priority, from 0 to 9, higher ones first; nil for no priorities.
    public var priority: String?
    /// Whether it belongs to a reader in this process, and has no use after it.
    public var isTemporary = false
    /// After how long in which nobody received, waited or settled it is deleted; nil for never. 1 s to 30 days; shared kind that consumers receive from.
    public var expiresAfter: Duration?
    /// From when on it counts as a slow consumer.
    public var alarm = AlarmSettings()

    /// What is decided about a subscription.
    public init(
        topic: ResourceName, kind: SubscriptionKind = .shared, start: StartPosition = .latest,
        end: StartPosition? = nil, pattern: Pattern? = nil, lease: Duration = .seconds(30),
        inFlightMax: Int = 1000,
        attemptsMax: Int = 16,
        retry: RetrySettings = RetrySettings(), deadLetter: ResourceName? = nil, push: PushSettings? = nil,
        isPaused: Bool = false, ordering: OrderingSettings? = nil, fairness: FairnessSettings? = nil,
        priority: String? = nil
    ) {
        self.topic = topic
        self.kind = kind
        self.start = start
        self.end = end
        self.pattern = pattern
        self.lease = lease
        self.inFlightMax = inFlightMax
        self.attemptsMax = attemptsMax
        self.retry = retry
        self.deadLetter = deadLetter
        self.push = push
        self.isPaused = isPaused
        self.ordering = ordering
        self.fairness = fairness
        self.priority = priority
    }
}

/// The settings to change; nil leaves one as it is.
public struct SubscriptionChanges: Sendable, Hashable {
    /// Which events it wants from now on; `.some(nil)` for all.
    public var pattern: Pattern??
    /// How long a lease lasts.
    public var lease: Duration?
    /// How many events may be leased at the same time.
    public var inFlightMax: Int?
    /// How many attempts an event gets.
    public var attemptsMax: Int?
    /// When a failed delivery is tried again.
    public var retry: RetrySettings?
    /// The dead-letter topic.
    public var deadLetter: ResourceName?
    /// Where Apus delivers by itself.
    public var push: PushSettings?
    /// Whether handing out is stopped.
    public var isPaused: Bool?
    /// What is kept in order; `.some(nil)` for nothing.
    public var ordering: OrderingSettings??
    /// How hand-outs are shared between keys; `.some(nil)` for first come, first served.
    public var fairness: FairnessSettings??
    /// The attribute that has an event's priority; `.some(nil)` for no priorities.
    public var priority: String??
    /// After how long without use it is deleted; `.some(nil)` for never.
    public var expiresAfter: Duration??
    /// The age of its oldest event from which on it counts as a slow consumer; `.some(nil)` for none.
    public var alarmAge: Duration??
    /// The backlog from which on it counts as a slow consumer; `.some(nil)` for none.
    public var alarmBacklog: Int64??

    /// Changes nothing.
    public init() {}
}

/// Where a rule sends what it matches, and what becomes of it before.
public struct RuleTarget: Sendable, Hashable {
    /// Where events go.
    public enum Destination: Sendable, Hashable {
        /// A copy to another topic.
        case topic(ResourceName)
        /// A delivery to an outside address, a webhook or a topic of an outside broker, through a subscription of its own.
        case webhook(PushSettings)
    }

    /// Where events go.
    public var destination: Destination
    /// What becomes of an event before; nil sends it as it is.
    public var transformation: Transformation?

    /// Where events go, and what becomes of them before.
    public init(_ destination: Destination, transformation: Transformation? = nil) {
        self.destination = destination
        self.transformation = transformation
    }

    /// A copy to another topic.
    public static func topic(_ name: ResourceName, transformation: Transformation? = nil) -> RuleTarget {
        RuleTarget(.topic(name), transformation: transformation)
    }

    /// A delivery to an outside address.
    public static func webhook(_ push: PushSettings, transformation: Transformation? = nil) -> RuleTarget {
        RuleTarget(.webhook(push), transformation: transformation)
    }

    /// The topic, if events go to one.
    public var topic: ResourceName? { if case .topic(let name) = destination { name } else { nil } }

    /// The outside address, if events go to one.
    public var push: PushSettings? { if case .webhook(let push) = destination { push } else { nil } }
}

/// What is decided about a rule.
public struct RuleSettings: Sendable, Hashable {
    /// The topic whose events it looks at.
    public var topic: ResourceName
    /// Which events it takes.
    public var pattern: Pattern
    /// Where they go; 1 to 16.
    public var targets: [RuleTarget]
    /// Whether it is at work.
    public var isEnabled: Bool

    /// What is decided about a rule.
    public init(topic: ResourceName, pattern: Pattern, targets: [RuleTarget], isEnabled: Bool = true) {
        self.topic = topic
        self.pattern = pattern
        self.targets = targets
        self.isEnabled = isEnabled
    }
}
