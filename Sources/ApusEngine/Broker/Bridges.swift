// SPDX-License-Identifier: Apache-2.0

// Bridges to outside brokers: what is decided about them (the registry keeps it, like all definitions), and how they stand, which only what runs them
// knows. A connection is a broker by name; a push target delivers to a topic of it; a feed takes events from one and publishes them here.

public import ApusModel

/// A connection to an outside broker, as it is stored.
public struct StoredConnection: Sendable, Hashable {
    /// Its name.
    public var name: ResourceName
    /// When it was made.
    public var created: Timestamp
    /// The broker's URL, as it was given: with references to secrets in place of secrets, or with the secrets themselves.
    public var url: String

    /// A connection to an outside broker.
    public init(name: ResourceName, created: Timestamp, url: String) {
        self.name = name
        self.created = created
        self.url = url
    }
}

/// What is decided about a feed.
public struct FeedSettings: Sendable, Hashable {
    /// What it takes events from.
    public enum Source: Sendable, Hashable {
        /// From a topic, by a subscription that programs of the same group share.
        case topic(String, group: String)
        /// From a queue that somebody else made, as it is.
        case queue(String)
    }

    /// Where a feed begins that is new at its source.
    public enum Start: String, Sendable, Hashable, CaseIterable {
        /// With what is published from now on.
        case latest
        /// With the first event that the source keeps.
        case earliest
    }

    /// The connection that it takes events by.
    public var connection: ResourceName
    /// What it takes events from.
    public var source: Source
    /// The topic that it publishes them to.
    public var into: ResourceName
    /// How many events it has taken and not yet settled; 1 to 10,000.
    public var prefetch: Int
    /// Where it begins if it is new at its source.
    public var start: Start
    /// The topic for events that cannot be published to ``into``, with the reason beside each; nil to have the source dead-letter them.
    public var deadLetter: ResourceName?
    /// Whether it takes nothing.
    public var isPaused: Bool

    /// What is decided about a feed.
    public init(
        connection: ResourceName, source: Source, into: ResourceName, prefetch: Int = Defaults.feedPrefetch,
        start: Start = .latest, deadLetter: ResourceName? = nil, isPaused: Bool = false
    ) {
        self.connection = connection
        self.source = source
        self.into = into
        self.prefetch = prefetch
        self.start = start
        self.deadLetter = deadLetter
        self.isPaused = isPaused
    }
}

/// A feed, as it is stored.
public struct StoredFeed: Sendable, Hashable {
    /// Its name.
    public var name: ResourceName
    /// When it was made.
    public var created: Timestamp
    /// What is decided about it.
    public var settings: FeedSettings

    /// A feed.
    public init(name: ResourceName, created: Timestamp, settings: FeedSettings) {
        self.name = name
        self.created = created
        self.settings = settings
    }
}

/// The extension attributes of an event that a feed could not publish.
public enum FeedLetter {
    /// The feed that gave it up.
    public static let feed = "apusfeed"
    /// Why.
    public static let reason = "apusreason"
}

/// The definitions of bridges: the engine keeps them, and what runs them reads them.
public protocol BridgeRegistry: Sendable {
    /// All connections, by name.
    func storedConnections() -> [StoredConnection]
    /// All feeds, by name.
    func storedFeeds() -> [StoredFeed]
    /// Creates or replaces a connection; true when it is new.
    func putConnection(_ name: ResourceName, url: String) async throws(BrokerError) -> Bool
    /// Deletes a connection that nothing uses.
    func deleteConnection(_ name: ResourceName) async throws(BrokerError)
    /// Creates or replaces a feed; true when it is new.
    func putFeed(_ name: ResourceName, _ settings: FeedSettings) async throws(BrokerError) -> Bool
    /// Deletes a feed.
    func deleteFeed(_ name: ResourceName) async throws(BrokerError)
    /// Makes a topic one of dead letters, so that what a feed puts there can be redriven and discarded; a topic that is one already stays as it is.
    func keepDeadLetters(in topic: ResourceName) async throws(BrokerError)
    /// How many feeds, rules and subscriptions use a connection.
    func uses(ofConnection name: ResourceName) -> Int
}

