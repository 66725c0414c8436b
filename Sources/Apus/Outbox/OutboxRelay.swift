// SPDX-License-Identifier: Apache-2.0

// From an outbox to the broker: publish, then remove. A crash between the two has the same events published again, with the same identities, so that a broker
// that de-duplicates, or a consumer with an inbox, sees each once.

import ApusBus
import CoreMetrics
import Logging
public import ServiceLifecycle

/// Publishes what an outbox holds, in order within each topic, at least once. One relay at a time may work on an outbox.
///
/// A topic that fails is tried again by itself, after a wait that grows to 30 s, and does not hold up the others. Where the broker keeps order by key
/// (``Feature/orderByKey``), no message is published before an earlier one of its topic and key was published or set aside: where a broker might take the
/// later one of two that it gets together (``Capabilities/keepsOrderInBatches``), they are published one after the other. All else is published as many at a time as were read; of those the broker may take some and not others, and what it did not take then
/// comes after what it took.
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
            var held = HeldTopics()
            var failures = 0
            while !Task.isCancelled {
                do {
                    let isEmpty = try await step(&held)
                    failures = 0
                    guard isEmpty else { continue }
                    await pause(min(interval, held.wait(at: bus.clock.uptime) ?? interval))
                } catch is CancellationError {
                    return
                } catch {
                    // The database is away, or everything is: what waits, waits.
                    failures += 1
                    bus.logger.warning(
                        "the outbox waits",
                        metadata: ["error": "\(ErrorText.of(error))", "failures": "\(failures)"])
                    await pause(HeldTopics.backoff(failures))
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

    /// Publishes one batch; true when nothing was there but for topics that are left alone.
    ///
    /// - Parameter held: topics that failed; those that fail now are among them afterwards.
    /// - Throws: when the outbox cannot be read, or too many topics have failed.
    func step(_ held: inout HeldTopics) async throws -> Bool {
        let names = held.names(at: bus.clock.uptime)
        // Read past the topics that are left alone: there may be more of their messages than are read at a time.
        let entries =
            names.isEmpty
            ? try await outbox.pending(limit: batch)
            : try await outbox.pending(limit: batch, excluding: names)
        guard !entries.isEmpty else { return true }
        var topics: [String] = []
        var byTopic: [String: [OutboxEntry]] = [:]
        for entry in entries {
            if byTopic[entry.message.topic] == nil { topics.append(entry.message.topic) }
            byTopic[entry.message.topic, default: []].append(entry)
        }
        for topic in topics {
            do {
                try await publish(byTopic[topic] ?? [], to: topic)
                held.release(topic)
            } catch {
                guard !Task.isCancelled, let failures = held.hold(topic, at: bus.clock.uptime) else {
                    throw error
                }
                bus.logger.warning(
                    "a topic of the outbox waits",
                    metadata: [
                        "topic": "\(topic)", "error": "\(ErrorText.of(error))", "failures": "\(failures)",
                    ])
            }
        }
        return false
    }

    private func publish(_ entries: [OutboxEntry], to topic: String) async throws {
        let capabilities = bus.capabilities
        let isDivided = capabilities.features.contains(.orderByKey) && !capabilities.keepsOrderInBatches
        var published: [Int64] = []
        var failure: (any Error)?
        do {
            for run in isDivided ? Self.runs(entries) : [entries] {
                try await publish(run, to: topic, &published)
            }
        } catch { failure = error }
        try await done(published)
        if let failure { throw failure }
    }

    /// Divides messages, in order, so that no part has two of one key: whichever of a part the broker takes, none was ahead of its turn.
    static func runs(_ entries: [OutboxEntry]) -> [[OutboxEntry]] {
        var runs: [[OutboxEntry]] = []
        var run: [OutboxEntry] = []
        var keys = Set<String>()
        for entry in entries {
            // What has no key is in order with nothing.
            if let key = entry.message.event.extensions[.partitionKey], !keys.insert(key).inserted {
                runs.append(run)
                (run, keys) = ([], [key])
            }
            run.append(entry)
        }
        if !run.isEmpty { runs.append(run) }
        return runs
    }

    /// Publishes a part of a topic's messages, and notes which are.
    private func publish(
        _ entries: [OutboxEntry], to topic: String, _ published: inout [Int64]
    ) async throws {
        do throws(BusError) {
            try await bus.publish(entries.map(\.message.event), to: topic)
            published += entries.map(\.number)
        } catch .partial(let outcomes) {
            var failure: BusError?
            for (entry, outcome) in zip(entries, outcomes) {
                switch outcome {
                case .success: published.append(entry.number)
                case .failure(let reason) where reason.isRetryable: failure = .unavailable(reason.reason)
                case .failure(let reason): try await refuse(entry, reason.reason)
                }
            }
            if let failure { throw failure }
        } catch {
            switch error {
            case .unavailable, .undecided, .closed, .unauthorized, .unknown, .missing, .trimmed, .partial:
                throw error
            case .invalid, .refused, .tooLarge:
                // One of them: which, is found by publishing them one by one, in order.
                guard entries.count > 1 else { return try await refuse(entries[0], error.description) }
                for entry in entries { try await publish([entry], to: topic, &published) }
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
