// SPDX-License-Identifier: Apache-2.0

// Whether a worker was cancelled, which it asks before each event. Asking its task takes as long as finding the event's handler.

import Synchronization

/// Whether a task was cancelled; told by a cancellation handler.
final class Cancellation: Sendable {
    private let flag = Atomic(false)

    /// Whether it was.
    var hasHappened: Bool { flag.load(ordering: .relaxed) }

    /// It was.
    func happen() { flag.store(true, ordering: .relaxed) }
}

/// Does something in this task that asks often whether the task was cancelled.
func withCancellation(_ body: (Cancellation) async -> Void) async {
    let cancellation = Cancellation()
    await withTaskCancellationHandler {
        await body(cancellation)
    } onCancel: {
        cancellation.happen()
    }
}
