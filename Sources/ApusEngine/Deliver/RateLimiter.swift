// SPDX-License-Identifier: Apache-2.0

// How many events may be sent now if there must not be more than so many per second: a bucket of tokens, kept as one moment, the one at
// which the next token is there when the bucket was never full (the generic cell rate algorithm). No timer refills it.

/// A bucket of tokens on the monotonic clock.
package struct RateLimiter: Sendable, Hashable {
    /// When the next token is there.
    private var next = Duration.zero

    /// A bucket that is full.
    package init() {}

    /// How many tokens there are: a tenth of a second's at most, and one at least when it is time.
    package func available(perSecond rate: Double, now: Duration) -> Int {
        let interval = Self.interval(rate)
        let start = start(interval, rate, now)
        guard start <= now else { return 0 }
        return Int(min((now - start) / interval, 1e9)) + 1
    }

    /// Takes tokens, which there must be.
    package mutating func take(_ count: Int, perSecond rate: Double, now: Duration) {
        let interval = Self.interval(rate)
        next = start(interval, rate, now) + interval * count
    }

    /// When there is a token again.
    package var due: Duration { next }

    private func start(_ interval: Duration, _ rate: Double, _ now: Duration) -> Duration {
        let burst = max(1, Int(min(rate / 10, 1e9)))
        return max(next, now - interval * (burst - 1))
    }

    private static func interval(_ rate: Double) -> Duration {
        .nanoseconds(Int64(max(1, min(1e9 / max(rate, 1e-6), 1e15))))
    }
}
