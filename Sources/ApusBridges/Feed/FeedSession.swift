// SPDX-License-Identifier: Apache-2.0

// One stretch of a feed's work, from opening its source until it is lost or somebody wants it to end. Events are published in the order in which they come, several batches
// under way at a time, and each is settled at its source only when it is as durable here as its topic promises. Whatever ends a stretch, an event is still at its source,
// or here, or both.

import ApusBus
import ApusEngine
import ApusModel
import CloudEvents
import Logging
import Synchronization

/// What a feed's stretch of work tells of itself.
protocol FeedWatcher: Sendable {
    /// The source is open; its receiver can say if it is not reached for a time.
    func opened(_ receiver: any Receiver)
    func received(_ events: [ReceivedEvent])
    func published(_ receipts: [PublishReceipt])
    func refused(_ reason: String)
    /// Events cannot be published for now; nil when they can again.
    func blocked(_ reason: String?)
}

/// One stretch of a feed's work.
struct FeedSession: Sendable {
    /// How many batches are being published at the same time.
    private static let batchesMax = 8
    /// How long to wait for events before it is looked whether somebody wants something else.
    private static let receiveWait = Duration.seconds(10)
    /// How often a verdict is tried that the source could not take.
    private static let settleTries = 3

    var feed: ResourceName
    var settings: FeedSettings
    var broker: any Broker & BridgeRegistry
    var watcher: any FeedWatcher
    var logger: Logger

    /// The subscription at the source.
    var subscription: Subscription {
        var subscription = Subscription(group: "", topic: "")
        switch settings.source {
        case .topic(let topic, let group): (subscription.topic, subscription.group) = (topic, group)
        case .queue(let queue):
            (subscription.topic, subscription.group) = (queue, Defaults.feedGroup)
            subscription.queue = queue
        }
        subscription.prefetch = settings.prefetch
        subscription.lease = Defaults.feedLease
        // Brokers count what was sent ahead to a server that then died; none of those events is to blame.
        subscription.attemptsMax = 1000
        subscription.start = settings.start == .earliest ? .earliest : .latest
        return subscription
    }

    /// Takes events until the task is cancelled.
    ///
    /// - Throws: ``BusError`` when the source cannot be opened, or is lost.
    func run(_ transport: any BusTransport) async throws(BusError) {
        let receiver = try await transport.subscribe(subscription)
        watcher.opened(receiver)
        var failure: BusError?
        do throws(BusError) { try await takeEvents(receiver) } catch { failure = error }
        await receiver.close()
        if let failure { throw failure }
    }

    private func takeEvents(_ receiver: any Receiver) async throws(BusError) {
        let limit = max(1, min(settings.prefetch / 2, 256))
        let failure = await withTaskGroup(of: Void.self, returning: BusError?.self) { group in
            var underWay = 0
            while !Task.isCancelled {
                let events: [ReceivedEvent]
                do throws(BusError) {
                    events = try await receiver.receive(limit: limit, wait: Self.receiveWait)
                } catch {
                    // What is held cannot be settled any more, and comes again.
                    group.cancelAll()
                    return error
                }
                guard !events.isEmpty else { continue }
                watcher.received(events)
                for batch in Self.batches(events) {
                    // Begun here, one after the other, so that they are stored in the order in which they came.
                    let begun = begin(batch.filter { $0.problem == nil })
                    if underWay >= Self.batchesMax {
                        await group.next()
                        underWay -= 1
                    }
                    underWay += 1
                    group.addTask { await conclude(batch, begun, receiver) }
                }
            }
            return nil
        }
        if let failure { throw failure }
    }

    /// So much data goes into one append.
    private static let batchBytes = 512 << 10

    private static func batches(_ events: [ReceivedEvent]) -> [[ReceivedEvent]] {
        var batches: [[ReceivedEvent]] = []
        var bytes = 0
        for event in events {
            let size = event.event.data?.bytes.count ?? 0
            if batches.isEmpty || bytes + size > batchBytes {
                batches.append([event])
                bytes = size
            } else {
                batches[batches.count - 1].append(event)
                bytes += size
            }
        }
        return batches
    }

    // MARK: Publish

    private typealias Publishing = Once<Result<[PublishReceipt], BrokerError>>

    private func begin(_ events: [ReceivedEvent]) -> Publishing {
        begin(events.map(\.event), to: settings.into)
    }

    private func begin(_ events: [CloudEvent], to topic: ResourceName) -> Publishing {
        let publishing = Publishing()
        broker.publish(
            events, to: topic, key: nil, by: { [feed] in PublishSource(channel: "feed", client: "\(feed)") }
        ) { publishing.tell($0) }
        return publishing
    }

    private func conclude(
        _ batch: [ReceivedEvent], _ begun: Publishing, _ receiver: any Receiver
    ) async {
        for event in batch {
            if let problem = event.problem { await refuse(event, problem, receiver) }
        }
        let whole = batch.filter { $0.problem == nil }
        guard !whole.isEmpty else { return }
        await conclude(whole, await begun.value(), receiver)
    }

