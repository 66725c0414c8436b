// SPDX-License-Identifier: Apache-2.0

// Consuming and publishing as one step: what came of an event is published and the event is acknowledged, both or neither.

public import CloudEvents

/// An event that was handled, and what is to be published because of it.
public struct HandledEvent: Sendable {
    /// The event, which is handed out and unsettled.
    public var event: ReceivedEvent
    /// What to publish, each with its topic, in order.
    public var publishing: [(event: CloudEvent, topic: String)]

    /// An event that was handled.
    public init(_ event: ReceivedEvent, publishing: [(event: CloudEvent, topic: String)] = []) {
        self.event = event
        self.publishing = publishing
    }
}

/// What became of a handled event.
public enum CommitResult: String, Sendable, Hashable {
    /// It is acknowledged, and what came of it is published.
    case committed
    /// Nothing has happened yet: events ahead of it in its partition are not settled. It stays handed out; the same can be asked again.
    case waiting
    /// Nothing has happened: it is not held any more, and is handed out again.
    case expired
}

/// Makes transactions, one at a time, for one program.
public protocol BusTransactions: Sendable {
    /// Publishes what came of events and acknowledges these, in one transaction: both, or neither.
    ///
    /// - Parameters:
    ///   - handled: events of `receiver`.
    ///   - receiver: a receiver of the bus that this was made with.
    /// - Returns: one result for each, in order.
    /// - Throws: ``BusError``. When it can be repeated nothing has happened, and the events are still handed out. ``BusError/refused(_:)`` when somebody else
    ///   makes transactions under this id; ``BusError/undecided(_:)`` when it is not known whether it has happened: then the receiver has to be opened anew,
    ///   after another ``BusTransport/transactions(id:)``, and hands out what was not acknowledged.
    func commit(_ handled: [HandledEvent], of receiver: any Receiver) async throws(BusError) -> [CommitResult]

    /// Ends making transactions; one that is being made is ended first.
    func close() async
}
