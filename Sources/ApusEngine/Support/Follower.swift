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
/// keep the subscriptions of another topic waiting until all of them have had theirs. What their turns set going (writes, flushes, requests) is
/// not in lanes and would keep all processors busy, so the worker rests between portions of such a crowd while another topic is at work too.
final class FollowerQueue: Sendable {
    private struct State {
        var lanes: [ResourceName?: Deque<any Follower>] = [:]
        /// Lanes that are not empty, in the order of their turns.
        var order: Deque<ResourceName?> = []
        var count = 0
        /// Until when it is taken that a topic without a crowd is at work beside one with a crowd.
        var companyUntil = Duration.zero

        /// Whether it is the first of its lane.
        mutating func append(_ follower: any Follower) -> Bool {
            let lane = follower.lane
            let isFirst = lanes[lane] == nil
            if isFirst { order.append(lane) }
            lanes[lane, default: []].append(follower)
            count += 1
            return isFirst
        }

        mutating func popFirst(now: Duration) -> (any Follower)? {
            guard let lane = order.popFirst(), let follower = lanes[lane]?.popFirst() else { return nil }
            count -= 1
            guard lanes[lane]?.isEmpty ?? true else {
                order.append(lane)
                return follower
            }
            lanes[lane] = nil
            if lane != nil, count >= FollowerQueue.crowdMin {
                companyUntil = now + FollowerQueue.companyTime
            }
            return follower
        }

        /// Whether a crowd of one topic is all that waits, and others are at work too.
        func isCrowd(now: Duration) -> Bool {
            count >= FollowerQueue.crowdMin && order.count == 1 && now < companyUntil
        }
    }

    private let state = Mutex(State())
    private let wake: @Sendable () -> Void

    init(wake: @escaping @Sendable () -> Void) { self.wake = wake }

    /// Gives `follower` a turn, unless it already waits for one.
    func enqueue(_ follower: any Follower) {
        guard !follower.isQueued.exchange(true, ordering: .acquiringAndReleasing) else { return }
        // A worker that rests because of a crowd goes on for whoever is not of it.
        if state.withLock({ $0.append(follower) }) { wake() }
    }

    /// The most turns in one go: what else the worker has to do, timers among it, waits for no more of them than these.
    private static let turnsMax = 64
    /// As many of one topic as this are a crowd.
    private static let crowdMin = 64
    /// The most turns in one go for a crowd that is not alone: half a millisecond's work, about.
    private static let crowdTurnsMax = 16
    /// How long the worker rests after those: three times as long as they took, because what they set going takes about as much again on every other thread.
    private static let crowdPause = Duration.microseconds(1500)
    /// For how long a topic is taken to be at work after a turn of its own.
    private static let companyTime = Duration.seconds(1)

    /// How long the worker is to rest; nil when there is nobody to rest for.
    func pause(now: Duration) -> Duration? {
        state.withLock { $0.isCrowd(now: now) } ? FollowerQueue.crowdPause : nil
    }

    /// Gives as many turns as followers are waiting now, up to a limit; those who come meanwhile may have some of them.
    func drain(now: Duration) {
        let limit = state.withLock { state in
            min(
                state.count, now < state.companyUntil ? FollowerQueue.crowdTurnsMax : FollowerQueue.turnsMax)
        }
        for _ in 0..<limit {
            guard let follower = state.withLock({ $0.popFirst(now: now) }) else { return }
            follower.isQueued.store(false, ordering: .releasing)
            follower.turn(now: now)
        }
    }

    var isEmpty: Bool { state.withLock { $0.count == 0 } }
}
