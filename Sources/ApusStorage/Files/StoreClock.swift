// SPDX-License-Identifier: Apache-2.0

// Time as the store sees it: passed in, so that the simulator can stop it, hurry it and make it jump.

public import ApusModel
import Glibc

/// The two clocks of a store.
public struct StoreClock: Sendable {
    /// Time since some moment, never going back: decides when work is due.
    public var monotonic: @Sendable () -> Duration
    /// Wall time, which may jump: decides only when a segment is old enough to be closed.
    public var wall: @Sendable () -> Timestamp

    /// Clocks by their reading functions.
    public init(
        monotonic: @escaping @Sendable () -> Duration, wall: @escaping @Sendable () -> Timestamp
    ) {
        self.monotonic = monotonic
        self.wall = wall
    }

    /// This machine's clocks.
    public static let system = StoreClock(
        monotonic: { read(CLOCK_MONOTONIC) },
        wall: { Timestamp(milliseconds: read(CLOCK_REALTIME).milliseconds) })

    private static func read(_ clock: clockid_t) -> Duration {
        var time = timespec()
        clock_gettime(clock, &time)
        return Duration(
            secondsComponent: Int64(time.tv_sec), attosecondsComponent: Int64(time.tv_nsec) * 1_000_000_000)
    }
}
