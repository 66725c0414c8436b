// SPDX-License-Identifier: Apache-2.0

// The engine in the process, as a transport of the library: in memory or on files, the same code that the server runs. Nothing here opens a socket, and nothing that could
// is linked in. This file opens, closes and publishes.

public import ApusBus
package import ApusEngine
import ApusModel
import ApusStorage
public import CloudEvents
import Synchronization

/// An Apus engine in this process.
///
/// A topic comes into being when something is first published to it or subscribes to it. The engine has threads of its own (one that decides, and with
/// files three that write); what is called here waits without holding up a thread.
public final class EmbeddedBus: BusTransport {
    /// What has to be put in order when it ends.
    struct State {
        var isClosed = false
        var receivers: [ObjectIdentifier: EmbeddedReceiver] = [:]
        /// Open receivers of temporary subscriptions.
        var temporary: [ResourceName: Int] = [:]
        /// Names that were checked already.
        var names: [String: ResourceName] = [:]
    }

    /// What every such bus can do.
    static let features: Set<Feature> = [
        .orderByKey, .replay, .delay, .cancelDelayed, .delayedRetry, .countsCrashes, .leases, .filterByType,
        .filterByContent, .rules, .recurring, .offsets, .temporarySubscriptions, .managedSubscriptions,
        .deadLetters,
    ]

    public let capabilities: Capabilities
    package let engine: Engine
    let options: EmbeddedOptions
    let state = Mutex(State())
    private let store: any LogStore
    private let room: MemoryRoom?

    init(
        engine: Engine, store: any LogStore, options: EmbeddedOptions, transport: String,
        durability: ApusBus.Durability
    ) {
        self.engine = engine
        self.store = store
        self.options = options
        room = store is MemoryLogStore ? MemoryRoom(limit: options.memoryBytesMax) : nil
        var capabilities = EmbeddedBus.known(transport, durability)
        if options.deduplication != nil { capabilities.features.insert(.deduplication) }
        self.capabilities = capabilities
    }

    // MARK: Publish

    public func publish(
        _ events: [CloudEvent], to topic: String
    ) async throws(BusError) -> [Receipt] {
        let name = try openName(topic)
        let parts = try portions(of: events)
        guard parts.count > 1 else { return try await publish(events, to: topic, name) }
        return try await publish(parts, to: topic, name)
    }

    private func publish(
        _ events: [CloudEvent], to topic: String, _ name: ResourceName
    ) async throws(BusError) -> [Receipt] {
        let result = await withUnsafeContinuation { continuation in
            engine.publish(events, to: name, key: nil) { continuation.resume(returning: $0) }
        }
        switch result {
        case .success(let receipts):
            let durability = capabilities.durability
            return receipts.map { receipt in
                Receipt(
                    topic: topic, partition: receipt.partition, offset: receipt.offset.rawValue,
                    durability: durability, isDuplicate: receipt.isDuplicate)
            }
        case .failure(let error): throw BusError(error, durability: capabilities.durability)
        }
    }

    /// One portion after the other: what failed says so event by event.
    private func publish(
        _ portions: [ArraySlice<CloudEvent>], to topic: String, _ name: ResourceName
    ) async throws(BusError) -> [Receipt] {
        var outcomes: [Result<Receipt, BusError.Failure>] = []
        var failure: BusError?
        for portion in portions {
            do throws(BusError) {
                guard failure == nil else { throw .unavailable("those before it were not published") }
                outcomes += try await publish(Array(portion), to: topic, name).map { .success($0) }
            } catch {
                failure = failure ?? error
                if case .partial(let some) = error {
                    outcomes += some
                } else {
                    outcomes += portion.map { _ in .failure(error.ofEvent()) }
                }
            }
        }
        guard let failure else { return outcomes.compactMap { try? $0.get() } }
        let isNothing = outcomes.allSatisfy { if case .failure = $0 { true } else { false } }
        throw isNothing ? failure : .partial(outcomes)
    }

