// SPDX-License-Identifier: Apache-2.0

// What an answer of the collector means for a batch (OTLP/HTTP, sections "Failures" and "Retryable response codes"): a value in, a decision out.

/// How one request to a collector ended.
public enum ExportAnswer: Sendable, Hashable {
    /// It answered.
    ///
    /// - Parameters:
    ///   - retryAfter: the header of that name, as a wait.
    ///   - body: the beginning of the answer.
    case answered(status: Int, retryAfter: Duration?, body: [UInt8])
    /// It did not.
    case failed(reason: String)
}

/// When a batch is sent again, and when it is given up.
struct RetryPolicy: Sendable {
    /// What becomes of a batch.
    enum Verdict: Hashable, Sendable {
        case done
        case again(after: Duration)
        case givenUp(reason: String)
    }

    /// The wait after the first failure; it doubles from one to the next.
    var initial = Duration.seconds(1)
    /// The longest wait, also where the collector asks for more.
    var longest = Duration.seconds(30)
    /// How often a batch is sent at most.
    var attemptsMax = 6

    /// Statuses after which a request may be made again.
    private static let retryable: Set<Int> = [429, 502, 503, 504]

    /// What to do after an answer to attempt number `attempt`, counted from 1.
    ///
    /// - Parameter jitter: from 0 to 1; up to a fifth of a wait is left off by it, so that many servers do not come back together.
    func verdict(_ answer: ExportAnswer, attempt: Int, jitter: Double) -> Verdict {
        let reason: String
        var asked: Duration?
        switch answer {
        case .answered(200...299, _, _): return .done
        case .answered(let status, let retryAfter, _):
            reason = "answered with status \(status)"
            guard Self.retryable.contains(status) else { return .givenUp(reason: reason) }
            asked = retryAfter
        case .failed(let why): reason = why
        }
        guard attempt < attemptsMax else { return .givenUp(reason: "\(reason), \(attempt) times") }
        if let asked { return .again(after: min(asked, longest)) }
        let doubled = initial * (1 << min(attempt - 1, 16))
        return .again(after: min(doubled, longest) * (1 - 0.2 * jitter))
    }
}
