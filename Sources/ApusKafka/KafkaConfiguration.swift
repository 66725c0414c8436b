// SPDX-License-Identifier: Apache-2.0

// What the URL and the program's options say of a connection, checked once. Settings with a dot in their name are librdkafka's own, and handed on to it; those on
// which the transport's promises rest cannot be set.

internal import ApusBus
internal import Logging

/// How events become records (CloudEvents' Kafka binding, section 3: content modes).
enum KafkaContentMode: String, Sendable {
    /// Attributes are headers, the value is the data.
    case binary
    /// The value is the event as JSON.
    case structured
}

/// How to reach a cluster, and within which bounds.
struct KafkaConfiguration: Sendable {
    /// What brokers take unless configured otherwise, with room for what is around it.
    static let eventBytesMaxDefault = 1_000_000

    /// `host:port,host:port`.
    var bootstrap: String
    var clientName: String
    var logger: Logger
    /// How long to try at the start.
    var connectTimeout: Duration
    /// How long a publish may take, with all of librdkafka's own attempts.
    var publishTimeout: Duration = .seconds(30)
    /// The largest event: value, key and headers.
    var eventBytesMax = KafkaConfiguration.eventBytesMaxDefault
    /// How events are published; both ways are read.
    var contentMode = KafkaContentMode.binary
    /// Whether topics are made that are not there.
    var makesTopics = false
    /// Of topics that are made; -1 for the broker's own.
    var partitions = -1
    /// Of topics that are made; -1 for the broker's own.
    var replicas = -1
    /// Settled events are committed this often.
    var commitInterval: Duration = .milliseconds(100)
    /// How long revoked partitions wait for their handlers.
    var drainTimeout: Duration = .seconds(3)
    /// Properties of librdkafka, in order of their names.
    var properties: [(name: String, value: String)] = []

    /// Those on which the promises rest, and what to do instead.
    private static let reserved: [String: String] = [
        "acks": "a receipt means that all replicas in sync have the event",
        "request.required.acks": "a receipt means that all replicas in sync have the event",
        "enable.idempotence": "publishing is always idempotent",
        "enable.auto.commit": "offsets are committed when events are settled",
        "enable.auto.offset.store": "offsets are committed when events are settled",
        "auto.offset.reset": "a subscription says where it begins",
        "enable.partition.eof": "the transport sets it where it needs it",
        "group.id": "a subscription says its group",
        "group.instance.id": "each receiver is a member of its own",
        "partition.assignment.strategy": "it is always range, so that all members of a group agree",
        "isolation.level": "only committed events are handed out",
        "transactional.id": "a transaction says its own",
        "partitioner": "it is always murmur2_random, so that keys are where other clients have them",
        "bootstrap.servers": "the URL says the hosts",
        "metadata.broker.list": "the URL says the hosts",
        "message.max.bytes": "event_bytes_max says it",
        "message.timeout.ms": "publish_timeout says it",
        "delivery.timeout.ms": "publish_timeout says it",
        "client.id": "the program's options say it",
        "max.poll.interval.ms": "the transport polls by itself",
        "plugin.library.paths": "no code is loaded for a URL",
    ]

