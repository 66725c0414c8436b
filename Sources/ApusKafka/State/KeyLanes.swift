// SPDX-License-Identifier: Apache-2.0

// Order by key within one partition: of each key one event is out, the others wait behind it until it is settled. One that failed stays ahead while it waits for its time.

internal import DequeModule

/// What waits for one of its own key.
struct KeyLanes<Reference> {
    /// Those that wait, by key; empty when only the one ahead of them is there.
    private var lanes: [[UInt8]: Deque<Reference>] = [:]

    /// Takes an event of a key; true when none is ahead of it.
    mutating func admit(_ reference: Reference, of key: [UInt8]) -> Bool {
        guard lanes[key] != nil else {
            lanes[key] = []
            return true
        }
        lanes[key]?.append(reference)
        return false
    }

    /// The one ahead is settled: the next of its key, which is ahead now.
    mutating func advance(_ key: [UInt8]) -> Reference? {
        guard let next = lanes[key]?.popFirst() else {
            lanes[key] = nil
            return nil
        }
        return next
    }
}
