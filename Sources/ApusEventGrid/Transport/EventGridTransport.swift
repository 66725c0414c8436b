// SPDX-License-Identifier: Apache-2.0

// An Event Grid namespace as a broker of the library: topics that exist, event subscriptions with pull delivery that exist. Both are made by Azure's control
// plane, which is an administrator's business and no application's: what is missing is named, with the command that makes it.

internal import ApusBus
internal import AsyncHTTPClient
internal import CloudEvents
internal import Logging
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// An Event Grid namespace.
final class EventGridTransport: BusTransport {
    private struct State {
        var isClosed = false
        var receivers: [ObjectIdentifier: EventGridReceiver] = [:]
        /// Who reads dead letters: its requests outlive a call.
        var undertakers: [EventGridService.Place: EventGridReceiver] = [:]
    }

    let capabilities: Capabilities
    let service: EventGridService
    let settings: EventGridSettings
    private let http: HTTPClient
    private let logger: Logger
    private let state = Mutex(State())

    init(service: EventGridService, settings: EventGridSettings, http: HTTPClient, logger: Logger) {
        self.service = service
        self.settings = settings
        self.http = http
        self.logger = logger
        capabilities = .eventGrid(keepsDeadLetters: settings.keepsDeadLetters)
    }

    var isClosed: Bool { state.withLock(\.isClosed) }

    func close() async {
        let receivers = state.withLock { state in
            state.isClosed = true
            defer { (state.receivers, state.undertakers) = ([:], [:]) }
            return Array(state.receivers.values)
        }
        for receiver in receivers { await receiver.close() }
        // The only error is that it is closed already.
        try? await http.shutdown()
    }

    func forget(_ receiver: EventGridReceiver) {
        state.withLock { $0.receivers[ObjectIdentifier(receiver)] = nil }
    }

    // MARK: Publish

    func publish(_ events: [CloudEvent], to topic: String) async throws(BusError) -> [Receipt] {
        guard !isClosed else { throw .closed }
        let name = try EventGridNames.topic(topic)
        try await publish(events, named: name)
        return Array(repeating: Receipt(topic: topic, durability: .replicated), count: events.count)
    }

    /// - Throws: ``BusError/partial(_:)`` when a batch was published and one behind it was not.
    private func publish(_ events: [CloudEvent], named topic: String) async throws(BusError) {
        var texts: [[UInt8]] = []
        for event in events {
            let text = CloudEventJSONFormat.encode(event)
            guard text.count <= EventGridService.eventBytesMax else {
                throw .tooLarge(bytes: text.count, limit: EventGridService.eventBytesMax)
            }
            texts.append(text)
        }
        var done = 0
        for batch in Self.batches(texts) {
            do throws(EventGridError) {
                try await service.publish(Array(batch), to: topic)
            } catch {
                let error = publishError(error, topic, bytes: batch.reduce(0) { $0 + $1.count })
                guard done > 0 else { throw error }
                let receipt = Receipt(topic: topic, durability: .replicated)
                let failure = BusError.Failure(reason: "\(error)", isRetryable: error.isRetryable)
                throw .partial(
                    Array(repeating: .success(receipt), count: done)
                        + Array(repeating: .failure(failure), count: events.count - done))
            }
            done += batch.count
        }
    }

    private func publishError(_ error: EventGridError, _ topic: String, bytes: Int) -> BusError {
        switch error.status {
        case 404: .unknown("topic '\(topic)' in the namespace (\(error)); \(Self.topicHint(topic))")
        case 413: .tooLarge(bytes: bytes, limit: EventGridService.eventBytesMax)
        default: error.busError("topic '\(topic)'")
        }
    }

    /// Slices of at most so many events and bytes as are published together.
    static func batches(_ texts: [[UInt8]]) -> [ArraySlice<[UInt8]>] {
        var batches: [ArraySlice<[UInt8]>] = []
        var (start, size) = (0, 2)
        for (index, text) in texts.enumerated() {
            if index > start,
                index - start == EventGridService.batchMax
                    || size + text.count + 1 > EventGridService.batchBytesMax
            {
                batches.append(texts[start..<index])
                (start, size) = (index, 2)
            }
            size += text.count + 1
        }
        if start < texts.count { batches.append(texts[start...]) }
        return batches
    }

    // MARK: Consume

    func subscribe(_ subscription: Subscription) async throws(BusError) -> any Receiver {
        guard !isClosed else { throw .closed }
        try capabilities.requireTopic(subscription)
        if subscription.ordering == .byKey { try capabilities.require(.orderByKey) }
        if subscription.start == .earliest { try capabilities.require(.replay) }
        if subscription.pattern != nil { try capabilities.require(.filterByContent) }
        if subscription.isTemporary { try capabilities.require(.temporarySubscriptions) }
        if subscription.deadLetter != nil { try capabilities.require(.deadLetters) }
        let place = EventGridService.Place(
            topic: try EventGridNames.topic(subscription.topic),
            subscription: try EventGridNames.subscription(subscription.group))
        try await check(place)
        // Published to a topic that nobody reads, dead letters would be gone.
        if settings.keepsDeadLetters { try await check(try deadLetters(of: subscription)) }
        return try admit(EventGridReceiver(subscription, at: place, self))
    }

