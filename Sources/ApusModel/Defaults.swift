// SPDX-License-Identifier: Apache-2.0

// Every default port, path, interval and limit of Apus, in one place: the server, its client and its commands
// read them here, and a test holds the documentation against them.

/// What holds when nobody says otherwise.
public enum Defaults {
    // MARK: Addresses and paths

    /// The interface that a server listens on: this machine only.
    public static let host = "127.0.0.1"
    /// The port of the HTTP API.
    public static let port = 8222
    /// The port of Kafka's protocol: the one that its clients try first.
    public static let kafkaPort = 9092
    /// Where commands look for a server.
    public static let url = "http://\(host):\(port)"
    /// The data folder of `apus serve`.
    public static let dataDirectory = "/var/lib/apus"
    /// The data folder of `apus dev`, below `$XDG_DATA_HOME`, or below ``dataHome`` in the home folder.
    public static let dataDirectoryName = "apus"
    /// What stands for `$XDG_DATA_HOME` when it is not set, below the home folder (XDG Base Directory Specification).
    public static let dataHome = ".local/share"

    // MARK: The store

    /// The size of the journal, in bytes.
    public static let journalBytes = 128 << 20
    /// Partitions of a new topic.
    public static let partitions = 1
    /// When publishes to a new topic are acknowledged, as the API spells it.
    public static let durability = "flush"
    /// How long a new topic keeps its events.
    public static let retentionAge: Duration = .seconds(7 * 86_400)
    /// When a segment is closed, in bytes.
    public static let segmentBytes = 128 << 20
    /// The age at which a segment is closed at the latest; Kafka's own default.
    public static let segmentAge: Duration = .seconds(7 * 86_400)
    /// The largest batch that a topic takes, in bytes, and the largest that it can be told to take.
    public static let batchBytesMax = 32 << 20

    /// For how long an event that deletes its key can be read after older ones of its key are gone, where topics are compacted.
    public static let compactionDeleteRetention: Duration = .seconds(86_400)
    /// Which part of a partition has to be new before it is compacted.
    public static let compactionDirtyRatio = 0.5
    /// Memory for the keys of one pass of compaction, in bytes: 2 million keys.
    public static let compactionKeyBytes = 64 << 20

    // MARK: The catalogue of events

    /// How many of the latest events a schema is proposed from.
    public static let proposalEvents = 1_000
    /// How many it may be.
    public static let proposalEventsMax = 10_000

    // MARK: The embedded bus

    /// The most bytes of data that an event can have on a bus in the process.
    public static let embeddedEventBytesMax = 16 << 20
    /// After how long a temporary subscription of the library that nobody reads is deleted by a server.
    public static let temporarySubscriptionIdleMax: Duration = .seconds(60)
    /// How long the readers of a subscription that ends by idleness have at least to come back after a start of the server, if it is to last that long.
    public static let expiryGrace: Duration = .seconds(30)
    /// How many bytes a bus in memory may hold.
    public static let embeddedMemoryBytes: Int64 = 1 << 30
    /// How many bytes of events a bus in memory keeps per partition once they are consumed.
    public static let embeddedRetentionBytes: Int64 = 64 << 20
    /// How often a bus in memory looks for what it can forget.
    public static let embeddedRetentionInterval: Duration = .milliseconds(500)
    /// How many events of a subscription may be handed out, to all its receivers together.
    public static let embeddedInFlightMax = 20_000

    // MARK: Subscriptions

    /// How long a lease lasts.
    public static let lease: Duration = .seconds(30)
    /// The longest lease that can be asked for.
    public static let leaseMax: Duration = .seconds(12 * 3600)
    /// How many events of a subscription may be leased at the same time.
    public static let inFlightMax = 1000
    /// How many attempts an event gets before it is dead-lettered.
    public static let attemptsMax = 16
    /// The priority of an event that names none, where there are priorities: the middle, as in AMQP.
    public static let priority = 4
    /// How many events a subscription with fairness or priorities looks ahead for, to choose from.
    public static let lookAheadEvents = 16_384
    /// How many of them may be of one key, where hand-outs are shared between keys.
    public static let lookAheadEventsPerKey = 1024
    /// How many events a subscription may have looked at and not handed out; then it looks no further ahead.
    public static let parkedEventsMax = 2_000_000
    /// The longest wait before the second attempt.
    public static let retryInitial: Duration = .seconds(1)
    /// The longest wait before any attempt.
    public static let retryMax: Duration = .seconds(300)
    /// What follows a topic's name in the name of its dead-letter topic.
    public static let deadLetterSuffix = ".dead-letter"
    /// How many events `receive` leases at most, when it does not say.
    public static let receiveLimit = 10
    /// How long a webhook may take to answer.
    public static let webhookTimeout: Duration = .seconds(15)
    /// How many requests to a webhook may be under way.
    public static let webhookConcurrency = 8
    /// How many events a webhook's request has in batch mode.
    public static let webhookBatchEvents = 100
    /// How many bytes of data a webhook's request has in batch mode.
    public static let webhookBatchBytes = 256 << 10
    /// How long the first event of a batch waits for others.
    public static let webhookBatchLinger: Duration = .milliseconds(100)
    /// After how many failures in a row a target is left alone.
    public static let breakerFailures = 20
    /// How long a failing target is left alone at first.
    public static let breakerInitial: Duration = .seconds(5)
    /// The longest that a failing target is left alone before it is probed.
    public static let breakerMax: Duration = .seconds(300)
    /// How often a receiver is asked for its consent again.
    public static let webhookConsentLifetime: Duration = .seconds(86_400)
    /// How many attempts of all subscriptions are under way at the same time; fewer where the system allows fewer open files.
    public static let attemptsUnderWayMax = 16_000
    /// How many connections to targets are begun in a second.
    public static let webhookConnectsPerSecondMax = 2500
    /// How many connections to targets are begun at once, when none was for a while.
    public static let webhookConnectsBurst = 64

