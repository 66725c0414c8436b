// SPDX-License-Identifier: Apache-2.0

// Configuration in, running services out: the only place that knows all parts. The order of starting is the order of dependence (store, engine,
// deliveries, gateway), and stopping goes the other way, so that what was accepted is finished before what it needs is gone.

import ApusBridges
import ApusBus
import ApusDashboard
import ApusEngine
import ApusHTTPCodec
import ApusHTTPGateway
import ApusHTTPServer
import ApusKafkaGateway
import ApusModel
import ApusNetwork
import ApusSchemas
import ApusStorage
import ApusTelemetry
import ApusWebhookTransport
import CoreMetrics
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Tracing
import UnixSignals

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Why a server could not start.
public struct ServerError: Error, CustomStringConvertible, Sendable {
    /// What happened, to what, and why.
    public let description: String
}

/// A whole server.
public enum ApusServer {
    /// Runs a server until a signal (SIGTERM or SIGINT) or cancellation ends it; a second signal ends the process at once.
    ///
    /// - Parameter listening: told once where the server listens, ports filled in.
    /// - Throws: ``ServerError`` when the server cannot start.
    public static func run(
        _ configuration: ServerConfiguration,
        listening: @escaping @Sendable (ServerAddresses) -> Void = { _ in }
    ) async throws {
        let registry = PrometheusRegistry()
        let telemetry = TelemetryParts(configuration, registry)
        let recentLog = RecentLog()
        bootstrap(configuration, registry, recentLog, telemetry)
        var configuration = configuration
        configuration.engine.tracesEvents = telemetry?.tracesEvents ?? false
        let logger = Logger(label: "apus")
        let filesMax = FileLimit.raise()
        let files = FileShares(files: filesMax)
        let store = try openStore(configuration, filesMax, logger, registry)
        let group = MultiThreadedEventLoopGroup.singleton
        let webhooks = WebhookTarget(configuration: webhookConfiguration(configuration, files), group: group)
        files.countOutgoing { [weak webhooks] in webhooks?.connectionsOpen ?? 0 }
        let connections = BridgeParts.connections(configuration, logger)
        let dispatcher = TargetDispatcher(
            target: BridgedTarget(web: webhooks, bus: BusTarget(connections: connections)))
        let engine = try openEngine(store, dispatcher, configuration, files, logger, registry)
        let bridges = Bridges(broker: engine, connections: connections, logger: logger) { engine.now }
        engine.start()
        let kafka =
            configuration.kafkaListen.isEmpty
            ? nil
            : KafkaGateway(
                broker: engine, configuration: kafkaConfiguration(configuration, files))
        let metrics = ServerMetrics(
            engine: engine, groups: kafka?.groups, bridges: bridges, registry: registry)
        var http = gatewayConfiguration(configuration, files)
        http.metricsText = { metrics.text($0) }
        http.tracesEvents = configuration.engine.tracesEvents
        http.groups = kafka?.groups
        http.recentLog = { recentLog.last($0) }
        http.clients = kafka.map { [$0.clients] } ?? []
        http.bridges = bridges
        let pages = Dashboard()
        http.pages = { pages.answer($0) }
        let figures = ServerFigures(registry: registry, configuration: configuration)
        http.figures = { figures.now() }
        let gateway = HTTPGateway(broker: engine, configuration: http)
        files.countIncoming { [weak gateway, weak kafka] in
            (gateway?.statistics?.connectionsOpen ?? 0) + (kafka?.statistics?.connectionsOpen ?? 0)
        }
        do {
            if let file = configuration.bridgesFile {
                try await BridgeParts.apply(file, engine, bridges, configuration)
            }
            bridges.start()
            var addresses = ServerAddresses(http: [])
            // Whoever sees the HTTP API answer finds the others there too.
            if let kafka { addresses.kafka = try await kafka.start() }
            addresses.http = try await gateway.start().map(ListenAddress.init(bound:))
            figures.attach(addresses, gateway, kafka)
            if let file = configuration.portFile { try PortFile.write(addresses, to: file) }
            ServerMetrics.register(gateway, in: registry)
            if let kafka { ServerMetrics.register(kafka, in: registry) }
            listening(addresses)
            ProgramPages.release()
        } catch {
            await bridges.stop(patience: .zero)
            await kafka?.stop()
            await stop(engine, store, webhooks, connections)
            throw ServerError(description: "\(error)")
        }
        do {
            var services: [any Service] = []
            // Ended last: what the others do in the end is exported too.
            if let telemetry {
                services.append(telemetry.service(patience: configuration.gracePeriod) { metrics.refresh() })
            }
            services += [DispatcherService(dispatcher: dispatcher), gateway]
            if let kafka { services.append(kafka) }
            // Ended first: what feeds have published is settled while everything else still works.
            services.append(BridgeService(bridges: bridges, patience: configuration.gracePeriod))
            try await run(services)
        } catch { logger.error("a service failed: \(error)") }
        await stop(engine, store, webhooks, connections)
        logger.info("stopped; everything acknowledged is on disk")
    }

