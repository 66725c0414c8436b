// SPDX-License-Identifier: Apache-2.0

// How a consumer consumes, with a default for everything.

public import ApusBus

/// How a consumer consumes.
public struct ConsumerOptions: Sendable {
    /// Which events a consumer asks for.
    public enum Selection: Sendable, Hashable {
        /// Those of the types that it has handlers or upcasters for; others on the topic are none of its business.
        case handledTypes
        /// All of the topic; those without a handler go where ``ConsumerOptions/unknown`` says.
        case everything
    }

    /// How many handlers run at the same time, for each topic.
    public var concurrency: Int
    /// How many events may be handed out and unsettled, for each topic; nil for four times the concurrency, at least 64.
    public var prefetch: Int?
    /// What is kept in order; ``Subscription/Ordering/byKey`` needs ``Feature/orderByKey``.
    public var ordering: Subscription.Ordering
    /// What becomes of events whose handler throws. Handlers can have a policy of their own.
    public var retry: RetryPolicy
    /// How long a handler may take before it is cancelled and its event retried; nil for no limit. Handlers can have one of their own.
    public var timeout: Duration?
    /// What becomes of events that no handler takes.
    public var unknown: UnknownEvents
    /// Which events the consumer asks for.
    public var selection: Selection
    /// The topic that events go to that were given up; nil for `{group}.{topic}.dead-letter`.
    public var deadLetter: String?
    /// Where a new subscription begins.
    public var start: Subscription.Start
    /// For how long events are kept for this consumer before they have to be extended, which it does by itself while they are unsettled.
    public var lease: Duration
    /// Where it is noted which events were handled, so that repeats are not handled again; nil for nowhere.
    public var inbox: (any Inbox)?
    /// How long handlers may go on after a graceful shutdown has begun.
    public var grace: Duration
    /// Makes handling exactly once within the broker: acknowledging an event and publishing what its handler published to the same bus are one transaction, which
    /// happens wholly or not at all. Needs ``Feature/transactions``; nil for none.
    ///
    /// The text is an id that stays the same through restarts and that no other running program has: who comes with it ends the transactions of who had it before, so
    /// that a program that was taken for dead and is not cannot commit any more (``Consumer/run()`` then throws ``BusError/refused(_:)``). Retries wait ahead of their key, as with
    /// `ordering: .byKey`, and what is behind them in their partition is committed after them. Batches and inboxes do not go with it.
    public var transactions: String?

    /// How a consumer consumes.
    public init(
        concurrency: Int = 8, prefetch: Int? = nil, ordering: Subscription.Ordering = .none,
        retry: RetryPolicy = .exponential(), timeout: Duration? = .seconds(300),
        unknown: UnknownEvents = .deadLetter, selection: Selection = .handledTypes,
        deadLetter: String? = nil, start: Subscription.Start = .latest, lease: Duration = .seconds(30),
        inbox: (any Inbox)? = nil, grace: Duration = .seconds(30), transactions: String? = nil
    ) {
        self.concurrency = concurrency
        self.prefetch = prefetch
        self.ordering = ordering
        self.retry = retry
        self.timeout = timeout
        self.unknown = unknown
        self.selection = selection
        self.deadLetter = deadLetter
        self.start = start
        self.lease = lease
        self.inbox = inbox
        self.grace = grace
        self.transactions = transactions
    }

    /// Room for workers to find something while the last verdicts are under way.
    var prefetchOrDefault: Int { prefetch ?? max(64, concurrency * 4) }
}
