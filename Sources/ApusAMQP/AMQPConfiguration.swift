// SPDX-License-Identifier: Apache-2.0

// What the URL and the program's options say of a connection, checked once. Names in the query are those of RabbitMQ's own URIs where it has them.

internal import ApusBus
internal import Logging
internal import NIOCore

/// How to reach a broker, and within which bounds.
struct AMQPConfiguration: Sendable {
    /// How a client says who it is.
    enum Mechanism: String, Sendable, CaseIterable {
        case plain = "PLAIN"
        case amqPlain = "AMQPLAIN"
        case external = "EXTERNAL"
    }

    /// What TLS needs to know.
    struct TLS: Sendable {
        /// Certificates of authorities, PEM; nil for the system's.
        var authorities: String?
        /// The client's own certificate and key, PEM.
        var certificate: String?
        var key: String?
        /// Whether the server has to prove who it is.
        var verifies = true
        /// The name that the server's certificate has to have; nil for the host's.
        var serverName: String?
    }

    var hosts: [BusURL.Host]
    var virtualHost: String
    var user: String
    var password: String
    /// nil for the first that the server offers of PLAIN and AMQPLAIN.
    var mechanism: Mechanism?
    var tls: TLS?
    /// How long the line may be silent, as proposed to the server; zero for no heartbeats.
    var heartbeatSeconds: UInt16 = 30
    /// How long one attempt to connect may take.
    var connectTimeout: Duration
    /// How long a publish waits: for a connection, for a broker that blocks, for its confirm.
    var publishTimeout: Duration = .seconds(30)
    /// The largest body that is published or taken.
    var eventBytesMax = AMQPLimits.eventBytesMax
    var clientName: String
    var logger: Logger

    /// - Throws: ``BusError/invalid(_:)`` with what is wrong in the URL.
    init(_ url: BusURL, _ options: ConnectionOptions) throws(BusError) {
        let isSecure = url.scheme == "amqps"
        hosts = url.hosts.isEmpty ? [BusURL.Host(name: "localhost")] : url.hosts
        for index in hosts.indices where hosts[index].port == nil {
            hosts[index].port = isSecure ? 5671 : 5672
        }
        // `amqp://host` and `amqp://host/` both mean the virtual host `/`, as clients have it.
        let path = url.path.hasPrefix("/") ? String(url.path.dropFirst()) : url.path
        virtualHost = path.isEmpty ? "/" : path
        user = url.user ?? "guest"
        password = url.password ?? (url.user == nil ? "guest" : "")
        clientName = options.clientName
        logger = options.logger
        connectTimeout = options.connectTimeout
        var tls = TLS()
        for (name, value) in url.query.sorted(by: { $0.key < $1.key }) {
            switch name {
            case "heartbeat": heartbeatSeconds = UInt16(try Self.number(name, value, 0...65535))
            case "connection_timeout":
                connectTimeout = .milliseconds(try Self.number(name, value, 1...3_600_000))
            case "publish_timeout":
                publishTimeout = .milliseconds(try Self.number(name, value, 1...3_600_000))
            case "event_bytes_max": eventBytesMax = try Self.number(name, value, 1...(512 << 20))
            case "auth_mechanism":
                guard let known = Mechanism(rawValue: value.uppercased()) else {
                    throw .invalid("auth_mechanism=\(value): there are PLAIN, AMQPLAIN and EXTERNAL")
                }
                mechanism = known
            case "cacertfile": tls.authorities = value
            case "certfile": tls.certificate = value
            case "keyfile": tls.key = value
            case "server_name_indication": tls.serverName = value
            case "verify":
                switch value {
                case "verify_peer": tls.verifies = true
                case "verify_none": tls.verifies = false
                default: throw .invalid("verify=\(value): there are verify_peer and verify_none")
                }
            default: throw .invalid("the bus URL has '\(name)', which \(url.scheme): does not know")
            }
        }
        guard (tls.certificate == nil) == (tls.key == nil) else {
            throw .invalid("certfile and keyfile go together in the bus URL")
        }
        if mechanism == nil, tls.certificate != nil, url.user == nil { mechanism = .external }
        self.tls = isSecure ? tls : nil
    }

    private static func number(
        _ name: String, _ text: String, _ range: ClosedRange<Int>
    ) throws(BusError) -> Int {
        guard let number = Int(text), range.contains(number) else {
            throw .invalid("\(name)=\(text): a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }
}

/// Bounds that no URL changes.
enum AMQPLimits {
    /// How long an answer is waited for.
    static let answerTimeout = TimeAmount.seconds(10)
    /// What brokers of version 4 take unless configured otherwise.
    static let eventBytesMax = 16 << 20
    /// The frame length that is proposed.
    static let frameMax: UInt32 = 131_072
    /// The number of channels that is proposed.
    static let channelMax: UInt16 = 2047
    /// Publishes that wait for their confirm, per connection.
    static let unconfirmedMax = 4096
    static let unconfirmedBytesMax = 32 << 20
    /// Events that are encoded and written at a time.
    static let sliceEvents = 256
    static let sliceBytes = 1 << 20
    /// Between attempts to reach a broker: doubled from the first to the last, with jitter.
    static let backoffFirst = Duration.milliseconds(100)
    static let backoffLast = Duration.seconds(5)
    /// Names of topics, subscriptions and dead letters, in bytes: they have room in a routing key beside a delay.
    static let nameBytesMax = 180
}
