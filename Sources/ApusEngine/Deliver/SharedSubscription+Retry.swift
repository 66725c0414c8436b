// SPDX-License-Identifier: Apache-2.0

// Retrying now what waits for its next attempt: somebody has mended the target, or wants to see what it answers. The wait is over, attempts stay counted;
// and a target that is left alone is probed at once, because otherwise the events would only wait for that.

public import ApusModel
import ApusStorage
import Synchronization

/// Which of the events that wait for their next attempt are retried now.
public enum RetryChoice: Sendable, Hashable {
    /// All of them.
    case all
    /// Those at these places.
    case events([EventPlace])
    /// Those that came to their topic at this time or later.
    case since(Timestamp)
}

/// What retrying now did.
public struct RetriedNow: Sendable, Hashable {
    /// How many events waited for their next attempt, and are handed out now.
    public var retried: Int
    /// Whether a target that was left alone after failures is tried again at once.
    public var isProbed: Bool

    /// What retrying now did.
    public init(retried: Int, isProbed: Bool) { (self.retried, self.isProbed) = (retried, isProbed) }
}

extension SharedSubscription {
    /// Ends the wait of those that are `wanted`; `completion` comes when that is durable.
    func retryNow(
        _ wanted: DeliveryState.Wanted,
        completion: @escaping @Sendable (Result<RetriedNow, BrokerError>) -> Void
    ) {
        let isWritten = state.withLock { state in
            reopen(&state)
            noteUse(&state)
            let hastened = state.delivery.hasten(wanted)
            let isProbed = state.push.breaker.endPause(now: context.clock.now, wall: context.clock.wall)
            state.version += 1
            guard !hastened.isEmpty || isProbed else { return false }
            // First, because what follows moves the log past them.
            var changes = SubscriptionChange.parked(state.delivery.takeUnwritten())
            changes += hastened.map { .ready($0.position, attempts: $0.attempts) }
            if isProbed { changes.append(.circuit(state.push.breaker.pause)) }
            state.log.append(changes) { [weak self] result in
                completion(
                    result.map { _ in RetriedNow(retried: hastened.count, isProbed: isProbed) }.mapError {
                        BrokerError($0)
                    })
                guard let self, case .failure = result else { return }
                // The events are on their way already, so the log has to follow, whatever the caller was told.
                self.context.inbox.post {
                    self.state.withLock { $0.wantsSnapshot = true }
                    self.context.enqueue(self, after: self.context.options.storeRetryInterval)
                }
            }
            return true
        }
        if !isWritten { completion(.success(RetriedNow(retried: 0, isProbed: false))) }
        context.followers.enqueue(self)
    }
}
