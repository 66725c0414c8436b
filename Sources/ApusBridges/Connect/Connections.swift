// SPDX-License-Identifier: Apache-2.0

// The connections that there are, by name. One is made when it is first needed and then kept by its transport, which comes back by itself when it is lost; here is
// only whether that works, for people to see.

public import ApusBus
import ApusEngine
public import ApusModel
public import Logging
import Synchronization

/// Connections to outside brokers, by name.
public final class Connections: Sendable {
    typealias Attempt = Task<Result<any BusTransport, BusError>, Never>

    private struct Slot {
        var url: String
        /// Another one for each URL: what was begun for a former one is not for this.
        var generation: UInt64
        var transport: (any BusTransport)?
        var attempt: Attempt?
        var state = ConnectionDescription.State.unused

        mutating func fail(_ error: BusError, _ now: Timestamp) {
            if case .failing(let since, _) = state {
                state = .failing(since: since, reason: "\(error)")
            } else {
                state = .failing(since: now, reason: "\(error)")
            }
        }
    }

    private struct State {
        var slots: [ResourceName: Slot] = [:]
        var generations: UInt64 = 0
        /// Attempts that came with settings, and who takes note of their end.
        var finishing: [Attempt: Task<Void, Never>] = [:]
        var isClosed = false
    }

    private let schemes: [TransportScheme]
    private let secrets: Secrets
    private let options: ConnectionOptions
    private let now: @Sendable () -> Timestamp
    private let state = Mutex(State())

    /// No connections yet, to the kinds of brokers in `schemes`.
    public init(
        schemes: [TransportScheme], secrets: Secrets, logger: Logger,
        now: @escaping @Sendable () -> Timestamp
    ) {
        self.schemes = schemes
        self.secrets = secrets
        self.now = now
        options = ConnectionOptions(logger: logger, connectTimeout: Defaults.connectTimeout)
    }

    // MARK: Settings

    /// Begins to reach the broker of a URL, for nobody yet.
    ///
    /// - Throws: ``BusError/invalid(_:)`` for a URL that cannot work whatever the broker does.
    func begin(_ url: String) throws(BusError) -> Attempt {
        let address = try address(url)
        let (schemes, options) = (schemes, options)
        return Task {
            do throws(BusError) {
                return .success(try await TransportScheme.connect(address, among: schemes, options))
            } catch { return .failure(error) }
        }
    }

    /// The address that a URL stands for, its secrets filled in.
    ///
    /// - Throws: ``BusError/invalid(_:)`` for what is no address of a known kind of broker.
    func address(_ url: String) throws(BusError) -> BusURL {
        let address = try BusURL(try secrets.resolve(url))
        guard schemes.contains(where: { $0.names.contains(address.scheme) }) else {
            let known = schemes.flatMap(\.names).joined(separator: ", ")
            throw .invalid(
                "'\(address.scheme):' is no kind of broker that this server knows: there are \(known)")
        }
        return address
    }

    /// Makes `url` that of a connection. `attempt`: what was begun for it already.
    func set(_ name: ResourceName, url: String, attempt: Attempt? = nil) {
        let (former, given) = state.withLock { state -> (Slot?, UInt64) in
            if attempt == nil, state.slots[name]?.url == url { return (nil, 0) }
            let former = state.slots[name]
            state.generations += 1
            state.slots[name] = Slot(
                url: url, generation: state.generations, attempt: attempt,
                state: attempt == nil ? .unused : .connecting)
            return (former, state.generations)
        }
        if let former { Self.end(former) }
        if let attempt {
            let finishing = Task { _ = finish(name, given, await attempt.value) }
            state.withLock { $0.finishing[attempt] = finishing }
            Task {
                await finishing.value
                state.withLock { $0.finishing[attempt] = nil }
            }
        }
    }

    /// Returns when the end of an attempt that came with settings has been taken note of.
    func settled(_ attempt: Attempt) async { await state.withLock { $0.finishing[attempt] }?.value }

    /// Forgets a connection.
    func remove(_ name: ResourceName) {
        if let slot = state.withLock({ $0.slots.removeValue(forKey: name) }) { Self.end(slot) }
    }

