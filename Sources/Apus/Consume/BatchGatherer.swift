// SPDX-License-Identifier: Apache-2.0

// Gathers events until they are a batch.

import ApusBus
import CoreMetrics
import Synchronization

/// An event that waits for its batch to be full.
struct GatheredEvent: Sendable {
    var queued: QueuedEvent
    var route: HandlerRoute

    var context: EventContext { queued.context }
}

/// Events that will be handled together.
final class BatchGatherer: Sendable {
    private struct State {
        var events: [GatheredEvent] = []
        var isDraining = false
        /// Nobody asks for a batch any more.
        var isOver = false
        /// Resumed when there is a first event, and anew when there are enough.
        var waiting: (count: Int, Signal)?
    }

    let size: Int
    let linger: Duration
    private let state = Mutex(State())

    init(size: Int, linger: Duration) {
        self.size = size
        self.linger = linger
    }

    /// Adds an event to the next batch.
    ///
    /// - Returns: false when there will be none.
    func add(_ event: GatheredEvent) -> Bool {
        let (signal, isTaken) = state.withLock { state -> (Signal?, Bool) in
            guard !state.isOver else { return (nil, false) }
            state.events.append(event)
            guard let waiting = state.waiting, state.events.count >= waiting.count else { return (nil, true) }
            state.waiting = nil
            return (waiting.1, true)
        }
        signal?.fire()
        return isTaken
    }

    /// Waits for nothing any more.
    func drain() {
        let signal = state.withLock { state in
            state.isDraining = true
            return state.waiting.take()?.1
        }
        signal?.fire()
    }

    /// The next batch; nil when there will be none.
    func next(_ clock: any BusClock) async -> [GatheredEvent]? {
        if let first = signal(at: 1) { await first.wait() }
        if let full = signal(at: size) {
            await withTaskGroup(of: Void.self) { tasks in
                tasks.addTask { await full.wait() }
                tasks.addTask { try? await clock.sleep(for: self.linger) }
                await tasks.next()
                tasks.cancelAll()
            }
        }
        return state.withLock { state in
            state.waiting = nil
            guard !state.events.isEmpty else {
                state.isOver = state.isDraining || Task.isCancelled
                return state.isOver ? nil : []
            }
            guard state.events.count > size else {
                defer { state.events = [] }
                return state.events
            }
            let batch = Array(state.events.prefix(size))
            state.events.removeFirst(batch.count)
            return batch
        }
    }

    /// What to wait on until there are `count` events; nil when there are, or no more will come.
    private func signal(at count: Int) -> Signal? {
        state.withLock { state in
            guard state.events.count < count, !state.isDraining else { return nil }
            let signal = Signal()
            state.waiting = (count, signal)
            return signal
        }
    }
}

extension TopicRun {
    /// Handles batches until there are no more.
    func handleBatches(_ batch: Handle.Batch, _ gatherer: BatchGatherer) async {
        while let events = await gatherer.next(clock) {
            guard !events.isEmpty else { continue }
            guard !Task.isCancelled else {
                await release(events)
                continue
            }
            let began = clock.uptime
            let outcomes = await bus.telemetry.handling(events.map(\.context), group: group) { contexts in
                await run(batch, contexts, of: events)
            }
            metrics.duration.recordNanoseconds((clock.uptime - began).nanosecondsClamped)
            if outcomes.isEmpty, options.inbox == nil {
                metrics.count(.acknowledged, events.count)
                queue.acknowledge(events.lazy.map(\.queued))
                continue
            }
            for (index, event) in events.enumerated() {
                let error = outcomes.isEmpty ? nil : outcomes[index]
                let verdict =
                    if let error {
                        await failed(error, event.context, event.route)
                    } else {
                        await done(event.context)
                    }
                queue.settle(event.queued, verdict)
            }
        }
    }

    private func run(
        _ batch: Handle.Batch, _ contexts: [EventContext], of events: [GatheredEvent]
    ) async -> [(any Error)?] {
        guard let limit = batch.limit else { return await batch.run(contexts) }
        return await withTaskGroup(of: [(any Error)?]?.self) { tasks in
            tasks.addTask { await batch.run(contexts) }
            tasks.addTask {
                try? await self.clock.sleep(for: limit)
                return nil
            }
            if let outcomes = await tasks.next() ?? nil {
                tasks.cancelAll()
                return outcomes
            }
            tasks.cancelAll()
            let patience = Task {
                await self.leaveOverdue { for event in events { self.queue.leave(event.queued.slot) } }
            }
            // What is done is done, even if late; what failed did so because it was cancelled.
            let late = await tasks.next() ?? nil
            // Waited for, so that nothing is left of whoever gets these places in the queue next.
            patience.cancel()
            await patience.value
            guard let late else { return contexts.map { _ in HandlerTimeout(limit: limit) } }
            return late.map { $0 == nil ? nil : HandlerTimeout(limit: limit) }
        }
    }

    private func release(_ events: [GatheredEvent]) async {
        for event in events {
            queue.settle(event.queued, await failed(CancellationError(), event.context, event.route))
        }
    }
}
