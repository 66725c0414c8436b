// SPDX-License-Identifier: Apache-2.0

// What the engine asks of an outside system that events are delivered to. One attempt in, one outcome out: retries,
// backoff, concurrency and dead letters are the engine's, once, for every target.

public import ApusModel
public import CloudEvents

/// One event on its way to one target, and which try of it this is.
public struct Delivery: Sendable {
    /// The subscription that delivers.
    public var subscription: ResourceName
    /// The topic, partition and offset that it comes from.
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
    /// W3C `traceparent` of this delivery's span, when the event carries a trace.
    public var traceparent: String?

    /// One event on its way to one target.
    public init(
        subscription: ResourceName, topic: ResourceName, partition: Int, offset: Offset, attempt: Int,
        attemptsMax: Int, event: CloudEvent, traceparent: String? = nil
    ) {
        self.subscription = subscription
        self.topic = topic
        self.partition = partition
        self.offset = offset
        self.attempt = attempt
        self.attemptsMax = attemptsMax
        self.event = event
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

/// Where and how a push subscription delivers.
public struct PushSettings: Sendable, Hashable {
    /// How an event becomes an HTTP request.
    public enum Mode: String, Sendable, Hashable, CaseIterable {
        /// Attributes as headers, data as body.
        case binary
        /// The whole event as one JSON document.
        case structured
    }

    /// The URL, `http` or `https`.
    public var url: String
    /// How long one attempt may take; 1 s to 5 min.
    public var timeout: Duration
    /// How many attempts run at the same time; 1 to 1000.
    public var concurrency: Int
    /// How an event becomes a request.
    public var mode: Mode

    /// Where and how a push subscription delivers.
    public init(
        url: String, timeout: Duration = Defaults.webhookTimeout, concurrency: Int = Defaults.webhookConcurrency,
        mode: Mode = .binary
    ) {
        self.url = url
        self.timeout = timeout
        self.concurrency = concurrency
        self.mode = mode
    }
}

/// An outside system that events can be delivered to.
public protocol Target: Sendable {
    /// Makes one attempt. Returns within the settings' timeout, and never throws: whatever happened is an outcome.
    func deliver(_ delivery: Delivery, to settings: PushSettings) async -> Outcome

    /// Why events will not be delivered to this address, for refusing it when it is configured; nil when they will.
    func objection(to settings: PushSettings) -> String?
}
