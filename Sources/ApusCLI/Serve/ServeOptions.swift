// SPDX-License-Identifier: Apache-2.0

// What `apus dev` and `apus serve` were asked for: the flags, and what they and the environment amount to.

package import ApusModel
package import ApusNetwork
package import ApusStorage
package import ApusTelemetry
internal import ArgumentParser

/// What a server is to be, with everything decided.
package struct ServeOptions: Sendable, Hashable {
    /// How log lines look.
    package enum LogFormat: String, Sendable, CaseIterable, ExpressibleByArgument {
        case human, json
    }

    /// From which level on the log is kept.
    package enum LogLevel: String, Sendable, CaseIterable, ExpressibleByArgument {
        case trace, debug, info, notice, warning, error, critical
    }

    /// Where everything is kept.
    package var dataDirectory: String
    /// Where to listen.
    package var listen: [ListenAddress]
    /// Where to listen for Kafka clients; empty for nowhere.
    package var kafkaListen: [ListenAddress]
    /// What Kafka clients are told to connect to; nil for the address by which each of them came.
    package var kafkaAdvertise: ListenAddress?
    /// Names of the server beside `localhost` and its addresses.
    package var hostNames: [String]
    /// Origins of web pages that may use the API beside its own.
    package var origins: [String]
    /// What callers must show; nil for no token.
    package var token: String?
    /// Whether listening beyond this machine without a token was asked for in so many words.
    package var insecure: Bool
    /// How log lines look.
    package var logFormat: LogFormat
    /// From which level on the log is kept.
    package var logLevel: LogLevel
    /// Whether publishing to a topic that does not exist makes it.
    package var autoCreateTopics: Bool
    /// `flush`, `none` or an interval: for topics made without saying.
    package var durability: String
    /// A file to write the bound address into.
    package var portFile: String?
    /// The size of the journal.
    package var journalBytes: Int
    /// Whether webhooks may go to loopback and private addresses.
    package var allowPrivateWebhooks: Bool
    /// The DNS name by which receivers of webhooks are asked for their consent; nil for the machine's own.
    package var webhookOrigin: String?
    /// A file with certificates of authorities that webhooks are verified with, beside the system's.
    package var webhookTrustFile: String?
    /// A file with topics, connections, feeds and rules that are put at each start.
    package var bridgesFile: String?
    /// A folder with the secrets that connections refer to.
    package var secretsDirectory: String?
    /// How the journeys of events are noted; nil for not at all.
    package var journey: JourneyLimits? = JourneyLimits()

    /// How much is kept of the journeys of events.
    package struct JourneyLimits: Sendable, Hashable {
        package var age = Defaults.journeyAge
        package var bytes = Int(Defaults.journeyBytes)
        package var oneIn = Defaults.journeyOneIn
    }
    /// Free space below which there is an alarm.
    package var diskAlarm: SpaceThreshold
    /// Free space below which publishes are refused.
    package var diskRefuse: SpaceThreshold
    /// How often the load on topics and subscriptions is looked at.
    package var lookInterval: Duration
    /// What is exported to an OpenTelemetry collector; nil for nothing.
    package var export: ExportSettings?
    /// All of this as the server tells it, with where each value is from.
    package var settings: [ServerSetting] = []
}

/// The flags of `dev` and `serve`.
struct ServeFlags: ParsableArguments {
    @Option(
        help: ArgumentHelp("The data folder; made if there is none.", valueName: "dir"),
        completion: .directory)
    var data: String?

    @Option(
        help: ArgumentHelp(
            "Where to listen; repeatable (default \(Defaults.host):\(Defaults.port)).", valueName: "addr:port"
        ),
        transform: Parse.address)
    var listen: [ListenAddress] = []

    @Option(
        help: ArgumentHelp(
            "Where to listen for Kafka clients; repeatable (default \(Defaults.host):\(Defaults.kafkaPort)).",
            valueName: "addr:port"),
        transform: Parse.address)
    var kafkaListen: [ListenAddress] = []

    @Option(
        help: ArgumentHelp(
            "What Kafka clients are told to connect to (default: the address by which each of them came).",
            valueName: "addr:port"),
        transform: Parse.address)
    var kafkaAdvertise: ListenAddress?

    @Flag(help: "Do not listen for Kafka clients.")
    var noKafka = false

