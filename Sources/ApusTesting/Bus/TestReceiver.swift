// SPDX-License-Identifier: Apache-2.0

// A receiver of a TestBus: takes down what becomes of events, and has the faults happen that were asked for.

import ApusBus
import ApusEmbeddedBus
import Synchronization

/// A receiver that records, and can lose and repeat.
final class TestReceiver: Receiver {
    private struct State {
        /// Handed out and not settled.
        var held: [DeliveryToken: ReceivedEvent] = [:]
        /// To be handed out once more.
        var repeated: [ReceivedEvent] = []
        var lastCopy: UInt64 = 0
    }

    /// The session of tokens of repeated events, which no broker knows.
    private static let copies = UInt64.max

    let subscription: Subscription
    private let receiver: any Receiver
    private let bus: TestBus.Shared
    private let state = Mutex(State())

    init(_ receiver: any Receiver, _ subscription: Subscription, _ bus: TestBus.Shared) {
        self.receiver = receiver
        self.subscription = subscription
        self.bus = bus
    }

    /// Whether an event that was repeated is on its way or being handled; of the others the bus knows.
    var hasCopies: Bool {
        state.withLock { state in
            !state.repeated.isEmpty
                || state.held.keys.contains {
                    if case .number(_, session: TestReceiver.copies) = $0 { true } else { false }
                }
        }
    }

    /// Whether a verdict on an event would count; one that is to be lost does not.
    func holds(_ token: DeliveryToken) -> Bool {
        state.withLock { $0.held[token] != nil } && bus.state.withLock { $0.faults.lostVerdicts == 0 }
    }

    /// What is being handled.
    var held: [ReceivedEvent] { state.withLock { Array($0.held.values) } }

    func receive(limit: Int, wait: Duration) async throws(BusError) -> [ReceivedEvent] {
        let repeated = state.withLock { state in
            let some = Array(state.repeated.prefix(max(1, limit)))
            state.repeated.removeFirst(some.count)
            return some
        }
        guard repeated.isEmpty else { return repeated }
        let events = try await receiver.receive(limit: limit, wait: wait)
        let copied = bus.state.withLock { bus in
            let count = min(bus.faults.duplicates, events.count)
            bus.faults.duplicates -= count
            return count
        }
        state.withLock { state in
            for event in events { state.held[event.token] = event }
            for var copy in events.prefix(copied) {
                state.lastCopy += 1
                copy.token = .number(state.lastCopy, session: TestReceiver.copies)
                state.held[copy.token] = copy
                state.repeated.append(copy)
            }
        }
        return events
    }

    func settle(_ settlements: [Settlement]) async throws(BusError) -> [SettleResult] {
        var results = Array(repeating: SettleResult.expired, count: settlements.count)
        var real: [(index: Int, settlement: Settlement)] = []
        var consumed: [TestBus.Consumed] = []
        for (index, settlement) in settlements.enumerated() {
            if case .number(_, session: TestReceiver.copies) = settlement.token {
                // The broker knows of one event only, whose verdict counts.
                if let event = forget(settlement.token) {
                    results[index] = .settled
                    consumed.append(consume(event, settlement))
                }
            } else if takeLoss() {
                _ = forget(settlement.token)
                (receiver as? EmbeddedReceiver)?.abandon(settlement.token)
            } else {
                real.append((index, settlement))
            }
        }
        let answers = real.isEmpty ? [] : try await receiver.settle(real.map(\.settlement))
        for (entry, answer) in zip(real, answers) {
            results[entry.index] = answer
            guard let event = forget(entry.settlement.token), answer == .settled else { continue }
            consumed.append(consume(event, entry.settlement))
        }
        bus.state.withLock { $0.consumed += consumed }
        bus.changed()
        return results
    }

    private func consume(_ event: ReceivedEvent, _ settlement: Settlement) -> TestBus.Consumed {
        TestBus.Consumed(subscription: subscription.name, event: event, verdict: settlement.verdict)
    }

    private func forget(_ token: DeliveryToken) -> ReceivedEvent? {
        state.withLock { $0.held.removeValue(forKey: token) }
    }

    private func takeLoss() -> Bool {
        bus.state.withLock { bus in
            guard bus.faults.lostVerdicts > 0 else { return false }
            bus.faults.lostVerdicts -= 1
            return true
        }
    }

    func extend(_ tokens: [DeliveryToken], by duration: Duration) async throws(BusError) {
        try await receiver.extend(tokens, by: duration)
    }

    /// Ends the leases of what is held.
    func expireLeases() async throws(BusError) {
        let tokens = state.withLock { state in
            defer { (state.held, state.repeated) = ([:], []) }
            return Array(state.held.keys)
        }
        let reason = "the consumer's lease ran out"
        _ = try await receiver.settle(tokens.map { Settlement($0, .retry(after: .zero, reason: reason)) })
        bus.changed()
    }

    func close() async {
        await receiver.close()
        bus.state.withLock { $0.receivers[ObjectIdentifier(self)] = nil }
        bus.changed()
    }
}
