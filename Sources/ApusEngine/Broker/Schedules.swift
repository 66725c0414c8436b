// SPDX-License-Identifier: Apache-2.0

// What gateways ask and are told of events that wait for their time, and of schedules that make events again and again.

public import ApusModel
public import CloudEvents

/// An event with the time at which it is to be published.
public struct DelayedEvent: Sendable, Hashable {
    /// The event.
    public var event: CloudEvent
    /// When it is due; what is past is due at once.
    public var due: Timestamp

    /// An event with the time at which it is to be published.
    public init(_ event: CloudEvent, due: Timestamp) {
        self.event = event
        self.due = due
    }
}

/// Proof that an event waits.
public struct ScheduleReceipt: Sendable, Hashable {
    /// What it can be shown and cancelled by.
    public var id: String
    /// When it is due.
    public var due: Timestamp

    /// Proof that an event waits.
    public init(id: String, due: Timestamp) {
        self.id = id
        self.due = due
    }
}

/// An event that waits for its time.
public struct WaitingEventDescription: Sendable, Hashable {
    /// What it can be shown and cancelled by.
    public var id: String
    /// The topic that it is for.
    public var topic: ResourceName
    /// When it is due.
    public var due: Timestamp
    /// Its key, if the publisher named one.
    public var key: String?
    /// The event.
    public var event: CloudEvent

    /// An event that waits for its time.
    public init(id: String, topic: ResourceName, due: Timestamp, key: String?, event: CloudEvent) {
        self.id = id
        self.topic = topic
        self.due = due
        self.key = key
        self.event = event
    }
}

/// What happens to occurrences of a recurring schedule that came while the server was down or the schedule could not fire.
public enum CatchUp: Sendable, Hashable {
    /// They are passed over.
    case skip
    /// The last one is made up for.
    case once
    /// The last ones are made up for, at most this many, oldest first; 1 to 10,000.
    case all(limit: Int)
}

/// What is decided about a recurring schedule.
public struct ScheduleSettings: Sendable, Hashable {
    /// The topic that its events go to.
    public var topic: ResourceName
    /// When it recurs, as written.
    public var expression: String
    /// The time zone of a cron expression, by its name in the time zone database.
    public var zone: String
    /// What every event is made like; each gets an id and a time of its own.
    public var template: CloudEvent
    /// The key of the events.
    public var key: String?
    /// Not before this; and where a rate is counted from.
    public var start: Timestamp?
    /// Not after this.
    public var end: Timestamp?
    /// Whether it is at work.
    public var isEnabled: Bool
    /// What happens to occurrences that were missed.
    public var catchUp: CatchUp

    /// What is decided about a recurring schedule.
    public init(
        topic: ResourceName, expression: String, zone: String = "UTC", template: CloudEvent,
        key: String? = nil,
        start: Timestamp? = nil, end: Timestamp? = nil, isEnabled: Bool = true, catchUp: CatchUp = .once
    ) {
        self.topic = topic
        self.expression = expression
        self.zone = zone
        self.template = template
        self.key = key
        self.start = start
        self.end = end
        self.isEnabled = isEnabled
        self.catchUp = catchUp
    }
}

/// A recurring schedule as it stands.
public struct ScheduleDescription: Sendable, Hashable {
    /// Its name.
    public var name: ResourceName
    /// What is decided about it.
    public var settings: ScheduleSettings
    /// When it was made.
    public var created: Timestamp
    /// When it is due next; nil when it never is again, or is not at work.
    public var next: Timestamp?
    /// Events made since the server started.
    public var fired: UInt64

    /// A recurring schedule as it stands.
    public init(
        name: ResourceName, settings: ScheduleSettings, created: Timestamp, next: Timestamp?, fired: UInt64
    ) {
        self.name = name
        self.settings = settings
        self.created = created
        self.next = next
        self.fired = fired
    }
}

/// Called once, on a thread of the broker's: hand over and return.
public typealias ScheduleCompletion = @Sendable (Result<[ScheduleReceipt], BrokerError>) -> Void