    /// How often rules copy an event, from copy to copy, before they take it for one that goes in a circle.
    public static let ruleHopsMax = 16

    // MARK: Load and alarms

    /// How often the server looks at the load on topics and subscriptions, unless a look takes longer than a hundredth of that.
    public static let lookInterval: Duration = .seconds(5)
    /// How long the oldest event of a subscription may wait before its consumers count as slow.
    public static let slowConsumerAge: Duration = .seconds(900)
    /// How many events of a subscription may wait before its consumers count as slow.
    public static let slowConsumerBacklog: Int64 = 1_000_000
    /// Free space below which there is an alarm, as the command line writes it: the lesser of bytes and a part of the disk.
    public static let diskAlarm = "2GiB,10%"
    /// Free space below which publishes are refused, as the command line writes it.
    public static let diskRefuse = "512MiB,4%"

    // MARK: Bridges

    /// How many connections to outside brokers, and how many feeds from them, may exist.
    public static let bridgesMax = 1000
    /// How long an attempt at an outside broker may take. Longer than the transports' own limits, which say more about what happened.
    public static let busTargetTimeout: Duration = .seconds(60)
    /// How many batches are on their way to an outside topic at the same time.
    public static let busTargetConcurrency = 4
    /// The name of an outside topic or queue, in bytes.
    public static let busTopicBytesMax = 255
    /// How many bridges an event may cross before it is taken for one that goes in a circle.
    public static let bridgeHopsMax = 16
    /// How many events a feed has taken and not yet settled.
    public static let feedPrefetch = 256
    /// The group by which feeds consume.
    public static let feedGroup = "apus"
    /// How long an outside broker keeps an event for a feed, where it does so by the clock.
    public static let feedLease: Duration = .seconds(60)
    /// The first wait before a feed that failed begins again.
    public static let feedBackoffInitial: Duration = .milliseconds(500)
    /// The longest wait before a feed that failed begins again.
    public static let feedBackoffMax: Duration = .seconds(30)
    /// How long it is tried to reach a broker.
    public static let connectTimeout: Duration = .seconds(10)
    /// How long a connection is tried when it is set, to find out whether its settings can work at all.
    public static let connectionTrial: Duration = .seconds(3)

    // MARK: De-duplication

    /// For how long a topic that tells duplicates remembers an event.
    public static let deduplicationWindow: Duration = .seconds(300)
    /// The longest window.
    public static let deduplicationWindowMax: Duration = .seconds(7 * 86_400)
    /// How many events a topic remembers at most.
    public static let deduplicationEntriesMax = 4_000_000

    // MARK: The journey of events

    /// For how long it is kept what happened to events.
    public static let journeyAge: Duration = .seconds(7 * 86_400)
    /// How much of it is kept, in bytes.
    public static let journeyBytes: Int64 = 256 << 20
    /// Publishes and attempts that succeed are all noted as long as no more than these come in a second.
    public static let journeyPerSecond = 200
    /// Beyond that, of how many events one is chosen whose whole journey is noted.
    public static let journeyOneIn = 64
    /// What waits to be written, at most; beyond that it is not noted, and counted.
    public static let journeyBufferBytes = 8 << 20

    // MARK: Whole batches

    /// How far ahead of the server's clock the timestamps of records may be that producers send as whole batches.
    public static let batchTimestampAhead: Duration = .seconds(3600)
    /// How long a partition remembers a producer that numbers its batches and sends none.
    public static let producerExpiration: Duration = .seconds(86_400)
    /// How many of them a partition remembers at most.
    public static let producersMax = 10_000
    /// How many aborted transactions a partition remembers; of earlier ones the log is asked.
    public static let abortedTransactionsMax = 100_000

    // MARK: Schedules

