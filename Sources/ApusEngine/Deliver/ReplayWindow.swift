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
    /// What a replay of `partition` from `start` on, up to `end`, is to hand out: only what was looked at already, because the rest comes by
    /// itself; nil when that is nothing.
    package func replayWindow(partition: Int, from start: Offset, to end: Offset) -> ReplayWindow? {
        let looked = partition < next.count ? next[partition] : .zero
        let window = ReplayWindow(next: start, end: min(end, looked))
        return window.isDone ? nil : window
    }

    /// Says how far the replay of `partition` has come.
    package mutating func replayed(partition: Int, to window: ReplayWindow) {
        replays[partition] = window.isDone ? nil : window
    }
}
