// SPDX-License-Identifier: Apache-2.0

// How many publishes may wait for their confirm. Who would be one too many waits, in turn, as does everybody while the broker takes no publishes.

internal import DequeModule
internal import NIOCore
internal import Synchronization

/// The bound on publishes that wait for their confirm.
final class PublishGate: Sendable {
    private struct Waiter {
        var id: UInt64
        var events: Int
        var bytes: Int
        var told: CheckedContinuation<AMQPFailure?, Never>
    }

    private struct State {
        var events = 0
        var bytes = 0
        var blocked: String?
        var ended: AMQPFailure?
        var nextID: UInt64 = 0
        var waiters: Deque<Waiter> = []

        /// Whether there is room; a publish larger than all room goes alone.
        func hasRoom(_ events: Int, _ bytes: Int) -> Bool {
            blocked == nil && (self.events == 0 || self.events + events <= AMQPLimits.unconfirmedMax)
                && (self.bytes == 0 || self.bytes + bytes <= AMQPLimits.unconfirmedBytesMax)
        }
    }

    private let state = Mutex(State())
    private let eventLoop: any EventLoop

    init(_ eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    /// Waits for room until `deadline`.
    func enter(_ events: Int, _ bytes: Int, until deadline: NIODeadline) async throws(AMQPFailure) {
        let hasEntered = try state.withLock { (state) throws(AMQPFailure) in
            if let ended = state.ended { throw ended }
            guard state.waiters.isEmpty, state.hasRoom(events, bytes) else { return false }
            state.events += events
            state.bytes += bytes
            return true
        }
        guard !hasEntered else { return }
        let failure = await withCheckedContinuation { told in
            let id = state.withLock { state -> UInt64? in
                guard state.ended == nil else { return nil }
                state.nextID += 1
                state.waiters.append(Waiter(id: state.nextID, events: events, bytes: bytes, told: told))
                return state.nextID
            }
            guard let id else { return told.resume(returning: .ended) }
            eventLoop.scheduleTask(deadline: deadline) { self.giveUp(id) }
            // It may have become possible in between.
            admit()
        }
        if let failure { throw failure }
    }

    /// Publishes are confirmed, or not waited for any more.
    func leave(_ events: Int, _ bytes: Int) {
        state.withLock {
            $0.events -= events
            $0.bytes -= bytes
        }
        admit()
    }

    /// Whether nothing waits, neither for its confirm nor for room.
    var isIdle: Bool { state.withLock { $0.events == 0 && $0.waiters.isEmpty } }

    /// Whether the broker takes no publishes for now.
    var isBlocked: Bool { state.withLock { $0.blocked != nil } }

    /// The broker takes no publishes (its reason), or takes them again.
    func block(_ reason: String?) {
        state.withLock { $0.blocked = reason }
        admit()
    }

    /// The channel has ended.
    func end(_ failure: AMQPFailure) {
        let waiters = state.withLock { state in
            state.ended = failure
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.told.resume(returning: failure) }
    }

    private func admit() {
        let admitted = state.withLock { state -> [Waiter] in
            var admitted: [Waiter] = []
            while let first = state.waiters.first, state.hasRoom(first.events, first.bytes) {
                state.waiters.removeFirst()
                state.events += first.events
                state.bytes += first.bytes
                admitted.append(first)
            }
            return admitted
        }
        for waiter in admitted { waiter.told.resume(returning: nil) }
    }

    private func giveUp(_ id: UInt64) {
        let (waiter, reason) = state.withLock { state -> (Waiter?, String?) in
            guard let index = state.waiters.firstIndex(where: { $0.id == id }) else { return (nil, nil) }
            return (state.waiters.remove(at: index), state.blocked)
        }
        let why =
            reason.map { "the broker takes no publishes: \($0)" }
            ?? "too many publishes wait for their confirm"
        waiter?.told.resume(returning: .timeout(why))
    }
}
