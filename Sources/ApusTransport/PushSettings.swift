// SPDX-License-Identifier: Apache-2.0

// Where and how a push subscription delivers. Plain values: who may say what is checked where they come in.

public import ApusModel

/// Where and how a push subscription delivers.
public struct PushSettings: Sendable, Hashable {
    /// How an event becomes an HTTP request.
    public enum Mode: String, Sendable, Hashable, CaseIterable {
        /// Attributes as headers, data as body.
        case binary
        /// The whole event as one JSON document.
        case structured
        /// Several events as one JSON array.
        case batch
    }

    /// How many events a request has in batch mode.
    public struct Batch: Sendable, Hashable {
        /// At most so many events; 1 to 1000.
        public var eventsMax: Int
        /// At most so many bytes of data, unless a single event has more; 1 B to 16 MiB.
        public var bytesMax: Int
        /// How long the first event waits for others; 0 s to 60 s.
        public var linger: Duration

        /// How many events a request has in batch mode.
        public init(
            eventsMax: Int = Defaults.webhookBatchEvents, bytesMax: Int = Defaults.webhookBatchBytes,
            linger: Duration = Defaults.webhookBatchLinger
        ) {
            self.eventsMax = eventsMax
            self.bytesMax = bytesMax
            self.linger = linger
        }
    }

    /// When a target that keeps failing is left alone.
    public struct Breaker: Sendable, Hashable {
        /// After how many failures in a row; 0 for never, at most 10,000.
        public var failures: Int
        /// How long the first pause is; it doubles with each probe that fails.
        public var initial: Duration
        /// The longest pause.
        public var max: Duration

        /// When a target that keeps failing is left alone.
        public init(
            failures: Int = Defaults.breakerFailures, initial: Duration = Defaults.breakerInitial,
            max: Duration = Defaults.breakerMax
        ) {
            self.failures = failures
            self.initial = initial
            self.max = max
        }
    }

    /// Where events go.
    public enum Destination: Sendable, Hashable {
        /// To a URL, `http` or `https`.
        case web(String)
        /// To a topic of an outside broker, by the name of the connection to it.
        case bus(connection: ResourceName, topic: String)
    }

    /// Where events go.
    public var destination: Destination
    /// How long one attempt may take; 1 s to 5 min.
    public var timeout: Duration
    /// How many attempts run at the same time; 1 to 1000.
    public var concurrency: Int
    /// How an event becomes a request.
    public var mode: Mode
    /// How many events a request has in batch mode.
    public var batch = Batch()
    /// How many events per second are sent at most; 1 to 1,000,000, nil for no limit.
    public var rate: Int?
    /// Headers that every request has beside those that say what it is; at most 32.
    public var headers: [WebhookHeader] = []
    /// The most secrets that requests are signed with.
    public static let secretsMax = 4
    /// What requests are signed with, each of them; at most ``secretsMax``, none for no signature.
    public var secrets: [WebhookSecret] = []
    /// Whether the receiver is asked for its consent before anything is sent to it.
    public var handshake = false
    /// When a target that keeps failing is left alone.
    public var breaker = Breaker()

    /// Where and how a push subscription delivers.
    public init(
        url: String, timeout: Duration = Defaults.webhookTimeout,
        concurrency: Int = Defaults.webhookConcurrency,
        mode: Mode = .binary
    ) {
        destination = .web(url)
        self.timeout = timeout
        self.concurrency = concurrency
        self.mode = mode
    }

    /// Delivers to a topic of an outside broker: what is there goes out together, as many events at a time as a batch takes.
    public init(
        connection: ResourceName, topic: String, timeout: Duration = Defaults.busTargetTimeout,
        concurrency: Int = Defaults.busTargetConcurrency
    ) {
        destination = .bus(connection: connection, topic: topic)
        self.timeout = timeout
        self.concurrency = concurrency
        mode = .batch
        batch.linger = .zero
    }

    /// Where events go, as text: the URL, or `connection/topic`.
    public var url: String {
        switch destination {
        case .web(let url): url
        case .bus(let connection, let topic): "\(connection)/\(topic)"
        }
    }

    /// The connection that events go by, if they go to an outside broker.
    public var connection: ResourceName? {
        if case .bus(let connection, _) = destination { connection } else { nil }
    }
}
