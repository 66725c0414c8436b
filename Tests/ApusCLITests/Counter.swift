// SPDX-License-Identifier: Apache-2.0

// Counts across the stub's connections.

import Synchronization

/// A number that grows.
final class Counter: Sendable {
    private let count = Atomic(0)

    /// The number, before it grows by one.
    func next() -> Int { count.wrappingAdd(1, ordering: .relaxed).oldValue }

    /// The number now.
    var value: Int { count.load(ordering: .relaxed) }
}
