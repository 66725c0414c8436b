// SPDX-License-Identifier: Apache-2.0

// An event between reading and whoever gets it passes through many hands: what is passed on is a reference, and not each of its attributes.

package import CloudEvents

/// A stored event behind one reference.
///
/// Invariant: `value` changes only in ``takeEvent(of:)``, for a box of which there is one reference, so nobody can be looking.
package final class StoredEventBox: Sendable {
    /// The event, and where it is; after ``takeEvent(of:)`` only where it is.
    package nonisolated(unsafe) private(set) var value: StoredEvent
    /// How many bytes its data has.
    let dataCount: Int

    init(_ value: StoredEvent) {
        self.value = value
        dataCount = value.event.data?.bytes.count ?? 0
    }

    /// The event of a box that is needed for its place only from here on. It is taken out of the box where nobody else has that: a copy would count
    /// one more reference to each attribute, and one fewer when the box goes.
    package static func takeEvent(of box: inout StoredEventBox) -> CloudEvent {
        guard isKnownUniquelyReferenced(&box) else { return box.value.event }
        return withUnsafeMutablePointer(to: &box.value.event) { place in
            defer { place.initialize(to: CloudEventKafkaUpdate.beginning) }
            return place.move()
        }
    }
}

/// An event whose turn it is, and its place.
struct EventInTurn {
    var position: Position
    var box: StoredEventBox

    init(_ position: Position, _ box: StoredEventBox) {
        self.position = position
        self.box = box
    }

    init(_ position: Position, _ stored: StoredEvent) { self.init(position, StoredEventBox(stored)) }
}
