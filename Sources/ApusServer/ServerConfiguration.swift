// SPDX-License-Identifier: Apache-2.0

// Everything that a server can be told.

internal import ApusDashboard
public import ApusEngine
public import ApusModel
public import ApusNetwork
public import ApusStorage
public import ApusTelemetry
public import Logging

/// How a server runs.
public struct ServerConfiguration: Sendable {
    /// Where everything is kept; made if there is none.
    public var dataDirectory: String
    /// Where the HTTP API listens.
    public var listen: [ListenAddress]
    /// Where Kafka's protocol is served; empty for nowhere.
    public var kafkaListen: [ListenAddress] = []
    /// What Kafka clients are told to connect to; nil for the address by which each of them came.
    public var kafkaAdvertised: ListenAddress?
    /// Names under which clients reach the server, beside `localhost` and the addresses it listens at.
    public var hostNames: [String] = []
    /// Origins of web pages that may use the API beside its own, such as `https://bus.example.org`.
    public var origins: [String] = []
    /// What callers must show; nil for no token.
    public var token: String?
    /// How the engine behaves.
    public var engine = EngineOptions()
    /// How the log is kept.
    public var store = FileLogStoreConfiguration()
    /// Whether webhooks may go to loopback, private and link-local addresses.
    public var allowsPrivateWebhooks = false
    /// The DNS name by which receivers are asked for their consent; nil for the machine's own name.
    public var webhookOrigin: String?
    /// A file with certificates of authorities (PEM) that webhooks are verified with, beside the system's.
    public var webhookTrustFile: String?
    /// A file with topics, connections, feeds and rules that are put at each start.
    public var bridgesFile: String?
    /// A folder with a file for each secret that connections refer to; nil for the environment alone.
    public var secretsDirectory: String?
    /// How log lines look.
    public var logFormat = LogFormat.human
    /// From which level on the log is written.
    public var logLevel = Logger.Level.info
    /// What is exported to an OpenTelemetry collector; nil for nothing.
    public var export: ExportSettings?
    /// What `GET /v1/settings` tells of all this: by the names of options, with where each value is from, and without secrets.
    public var settings: [ServerSetting] = []
    /// A file to write the bound address into, as `host:port`; written whole or not at all.
    public var portFile: String?
    /// How long requests and deliveries under way may take to finish when the server stops.
    public var gracePeriod = Duration.seconds(10)

    /// A server that keeps its data in `dataDirectory` and listens at `listen`.
    public init(
        dataDirectory: String,
        listen: [ListenAddress] = [ListenAddress(host: Defaults.host, port: Defaults.port)]
    ) {
        self.dataDirectory = dataDirectory
        self.listen = listen
    }
}

/// Where a server listens, ports filled in.
public struct ServerAddresses: Sendable, Hashable {
    /// The HTTP API.
    public var http: [ListenAddress]
    /// Kafka's protocol.
    public var kafka: [ListenAddress]

    /// The address of the pages for people; nil where there is no HTTP.
    public var dashboard: String? { http.first.map { $0.url + Dashboard.path } }

    /// Where a server listens.
    public init(http: [ListenAddress], kafka: [ListenAddress] = []) {
        self.http = http
        self.kafka = kafka
    }
}

/// Which Apus this is.
public enum ApusVersion {
    /// The version, by semantic versioning.
    public static let current = "0.1.0"
}
