// SPDX-License-Identifier: Apache-2.0

// A bus for tests of applications: the real engine in memory, on a clock that the test moves. `settle()` returns when there is nothing left to do at the present time, which is
// known and not guessed: nobody sleeps. What was published and what became of it is recorded, and faults can be had on request.

public import ApusBus
import ApusEmbeddedBus
import ApusEngine
import ApusModel
public import CloudEvents
public import Logging
import Synchronization

/// A bus in memory, on a clock moved by hand, that records what happens on it.
public final class TestBus: BusTransport {
    /// Why ``settle()`` gave up.
    public struct NotSettled: Error, CustomStringConvertible {
        /// What is still going on.
        public let description: String
    }

    /// An event that was published by a program; what rules copy and what comes by itself at its time is not among these.
    public struct Published: Sendable {
        /// The event.
        public var event: CloudEvent
        /// Where to.
        public var topic: String
        /// When it is to be published, if not at once.
        public var due: CloudEventTimestamp?
    }

    /// A verdict on an event that was handed out.
    public struct Consumed: Sendable {
        /// The subscription's name, `group.topic`.
        public var subscription: String
        /// The event, and which attempt it was.
        public var event: ReceivedEvent
        /// What became of it.
        public var verdict: Settlement.Verdict
    }

    struct State {
        var published: [Published] = []
        var consumed: [Consumed] = []
        var subscriptions: [String: Subscription] = [:]
        var receivers: [ObjectIdentifier: TestReceiver] = [:]
        var faults = Faults()
        /// Those who wait until nothing happens.
        var resting: [UnsafeContinuation<Void, Never>] = []
        /// How often somebody has begun to make transactions, by id.
        var transactionLives: [String: Int] = [:]
        /// Counts reasons to look whether anything happens.
        var changes: UInt64 = 0
    }

    /// What fails next.
    struct Faults {
        var publishes: [BusError] = []
        var lostVerdicts = 0
        var duplicates = 0
    }

    /// The time on this bus. Moved by ``advance(by:)`` only.
    public let clock: ManualClock
    private let bus: EmbeddedBus
    let state: Shared

    /// What the bus, its receivers and the engine's threads share.
    final class Shared: Sendable {
        let state = Mutex(State())

        /// Something has happened: those who wait for rest look again.
        func changed() {
            let resting = state.withLock { state in
                state.changes &+= 1
                defer { state.resting = [] }
                return state.resting
            }
            for continuation in resting { continuation.resume() }
        }
    }

    /// An empty bus, at the time that `clock` shows.
    ///
    /// - Parameter partitions: how many partitions its topics have.
    public init(
        clock: ManualClock = ManualClock(), partitions: Int = 1,
        logger: Logger = Logger(label: "test-bus") { _ in SwiftLogNoOpLogHandler() }
    ) async throws(BusError) {
        let state = Shared()
        var options = EmbeddedOptions()
        options.clock = clock
        options.partitions = partitions
        options.retentionAge = nil
        options.retentionInterval = .seconds(3600)
        options.onRest = { state.changed() }
        self.clock = clock
        self.state = state
        bus = try await EmbeddedBus.inMemory(options, logger: logger)
    }

    /// As ``BusTransport/capabilities``.
    public var capabilities: Capabilities {
        var capabilities = bus.capabilities
        // Which the real bus has not, since it would have to keep them through a crash.
        capabilities.features.insert(.transactions)
        return capabilities
    }

    /// The present time on this bus.
    public var now: CloudEventTimestamp {
        CloudEventTimestamp(millisecondsSinceEpoch: clock.wall.rawValue)
    }

    // MARK: Time

    /// Returns when nothing is left to do at the present time: no event waits for a receiver that is open, none is being handled, nothing is
    /// due. Retries and delayed events that are due later wait for ``advance(by:)``.
    ///
    /// A receiver that is open and does not receive keeps it from returning, as long as there are events for it: this is for consumers that run. Who receives by
    /// hand moves the clock with ``moveClock(by:)`` and receives.
    ///
    /// - Parameter patience: after how much real time to give up.
    /// - Throws: ``NotSettled`` with what is still going on.
    public func settle(patience: Duration = .seconds(30)) async throws {
        let alarm = Task { [state] in
            try await Task.sleep(for: patience)
            state.changed()
        }
        defer { alarm.cancel() }
        let deadline = ContinuousClock.now + patience
        while true {
            let changes = state.state.withLock(\.changes)
            // Whatever happened meanwhile may have been between two looks.
            if isAtRest, state.state.withLock({ $0.changes == changes }) { return }
            guard ContinuousClock.now < deadline, !Task.isCancelled else { throw unsettled() }
            await change(since: changes)
        }
    }

