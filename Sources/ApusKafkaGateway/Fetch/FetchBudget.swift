// SPDX-License-Identifier: Apache-2.0

// The bound on bytes of fetched batches that are on their way to clients at the same time. When it is reached answers become small, but none is
// refused: at least one batch always goes out.

internal import Synchronization

/// Counts bytes on their way.
final class FetchBudget: Sendable {
    private let bytesMax: Int
    private let used = Atomic(0)

    init(bytesMax: Int) { self.bytesMax = bytesMax }

    /// How many bytes may be fetched now, of the `wanted`.
    func allowance(of wanted: Int) -> Int { max(0, min(wanted, bytesMax - used.load(ordering: .relaxed))) }

    /// Counts `bytes` until the result is let go.
    func hold(_ bytes: Int) -> Hold {
        used.wrappingAdd(bytes, ordering: .relaxed)
        return Hold(self, bytes)
    }

    final class Hold: Sendable {
        private let budget: FetchBudget
        private let bytes: Int

        fileprivate init(_ budget: FetchBudget, _ bytes: Int) {
            self.budget = budget
            self.bytes = bytes
        }

        deinit { budget.used.wrappingSubtract(bytes, ordering: .relaxed) }
    }
}
