// SPDX-License-Identifier: Apache-2.0

// Time comes in from outside, in two kinds. Deadlines in memory (leases, waits, backoff) run on the monotonic clock, which no
// administrator can set; what has to survive a restart is written down as wall time and anchored anew at start.

public import ApusModel

/// The two clocks that the engine lives by.
public protocol EngineClock: Sendable {
    /// Time since some fixed moment in this process's life; never goes back.
    var now: Duration { get }
    /// What the clock on the wall says; may jump.
    var wall: Timestamp { get }
}

/// The machine's clocks.
public struct SystemClock: EngineClock {
    private let start = ContinuousClock.now

    /// The machine's clocks.
    public init() {}

    public var now: Duration { start.duration(to: .now) }

    public var wall: Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }
}

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif
