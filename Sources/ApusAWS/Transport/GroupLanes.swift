// SPDX-License-Identifier: Apache-2.0

// Order within groups of a FIFO queue. SQS hands out several messages of one group at once, in order; who receives them promises its caller that of each group
// one is out at a time, so the others wait here for the one ahead of them.

/// What waits for something of its own group.
struct GroupLanes<Item> {
    /// Groups of which one is out, and what waits behind it.
    private var lanes: [String: [Item]] = [:]

    /// Takes an item of a group; true when it may go out at once.
    mutating func admit(_ item: Item, of group: String) -> Bool {
        guard lanes[group] != nil else {
            lanes[group] = []
            return true
        }
        lanes[group]?.append(item)
        return false
    }

    /// The one that is out is done; the next one of its group, which then is out.
    mutating func advance(_ group: String) -> Item? {
        guard var lane = lanes[group] else { return nil }
        guard !lane.isEmpty else {
            lanes[group] = nil
            return nil
        }
        let next = lane.removeFirst()
        lanes[group] = lane
        return next
    }

    /// The one that is out comes again; what waited behind it, which has to come after it.
    mutating func abandon(_ group: String) -> [Item] { lanes.removeValue(forKey: group) ?? [] }
}
