// SPDX-License-Identifier: Apache-2.0

// Order within groups of a FIFO queue. SQS hands out several messages of one group at once, in order; who receives them promises its caller that of each group
// one is out at a time, so the others wait here for the one ahead of them.

internal import ApusBus

/// What waits for something of its own group.
struct GroupLanes<Item> {
    private struct Lane {
        /// What is out.
        var out: DeliveryToken
        /// What waits behind it.
        var waiting: [Item] = []
    }

    private var lanes: [String: Lane] = [:]

    /// What is out of a group.
    func out(of group: String) -> DeliveryToken? { lanes[group]?.out }

    /// What waits behind the one that is out of a group, in order.
    func waiting(in group: String) -> [Item] { lanes[group]?.waiting ?? [] }

    /// Takes an item of a group; true when it may go out at once.
    mutating func admit(_ item: Item, _ token: DeliveryToken, of group: String) -> Bool {
        guard lanes[group] != nil else {
            lanes[group] = Lane(out: token)
            return true
        }
        lanes[group]?.waiting.append(item)
        return false
    }

    /// The one that is out is done; the next one of its group, which then is out.
    mutating func advance(_ group: String, token: (Item) -> DeliveryToken) -> Item? {
        guard var lane = lanes[group], !lane.waiting.isEmpty else {
            lanes[group] = nil
            return nil
        }
        let next = lane.waiting.removeFirst()
        lane.out = token(next)
        lanes[group] = lane
        return next
    }

    /// The one that is out comes again; what waited behind it, which has to come after it.
    mutating func abandon(_ group: String) -> [Item] { lanes.removeValue(forKey: group)?.waiting ?? [] }

    /// One that waits comes again; it and what waited behind it, which has to come after it.
    mutating func abandon(_ group: String, from isFirst: (Item) -> Bool) -> ArraySlice<Item> {
        guard var lane = lanes[group], let index = lane.waiting.firstIndex(where: isFirst) else { return [] }
        let abandoned = lane.waiting[index...]
        lane.waiting.removeSubrange(index...)
        lanes[group] = lane
        return abandoned
    }
}
