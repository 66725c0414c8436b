// SPDX-License-Identifier: Apache-2.0

// A feed at work: the machine that says what comes next, the task that does it, and what there is to see of it.

import ApusBus
import ApusEngine
import ApusModel
import CloudEvents
import CoreMetrics
import Logging
import Synchronization

/// A feed at work.
final class FeedRunner: FeedWatcher {
    private struct State {
        var stored: StoredFeed
        var machine: FeedMachine
        /// The stretch of work that is under way.
        var session: Task<Void, Never>?
        /// What is received from, while it is open.
        var receiver: (any Receiver)?
        /// Of the task that waits until something happens.
        var waiter: Once<Void>?
        var since: Timestamp
        var lastFailure: String?
        /// How many batches cannot be published for now.
        var blocked = 0
        var counts = FeedDescription.Counts()
        var lastReceived: Timestamp?
        var lag: Duration?
    }

    private let name: ResourceName
    private let broker: any Broker & BridgeRegistry
    private let connections: Connections
    private let logger: Logger
    private let now: @Sendable () -> Timestamp
    private let state: Mutex<State>
    private let metrics: FeedMetrics
    private let finished = Once<Void>()
    private static let clock = ContinuousClock.now

    init(
        _ stored: StoredFeed, broker: any Broker & BridgeRegistry, connections: Connections, logger: Logger,
        now: @escaping @Sendable () -> Timestamp
    ) {
        name = stored.name
        self.broker = broker
        self.connections = connections
        self.logger = logger
        self.now = now
        metrics = FeedMetrics(stored.name)
        state = Mutex(
            State(
                stored: stored, machine: FeedMachine(isPaused: stored.settings.isPaused), since: now()))
    }

    // MARK: Control

    func start() {
        Task {
            await work()
            finished.tell(())
        }
    }

    /// Goes on with other settings.
    func alter(_ stored: StoredFeed) {
        change { state in
            guard state.stored != stored else { return }
            var (before, after) = (state.stored.settings, stored.settings)
            state.stored = stored
            state.machine.pause(stored.settings.isPaused)
            (before.isPaused, after.isPaused) = (false, false)
            if before != after { state.machine.restart() }
        }
    }

    /// Begins anew, because its connection is another one.
    func restart() { change { $0.machine.restart() } }

    /// Ends, and returns when what was under way is settled or `patience` is over.
    func stop(patience: Duration) async {
        change { $0.machine.end() }
        metrics.remove()
        _ = await within(.now + patience) { [finished] in await finished.value() }
    }

    /// Changes the course; what is under way ends if it is not what is wanted any more.
    private func change(_ body: (inout State) -> Void) {
        let (session, waiter) = state.withLock { state -> (Task<Void, Never>?, Once<Void>?) in
            let before = (state.machine, state.stored)
            body(&state)
            guard before != (state.machine, state.stored) else { return (nil, nil) }
            if state.machine.phase != before.0.phase { state.since = now() }
            defer { state.waiter = nil }
            // A stretch that works goes on as it is only where nothing of it changed.
            return (state.session, state.waiter)
        }
        session?.cancel()
        waiter?.tell(())
    }

    // MARK: Work

    private func monotonic() -> Duration { Self.clock.duration(to: .now) }

    private func work() async {
        while true {
            let step = state.withLock { $0.machine.step(now: monotonic()) }
            switch step {
            case .end: return
            case .rest: await wait(until: nil)
            case .wait(let until): await wait(until: until)
            case .work:
                let session = Task {
                    await self.session()
                    state.withLock { $0.receiver = nil }
                }
                // Whatever changed before this was written down could not cancel it.
                let isWanted = state.withLock { state in
                    state.session = session
                    return state.machine.phase == .connecting
                }
                if !isWanted { session.cancel() }
                await session.value
                state.withLock { $0.session = nil }
            }
        }
    }

    private func wait(until: Duration?) async {
        let waiter = Once<Void>()
        let isNeeded = state.withLock { state -> Bool in
            switch state.machine.phase {
            case .paused where until == nil, .waiting where until != nil:
                state.waiter = waiter
                return true
            default: return false
            }
        }
        guard isNeeded else { return }
        guard let until else { return await waiter.value() }
        _ = await within(Self.clock + until) { await waiter.value() }
        waiter.tell(())
    }