    private static func end(_ slot: Slot) {
        Task { await slot.transport?.close() }
        // What is on its way is closed by whoever finds that nobody wants it any more.
    }

    /// Ends all connections.
    public func close() async {
        let transports = state.withLock { state in
            state.isClosed = true
            defer { state.slots = [:] }
            return state.slots.values.compactMap(\.transport)
        }
        for transport in transports { await transport.close() }
    }

    // MARK: Use

    /// The broker behind a connection, reached if it is not yet.
    func transport(_ name: ResourceName) async throws(BusError) -> any BusTransport {
        let known = state.withLock { state -> Result<any BusTransport, BusError>? in
            guard !state.isClosed else { return .failure(.closed) }
            guard let slot = state.slots[name] else { return .failure(.unknown("connection '\(name)'")) }
            return slot.transport.map { .success($0) }
        }
        if let known { return try known.get() }
        return try await attempt(name).value.get()
    }

    private func attempt(_ name: ResourceName) -> Attempt {
        state.withLock { state in
            guard var slot = state.slots[name] else {
                return Task { .failure(.unknown("connection '\(name)'")) }
            }
            if let attempt = slot.attempt { return attempt }
            let (url, generation) = (slot.url, slot.generation)
            let attempt = Attempt { [self] in
                let result: Result<any BusTransport, BusError>
                do throws(BusError) { result = await (try begin(url)).value } catch {
                    result = .failure(error)
                }
                return finish(name, generation, result)
            }
            slot.attempt = attempt
            if case .unused = slot.state { slot.state = .connecting }
            state.slots[name] = slot
            return attempt
        }
    }

    @discardableResult
    private func finish(
        _ name: ResourceName, _ generation: UInt64, _ result: Result<any BusTransport, BusError>
    ) -> Result<any BusTransport, BusError> {
        let isWanted = state.withLock { state -> Bool in
            guard !state.isClosed, state.slots[name]?.generation == generation else { return false }
            // The attempt that came with the settings is finished by whoever is first.
            guard state.slots[name]?.transport == nil else { return true }
            state.slots[name]?.attempt = nil
            switch result {
            case .success(let transport):
                state.slots[name]?.transport = transport
                state.slots[name]?.state = .connected(since: now())
            case .failure(let error): state.slots[name]?.fail(error, now())
            }
            return true
        }
        guard !isWanted, case .success(let transport) = result else { return result }
        Task { await transport.close() }
        return .failure(.closed)
    }

    /// Takes note of how a call went: nil when the broker did as asked.
    func note(_ name: ResourceName, _ error: BusError?) {
        let isAboutBroker =
            switch error {
            case .unavailable, .undecided, .unauthorized, .unknown, nil: true
            default: false
            }
        guard isAboutBroker else { return }
        state.withLock { state in
            guard let slot = state.slots[name], slot.transport != nil else { return }
            if let error {
                state.slots[name]?.fail(error, now())
            } else if case .failing = slot.state {
                state.slots[name]?.state = .connected(since: now())
            }
        }
    }

    // MARK: Telling

    /// Where a connection leads.
    struct Place {
        /// Its URL as it may be seen.
        var url: String
        /// The transport that is spoken there.
        var transport: String
        /// What of its settings nobody may be shown.
        var secrets: [String]
    }

    /// The URL of a connection as it was set; empty when there is none of this name.
    func url(_ name: ResourceName) -> String { state.withLock { $0.slots[name]?.url } ?? "" }

    /// Where a URL leads, its secrets looked up.
    func place(_ url: String) -> Place {
        let transport = url.prefix { $0 != ":" }.lowercased()
        let secrets = (try? secrets.resolve(url)).map(MaskedURL.secrets) ?? []
        return Place(url: MaskedURL.text(url), transport: transport, secrets: secrets)
    }

    /// The time of day.
    var wall: Timestamp { now() }

    /// How a connection stands.
    func standing(_ name: ResourceName) -> ConnectionDescription.State {
        state.withLock { $0.slots[name]?.state } ?? .unused
    }
}
