// SPDX-License-Identifier: Apache-2.0

// One open subscription of a server: long polls, one at a time, never for more than may be handed out.

import ApusBus
import ApusClient
import CloudEvents
import Synchronization

/// One open subscription.
final class ServerReceiver: Receiver {
    /// The longest that the server waits in one request.
    private static let waitMax = Duration.seconds(30)
    /// The most events of one answer, and verdicts of one request.
    private static let answerMax = 1_000

    private struct State {
        var outstanding: Set<DeliveryToken> = []
        var asked = 0
        var isClosed = false
        /// Questions that wait for an answer, by number.
        var questions: [Int: Task<[Delivery], any Error>] = [:]
        var nextQuestion = 0
    }

    private let bus: ServerBus
    private let subscription: Subscription
    private let name: String
    private let state = Mutex(State())
    /// Rings when there is room again, or the end.
    private let bell = Bell()

    init(_ bus: ServerBus, _ subscription: Subscription, _ name: String) {
        self.bus = bus
        self.subscription = subscription
        self.name = name
    }

    // MARK: Receive

    func receive(limit: Int, wait: Duration) async throws(BusError) -> [ReceivedEvent] {
        let end = ContinuousClock.now + max(.zero, wait)
        while true {
            try bus.checkOpen()
            let rings = bell.rings
            let room = try reserve(max(1, limit))
            let left = max(Duration.zero, ContinuousClock.now.duration(to: end))
            guard room > 0 else {
                // All that may be handed out is: only verdicts make room.
                guard left > .zero, !Task.isCancelled else { return [] }
                await bell.wait(since: rings, atMost: left)
                continue
            }
            let deliveries = try await ask(room, wait: min(left, Self.waitMax))
            var events: [ReceivedEvent] = []
            for delivery in deliveries { events.append(try received(delivery)) }
            if !events.isEmpty || Task.isCancelled || ContinuousClock.now >= end { return events }
        }
    }

    private func reserve(_ limit: Int) throws(BusError) -> Int {
        let room: Int? = state.withLock { state in
            guard !state.isClosed else { return nil }
            let free = subscription.prefetch - state.outstanding.count - state.asked
            let room = max(0, min(limit, free, Self.answerMax))
            state.asked += room
            return room
        }
        guard let room else { throw .closed }
        return room
    }

    /// Asks the server, in a task that closing ends.
    private func ask(_ room: Int, wait: Duration) async throws(BusError) -> [Delivery] {
        let (client, name) = (bus.client, name)
        let task = Task { try await client.receive(name, max: room, wait: wait) }
        let number = state.withLock { state -> Int? in
            guard !state.isClosed else { return nil }
            state.nextQuestion += 1
            state.questions[state.nextQuestion] = task
            return state.nextQuestion
        }
        if number == nil { task.cancel() }
        let result = await withTaskCancellationHandler {
            await task.result
        } onCancel: {
            task.cancel()
        }
        let isClosed = state.withLock { state in
            state.asked -= room
            if let number { state.questions[number] = nil }
            // In one step with the above: in between, another call would find more room than there is.
            if !state.isClosed, case .success(let deliveries) = result {
                for delivery in deliveries { state.outstanding.insert(.text(delivery.lease)) }
            }
            return state.isClosed
        }
        bell.ring()
        switch result {
        case .success(let deliveries) where !isClosed: return deliveries
        case .success(let deliveries):
            // Handed out to nobody.
            await release(deliveries.map(\.lease))
            throw .closed
        case .failure(let error):
            if isClosed { throw .closed }
            try bus.checkOpen()
            if Task.isCancelled { return [] }
            guard let error = error as? ApusClientError else { throw .unavailable("\(error)") }
            throw BusError(error, publishing: false)
        }
    }

    private func received(_ delivery: Delivery) throws(BusError) -> ReceivedEvent {
        let stored = delivery.stored
        return ReceivedEvent(
            event: try bus.event(stored), topic: subscription.topic, partition: stored.partition,
            offset: stored.offset, publishedAt: CloudEventTimestamp(stored.time), attempt: delivery.attempt,
            token: .text(delivery.lease))
    }

    // MARK: Settle

    func settle(_ settlements: [Settlement]) async throws(BusError) -> [ApusBus.SettleResult] {
        var results = [ApusBus.SettleResult](repeating: .expired, count: settlements.count)
        // One request for all that are to become the same.
        var groups: [Settlement.Verdict: [(index: Int, lease: String)]] = [:]
        for (index, settlement) in settlements.enumerated() {
            guard case .text(let lease) = settlement.token else { continue }
            groups[settlement.verdict, default: []].append((index, lease))
        }
        for (verdict, entries) in groups {
            for start in stride(from: 0, to: entries.count, by: Self.answerMax) {
                let part = entries[start..<min(start + Self.answerMax, entries.count)]
                let answers = try await settle(part.map(\.lease), verdict)
                for (entry, answer) in zip(part, answers) where answer.isOK {
                    results[entry.index] = .settled
                }
                state.withLock { state in
                    for entry in part { state.outstanding.remove(.text(entry.lease)) }
                }
                bell.ring()
            }
        }
        return results
    }

    private func settle(
        _ leases: [String], _ verdict: Settlement.Verdict
    ) async throws(BusError) -> [ServerSettleResult] {
        try await bus.call { () async throws(ApusClientError) in
            switch verdict {
            case .acknowledge: try await bus.client.acknowledge(leases, of: name)
            case .retry(let delay, _):
                try await bus.client.release(leases, of: name, delay: max(.zero, delay), counted: true)
            case .release: try await bus.client.release(leases, of: name, counted: false)
            case .deadLetter(let reason): try await bus.client.reject(leases, of: name, reason: reason)
            }
        }
    }

    func extend(_ tokens: [DeliveryToken], by duration: Duration) async throws(BusError) {
        let leases = tokens.compactMap { if case .text(let lease) = $0 { lease } else { nil } }
        guard !leases.isEmpty else { return }
        // A lease that has ended cannot be extended, which its handler learns when it settles.
        _ = try await bus.call { () async throws(ApusClientError) in
            try await bus.client.extend(leases, of: name, lease: duration)
        }
    }

    func close() async {
        let (wasClosed, leases, questions) = state.withLock { state in
            defer { (state.isClosed, state.outstanding) = (true, []) }
            return (state.isClosed, state.outstanding, state.questions.values.map { $0 })
        }
        bell.ring()
        for question in questions { question.cancel() }
        if subscription.isTemporary, !wasClosed, bus.leaveTemporary(name) {
            // What is not deleted now ends by itself when nobody has read it for a while.
            _ = try? await bus.client.deleteSubscription(name)
            return
        }
        await release(leases.compactMap { if case .text(let lease) = $0 { lease } else { nil } })
    }

    private func release(_ leases: [String]) async {
        guard !leases.isEmpty else { return }
        // What cannot be given back comes again when its lease ends.
        _ = try? await bus.client.release(leases, of: name, counted: false)
    }
}
