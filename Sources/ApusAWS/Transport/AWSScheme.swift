// SPDX-License-Identifier: Apache-2.0

// `aws://REGION` and `eventbridge://REGION/BUS`: how their URLs are read and what such brokers can do.

public import ApusBus
internal import AsyncHTTPClient
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
    /// Amazon SNS and SQS: `aws://eu-central-1`, with `?fifo=true` for topics and queues that keep order.
    ///
    /// The region may be left out where the environment or the profile names one. Credentials are looked for where AWS's own tools look, unless the URL
    /// has them as user and password. `endpoint` leads to a double of AWS, `profile` to a profile.
    public static var aws: TransportScheme {
        TransportScheme(
            names: ["aws"], capabilities: .aws(isFIFO: false),
            variants: [TransportScheme.Variant(setting: "fifo=true", capabilities: .aws(isFIFO: true))]
        ) { url, options throws(BusError) in
            let isFIFO = try AWSSettings.flag(url, "fifo")
            let settings = try AWSSettings(url, allowing: ["fifo"])
            let (client, http) = settings.client(options)
            return AWSTransport(
                capabilities: .aws(isFIFO: isFIFO), sqs: SQSService(client: client),
                fanOut: SNSFanOut(sns: SNSService(client: client), isFIFO: isFIFO), isFIFO: isFIFO, http: http
            )
        }
    }

    /// An Amazon EventBridge bus with SQS queues behind its rules: `eventbridge://eu-central-1/my-bus`; `default` if none is named.
    public static var eventBridge: TransportScheme {
        TransportScheme(names: ["eventbridge"], capabilities: .eventBridge) { url, options throws(BusError) in
            let settings = try AWSSettings(url, allowing: [])
            let bus = url.path.drop { $0 == "/" }
            let (client, http) = settings.client(options)
            let service = EventBridgeService(client: client)
            let fanOut = EventBridgeFanOut(service: service, bus: bus.isEmpty ? "default" : String(bus))
            let transport = AWSTransport(
                capabilities: .eventBridge, sqs: SQSService(client: client), fanOut: fanOut, isFIFO: false,
                http: http)
            do throws(AWSError) { try await service.createBus(fanOut.bus) } catch {
                await transport.close()
                throw error.busError("bus '\(fanOut.bus)'")
            }
            return transport
        }
    }
}

extension Capabilities {
    static func aws(isFIFO: Bool) -> Capabilities {
        var features: Set<Feature> = [
            .delayedRetry, .countsCrashes, .leases, .filterByType, .filterByContent, .temporarySubscriptions,
            .managedSubscriptions, .deadLetters,
        ]
        if isFIFO { features.formUnion([.orderByKey, .deduplication]) }
        return Capabilities(
            transport: "aws", features: features, eventBytesMax: SNSService.bytesMax, durability: .replicated)
    }

    static var eventBridge: Capabilities {
        Capabilities(
            transport: "eventbridge",
            features: [
                .delayedRetry, .countsCrashes, .leases, .filterByType, .filterByContent,
                .temporarySubscriptions, .managedSubscriptions, .deadLetters,
            ], eventBytesMax: EventBridgeService.bytesMax, durability: .replicated)
    }
}

/// What a URL says of how to reach AWS.
struct AWSSettings: Sendable {
    var region: String
    var endpoint: String?
    var credentials: AWSCredentials?
    var environment: [String: String]

    init(
        _ url: BusURL, allowing others: Set<String>,
        environment: [String: String] = ProcessEnvironment.variables
    ) throws(BusError) {
        let known = others.union(["endpoint", "profile"])
        if let unknown = url.query.keys.sorted().first(where: { !known.contains($0) }) {
            throw .invalid(
                "'\(unknown)' is no setting of \(url.scheme)://; those are: \(known.sorted().joined(separator: ", "))"
            )
        }
        self.environment = environment
        if let profile = url.query["profile"] { self.environment["AWS_PROFILE"] = profile }
        let profiles = AWSProfiles(environment: self.environment)
        guard
            let region = url.hosts.first?.name ?? self.environment["AWS_REGION"]
                ?? self.environment["AWS_DEFAULT_REGION"] ?? profiles["region"]
        else {
            throw .invalid(
                "no AWS region is known: name it as in \(url.scheme)://eu-central-1, or set AWS_REGION")
        }
        self.region = region
        endpoint = url.query["endpoint"] ?? self.environment["AWS_ENDPOINT_URL"]
        while endpoint?.hasSuffix("/") == true { endpoint?.removeLast() }
        if let user = url.user {
            guard let password = url.password else {
                throw .invalid("the bus URL has an access key id and no secret")
            }
            credentials = AWSCredentials(keyID: user, secret: password)
        }
    }

    static func flag(_ url: BusURL, _ name: String) throws(BusError) -> Bool {
        switch url.query[name] {
        case nil, "false": false
        case "true", "": true
        case let other?: throw .invalid("'\(name)' is true or false, not '\(other)'")
        }
    }

    /// A client, and the connections that it uses.
    func client(_ options: ConnectionOptions) -> (AWSClient, HTTPClient) {
        var settings = HTTPClient.Configuration(
            redirectConfiguration: .disallow, timeout: .init(connect: TimeAmount(options.connectTimeout)))
        settings.connectionPool.retryConnectionEstablishment = false
        settings.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 64
        let http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: settings)
        let fetch = AWSClient.fetch(with: http)
        var sources: [any CredentialSource] = []
        if let credentials { sources = [StaticCredentials(value: credentials)] }
        if sources.isEmpty {
            sources = [
                EnvironmentCredentials(environment: environment),
                ProfileCredentials(profiles: AWSProfiles(environment: environment)),
                ContainerCredentials(environment: environment, fetch: fetch),
                MachineCredentials(environment: environment, fetch: fetch),
            ]
        }
        let chain = CredentialChain(sources) { AWSTime.now }
        return (AWSClient(region: region, endpoint: endpoint, chain: chain, http: http), http)
    }
}

/// The environment of this process.
enum ProcessEnvironment {
    static var variables: [String: String] {
        var variables: [String: String] = [:]
        var pointer = environ
        while let entry = pointer.pointee {
            let text = String(cString: entry)
            if let equals = text.firstIndex(of: "=") {
                variables[String(text[..<equals])] = String(text[text.index(after: equals)...])
            }
            pointer += 1
        }
        return variables
    }
}
