// SPDX-License-Identifier: Apache-2.0

// Exemplars: for each bucket of a histogram the last observation that belongs to a recorded trace, so that a slow request in a chart leads to its trace.

import Synchronization

/// One observation with the trace that it was made in.
struct Exemplar: Sendable, Hashable {
    let value: Double
    let traceID: TraceID
    let spanID: SpanID
    let time: WallTime
}

/// The exemplars of one histogram.
///
/// Invariant: none, or one place for each bucket; so memory is bounded by the number of buckets, and a histogram that no trace ever touches has none.
final class ExemplarSlots: Sendable {
    private let slots = Mutex<[Exemplar?]>([])

    /// Keeps an observation in place of the one before in its bucket.
    func keep(_ exemplar: Exemplar, bucket: Int, of count: Int) {
        slots.withLock { slots in
            if slots.isEmpty { slots = Array(repeating: nil, count: count) }
            guard slots.indices.contains(bucket) else { return }
            slots[bucket] = exemplar
        }
    }

    /// One for each bucket, or none at all.
    var all: [Exemplar?] { slots.withLock { $0 } }
}
