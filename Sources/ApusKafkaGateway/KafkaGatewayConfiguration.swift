// SPDX-License-Identifier: Apache-2.0

// Everything the gateway can be told, and what it tells of itself.

public import ApusEngine
public import ApusGroups
internal import ApusModel
public import ApusNetwork

/// How Kafka's protocol is served.
public struct KafkaGatewayConfiguration: Sendable {
    /// Where to listen.
    public var addresses: [ListenAddress]
    /// What clients are told to connect to; nil for the address that they reached the server at, as far as that is known: the first of
    /// ``addresses``.
    public var advertised: ListenAddress?
    /// The most open connections.
    public var connectionsMax: Int
    /// How many of them others have use for at the moment.
    public var connectionsReserved: @Sendable () -> Int
    /// One request, in bytes.
    public var requestBytesMax: Int
    /// All requests over 64 KiB that are held at the same time, in bytes.
    public var requestsBytesMax: Int
    /// One answer to a fetch, in bytes of batches; at least one batch is always sent.
    public var fetchBytesMax: Int
    /// All answers to fetches that are on their way at the same time, in bytes.
    public var fetchesBytesMax: Int
    /// The longest that a fetch may wait for events.
    public var fetchWaitMax: Duration
    /// How long a connection may stay open without a request.
    public var idleTimeout: Duration
    /// Within what time a request that has begun must make progress.
    public var requestTimeout: Duration
    /// Within what time a client must take some of what it is sent.
    public var writeTimeout: Duration
    /// What groups may take, and how long they wait.
    public var groups: GroupLimits
    /// Whether producing to a topic that does not exist, or asking for it, makes it.
    public var createsTopics: Bool
    /// What topics are like that are made without saying.
    public var topicDefaults = TopicSettings()
    /// Who may connect; nil for everybody.
    public var users: (any UserDirectory)?
    /// Whether batches whose records are part of recorded traces become spans of those.
    public var tracesEvents = false
    /// How long requests at work may take to finish when the server stops.
    public var gracePeriod: Duration
    /// Event loops; nil for one per core.
    public var eventLoopCount: Int?

    /// The defaults, for a server that listens at `addresses`.
    public init(addresses: [ListenAddress]) {
        self.addresses = addresses
        advertised = nil
        connectionsMax = Defaults.connectionsMax
        connectionsReserved = { 0 }
        requestBytesMax = Defaults.kafkaRequestBytesMax
        requestsBytesMax = Defaults.kafkaRequestsBytesMax
        fetchBytesMax = Defaults.kafkaFetchBytesMax
        fetchesBytesMax = Defaults.kafkaFetchesBytesMax
        fetchWaitMax = Defaults.waitMax
        idleTimeout = Defaults.kafkaIdleTimeout
        requestTimeout = .seconds(20)
        writeTimeout = .seconds(30)
        groups = GroupLimits()
        groups.initialRebalanceDelay = Defaults.groupInitialRebalanceDelay
        createsTopics = false
        users = nil
        gracePeriod = .seconds(10)
        eventLoopCount = nil
    }

    var connectionLimits: KafkaConnectionLimits {
        KafkaConnectionLimits(
            requestBytesMax: requestBytesMax, outputBytesMax: 1 << 20, pipelinedRequestsMax: 64,
            requestTimeout: requestTimeout.nanoseconds, requestBytesMin: 2000,
            idleTimeout: idleTimeout.nanoseconds, writeTimeout: writeTimeout.nanoseconds)
    }
}

/// Why the gateway cannot start.
public enum KafkaGatewayError: Error, Sendable, CustomStringConvertible {
    /// An address cannot be listened at; the text is the system's reason.
    case cannotListen(ListenAddress, reason: String)

    /// What happened and what to do.
    public var description: String {
        switch self {
        case .cannotListen(let address, let reason):
            "cannot listen at \(address) for Kafka clients: \(reason); choose another address, or stop what uses it"
        }
    }
}

/// Counts since the gateway started, and what is open now.
public struct KafkaGatewayStatistics: Sendable, Hashable {
    /// Connections open now.
    public var connectionsOpen = 0
    /// Connections accepted.
    public var connectionsAccepted = 0
    /// Requests taken.
    public var requests = 0
    /// Requests that were none, or that ended their connection.
    public var requestsRefused = 0
    /// Bytes received.
    public var bytesReceived = 0
    /// Bytes handed to sockets.
    public var bytesSent = 0
}

extension Duration {
    /// Whole nanoseconds, from zero to about 73 years.
    var nanoseconds: UInt64 { UInt64(clamping: max(0, min(milliseconds, 1 << 41))) * 1_000_000 }
}
