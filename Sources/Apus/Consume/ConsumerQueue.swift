// SPDX-License-Identifier: Apache-2.0

// Between the broker and the handlers: events that were handed out and wait for a worker, and verdicts that wait to be told. All workers meet here under
// one lock, and go through it without suspending as long as there is something to take. Verdicts gather while the last ones are being told, so that a fast
// consumer settles many in a call and a slow one each at once.

import ApusBus
import DequeModule
import Synchronization

/// An event on its way to a handler.
struct QueuedEvent: Sendable {
    /// Where its token is kept until it is settled.
    var slot: Int
    var context: EventContext

    var token: DeliveryToken { context.storage.received.token }
}

/// Verdicts to be told, each with the place where its event's token is kept.
struct QueuedVerdicts: Sendable {
    var slots: [Int] = []
    var settlements: [Settlement] = []

    var isEmpty: Bool { slots.isEmpty }

    mutating func append(_ slot: Int, _ settlement: Settlement) {
        slots.append(slot)
        settlements.append(settlement)
    }
}

/// Events waiting for workers and verdicts waiting for the broker.
///
/// Invariant: `unsettled` counts the taken slots, and is at most `prefetch`, except by what a receiver hands out beyond what it was asked for.
final class ConsumerQueue: Sendable {
    private struct State {
        var buffer: Deque<QueuedEvent> = []
        /// Tokens of what is unsettled, by slot.
        var held: [DeliveryToken?] = []
        var free: [Int] = []
        /// Slots whose events are not kept any longer, although they are not settled.
        var left: Set<Int> = []
        var unsettled = 0
        var verdicts = QueuedVerdicts()
        var isDraining = false
        var isFinished = false
        var idle: [CheckedContinuation<QueuedEvent?, Never>] = []
        var receiving: CheckedContinuation<Int, Never>?
        var settling: CheckedContinuation<Bool, Never>?
    }

    let prefetch: Int
    private let state = Mutex(State())

    init(prefetch: Int) { self.prefetch = prefetch }

    // MARK: The receiving side

    /// How many events there is room for, once there is; 0 when no more are wanted.
    func room() async -> Int {
        await withCheckedContinuation { continuation in
            let now = state.withLock { state -> Int? in
                if let room = roomNow(state) { return room }
                state.receiving = continuation
                return nil
            }
            if let now { continuation.resume(returning: now) }
        }
    }

    private func roomNow(_ state: State) -> Int? {
        if state.isDraining { return 0 }
        // Asking for few at a time is dear; waiting until nothing is left makes workers wait.
        guard state.unsettled <= prefetch / 2 || (state.buffer.isEmpty && state.unsettled < prefetch) else {
            return nil
        }
        return prefetch - state.unsettled
    }

    /// Takes what was received, given last first, so that each can be moved out of the array.
    func offer(reversed events: consuming [EventContext]) {
        var woken: [(CheckedContinuation<QueuedEvent?, Never>, QueuedEvent)] = []
        let settling = state.withLock { state -> CheckedContinuation<Bool, Never>? in
            while let context = events.popLast() {
                let token = context.storage.received.token
                let slot: Int
                if let last = state.free.popLast() {
                    slot = last
                    state.held[slot] = token
                } else {
                    slot = state.held.count
                    state.held.append(token)
                }
                state.unsettled += 1
                if state.isDraining {
                    state.verdicts.append(slot, Settlement(token, .release))
                } else if let worker = state.idle.popLast() {
                    woken.append((worker, QueuedEvent(slot: slot, context: context)))
                } else {
                    state.buffer.append(QueuedEvent(slot: slot, context: context))
                }
            }
            return state.verdicts.isEmpty ? nil : state.settling.take()
        }
        for (worker, event) in woken { worker.resume(returning: event) }
        settling?.resume(returning: true)
    }

    // MARK: The handling side

    /// An event that is there already, without waiting: the way of a busy consumer.
    func take() -> QueuedEvent? { state.withLock { $0.buffer.popFirst() } }

    /// The next event; nil when there will be none.
    func next() async -> QueuedEvent? {
        return await withCheckedContinuation { continuation in
            let (event, isOver, receiving, room) = state.withLock { state in
                if let event = state.buffer.popFirst() {
                    return (Optional(event), false, CheckedContinuation<Int, Never>?.none, 0)
                }
                if state.isDraining { return (nil, true, nil, 0) }
                state.idle.append(continuation)
                // Somebody has nothing to do: ask for more even if half of it is not settled yet.
                guard state.receiving != nil, let room = roomNow(state) else { return (nil, false, nil, 0) }
                return (nil, false, state.receiving.take(), room)
            }
            if event != nil || isOver { continuation.resume(returning: event) }
            receiving?.resume(returning: room)
        }
    }

