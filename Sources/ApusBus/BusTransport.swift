// SPDX-License-Identifier: Apache-2.0

// The seam below the Swift library: one broker (the embedded engine, an Apus server, Kafka, RabbitMQ, AWS, Event Grid) as applications use it. Each
// implementation keeps what it promises with its broker's own means of retry and dead letter; what its broker cannot do is missing from its
// capabilities and refused by name, never imitated in silence. Everything is pulled: who receives decides how much is on its way, so no transport
// needs a buffer without a bound. Each implementation passes the same contract suite.

public import CloudEvents

/// One broker, as applications use it.
///
/// All members may be called from any task at any time. A transport that loses its connection gets it back by itself; meanwhile calls wait or throw
/// ``BusError/unavailable(_:)``.
public protocol BusTransport: Sendable {
    /// What this broker can do.
    var capabilities: Capabilities { get }

    // MARK: Publish

    /// Publishes events to a topic, which comes into being if it can. Returns when the broker has promised to keep them, with one receipt for each, in
    /// order. The key of an event is its `partitionkey`.
    ///
    /// - Throws: ``BusError``; ``BusError/partial(_:)`` when some were published and others not.
    func publish(_ events: [CloudEvent], to topic: String) async throws(BusError) -> [Receipt]

    /// Publishes events at a time to come; needs ``Feature/delay``.
    func publish(
        _ events: [CloudEvent], to topic: String, at time: CloudEventTimestamp
    ) async throws(BusError) -> [Receipt]

    /// Withdraws an event that waits for its time, by ``Receipt/scheduleID``; needs ``Feature/cancelDelayed``. False when it was published already.
    func cancel(_ scheduleID: String) async throws(BusError) -> Bool

    // MARK: Consume

    /// Opens a subscription, which is made if there is none of this name, and changed to what is asked if there is.
    ///
    /// - Throws: ``BusError/missing(_:)`` when it asks for what the broker cannot do; ``BusError/unknown(_:)`` when there is none and it is
    ///   not made by asking for it (no ``Feature/managedSubscriptions``).
    func subscribe(_ subscription: Subscription) async throws(BusError) -> any Receiver

    /// Deletes a subscription with everything it has not consumed; nothing happens when there is none. Needs ``Feature/managedSubscriptions``.
    func unsubscribe(_ subscription: Subscription) async throws(BusError)

    /// What a subscription has given up, oldest first, at most `limit`; they stay where they are. Needs ``Feature/deadLetters``.
    func deadLetters(of subscription: Subscription, limit: Int) async throws(BusError) -> [DeadLetter]

    /// Reads stored events in order, without a subscription; needs ``Feature/replay``.
    func replay(
        _ topic: String, from start: ReplayStart, pattern: String?
    ) async throws(BusError) -> any ReplayReader

    /// Begins to make transactions; needs ``Feature/transactions``. Whoever made some under the same `id` before cannot any more, and what it left open is
    /// aborted: ask for it before subscribing.
    ///
    /// - Parameter id: who makes them, the same through restarts and another for each that runs at the same time.
    func transactions(id: String) async throws(BusError) -> any BusTransactions

    // MARK: Route

    /// Makes or replaces a rule; needs ``Feature/rules``.
    func putRule(_ rule: Rule) async throws(BusError)
    /// Deletes a rule; nothing happens when there is none.
    func deleteRule(_ name: String) async throws(BusError)

    /// Makes or replaces a recurring event; needs ``Feature/recurring``.
    func putSchedule(_ schedule: RecurringEvent) async throws(BusError)
    /// Deletes a recurring event; nothing happens when there is none.
    func deleteSchedule(_ name: String) async throws(BusError)

    // MARK: End

    /// Ends all connections. Receivers that wait return what they have, and then throw ``BusError/closed``.
    func close() async
}

/// One open subscription.
public protocol Receiver: Sendable {
    /// Up to `limit` events, at least one unless `wait` passes first. Never more than ``Subscription/prefetch`` are handed out and unsettled.
    ///
    /// - Throws: ``BusError/closed`` after ``close()``; other errors only when waiting longer cannot help.
    func receive(limit: Int, wait: Duration) async throws(BusError) -> [ReceivedEvent]

    /// Settles events; returns when the broker has taken note as durably as it does. One result for each, in order.
    ///
    /// - Throws: ``BusError/missing(_:)`` for a retry that is to wait, where there is no ``Feature/delayedRetry``; nothing is settled then.
    func settle(_ settlements: [Settlement]) async throws(BusError) -> [SettleResult]

    /// Keeps events for longer: none of them is handed to anybody else before `duration` has passed. Where events are held by the connection
    /// (no ``Feature/leases``) nothing needs to be done.
    func extend(_ tokens: [DeliveryToken], by duration: Duration) async throws(BusError)

    /// Why nothing can come at this moment, while the transport tries to reach its broker again by itself; nil when all is well, or where the transport
    /// cannot tell.
    var outage: Outage? { get }

    /// Gives back what is unsettled, not counted as an attempt where the broker can do that, and ends. A temporary subscription is deleted.
    func close() async
}

/// A time in which a broker is not reached.
public struct Outage: Sendable, Hashable {
    /// What is known of it, for a person.
    public var reason: String
    /// Since when.
    public var since: ContinuousClock.Instant

    /// A time in which a broker is not reached.
    public init(reason: String, since: ContinuousClock.Instant = .now) {
        self.reason = reason
        self.since = since
    }
}

extension Receiver {
    public var outage: Outage? { nil }
}

/// A reader of stored events.
public protocol ReplayReader: Sendable {
    /// Up to `limit` events, in order within each partition; none when `wait` passed and no more are there.
    func next(limit: Int, wait: Duration) async throws(BusError) -> [ReceivedEvent]
    /// Ends reading.
    func close() async
}

// What most brokers cannot do: they need not say so twice.
extension BusTransport {
    public func publish(
        _ events: [CloudEvent], to topic: String, at time: CloudEventTimestamp
    ) async throws(BusError) -> [Receipt] {
        throw .unsupported(.delay, transport: capabilities.transport)
    }

    public func cancel(_ scheduleID: String) async throws(BusError) -> Bool {
        throw .unsupported(.cancelDelayed, transport: capabilities.transport)
    }

    public func replay(
        _ topic: String, from start: ReplayStart, pattern: String?
    ) async throws(BusError) -> any ReplayReader {
        throw .unsupported(.replay, transport: capabilities.transport)
    }

    public func transactions(id: String) async throws(BusError) -> any BusTransactions {
        throw .unsupported(.transactions, transport: capabilities.transport)
    }

    public func putRule(_ rule: Rule) async throws(BusError) {
        throw .unsupported(.rules, transport: capabilities.transport)
    }

    public func deleteRule(_ name: String) async throws(BusError) {
        throw .unsupported(.rules, transport: capabilities.transport)
    }

    public func putSchedule(_ schedule: RecurringEvent) async throws(BusError) {
        throw .unsupported(.recurring, transport: capabilities.transport)
    }

    public func deleteSchedule(_ name: String) async throws(BusError) {
        throw .unsupported(.recurring, transport: capabilities.transport)
    }
}
