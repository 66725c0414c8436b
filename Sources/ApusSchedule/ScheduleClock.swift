// SPDX-License-Identifier: Apache-2.0

// What time it is for what waits to become due. Due times are wall time; but a clock on the wall that jumps for a moment must neither fire
// a year's events nor hold them back, so a step is believed only after it has lasted.

/// Wall time that does not follow sudden steps at once. All times are in milliseconds.
public struct ScheduleClock: Hashable, Sendable {
    /// A difference between the two clocks beyond this is a step; less is how clocks are kept right.
    public static let step: Int64 = 2000
    /// For how long a step must last to be believed.
    public static let patience: Int64 = 60_000

    private var anchor: (monotonic: Int64, wall: Int64)?
    /// Since when the clock on the wall shows something else.
    private var steppedAt: Int64?

    /// A clock that has not been read yet: the first reading is believed.
    public init() {}

    /// The time to go by, given what both clocks say.
    public mutating func time(monotonic: Int64, wall: Int64) -> Int64 {
        guard let anchor else {
            self.anchor = (monotonic, wall)
            return wall
        }
        let expected = anchor.wall + (monotonic - anchor.monotonic)
        guard abs(wall - expected) > ScheduleClock.step else {
            self.anchor = (monotonic, wall)
            steppedAt = nil
            return wall
        }
        let since = steppedAt ?? monotonic
        guard monotonic - since < ScheduleClock.patience else {
            self.anchor = (monotonic, wall)
            steppedAt = nil
            return wall
        }
        steppedAt = since
        return expected
    }

    public static func == (left: ScheduleClock, right: ScheduleClock) -> Bool {
        left.anchor?.monotonic == right.anchor?.monotonic && left.anchor?.wall == right.anchor?.wall
            && left.steppedAt == right.steppedAt
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(anchor?.monotonic)
        hasher.combine(anchor?.wall)
        hasher.combine(steppedAt)
    }
}
