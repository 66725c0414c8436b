// SPDX-License-Identifier: Apache-2.0

// The limit on repeated log lines, on a clock moved by hand.

import Logging
import Synchronization
import Testing

@testable import ApusTelemetry

@Suite struct RateLimitedLoggerTests {
    private let start = ContinuousClock.now

    @Test func `at most so many lines of a kind are written in an interval`() {
        var limiter = LogRateLimiter(linesMax: 2, interval: .seconds(10), kindsMax: 10)
        #expect(limiter.verdict(kind: "a", now: start) == .write(suppressed: 0))
        #expect(limiter.verdict(kind: "a", now: start) == .write(suppressed: 0))
        #expect(limiter.verdict(kind: "a", now: start + .seconds(9)) == .suppress)
        #expect(limiter.verdict(kind: "b", now: start + .seconds(9)) == .write(suppressed: 0))
    }

    @Test func `the next interval says once how many were held back`() {
        var limiter = LogRateLimiter(linesMax: 1, interval: .seconds(10), kindsMax: 10)
        for _ in 0..<4 { _ = limiter.verdict(kind: "a", now: start) }
        #expect(limiter.verdict(kind: "a", now: start + .seconds(10)) == .write(suppressed: 3))
        #expect(limiter.verdict(kind: "a", now: start + .seconds(20)) == .write(suppressed: 0))
    }

    @Test func `a kind that stopped is reported when its interval is over`() {
        var limiter = LogRateLimiter(linesMax: 1, interval: .seconds(10), kindsMax: 10)
        for kind in ["b", "a", "b", "a", "b", "c"] { _ = limiter.verdict(kind: kind, now: start) }
        #expect(limiter.endedWindows(now: start + .seconds(9)).isEmpty)
        let ended = limiter.endedWindows(now: start + .seconds(10))
        #expect(ended.map(\.kind) == ["a", "b"])
        #expect(ended.map(\.suppressed) == [1, 2])
        #expect(limiter.endedWindows(now: start + .seconds(30)).isEmpty)
    }

    @Test func `kinds beyond the limit count as one until there is room`() {
        var limiter = LogRateLimiter(linesMax: 1, interval: .seconds(10), kindsMax: 1)
        #expect(limiter.verdict(kind: "a", now: start) == .write(suppressed: 0))
        #expect(limiter.verdict(kind: "b", now: start) == .write(suppressed: 0))
        #expect(limiter.verdict(kind: "c", now: start) == .suppress)
        // Kind a is over and has nothing to tell, but the lines held back as one kind still wait.
        #expect(limiter.verdict(kind: "d", now: start + .seconds(10)) == .write(suppressed: 1))
    }

    @Test func `the logger writes, counts and reports`() {
        let lines = LineList()
        let logger = Logger(label: "apus") { label in
            HumanLogHandler(label: label, output: lines.output) { WallTime(nanosecondsSinceEpoch: 0) }
        }
        let clock = Mutex(start)
        let limited = RateLimitedLogger(logger, linesMax: 1, per: .seconds(60)) { clock.withLock { $0 } }
        limited.log(.debug, kind: "fails", "not even counted")
        for attempt in 1...3 {
            limited.log(.warning, kind: "fails", "failed", metadata: ["attempt": .stringConvertible(attempt)])
        }
        clock.withLock { $0 += .seconds(60) }
        limited.log(.warning, kind: "fails", "failed", metadata: ["attempt": "4"])
        limited.log(.warning, kind: "fails", "failed", metadata: ["attempt": "5"])
        clock.withLock { $0 += .seconds(60) }
        limited.reportSuppressed()
        let time = "1970-01-01T00:00:00.000Z"
        #expect(
            lines.lines == [
                "\(time) WARNING  failed attempt=1\n",
                "\(time) WARNING  failed attempt=4 suppressed=2\n",
                "\(time) NOTICE   log lines were held back kind=fails suppressed=1\n",
            ])
    }
}
