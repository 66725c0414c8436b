// SPDX-License-Identifier: Apache-2.0

// The decision behind a rate-limited logger, as a value: lines of one kind are counted in windows that
// begin with their first line. Input and time in, verdict out.

/// Which lines of which kind may be written now.
///
/// Invariant: in every window at most `linesMax` lines of a kind are written, and each line held back
/// is counted in exactly one later `suppressed`. At most `kindsMax` kinds are told apart; lines of
/// further kinds count as one kind together, so that a kind made from input cannot eat memory.
struct LogRateLimiter: Sendable {
    /// What to do with a line.
    enum Verdict: Equatable {
        /// Write it; this many of its kind were held back in the window before.
        case write(suppressed: Int)
        /// Hold it back.
        case suppress
    }

    private struct Window {
        var end: ContinuousClock.Instant
        var lines = 0
        var suppressed = 0
    }

    private let linesMax: Int
    private let interval: Duration
    private let kindsMax: Int
    private var windows: [String: Window] = [:]

    init(linesMax: Int, interval: Duration, kindsMax: Int) {
        self.linesMax = linesMax
        self.interval = interval
        self.kindsMax = kindsMax
    }

    /// Counts a line of this kind.
    mutating func verdict(kind: String, now: ContinuousClock.Instant) -> Verdict {
        let kind = windows[kind] != nil || windows.count < kindsMax || makeRoom(now: now) ? kind : "other"
        var window = windows[kind] ?? Window(end: now + interval)
        defer { windows[kind] = window }
        var suppressedBefore = 0
        if now >= window.end {
            suppressedBefore = window.suppressed
            window = Window(end: now + interval)
        }
        guard window.lines < linesMax else {
            window.suppressed += 1
            return .suppress
        }
        window.lines += 1
        return .write(suppressed: suppressedBefore)
    }

    /// Ends the windows that are over and returns, sorted by kind, those that held lines back: for the
    /// kinds that stopped, whose count no later line will carry.
    mutating func endedWindows(now: ContinuousClock.Instant) -> [(kind: String, suppressed: Int)] {
        let ended = windows.filter { now >= $0.value.end }
        for kind in ended.keys { windows[kind] = nil }
        return ended.filter { $0.value.suppressed > 0 }.map { ($0.key, $0.value.suppressed) }
            .sorted { $0.0 < $1.0 }
    }

    /// Forgets kinds that have nothing more to tell; whether that made room.
    private mutating func makeRoom(now: ContinuousClock.Instant) -> Bool {
        windows = windows.filter { now < $0.value.end || $0.value.suppressed > 0 }
        return windows.count < kindsMax
    }
}