/// A connection as it stands.
public struct ConnectionDescription: Sendable, Hashable {
    /// Whether the broker is reached.
    public enum State: Sendable, Hashable {
        /// Nobody has needed it since the server started.
        case unused
        /// It is being reached.
        case connecting
        /// It was reached, or answers, since then.
        case connected(since: Timestamp)
        /// It was not reached, or does not take what is sent, since then; says why.
        case failing(since: Timestamp, reason: String)
    }

    /// What is decided about it.
    public var stored: StoredConnection
    /// Its URL without anything secret.
    public var maskedURL: String
    /// Whether the broker is reached.
    public var state: State
    /// How many feeds, rules and subscriptions use it.
    public var uses: Int

    /// A connection as it stands.
    public init(stored: StoredConnection, maskedURL: String, state: State, uses: Int) {
        self.stored = stored
        self.maskedURL = maskedURL
        self.state = state
        self.uses = uses
    }
}

/// A feed as it stands.
public struct FeedDescription: Sendable, Hashable {
    /// What it is doing.
    public enum State: String, Sendable, Hashable, CaseIterable {
        /// It takes nothing because somebody wants it so.
        case paused
        /// It opens its source.
        case connecting
        /// It takes events.
        case running
        /// Its events cannot be published here for now: it holds them and goes on trying.
        case blocked
        /// It failed, and begins again after a while.
        case waiting
    }

    /// Since the server started.
    public struct Counts: Sendable, Hashable {
        /// Events taken, repeats included.
        public var received: UInt64 = 0
        /// Events published here.
        public var published: UInt64 = 0
        /// Of these, those that were recognised as published before.
        public var duplicates: UInt64 = 0
        /// Events that cannot be published here and were given up.
        public var refused: UInt64 = 0

        /// Nothing yet.
        public init() {}
    }

    /// What is decided about it.
    public var stored: StoredFeed
    /// What it is doing.
    public var state: State
    /// Since when.
    public var since: Timestamp
    /// What last went wrong since the server started, for a person.
    public var lastFailure: String?
    /// Events since the server started.
    public var counts: Counts
    /// When the last event came.
    public var lastReceived: Timestamp?
    /// How long the last event had been waiting at its source, where that says when it got it.
    public var lag: Duration?

    /// A feed as it stands.
    public init(
        stored: StoredFeed, state: State, since: Timestamp, lastFailure: String? = nil,
        counts: Counts = Counts(), lastReceived: Timestamp? = nil, lag: Duration? = nil
    ) {
        self.stored = stored
        self.state = state
        self.since = since
        self.lastFailure = lastFailure
        self.counts = counts
        self.lastReceived = lastReceived
        self.lag = lag
    }
}

/// Whoever runs bridges: through it they are made, changed and looked at.
public protocol BridgeControl: Sendable {
    /// All connections, by name.
    func connections() -> [ConnectionDescription]
    /// One connection.
    func connection(_ name: ResourceName) throws(BrokerError) -> ConnectionDescription
    /// Creates or replaces a connection; true when it is new. A URL whose secrets are masked stands for the stored one.
    ///
    /// - Throws: ``BrokerError/invalid(_:)`` for a URL that cannot work, whatever the broker does. A broker that is not reached is no error.
    func putConnection(
        _ name: ResourceName, url: String
    ) async throws(BrokerError) -> (ConnectionDescription, isNew: Bool)
    /// Deletes a connection that nothing uses.
    func deleteConnection(_ name: ResourceName) async throws(BrokerError)
    /// All feeds, by name.
    func feeds() -> [FeedDescription]
    /// One feed.
    func feed(_ name: ResourceName) throws(BrokerError) -> FeedDescription
    /// Creates or replaces a feed; true when it is new. What it takes events from cannot be changed without changing where it stands there.
    func putFeed(
        _ name: ResourceName, _ settings: FeedSettings
    ) async throws(BrokerError) -> (FeedDescription, isNew: Bool)
    /// Deletes a feed; its place at the source stays.
    func deleteFeed(_ name: ResourceName) async throws(BrokerError)
}
