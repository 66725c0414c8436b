// SPDX-License-Identifier: Apache-2.0

// Who gets the next connection, and when.

import NIOCore
import Testing

@testable import ApusWebhookTransport

@Suite struct ConnectQueueTests {
    private typealias Queue = ConnectQueue<String, Int>

    private static func time(_ milliseconds: Int64) -> NIODeadline {
        .uptimeNanoseconds(0) + .seconds(100) + .milliseconds(milliseconds)
    }

    /// What may be begun at `now`.
    private static func begin(_ queue: inout Queue, at now: NIODeadline) -> [Int] {
        var begun: [Int] = []
        while let found = queue.next(now: now) { begun.append(found.request) }
        return begun
    }

    @Test func `a burst is begun at once, and more at the pace`() {
        var queue = Queue(perSecond: 1000)
        let admitted = (0..<200).count { _ in queue.admit(now: Self.time(0)) }
        #expect(admitted == Queue.burst)
        for number in 0..<10 {
            queue.append(number, key: "\(number)", topic: "a", isKnown: false, now: Self.time(0))
        }
        let begun = [0, 3, 4].map { Self.begin(&queue, at: Self.time($0)) }
        #expect(begun == [[], [0, 1, 2], [3]])
        let overtakes = queue.admit(now: Self.time(9))
        #expect(!overtakes, "nobody overtakes those who wait")
        let rest = Self.begin(&queue, at: Self.time(1000))
        #expect(rest == Array(4..<10))
        #expect(queue.isEmpty)
    }

    @Test func `after a rest there is no more than a burst`() {
        var queue = Queue(perSecond: 1000)
        for number in 0..<1000 {
            queue.append(number, key: "\(number)", topic: "a", isKnown: false, now: Self.time(0))
        }
        let begun = Self.begin(&queue, at: Self.time(60_000))
        #expect(begun.count == Queue.burst)
    }

    @Test func `topics take turns, and so do targets that are connected and others`() {
        var queue = Queue(perSecond: 1000)
        for number in 0..<4 {
            queue.append(number, key: "slow", topic: "slow", isKnown: false, now: Self.time(0))
        }
        queue.append(10, key: "fast", topic: "fast", isKnown: false, now: Self.time(0))
        queue.append(20, key: "known", topic: "slow", isKnown: true, now: Self.time(0))
        let begun = Self.begin(&queue, at: Self.time(0))
        #expect(begun == [0, 10, 20, 1, 2, 3])
    }

    @Test func `a connection that becomes free serves who waits longest for that target`() {
        var queue = Queue(perSecond: 1)
        queue.append(1, key: "a", topic: "t", isKnown: true, now: Self.time(0))
        queue.append(2, key: "b", topic: "t", isKnown: true, now: Self.time(1))
        queue.append(3, key: "b", topic: "t", isKnown: true, now: Self.time(2))
        let found = queue.take(for: "b", now: Self.time(11))
        #expect(found?.request == 2)
        #expect(found?.waited == .milliseconds(10))
        let none = queue.take(for: "c", now: Self.time(11))
        #expect(none?.request == nil)
        let begun = Self.begin(&queue, at: Self.time(20))
        #expect(begun == [1, 3])
    }

    @Test func `all who wait can be told that there is nothing to wait for`() {
        var queue = Queue(perSecond: 1)
        for number in [3, 1, 2] {
            queue.append(number, key: "a", topic: "\(number)", isKnown: false, now: Self.time(0))
        }
        let told = queue.removeAll()
        #expect(told == [3, 1, 2])
        #expect(queue.isEmpty)
        let begun = Self.begin(&queue, at: Self.time(5000))
        #expect(begun.isEmpty)
    }

    @Test func `lanes take turns and keep their order`() {
        var queue = TurnQueue<String, Int>()
        for number in 0..<3 { queue.append(number, lane: "a") }
        queue.append(10, lane: "b")
        let first = queue.popFirst()
        queue.append(20, lane: "c")
        let others = (0..<5).map { _ in queue.popFirst() }
        #expect(first == 0)
        #expect(others == [10, 1, 20, 2, nil])
        #expect(queue.isEmpty)
    }
}
