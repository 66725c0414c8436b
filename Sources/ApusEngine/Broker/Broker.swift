// SPDX-License-Identifier: Apache-2.0

// What gateways call. Two ways of consuming cover every protocol: *fetch* by offset (Kafka, tails, replays), and *receive and
// settle* by lease (queues, pull, push). The engine implements it; so can a remote client or a recorder in tests.

public import ApusModel
public import ApusRules
public import ApusStorage
public import ApusTransport
public import CloudEvents

/// Proof of publishing.
public struct PublishReceipt: Sendable, Hashable {
    /// The topic.
    public var topic: ResourceName
    /// The partition that the event was placed in.
    public var partition: Int
    /// Its place in the partition.
    public var offset: Offset
    /// Whether the event had been published before, and this is where it is.
    public var isDuplicate: Bool
    /// Whether the topic's schemas do not accept it, and it is in the quarantine topic, which ``topic`` names then.
    public var isQuarantined: Bool

    /// Proof of publishing.
    public init(
        topic: ResourceName, partition: Int, offset: Offset, isDuplicate: Bool = false,
        isQuarantined: Bool = false
    ) {
        self.isQuarantined = isQuarantined
        self.topic = topic
        self.partition = partition
        self.offset = offset
        self.isDuplicate = isDuplicate
    }
}

/// An event as it stands in a partition.
public struct StoredEvent: Sendable, Hashable {
    /// The topic.
    public var topic: ResourceName
    /// The partition.
    public var partition: Int
    /// Its place in the partition.
    public var offset: Offset
    /// When it arrived.
    public var timestamp: Timestamp
    /// Its key, if it has one.
    public var key: String?
    /// The event; attributes are synthesised for records that other protocols wrote without any.
    public var event: CloudEvent
    /// Headers that are not the event's: lineage of copies and dead letters, other protocols' own.
    public var headers: [Record.Header]
}

/// The answer to a fetch.
public struct FetchedEvents: Sendable {
    /// The events, in order.
    public var events: [StoredEvent]
    /// Where to go on.
    public var next: Offset
    /// Where the partition ended when it was read.
    public var end: Offset
}

/// An event handed out under a lease.
public struct LeasedEvent: Sendable {
    /// The lease, to settle with.
    public var lease: String
    /// Which try this is, from 1.
    public var attempt: Int
    /// The last try there will be.
    public var attemptsMax: Int
    /// When the lease ends, by wall time, unless it is extended.
    public var deadline: Timestamp
    /// The event.
    public var stored: StoredEvent
}

/// A consumer's verdict on one leased event.
public enum Verdict: Sendable, Hashable {
    /// Done.
    case acknowledge
    /// Back to its place, after `delay`; `counted` false gives the attempt back.
    case release(delay: Duration, counted: Bool)
    /// Dead-letter it now.
    case reject(reason: String)
    /// Not yet done: the lease ends this long from now.
    case extend(Duration)
}

/// What became of a verdict.
public enum SettleResult: String, Sendable, Hashable {
    /// It counts.
    case ok
    /// The lease had ended, or never was.
    case expired
}

/// A dead letter.
public struct DeadLetter: Sendable, Hashable {
    /// `topic/partition/offset` of the dead letter itself.
    public var id: String
    /// The subscription that gave up.
    public var subscription: ResourceName?
    /// The rule that gave up, if it was none: its transformation failed.
    public var rule: ResourceName? = nil
    /// The topic that the rule could not copy the event to.
    public var target: ResourceName? = nil
    /// The feed that gave up, if it was none of these: it could not publish the event.
    public var feed: ResourceName? = nil
    /// Why.
    public var reason: String
    /// After how many attempts.
    public var attempts: Int
    /// The target's last status code, if it had one.
    public var status: Int?
    /// When the event arrived in its topic.
    public var first: Timestamp
    /// When the subscription gave up.
    public var last: Timestamp
    /// `topic/partition/offset` of the event that could not be delivered.
    public var origin: String?
    /// The event, untouched.
    public var stored: StoredEvent
}

