// SPDX-License-Identifier: Apache-2.0

// One topic being consumed. Four kinds of task share a queue: one receives, some handle, one settles, one keeps leases. They end in that order: receiving at
// once, handling when it is done or its time is over, settling when everything was told.

import ApusBus
import CoreMetrics
import Logging
import Synchronization

/// The consumption of one topic, from the opened subscription to its end.
///
/// One object, and no value: each of its tasks, and each closure around a handler, would have a copy of all that it holds.
final class TopicRun: Sendable {
    let bus: Bus
    let group: String
    let options: ConsumerOptions
    let plan: TopicPlan
    let receiver: any Receiver
    /// Where acknowledging and publishing are one step.
    let desk: TransactionDesk?
    /// Somebody asked for the end.
    let stopping: Signal
    let queue: ConsumerQueue
    let batches: [BatchGatherer]
    let metrics: ConsumerMetrics
    let logger: Logger
    /// Why the broker will never hand out anything again.
    private let failure = Mutex<BusError?>(nil)

    let clock: any BusClock
    /// Whether somebody makes spans.
    let isTracing: Bool
    var topic: String { plan.subscription.topic }

    init(
        consumer: Consumer, plan: TopicPlan, receiver: any Receiver, desk: TransactionDesk?, stopping: Signal
    ) {
        self.desk = desk
        bus = consumer.bus
        clock = consumer.bus.clock
        isTracing = consumer.bus.telemetry.tracer != nil
        group = consumer.group
        options = consumer.options
        self.plan = plan
        self.receiver = receiver
        self.stopping = stopping
        queue = ConsumerQueue(prefetch: plan.subscription.prefetch)
        batches = plan.batches.map { BatchGatherer(size: $0.size, linger: $0.linger) }
        metrics = ConsumerMetrics(group: consumer.group, topic: plan.subscription.topic)
        var logger = consumer.bus.logger
        logger[metadataKey: "group"] = "\(consumer.group)"
        logger[metadataKey: "topic"] = "\(plan.subscription.topic)"
        self.logger = logger
    }

    func run() async throws {
        // Verdicts are told even if this task is cancelled: work that was done must not come again for nothing.
        let settling = Task {
            if let desk { await self.settle(with: desk) } else { await self.settle() }
        }
        let keeping = Task { await self.keepLeases() }
        let over = Signal()
        let handling = Task {
            defer { over.fire() }
            return await self.handle(until: over)
        }
        await withTaskCancellationHandler {
            // Not this task's own wait, which would end with its cancellation: handlers have some time even then.
            await Task { await over.wait() }.value
        } onCancel: {
            handling.cancel()
        }
        queue.finish()
        await settling.value
        keeping.cancel()
        await keeping.value
        await Task { await self.receiver.close() }.value
        if let failure = failure.withLock(\.self) { throw failure }
        try Task.checkCancellation()
    }

    /// Receives and handles until the end. Handlers that go on although they were cancelled are left alone after a while, with `over` told: nothing that they
    /// do counts any more.
    private func handle(until over: Signal) async {
        var patience: Task<Void, Never>?
        await withTaskGroup(of: Ended.self) { tasks in
            tasks.addTask { await self.receive() }
            tasks.addTask { await self.overstayed() }
            for _ in 0..<options.concurrency {
                tasks.addTask {
                    await self.work()
                    return .worker
                }
            }
            for (index, gatherer) in batches.enumerated() {
                tasks.addTask {
                    await self.handleBatches(self.plan.batches[index], gatherer)
                    return .worker
                }
            }
            var workers = options.concurrency + batches.count
            while workers > 0, let ended = await tasks.next() {
                switch ended {
                case .worker: workers -= 1
                case .receiver(let error):
                    failure.withLock { $0 = error }
                    // Without a source there is nothing to wait for.
                    drain()
                case .grace:
                    tasks.cancelAll()
                    patience = Task { await self.leaveHandlers(over) }
                }
            }
            tasks.cancelAll()
        }
        patience?.cancel()
    }

    private func leaveHandlers(_ over: Signal) async {
        do { try await clock.sleep(for: Self.cancellationPatience) } catch { return }
        guard !over.hasHappened else { return }
        logger.error(
            "handlers go on although they were cancelled: they are left alone, and their events come again",
            metadata: ["patience": "\(Self.cancellationPatience)"])
        over.fire()
    }

    private enum Ended: Sendable {
        case worker
        case receiver(BusError?)
        case grace
    }

    private func drain() {
        queue.drain()
        for batch in batches { batch.drain() }
    }

    // MARK: Receiving

    /// Receives until it is time to end.
    private func receive() async -> Ended {
        let outcome = await withTaskGroup(of: Ended?.self) { tasks in
            tasks.addTask { .receiver(await self.receiveEvents()) }
            tasks.addTask {
                await self.stopping.wait()
                // Who receives may wait for room that only handlers can make: it is told, too.
                self.drain()
                return nil
            }
            let first = await tasks.next() ?? nil
            tasks.cancelAll()
            return first
        }
        // Whoever receives at this moment hands in what it got, which is then given back.
        drain()
        return outcome ?? .receiver(nil)
    }

    private func receiveEvents() async -> BusError? {
        var failures = 0
        while !Task.isCancelled, !stopping.hasHappened {
            let room = await queue.room()
            guard room > 0 else { return nil }
            do throws(BusError) {
                var events = try await receiver.receive(limit: room, wait: Self.receiveWait)
                failures = 0
                var contexts: [EventContext] = []
                contexts.reserveCapacity(events.count)
                // Moved and not copied, which would count references to all that an event has.
                while let event = events.popLast() {
                    contexts.append(EventContext(event, group: group, bus: bus, stopping: stopping))
                }
                queue.offer(reversed: contexts)
                metrics.inFlight.record(queue.unsettled)
            } catch .closed {
                return Task.isCancelled || stopping.hasHappened ? nil : .closed
            } catch {
                guard error.isRetryable else { return error }
                failures += 1
                logger.warning(
                    "receiving failed", metadata: ["error": "\(error)", "failures": "\(failures)"])
                let wait = min(Duration.milliseconds(100) * (1 << min(failures, 10)), .seconds(30))
                do { try await clock.sleep(for: wait) } catch { return nil }
            }
        }
        return nil
    }

    /// How long one call for events waits: short enough for connections that went silently to be noticed.
    static let receiveWait = Duration.seconds(20)

    // MARK: The end

    /// Ends when handlers have had their time after a stop.
    private func overstayed() async -> Ended {
        await stopping.wait()
        guard !Task.isCancelled else { return .grace }
        do {
            try await clock.sleep(for: options.grace)
            logger.warning(
                "handlers are cancelled: they did not end in time", metadata: ["grace": "\(options.grace)"])
        } catch {
            // Cancelled: everything ended before.
        }
        return .grace
    }
}