    /// - Throws: ``BusError/invalid(_:)`` with what is wrong in the URL; never with a password.
    init(_ url: BusURL, _ options: ConnectionOptions) throws(BusError) {
        guard url.path.isEmpty || url.path == "/" else {
            throw .invalid(
                "\(url.scheme): has no path, only hosts and settings; topics are named by the program")
        }
        let hosts = url.hosts.isEmpty ? [BusURL.Host(name: "localhost")] : url.hosts
        bootstrap = hosts.map { host in
            let name = host.name.contains(":") ? "[\(host.name)]" : host.name
            return "\(name):\(host.port ?? 9092)"
        }.joined(separator: ",")
        clientName = options.clientName
        logger = options.logger
        connectTimeout = options.connectTimeout
        var given: [String: String] = [:]
        let isSecure = url.scheme == "kafkas"
        if let user = url.user {
            given["security.protocol"] = isSecure ? "sasl_ssl" : "sasl_plaintext"
            given["sasl.mechanism"] = "PLAIN"
            given["sasl.username"] = user
            given["sasl.password"] = url.password ?? ""
        } else if isSecure {
            given["security.protocol"] = "ssl"
        }
        for (name, value) in url.query.sorted(by: { $0.key < $1.key }) {
            try take(name, value, &given, url.scheme)
        }
        // Two names of one property: the one that was given counts.
        if url.query["sasl.mechanisms"] != nil { given["sasl.mechanism"] = nil }
        properties = given.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) }
    }

    /// How much librdkafka reads ahead, as it or the URL says.
    var readAhead: ReadAhead {
        func given(_ name: String) -> Int? {
            properties.first { $0.name == name }.flatMap { Int($0.value) }.map { max(1, $0) }
        }
        let kilobytes = given("queued.max.messages.kbytes") ?? KafkaLimits.readAheadKilobytes
        return ReadAhead(
            recordsMax: given("queued.min.messages") ?? KafkaLimits.readAheadRecords,
            bytesMax: kilobytes.multipliedReportingOverflow(by: 1024).partialValue)
    }

    private mutating func take(
        _ name: String, _ value: String, _ given: inout [String: String], _ scheme: String
    ) throws(BusError) {
        switch name {
        case "publish_timeout": publishTimeout = .milliseconds(try Self.number(name, value, 1...3_600_000))
        case "event_bytes_max": eventBytesMax = try Self.number(name, value, 1000...900_000_000)
        case "create_topics":
            switch value {
            case "true", "": makesTopics = true
            case "false": makesTopics = false
            default: throw .invalid("create_topics=\(value): there are true and false")
            }
        case "content_mode":
            guard let mode = KafkaContentMode(rawValue: value) else {
                throw .invalid("content_mode=\(value): there are binary and structured")
            }
            contentMode = mode
        case "partitions": partitions = try Self.number(name, value, 1...100_000)
        case "replicas": replicas = try Self.number(name, value, 1...1000)
        case "commit_interval": commitInterval = .milliseconds(try Self.number(name, value, 0...60_000))
        case "drain_timeout": drainTimeout = .milliseconds(try Self.number(name, value, 0...60_000))
        default:
            guard name.contains(".") else {
                throw .invalid("the bus URL has '\(name)', which \(scheme): does not know")
            }
            if let instead = Self.reserved[name] {
                throw .invalid("the bus URL has '\(name)', which cannot be set: \(instead)")
            }
            given[name] = value
        }
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
enum KafkaLimits {
    /// Names of topics and groups.
    static let nameBytesMax = 249
    /// Records that were produced and not confirmed.
    static let unconfirmedMax = 100_000
    static let unconfirmedKilobytesMax = 65_536
    /// What librdkafka reads ahead unless the URL says otherwise.
    static let readAheadRecords = 100_000
    static let readAheadKilobytes = 65_536
    /// What is asked for of a partition at a time unless the URL says otherwise: as much as stays in a processor's cache from when it arrives until it is read. A batch that
    /// is larger comes whole all the same (KIP-74).
    static let fetchBytes = 262_144
    /// Records read of a queue at a time.
    static let sliceRecords = 512
    /// Settled and unsettled events of a partition that wait for the first unsettled one, so that an offset can be committed.
    static let spanMax = 100_000
    /// Events that wait in a receiver: behind one of their key, or for their time.
    static let waitingMax = 10_000
    static let waitingBytesMax = 64 << 20
    /// Retries that are read ahead of their time, so that a long wait does not hold up a short one.
    static let retriesAheadMax = 2000
    /// How long an answer of a coordinator or of an administrative request is waited for.
    static let answerTimeout = Duration.seconds(15)
    /// The longest reason that is kept with a dead letter.
    static let reasonMax = 4096
}
