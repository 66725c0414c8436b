// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Apus

@Suite struct RetryPolicyTests {
    private func waits(_ policy: RetryPolicy, _ error: any Error = GatewayDown()) -> [Duration] {
        var random = SystemRandomNumberGenerator()
        return (1...100).prefix { attempt in
            policy.decision(attempt: attempt, error: error, using: &random) != .giveUp
        }
        .compactMap { attempt in
            if case .retry(let wait) = policy.decision(attempt: attempt, error: error, using: &random) {
                wait
            } else {
                nil
            }
        }
    }

    @Test func `waits are as they were asked for`() {
        #expect(waits(.none) == [])
        #expect(waits(.immediate(2)) == [.zero, .zero])
        #expect(waits(.list([.seconds(1), .seconds(5)])) == [.seconds(1), .seconds(5)])
        #expect(
            waits(.exponential(from: .seconds(1), to: .seconds(10), attempts: 7, jitter: 0))
                == [1, 2, 4, 8, 10, 10].map { .seconds($0) })
        #expect(waits(.immediate(1).then(.list([.seconds(9)]))) == [.zero, .seconds(9)])
    }

    @Test func `attempts are counted with all stages and exceptions`() {
        #expect(RetryPolicy.none.attemptsMax == 1)
        #expect(RetryPolicy.exponential(attempts: 8).attemptsMax == 8)
        #expect(RetryPolicy.immediate(2).then(.list([.zero])).attemptsMax == 4)
        #expect(RetryPolicy.none.on(GatewayDown.self, .immediate(6)).attemptsMax == 7)
    }

    @Test func `errors can have policies of their own, or none`() {
        let policy = RetryPolicy.immediate(1).never(on: CardDeclined.self)
            .on(GatewayDown.self, .list([.seconds(60)])).never { "\($0)".contains("Reject") }
        #expect(waits(policy, CardDeclined()) == [])
        #expect(waits(policy, GatewayDown()) == [.seconds(60)])
        #expect(waits(policy, Reject("x")) == [.zero])
        #expect(waits(policy, CancellationError()) == [.zero])
    }

    @Test func `jitter shortens waits within its share`() {
        var random = SystemRandomNumberGenerator()
        let policy = RetryPolicy.exponential(from: .seconds(8), to: .seconds(8), attempts: 2, jitter: 0.5)
        for _ in 0..<200 {
            guard case .retry(let wait) = policy.decision(attempt: 1, error: GatewayDown(), using: &random)
            else {
                Issue.record("no retry")
                return
            }
            #expect(wait >= .seconds(4) && wait <= .seconds(8))
        }
    }

    @Test func `a long way up does not overflow`() {
        let policy = RetryPolicy.exponential(
            from: .nanoseconds(1), to: .seconds(86_400 * 365), attempts: 1_000, jitter: 0)
        var random = SystemRandomNumberGenerator()
        #expect(
            policy.decision(attempt: 999, error: GatewayDown(), using: &random)
                == .retry(after: .seconds(86_400 * 365)))
    }
}
