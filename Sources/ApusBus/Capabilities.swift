// SPDX-License-Identifier: Apache-2.0

// What a broker can and cannot do, as values: the bus compares them with what a program asks for before anything is published or consumed, and the
// table in "Choosing a broker" is printed from them.

/// Something that some brokers can do and others cannot.
public enum Feature: String, Sendable, Hashable, CaseIterable {
    /// Events with the same key are handed out one after the other, in the order in which they were published.
    case orderByKey
    /// Stored events can be read again from a position or a time.
    case replay
    /// An event can be published at a time to come.
    case delay
    /// An event that waits for its time can be withdrawn.
    case cancelDelayed
    /// A failed event can be kept from being handed out again for a time, without holding up others.
    case delayedRetry
    /// An attempt counts even if the process dies in it, so an event that kills its consumer is dead-lettered in the end.
    case countsCrashes
    /// Events are held by a lease that ends, and has to be extended by a handler that takes long.
    case leases
    /// The broker hands out only events of the types that a subscription asks for.
    case filterByType
    /// The broker evaluates patterns on attributes and content of events, for a subscription.
    case filterByContent
    /// The broker copies matching events of one topic to other topics.
    case rules
    /// The broker delivers to webhooks by itself.
    case webhooks
    /// The broker publishes an event again and again, by a cron expression or a rate.
    case recurring
    /// Receipts say partition and offset.
    case offsets
    /// A repeated publish of the same event (`source` and `id`) is recognised.
    case deduplication
    /// Consuming and publishing can be made one step that happens wholly or not at all.
    case transactions
    /// Subscriptions that go away with their reader.
    case temporarySubscriptions
    /// Subscriptions come into being when they are asked for, and can be deleted; where they do not, an administrator makes them.
    case managedSubscriptions
    /// Events that were given up can be read, with the reason; where they cannot, they are where the broker puts them.
    case deadLetters
}

/// What one transport can do, and how much of it.
public struct Capabilities: Sendable, Hashable {
    /// The transport, by its URL scheme: `apus`, `kafka`, `amqp`…
    public var transport: String
    /// What it can do.
    public var features: Set<Feature>
    /// The most bytes that an event can have, all told; nil when there is no limit but memory.
    public var eventBytesMax: Int?
    /// How far ahead ``Feature/delay`` reaches; nil for no limit, or when there is none.
    public var delayMax: Duration?
    /// What a receipt stands for.
    public var durability: Durability
    /// Whether of events that are published together none is taken while an earlier one of its key is not, unless that will never be.
    public var keepsOrderInBatches = false

    /// What one transport can do, and how much of it.
    public init(
        transport: String, features: Set<Feature>, eventBytesMax: Int? = nil, delayMax: Duration? = nil,
        durability: Durability
    ) {
        self.transport = transport
        self.features = features
        self.eventBytesMax = eventBytesMax
        self.delayMax = delayMax
        self.durability = durability
    }

    /// - Throws: ``BusError/missing(_:)`` for the first of `features` that is missing.
    public func require(_ features: Feature...) throws(BusError) {
        for feature in features where !self.features.contains(feature) {
            throw .unsupported(feature, transport: transport)
        }
    }

    /// For brokers where all that can be consumed are topics.
    ///
    /// - Throws: ``BusError`` when `subscription` names a queue.
    public func requireTopic(_ subscription: Subscription) throws(BusError) {
        if subscription.queue != nil {
            throw .invalid("\(transport): has no queues beside topics: name a topic")
        }
    }
}

/// What has become of an event when its receipt is there.
public enum Durability: String, Sendable, Hashable {
    /// It is in this process's memory and ends with it.
    case memory
    /// It is in the broker's memory or its system's page cache: it survives the broker's process, not its machine.
    case written
    /// It is on the broker's disk.
    case flushed
    /// It is on several machines.
    case replicated
}
