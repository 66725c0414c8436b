// SPDX-License-Identifier: Apache-2.0

// What time it is for the purpose of deleting things. A clock that jumps ahead by years must not make everything old.

import ApusModel

/// Holds wall time against monotonic time, and distrusts it for a while after a jump.
struct RetentionClock: Sendable {
    /// A step of the wall clock against the monotonic one beyond this is a jump.
    static let jump = Duration.seconds(3600)
    /// For how long nothing is deleted by age after a jump: time for somebody to notice.
    static let quarantine = Duration.seconds(3600)

    private var last: (now: Duration, wall: Timestamp)?
    private var distrustUntil: Duration?

    /// Takes a reading; the wall time to judge ages by, or nil while it is not to be trusted.
    ///
    /// - Parameter newest: the latest timestamp known to be stored, for the first reading.
    mutating func reading(now: Duration, wall: Timestamp, newest: Timestamp?) -> Timestamp? {
        if let last {
            let drift = last.wall.duration(to: wall) - (now - last.now)
            if drift > RetentionClock.jump || drift < .zero - RetentionClock.jump {
                distrustUntil = now + RetentionClock.quarantine
            }
        } else if let newest, newest.duration(to: wall) > .seconds(30 * 86_400) {
            // Nothing stored for a month may be true, or the clock was set while the server was down.
            distrustUntil = now + RetentionClock.quarantine
        }
        last = (now, wall)
        if let until = distrustUntil, now < until { return nil }
        distrustUntil = nil
        return wall
    }
}
