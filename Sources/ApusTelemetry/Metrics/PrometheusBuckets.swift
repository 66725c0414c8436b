// SPDX-License-Identifier: Apache-2.0

// Upper bounds of histogram buckets, and the sets that Apus uses.

/// The upper bounds of a histogram's buckets, in ascending order; `+Inf` is always there and not listed.
public struct PrometheusBuckets: Hashable, Sendable {
    /// The most finite bounds a histogram can have.
    public static let boundsMax = 32

    /// The finite upper bounds, each belonging to its bucket.
    public let upperBounds: [Double]

    /// Buckets with the given upper bounds.
    ///
    /// - Precondition: the bounds are finite and strictly ascending, at most `boundsMax` of them.
    public init(upperBounds: [Double]) {
        precondition(upperBounds.count <= Self.boundsMax, "too many histogram buckets")
        precondition(upperBounds.allSatisfy(\.isFinite), "histogram bounds must be finite")
        precondition(
            zip(upperBounds, upperBounds.dropFirst()).allSatisfy { $0 < $1 },
            "histogram bounds must ascend")
        self.upperBounds = upperBounds
    }

    /// From 100 microseconds to 10 seconds: how long a request, a flush or an append takes.
    public static let latency = PrometheusBuckets(upperBounds: [
        0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
    ])

    /// From a millisecond to a day: how long an event waits until it is delivered.
    public static let delay = PrometheusBuckets(upperBounds: [
        0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 1800, 3600, 21600,
        86400,
    ])

    /// Powers of two from 1 to 4,096: how many of something went together.
    public static let counts = PrometheusBuckets(upperBounds: (0...12).map { Double(1 << $0) })

    /// Powers of ten from 1 to 10^9: sizes and counts whose unit is not known.
    public static let magnitude = PrometheusBuckets(upperBounds: [
        1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000,
    ])

    /// The bucket that counts `value`; `upperBounds.count` stands for `+Inf`.
    ///
    /// A linear search: at this length it is as fast as halving, and observations are mostly small.
    func index(of value: Double) -> Int {
        var index = 0
        while index < upperBounds.count, upperBounds[index] < value { index += 1 }
        return index
    }
}
