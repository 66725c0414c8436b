// SPDX-License-Identifier: Apache-2.0

// A handler that fails again and again is left alone for a while: events wait where they are, with their attempts unspent, instead of being driven through
// their retries into the dead letters while a database is down.

import Logging
import Synchronization

/// Stops calling a handler that keeps failing, and tries one event now and then until it works again.
///
/// While the circuit is open, events wait at this place; the consumer has room for no more of them than its prefetch, the rest stays with the broker.
public final class CircuitBreaker: Middleware {
    private let state: Mutex<CircuitState>
    private let counts: @Sendable (any Error) -> Bool

    /// Opens after failures in a row.
    ///
    /// - Parameters:
    ///   - failures: how many in a row open the circuit, at least 1.
    ///   - pause: how long it stays open before one event is tried.
    ///   - counts: which errors count as failures; by default all but ``Reject`` and ``UnreadableEvent``, which say something of the event and
    ///     nothing of what the handler depends on.
    public init(
        after failures: Int = 5, pause: Duration = .seconds(30),
        counting counts: @escaping @Sendable (any Error) -> Bool = {
            !($0 is Reject || $0 is UnreadableEvent)
        }
    ) {
        state = Mutex(CircuitState(failuresMax: max(1, failures), pause: pause))
        self.counts = counts
    }

    public func handle(_ context: EventContext, next: Next) async throws {
        let clock = context.bus.clock
        var isProbe = false
        waiting: while true {
            switch state.withLock({ $0.enter(at: clock.uptime) }) {
            case .go: break waiting
            case .probe:
                isProbe = true
                break waiting
            case .wait(let until): try await context.hold(until: until)
            }
        }
        do {
            try await next(context)
        } catch {
            // Cut off from outside: nothing was learned.
            let failed = !(error is CancellationError || error is HeldBack) && counts(error)
            let opened = state.withLock { state in
                failed
                    ? state.failed(at: clock.uptime, isProbe: isProbe)
                    : state.learnedNothing(at: clock.uptime, isProbe: isProbe)
            }
            if opened {
                context.logger.warning("circuit opened", metadata: ["error": "\(ErrorText.of(error))"])
            }
            throw error
        }
        if state.withLock({ $0.succeeded(isProbe: isProbe) }) { context.logger.info("circuit closed") }
    }
}

/// Closed, open, or open with one event on trial. Values only: time goes in.
struct CircuitState {
    enum Entry: Equatable {
        case go
        /// The one event that decides.
        case probe
        case wait(until: Duration)
    }

    let failuresMax: Int
    let pause: Duration
    private var failures = 0
    private var openUntil: Duration?
    private var isProbing = false

    init(failuresMax: Int, pause: Duration) {
        self.failuresMax = failuresMax
        self.pause = pause
    }

    mutating func enter(at now: Duration) -> Entry {
        guard let openUntil else { return .go }
        if now < openUntil { return .wait(until: openUntil) }
        // While one event is on trial, the others look again in a while.
        if isProbing { return .wait(until: now + max(pause / 10, .milliseconds(1))) }
        isProbing = true
        return .probe
    }

    /// True when the circuit closed.
    mutating func succeeded(isProbe: Bool) -> Bool {
        guard openUntil == nil || isProbe else { return false }
        failures = 0
        isProbing = false
        defer { openUntil = nil }
        return openUntil != nil
    }

    /// True when the circuit opened.
    mutating func failed(at now: Duration, isProbe: Bool) -> Bool {
        if isProbe {
            isProbing = false
            openUntil = now + pause
            return false
        }
        failures += 1
        guard openUntil == nil, failures >= failuresMax else { return false }
        openUntil = now + pause
        return true
    }

    /// The event on trial ended without telling; another may be tried at once.
    mutating func learnedNothing(at now: Duration, isProbe: Bool) -> Bool {
        if isProbe { isProbing = false }
        return false
    }
}