/// Which dead letters are meant.
public struct DeadLetterSelection: Sendable, Hashable {
    /// Only those in this dead-letter topic.
    public var topic: ResourceName?
    /// Only those of this subscription.
    public var subscription: ResourceName?
    /// Only those of this rule.
    public var rule: ResourceName?
    /// Only those of this feed.
    public var feed: ResourceName?
    /// Only those of this cause, as ``DeadLetter/cause`` tells it.
    public var cause: String?
    /// Only these; nil for all.
    public var ids: [String]?
    /// Only those whose event matches.
    public var pattern: Pattern?
    /// Only those given up at or after this time.
    public var since: Timestamp?
    /// Only those given up before this time.
    public var until: Timestamp?

    /// All of them.
    public init() {}
}

/// What a redrive or a discard did.
public struct DeadLetterResult: Sendable, Hashable {
    /// How many dead letters the selection means.
    public var matched: Int
    /// How many were moved.
    public var moved: Int

    /// What a redrive or a discard did.
    public init(matched: Int, moved: Int) {
        self.matched = matched
        self.moved = moved
    }
}

/// A page of a list: at most `limit` elements, those after `after`.
public struct Page: Sendable, Hashable {
    /// Bytes of data in a page of events after which no further one is added: the whole page is in memory at once.
    public static let bytesMax = 4 << 20

    /// 1 to 1000.
    public var limit: Int
    /// The last name of the page before.
    public var after: String?
    /// Of what has a name: only names that contain this, in upper or lower case.
    public var search: String?

    /// A page of a list.
    public init(limit: Int = 100, after: String? = nil, search: String? = nil) {
        self.limit = limit
        self.after = after
        self.search = search
    }
}

/// Called once, on a thread of the broker's: hand over and return.
public typealias PublishCompletion = @Sendable (Result<[PublishReceipt], BrokerError>) -> Void

/// A set of topics with what is needed to publish to them, consume from them and manage them.
public protocol Broker: Coordinating, Holding, SchemaKeeping, JourneyKeeping, EventCataloging {
    // MARK: Publish

    /// Places each event by its key (`key`, or the event's `partitionkey`) and calls `completion` when all are as durable as the
    /// topic promises. All or nothing per partition. Creates the topic when automatic creation is on.
    ///
    /// Neither waits nor blocks: this is the hot path.
    func publish(
        _ events: [CloudEvent], to topic: ResourceName, key: String?, completion: @escaping PublishCompletion)

    // MARK: Schedule

    /// Keeps events until they are due and publishes them then; `completion` is called when they are durable. All or none. Neither waits nor
    /// blocks.
    func schedule(
        _ events: [DelayedEvent], to topic: ResourceName, key: String?,
        completion: @escaping ScheduleCompletion)
    /// A page of events that wait, in the order in which they are due; `after` is `due/id` of the last of the page before.
    func waitingEvents(
        of topic: ResourceName?, _ page: Page
    ) async throws(BrokerError) -> [WaitingEventDescription]
    /// One event that waits.
    func waitingEvent(_ id: String) async throws(BrokerError) -> WaitingEventDescription
    /// Cancels an event that waits.
    func cancelWaitingEvent(_ id: String) async throws(BrokerError)

    /// A page of recurring schedules, by name; those of one topic only, if given.
    func schedules(of topic: ResourceName?, _ page: Page) throws(BrokerError) -> [ScheduleDescription]
    /// One recurring schedule.
    func schedule(_ name: ResourceName) throws(BrokerError) -> ScheduleDescription
    /// Creates or replaces a recurring schedule; true when it is new.
    func putSchedule(
        _ name: ResourceName, _ settings: ScheduleSettings
    ) async throws(BrokerError) -> (ScheduleDescription, isNew: Bool)
    /// Deletes a recurring schedule.
    func deleteSchedule(_ name: ResourceName) async throws(BrokerError)

