// SPDX-License-Identifier: Apache-2.0

// When the handler that a worker runs must be done. One for each worker and not one timer for each event: a watcher sleeps towards the deadline that it
// sees, and looks again.

import Synchronization

/// The deadline of what one worker is doing.
final class HandlingSlot: Sendable {
    private struct State {
        var deadline: Duration?
        var limit: Duration?
        /// Where the queue keeps the event's token.
        var place = 0
        var hasTimedOut = false
    }

    private let state = Mutex(State())

    /// A handler begins, which may take `limit`, with the event whose token is at `place`.
    func begin(at now: Duration, limit: Duration, place: Int) {
        state.withLock { $0 = State(deadline: now + limit, limit: limit, place: place) }
    }

    /// It ended, and layers around it go on.
    ///
    /// - Returns: how long it might have taken, if it was cancelled because it took longer.
    @discardableResult
    func end() -> Duration? {
        state.withLock { state in
            state.deadline = nil
            return state.hasTimedOut ? state.limit : nil
        }
    }

    /// When the handler must be done; nil when none runs.
    var deadline: Duration? { state.withLock(\.deadline) }

    /// Whether the handler's time is over at `now`: it is to be cancelled.
    func expire(at now: Duration) -> Bool {
        state.withLock { state in
            guard let deadline = state.deadline, deadline <= now else { return false }
            state.hasTimedOut = true
            state.deadline = nil
            return true
        }
    }

    /// Tells where the queue keeps the token of the event whose handler was cancelled and has not ended, unless it has. It does not end meanwhile, so nothing
    /// else can be kept there.
    func whileOverdue(_ body: (Int) -> Void) {
        state.withLock { if $0.hasTimedOut { body($0.place) } }
    }

    /// Everything of the event is over: what follows has nothing to do with it.
    ///
    /// - Returns: how long the handler might have taken, if it was cancelled because it took longer.
    func finish() -> Duration? {
        state.withLock { state in
            defer { state = State() }
            return state.hasTimedOut ? state.limit : nil
        }
    }
}
