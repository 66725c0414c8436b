// SPDX-License-Identifier: Apache-2.0

// Handling: from the queue through the layers to the handler, and what follows from how that ended.

import ApusBus
import CloudEvents
import CoreMetrics
import Logging

extension TopicRun {
    /// Handles events until there are no more.
    ///
    /// A handler that takes too long is cancelled by cancelling the worker that runs it, after which another takes its place: that costs something for
    /// each handler that overstays, and nothing for those that do not.
    func work() async {
        guard let shortest = plan.shortestTimeout else { return await handleEvents(HandlingSlot?.none) }
        let slot = HandlingSlot()
        while !Task.isCancelled {
            let isDone = await withTaskGroup(of: Bool.self) { tasks in
                tasks.addTask {
                    await self.handleEvents(slot)
                    return !Task.isCancelled
                }
                tasks.addTask {
                    await self.watch(slot, shortest)
                    return false
                }
                let isDone = await tasks.next() ?? true
                tasks.cancelAll()
                guard !isDone else { return true }
                // The watcher ended first: here it waits for the handler that it has cancelled.
                let patience = Task {
                    await self.leaveOverdue { slot.whileOverdue { self.queue.leave($0) } }
                }
                await tasks.waitForAll()
                patience.cancel()
                return false
            }
            if isDone { return }
        }
    }

    /// Ends when the handler in `slot` has taken too long.
    private func watch(_ slot: HandlingSlot, _ shortest: Duration) async {
        while !slot.expire(at: clock.uptime) {
            // A handler that begins meanwhile has at least the shortest limit.
            do { try await clock.sleep(until: slot.deadline ?? clock.uptime + shortest) } catch { return }
        }
    }

    /// How long a handler that was cancelled may go on before its event is left to others.
    static let cancellationPatience = Duration.seconds(10)

    /// Keeps what a handler has that goes on although it was cancelled no longer: when its lease is over it is handed out again.
    ///
    /// Runs until the handler ends, which cancels it.
    func leaveOverdue(_ leave: () -> Void) async {
        do { try await clock.sleep(for: Self.cancellationPatience) } catch { return }
        leave()
        logger.error(
            "a handler took too long and goes on although it was cancelled: its event is left to others, and a worker is missing until it ends",
            metadata: ["patience": "\(Self.cancellationPatience)"])
    }

    private func handleEvents(_ slot: HandlingSlot?) async {
        await withCancellation { await self.handleEvents(slot, until: $0) }
    }

    private func handleEvents(_ slot: HandlingSlot?, until cancellation: Cancellation) async {
        var taken: QueuedEvent?
        let looksAtTime = slot != nil || metrics.keepsDuration
        // When the event before was done, if the next one was there then: one look at the clock is for both.
        var now: Duration?
        while !cancellation.hasHappened {
            let event: QueuedEvent
            if let there = taken.take() ?? queue.take() {
                event = there
            } else if let next = await queue.next() {
                event = next
                now = nil
            } else {
                return
            }
            event.context.storage.begin(
                in: slot, at: event.slot, transaction: desk == nil ? nil : EventTransaction())
            let began = looksAtTime ? now ?? clock.uptime : .zero
            guard let verdict = await handle(event, slot, from: began) else {
                now = nil
                continue
            }
            if looksAtTime {
                let ended = clock.uptime
                now = ended
                if metrics.keepsDuration {
                    metrics.duration.recordNanoseconds((ended - began).nanosecondsClamped)
                }
            }
            if let desk {
                let publishing = event.context.storage.transaction?.end() ?? []
                if verdict == .acknowledge { desk.note(event, publishing: publishing) }
            }
            taken = queue.settleAndTake(event, verdict)
        }
        // Taken and not begun with: somebody else may, or it is given back with the rest.
        if let taken { queue.putBack(taken) }
    }

    /// What is to become of an event; nil when that is decided later, with its batch.
    @inline(__always)
    private func handle(
        _ queued: QueuedEvent, _ slot: HandlingSlot?, from began: Duration
    ) async -> Settlement.Verdict? {
        let context = queued.context
        let route: HandlerRoute
        do throws(UnreadableEvent) {
            if let problem = context.problem { throw .malformed(problem) }
            route = try plan.route(for: context.storage.received.event)
        } catch {
            return await unreadable(error, context, nil)
        }
        if let check = route.check, !check.matches(context.event) {
            metrics.count(.skipped)
            return .acknowledge
        }
        if let inbox = options.inbox, let verdict = await begin(context, inbox) { return verdict }
        switch route.body {
        case .batch(let index):
            if batches[index].add(GatheredEvent(queued: queued, route: route)) { return nil }
            // The last batch is under way already.
            return await failed(HeldBack(), context, route)
        case .single(let single):
            do {
                if let limit = single.limitAlone {
                    // Asking the inbox is no part of the handler's time.
                    slot?.begin(
                        at: options.inbox == nil ? began : clock.uptime, limit: limit, place: queued.slot)
                }
                try await EventContext.$current.withValue(context) {
                    if isTracing {
                        try await bus.telemetry.handling(context, group: group) {
                            do { try await single.run(context) } catch {
                                guard single.limitAlone != nil, let limit = slot?.end() else { throw error }
                                throw HandlerTimeout(limit: limit)
                            }
                        }
                    } else {
                        try await single.run(context)
                    }
                }
            } catch {
                return await failed(error, context, route, timeout: slot?.finish())
            }
            _ = slot?.finish()
            guard options.inbox == nil else { return await done(context) }
            metrics.count(.acknowledged)
            return .acknowledge
        }
    }

