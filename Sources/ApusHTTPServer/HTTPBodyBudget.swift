// SPDX-License-Identifier: Apache-2.0

// The memory that bodies of requests take, over all connections of a server: a limit for each request alone would allow ten thousand
// clients ten thousand times as much. Small bodies are not counted: the most connections bound them, and counting would cost
// more than they do.

internal import Synchronization

/// How many bytes of bodies a server holds, and may hold.
///
/// Invariant: `held` is the sum of all holds that exist.
final class HTTPBodyBudget: Sendable {
    /// Bodies up to this length are not counted.
    static let uncountedBytes = 4096

    private let bytesMax: Int
    private let held = Atomic(0)

    init(bytesMax: Int) { self.bytesMax = bytesMax }

    /// Bytes of one body, from when they arrive until its request is answered. They are given back when nobody refers to the hold.
    final class Hold {
        private let budget: HTTPBodyBudget
        private var count = 0

        init(_ budget: HTTPBodyBudget) { self.budget = budget }

        deinit { budget.held.subtract(count, ordering: .relaxed) }

        /// Counts the body as `total` bytes; false if that is more than there is room for, and nothing is changed.
        func reserve(_ total: Int) -> Bool {
            let more = total - count
            let sum = budget.held.add(more, ordering: .relaxed).newValue
            guard sum <= budget.bytesMax else {
                budget.held.subtract(more, ordering: .relaxed)
                return false
            }
            count = total
            return true
        }
    }
}
