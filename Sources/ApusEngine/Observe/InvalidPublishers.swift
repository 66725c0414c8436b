// SPDX-License-Identifier: Apache-2.0

// Who publishes what schemas do not accept. Sources are whatever publishers like, so only so many are remembered; who was seen longest ago is
// forgotten first. It is noted only of events that are not accepted.

import ApusModel
import Synchronization

/// Counts refused events by who published them.
final class InvalidPublishers: Sendable {
    private struct Place: Hashable {
        var topic: ResourceName
        var source: String
    }

    /// How many are remembered.
    static let capacity = 256
    /// So much of a source, and of a reason, is kept.
    static let textMax = 200

    private let entries = Mutex<[Place: InvalidPublisher]>([:])

    /// - Parameter reason: asked for once a second at most.
    func note(
        _ source: String, in topic: ResourceName, _ reason: @autoclosure () -> String, at time: Timestamp
    ) {
        let source = String(source.prefix(InvalidPublishers.textMax))
        let place = Place(topic: topic, source: source)
        let isKnown = entries.withLock { entries in
            guard let known = entries[place] else { return false }
            entries[place]?.events += 1
            return known.last.duration(to: time) < .seconds(1)
        }
        guard !isKnown else { return }
        let reason = String(reason().prefix(InvalidPublishers.textMax))
        entries.withLock { entries in
            if entries[place] != nil {
                entries[place]?.reason = reason
                entries[place]?.last = time
                return
            }
            if entries.count >= InvalidPublishers.capacity,
                let oldest = entries.min(by: { $0.value.last < $1.value.last })
            {
                entries[oldest.key] = nil
            }
            entries[place] = InvalidPublisher(
                source: source, topic: topic, events: 1, reason: reason, last: time)
        }
    }

    /// The worst first.
    func worst(_ count: Int) -> [InvalidPublisher] {
        let all = entries.withLock { Array($0.values) }
        return Array(
            all.sorted { ($1.events, $0.topic, $0.source) < ($0.events, $1.topic, $1.source) }.prefix(count))
    }
}
