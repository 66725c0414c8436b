// SPDX-License-Identifier: Apache-2.0

// Publishing together with a change in a database, although no broker takes part in its transactions: the event is written beside the change, in the same
// transaction, and a relay publishes what it finds there. Either both happen or neither, and what is published again after a crash has the identity it had.

public import CloudEvents

/// Where events wait in an application's own database until they are published.
///
/// An implementation writes ``OutboxMessage``s in the transaction that it is handed, in the order in which transactions commit as far as its database
/// can tell, and gives them back oldest first.
public protocol Outbox: Sendable {
    /// What the application's database calls a transaction under way.
    associatedtype Transaction

    /// Writes a message within a transaction: it is there if and only if the transaction commits.
    func append(_ message: OutboxMessage, in transaction: Transaction) throws
    /// The oldest messages that wait, in the order in which they were written.
    func pending(limit: Int) async throws -> [OutboxEntry]
    /// The oldest messages that wait for other topics than these, in the order in which they were written. So the messages of a topic that fails, however
    /// many they are, do not hide those of others. There are 500 such topics at most. Without an implementation of its own an outbox has one that reads past
    /// them, and no further than the oldest 65,536 messages.
    func pending(limit: Int, excluding topics: Set<String>) async throws -> [OutboxEntry]
    /// Removes messages that were published.
    func remove(_ numbers: [Int64]) async throws
    /// Takes a message that the broker will never have out of the way of the others, and keeps it with the reason for a person to look at.
    func setAside(_ number: Int64, reason: String) async throws
}

extension Outbox {
    public func pending(limit: Int, excluding topics: Set<String>) async throws -> [OutboxEntry] {
        let most = max(limit, 65_536)
        var count = limit
        while true {
            let oldest = try await pending(limit: count)
            let others = oldest.lazy.filter { !topics.contains($0.message.topic) }
            guard others.isEmpty, oldest.count == count, count < most else {
                return Array(others.prefix(limit))
            }
            // There may be some behind those that were read.
            count = min(count * 4, most)
        }
    }
}

/// An event on its way to a topic.
public struct OutboxMessage: Sendable, Hashable {
    /// The topic.
    public var topic: String
    /// The event, whose identity is settled: it stays the same however often the message is published.
    public var event: CloudEvent

    /// An event on its way to a topic.
    public init(topic: String, event: CloudEvent) {
        self.topic = topic
        self.event = event
    }
}

/// A message that waits in an outbox.
public struct OutboxEntry: Sendable, Hashable {
    /// Its place in the outbox; grows.
    public var number: Int64
    /// The message.
    public var message: OutboxMessage

    /// A message that waits in an outbox.
    public init(number: Int64, message: OutboxMessage) {
        self.number = number
        self.message = message
    }
}

extension Bus {
    /// The message by which an outbox publishes an event. Identity, time, trace and cause are those of this moment.
    ///
    /// ```swift
    /// try outbox.append(
    ///     try bus.message(OrderPlaced(orderID: "o-1", region: "eu", total: 12.5)), in: transaction)
    /// ```
    public func message<E: Event>(
        _ event: E, options: PublishOptions = .none
    ) throws(BusError) -> OutboxMessage {
        guard options.due == nil else {
            throw .invalid("an event in an outbox is published as soon as it can be")
        }
        return OutboxMessage(topic: options.topic ?? E.topic, event: try envelope(event, options))
    }
}