    private func session() async {
        let settings = state.withLock { $0.stored.settings }
        let session = FeedSession(
            feed: name, settings: settings, broker: broker, watcher: self, logger: logger)
        let failure: BusError?
        do throws(BusError) {
            let transport = try await connections.transport(settings.connection)
            guard !Task.isCancelled else { return }
            try await session.run(transport)
            failure = nil
        } catch { failure = error }
        guard let failure, !Task.isCancelled else { return }
        connections.note(settings.connection, failure)
        let isFirst = state.withLock { state in
            state.machine.failed(now: monotonic(), chance: Double.random(in: 0...1))
            state.since = now()
            state.lastFailure = "\(failure)"
            return state.machine.failures == 1
        }
        if isFirst {
            logger.warning(
                "a feed cannot take events for now, and goes on trying",
                metadata: [
                    "feed": "\(name)", "connection": "\(settings.connection)", "reason": "\(failure)",
                ])
        }
    }

    // MARK: What happened

    func opened(_ receiver: any Receiver) {
        state.withLock { state in
            state.machine.opened()
            state.receiver = receiver
            state.since = now()
        }
        logger.info("a feed takes events", metadata: ["feed": "\(name)"])
    }

    func received(_ events: [ReceivedEvent]) {
        metrics.received.increment(by: Int64(events.count))
        state.withLock { state in
            let now = now()
            state.counts.received += UInt64(events.count)
            state.lastReceived = now
            if let time = events.last?.publishedAt {
                state.lag = max(
                    .zero, Timestamp(milliseconds: time.millisecondsSinceEpoch).duration(to: now))
            }
        }
    }

    func published(_ receipts: [PublishReceipt]) {
        let duplicates = receipts.count(where: \.isDuplicate)
        metrics.published.increment(by: Int64(receipts.count - duplicates))
        if duplicates > 0 { metrics.duplicates.increment(by: Int64(duplicates)) }
        state.withLock { state in
            state.machine.progressed()
            state.counts.published += UInt64(receipts.count)
            state.counts.duplicates += UInt64(duplicates)
        }
    }

    func refused(_ reason: String) {
        metrics.refused.increment()
        state.withLock { state in
            state.counts.refused += 1
            state.lastFailure = reason
        }
    }

    func blocked(_ reason: String?) {
        let isFirst = state.withLock { state -> Bool in
            guard let reason else {
                state.blocked = max(0, state.blocked - 1)
                return false
            }
            state.lastFailure = reason
            return state.blocked == 0
        }
        guard let reason, isFirst else { return }
        logger.warning(
            "a feed holds events that cannot be published for now",
            metadata: ["feed": "\(name)", "reason": "\(reason)"])
    }

    /// The feed as it stands.
    var description: FeedDescription {
        // Asked of the receiver without the lock: it has one of its own.
        let outage = state.withLock(\.receiver)?.outage
        return state.withLock { state in
            let phase: FeedDescription.State =
                switch state.machine.phase {
                case .paused, .ended: .paused
                case .connecting: .connecting
                case .running: state.blocked > 0 ? .blocked : .running
                case .waiting: .waiting
                }
            // Its transport reaches for the broker again by itself: for whoever looks that is the same as if the feed did.
            let lacks = phase == .running ? outage : nil
            let since = lacks.map { now().advanced(by: $0.since - .now) }
            return FeedDescription(
                stored: state.stored, state: lacks == nil ? phase : .waiting, since: since ?? state.since,
                lastFailure: lacks?.reason ?? state.lastFailure,
                counts: state.counts, lastReceived: state.lastReceived, lag: state.lag)
        }
    }
}

/// What is counted of a feed.
private struct FeedMetrics: Sendable {
    let received: Counter
    let published: Counter
    let duplicates: Counter
    let refused: Counter

    init(_ name: ResourceName) {
        func counter(_ outcome: String) -> Counter {
            Counter(
                label: "apus_feed_events_total", dimensions: [("feed", "\(name)"), ("outcome", outcome)])
        }
        received = Counter(label: "apus_feed_received_total", dimensions: [("feed", "\(name)")])
        published = counter("published")
        duplicates = counter("duplicate")
        refused = counter("refused")
    }

    /// Takes the series out of the exposition.
    func remove() {
        for counter in [received, published, duplicates, refused] { counter.destroy() }
    }
}
