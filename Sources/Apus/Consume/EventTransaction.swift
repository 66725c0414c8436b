// SPDX-License-Identifier: Apache-2.0

// What a handler publishes while its event is handled in a transaction: kept until the event is acknowledged, and forgotten if it is not.

import ApusBus
import CloudEvents
import Synchronization

/// The events that came of one event so far.
final class EventTransaction: Sendable {
    private struct State {
        var events: [(event: CloudEvent, topic: String)] = []
        var isOver = false
    }

    private let state = Mutex(State())

    /// Keeps events; false when the handler has ended, so that nothing can be added any more.
    func add(_ events: [CloudEvent], to topic: String) -> Bool {
        state.withLock { state in
            guard !state.isOver else { return false }
            for event in events { state.events.append((event, topic)) }
            return true
        }
    }

    /// Ends it: what was kept.
    func end() -> [(event: CloudEvent, topic: String)] {
        state.withLock { state in
            state.isOver = true
            defer { state.events = [] }
            return state.events
        }
    }
}
