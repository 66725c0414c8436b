// SPDX-License-Identifier: Apache-2.0

// `eventgrid://NAMESPACE.REGION-1.eventgrid.azure.net`: how such URLs are read and what such brokers can do.

public import ApusBus
internal import AsyncHTTPClient
internal import Logging
internal import NIOCore
internal import NIOPosix

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#elseif canImport(Darwin)
    internal import Darwin
#endif

extension TransportScheme {
    /// An Azure Event Grid namespace, by its HTTP interface for publishing and pull delivery: `eventgrid://NAMESPACE.REGION-1.eventgrid.azure.net`.
    ///
    /// The access key comes from `EVENTGRID_ACCESS_KEY`, or is the URL's password; `auth=sas` has signatures made of it that end after an hour. A ready
    /// signature comes from `EVENTGRID_SAS_TOKEN`. `deadLetters=topic` keeps dead letters in topics, where they can be read; without it they go to the
    /// dead-letter destination of the event subscription. `lock` is how long its events are locked, `endpoint` leads to a double of the service.
    public static var eventGrid: TransportScheme {
        TransportScheme(names: ["eventgrid"], capabilities: .eventGrid(keepsDeadLetters: true)) {
            url, options throws(BusError) in
            let settings = try EventGridSettings(url, environment: ProcessEnvironment.variable)
            var http = HTTPClient.Configuration(
                redirectConfiguration: .disallow,
                timeout: .init(connect: TimeAmount(options.connectTimeout)))
            http.connectionPool.retryConnectionEstablishment = false
            // Each event subscription has a request under way nearly always.
            http.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 64
            let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: http)
            let service = EventGridService(
                client: EventGridClient(
                    base: settings.base, credentials: EventGridCredentials(settings.credentials),
                    http: client))
            return EventGridTransport(
                service: service, settings: settings, http: client, logger: options.logger)
        }
    }
}

extension Capabilities {
    static func eventGrid(keepsDeadLetters: Bool) -> Capabilities {
        var features: Set<Feature> = [.delayedRetry, .countsCrashes, .leases]
        if keepsDeadLetters { features.insert(.deadLetters) }
        return Capabilities(
            transport: "eventgrid", features: features, eventBytesMax: EventGridService.eventBytesMax,
            durability: .replicated)
    }
}

/// What a URL says of how to reach a namespace.
struct EventGridSettings: Sendable {
    /// Where dead letters are read, in each topic of them.
    static let deadLetterSubscription = "dead-letters"
    /// After how many looks a dead letter is replaced by a new copy: the service gives events up after ten unless told otherwise.
    static let looksMax = 5
    /// How long events can be locked, in seconds.
    static let locks: ClosedRange<Int64> = 1...300

    /// `https://HOST`.
    var base: String
    var credentials: EventGridCredentials.Kind
    /// How long the event subscriptions lock events.
    var lock: Duration = .seconds(60)
    /// Whether dead letters are copied to topics.
    var keepsDeadLetters = false

    init(_ url: BusURL, environment: (String) -> String?) throws(BusError) {
        let known: Set = ["endpoint", "auth", "lock", "deadLetters"]
        if let unknown = url.query.keys.sorted().first(where: { !known.contains($0) }) {
            throw .invalid(
                "'\(unknown)' is no setting of \(url.scheme)://; those are: \(known.sorted().joined(separator: ", "))"
            )
        }
        guard url.hosts.count == 1, let host = url.hosts.first else {
            throw .invalid(
                "\(url.scheme):// has one host: \(url.scheme)://NAMESPACE.REGION-1.eventgrid.azure.net")
        }
        guard url.path.isEmpty || url.path == "/" else {
            throw .invalid("\(url.scheme):// has no path: topics are named by the program")
        }
        var base = url.query["endpoint"] ?? "https://\(host.name)\(host.port.map { ":\($0)" } ?? "")"
        while base.hasSuffix("/") { base.removeLast() }
        self.base = base
        switch url.query["deadLetters"] {
        case nil, "destination": keepsDeadLetters = false
        case "topic": keepsDeadLetters = true
        case let other?: throw .invalid("'deadLetters' is 'destination' or 'topic', not '\(other)'")
        }
        if let text = url.query["lock"] {
            guard let seconds = Int64(text), Self.locks.contains(seconds) else {
                throw .invalid("'lock' is how long events are locked, from 1 to 300 seconds, not '\(text)'")
            }
            lock = .seconds(seconds)
        }
        credentials = try Self.credentials(url, resource: "https://\(host.name)", environment)
    }

    private static func credentials(
        _ url: BusURL, resource: String, _ environment: (String) -> String?
    ) throws(BusError) -> EventGridCredentials.Kind {
        let key = url.password ?? environment("EVENTGRID_ACCESS_KEY")
        let signature = environment("EVENTGRID_SAS_TOKEN")
        switch url.query["auth"] {
        case nil where url.password == nil && signature != nil, "token":
            guard let signature else { throw .invalid("EVENTGRID_SAS_TOKEN is not set") }
            return .signature(signature)
        case nil, "key", "sas":
            guard let key, !key.isEmpty else {
                throw .unauthorized(
                    "no access key of Event Grid was found: neither in the URL (eventgrid://:KEY@HOST) nor in EVENTGRID_ACCESS_KEY, "
                        + "nor a signature in EVENTGRID_SAS_TOKEN")
            }
            return url.query["auth"] == "sas"
                ? try EventGridCredentials.signing(key, resource: resource) : .key(key)
        case let other?:
            throw .invalid("'auth' is 'key', 'sas' or 'token', not '\(other)'")
        }
    }
}

/// The environment of this process.
enum ProcessEnvironment {
    static func variable(_ name: String) -> String? {
        guard let value = getenv(name) else { return nil }
        let text = String(cString: value)
        return text.isEmpty ? nil : text
    }
}