    /// Runs services until one fails or a signal comes; a second signal ends the process at once.
    private static func run(_ services: [any Service]) async throws {
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        let group = ServiceGroup(
            services: services, logger: Logger(label: "apus.services") { _ in SwiftLogNoOpLogHandler() })
        try await withThrowingTaskGroup { tasks in
            tasks.addTask {
                var count = 0
                for await _ in signals {
                    count += 1
                    if count == 2 { exit(130) }
                    await group.triggerGracefulShutdown()
                }
            }
            tasks.addTask { try await group.run() }
            // The task that waits for signals ends only by being cancelled, so the first to end is the group.
            defer { tasks.cancelAll() }
            try await tasks.next()
        }
    }

    private static func stop(
        _ engine: Engine, _ store: FileLogStore, _ webhooks: WebhookTarget, _ connections: Connections
    ) async {
        engine.stop()
        store.close()
        await webhooks.close()
        await connections.close()
    }

    // MARK: Parts

    private static func bootstrap(
        _ configuration: ServerConfiguration, _ registry: PrometheusRegistry, _ recent: RecentLog,
        _ telemetry: TelemetryParts?
    ) {
        let (format, level) = (configuration.logFormat, configuration.logLevel)
        LoggingSystem.bootstrap { label in
            let written = MultiplexLogHandler([
                format.handler(label: label, level: level), recent.handler(label: label, level: level),
            ])
            return telemetry?.handler(written, label: label, level: level) ?? written
        }
        MetricsSystem.bootstrap(PrometheusMetricsFactory(registry: registry, help: MetricHelp.texts))
        TelemetryExporter.registerMetrics(in: registry)
        InstrumentationSystem.bootstrap(telemetry?.tracer ?? ApusTracer())
    }

    private static func openStore(
        _ configuration: ServerConfiguration, _ filesMax: Int, _ logger: Logger,
        _ registry: PrometheusRegistry
    ) throws -> FileLogStore {
        do {
            var options = configuration.store
            options.descriptorsMax = FileLimit.segments(files: filesMax)
            return try FileLogStore(
                directory: configuration.dataDirectory, configuration: options, logger: logger,
                onFlush: ServerMetrics.flushObserver(in: registry))
        } catch {
            throw ServerError(
                description:
                    "the data folder \(configuration.dataDirectory) cannot be opened: \(describe(error))")
        }
    }

    private static func webhookConfiguration(
        _ configuration: ServerConfiguration, _ files: FileShares
    ) -> WebhookConfiguration {
        var webhooks = WebhookConfiguration(allowPrivateTargets: configuration.allowsPrivateWebhooks)
        if let origin = configuration.webhookOrigin ?? HostName.own { webhooks.origin = origin }
        webhooks.trustFile = configuration.webhookTrustFile
        webhooks.connectionsMax = { files.outgoing(wanted: Defaults.attemptsUnderWayMax) }
        return webhooks
    }