    @Option(
        help: ArgumentHelp(
            "A name under which clients reach the server; repeatable. Requests for other names are refused.",
            valueName: "name"),
        transform: Parse.hostName)
    var hostName: [String] = []

    @Option(
        help: ArgumentHelp(
            "An origin whose web pages may use the server, such as that of a proxy in front; repeatable.",
            valueName: "url"),
        transform: Parse.origin)
    var origin: [String] = []

    @Option(
        help: ArgumentHelp(
            "A file that holds the token callers must show (env APUS_TOKEN).", valueName: "file"),
        completion: .file())
    var tokenFile: String?

    @Flag(help: "Listen beyond this machine without a token: anybody who can connect can do everything.")
    var insecure = false

    @Option(help: "How log lines look: human or json (default: human on a terminal).")
    var logFormat: ServeOptions.LogFormat?

    @Option(help: "trace, debug, info, notice, warning, error or critical.")
    var logLevel: ServeOptions.LogLevel = .info

    @Flag(
        inversion: .prefixedNo,
        help: "Make a topic when somebody publishes to it (default: dev yes, serve no).")
    var autoCreateTopics: Bool?

    @Option(
        help: "When publishes to new topics are acknowledged: flush, none or an interval such as 100ms.",
        transform: Parse.durability)
    var durability: String = Defaults.durability

    @Option(
        help: ArgumentHelp("Write the address that was bound into this file.", valueName: "file"),
        completion: .file())
    var portFile: String?

    @Option(
        help: ArgumentHelp(
            "The size of the journal (default \(SizeText.format(Defaults.journalBytes))).", valueName: "size"),
        transform: Parse.size)
    var journalSize: Int = Defaults.journalBytes

    @Flag(
        inversion: .prefixedNo,
        help:
            "Let webhooks go to loopback and private addresses (default: dev on loopback yes, otherwise no).")
    var allowPrivateWebhooks: Bool?

    @Option(
        help: ArgumentHelp(
            "The DNS name by which receivers of webhooks are asked for their consent (default: this machine's).",
            valueName: "name"),
        transform: Parse.hostName)
    var webhookOrigin: String?

    @Option(
        help: ArgumentHelp(
            "Certificates of authorities (PEM) that webhooks are verified with, beside the system's.",
            valueName: "file"),
        completion: .file())
    var webhookCa: String?

    @Option(
        help: ArgumentHelp(
            "A file (JSON) with topics, connections, feeds and rules that are put at each start.",
            valueName: "file"),
        completion: .file())
    var bridges: String?

    @Option(
        help: ArgumentHelp(
            "A folder with a file for each secret that connections refer to (default: variables APUS_SECRET_...).",
            valueName: "dir"),
        completion: .directory)
    var secrets: String?

    @Option(
        help: ArgumentHelp("How long to keep what happened to events (default 7d).", valueName: "duration"),
        transform: Parse.duration)
    var journeyAge: Duration = Defaults.journeyAge

    @Option(
        help: ArgumentHelp(
            "How much to keep of it (default \(SizeText.format(Int(Defaults.journeyBytes)))).",
            valueName: "size"),
        transform: Parse.size)
    var journeySize: Int = Int(Defaults.journeyBytes)

    @Option(
        help: ArgumentHelp(
            "Under load, note what succeeds for one event in so many (default \(Defaults.journeyOneIn)); 1 for all.",
            valueName: "count"))
    var journeyOneIn: Int = Defaults.journeyOneIn

    @Flag(help: "Do not note what happens to events: apus trace and the dashboard show less then.")
    var noJourney = false

    @OptionGroup(title: "Alarms") var alarms: ServeAlarmOptions

    @OptionGroup(title: "OpenTelemetry") var telemetry: ServeTelemetryOptions

    /// The least journal that one large batch and its neighbours fit into.
    private static let journalBytesMin = 32 << 20

