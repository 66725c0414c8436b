// SPDX-License-Identifier: Apache-2.0

// What the webhook of a rule gets. The event is transformed before each attempt and kept as it is: a transformation is a pure function, so
// every attempt sends the same, and a dead letter is the event that the producer made.

import ApusModel
import ApusTransform
import ApusTransport
import CloudEvents
import Synchronization

/// What a subscription makes of its events.
struct Shaping: Sendable {
    var rule: ResourceName
    var transformation: Transformation?

    init(_ definition: SubscriptionDefinition) {
        rule = definition.rule ?? definition.name
        transformation = definition.transformation
    }
}

extension SharedSubscription {
    /// The event as its target gets it.
    func outgoing(_ stored: StoredEvent) -> Result<CloudEvent, TransformationFailure> {
        let shaping = shaping.withLock(\.self)
        guard let transformation = shaping.transformation else { return .success(stored.event) }
        let context = TransformationContext(shaping.rule, topic: topic.name, arrived: stored.timestamp)
        return Result { () throws(TransformationFailure) in
            try transformation.apply(to: stored.event, in: context)
        }
    }
}
