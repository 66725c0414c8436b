// SPDX-License-Identifier: Apache-2.0

// The outside world of push subscriptions, in a simulation: attempts wait here until the history decides how they end.

import ApusEngine
import ApusTransport
import Synchronization

/// One attempt on its way.
struct OpenAttempt: Sendable {
    /// One event; several in batch mode.
    let deliveries: [Delivery]
    let settings: PushSettings
    let end: @Sendable (Outcome) -> Void
}

/// A target whose attempts end when told.
final class SimulatedTarget: DeliveryDispatcher {
    private let begun = Mutex<[OpenAttempt]>([])

    func dispatch(
        _ deliveries: [Delivery], to settings: PushSettings, completion: @escaping @Sendable (Outcome) -> Void
    ) {
        begun.withLock { $0.append(OpenAttempt(deliveries: deliveries, settings: settings, end: completion)) }
    }

    func objection(to settings: PushSettings) -> String? { nil }

    /// The attempts that began since the last call.
    func takeBegun() -> [OpenAttempt] {
        begun.withLock { begun in
            defer { begun = [] }
            return begun
        }
    }
}