    private var isAtRest: Bool {
        state.state.withLock { Array($0.receivers.values) }.allSatisfy { !$0.hasCopies } && bus.isAtRest
    }

    /// Waits for a change; returns at once if there was one meanwhile.
    func change(since changes: UInt64) async {
        await withTaskCancellationHandler {
            await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
                let isOver = state.state.withLock { state in
                    guard state.changes == changes, !Task.isCancelled else { return true }
                    state.resting.append(continuation)
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: { [state] in
            state.changed()
        }
    }

    private func unsettled() -> NotSettled {
        let held = state.state.withLock { state in
            state.receivers.values.flatMap { receiver in
                receiver.held.map { "\($0.event.type) '\($0.event.id)' of \(receiver.subscription.name)" }
            }
        }
        guard held.isEmpty else {
            return NotSettled(
                description: "still being handled: \(held.sorted().prefix(10).joined(separator: ", "))")
        }
        return NotSettled(
            description: "events wait for a receiver that is open and does not receive, or come without end")
    }

    /// Lets time pass, and everything happen that is due meanwhile, each at its time: a retry that fails once more and is due again within `duration`
    /// comes again. Returns when everything is settled at the new time.
    ///
    /// A handler that itself waits for the clock of this bus would wait for ever: move the clock with ``moveClock(by:)`` then.
    ///
    /// - Throws: ``NotSettled`` as ``settle(patience:)``.
    public func advance(by duration: Duration, patience: Duration = .seconds(30)) async throws {
        try await settle(patience: patience)
        let target = clock.now + max(.zero, duration)
        while let next = bus.engine.nextDeadline, next <= target {
            moveClock(by: max(.zero, next - clock.now))
            try await settle(patience: patience)
        }
        moveClock(by: target - clock.now)
        try await settle(patience: patience)
    }

    /// Lets time pass in one step, and waits for nothing.
    public func moveClock(by duration: Duration) {
        clock.advance(by: duration)
        bus.engine.clockMoved()
        state.changed()
    }

    // MARK: What has happened

    /// What was published so far, in order; only to `topic` if given.
    public func published(to topic: String? = nil) -> [Published] {
        state.state.withLock { $0.published.filter { topic == nil || $0.topic == topic } }
    }

    /// The verdicts so far that counted, in order; only of the subscription `group.topic` if given.
    public func consumed(by subscription: String? = nil) -> [Consumed] {
        state.state.withLock { $0.consumed.filter { subscription == nil || $0.subscription == subscription } }
    }

    /// What was given up so far, by whom: by the consumer, and by the bus after the last attempt. Only of the subscription `group.topic` if given.
    public func deadLettered(
        by subscription: String? = nil
    ) async throws(BusError) -> [(subscription: String, letter: ApusBus.DeadLetter)] {
        let subscriptions = state.state.withLock { state in
            state.subscriptions.values.filter { subscription == nil || $0.name == subscription }
        }
        var found: [(String, ApusBus.DeadLetter)] = []
        for subscription in subscriptions.sorted(by: { $0.name < $1.name }) {
            let letters = try await bus.deadLetters(of: subscription, limit: .max)
            found += letters.map { (subscription.name, $0) }
        }
        return found
    }

    /// Forgets what has happened so far.
    public func forgetHistory() {
        state.state.withLock { ($0.published, $0.consumed) = ([], []) }
    }

    // MARK: Faults

    /// Makes the next `count` calls of publish fail with `error`; nothing of them is published.
    public func failPublishes(_ count: Int = 1, with error: BusError = .unavailable("the test says so")) {
        state.state.withLock { $0.faults.publishes += Array(repeating: error, count: count) }
    }

    /// Loses the next `count` verdicts: they are answered with ``SettleResult/expired``, and their events come again when their leases end.
    public func loseVerdicts(_ count: Int = 1) {
        state.state.withLock { $0.faults.lostVerdicts += count }
    }

    /// Hands out the next `count` events twice, as brokers do that promise at least once.
    public func duplicateDeliveries(_ count: Int = 1) {
        state.state.withLock { $0.faults.duplicates += count }
    }

    /// Ends the leases of everything that is being handled now: it comes again, counted, and the verdicts on it will be answered with
    /// ``SettleResult/expired``.
    public func expireLeases() async throws(BusError) {
        for receiver in state.state.withLock({ Array($0.receivers.values) }) {
            try await receiver.expireLeases()
        }
    }

    // MARK: As any bus

    /// As ``BusTransport/publish(_:to:)``.
    public func publish(_ events: [CloudEvent], to topic: String) async throws(BusError) -> [Receipt] {
        try takeFault()
        return try await publishUnfailing(events, to: topic)
    }

    func publishUnfailing(_ events: [CloudEvent], to topic: String) async throws(BusError) -> [Receipt] {
        let receipts = try await bus.publish(events, to: topic)
        state.state.withLock { $0.published += events.map { Published(event: $0, topic: topic, due: nil) } }
        state.changed()
        return receipts
    }

    /// As ``BusTransport/publish(_:to:at:)``, by the clock of this bus.
    public func publish(
        _ events: [CloudEvent], to topic: String, at time: CloudEventTimestamp
    ) async throws(BusError) -> [Receipt] {
        try takeFault()
        let receipts = try await bus.publish(events, to: topic, at: time)
        state.state.withLock { $0.published += events.map { Published(event: $0, topic: topic, due: time) } }
        state.changed()
        return receipts
    }

    func takeFault() throws(BusError) {
        let fault = state.state.withLock { state in
            state.faults.publishes.isEmpty ? nil : state.faults.publishes.removeFirst()
        }
        if let fault { throw fault }
    }

    /// As ``BusTransport/cancel(_:)``.
    public func cancel(_ scheduleID: String) async throws(BusError) -> Bool {
        try await bus.cancel(scheduleID)
    }

    /// As ``BusTransport/subscribe(_:)``.
    public func subscribe(_ subscription: Subscription) async throws(BusError) -> any Receiver {
        let receiver = TestReceiver(try await bus.subscribe(subscription), subscription, state)
        state.state.withLock { state in
            state.subscriptions[subscription.name] = subscription
            state.receivers[ObjectIdentifier(receiver)] = receiver
        }
        state.changed()
        return receiver
    }

    /// As ``BusTransport/unsubscribe(_:)``.
    public func unsubscribe(_ subscription: Subscription) async throws(BusError) {
        try await bus.unsubscribe(subscription)
    }

    /// As ``BusTransport/deadLetters(of:limit:)``.
    public func deadLetters(
        of subscription: Subscription, limit: Int
    ) async throws(BusError) -> [ApusBus.DeadLetter] {
        try await bus.deadLetters(of: subscription, limit: limit)
    }

    /// As ``BusTransport/replay(_:from:pattern:)``.
    public func replay(
        _ topic: String, from start: ReplayStart, pattern: String?
    ) async throws(BusError) -> any ReplayReader {
        try await bus.replay(topic, from: start, pattern: pattern)
    }

    /// As ``BusTransport/putRule(_:)``.
    public func putRule(_ rule: Rule) async throws(BusError) { try await bus.putRule(rule) }
    /// As ``BusTransport/deleteRule(_:)``.
    public func deleteRule(_ name: String) async throws(BusError) { try await bus.deleteRule(name) }
    /// As ``BusTransport/putSchedule(_:)``.
    public func putSchedule(_ schedule: RecurringEvent) async throws(BusError) {
        try await bus.putSchedule(schedule)
    }
    /// As ``BusTransport/deleteSchedule(_:)``.
    public func deleteSchedule(_ name: String) async throws(BusError) { try await bus.deleteSchedule(name) }

    /// As ``BusTransport/close()``.
    public func close() async {
        await bus.close()
        state.changed()
    }
}
