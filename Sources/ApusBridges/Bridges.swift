// SPDX-License-Identifier: Apache-2.0

// Everything that runs because of connections and feeds. Definitions are the registry's: each change is written down there first, and then what runs is made to agree with
// what is defined, whichever of several changes comes to that last.

import ApusBus
public import ApusEngine
public import ApusModel
public import Logging
import Synchronization

/// Bridges to outside brokers at work.
public final class Bridges: BridgeControl {
    private let broker: any Broker & BridgeRegistry
    private let active: Connections
    private let logger: Logger
    private let now: @Sendable () -> Timestamp
    private let runners = Mutex<[ResourceName: FeedRunner]?>([:])

    /// Bridges of `broker` by these connections; nothing runs before ``start()``.
    public init(
        broker: any Broker & BridgeRegistry, connections: Connections, logger: Logger,
        now: @escaping @Sendable () -> Timestamp
    ) {
        self.broker = broker
        active = connections
        self.logger = logger
        self.now = now
    }

    /// Puts everything to work that is defined.
    public func start() {
        for connection in broker.storedConnections() {
            active.set(connection.name, url: connection.url)
        }
        agree()
    }

    /// Ends all feeds; what they have published and not settled is settled, if that does not take longer than `patience`. Connections stay open, for targets.
    public func stop(patience: Duration) async {
        let ending = runners.withLock { runners in
            defer { runners = nil }
            return runners.map { Array($0.values) } ?? []
        }
        await withTaskGroup { group in
            for runner in ending { group.addTask { await runner.stop(patience: patience) } }
        }
    }

    /// Makes what runs agree with what is defined.
    private func agree() {
        let gone = runners.withLock { runners -> [FeedRunner] in
            // Under the lock: who reads last has read what is newest.
            let stored = broker.storedFeeds()
            guard var running = runners else { return [] }
            var gone: [FeedRunner] = []
            let names = Set(stored.map(\.name))
            for (name, runner) in running where !names.contains(name) {
                gone.append(runner)
                running[name] = nil
            }
            for feed in stored {
                if let runner = running[feed.name] {
                    runner.alter(feed)
                } else {
                    let runner = FeedRunner(
                        feed, broker: broker, connections: active, logger: logger, now: now)
                    running[feed.name] = runner
                    runner.start()
                }
            }
            runners = running
            return gone
        }
        for runner in gone { Task { await runner.stop(patience: .zero) } }
    }

    // MARK: Connections

    public func connections() -> [ConnectionDescription] { broker.storedConnections().map(describe) }

    public func connection(_ name: ResourceName) throws(BrokerError) -> ConnectionDescription {
        guard let stored = broker.storedConnections().first(where: { $0.name == name }) else {
            throw .unknownConnection(name)
        }
        return describe(stored)
    }

    private func describe(_ stored: StoredConnection) -> ConnectionDescription {
        ConnectionDescription(
            stored: stored, maskedURL: MaskedURL.text(stored.url), state: active.standing(stored.name),
            uses: broker.uses(ofConnection: stored.name))
    }

    public func putConnection(
        _ name: ResourceName, url: String
    ) async throws(BrokerError) -> (ConnectionDescription, isNew: Bool) {
        let stored = broker.storedConnections().first { $0.name == name }
        let url = try unmasked(url, stored)
        let attempt: Connections.Attempt
        do throws(BusError) { attempt = try active.begin(url) } catch {
            throw .invalid("connection '\(name)': \(error)")
        }
        // Settings that cannot work are refused; a broker that is not there may come, and must not have to be there first.
        let trial = await within(.now + Defaults.connectionTrial) { await attempt.value }
        if case .failure(let error)? = trial, error.isAboutEvent {
            throw .invalid("connection '\(name)': \(error)")
        }
        let isNew: Bool
        do throws(BrokerError) { isNew = try await broker.putConnection(name, url: url) } catch {
            Task { if case .success(let transport) = await attempt.value { await transport.close() } }
            throw error
        }
        active.set(name, url: url, attempt: attempt)
        if trial != nil { await active.settled(attempt) }
        let using = runners.withLock { $0.map { Array($0.values) } ?? [] }
        for runner in using where runner.description.stored.settings.connection == name { runner.restart() }
        return (try connection(name), isNew)
    }

    /// Writes a connection down that ``start()`` will put to work; the broker is not looked for.
    ///
    /// - Throws: ``BrokerError/invalid(_:)`` for a URL of an unknown kind, or one that refers to a secret that is not there.
    public func define(_ name: ResourceName, url: String) async throws(BrokerError) {
        let url = try unmasked(url, broker.storedConnections().first { $0.name == name })
        do throws(BusError) { _ = try active.address(url) } catch {
            throw .invalid("connection '\(name)': \(error)")
        }
        _ = try await broker.putConnection(name, url: url)
    }

    /// A URL that was read and is sent again has its secrets masked, and means what is stored.
    private func unmasked(_ url: String, _ stored: StoredConnection?) throws(BrokerError) -> String {
        guard url.utf8.count <= 4096 else { throw .invalid("a connection's URL has at most 4,096 bytes") }
        if let stored, url == MaskedURL.text(stored.url) { return stored.url }
        guard !url.contains(MaskedURL.mask) else {
            throw .invalid("the URL has a masked secret and is not the one in force: send the secret itself")
        }
        return url
    }

    public func deleteConnection(_ name: ResourceName) async throws(BrokerError) {
        try await broker.deleteConnection(name)
        active.remove(name)
    }

    // MARK: Feeds

    public func feeds() -> [FeedDescription] {
        let running = runners.withLock { $0 ?? [:] }
        return broker.storedFeeds().compactMap { running[$0.name]?.description }
    }

    public func feed(_ name: ResourceName) throws(BrokerError) -> FeedDescription {
        guard let runner = runners.withLock({ $0?[name] }) else { throw .unknownFeed(name) }
        return runner.description
    }

    public func putFeed(
        _ name: ResourceName, _ settings: FeedSettings
    ) async throws(BrokerError) -> (FeedDescription, isNew: Bool) {
        let isNew = try await broker.putFeed(name, settings)
        agree()
        return (try feed(name), isNew)
    }

    public func deleteFeed(_ name: ResourceName) async throws(BrokerError) {
        try await broker.deleteFeed(name)
        agree()
    }
}
