// SPDX-License-Identifier: Apache-2.0

// Rates from counts that are looked at now and then: exponentially weighted, so that one number per window is all that is kept, and nothing is done
// where the counting happens. Averages are divided by the weight that they have so far: the first minute of a life is not taken for a quiet one.

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// How often something happens, per second, over two windows.
public struct Rate: Sendable, Hashable {
    /// About the last minute.
    public var minute: Double
    /// About the last five minutes.
    public var fiveMinutes: Double

    /// How often something happens.
    public init(minute: Double = 0, fiveMinutes: Double = 0) {
        self.minute = minute
        self.fiveMinutes = fiveMinutes
    }
}

/// An average of what is looked at now and then.
struct Average: Sendable, Hashable {
    private var sums = Rate()
    private var weights = Rate()

    /// Takes in that it was `value` for the last `elapsed` seconds.
    mutating func note(_ value: Double, for elapsed: Double) {
        Average.mix(value, elapsed / 60, into: &sums.minute, &weights.minute)
        Average.mix(value, elapsed / 300, into: &sums.fiveMinutes, &weights.fiveMinutes)
    }

    private static func mix(_ value: Double, _ share: Double, into sum: inout Double, _ weight: inout Double)
    {
        let kept = exp(-share)
        sum = sum * kept + value * (1 - kept)
        weight = weight * kept + (1 - kept)
    }

    /// The averages; nil before anything was looked at.
    var rate: Rate? {
        guard weights.fiveMinutes > 0 else { return nil }
        return Rate(
            minute: sums.minute / weights.minute, fiveMinutes: sums.fiveMinutes / weights.fiveMinutes)
    }
}

/// A rate, from a count that grows.
struct RateMeter: Sendable, Hashable {
    private var last: Int64?
    private var average = Average()

    /// - Parameter start: what the count was at the last look; nil if nobody knows.
    init(from start: Int64? = nil) { last = start }

    /// Takes in what the count is now, `elapsed` seconds after the last look. A count that shrinks began anew, and tells nothing this time.
    mutating func note(_ total: Int64, after elapsed: Double) {
        defer { last = total }
        guard let last, total >= last, elapsed > 0 else { return }
        average.note(Double(total - last) / elapsed, for: elapsed)
    }

    /// Takes in what a figure is now that may also shrink.
    mutating func noteLevel(_ level: Int64, after elapsed: Double) {
        defer { last = level }
        guard let last, elapsed > 0 else { return }
        average.note(Double(level - last) / elapsed, for: elapsed)
    }

    /// Per second; nil before the second look.
    var rate: Rate? { average.rate }
}
