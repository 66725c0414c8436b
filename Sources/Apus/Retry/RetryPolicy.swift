// SPDX-License-Identifier: Apache-2.0

// What becomes of an event whose handler threw: a value that takes the error and the number of the attempt and says when to try again, or to give up.
// It waits for nothing itself: the transport keeps the event until it is due, in the broker where that can be done, so that a retry holds up nobody.

/// How often, and after which waits, a failed event is handled again.
///
/// ```swift
/// let policy = RetryPolicy.exponential(from: .seconds(1), to: .seconds(300), attempts: 8)
///     .never(on: CardDeclined.self)
/// ```
public struct RetryPolicy: Sendable {
    /// Waits before the retries, one after the other.
    enum Waits: Sendable {
        case none(count: Int)
        case list([Duration])
        case exponential(from: Duration, to: Duration, retries: Int, jitter: Double)

        var count: Int {
            switch self {
            case .none(let count): count
            case .list(let waits): waits.count
            case .exponential(_, _, let retries, _): retries
            }
        }
    }

    private struct Exception: Sendable {
        var matches: @Sendable (any Error) -> Bool
        /// Nil: give up at once.
        var policy: RetryPolicy?
    }

    private var stages: [Waits]
    private var exceptions: [Exception] = []

    private init(_ stages: [Waits]) { self.stages = stages }

    // MARK: Making one

    /// Give up after the first attempt.
    public static let none = RetryPolicy([])

    /// Try again at once, up to `retries` times.
    public static func immediate(_ retries: Int) -> RetryPolicy {
        RetryPolicy([.none(count: max(0, retries))])
    }

    /// Try again after each of these waits, then give up.
    public static func list(_ waits: [Duration]) -> RetryPolicy {
        RetryPolicy([.list(waits.map { max($0, .zero) })])
    }

    /// Try again after waits that double.
    ///
    /// - Parameters:
    ///   - first: the first wait.
    ///   - last: the longest wait.
    ///   - attempts: how often the event is handled in all, the first time counted.
    ///   - jitter: how much of each wait is left to chance, from 0 (none) to 1 (all of it), so that what failed together does not come back
    ///     together.
    public static func exponential(
        from first: Duration = .seconds(1), to last: Duration = .seconds(300), attempts: Int = 8,
        jitter: Double = 0.2
    ) -> RetryPolicy {
        RetryPolicy([
            .exponential(
                from: max(first, .zero), to: max(last, first), retries: max(1, attempts) - 1,
                jitter: min(max(jitter, 0), 1))
        ])
    }

    /// The same waits, and when they are used up, those of another policy: `.immediate(2).then(.list([.seconds(60)]))`.
    public func then(_ next: RetryPolicy) -> RetryPolicy {
        var policy = self
        policy.stages += next.stages
        policy.exceptions += next.exceptions
        return policy
    }

    /// Gives up at once when a handler throws this type of error.
    public func never<Failure: Error>(on type: Failure.Type) -> RetryPolicy {
        except(nil) { $0 is Failure }
    }

    /// Gives up at once when a handler throws an error for which a condition holds.
    public func never(where condition: @escaping @Sendable (any Error) -> Bool) -> RetryPolicy {
        except(nil, condition)
    }

    /// Follows another policy when a handler throws this type of error. The number of attempts counts all of them, whatever they failed with.
    public func on<Failure: Error>(_ type: Failure.Type, _ policy: RetryPolicy) -> RetryPolicy {
        except(policy) { $0 is Failure }
    }

    private func except(
        _ other: RetryPolicy?, _ matches: @escaping @Sendable (any Error) -> Bool
    ) -> RetryPolicy {
        var policy = self
        policy.exceptions.append(Exception(matches: matches, policy: other))
        return policy
    }

    // MARK: Asking it

    /// What is to become of an event.
    enum Decision: Equatable {
        case retry(after: Duration)
        case giveUp
    }

    /// The most attempts that a consumer may ask for: what all brokers can count.
    public static let attemptsLimit = 1000

    /// How often an event is handled at most.
    public var attemptsMax: Int {
        let own = stages.reduce(1) { sum, stage in
            let (total, isBeyond) = sum.addingReportingOverflow(stage.count)
            return isBeyond ? .max : total
        }
        return exceptions.reduce(own) { max($0, $1.policy?.attemptsMax ?? 1) }
    }

    /// Whether some retry waits, which not every broker can do without holding up others.
    var waits: Bool {
        stages.contains { stage in
            switch stage {
            case .none: false
            case .list(let waits): waits.contains { $0 > .zero }
            case .exponential(_, let last, let retries, _): retries > 0 && last > .zero
            }
        } || exceptions.contains { $0.policy?.waits ?? false }
    }

    /// What is to become of an event whose `attempt`-th handling, counted from 1, threw `error`.
    func decision(
        attempt: Int, error: any Error, using random: inout some RandomNumberGenerator
    ) -> Decision {
        for exception in exceptions where exception.matches(error) {
            guard let policy = exception.policy else { return .giveUp }
            return policy.decision(attempt: attempt, error: error, using: &random)
        }
        var retry = attempt
        for stage in stages {
            if retry <= stage.count { return .retry(after: stage.wait(before: retry, using: &random)) }
            retry -= stage.count
        }
        return .giveUp
    }
}

extension RetryPolicy.Waits {
    /// The wait before the `retry`-th retry of this stage, counted from 1.
    func wait(before retry: Int, using random: inout some RandomNumberGenerator) -> Duration {
        switch self {
        case .none: return .zero
        case .list(let waits): return waits[retry - 1]
        case .exponential(let first, let last, _, let jitter):
            var wait = first
            // Ends early: what doubles is soon the longest wait.
            for _ in 1..<max(retry, 1) where wait < last { wait = wait * 2 }
            wait = min(wait, last)
            guard jitter > 0 else { return wait }
            return wait * (1 - jitter * Double.random(in: 0...1, using: &random))
        }
    }
}
