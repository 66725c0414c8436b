// SPDX-License-Identifier: Apache-2.0

// When librdkafka is made to look again whether there is room in its queue.

import Testing

@testable import ApusKafka

@Suite struct ReadAheadTests {
    private let start = ContinuousClock.now

    private func at(_ milliseconds: Int) -> ContinuousClock.Instant { start + .milliseconds(milliseconds) }

    @Test func `a queue that is never half full is left alone`() {
        var queue = ReadAhead(recordsMax: 1000, bytesMax: 1 << 20)
        for time in 0..<100 {
            #expect(queue.taken(records: 10, bytes: 100, left: 500, at: at(time)) == nil)
            #expect(queue.taken(records: 10, bytes: 100, left: 0, at: at(time)) == nil)
        }
    }

    @Test func `retries pause while it is full, and fetching goes on when it is nearly empty`() {
        var queue = ReadAhead(recordsMax: 1000, bytesMax: 1 << 20)
        #expect(queue.taken(records: 10, bytes: 100, left: 501, at: at(0)) == .pauseRetries)
        #expect(queue.taken(records: 10, bytes: 100, left: 900, at: at(1)) == nil)
        #expect(queue.taken(records: 10, bytes: 100, left: 251, at: at(2)) == nil)
        #expect(queue.taken(records: 10, bytes: 100, left: 250, at: at(3)) == .goOn)
        #expect(queue.taken(records: 10, bytes: 100, left: 0, at: at(4)) == nil)
        #expect(queue.taken(records: 10, bytes: 100, left: 600, at: at(5)) == .pauseRetries)
    }

    @Test func `large records fill it, too`() {
        var queue = ReadAhead(recordsMax: 1000, bytesMax: 1 << 20)
        #expect(queue.taken(records: 2, bytes: 20_000, left: 60, at: at(0)) == .pauseRetries)
        #expect(queue.taken(records: 2, bytes: 20_000, left: 27, at: at(1)) == nil)
        #expect(queue.taken(records: 2, bytes: 20_000, left: 26, at: at(2)) == .goOn)
    }

    @Test func `who is slow does not keep retries waiting`() {
        var queue = ReadAhead(recordsMax: 1000, bytesMax: 1 << 20)
        #expect(queue.taken(records: 10, bytes: 100, left: 900, at: at(0)) == .pauseRetries)
        #expect(queue.taken(records: 10, bytes: 100, left: 890, at: at(500)) == nil)
        #expect(queue.taken(records: 10, bytes: 100, left: 880, at: at(501)) == .resumeRetries)
        #expect(queue.taken(records: 10, bytes: 100, left: 870, at: at(2000)) == nil)
        #expect(queue.taken(records: 0, bytes: 0, left: 200, at: at(3000)) == .goOn)
    }
}
