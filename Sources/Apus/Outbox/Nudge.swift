// SPDX-License-Identifier: Apache-2.0

// A bell that may ring while nobody listens: the next one who does hears it.

import Synchronization

/// Rings for whoever listens next.
final class Nudge: Sendable {
    private let state = Mutex<Signal>(Signal())

    func fire() { state.withLock(\.self).fire() }

    /// What rings with the next ring, or has rung since the last listener.
    func next() -> Signal {
        state.withLock { signal in
            let current = signal
            // Heard once: whoever listens after this waits for another ring.
            if current.hasHappened { signal = Signal() }
            return current
        }
    }
}