    // MARK: How it ended

    func done(_ context: EventContext) async -> Settlement.Verdict {
        if let inbox = options.inbox {
            do {
                let key = InboxKey(context)
                try await Self.shielded { try await inbox.complete(key) }
            } catch {
                // Handled and not noted: a repeat is handled again, which is what there would be without an inbox.
                context.logger.warning(
                    "the inbox did not note an event", metadata: ["error": "\(ErrorText.of(error))"])
            }
        }
        metrics.count(.acknowledged)
        return .acknowledge
    }

    func failed(
        _ error: any Error, _ context: EventContext, _ route: HandlerRoute, timeout: Duration? = nil
    ) async -> Settlement.Verdict {
        await abandon(context)
        if let unreadable = error as? UnreadableEvent {
            return await self.unreadable(unreadable, context, route)
        }
        var error = error
        if let timeout {
            // Layers around the handler have been told, and may have made something else of it.
            if case .single(let single) = route.body, single.limitAlone != nil {
                error = HandlerTimeout(limit: timeout)
            }
        } else if Task.isCancelled || error is HeldBack {
            // Cut off by the end of the program, not by anything of its own.
            metrics.count(.released)
            return .release
        }
        return await verdict(error, context, route.retry, route.replies)
    }

    private func verdict(
        _ error: any Error, _ context: EventContext, _ retry: RetryPolicy, _ replies: Bool
    ) async -> Settlement.Verdict {
        let reason = ErrorText.of(error)
        var decision = RetryPolicy.Decision.giveUp
        if !(error is Reject) {
            var random = SystemRandomNumberGenerator()
            decision = retry.decision(attempt: context.attempt, error: error, using: &random)
        }
        switch decision {
        case .retry(var wait):
            if let later = error as? RetryLater { wait = later.after }
            metrics.count(.retried)
            context.logger.info(
                "handling failed; the event is retried", metadata: ["error": "\(reason)", "wait": "\(wait)"])
            return .retry(after: wait, reason: reason)
        case .giveUp:
            metrics.count(.deadLettered)
            context.logger.error("handling failed; the event is given up", metadata: ["error": "\(reason)"])
            if replies { try? await Self.shielded { await context.replyFailed(reason) } }
            return .deadLetter(reason: reason)
        }
    }

    private func unreadable(
        _ error: UnreadableEvent, _ context: EventContext, _ route: HandlerRoute?
    ) async -> Settlement.Verdict {
        switch options.unknown {
        case .skip:
            metrics.count(.skipped)
            context.logger.debug("event skipped", metadata: ["reason": "\(error)"])
            return .acknowledge
        case .deadLetter:
            return await verdict(Reject(error.description), context, .none, route?.replies ?? false)
        case .handle(let closure):
            do {
                try await EventContext.$current.withValue(context) { try await closure(context, error) }
            } catch {
                if Task.isCancelled {
                    metrics.count(.released)
                    return .release
                }
                return await verdict(error, context, route?.retry ?? options.retry, false)
            }
            metrics.count(.acknowledged)
            return .acknowledge
        }
    }

    /// Does what must be done even if this task was cancelled, which it is when a handler took too long.
    private static func shielded(_ body: @escaping @Sendable () async throws -> Void) async throws {
        guard Task.isCancelled else { return try await body() }
        try await Task { try await body() }.value
    }

    // MARK: Repeats

    /// How long an event waits that is being handled at this moment.
    private static var underWayWait: Duration { .seconds(1) }

    /// A verdict without handling: the event was handled before, or is being handled at this moment.
    private func begin(_ context: EventContext, _ inbox: any Inbox) async -> Settlement.Verdict? {
        do {
            switch try await inbox.begin(InboxKey(context)) {
            case .new: return nil
            case .handled:
                metrics.count(.duplicate)
                return .acknowledge
            case .underWay:
                metrics.count(.released)
                // Waited for here and given back: a retry would be an attempt, and while a handler takes long they would be used up and the event
                // given up that is being handled.
                try? await bus.clock.sleep(for: Self.underWayWait)
                return .release
            }
        } catch {
            return await verdict(error, context, options.retry, false)
        }
    }

    private func abandon(_ context: EventContext) async {
        guard let inbox = options.inbox else { return }
        do {
            let key = InboxKey(context)
            try await Self.shielded { try await inbox.abandon(key) }
        } catch {
            context.logger.warning(
                "the inbox did not forget an event", metadata: ["error": "\(ErrorText.of(error))"])
        }
    }
}