    /// Puts an event back that was taken and not begun with; while the consumer ends, it is given back to the broker.
    func putBack(_ event: QueuedEvent) {
        let (worker, settling) = state.withLock {
            state -> (CheckedContinuation<QueuedEvent?, Never>?, CheckedContinuation<Bool, Never>?) in
            if state.isDraining { return (nil, note(event, .release, &state)) }
            if let worker = state.idle.popLast() { return (worker, nil) }
            state.buffer.prepend(event)
            return (nil, nil)
        }
        worker?.resume(returning: event)
        settling?.resume(returning: true)
    }

    /// Notes a verdict, to be told soon.
    func settle(_ event: QueuedEvent, _ verdict: Settlement.Verdict) {
        let settling = state.withLock { note(event, verdict, &$0) }
        settling?.resume(returning: true)
    }

    /// Notes a verdict, to be told soon, and takes an event that is there already.
    func settleAndTake(_ event: QueuedEvent, _ verdict: Settlement.Verdict) -> QueuedEvent? {
        let (settling, next) = state.withLock { state in
            (note(event, verdict, &state), state.buffer.popFirst())
        }
        settling?.resume(returning: true)
        return next
    }

    @inline(__always)
    private func note(
        _ event: QueuedEvent, _ verdict: Settlement.Verdict, _ state: inout State
    ) -> CheckedContinuation<Bool, Never>? {
        state.verdicts.append(event.slot, Settlement(event.token, verdict))
        return state.settling == nil ? nil : state.settling.take()
    }

    /// Notes that all of these are done, to be told soon.
    func acknowledge(_ events: some Sequence<QueuedEvent>) {
        let settling = state.withLock { state in
            for event in events {
                state.verdicts.append(event.slot, Settlement(event.token, .acknowledge))
            }
            return state.verdicts.isEmpty ? nil : state.settling.take()
        }
        settling?.resume(returning: true)
    }

    // MARK: The settling side

    /// All verdicts that were noted, once there are any; nil when there will be none.
    func verdicts() async -> QueuedVerdicts? {
        while true {
            let (verdicts, isOver) = state.withLock { state in
                let taken = state.verdicts
                state.verdicts = QueuedVerdicts()
                return (taken, taken.isEmpty && state.isFinished)
            }
            if !verdicts.isEmpty { return verdicts }
            if isOver { return nil }
            _ = await withCheckedContinuation { (continuation: CheckedContinuation<Bool, Never>) in
                let isThere = state.withLock { state in
                    if !state.verdicts.isEmpty || state.isFinished { return true }
                    state.settling = continuation
                    return false
                }
                if isThere { continuation.resume(returning: true) }
            }
        }
    }

    /// Makes room for others: these were told, or will never be.
    func forget(_ slots: some Sequence<Int>) {
        let (receiving, room) = state.withLock { state in
            for slot in slots {
                state.held[slot] = nil
                if !state.left.isEmpty { state.left.remove(slot) }
                state.free.append(slot)
                state.unsettled -= 1
            }
            guard state.receiving != nil, let room = roomNow(state) else {
                return (CheckedContinuation<Int, Never>?.none, 0)
            }
            return (state.receiving.take(), room)
        }
        receiving?.resume(returning: room)
    }

    /// The tokens of all that is unsettled and to be kept.
    func held() -> [DeliveryToken] {
        state.withLock { state in
            guard !state.left.isEmpty else { return state.held.compactMap(\.self) }
            return state.held.indices.compactMap { state.left.contains($0) ? nil : state.held[$0] }
        }
    }

    /// Keeps the event whose token is at `slot` no longer.
    func leave(_ slot: Int) {
        state.withLock { state in
            if state.held[slot] != nil { state.left.insert(slot) }
        }
    }

    var unsettled: Int { state.withLock(\.unsettled) }

    // MARK: The end

    /// Takes no more: what waits for a worker is given back.
    func drain() {
        let (idle, receiving, settling) = state.withLock { state in
            state.isDraining = true
            for event in state.buffer {
                state.verdicts.append(event.slot, Settlement(event.token, .release))
            }
            state.buffer.removeAll()
            let idle = state.idle
            state.idle = []
            return (idle, state.receiving.take(), state.verdicts.isEmpty ? nil : state.settling.take())
        }
        for worker in idle { worker.resume(returning: nil) }
        receiving?.resume(returning: 0)
        settling?.resume(returning: true)
    }

    /// No verdict will be noted any more.
    func finish() {
        let settling = state.withLock { state in
            state.isFinished = true
            return state.settling.take()
        }
        settling?.resume(returning: true)
    }
}

extension Optional {
    /// What is there, leaving nothing.
    mutating func take() -> Wrapped? {
        defer { self = nil }
        return self
    }
}