    private func admit(_ receiver: EventGridReceiver) throws(BusError) -> EventGridReceiver {
        let isClosed = state.withLock { state in
            if !state.isClosed { state.receivers[ObjectIdentifier(receiver)] = receiver }
            return state.isClosed
        }
        guard !isClosed else { throw .closed }
        return receiver
    }

    /// Whether an event subscription is there and may be read: a question about a lock that nobody has, since any other would take events.
    private func check(_ place: EventGridService.Place) async throws(BusError) {
        do throws(EventGridError) {
            _ = try await service.say(.renewLock, of: ["apus-is-it-there"], in: place)
        } catch {
            switch error.status {
            // What the token is called may be found fault with; then the event subscription is there.
            case 400: return
            case 404:
                throw .unknown(
                    "event subscription '\(place.subscription)' of topic '\(place.topic)' in the namespace (\(error)); "
                        + Self.hint(place))
            default:
                throw error.busError("event subscription '\(place.subscription)' of topic '\(place.topic)'")
            }
        }
    }

    private static func topicHint(_ topic: String) -> String {
        "make it with: az eventgrid namespace topic create --topic-name \(topic) --namespace-name … --resource-group …"
    }

    private static func hint(_ place: EventGridService.Place) -> String {
        "make it with: az eventgrid namespace topic event-subscription create --name \(place.subscription) --topic-name "
            + "\(place.topic) --delivery-configuration \"{deliveryMode:Queue}\" --namespace-name … --resource-group …"
    }

    func unsubscribe(_ subscription: Subscription) async throws(BusError) {
        throw .unsupported(.managedSubscriptions, transport: capabilities.transport)
    }

    // MARK: Dead letters

    /// The event subscription in which the dead letters of another one are looked at.
    private func deadLetters(of subscription: Subscription) throws(BusError) -> EventGridService.Place {
        EventGridService.Place(
            topic: try EventGridNames.deadLetterTopic(subscription.deadLetterTopic),
            subscription: EventGridSettings.deadLetterSubscription)
    }

    /// Copies what is given up to its topic, where that is asked for.
    func bury(
        _ event: ReceivedEvent, _ reason: String, of subscription: Subscription
    ) async throws(BusError) {
        guard settings.keepsDeadLetters else {
            logger.warning(
                "an event was given up",
                metadata: [
                    "topic": "\(subscription.topic)", "group": "\(subscription.group)",
                    "id": "\(event.event.id)", "attempts": "\(event.attempt)", "reason": "\(reason)",
                ])
            return
        }
        let place = try deadLetters(of: subscription)
        let copy = Epitaph.written(
            on: event.event, reason, attempt: event.attempt, now: Int64(time(nil)) * 1000)
        do throws(BusError) { try await publish([copy], named: place.topic) } catch {
            // It is as large as an event can be: rather without what is written on it.
            guard case .tooLarge = error else { throw error }
            try await publish([event.event], named: place.topic)
        }
    }

    func deadLetters(of subscription: Subscription, limit: Int) async throws(BusError) -> [DeadLetter] {
        try capabilities.require(.deadLetters)
        guard !isClosed else { throw .closed }
        let place = try deadLetters(of: subscription)
        let reader = try undertaker(at: place)
        var seen: [ReceivedEvent] = []
        while seen.count < limit {
            let some = try await reader.receive(limit: limit - seen.count, wait: .seconds(1))
            guard !some.isEmpty else { break }
            seen += some
        }
        try await leave(seen, with: reader, at: place)
        var known: Set<[String]> = []
        return seen.filter { known.insert([$0.event.source, $0.event.id]).inserted }
            .map { Epitaph.read($0.event) }.sorted { $0.time < $1.time }.map(\.letter)
    }

    /// Leaves what was looked at where it is. The service counts looks, and gives up what was looked at too often: before that a new copy takes its place.
    private func leave(
        _ seen: [ReceivedEvent], with reader: EventGridReceiver, at place: EventGridService.Place
    ) async throws(BusError) {
        let worn = seen.filter { $0.attempt >= EventGridSettings.looksMax }
        if !worn.isEmpty { try await publish(worn.map(\.event), named: place.topic) }
        _ = try await reader.settle(
            seen.map {
                Settlement($0.token, $0.attempt >= EventGridSettings.looksMax ? .acknowledge : .release)
            })
    }

    private func undertaker(at place: EventGridService.Place) throws(BusError) -> EventGridReceiver {
        let known = state.withLock { $0.undertakers[place] }
        if let known { return known }
        let subscription = Subscription(
            group: place.subscription, topic: place.topic, prefetch: 10_000, attemptsMax: .max)
        let reader = try admit(EventGridReceiver(subscription, at: place, self))
        return state.withLock { state in
            let first = state.undertakers[place] ?? reader
            state.undertakers[place] = first
            return first
        }
    }
}