    public func publish(
        _ events: [CloudEvent], to topic: String, at time: CloudEventTimestamp
    ) async throws(BusError) -> [Receipt] {
        let name = try openName(topic)
        _ = try portions(of: events)
        let due = Timestamp(milliseconds: time.millisecondsSinceEpoch)
        let result = await withUnsafeContinuation { continuation in
            engine.schedule(events.map { DelayedEvent($0, due: due) }, to: name, key: nil) {
                continuation.resume(returning: $0)
            }
        }
        switch result {
        case .success(let receipts):
            return receipts.map {
                Receipt(topic: topic, scheduleID: $0.id, durability: capabilities.durability)
            }
        case .failure(let error): throw BusError(error, durability: capabilities.durability)
        }
    }

    public func cancel(_ scheduleID: String) async throws(BusError) -> Bool {
        try checkOpen()
        do throws(BrokerError) { try await engine.cancelWaitingEvent(scheduleID) } catch {
            if case .unknownWaitingEvent = error { return false }
            throw BusError(error)
        }
        return true
    }

    // MARK: What every call begins with

    func checkOpen() throws(BusError) {
        if state.withLock(\.isClosed) { throw .closed }
    }

    /// The checked name, while the bus is open.
    func openName(_ text: String) throws(BusError) -> ResourceName {
        let (isClosed, known) = state.withLock { ($0.isClosed, $0.names[text]) }
        if isClosed { throw .closed }
        if let known { return known }
        let name = try EmbeddedBus.name(text)
        state.withLock { state in
            // Topics are few; names that somebody makes up without end are not remembered.
            if state.names.count < 1000 { state.names[text] = name }
        }
        return name
    }

    static func name(_ text: String) throws(BusError) -> ResourceName {
        do throws(NameError) { return try ResourceName(text) } catch {
            throw .invalid(error.description)
        }
    }

    /// Divides events into what one append can take.
    private func portions(of events: [CloudEvent]) throws(BusError) -> [ArraySlice<CloudEvent>] {
        var portions: [ArraySlice<CloudEvent>] = []
        var (begin, bytes, total) = (0, 0, 0)
        for index in events.indices {
            let size = events[index].data?.bytes.count ?? 0
            guard size <= Defaults.embeddedEventBytesMax else {
                throw .tooLarge(bytes: size, limit: Defaults.embeddedEventBytesMax)
            }
            if bytes + size > Defaults.embeddedEventBytesMax {
                portions.append(events[begin..<index])
                (begin, bytes) = (index, 0)
            }
            bytes += size
            total += size + 256
        }
        if let room { try room.take(total) { [store] in store.statistics().storedBytes } }
        portions.append(events[begin...])
        return portions
    }

    /// The topic, made if there is none.
    func ensureTopic(_ name: ResourceName) async throws(BusError) {
        guard engine.topicSummary(name) == nil else { return }
        do throws(BrokerError) {
            _ = try await engine.createTopic(name, options.topicSettings(inMemory: store is MemoryLogStore))
        } catch {
            if case .conflict = error { return }
            throw BusError(error)
        }
    }

    // MARK: End

    public func close() async {
        let receivers = state.withLock { state -> [EmbeddedReceiver]? in
            guard !state.isClosed else { return nil }
            state.isClosed = true
            return Array(state.receivers.values)
        }
        guard let receivers else { return }
        for receiver in receivers { await receiver.close() }
        await offPool { [engine, store] in
            engine.stop()
            (store as? FileLogStore)?.close()
        }
    }

    /// Ends as a process does that is killed: nothing is given back.
    package func abandon() {
        engine.stop()
        (store as? FileLogStore)?.close()
    }

    /// Whether nothing is on its way and nobody has anything to do before time passes.
    package var isAtRest: Bool {
        let mark = engine.turnMark
        let receivers = state.withLock { Array($0.receivers.values) }
        // A turn in between could have handed something to a receiver that was at rest when it was looked at.
        return receivers.allSatisfy(\.isAtRest) && engine.isAtRest(since: mark)
    }
}
