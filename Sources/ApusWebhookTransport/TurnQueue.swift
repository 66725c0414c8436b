// SPDX-License-Identifier: Apache-2.0

// What waits, in lanes that take turns: ten thousand requests that an event of one topic causes do not keep a request of another topic waiting
// until all of them have had theirs. The engine gives its turns in the same way.

internal import NIOCore

/// Items that wait for their turn, first come first served within a lane.
struct TurnQueue<Lane: Hashable & Sendable, Item: Sendable>: Sendable {
    private var lanes: [Lane: CircularBuffer<Item>] = [:]
    /// Lanes that are not empty, in the order of their turns.
    private var order = CircularBuffer<Lane>()
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    mutating func append(_ item: Item, lane: Lane) {
        if lanes[lane] == nil { order.append(lane) }
        lanes[lane, default: CircularBuffer()].append(item)
        count += 1
    }

    mutating func popFirst() -> Item? {
        guard let lane = order.popFirst(), let item = lanes[lane]?.popFirst() else { return nil }
        count -= 1
        if lanes[lane]?.isEmpty ?? true { lanes[lane] = nil } else { order.append(lane) }
        return item
    }
}
