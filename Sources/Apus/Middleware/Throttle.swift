// SPDX-License-Identifier: Apache-2.0

// At most so many events in a time: a bucket of tokens. Who finds none waits, which keeps the consumer from asking the broker for more.

import Synchronization

/// Lets handlers begin at most so often.
public final class Throttle: Middleware {
    private let bucket: Mutex<TokenBucket>

    /// At most `count` events in every `period`, evenly spread.
    ///
    /// - Parameters:
    ///   - count: how many, at least 1.
    ///   - period: in which time.
    ///   - burst: how many may begin at once after a pause; by default 1.
    public init(_ count: Int, per period: Duration = .seconds(1), burst: Int = 1) {
        bucket = Mutex(TokenBucket(interval: period / max(1, count), burst: max(1, burst)))
    }

    public func handle(_ context: EventContext, next: Next) async throws {
        let clock = context.bus.clock
        let begin = bucket.withLock { $0.take(at: clock.uptime) }
        try await context.hold(until: begin)
        try await next(context)
    }
}

/// Tokens that come at a steady rate, at most `burst` of them in store; kept as the time at which the store would be full.
struct TokenBucket {
    let interval: Duration
    let burst: Int
    private var full: Duration = .zero

    init(interval: Duration, burst: Int) {
        self.interval = interval
        self.burst = burst
    }

    /// Takes a token and returns from when on it is there.
    mutating func take(at now: Duration) -> Duration {
        full = max(full, now) + interval
        return max(now, full - interval * burst)
    }
}
