// SPDX-License-Identifier: Apache-2.0

// From an outbox to the broker: publish, then remove. A crash between the two has the same events published again, with the same identities, so that a broker
// that de-duplicates, or a consumer with an inbox, sees each once.

import ApusBus
import CoreMetrics
import Logging
public import ServiceLifecycle

/// Publishes what an outbox holds, in order within each topic, at least once. One relay at a time may work on an outbox.
public struct OutboxRelay<Box: Outbox>: Service {
    private let bus: Bus
    private let outbox: Box
    private let batch: Int
    private let interval: Duration
    private let published: Counter
    private let setAside: Counter
    /// Something was written: look now.
    private let nudges: Nudge

    /// Publishes what an outbox holds.
    ///
    /// - Parameters:
    ///   - bus: where it is published.
    ///   - outbox: what it is read from.
    ///   - batch: how many messages are read at a time.
    ///   - interval: how long to wait before looking again when nothing was there; ``nudge()`` cuts that short.
    public init(bus: Bus, outbox: Box, batch: Int = 256, interval: Duration = .seconds(1)) {
        self.bus = bus
        self.outbox = outbox
        self.batch = max(1, batch)
        self.interval = max(interval, .milliseconds(1))
        published = Counter(label: "apus_client_outbox_published_total")
        setAside = Counter(label: "apus_client_outbox_set_aside_total")
        nudges = Nudge()
    }

    /// Has the relay look now; called after a transaction has committed.
    public func nudge() { nudges.fire() }

    /// Publishes until it is stopped by a graceful shutdown or cancelled.
    public func run() async throws {
        await cancelWhenGracefulShutdown {
            var failures = 0
            while !Task.isCancelled {
                do {
                    let isEmpty = try await step()
                    failures = 0
                    if isEmpty { await pause(interval) }
                } catch is CancellationError {
                    return
                } catch {
                    // The database or the broker is away: what waits, waits.
                    failures += 1
                    let wait = min(Duration.milliseconds(100) * (1 << min(failures, 9)), .seconds(30))
                    bus.logger.warning(
                        "the outbox waits",
                        metadata: ["error": "\(ErrorText.of(error))", "failures": "\(failures)"])
                    await pause(wait)
                }
            }
        }
    }

    private func pause(_ wait: Duration) async {
        let signal = nudges.next()
        await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask { await signal.wait() }
            tasks.addTask { try? await bus.clock.sleep(for: wait) }
            await tasks.next()
            tasks.cancelAll()
        }
    }

    /// Publishes one batch; true when nothing was there.
    func step() async throws -> Bool {
        let entries = try await outbox.pending(limit: batch)
        guard !entries.isEmpty else { return true }
        var topics: [String] = []
        var byTopic: [String: [OutboxEntry]] = [:]
        for entry in entries {
            if byTopic[entry.message.topic] == nil { topics.append(entry.message.topic) }
            byTopic[entry.message.topic, default: []].append(entry)
        }
        // A topic that fails must not hold up the others, and is told of when they are done.
        var failure: (any Error)?
        for topic in topics {
            do { try await publish(byTopic[topic] ?? [], to: topic) } catch { failure = failure ?? error }
        }
        if let failure { throw failure }
        return false
    }

    private func publish(_ entries: [OutboxEntry], to topic: String) async throws {
        do throws(BusError) {
            try await bus.publish(entries.map(\.message.event), to: topic)
            try await done(entries.map(\.number))
        } catch .partial(let outcomes) {
            var failure: BusError?
            var done: [Int64] = []
            for (entry, outcome) in zip(entries, outcomes) {
                switch outcome {
                case .success: done.append(entry.number)
                case .failure(let reason) where reason.isRetryable: failure = .unavailable(reason.reason)
                case .failure(let reason): try await refuse(entry, reason.reason)
                }
            }
            try await self.done(done)
            if let failure { throw failure }
        } catch {
            switch error {
            case .unavailable, .undecided, .closed, .unauthorized, .unknown, .missing, .trimmed, .partial:
                throw error
            case .invalid, .refused, .tooLarge:
                // One of them: which, is found by publishing them one by one, in order.
                guard entries.count > 1 else { return try await refuse(entries[0], error.description) }
                for entry in entries { try await publish([entry], to: topic) }
            }
        }
    }

    private func done(_ numbers: [Int64]) async throws(BusError) {
        guard !numbers.isEmpty else { return }
        do { try await outbox.remove(numbers) } catch {
            throw .undecided("published, and not removed from the outbox: \(ErrorText.of(error))")
        }
        published.increment(by: numbers.count)
    }

    private func refuse(_ entry: OutboxEntry, _ reason: String) async throws {
        bus.logger.error(
            "a message of the outbox is set aside: the broker will not have it",
            metadata: ["number": "\(entry.number)", "topic": "\(entry.message.topic)", "error": "\(reason)"])
        try await outbox.setAside(entry.number, reason: reason)
        setAside.increment()
    }
}
