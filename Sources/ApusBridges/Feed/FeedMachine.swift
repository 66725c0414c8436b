// SPDX-License-Identifier: Apache-2.0

// What a feed does next, as a value: what happened goes in with the time, and out comes the next step. No I/O, no clock.

import ApusModel

/// The course of one feed.
struct FeedMachine: Sendable, Hashable {
    /// What the feed is doing.
    enum Phase: Sendable, Hashable {
        case paused
        case connecting
        case running
        /// Until a moment on the monotonic clock.
        case waiting(until: Duration)
        /// For ever.
        case ended
    }

    /// What is to be done.
    enum Step: Sendable, Hashable {
        /// Open the source and take events until something happens.
        case work
        /// Wait until this moment, or until something happens.
        case wait(until: Duration)
        /// Wait until something happens.
        case rest
        /// Nothing any more.
        case end
    }

    private(set) var phase: Phase
    /// Failures without an event in between.
    private(set) var failures = 0

    init(isPaused: Bool) { phase = isPaused ? .paused : .connecting }

    /// What is to be done now.
    mutating func step(now: Duration) -> Step {
        switch phase {
        case .paused: return .rest
        case .connecting, .running:
            // Whatever ended the last stretch, the source has to be opened again.
            phase = .connecting
            return .work
        case .waiting(let until):
            guard until <= now else { return .wait(until: until) }
            phase = .connecting
            return .work
        case .ended: return .end
        }
    }

    /// Somebody wants it to take nothing, or to go on.
    mutating func pause(_ isPaused: Bool) {
        switch (phase, isPaused) {
        case (.ended, _), (.paused, true): break
        case (_, true): phase = .paused
        case (.paused, false):
            failures = 0
            phase = .connecting
        case (_, false): break
        }
    }

    /// The source is open.
    mutating func opened() {
        if phase == .connecting { phase = .running }
    }

    /// An event was taken and settled: whatever was wrong is over.
    mutating func progressed() { failures = 0 }

    /// The source could not be opened, or is lost. `chance` is between 0 and 1: feeds that failed together do not come back together.
    mutating func failed(now: Duration, chance: Double) {
        guard phase == .connecting || phase == .running else { return }
        let longest = min(Defaults.feedBackoffInitial * (1 << min(failures, 16)), Defaults.feedBackoffMax)
        failures += 1
        phase = .waiting(until: now + longest / 2 + longest / 2 * min(max(chance, 0), 1))
    }

    /// Its settings or its connection changed: it begins anew, at once.
    mutating func restart() {
        switch phase {
        case .paused, .ended: break
        case .connecting, .running, .waiting:
            failures = 0
            phase = .connecting
        }
    }

    /// It is not needed any more.
    mutating func end() { phase = .ended }
}
