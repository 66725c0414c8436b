// SPDX-License-Identifier: Apache-2.0

// What the gateway shows of the process and cannot know itself: whoever assembles the server supplies it. It is asked for when somebody looks.

/// Observations in buckets, as Prometheus has them.
public struct HistogramFigures: Sendable, Hashable {
    /// The finite upper bounds of the buckets, in ascending order.
    public var upperBounds: [Double]
    /// How many observations are at or below each bound, and last how many there are; one more than bounds, or none.
    public var cumulativeCounts: [UInt64]

    /// Observations in buckets.
    public init(upperBounds: [Double] = [], cumulativeCounts: [UInt64] = []) {
        self.upperBounds = upperBounds
        self.cumulativeCounts = cumulativeCounts
    }
}

/// One address that the server listens at.
public struct ListenerFigures: Sendable, Hashable {
    /// What is spoken there: `http` or `kafka`.
    public var service: String
    /// `HOST:PORT`.
    public var address: String
    /// Whether only this machine can reach it.
    public var isLoopback: Bool
    /// Whether callers must show who they are.
    public var needsToken: Bool

    /// One address that the server listens at.
    public init(service: String, address: String, isLoopback: Bool, needsToken: Bool) {
        self.service = service
        self.address = address
        self.isLoopback = isLoopback
        self.needsToken = needsToken
    }
}

/// What the process says of itself.
public struct ProcessFigures: Sendable {
    /// How long publishers over HTTP waited for their receipts, in seconds.
    public var publishAcknowledgements = HistogramFigures()
    /// How long flushes of the journal took, in seconds.
    public var flushes = HistogramFigures()
    /// How long events waited, from their timestamps, until they were first handed out, in seconds.
    public var deliveryDelays = HistogramFigures()
    /// Resident memory, where the system tells.
    public var residentBytes = 0
    /// Open HTTP connections.
    public var httpConnections = 0
    /// Open connections of Kafka clients.
    public var kafkaConnections = 0
    /// Where the server listens.
    public var listeners: [ListenerFigures] = []

    /// Nothing is known.
    public init() {}
}