    /// Brings a batch to its end, however often that has to be tried.
    private func conclude(
        _ events: [ReceivedEvent], _ first: Result<[PublishReceipt], BrokerError>, _ receiver: any Receiver
    ) async {
        var (events, result, failures) = (events, first, 0)
        while true {
            let error: BrokerError
            switch result {
            case .success(let receipts):
                if failures > 0 { watcher.blocked(nil) }
                watcher.published(receipts)
                return await settle(events.map { Settlement($0.token, .acknowledge) }, receiver)
            case .failure(let failure): error = failure
            }
            if error.isAboutEvent {
                if failures > 0 { watcher.blocked(nil) }
                guard events.count > 1 else {
                    return await refuse(events[0], "\(error)", logged: error.withoutValues, receiver)
                }
                for event in events {
                    await conclude([event], await begin([event]).value(), receiver)
                }
                return
            }
            if case .partial(let results) = error, results.count == events.count {
                // Those that are stored are done with; the others go on.
                let (stored, left) = Self.divide(events, results)
                watcher.published(results.compactMap { try? $0.get() })
                await settle(stored.map { Settlement($0.token, .acknowledge) }, receiver)
                events = left
                guard !events.isEmpty else { return }
            }
            watcher.blocked("\(error)")
            failures += 1
            guard await hold(events, failures, receiver) else { return watcher.blocked(nil) }
            result = await begin(events).value()
        }
    }

    private static func divide(
        _ events: [ReceivedEvent], _ results: [Result<PublishReceipt, BrokerError.PartialFailure>]
    ) -> (stored: [ReceivedEvent], left: [ReceivedEvent]) {
        var (stored, left): ([ReceivedEvent], [ReceivedEvent]) = ([], [])
        for (event, result) in zip(events, results) {
            if case .success = result { stored.append(event) } else { left.append(event) }
        }
        return (stored, left)
    }

    /// Waits a while with events that cannot be published now, which are kept from others meanwhile: given back they would be counted as tried.
    /// False when somebody wants the feed to end; they then go back.
    private func hold(_ events: [ReceivedEvent], _ failures: Int, _ receiver: any Receiver) async -> Bool {
        let wait = min(Defaults.feedBackoffInitial * (1 << min(failures - 1, 6)), Defaults.feedLease / 4)
        guard (try? await Task.sleep(for: wait)) != nil else { return false }
        // What is lost in spite of it comes again.
        try? await receiver.extend(events.map(\.token), by: Defaults.feedLease)
        return true
    }

    // MARK: Refuse

    /// Gives an event up that cannot be published here: to the topic that is set for it, or to the dead letters of its source.
    ///
    /// - Parameter logged: what the log says instead of the reason, which may quote the event.
    private func refuse(
        _ event: ReceivedEvent, _ reason: String, logged: String? = nil, _ receiver: any Receiver
    ) async {
        logger.warning(
            "a feed gave up an event",
            metadata: [
                "feed": "\(feed)", "event": "\(event.event.id.prefix(200))",
                "reason": "\(logged ?? reason)",
            ])
        watcher.refused(reason)
        if let topic = settings.deadLetter, await bury(event, reason, topic, receiver) {
            return await settle([Settlement(event.token, .acknowledge)], receiver)
        }
        await settle([Settlement(event.token, .deadLetter(reason: reason))], receiver)
    }

    /// Publishes an event to a topic for such events; false when it cannot be there either.
    private func bury(
        _ event: ReceivedEvent, _ reason: String, _ topic: ResourceName, _ receiver: any Receiver
    ) async -> Bool {
        var letter = event.event
        let text = String(
            String.UnicodeScalarView(
                reason.unicodeScalars.filter { $0.properties.generalCategory != .control }.prefix(500)))
        try? letter.extensions.set(FeedLetter.reason, to: .string(text))
        try? letter.extensions.set(FeedLetter.feed, to: .string(feed.description))
        // Where that fails now it is made up for by the next one, with which this one is there, too.
        try? await broker.keepDeadLetters(in: topic)
        var failures = 0
        while true {
            switch await begin([letter], to: topic).value() {
            case .success:
                if failures > 0 { watcher.blocked(nil) }
                return true
            case .failure(let error):
                if error.isAboutEvent {
                    if failures > 0 { watcher.blocked(nil) }
                    return false
                }
                watcher.blocked("\(error)")
                failures += 1
                guard await hold([event], failures, receiver) else {
                    watcher.blocked(nil)
                    return false
                }
            }
        }
    }

    // MARK: Settle

    /// In a task of its own, because what is stored here is to be settled even when the feed is to end.
    private func settle(_ settlements: [Settlement], _ receiver: any Receiver) async {
        await Task { await trySettling(settlements, receiver) }.value
    }

    private func trySettling(_ settlements: [Settlement], _ receiver: any Receiver) async {
        for attempt in 1...Self.settleTries {
            do throws(BusError) {
                _ = try await receiver.settle(settlements)
                return
            } catch {
                // What cannot be settled comes again: it is here twice then, and known by its source and id.
                logger.debug(
                    "a feed could not settle events, which come again",
                    metadata: ["feed": "\(feed)", "events": "\(settlements.count)", "reason": "\(error)"])
                guard error.isRetryable, attempt < Self.settleTries,
                    (try? await Task.sleep(for: .milliseconds(250 * attempt))) != nil
                else { return }
            }
        }
    }
}

extension BrokerError {
    /// Whether it says that this event will never be stored, whatever becomes of the server.
    var isAboutEvent: Bool {
        switch self {
        case .invalid, .tooLarge, .conflict, .violations: true
        default: false
        }
    }

    /// What it says without what it may quote of an event: schemas tell which value they do not accept.
    fileprivate var withoutValues: String? {
        guard case .violations = self else { return nil }
        return "its topic's schema does not accept it"
    }
}
