// SPDX-License-Identifier: Apache-2.0

import ApusEngine
import ApusModel
import ApusTesting
import ApusTransport
import NIOCore
import Testing

private let wall = Timestamp(milliseconds: 1_000_000)
private let settings = PushSettings.Breaker(failures: 3, initial: .seconds(4), max: .seconds(10))

/// No chance at all: the shortest pause that there can be.
private func never(_ limit: Duration) -> Duration { .zero }

@Suite struct CircuitBreakerTests {
    private func failed(_ breaker: inout CircuitBreaker, at now: Duration, asked: Duration? = nil) -> Bool {
        breaker.failed(
            settings, asked: asked, now: now, wall: wall.advanced(by: now), chance: { $0 })
    }

    @Test func `failures in a row open it, an answer in between does not let them add up`() {
        var breaker = CircuitBreaker()
        #expect(!failed(&breaker, at: .zero))
        #expect(!failed(&breaker, at: .zero))
        let didClose = breaker.answered()
        #expect(!didClose)
        #expect(!failed(&breaker, at: .zero))
        #expect(!failed(&breaker, at: .zero))
        #expect(breaker.admission(now: .zero) == .free)
        #expect(failed(&breaker, at: .zero))
        #expect(breaker.admission(now: .seconds(1)) == .wait(until: .seconds(4)))
    }

    @Test func `pauses double up to the longest, each with one probe behind it`() {
        var breaker = CircuitBreaker()
        for _ in 0..<3 { _ = failed(&breaker, at: .zero) }
        var now = Duration.seconds(4)
        for pause in [8, 10, 10] {
            #expect(breaker.admission(now: now) == .probe)
            breaker.beginProbe()
            #expect(breaker.admission(now: now) == .wait(until: nil))
            #expect(failed(&breaker, at: now))
            #expect(breaker.admission(now: now) == .wait(until: now + .seconds(pause)))
            now += .seconds(pause)
        }
        breaker.beginProbe()
        let didClose = breaker.answered()
        #expect(didClose)
        #expect(breaker.pause == nil)
        #expect(breaker.admission(now: now) == .free)
    }

    @Test func `attempts from before do not make the pause longer`() {
        var breaker = CircuitBreaker()
        for _ in 0..<3 { _ = failed(&breaker, at: .zero) }
        let pause = breaker.pause
        #expect(!failed(&breaker, at: .seconds(1)))
        #expect(breaker.pause == pause)
    }

    @Test func `a pause is at least half as long as it could be, and as long as the target asks`() {
        var breaker = CircuitBreaker()
        breaker.leaveAlone(settings, asked: nil, now: .zero, wall: wall, chance: never)
        #expect(breaker.admission(now: .zero) == .wait(until: .seconds(2)))
        var asked = CircuitBreaker()
        asked.leaveAlone(settings, asked: .seconds(60), now: .zero, wall: wall, chance: never)
        #expect(asked.admission(now: .zero) == .wait(until: .seconds(60)))
    }

    @Test func `a probe that was not made is made again at once`() {
        var breaker = CircuitBreaker()
        for _ in 0..<3 { _ = failed(&breaker, at: .zero) }
        breaker.beginProbe()
        breaker.loseProbe(now: .seconds(9))
        #expect(breaker.admission(now: .seconds(9)) == .probe)
    }

    @Test func `without a number of failures it never opens`() {
        var breaker = CircuitBreaker()
        let off = PushSettings.Breaker(failures: 0)
        for _ in 0..<100 {
            let isOpening = breaker.failed(off, asked: nil, now: .zero, wall: wall, chance: never)
            #expect(!isOpening)
        }
        #expect(breaker.admission(now: .zero) == .free)
    }

    @Test func `a pause is written down and read again`() throws {
        let pause = CircuitBreaker.Pause(since: wall, probe: wall.advanced(by: .seconds(7)), rounds: 3)
        for change in [SubscriptionChange.circuit(pause), .circuit(nil)] {
            var buffer = ByteBuffer()
            change.encode(into: &buffer)
            #expect(buffer.withUnsafeReadableBytes(SubscriptionChange.decode) == [change])
        }
        let restored = CircuitBreaker(restoring: pause) { _ in .seconds(5) }
        #expect(restored.admission(now: .zero) == .wait(until: .seconds(5)))
        #expect(restored.pause == pause)
    }
}

@Suite struct RateLimiterTests {
    @Test(arguments: [0.5, 1, 7, 100, 12_345, 1_000_000])
    func `over any ten seconds no more pass than the rate and its burst allow`(rate: Double) {
        var limiter = RateLimiter()
        var now = Duration.seconds(100)
        let end = now + .seconds(10)
        var passed = 0
        while now < end {
            let count = limiter.available(perSecond: rate, now: now)
            if count > 0 {
                passed += count
                limiter.take(count, perSecond: rate, now: now)
            }
            #expect(limiter.available(perSecond: rate, now: now) == 0)
            now = max(limiter.due, now + .milliseconds(3))
        }
        let burst = max(1, rate / 10)
        #expect(Double(passed) <= rate * 10 + burst + 1)
        #expect(Double(passed) >= rate * 10 * 0.95 - 1)
    }
}
