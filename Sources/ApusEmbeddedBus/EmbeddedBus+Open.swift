// SPDX-License-Identifier: Apache-2.0

// How an embedded bus comes into being: from options, or from a URL through a scheme.

public import ApusBus
import ApusEngine
import ApusModel
import ApusStorage
import ApusTransport
public import Logging
import Synchronization

extension EmbeddedBus {
    /// A bus in memory: gone when it is closed, or with the process.
    public static func inMemory(
        _ options: EmbeddedOptions = EmbeddedOptions(), logger: Logger
    ) async throws(BusError) -> EmbeddedBus {
        try await open(MemoryLogStore(), options, "memory", .memory, logger)
    }

    /// A bus in the files of `folder`, which is made if there is none. One process at a time has it open.
    ///
    /// - Throws: ``BusError/unavailable(_:)`` when another process has it open, or the disk refuses; ``BusError/refused(_:)`` when what is there
    ///   cannot be read.
    public static func onFiles(
        in folder: String, _ options: EmbeddedOptions = EmbeddedOptions(), logger: Logger
    ) async throws(BusError) -> EmbeddedBus {
        let opened = await offPool { () -> Result<FileLogStore, LogError> in
            var configuration = FileLogStoreConfiguration()
            configuration.resizeJournal(to: options.journalBytes)
            return Result { () throws(LogError) in
                try FileLogStore(directory: folder, configuration: configuration, logger: logger)
            }
        }
        let store: FileLogStore
        switch opened {
        case .success(let found): store = found
        case .failure(let error): throw BusError(opening: folder, error)
        }
        do throws(BusError) {
            return try await open(store, options, "file", options.durability, logger)
        } catch {
            await offPool { store.close() }
            throw error
        }
    }

    private static func open(
        _ store: any LogStore, _ options: EmbeddedOptions, _ transport: String,
        _ durability: ApusBus.Durability, _ logger: Logger
    ) async throws(BusError) -> EmbeddedBus {
        let isInMemory = store is MemoryLogStore
        var engineOptions = EngineOptions()
        engineOptions.createsTopicsOnPublish = true
        engineOptions.topicDefaults = options.topicSettings(inMemory: isInMemory)
        engineOptions.onRest = options.onRest
        if isInMemory {
            engineOptions.retentionInterval = Defaults.embeddedRetentionInterval
            engineOptions.writesSubscriptions = false
        }
        if let interval = options.retentionInterval { engineOptions.retentionInterval = interval }
        let settings = engineOptions
        let opened = await offPool { () -> Result<Engine, LogError> in
            Result { () throws(LogError) in
                try Engine(
                    store: store, clock: options.clock, options: settings, logger: logger,
                    dispatcher: NoDeliveries())
            }
        }
        let engine: Engine
        switch opened {
        case .success(let found): engine = found
        case .failure(let error): throw BusError(opening: "the bus", error)
        }
        engine.start()
        let bus = EmbeddedBus(
            engine: engine, store: store, options: options, transport: transport, durability: durability)
        do throws(BusError) { try await bus.forgetTemporary() } catch {
            engine.stop()
            throw error
        }
        return bus
    }
}

/// Webhooks need an HTTP client, which is not linked in: rules that have one are refused before they get here.
private struct NoDeliveries: DeliveryDispatcher {
    private static let reason = "an embedded bus delivers to no webhooks"

    func dispatch(
        _ deliveries: [Delivery], to settings: PushSettings,
        completion: @escaping @Sendable (Outcome) -> Void
    ) {
        completion(.retry(after: nil, status: nil, reason: NoDeliveries.reason))
    }

    func objection(to settings: PushSettings) -> String? { NoDeliveries.reason }
}

extension TransportScheme {
    /// A bus in this process's memory. `memory:` is a new one each time; `memory:name` is the same one for all who say the same name, until all of them have
    /// closed it.
    ///
    /// Settings: `partitions`, `retention`, `retention_bytes`, `deduplicate`, `memory`.
    public static var memory: TransportScheme {
        TransportScheme(
            names: ["memory"], capabilities: EmbeddedBus.known("memory", .memory),
            variants: EmbeddedBus.variants("memory", .memory)
        ) {
            url, options async throws(BusError) in
            guard url.hosts.isEmpty, url.user == nil else {
                throw .invalid("a bus in memory has no host: write memory: or memory:name")
            }
            var embedded = EmbeddedOptions()
            try embedded.take(
                url, among: ["partitions", "retention", "retention_bytes", "deduplicate", "memory"])
            guard !url.path.isEmpty else {
                return try await EmbeddedBus.inMemory(embedded, logger: options.logger)
            }
            return try await SharedBuses.all.open(url.path) { [embedded] () async throws(BusError) in
                try await EmbeddedBus.inMemory(embedded, logger: options.logger)
            }
        }
    }

    /// A bus in the files of a folder: `file:///var/lib/app/events`.
    ///
    /// Settings: `partitions`, `durability` (`flush`, `none` or a time), `retention`, `retention_bytes`, `deduplicate`, `journal`.
    public static var file: TransportScheme {
        TransportScheme(
            names: ["file"], capabilities: EmbeddedBus.known("file", .flushed),
            variants: EmbeddedBus.variants("file", .flushed)
        ) {
            url, options async throws(BusError) in
            guard url.hosts.isEmpty || url.hosts == [BusURL.Host(name: "localhost")], url.user == nil else {
                throw .invalid(
                    "a bus on files is in this machine's: write file:///folder, with three slashes")
            }
            guard url.path.hasPrefix("/"), url.path.utf8.count > 1 else {
                throw .invalid("the folder of a bus on files is missing: write file:///folder")
            }
            var embedded = EmbeddedOptions()
            try embedded.take(
                url,
                among: ["partitions", "durability", "retention", "retention_bytes", "deduplicate", "journal"])
            return try await EmbeddedBus.onFiles(in: url.path, embedded, logger: options.logger)
        }
    }
}

extension EmbeddedBus {
    /// What such a bus can do without special settings.
    static func known(_ transport: String, _ durability: ApusBus.Durability) -> Capabilities {
        var known = Capabilities(
            transport: transport, features: features, eventBytesMax: Defaults.embeddedEventBytesMax,
            delayMax: Defaults.delayMax, durability: durability)
        // All or none of those for one partition.
        known.keepsOrderInBatches = true
        return known
    }
    /// What it can do with settings that add something.
    fileprivate static func variants(
        _ transport: String, _ durability: ApusBus.Durability
    ) -> [TransportScheme.Variant] {
        var known = known(transport, durability)
        known.features.insert(.deduplication)
        return [TransportScheme.Variant(setting: "deduplicate=1h", capabilities: known)]
    }
}
