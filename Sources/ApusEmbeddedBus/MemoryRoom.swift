// SPDX-License-Identifier: Apache-2.0

// How much a bus in memory may hold. What is stored is looked up now and then only: between two looks, what was published since is counted.

import ApusBus
import Synchronization

/// The bound on a bus in memory.
final class MemoryRoom: Sendable {
    /// How much is published between two looks.
    private static let step: Int64 = 1 << 20

    private let limit: Int64
    private let left: Atomic<Int64>

    init(limit: Int64) {
        self.limit = limit
        left = Atomic(min(limit, MemoryRoom.step))
    }

    /// Room for `bytes` more.
    ///
    /// - Throws: ``BusError/unavailable(_:)`` when `stored` says that there is none.
    func take(_ bytes: Int, stored: () -> Int64) throws(BusError) {
        guard left.wrappingSubtract(Int64(bytes), ordering: .relaxed).newValue < 0 else { return }
        let room = limit - stored()
        guard room >= Int64(bytes) else {
            throw .unavailable(
                "the bus in memory holds as much as it may (\(limit) bytes); nothing was published: consume what is there, or allow more (?memory=)"
            )
        }
        left.store(min(room - Int64(bytes), MemoryRoom.step), ordering: .relaxed)
    }
}
