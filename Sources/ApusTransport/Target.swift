// SPDX-License-Identifier: Apache-2.0

// What the engine asks of an outside system that events are delivered to. One attempt in, one outcome out: retries,
// backoff, concurrency, rate, circuit breaker and dead letters are the engine's, once, for every target.

public import ApusModel
public import CloudEvents

/// One event on its way to one target, and which try of it this is.
public struct Delivery: Sendable {
    /// The subscription that delivers.
    public var subscription: ResourceName
    /// The topic, partition and offset that it comes from; of a test only the topic counts.
    public var topic: ResourceName
    /// The partition that it comes from.
    public var partition: Int
    /// Its place in the partition.
    public var offset: Offset
    /// Which try this is, from 1.
    public var attempt: Int
    /// The last try there will be.
    public var attemptsMax: Int
    /// The event.
    public var event: CloudEvent
    /// Its key, if it has one.
    public var key: String?
    /// W3C `traceparent`: until the attempt begins that of the event's last hop, where anything tells of it; then that of the attempt's own span.
    public var traceparent: String?
    /// Whether it is sent only to see what happens: then it has no place, and nothing follows from its outcome.
    public var isTest = false
    /// Who is told what was sent and what came back. The events of a request over HTTP share that of the first; to an outside broker, which answers for
    /// each event by itself, each has its own.
    public var witness: AttemptWitness?

    /// One event on its way to one target.
    public init(
        subscription: ResourceName, topic: ResourceName, partition: Int, offset: Offset, attempt: Int,
        attemptsMax: Int, event: CloudEvent, key: String? = nil, traceparent: String? = nil
    ) {
        self.subscription = subscription
        self.topic = topic
        self.partition = partition
        self.offset = offset
        self.attempt = attempt
        self.attemptsMax = attemptsMax
        self.event = event
        self.key = key
        self.traceparent = traceparent
    }
}

/// How a delivery attempt ended.
public enum Outcome: Sendable, Hashable {
    /// The target has it.
    case delivered
    /// It may work later: not before `after`, where the target said so. `status` is the target's own code.
    case retry(after: Duration?, status: Int?, reason: String)
    /// It will never work: dead-letter it now.
    case refused(status: Int?, reason: String)
}

/// Whether a target wants what will be sent to it.
public enum Permission: Sendable, Hashable {
    /// It does; at most so many events per second, nil for no limit of its own.
    case granted(ratePerSecond: Double?)
    /// It does not, or could not be asked. To be asked again; nothing is sent until then.
    case withheld(reason: String)
}

/// An outside system that events can be delivered to.
public protocol Target: Sendable {
    /// Makes one attempt with one event, or with several where the settings ask for batches: they share the outcome. Returns within the
    /// settings' timeout, and never throws: whatever happened is an outcome.
    func deliver(_ deliveries: [Delivery], to settings: PushSettings) async -> Outcome

    /// Makes one attempt with several events, with an outcome for each, in order: where the outside system takes some and refuses others, those that
    /// it took are not sent again, and those that it will never take do not take the others along.
    func deliverEach(_ deliveries: [Delivery], to settings: PushSettings) async -> [Outcome]

    /// Makes the same attempt without a task to wait in, if it can begin at once: true, and `completion` is called once with the outcome, on any
    /// thread. False when something has to be waited for first, and then nothing has been done.
    func begin(
        _ deliveries: [Delivery], to settings: PushSettings, completion: @escaping @Sendable (Outcome) -> Void
    ) -> Bool

    /// Asks the target whether it wants what will be sent to it; called before the first attempt of a life where the settings want that,
    /// and again from time to time. Returns within the settings' timeout.
    func requestPermission(_ settings: PushSettings) async -> Permission

    /// Why events will not be delivered to this address, for refusing it when it is configured; nil when they will.
    func objection(to settings: PushSettings) -> String?
}

extension Target {
    /// Targets whose batches succeed or fail as a whole have one outcome for all events.
    public func deliverEach(_ deliveries: [Delivery], to settings: PushSettings) async -> [Outcome] {
        Array(repeating: await deliver(deliveries, to: settings), count: deliveries.count)
    }

    /// Targets that have only ``deliver(_:to:)`` are waited for.
    public func begin(
        _ deliveries: [Delivery], to settings: PushSettings, completion: @escaping @Sendable (Outcome) -> Void
    ) -> Bool { false }

    /// Targets that are not asked want everything.
    public func requestPermission(_ settings: PushSettings) async -> Permission {
        .granted(ratePerSecond: nil)
    }
}
