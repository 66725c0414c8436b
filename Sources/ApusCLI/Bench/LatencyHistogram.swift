// SPDX-License-Identifier: Apache-2.0

// Latencies in constant memory.

/// Counts of durations in buckets whose width is at most 1/32 of what they hold, from 1 us to 18 minutes.
package struct LatencyHistogram: Sendable {
    private static let stepBits = 5
    private static let exponentMax = 30
    private var counts = [Int](repeating: 0, count: (exponentMax - stepBits + 2) << stepBits)

    /// How many durations were counted.
    package private(set) var count = 0
    /// The longest one.
    package private(set) var longest: Duration = .zero

    /// Nothing yet.
    package init() {}

    /// Counts a duration.
    package mutating func record(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        let microseconds = max(0, Int(seconds) * 1_000_000 + Int(attoseconds / 1_000_000_000_000))
        counts[Self.bucket(of: microseconds)] += 1
        count += 1
        longest = max(longest, duration)
    }

    /// Adds the counts of another one.
    package mutating func merge(_ other: LatencyHistogram) {
        for index in counts.indices { counts[index] += other.counts[index] }
        count += other.count
        longest = max(longest, other.longest)
    }

    /// The duration that the given share (0 to 1) of all does not exceed; zero if there are none.
    package func quantile(_ share: Double) -> Duration {
        let rank = max(1, Int((Double(count) * share).rounded(.up)))
        var seen = 0
        for (index, bucketCount) in counts.enumerated() {
            seen += bucketCount
            if seen >= rank { return min(longest, .microseconds(Self.upperBound(of: index))) }
        }
        return .zero
    }

    private static func bucket(of microseconds: Int) -> Int {
        let value = min(microseconds, 1 << exponentMax)
        let exponent = max(0, Int.bitWidth - 1 - value.leadingZeroBitCount - stepBits)
        return exponent << stepBits + value >> exponent
    }

    private static func upperBound(of bucket: Int) -> Int {
        let exponent = max(0, bucket >> stepBits - 1)
        return (bucket - exponent << stepBits + 1) << exponent - 1
    }
}