    // MARK: Fetch

    /// Events of a partition from a position on, at most `limit`, those that match `pattern` only. When there are none it waits until
    /// there are, at most for `wait`.
    func fetch(
        _ topic: ResourceName, partition: Int, from position: StartPosition, limit: Int, pattern: Pattern?,
        wait: Duration
    ) async throws(BrokerError) -> FetchedEvents

    // MARK: Whole batches

    /// Appends one batch of a producer as it came, but for what the log fills in: base offset, leader epoch and, where the topic stamps, the time. A batch
    /// with a producer id that the partition has already is not appended again. `completion` is called when it is as durable as the topic promises, in
    /// order per partition. Does not create topics.
    ///
    /// Neither waits nor blocks: this is the hot path.
    func append(
        _ batch: consuming RecordBatch, to topic: ResourceName, partition: Int,
        completion: @escaping BatchCompletion)

    /// Whole batches from the one that holds `offset` on, at least one and then as many as fit in `byteLimit`; none at the end. May block on the disk.
    ///
    /// - Throws: ``BrokerError/trimmed(start:)`` and ``BrokerError/beyondEnd(end:)`` for offsets outside, ``BrokerError/corrupt(offset:next:reason:)``.
    func readBatches(
        _ topic: ResourceName, partition: Int, from offset: Offset, byteLimit: Int, isolation: Isolation
    ) throws(BrokerError) -> BatchRead

    /// Calls `body` once when there is something to read at `offset`, at once if there is, on any thread; also when the topic goes away. Costs an entry in a
    /// list.
    ///
    /// - Returns: what cancels the wait; nil when it is over already.
    func whenBeyond(
        _ offset: Offset, of topic: ResourceName, partition: Int, isolation: Isolation,
        _ body: @escaping @Sendable () -> Void
    ) -> BatchWait?

    /// Where a partition begins and ends.
    func bounds(_ topic: ResourceName, partition: Int) throws(BrokerError) -> PartitionBounds

    /// The first record whose timestamp is at or after `time`; nil when there is none. May block on the disk.
    func offset(
        _ topic: ResourceName, partition: Int, at time: Timestamp
    ) throws(BrokerError) -> TimedOffset?

    /// The first record with the greatest timestamp of the partition; nil when it is empty. May block on the disk.
    func newest(_ topic: ResourceName, partition: Int) throws(BrokerError) -> TimedOffset?

    /// The producers that a partition knows, by id.
    func producers(_ topic: ResourceName, partition: Int) throws(BrokerError) -> [ProducerDescription]

    /// Forgets what is before `offset`, at most up to the end and not what a restart needs to recognise copies of rules; subscriptions that have not come
    /// so far pass over it.
    ///
    /// - Returns: the first offset that is kept.
    func deleteRecords(
        _ topic: ResourceName, partition: Int, before offset: Offset
    ) async throws(BrokerError) -> Offset

    // MARK: Receive and settle

    /// Leases up to `limit` events. When there are none it waits until there are, at most for `wait`.
    func receive(
        _ subscription: ResourceName, limit: Int, wait: Duration, lease: Duration?
    ) async throws(BrokerError) -> [LeasedEvent]

    /// Settles leased events; returns when that is durable, with one result for each lease, in order.
    func settle(
        _ subscription: ResourceName, leases: [String], verdict: Verdict
    ) async throws(BrokerError) -> [SettleResult]

    /// Cursor kind: everything of `partition` before `offset` is done.
    func commit(_ subscription: ResourceName, partition: Int, offset: Offset) async throws(BrokerError)

    /// Cursor kind: events from the committed position on.
    func fetch(
        subscription: ResourceName, partition: Int, limit: Int, wait: Duration
    ) async throws(BrokerError) -> FetchedEvents

