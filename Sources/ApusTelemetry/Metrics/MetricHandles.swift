// SPDX-License-Identifier: Apache-2.0

// The handles that hot paths keep: one final class per metric kind, changed by relaxed atomics and
// read by the registry when it is scraped. A handle is looked up once, when the thing it measures is
// made; after that a count costs one atomic addition: no lock, no allocation, no lookup.
//
// Relaxed ordering is enough because nobody infers anything about other memory from a metric.

import Synchronization

/// A count that only grows: Prometheus type `counter`.
public final class PrometheusCounter: Sendable {
    private let count = Atomic<UInt64>(0)

    init() {}

    /// Adds `amount`. Wraps around after 2^64, which Prometheus reads as a restart.
    public func increment(by amount: UInt64 = 1) {
        count.wrappingAdd(amount, ordering: .relaxed)
    }

    /// The count so far.
    public var value: UInt64 { count.load(ordering: .relaxed) }

    /// Starts again at 0, for swift-metrics' `reset()`.
    func reset() {
        count.store(0, ordering: .relaxed)
    }
}

/// A growing sum of fractions, behind swift-metrics' floating point counters.
final class FractionCounter: Sendable {
    private let sum = Atomic<Double>(0)

    /// Adds `amount`; negative and non-finite amounts are ignored, since a counter never falls.
    func increment(by amount: Double) {
        guard amount >= 0, amount.isFinite else { return }
        sum.add(amount)
    }

    var value: Double { sum.load(ordering: .relaxed) }

    func reset() {
        sum.store(0, ordering: .relaxed)
    }
}

/// A value that goes up and down: Prometheus type `gauge`.
public final class PrometheusGauge: Sendable {
    private let current = Atomic<Double>(0)

    init() {}

    /// Replaces the value.
    public func set(_ value: Double) {
        current.store(value, ordering: .relaxed)
    }

    /// Adds `amount`, which may be negative.
    public func add(_ amount: Double) {
        current.add(amount)
    }

    /// Adds 1.
    public func increment() {
        current.add(1)
    }

    /// Subtracts 1.
    public func decrement() {
        current.add(-1)
    }

    /// The present value.
    public var value: Double { current.load(ordering: .relaxed) }
}

/// Observations counted into fixed buckets: Prometheus type `histogram`.
public final class PrometheusHistogram: Sendable {
    /// The buckets, as asked for at creation.
    public let buckets: PrometheusBuckets

    // One slot per finite bound and one for +Inf, each counting its own interval only, so that an
    // observation touches one slot; they are summed up when scraped.
    private let counts = InlineArray<33, Atomic<UInt64>> { _ in Atomic(0) }
    private let sum = Atomic<Double>(0)
    private let slots = ExemplarSlots()

    init(buckets: PrometheusBuckets) {
        self.buckets = buckets
    }

    /// Counts `value` in the first bucket whose upper bound is not below it. NaN is ignored, since it
    /// would spoil the sum for ever.
    public func observe(_ value: Double) {
        guard !value.isNaN else { return }
        counts[buckets.index(of: value)].wrappingAdd(1, ordering: .relaxed)
        sum.add(value)
    }

    /// Counts `value`, which was observed within a trace; if that is recorded it becomes the exemplar of its bucket.
    public func observe(_ value: Double, in trace: TraceContext?) {
        observe(value)
        guard let trace, trace.flags.contains(.sampled), !value.isNaN else { return }
        let exemplar = Exemplar(value: value, traceID: trace.traceID, spanID: trace.spanID, time: .now)
        slots.keep(exemplar, bucket: buckets.index(of: value), of: buckets.upperBounds.count + 1)
    }

    /// For each bucket its exemplar, or nothing where there are none at all.
    var exemplars: [Exemplar?] { slots.all }

    /// Counts a duration in seconds.
    public func observe(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        observe(Double(seconds) + Double(attoseconds) * 1e-18)
    }

    /// The observations at or below each upper bound, then all of them; and the sum of their values.
    ///
    /// The sum is read after the counts, so an observation made meanwhile may be in it alone.
    public func snapshot() -> (cumulativeCounts: [UInt64], sum: Double) {
        var total: UInt64 = 0
        let cumulative = (0...buckets.upperBounds.count).map { index in
            total &+= counts[index].load(ordering: .relaxed)
            return total
        }
        return (cumulative, sum.load(ordering: .relaxed))
    }
}

extension Atomic where Value == Double {
    /// Adds by compare and exchange: processors have no atomic addition for floating point.
    fileprivate borrowing func add(_ amount: Double) {
        var expected = load(ordering: .relaxed)
        while true {
            let (exchanged, original) = weakCompareExchange(
                expected: expected, desired: expected + amount, ordering: .relaxed)
            if exchanged { return }
            expected = original
        }
    }
}
