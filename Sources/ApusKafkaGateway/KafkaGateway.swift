// SPDX-License-Identifier: Apache-2.0

// Kafka's protocol as a service in front of a broker. It keeps no durable state: events, committed offsets and transactions are the
// broker's; who is a member of which group is forgotten with the process, as clients are prepared for.

public import ApusEngine
public import ApusNetwork
public import Logging
public import ServiceLifecycle
internal import Synchronization

/// Kafka's protocol in front of a broker.
public final class KafkaGateway: Service {
    private let configuration: KafkaGatewayConfiguration
    private let context: KafkaContext
    private let logger: Logger
    private let server = Mutex<KafkaServer?>(nil)

    /// Makes a gateway; nothing listens before ``start()`` or ``run()``.
    public init(
        broker: any Broker, configuration: KafkaGatewayConfiguration,
        logger: Logger = Logger(label: "apus.kafka")
    ) {
        self.configuration = configuration
        self.logger = logger
        context = KafkaContext(broker: broker, configuration: configuration, logger: logger)
    }

    /// Begins to listen, unless it does already.
    ///
    /// - Returns: where it listens, ports filled in.
    /// - Throws: ``KafkaGatewayError`` if an address cannot be listened at.
    @discardableResult
    public func start() async throws(KafkaGatewayError) -> [ListenAddress] {
        if let running = server.withLock({ $0 }) { return running.addresses }
        let started = try await KafkaServer.start(configuration, handler: KafkaDispatcher(context: context))
        server.withLock { $0 = started }
        for address in started.addresses {
            logger.info("listening for Kafka clients", metadata: ["address": "\(address)"])
        }
        return started.addresses
    }

    /// Listens until the task is cancelled or a graceful shutdown begins, then stops as ``stop()`` does.
    ///
    /// - Throws: ``KafkaGatewayError`` if an address cannot be listened at.
    public func run() async throws {
        try await start()
        // It throws when the task is cancelled: that too is an end, and is followed by stopping.
        try? await gracefulShutdown()
        await stop()
    }

    /// Answers what was produced, ends what waits, and closes all connections.
    public func stop() async {
        context.groups.stop()
        if let running = server.withLock({ $0 }) {
            await running.shutdown(gracePeriod: configuration.gracePeriod)
            logger.info("stopped")
        }
        context.stop()
    }

    /// The members of consumer groups, for whoever looks at them from outside of Kafka's protocol.
    public var groups: any GroupObserver { GroupDirectory(context: context) }

    /// The clients that are connected, for whoever looks at them from outside of Kafka's protocol.
    public var clients: any ClientObserver {
        KafkaClientDirectory(context: context) { [self] in server.withLock { $0 } }
    }

    /// What the gateway has done so far; nil before it listens.
    public var statistics: KafkaGatewayStatistics? { server.withLock { $0 }?.statistics() }
}