    /// Moves a subscription to a position; what is settled from there on comes again.
    func replay(_ subscription: ResourceName, from position: StartPosition) async throws(BrokerError)
    /// Shared kind: hands out once more what lies between two positions, beside what is new. The subscription's own position stays where it is.
    func replay(
        _ subscription: ResourceName, from start: StartPosition, to end: StartPosition
    ) async throws(BrokerError)

    /// What ``replay(_:from:)`` would do, or with `end` ``replay(_:from:to:)``, partition by partition. Looks at all that is not settled.
    func previewReplay(
        _ subscription: ResourceName, from start: StartPosition, to end: StartPosition?
    ) throws(BrokerError) -> [ReplayPreview]

    /// Shared kind: what waits for its next attempt is handed out now, all of it or some; attempts stay counted. A target that is left alone after
    /// failures is probed at once.
    ///
    /// - Returns: how many events did wait, and whether the target is probed; those that do something else are passed over.
    /// - Throws: ``BrokerError/conflict(_:)`` for cursors, ``BrokerError/invalid(_:)`` for events of another topic.
    func retryNow(
        _ subscription: ResourceName, _ chosen: RetryChoice
    ) async throws(BrokerError) -> RetriedNow

    /// Sends one event to where a subscription pushes, at once and beside everything else: nothing is stored or counted, and neither a pause nor a
    /// receiver that is left alone keeps it back. Returns a second after the push's timeout at the latest.
    ///
    /// - Parameter event: what is sent; nil for an event that says of itself that it is a test (``PushTest/eventType``).
    /// - Throws: ``BrokerError/conflict(_:)`` for subscriptions that do not push, and while another test of it is under way.
    func testPush(_ subscription: ResourceName, _ event: CloudEvent?) async throws(BrokerError) -> PushTest

    /// Changes what requests of a subscription are signed with; where it serves a rule, in the rule.
    ///
    /// - Returns: the secrets from now on, the newest first.
    /// - Throws: ``BrokerError/conflict(_:)`` for subscriptions that do not push to a webhook.
    func changeSecrets(
        _ subscription: ResourceName, _ change: SecretChange
    ) async throws(BrokerError) -> [WebhookSecret]

    // MARK: Administer

    /// A page of topics, by name.
    func topics(_ page: Page) throws(BrokerError) -> [TopicDescription]
    /// One topic.
    func topic(_ name: ResourceName) throws(BrokerError) -> TopicDescription
    /// All topics at work, by name.
    func topicSummaries() -> [TopicSummary]
    /// One topic at work; nil when there is none of this name.
    func topicSummary(_ name: ResourceName) -> TopicSummary?
    /// One topic at work, by its identity.
    func topicSummary(_ id: LogID) -> TopicSummary?
    /// Creates a topic.
    func createTopic(
        _ name: ResourceName, _ settings: TopicSettings
    ) async throws(BrokerError) -> TopicDescription
    /// Changes a topic.
    func alterTopic(
        _ name: ResourceName, _ changes: TopicChanges
    ) async throws(BrokerError) -> TopicDescription
    /// Deletes a topic and its events; with `cascade` also the subscriptions and rules that use it.
    func deleteTopic(_ name: ResourceName, cascade: Bool) async throws(BrokerError)

    /// A page of subscriptions, by name; those of one topic only, if given.
    func subscriptions(of topic: ResourceName?, _ page: Page) throws(BrokerError) -> [SubscriptionDescription]
    /// One subscription.
    func subscription(_ name: ResourceName) throws(BrokerError) -> SubscriptionDescription
    /// Creates a subscription.
    func createSubscription(
        _ name: ResourceName, _ settings: SubscriptionSettings
    ) async throws(BrokerError) -> SubscriptionDescription
    /// Changes a subscription.
    func alterSubscription(
        _ name: ResourceName, _ changes: SubscriptionChanges
    ) async throws(BrokerError) -> SubscriptionDescription
    /// Deletes a subscription.
    func deleteSubscription(_ name: ResourceName) async throws(BrokerError)

