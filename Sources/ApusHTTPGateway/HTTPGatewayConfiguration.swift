// SPDX-License-Identifier: Apache-2.0

// Everything the gateway can be told.

public import ApusEngine
public import ApusHTTPCodec
public import ApusHTTPServer
public import ApusModel
public import ApusTelemetry
internal import Glibc

/// How the HTTP API is served.
public struct HTTPGatewayConfiguration: Sendable {
    /// Where and within what bounds to listen.
    public var server: HTTPServerConfiguration
    /// What clients must send as bearer token; nil asks for none.
    public var token: String?
    /// Names of this server beside `localhost` and the addresses it listens at. Requests for any other name are refused, which
    /// keeps out web pages whose name resolves to this machine.
    public var hostNames: [String]
    /// Origins (`https://bus.example.org`) of web pages that may use the API beside its own: those of a proxy in front. No CORS
    /// headers are sent, so pages that reach the server directly under another origin still cannot read answers.
    public var origins: [String]
    /// The settings of topics that are made without saying.
    public var topicDefaults = TopicSettings()
    /// How many requests and streams may wait at the same time.
    public var waitingMax: Int
    /// The largest event, in bytes of data and attributes.
    public var eventBytesMax: Int
    /// The most events of a batch.
    public var batchEventsMax: Int
    /// The most partitions that one tail follows.
    public var tailPartitionsMax: Int
    /// How often a tail says something, so that proxies keep it open.
    public var heartbeat: Duration
    /// How often a tail looks for new topics and partitions.
    public var tailScanInterval: Duration
    /// How long requests at work may take to finish when the server stops.
    public var gracePeriod: Duration
    /// The version that `/v1/status` tells.
    public var version: String
    /// The body of `/metrics`.
    public var metricsText: @Sendable (PrometheusFormat) -> [UInt8]
    /// Whether requests that publish are spans, of a trace that begins here where the publisher has none.
    public var tracesEvents = false
    /// Who knows the members of consumer groups; nil where nobody does, and only positions can be shown.
    public var groups: (any GroupObserver)?
    /// The last lines of the log, at most so many, the oldest first, each an object in JSON.
    public var recentLog: @Sendable (_ limit: Int) -> [String] = { _ in [] }
    /// What `/v1/settings` tells; no secrets.
    public var settings: [ServerSetting] = []
    /// Who knows the clients of other gateways.
    public var clients: [any ClientObserver] = []
    /// Who runs connections to outside brokers and feeds from them; nil where nobody does.
    public var bridges: (any BridgeControl)?
    /// Answers requests for pages, before a token is asked for: a browser that opens one has none to show. Nil for what is no page.
    public var pages: (@Sendable (HTTPRequestHead) -> HTTPResponse?)?
    /// What the process says of itself.
    public var figures: @Sendable () -> ProcessFigures
    /// Wall time.
    public var now: @Sendable () -> Timestamp

    /// The defaults, for a server that listens as `server` says.
    public init(server: HTTPServerConfiguration = HTTPServerConfiguration()) {
        self.server = server
        token = nil
        hostNames = []
        origins = []
        waitingMax = 2000
        eventBytesMax = Defaults.eventBytesMax
        batchEventsMax = Defaults.batchEventsMax
        tailPartitionsMax = 1000
        heartbeat = Defaults.tailHeartbeat
        tailScanInterval = .seconds(1)
        gracePeriod = .seconds(10)
        version = "dev"
        metricsText = { _ in [] }
        figures = { ProcessFigures() }
        now = Self.systemTime
    }

    /// How long a request may wait at most.
    static let waitMax = Defaults.waitMax

    private static let systemTime: @Sendable () -> Timestamp = {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }
}