    /// How long an event may wait for its time.
    public static let delayMax: Duration = .seconds(365 * 86_400)
    /// How many events may wait for their time.
    public static let scheduledMax = 100_000_000

    // MARK: Consumer groups and transactions

    /// Metadata of a committed position, in bytes.
    public static let offsetMetadataBytesMax = 4096
    /// For how long the positions of a group are kept after it was last seen.
    public static let offsetsRetention: Duration = .seconds(7 * 86_400)
    /// How often it is noted that a group which commits nothing has members.
    public static let groupTouchInterval: Duration = .seconds(3600)
    /// The name of a group or a transactional id, in bytes.
    public static let groupNameBytesMax = 1024
    /// How many groups may have positions.
    public static let groupsMax = 100_000
    /// Bytes of all positions of all groups, as they are written.
    public static let offsetsBytesMax = 32 << 20
    /// The longest that a transaction may take before it is aborted.
    public static let transactionTimeoutMax: Duration = .seconds(900)
    /// How many transactional ids may be known.
    public static let transactionalIDsMax = 100_000
    /// For how long a transactional id is remembered after it was last used.
    public static let transactionalIDRetention: Duration = .seconds(7 * 86_400)
    /// How many partitions and groups a transaction may have.
    public static let transactionPartitionsMax = 10_000

    // MARK: The HTTP API

    /// The body of a request, in bytes.
    public static let bodyBytesMax = 16 << 20
    /// One event, in bytes.
    public static let eventBytesMax = 1 << 20
    /// The request line, in bytes.
    public static let requestLineBytesMax = 8 << 10
    /// All header fields of a request, in bytes.
    public static let headerBytesMax = 32 << 10
    /// Header fields of a request.
    public static let headerFieldsMax = 100
    /// Levels of nesting in JSON.
    public static let jsonDepthMax = 128
    /// Connections at once; fewer where the system allows fewer open files.
    public static let connectionsMax = 16_000
    /// Events in a batch.
    public static let batchEventsMax = 10_000
    /// Within what time the head of a request must have arrived.
    public static let headTimeout: Duration = .seconds(10)
    /// Elements of a page of a list.
    public static let pageLimit = 100
    /// The most elements of a page of a list.
    public static let pageLimitMax = 1000
    /// The longest that a read or a receive waits for events.
    public static let waitMax: Duration = .seconds(30)
    /// How often a stream of activity says what goes on, unless gathering that takes long.
    public static let activityInterval: Duration = .seconds(1)
    /// How many streams of activity may be open at the same time.
    public static let activityStreamsMax = 64
    /// How often a tail without events sends a comment.
    public static let tailHeartbeat: Duration = .seconds(15)

    // MARK: Logs

    /// How many events that were given up the log tells of, of each subscription and rule in ``failureLogInterval``.
    public static let failureLogLines = 5
    /// See ``failureLogLines``.
    public static let failureLogInterval: Duration = .seconds(10)

    // MARK: Schemas

    /// How often a topic that only warns of violations logs one.
    public static let schemaWarningInterval: Duration = .seconds(10)

    // MARK: Kafka's protocol

    /// One request, in bytes; Kafka's own default.
    public static let kafkaRequestBytesMax = 100 << 20
    /// All requests over 64 KiB that are held at the same time, in bytes.
    public static let kafkaRequestsBytesMax = 256 << 20
    /// One answer to a fetch, in bytes, however much the client would take.
    public static let kafkaFetchBytesMax = 16 << 20
    /// All answers to fetches that are on their way at the same time, in bytes.
    public static let kafkaFetchesBytesMax = 256 << 20
    /// How long a connection may stay open without a request; Kafka's own default.
    public static let kafkaIdleTimeout: Duration = .seconds(600)

    /// How long a new group waits for further members before it begins. Long enough for processes that are started together; Kafka waits 3 s.
    public static let groupInitialRebalanceDelay: Duration = .milliseconds(500)

    // MARK: Share groups of Kafka's protocol; Kafka's own defaults

    /// How long a member has for a record before others get it.
    public static let shareRecordLock: Duration = .seconds(30)
    /// How often a record is handed out before it goes to the dead-letter topic.
    public static let shareDeliveriesMax = 5
    /// How many records are out at a time, for each partition of a topic.
    public static let sharePartitionLocksMax = 2_000

    // MARK: Commands

    /// How long a command waits for an answer.
    public static let commandTimeout: Duration = .seconds(30)
    /// How long `apus publish` goes on trying.
    public static let publishRetry: Duration = .seconds(30)
    /// Lines of a file that `apus publish` sends in one request.
    public static let publishBatchLines = 500
    /// Bytes that `apus publish` puts into one request, unless a single event is larger.
    public static let publishBatchBytes = 1 << 20
    /// Requests that `apus publish` has under way at the same time.
    public static let publishInFlight = 4
}