    /// A page of rules, by name; those of one topic only, if given.
    func rules(of topic: ResourceName?, _ page: Page) throws(BrokerError) -> [RuleDescription]
    /// One rule.
    func rule(_ name: ResourceName) throws(BrokerError) -> RuleDescription
    /// Creates or replaces a rule; true when it is new.
    func putRule(
        _ name: ResourceName, _ settings: RuleSettings
    ) async throws(BrokerError) -> (RuleDescription, isNew: Bool)
    /// Tells which stored events a rule would match and where they would go; nothing goes there. One step of bounded work, which shows at most
    /// `limit` events: as long as the answer says that something is left, ask again for the rest. Without targets only matching is tried.
    func tryRule(
        _ settings: RuleSettings, over range: RuleTrialRange, showing limit: Int
    ) async throws(BrokerError) -> RuleTrial
    /// Deletes a rule, and the subscriptions behind its webhook targets.
    func deleteRule(_ name: ResourceName) async throws(BrokerError)

    /// A page of dead letters, oldest first per topic; it ends early once it holds ``Page/bytesMax`` of data.
    func deadLetters(_ selection: DeadLetterSelection, _ page: Page) async throws(BrokerError) -> [DeadLetter]
    /// Sends dead letters back to the subscriptions and rules that gave them up.
    func redrive(_ selection: DeadLetterSelection, dryRun: Bool) async throws(BrokerError) -> DeadLetterResult
    /// Sends one dead letter back with its event edited, which its lineage tells. Source and id stay: by them a consumer knows what it has done.
    func redrive(_ letter: String, as event: CloudEvent) async throws(BrokerError) -> DeadLetterResult
    /// Forgets dead letters.
    ///
    /// - Parameter reason: why, for whoever looks into their journeys.
    func discard(
        _ selection: DeadLetterSelection, reason: String?, dryRun: Bool
    ) async throws(BrokerError) -> DeadLetterResult

    // MARK: Observe

    /// Why publishes would be refused now; nil when they would not.
    var unavailability: BrokerError.Unavailability? { get }
    /// What the broker can say about itself.
    func status() -> BrokerStatus
    /// What goes on in it as a whole. Its cost grows with the number of topics and subscriptions.
    func activity() -> BrokerActivity
    /// How the subscriptions of these topics stand; nothing for those that nobody reads. Looks at every subscription once.
    func readers(of topics: Set<ResourceName>) -> [ResourceName: TopicReaders]
    /// The load on it, by looks that it takes every few seconds.
    func load() -> BrokerLoad
    /// The load on one subscription; nil before it was looked at twice.
    func load(of subscription: ResourceName) -> SubscriptionLoad?
    /// What somebody should be woken for, now.
    func alarms() -> [Alarm]
    /// Verifies the checksums of everything stored, and reports what is damaged.
    func verify(progress: @Sendable (Int64) -> Void) async throws(BrokerError) -> VerificationReport
}

/// What the broker can say about itself.
public struct BrokerStatus: Sendable {
    /// Counts.
    public var topics: Int
    /// Counts.
    public var partitions: Int
    /// Counts.
    public var subscriptions: Int
    /// Counts.
    public var rules: Int
    /// Dead letters waiting, of all topics.
    public var deadLettersWaiting: Int64
    /// The store's own account.
    public var store: StoreStatistics
    /// How long recovery took at start.
    public var recovery: Duration
    /// Batches that readers could not look into.
    public var unopened = UnopenedReport()
}

/// What a verification found.
public struct VerificationReport: Sendable {
    /// Batches that were checked.
    public var batches: Int64
    /// Bytes that were checked.
    public var bytes: Int64
    /// What is damaged, for a person.
    public var damage: [String]
}
