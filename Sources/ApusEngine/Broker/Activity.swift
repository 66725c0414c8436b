// SPDX-License-Identifier: Apache-2.0

// What goes on in a broker as a whole: counts that only grow, from which whoever looks twice has rates, and what stands at the moment. Nothing of it is
// kept for this: it is gathered from topics and subscriptions when somebody looks.

public import ApusModel

/// What goes on in a broker as a whole. Counts are since start; those of what is deleted are gone with it.
public struct BrokerActivity: Sendable, Hashable {
    /// Events acknowledged to publishers, copies and dead letters not included.
    public var published: Int64 = 0
    /// Events handed out to consumers and targets, repeats included.
    public var delivered: Int64 = 0
    /// Deliveries that were acknowledged.
    public var acknowledged: Int64 = 0
    /// Attempts that came to nothing: failed, refused or rejected for good, or the lease ended.
    public var failed: Int64 = 0
    /// Events that were given up.
    public var deadLettered: Int64 = 0
    /// Events neither settled nor handed out, of all subscriptions.
    public var backlog: Int64 = 0
    /// Events leased now.
    public var inFlight = 0
    /// Events that wait for a retry.
    public var waiting = 0
    /// When the oldest event arrived that a subscription has not settled; nil when there is none.
    public var oldestUnsettled: Timestamp?
    /// The subscription that has not settled it.
    public var oldestSubscription: ResourceName?
    /// Push subscriptions whose target is left alone because it kept failing.
    public var failing = 0
    /// Dead letters that nobody has dealt with.
    public var deadLettersWaiting: Int64 = 0

    /// Nothing goes on.
    public init() {}

    /// Adds what a subscription says of itself.
    public mutating func add(_ subscription: SubscriptionDescription) {
        delivered += Int64(clamping: subscription.delivered)
        acknowledged += Int64(clamping: subscription.acknowledged)
        failed += Int64(clamping: subscription.failed)
        deadLettered += Int64(clamping: subscription.deadLettered)
        backlog += subscription.backlog
        inFlight += subscription.inFlight
        waiting += subscription.waiting
        if let push = subscription.push, push.circuit != .closed { failing += 1 }
        if let oldest = subscription.oldestUnsettled, oldest < oldestUnsettled ?? .distantFuture {
            oldestUnsettled = oldest
            oldestSubscription = subscription.name
        }
    }
}

/// How the subscriptions of one topic stand.
public struct TopicReaders: Sendable, Hashable {
    /// How many there are.
    public var count = 0
    /// The most events that one of them has neither settled nor handed out.
    public var backlog: Int64 = 0
    /// When the oldest event arrived that one of them has not settled; nil when there is none.
    public var oldestUnsettled: Timestamp?

    /// Nobody reads.
    public init() {}

    /// Adds what a subscription says of itself.
    mutating func add(_ subscription: SubscriptionDescription) {
        count += 1
        backlog = max(backlog, subscription.backlog)
        if let oldest = subscription.oldestUnsettled {
            oldestUnsettled = min(oldest, oldestUnsettled ?? .distantFuture)
        }
    }
}

extension Timestamp {
    fileprivate static let distantFuture = Timestamp(milliseconds: .max)
}

extension Broker {
    /// What goes on, for brokers that can only describe things one by one.
    public func activity() -> BrokerActivity {
        var activity = BrokerActivity()
        activity.deadLettersWaiting = status().deadLettersWaiting
        var page = Page(limit: 1000)
        while let topics = try? topics(page), let last = topics.last {
            activity.published += topics.reduce(0) { $0 + Int64(clamping: $1.published) }
            page.after = last.name.description
        }
        page.after = nil
        while let subscriptions = try? subscriptions(of: nil, page), let last = subscriptions.last {
            subscriptions.forEach { activity.add($0) }
            page.after = last.name.description
        }
        return activity
    }

    /// How the subscriptions of topics stand, for brokers that can only describe them one by one.
    public func readers(of topics: Set<ResourceName>) -> [ResourceName: TopicReaders] {
        var readers: [ResourceName: TopicReaders] = [:]
        var page = Page(limit: 1000)
        while let subscriptions = try? subscriptions(of: nil, page), let last = subscriptions.last {
            for one in subscriptions where topics.contains(one.settings.topic) {
                readers[one.settings.topic, default: TopicReaders()].add(one)
            }
            page.after = last.name.description
        }
        return readers
    }
}
