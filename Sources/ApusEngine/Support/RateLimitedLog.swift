// SPDX-License-Identifier: Apache-2.0

// Log lines about what may happen a thousand times a second.

import Synchronization

/// Lets one line through in an interval, and counts the others.
final class RateLimitedLog: Sendable {
    private let interval: Duration
    private let state = Mutex<(next: Duration, suppressed: Int)>((.zero, 0))

    init(interval: Duration) { self.interval = interval }

    /// Calls `body`, with how many lines were left out since the last, unless it was called a short while ago.
    func write(_ now: Duration, _ body: (_ suppressed: Int) -> Void) {
        let suppressed: Int? = state.withLock { state in
            guard now >= state.next else {
                state.suppressed += 1
                return nil
            }
            defer { state = (now + interval, 0) }
            return state.suppressed
        }
        if let suppressed { body(suppressed) }
    }
}
