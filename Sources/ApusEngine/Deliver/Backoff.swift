// SPDX-License-Identifier: Apache-2.0

// How long to wait before the next attempt.

import ApusModel

extension RetrySettings {
    /// The longest wait after `attempts` attempts: doubles each time, up to `max`.
    func ceiling(after attempts: Int) -> Duration {
        var wait = initial
        for _ in 1..<Swift.max(1, Swift.min(attempts, 64)) where wait < max { wait += wait }
        return Swift.min(wait, max)
    }

    /// A wait after `attempts` attempts: that of the list, or one with full jitter, so that what failed together does not come back
    /// together. Never before what the target asked for, which in turn is never more than a day.
    func wait(after attempts: Int, asked: Duration?, entropy: Entropy) -> Duration {
        let wait =
            schedule.isEmpty
            ? entropy.jitter(upTo: ceiling(after: attempts))
            : schedule[Swift.max(0, Swift.min(attempts, schedule.count) - 1)]
        guard let asked else { return wait }
        return Swift.max(wait, Swift.min(asked, .seconds(86_400)))
    }
}
