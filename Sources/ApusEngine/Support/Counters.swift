// SPDX-License-Identifier: Apache-2.0

// Counts that the engine keeps for itself and shows through swift-metrics: one relaxed atomic addition where it counts, and the metric.

import CoreMetrics
import Synchronization

/// A count since start.
final class Count: Sendable {
    private let total = Atomic<Int64>(0)
    private let metric: Counter

    init(_ label: String, _ dimensions: [(String, String)] = []) {
        metric = Counter(label: label, dimensions: dimensions)
    }

    func increment(by amount: Int64 = 1) {
        total.wrappingAdd(amount, ordering: .relaxed)
        metric.increment(by: amount)
    }

    var value: Int64 { total.load(ordering: .relaxed) }

    /// Takes the series out of the exposition: what it counted is gone.
    func remove() { metric.destroy() }
}
