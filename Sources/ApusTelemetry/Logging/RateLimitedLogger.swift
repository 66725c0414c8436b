// SPDX-License-Identifier: Apache-2.0

// A logger for what may go wrong a thousand times a second: a few lines of each kind per interval, and
// the number of those held back.

public import Logging
import Synchronization

/// Writes at most some lines of one kind per interval and counts the rest.
///
/// The first line after an interval carries `suppressed=n` for what its kind held back before.
public final class RateLimitedLogger: Sendable {
    private let logger: Logger
    private let limiter: Mutex<LogRateLimiter>
    private let now: @Sendable () -> ContinuousClock.Instant

    /// A limit in front of `logger`.
    ///
    /// - Parameters:
    ///   - linesMax: how many lines of one kind are written per interval.
    ///   - interval: begins with the first line of a kind.
    ///   - now: the clock.
    public init(
        _ logger: Logger, linesMax: Int = 5, per interval: Duration = .seconds(60),
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) {
        self.logger = logger
        limiter = Mutex(LogRateLimiter(linesMax: linesMax, interval: interval, kindsMax: 1000))
        self.now = now
    }

    /// Writes the line or counts it as held back.
    ///
    /// - Parameter kind: what is counted together, a constant such as `"delivery-failed"`.
    public func log(
        _ level: Logger.Level, kind: String, _ message: @autoclosure () -> Logger.Message,
        metadata: @autoclosure () -> Logger.Metadata = [:]
    ) {
        guard level >= logger.logLevel else { return }
        let verdict = limiter.withLock { $0.verdict(kind: kind, now: now()) }
        guard case .write(let suppressed) = verdict else { return }
        var metadata = metadata()
        if suppressed > 0 { metadata["suppressed"] = .stringConvertible(suppressed) }
        logger.log(level: level, message(), metadata: metadata)
    }

    /// Writes one line for each kind that held lines back and has been silent since; to be called now
    /// and then, and before the process ends.
    public func reportSuppressed() {
        let ended = limiter.withLock { $0.endedWindows(now: now()) }
        for (kind, suppressed) in ended {
            logger.notice(
                "log lines were held back",
                metadata: ["kind": .string(kind), "suppressed": .stringConvertible(suppressed)])
        }
    }
}
