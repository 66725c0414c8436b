// SPDX-License-Identifier: Apache-2.0

// One reader of a shared subscription, in the same process: it knows what it holds, so that no more than it wants is handed to it, and so that what it holds goes back
// when it ends. The engine knows of leases only.

package import ApusModel
import CloudEvents
import Synchronization

/// One reader of a shared subscription.
package final class Consumer: Sendable {
    /// A verdict on one event.
    package struct Settlement: Sendable {
        /// The event's.
        package var number: UInt64
        /// What is to become of it.
        package var verdict: Verdict
        /// Why it is released, for its dead letter if this was the last attempt.
        package var reason: String?

        /// A verdict on one event.
        package init(number: UInt64, verdict: Verdict, reason: String? = nil) {
            (self.number, self.verdict, self.reason) = (number, verdict, reason)
        }
    }

    /// An event that was handed out.
    package struct Delivery: Sendable {
        /// By which it is settled.
        package var number: UInt64
        /// Which try it is, from 1.
        package var attempt: Int
        /// The event.
        package var box: StoredEventBox
    }

    private struct Waiter {
        var id: UInt64
        /// Whether it waits for events, and not for room to take some.
        var isForEvents: Bool
        var resume: UnsafeContinuation<Void, Never>
    }

    private struct State {
        var held = HeldLeases()
        /// Room for what is being handed out.
        var reserved = 0
        var waiters: [Waiter] = []
        var lastWaiter: UInt64 = 0
        /// Calls that are neither waiting nor over.
        var looking = 0
        var isClosed = false

        /// Those who wait for room, who go on now.
        mutating func takeWaitersForRoom() -> [Waiter] {
            guard !waiters.isEmpty else { return [] }
            let taken = waiters.filter { !$0.isForEvents }
            if !taken.isEmpty { waiters.removeAll { !$0.isForEvents } }
            looking += taken.count
            return taken
        }
    }

    private enum Room {
        case closed
        case some(Int)
        /// Not before this moment, unless something is settled.
        case none(until: Duration)
    }

    private let engine: Engine
    private let name: ResourceName
    private let prefetch: Int
    private let lease: Duration
    private let state = Mutex(State())

    private var context: EngineContext { engine.context }

    /// A reader that holds at most `prefetch` events at a time.
    package init(_ engine: Engine, _ name: ResourceName, prefetch: Int, lease: Duration) {
        self.engine = engine
        self.name = name
        self.prefetch = prefetch
        self.lease = lease
    }

    // MARK: Receive

    /// Up to `limit` events, at least one unless `wait` passes first; nil when it is closed.
    package func receive(limit: Int, wait: Duration) async throws(BrokerError) -> [Delivery]? {
        state.withLock { $0.looking += 1 }
        defer { state.withLock { $0.looking -= 1 } }
        let deadline = wait > .zero ? context.clock.now + wait : .zero
        while true {
            let subscription = try engine.requireShared(name)
            // Read before looking: whatever comes after this makes the version another one.
            let version = subscription.version
            var until = deadline
            var isForEvents = true
            switch reserve(limit) {
            case .closed: return nil
            case .none(let moment): (until, isForEvents) = (min(deadline, moment), false)
            case .some(let room):
                let result = await withUnsafeContinuation { continuation in
                    subscription.handOut(limit: room, lease: lease) { continuation.resume(returning: $0) }
                }
                guard let taken = keep(result, reserved: room, of: subscription) else { return nil }
                _ = try result.get()
                guard taken.isEmpty else { return taken }
            }
            guard wait > .zero, context.clock.now < deadline, !engine.isStopped, !Task.isCancelled else {
                return []
            }
            await sleep(until: until, on: isForEvents ? subscription : nil, since: version)
        }
    }

    private func reserve(_ limit: Int) -> Room {
        state.withLock { state in
            if state.isClosed { return .closed }
            var room = prefetch - state.held.count - state.reserved
            if room <= 0 {
                // What was not settled in time is not held any more.
                let now = context.clock.now
                state.held.removeAll(until: now)
                room = prefetch - state.held.count - state.reserved
            }
            guard room > 0 else {
                return .none(until: state.held.leases.lazy.map(\.deadline).min() ?? .seconds(Int64.max / 4))
            }
            state.reserved += min(room, limit)
            return .some(min(room, limit))
        }
    }

    /// Takes down what was handed out; nil when it came after the end, and then it goes back.
    private func keep(
        _ result: Result<[SharedSubscription.Handout], BrokerError>, reserved: Int,
        of subscription: SharedSubscription
    ) -> [Delivery]? {
        let handouts = (try? result.get()) ?? []
        let (deliveries, waiters) = state.withLock { state -> ([Delivery]?, [Waiter]) in
            state.reserved -= reserved
            if state.isClosed { return (nil, []) }
            var deliveries: [Delivery] = []
            deliveries.reserveCapacity(handouts.count)
            for index in handouts.indices {
                let number = state.held.add(
                    HeldLeases.Lease(token: handouts[index].token, deadline: handouts[index].deadline))
                deliveries.append(
                    Delivery(number: number, attempt: handouts[index].attempt, box: handouts[index].box))
            }
            return (deliveries, handouts.count < reserved ? state.takeWaitersForRoom() : [])
        }
        for waiter in waiters { waiter.resume.resume() }
        if deliveries == nil { giveBack(handouts.map(\.token), to: subscription) }
        return deliveries
    }

    // MARK: Wait

    /// Waits for a reason to look again: events on `subscription`, or room where there is none; for its end; for `deadline`.
    private func sleep(
        until deadline: Duration, on subscription: SharedSubscription?, since version: UInt64
    ) async {
        let id = state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        var timer: UInt64?
        let place = subscription?.nextWaiter()
        await withTaskCancellationHandler {
            await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
                let isOver = state.withLock { state in
                    if state.isClosed || Task.isCancelled { return true }
                    state.looking -= 1
                    state.waiters.append(
                        Waiter(id: id, isForEvents: subscription != nil, resume: continuation))
                    return false
                }
                guard !isOver else { return continuation.resume() }
                timer = context.timers.schedule(at: deadline) { [weak self] in self?.wake(id) }
                guard let subscription, let place else {
                    // Room may have come since there was none.
                    if hasRoom { wake(id) }
                    return
                }
                let verdict = subscription.addWaiter(place, since: version) { [weak self] _ in self?.wake(id)
                }
                if verdict != nil { wake(id) } else { context.options.onRest?() }
            }
        } onCancel: {
            wake(id)
        }
        if let timer { context.timers.cancel(timer) }
        if let place { subscription?.stopWaiting(place) }
    }

    private var hasRoom: Bool { state.withLock { $0.held.count + $0.reserved < prefetch } }

    private func wake(_ id: UInt64) {
        let waiter = state.withLock { state -> Waiter? in
            guard let index = state.waiters.firstIndex(where: { $0.id == id }) else { return nil }
            state.looking += 1
            return state.waiters.remove(at: index)
        }
        waiter?.resume.resume()
    }

    // MARK: Settle

    /// Settles events; returns when that is durable, with one result for each, in order.
    package func settle(_ settlements: [Settlement]) async throws(BrokerError) -> [SettleResult] {
        let subscription = try engine.requireShared(name)
        let (verdicts, waiters) = state.withLock { state in
            let verdicts = settlements.map { settlement in
                let held = state.held.remove(settlement.number)
                return SharedSubscription.Settlement(
                    token: held?.token,
                    verdict: settlement.verdict, reason: settlement.reason)
            }
            // Not at rest before the subscription knows: what is to come again has its time from there.
            state.looking += 1
            return (verdicts, state.takeWaitersForRoom())
        }
        for waiter in waiters { waiter.resume.resume() }
        let result = await withUnsafeContinuation { continuation in
            subscription.settle(verdicts) { continuation.resume(returning: $0) }
            state.withLock { $0.looking -= 1 }
            context.options.onRest?()
        }
        return try result.get()
    }

    /// Keeps events for `duration` from now on.
    package func extend(_ numbers: [UInt64], by duration: Duration) async throws(BrokerError) {
        let subscription = try engine.requireShared(name)
        let deadline = context.clock.now + duration
        let verdicts = state.withLock { state in
            numbers.compactMap { number -> SharedSubscription.Settlement? in
                guard let token = state.held[number]?.token else { return nil }
                state.held.extend(number, until: deadline)
                return SharedSubscription.Settlement(token: token, verdict: .extend(duration))
            }
        }
        let result = await withUnsafeContinuation { continuation in
            subscription.settle(verdicts) { continuation.resume(returning: $0) }
        }
        _ = try result.get()
    }

    /// Forgets that it holds an event: the lease goes on until its end.
    package func abandon(_ number: UInt64) {
        let waiters = state.withLock { state in
            state.held.remove(number)
            return state.takeWaitersForRoom()
        }
        for waiter in waiters { waiter.resume.resume() }
        context.options.onRest?()
    }

    // MARK: End

    /// Gives back what it holds, not counted as attempts, and ends.
    package func close() {
        let (held, waiters) = state.withLock { state in
            defer { (state.isClosed, state.held, state.waiters) = (true, HeldLeases(), []) }
            state.looking += state.waiters.count
            return (state.held, state.waiters)
        }
        for waiter in waiters { waiter.resume.resume() }
        guard let subscription = try? engine.requireShared(name) else { return }
        giveBack(held.leases.map(\.token), to: subscription)
    }

    private func giveBack(_ tokens: [LeaseToken], to subscription: SharedSubscription) {
        // One that was woken for events and ends instead leaves them to others, who have to be told.
        guard !tokens.isEmpty else { return context.followers.enqueue(subscription) }
        let release = Verdict.release(delay: .zero, counted: false)
        let settlements = tokens.map { SharedSubscription.Settlement(token: $0, verdict: release) }
        // Where that is not written down the leases end by themselves.
        subscription.settle(settlements) { _ in }
    }

    // MARK: Rest

    /// Whether it holds nothing, and waits for events or has none to take.
    package var isAtRest: Bool {
        let (isIdle, isWaiting) = state.withLock { state -> (Bool, Bool) in
            let now = context.clock.now
            return (
                state.looking == 0 && state.held.leases.allSatisfy { $0.deadline <= now },
                state.isClosed || state.waiters.contains(where: \.isForEvents)
            )
        }
        guard isIdle, !isWaiting, let subscription = try? engine.requireShared(name) else { return isIdle }
        return !subscription.hasEventsNow
    }
}

extension SharedSubscription {
    /// Whether somebody who received now would get something, as far as that is known without looking.
    fileprivate var hasEventsNow: Bool {
        let ends = topic.ends
        return state.withLock { state in
            if state.delivery.arrangement == nil, state.delivery.mayHaveReady { return true }
            if state.ahead.contains(where: { $0?.events.isEmpty == false }) { return true }
            return ends.enumerated().contains { number, end in
                end > (number < state.delivery.next.count ? state.delivery.next[number] : .zero)
            }
        }
    }
}
