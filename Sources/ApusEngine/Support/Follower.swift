// SPDX-License-Identifier: Apache-2.0

// Whatever has something to do when a topic grows or a deadline passes: topics, subscriptions, routers. Each is in the worker's queue at
// most once, so that a flood of wake-ups costs one turn.

import Synchronization

/// Something that the worker gives turns to.
protocol Follower: AnyObject, Sendable {
    /// Whether it is in the queue.
    var isQueued: Atomic<Bool> { get }
    /// Does what there is to do, without waiting.
    func turn(now: Duration)
}

/// Followers whose turn it is.
final class FollowerQueue: Sendable {
    private let state = Mutex<[any Follower]>([])
    private let wake: @Sendable () -> Void

    init(wake: @escaping @Sendable () -> Void) { self.wake = wake }

    /// Gives `follower` a turn, unless it already waits for one.
    func enqueue(_ follower: any Follower) {
        guard !follower.isQueued.exchange(true, ordering: .acquiringAndReleasing) else { return }
        let wasEmpty = state.withLock { queue in
            queue.append(follower)
            return queue.count == 1
        }
        if wasEmpty { wake() }
    }

    /// Gives everybody waiting one turn.
    func drain(now: Duration) {
        let followers = state.withLock { queue in
            defer { queue = [] }
            return queue
        }
        for follower in followers {
            follower.isQueued.store(false, ordering: .releasing)
            follower.turn(now: now)
        }
    }

    var isEmpty: Bool { state.withLock(\.isEmpty) }
}
