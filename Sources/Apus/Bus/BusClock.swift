// SPDX-License-Identifier: Apache-2.0

// Time as the library sees it. A seam, so that retries, timeouts and schedules are tested without waiting.

public import CloudEvents

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Both times that a program lives in: the one on the wall, which events carry, and the one that only moves on, by which it waits.
public protocol BusClock: Sendable {
    /// The time on the wall.
    var wallTime: CloudEventTimestamp { get }
    /// Time since some moment in the past; never goes back.
    var uptime: Duration { get }
    /// Waits until ``uptime`` has reached a value; at once if it has.
    ///
    /// - Throws: `CancellationError` when the task is cancelled.
    func sleep(until uptime: Duration) async throws
}

extension BusClock {
    /// Waits for some time.
    ///
    /// - Throws: `CancellationError` when the task is cancelled.
    public func sleep(for duration: Duration) async throws {
        try await sleep(until: uptime + duration)
    }
}

/// The clocks of the system.
public struct SystemBusClock: BusClock {
    private static let start = ContinuousClock.now

    /// The clocks of the system.
    public init() { _ = Self.start }

    public var wallTime: CloudEventTimestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return CloudEventTimestamp(
            millisecondsSinceEpoch: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }

    public var uptime: Duration { ContinuousClock.now - Self.start }

    public func sleep(until uptime: Duration) async throws {
        try await Task.sleep(until: Self.start + uptime, tolerance: .zero, clock: .continuous)
    }
}

extension CloudEventTimestamp {
    /// The time some while later, to the millisecond.
    func advanced(by duration: Duration) -> CloudEventTimestamp {
        let (seconds, attoseconds) = duration.components
        let milliseconds = seconds.multipliedReportingOverflow(by: 1000)
        let delta =
            milliseconds.overflow
            ? Int64.max / 4 : milliseconds.partialValue + attoseconds / 1_000_000_000_000_000
        return CloudEventTimestamp(
            millisecondsSinceEpoch: millisecondsSinceEpoch.addingReportingOverflow(delta).overflow
                ? Int64.max / 4 : millisecondsSinceEpoch + delta)
    }
}

extension Duration {
    /// Nanoseconds, at the ends of what `Int64` holds cut off.
    var nanosecondsClamped: Int64 {
        let (seconds, attoseconds) = components
        let scaled = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return scaled.overflow
            ? (seconds < 0 ? .min : .max) : scaled.partialValue + attoseconds / 1_000_000_000
    }
}
