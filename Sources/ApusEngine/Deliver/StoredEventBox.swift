// SPDX-License-Identifier: Apache-2.0

// An event between reading and whoever gets it passes through many hands: what is passed on is a reference, and not each of its attributes.

import CloudEvents

/// A stored event behind one reference.
package final class StoredEventBox: Sendable {
    /// The event.
    package let value: StoredEvent
    /// How many bytes its data has.
    let dataCount: Int

    init(_ value: StoredEvent) {
        self.value = value
        dataCount = value.event.data?.bytes.count ?? 0
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
