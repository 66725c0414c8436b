// SPDX-License-Identifier: Apache-2.0

import ApusModel
import Synchronization
import Testing

@testable import ApusEngine

private final class CountingFollower: Follower {
    let isQueued = Atomic(false)
    let lane: ResourceName?
    private let count = Atomic<Int>(0)

    init(lane: ResourceName?) { self.lane = lane }

    var turns: Int { count.load(ordering: .relaxed) }

    func turn(now: Duration) { count.add(1, ordering: .relaxed) }
}

@Suite struct FollowerQueueTests {
    @Test func `a crowd gets its turns in portions, and another topic among the first`() throws {
        let queue = FollowerQueue(wake: {})
        let crowd = try (0..<1000).map { _ in CountingFollower(lane: try ResourceName("crowd")) }
        let other = CountingFollower(lane: try ResourceName("other"))
        for follower in crowd + [other] { queue.enqueue(follower) }
        queue.drain(now: .zero)
        let turns = crowd.reduce(0) { $0 + $1.turns }
        #expect(turns > 0 && turns < 100)
        #expect(other.turns == 1)
        while !queue.isEmpty { queue.drain(now: .zero) }
        #expect(crowd.allSatisfy { $0.turns == 1 })
    }

    @Test func `the worker rests between portions of a crowd while another topic is at work`() throws {
        let wakes = Mutex(0)
        let queue = FollowerQueue(wake: { wakes.withLock { $0 += 1 } })
        let crowd = try (0..<1000).map { _ in CountingFollower(lane: try ResourceName("crowd")) }
        let other = CountingFollower(lane: try ResourceName("other"))
        for follower in crowd { queue.enqueue(follower) }
        #expect(wakes.withLock { $0 } == 1)
        queue.drain(now: .zero)
        #expect(queue.pause(now: .zero) == nil, "nobody else is there")
        queue.enqueue(other)
        #expect(wakes.withLock { $0 } == 2)
        #expect(queue.pause(now: .zero) == nil, "somebody else waits")
        queue.drain(now: .zero)
        #expect(other.turns == 1)
        #expect(queue.pause(now: .milliseconds(900)) != nil)
        #expect(queue.pause(now: .milliseconds(1100)) == nil, "the other has gone")
        while !queue.isEmpty { queue.drain(now: .zero) }
        #expect(queue.pause(now: .zero) == nil)
        #expect(crowd.allSatisfy { $0.turns == 1 })
    }
}
