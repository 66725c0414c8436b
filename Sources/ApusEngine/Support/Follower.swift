// SPDX-License-Identifier: Apache-2.0

// Whatever has something to do when a topic grows or a deadline passes: topics, subscriptions, routers. Each is in the worker's queue at
// most once, so that a flood of wake-ups costs one turn.

import ApusModel
import DequeModule
import Synchronization

/// Something that the worker gives turns to.
protocol Follower: AnyObject, Sendable {
    /// Whether it is in the queue.
    var isQueued: Atomic<Bool> { get }
    /// The topic that it belongs to; those of one topic share their turns with each other. Nil for what belongs to all.
    var lane: ResourceName? { get }
    /// Does what there is to do, without waiting.
    func turn(now: Duration)
}

/// Followers whose turn it is, one lane for each topic. Lanes take turns: an event that ten thousand subscriptions of one topic wait for does not
/// keep the subscriptions of another topic waiting until all of them have had theirs.
final class FollowerQueue: Sendable {
    private struct State {
        var lanes: [ResourceName?: Deque<any Follower>] = [:]
        /// Lanes that are not empty, in the order of their turns.
        var order: Deque<ResourceName?> = []
        var count = 0

        mutating func append(_ follower: any Follower) {
            let lane = follower.lane
            if lanes[lane] == nil { order.append(lane) }
            lanes[lane, default: []].append(follower)
            count += 1
        }

        mutating func popFirst() -> (any Follower)? {
            guard let lane = order.popFirst(), let follower = lanes[lane]?.popFirst() else { return nil }
            count -= 1
            if lanes[lane]?.isEmpty ?? true { lanes[lane] = nil } else { order.append(lane) }
            return follower
        }
    }

    private let state = Mutex(State())
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

    /// The most turns in one go: what else the worker has to do, timers among it, waits for no more of them than these.
    private static let turnsMax = 64

    /// Gives as many turns as followers are waiting now, up to a limit; those who come meanwhile may have some of them.
    func drain(now: Duration) {
        for _ in 0..<min(state.withLock(\.count), FollowerQueue.turnsMax) {
            guard let follower = state.withLock({ $0.popFirst() }) else { return }
            follower.isQueued.store(false, ordering: .releasing)
            follower.turn(now: now)
        }
    }

    var isEmpty: Bool { state.withLock { $0.count == 0 } }
}
