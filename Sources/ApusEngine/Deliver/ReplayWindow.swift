// SPDX-License-Identifier: Apache-2.0

// A bounded replay: a part of the past that a subscription hands out once more beside what is new. Its position does not move, so that
// nothing that came since is touched, and nobody else's subscription knows of it.

package import ApusModel

/// What is left of a bounded replay in one partition.
package struct ReplayWindow: Sendable, Hashable {
    /// The first event that is not handed out again yet.
    package var next: Offset
    /// The offset after the last one.
    package var end: Offset

    package init(next: Offset, end: Offset) {
        self.next = next
        self.end = end
    }

    /// Whether nothing is left.
    package var isDone: Bool { next >= end }
}

extension DeliveryState {
    /// Begins to hand out the events of `partition` from `start` on, up to `end`, once more. Only what was looked at already: the rest comes by
    /// itself.
    ///
    /// - Returns: what will be replayed; nil when that is nothing.
    package mutating func beginReplay(partition: Int, from start: Offset, to end: Offset) -> ReplayWindow? {
        grow(to: partition)
        let window = ReplayWindow(next: start, end: min(end, next[partition]))
        guard !window.isDone else { return nil }
        replays[partition] = window
        return window
    }

    /// Says how far the replay of `partition` has come.
    package mutating func replayed(partition: Int, to window: ReplayWindow) {
        replays[partition] = window.isDone ? nil : window
    }
}