    private static func openEngine(
        _ store: FileLogStore, _ dispatcher: TargetDispatcher, _ configuration: ServerConfiguration,
        _ files: FileShares, _ logger: Logger, _ registry: PrometheusRegistry
    ) throws -> Engine {
        var options = configuration.engine
        let delays = ServerMetrics.deliveryDelays(in: registry)
        options.onFirstDelivery = { delays.observe($0.seconds) }
        options.schemaFormats.set(XSDFormat(), for: .xsd)
        options.catalogsEvents = true
        // Every attempt under way is an open file.
        options.attemptsUnderWayMax = { files.outgoing(wanted: Defaults.attemptsUnderWayMax) }
        do {
            return try Engine(
                store: store, options: options, logger: logger, dispatcher: dispatcher)
        } catch {
            store.close()
            throw ServerError(
                description:
                    "the state in \(configuration.dataDirectory) cannot be read: \(describe(error)). Nothing was changed; "
                    + "`apus doctor` says more")
        }
    }

    private static func describe(_ error: LogError) -> String {
        switch error {
        case .failed(let reason), .undecided(let reason): reason
        case .diskFull: "the disk is full"
        case .corrupt(let log, let offset, _, let reason):
            "log \(log) is damaged at offset \(offset): \(reason)"
        default: "\(error)"
        }
    }

    private static func kafkaConfiguration(
        _ configuration: ServerConfiguration, _ files: FileShares
    ) -> KafkaGatewayConfiguration {
        var kafka = KafkaGatewayConfiguration(addresses: configuration.kafkaListen)
        kafka.advertised = configuration.kafkaAdvertised
        kafka.connectionsMax = FileLimit.connections(
            wanted: Defaults.connectionsMax, files: FileLimit.raise())
        let connectionsMax = kafka.connectionsMax
        kafka.connectionsReserved = { files.reserved(of: connectionsMax) }
        kafka.createsTopics = configuration.engine.createsTopicsOnPublish
        kafka.topicDefaults = configuration.engine.topicDefaults
        kafka.gracePeriod = configuration.gracePeriod
        kafka.tracesEvents = configuration.engine.tracesEvents
        if let token = configuration.token { kafka.users = SharedSecret(token) }
        return kafka
    }

    private static func gatewayConfiguration(
        _ configuration: ServerConfiguration, _ files: FileShares
    ) -> HTTPGatewayConfiguration {
        var server = HTTPServerConfiguration(addresses: configuration.listen)
        server.limits.bodyBytesMax = Defaults.bodyBytesMax
        server.limits.requestLineBytesMax = Defaults.requestLineBytesMax
        server.limits.headerBytesMax = Defaults.headerBytesMax
        server.limits.headerFieldsMax = Defaults.headerFieldsMax
        server.headTimeout = Defaults.headTimeout
        server.connectionsMax = FileLimit.connections(
            wanted: Defaults.connectionsMax, files: FileLimit.raise())
        let connectionsMax = server.connectionsMax
        server.connectionsReserved = { files.reserved(of: connectionsMax) }
        var gateway = HTTPGatewayConfiguration(server: server)
        gateway.token = configuration.token
        gateway.hostNames = configuration.hostNames
        gateway.origins = configuration.origins
        gateway.gracePeriod = configuration.gracePeriod
        gateway.topicDefaults = configuration.engine.topicDefaults
        gateway.version = ApusVersion.current
        gateway.settings = ServerSettings.effective(
            configuration, connectionsMax: connectionsMax, filesMax: FileLimit.raise())
        return gateway
    }
}

/// Runs deliveries; on shutdown those under way are finished.
private struct DispatcherService: Service {
    var dispatcher: TargetDispatcher

    func run() async throws {
        await withGracefulShutdownHandler {
            await dispatcher.run()
        } onGracefulShutdown: {
            dispatcher.finish()
        }
    }
}
