// SPDX-License-Identifier: Apache-2.0

// The HTTP API as a service: it listens, answers, and on a graceful shutdown stops in an order that loses nothing: no longer
// ready, waiting requests and streams end, work under way is finished, connections close.

public import ApusEngine
public import ApusHTTPServer
internal import ApusModel
internal import JSONText
public import Logging
public import NIOCore
public import ServiceLifecycle
internal import Synchronization

/// The HTTP API in front of a broker.
public final class HTTPGateway: Service {
    private let configuration: HTTPGatewayConfiguration
    private let context: GatewayContext
    private let handler: GatewayHandler
    private let logger: Logger
    private let server = Mutex<HTTPServer?>(nil)

    /// Makes a gateway; nothing listens before ``start()`` or ``run()``.
    public init(
        broker: any Broker, configuration: HTTPGatewayConfiguration,
        logger: Logger = Logger(label: "apus.http")
    ) {
        let routes = RouteTable.all
        let document = OpenAPIDocument.json(
            routes, version: configuration.version, needsToken: configuration.token != nil)
        context = GatewayContext(
            broker: broker, configuration: configuration,
            calls: CallRegistry(waitingMax: configuration.waitingMax),
            metrics: GatewayMetrics(routes.map(\.label) + SchemaAPI.allCases.map(\.label)),
            openAPI: document.serialized(), started: .now,
            activity: ActivitySampler(streamsMax: Defaults.activityStreamsMax),
            clients: ClientDirectory(others: configuration.clients))
        handler = GatewayHandler(context, Router(routes))
        self.configuration = configuration
        self.logger = logger
    }

    /// Begins to listen, unless it does already.
    ///
    /// - Returns: where it listens, ports filled in.
    /// - Throws: `HTTPServerError` if an address cannot be listened at.
    @discardableResult
    public func start() async throws(HTTPServerError) -> [SocketAddress] {
        if let running = server.withLock({ $0 }) { return running.addresses }
        let started = try await HTTPServer.start(configuration.server, handler: handler)
        server.withLock { $0 = started }
        context.clients.attach(started)
        for address in started.addresses {
            let host = address.ipAddress ?? "?"
            let name = host.contains(":") ? "[\(host)]" : host
            logger.info("listening", metadata: ["address": "\(name):\(address.port ?? 0)"])
        }
        return started.addresses
    }

    /// Listens until the task is cancelled or a graceful shutdown begins, then stops as ``stop()`` does.
    ///
    /// - Throws: `HTTPServerError` if an address cannot be listened at.
    public func run() async throws {
        try await start()
        // It throws when the task is cancelled: that too is an end, and is followed by stopping.
        try? await gracefulShutdown()
        await stop()
    }

    /// Is no longer ready, ends what waits, finishes what is under way, and closes all connections.
    public func stop() async {
        context.calls.drain()
        guard let running = server.withLock({ $0 }) else { return }
        await running.shutdown(gracePeriod: configuration.gracePeriod)
        logger.info("stopped")
    }

    /// What the server below has done so far; nil before it listens.
    public var statistics: HTTPServerStatistics? { server.withLock { $0 }?.statistics() }
}
