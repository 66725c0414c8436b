// SPDX-License-Identifier: Apache-2.0

// When offsets are committed: one request at a time, not more often than the interval, and none while a transaction commits them.

/// Decides when the next commit is sent.
struct CommitPacer {
    private let interval: Duration
    private var isDirty = false
    private(set) var isInFlight = false
    private(set) var isHeld = false
    private var notBefore: ContinuousClock.Instant?

    init(interval: Duration) { self.interval = interval }

    /// There is something to commit; true when nobody knew that yet.
    mutating func settled() -> Bool {
        defer { isDirty = true }
        return !isDirty
    }

    /// When a commit is due, if it is.
    func due(_ now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        guard isDirty, !isInFlight, !isHeld else { return nil }
        return max(now, notBefore ?? now)
    }

    /// A commit is being sent.
    mutating func begin(_ now: ContinuousClock.Instant) {
        isDirty = false
        isInFlight = true
        notBefore = now + interval
    }

    /// It was answered; what failed is to be sent again.
    mutating func ended(failed: Bool) {
        isInFlight = false
        if failed { isDirty = true }
    }

    /// A transaction commits offsets itself; false while a commit is on its way, which could undo its work.
    mutating func hold() -> Bool {
        guard !isInFlight, !isHeld else { return false }
        isHeld = true
        return true
    }

    /// The transaction is over.
    mutating func release() { isHeld = false }
}
