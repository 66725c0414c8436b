// SPDX-License-Identifier: Apache-2.0

// When a publish is tried again, and how long after.

internal import ApusClient
internal import ApusModel

/// Which failures of a publish are worth another attempt.
struct PublishRetries: Sendable {
    /// What was asked for; nil when nothing was.
    var retryFor: Duration?
    /// Whether the server has answered before.
    var hasContact: Bool

    /// The waiting for one request.
    var backoff: Backoff { Backoff(limit: retryFor ?? Defaults.publishRetry) }

    /// Whether to try again. A server that was never there is most likely a mistake, which nobody wants to wait for, unless
    /// waiting was asked for.
    func allow(_ error: ApusClientError) -> Bool {
        error.retryable && (error.kind != .unreachable || hasContact || retryFor != nil)
    }
}

/// Waits between attempts: longer each time, and not for ever.
struct Backoff {
    private static let first: Duration = .milliseconds(100)
    private static let longest: Duration = .seconds(5)
    private let limit: Duration
    private var started: ContinuousClock.Instant?
    private var next = Backoff.first

    /// Attempts that end `limit` after the first failure.
    init(limit: Duration) { self.limit = limit }

    /// Waits before the next attempt; false when time is up.
    mutating func pause() async -> Bool {
        let now = ContinuousClock.now
        let start = started ?? now
        started = start
        guard now - start < limit else { return false }
        // Full jitter, so that many clients do not come back together.
        let wait = Duration.milliseconds(Int64.random(in: 1...max(1, next.milliseconds)))
        next = min(next * 2, Backoff.longest)
        return (try? await Task.sleep(for: wait)) != nil
    }
}
