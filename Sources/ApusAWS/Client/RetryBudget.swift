// SPDX-License-Identifier: Apache-2.0

// When a request is tried again: the "standard" mode of AWS's SDKs. Three attempts, exponential backoff with full jitter, and a budget that all requests
// share, so that a service in trouble is not asked more often for being in trouble.

internal import Synchronization

/// The budget of retries that the requests of one client share.
final class RetryBudget: Sendable {
    /// Attempts of one request, the first one counted.
    static let attemptsMax = 3
    /// The longest pause between two attempts.
    static let pauseMax = Duration.seconds(20)
    /// What the budget holds at most.
    static let capacity = 500
    /// What a retry costs.
    static let cost = 5
    /// What a retry costs after no answer came in time.
    static let timeoutCost = 10

    private let tokens = Mutex(RetryBudget.capacity)

    /// Takes what a retry after `error` costs; nil when there is not enough left.
    func take(after error: AWSError) -> Int? {
        let cost = error.kind == .unanswered ? Self.timeoutCost : Self.cost
        return tokens.withLock { tokens in
            guard tokens >= cost else { return nil }
            tokens -= cost
            return cost
        }
    }

    /// Gives back what a retry took that went well; a request that went well without one gives back 1.
    func giveBack(_ cost: Int?) {
        tokens.withLock { $0 = min(Self.capacity, $0 + (cost ?? 1)) }
    }

    /// How long to wait before attempt `attempt` (from 2).
    ///
    /// - Parameter chance: evenly from 0 to 1.
    static func pause(before attempt: Int, chance: Double) -> Duration {
        min(.seconds(1) * (1 << min(attempt - 2, 10)), pauseMax) * chance
    }
}
