// SPDX-License-Identifier: Apache-2.0

// When the handler that a worker runs must be done. One for each worker and not one timer for each event: a watcher sleeps towards the deadline that it
// sees, and looks again.

import Synchronization

/// The deadline of what one worker is doing.
final class HandlingSlot: Sendable {
    private struct State {
        var deadline: Duration?
        var limit: Duration?
        var hasTimedOut = false
    }

    private let state = Mutex(State())

    /// A handler begins, which may take `limit`.
    func begin(at now: Duration, limit: Duration) {
        state.withLock { $0 = State(deadline: now + limit, limit: limit) }
    }

    /// It ended.
    func end() {
        state.withLock { $0.deadline = nil }
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

    /// How long the handler might have taken, if it was cancelled because it took longer; asked once.
    func takeTimeout() -> Duration? {
        state.withLock { state in
            defer { state.hasTimedOut = false }
            return state.hasTimedOut ? state.limit : nil
        }
    }
}
