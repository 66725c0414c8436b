// SPDX-License-Identifier: Apache-2.0

// Receiving and settling for those who name events by partition and offset and have no lease for each: somebody holds events of a shared
// subscription, and says of ranges of them what became of them. Kafka's share groups consume so. Leases are those of everybody else.

public import ApusModel

/// Somebody who holds events of shared subscriptions. An event that is handed out to a holder is settled by holder and offset.
public struct LeaseHolder: Sendable, Hashable {
    /// Tells this holder's leases from all others; chance makes it, so that nobody hits upon another's.
    public let nonce: UInt64

    /// Somebody whom nobody else is taken for, if `nonce` is a number of chance.
    public init(nonce: UInt64) { self.nonce = nonce }
}

/// What a holder wants of a subscription.
public struct AcquireRequest: Sendable, Hashable {
    /// Who wants it.
    public var holder: LeaseHolder
    /// Only events of these partitions.
    public var partitions: Set<Int>
    /// How many events at most.
    public var limit: Int
    /// No further event once there are so many bytes of data.
    public var byteLimit: Int

    /// What a holder wants of a subscription.
    public init(holder: LeaseHolder, partitions: Set<Int>, limit: Int, byteLimit: Int) {
        self.holder = holder
        self.partitions = partitions
        self.limit = limit
        self.byteLimit = byteLimit
    }
}

/// An event that is handed out to a holder.
public struct AcquiredEvent: Sendable, Hashable {
    /// The partition.
    public var partition: Int
    /// Its place in the partition.
    public var offset: Offset
    /// Which try this is, from 1.
    public var attempt: Int

    /// An event that is handed out to a holder.
    public init(partition: Int, offset: Offset, attempt: Int) {
        self.partition = partition
        self.offset = offset
        self.attempt = attempt
    }
}

/// What is known of an acquisition before it is durable.
public struct AcquireOutlook: Sendable, Hashable {
    /// How many events are being handed out.
    public var count: Int
    /// What to wait from when there are none.
    public var version: UInt64

    /// What is known of an acquisition before it is durable.
    public init(count: Int, version: UInt64) {
        self.count = count
        self.version = version
    }
}

/// A holder's verdict on the event at an offset.
public struct OffsetVerdict: Sendable, Hashable {
    /// Where the event is.
    public var offset: Offset
    /// What became of it.
    public var verdict: Verdict

    /// A holder's verdict on the event at an offset.
    public init(_ offset: Offset, _ verdict: Verdict) {
        self.offset = offset
        self.verdict = verdict
    }
}

/// A subscription without a look at its log or its topic's.
public struct SubscriptionSummary: Sendable, Hashable {
    /// Its name.
    public var name: ResourceName
    /// What is decided about it.
    public var settings: SubscriptionSettings
    /// The identity of its topic.
    public var topicID: LogID

    /// A subscription without a look at its log or its topic's.
    public init(name: ResourceName, settings: SubscriptionSettings, topicID: LogID) {
        self.name = name
        self.settings = settings
        self.topicID = topicID
    }
}

/// Called once, on a thread of the broker's: hand over and return.
public typealias AcquireCompletion = @Sendable (Result<[AcquiredEvent], BrokerError>) -> Void
/// Called once, on a thread of the broker's, with whether the holder had all of the events: otherwise no verdict counts.
public typealias HoldCompletion = @Sendable (Result<Bool, BrokerError>) -> Void

/// The part of a ``Broker`` for those who settle events by offset.
public protocol Holding: Sendable {
    /// One subscription at work.
    func subscriptionSummary(_ name: ResourceName) -> SubscriptionSummary?
    /// All subscriptions that are defined, by name.
    func subscriptionSummaries() -> [SubscriptionSummary]

    /// Leases events to a holder, for as long as the subscription says. May block on the disk. `completion` comes when their attempts are durable, at
    /// once when there are none.
    func acquire(
        _ subscription: ResourceName, _ request: AcquireRequest, completion: @escaping AcquireCompletion
    ) -> AcquireOutlook

    /// Calls `body` once when there may be something to acquire that was not there at `version`, at once if there is, on any thread. Costs an entry
    /// in a list.
    ///
    /// - Returns: what cancels the wait; nil when it is over already.
    func whenAcquirable(
        _ subscription: ResourceName, since version: UInt64, _ body: @escaping @Sendable () -> Void
    ) -> BatchWait?

    /// Settles events of a partition that a holder has: all of them, or, if it does not have one of them any more, none.
    func settle(
        _ subscription: ResourceName, by holder: LeaseHolder, partition: Int, _ verdicts: [OffsetVerdict],
        completion: @escaping HoldCompletion)

    /// Puts everything that a holder has back to its place; `counted` false gives the attempts back.
    func release(
        _ subscription: ResourceName, by holder: LeaseHolder, counted: Bool,
        completion: @escaping HoldCompletion)

    /// Moves a shared subscription to these offsets, by partition; others stay where they are.
    func reposition(_ subscription: ResourceName, to offsets: [Int: Offset]) async throws(BrokerError)

    /// What clients have configured a group of theirs with, by names of their protocol; nothing for one that nobody configured.
    func groupConfigs(_ group: ResourceName) -> [String: String]
    /// Configures a group, whether it exists or not; with nothing its configuration is forgotten. Kept as it is: what it means is the caller's.
    func configureGroup(_ group: ResourceName, _ configs: [String: String]) async throws(BrokerError)
}

// What a broker says that knows no holders.
extension Holding {
    public func subscriptionSummary(_ name: ResourceName) -> SubscriptionSummary? { nil }
    public func subscriptionSummaries() -> [SubscriptionSummary] { [] }

    public func acquire(
        _ subscription: ResourceName, _ request: AcquireRequest, completion: @escaping AcquireCompletion
    ) -> AcquireOutlook {
        completion(.failure(.unknownSubscription(subscription)))
        return AcquireOutlook(count: 0, version: 0)
    }

    public func whenAcquirable(
        _ subscription: ResourceName, since version: UInt64, _ body: @escaping @Sendable () -> Void
    ) -> BatchWait? {
        body()
        return nil
    }

    public func settle(
        _ subscription: ResourceName, by holder: LeaseHolder, partition: Int, _ verdicts: [OffsetVerdict],
        completion: @escaping HoldCompletion
    ) { completion(.failure(.unknownSubscription(subscription))) }

    public func release(
        _ subscription: ResourceName, by holder: LeaseHolder, counted: Bool,
        completion: @escaping HoldCompletion
    ) { completion(.failure(.unknownSubscription(subscription))) }

    public func reposition(
        _ subscription: ResourceName, to offsets: [Int: Offset]
    ) async throws(BrokerError) { throw .unknownSubscription(subscription) }

    public func groupConfigs(_ group: ResourceName) -> [String: String] { [:] }
    public func configureGroup(
        _ group: ResourceName, _ configs: [String: String]
    ) async throws(BrokerError) { throw .invalid("this broker keeps no configs of groups") }
}