    /// What the flags amount to.
    ///
    /// - Throws: `Failure` where they contradict each other or are unsafe.
    func resolved(isDevelopment: Bool, session: Session = .current) async throws -> ServeOptions {
        let addresses = listen.isEmpty ? [ListenAddress(host: Defaults.host, port: Defaults.port)] : listen
        let token = try await Token.find(file: tokenFile, variables: session.variables)
        let kafkaAddresses = try kafkaAddresses(beside: addresses)
        try Self.checkExposure(addresses + kafkaAddresses, hasToken: token != nil, insecure: insecure)
        guard journalSize >= Self.journalBytesMin else {
            throw Failure(
                "--journal-size is too small", why: "the least is \(SizeText.format(Self.journalBytesMin))",
                status: .usage)
        }
        let isLocal = addresses.allSatisfy(\.isLoopback)
        var options = ServeOptions(
            dataDirectory: try data ?? Self.defaultDirectory(isDevelopment: isDevelopment, session.variables),
            listen: addresses, kafkaListen: kafkaAddresses, kafkaAdvertise: kafkaAdvertise,
            hostNames: hostName, origins: origin,
            token: token, insecure: insecure,
            logFormat: logFormat
                ?? (session.console.isErrorTerminal ? .human : isDevelopment ? .human : .json),
            logLevel: logLevel, autoCreateTopics: autoCreateTopics ?? isDevelopment, durability: durability,
            portFile: portFile, journalBytes: journalSize,
            allowPrivateWebhooks: allowPrivateWebhooks ?? (isDevelopment && isLocal),
            webhookOrigin: webhookOrigin, webhookTrustFile: webhookCa,
            bridgesFile: bridges, secretsDirectory: secrets, journey: try journeyLimits(),
            diskAlarm: try alarms.diskAlarm ?? Parse.space(Defaults.diskAlarm),
            diskRefuse: try alarms.diskRefuse ?? Parse.space(Defaults.diskRefuse),
            lookInterval: alarms.lookInterval ?? Defaults.lookInterval,
            export: try await telemetry.settings(session.variables))
        options.settings = settings(
            of: options, given: GivenOptions(arguments: session.arguments, variables: session.variables),
            isDevelopment: isDevelopment)
        return options
    }

    private func journeyLimits() throws -> ServeOptions.JourneyLimits? {
        guard !noJourney else { return nil }
        guard journeySize >= 8 << 20, journeyAge >= .seconds(60), journeyOneIn >= 0 else {
            throw Failure(
                "--journey-size is at least 8MiB, --journey-age at least 1m, --journey-one-in 0 or more",
                fix: "--no-journey notes nothing", status: .usage)
        }
        return ServeOptions.JourneyLimits(age: journeyAge, bytes: journeySize, oneIn: journeyOneIn)
    }

    /// Where to listen for Kafka clients. Whoever lets the system choose the port of the API gets a free one here too.
    private func kafkaAddresses(beside addresses: [ListenAddress]) throws -> [ListenAddress] {
        guard !noKafka else {
            guard kafkaListen.isEmpty, kafkaAdvertise == nil else {
                throw Failure(
                    "--no-kafka contradicts the other options for Kafka clients",
                    fix: "leave --no-kafka out, or --kafka-listen and --kafka-advertise", status: .usage)
            }
            return []
        }
        guard kafkaListen.isEmpty else { return kafkaListen }
        let port = addresses.allSatisfy { $0.port == 0 } ? 0 : Defaults.kafkaPort
        return [ListenAddress(host: Defaults.host, port: port)]
    }

    private static func checkExposure(_ addresses: [ListenAddress], hasToken: Bool, insecure: Bool) throws {
        guard let exposed = addresses.first(where: { !$0.isLoopback }), !hasToken, !insecure else { return }
        throw Failure(
            "refusing to listen on \(exposed) without a token",
            why: "everybody who can reach that address could read, publish and delete everything",
            fix: "--token-file FILE (or APUS_TOKEN), or --insecure if that is what you want", status: .usage)
    }

    static func defaultDirectory(isDevelopment: Bool, _ variables: [String: String]) throws -> String {
        guard isDevelopment else { return Defaults.dataDirectory }
        // The specification has relative values ignored.
        if let base = variables["XDG_DATA_HOME"], base.hasPrefix("/") {
            return join(base, Defaults.dataDirectoryName)
        }
        guard let home = variables["HOME"], home.hasPrefix("/") else {
            throw Failure("no place for data", why: "HOME is not set", fix: "--data DIR", status: .usage)
        }
        return join(join(home, Defaults.dataHome), Defaults.dataDirectoryName)
    }

    private static func join(_ folder: String, _ name: String) -> String {
        folder.hasSuffix("/") ? folder + name : folder + "/" + name
    }
}
