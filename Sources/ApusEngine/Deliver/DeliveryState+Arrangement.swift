// SPDX-License-Identifier: Apache-2.0

// How a subscription's state and the order of its events go together. The order is an index in memory. It is built by looking through the topic from the
// least event that is not settled: at start, after a replay, and when settings change; events that are settled are stepped over, without being read
// where many lie together. What is found new is parked; it is written down with the next attempt (`takeUnwritten`), because that is what moves the
// log of the subscription past it.

package import ApusModel

/// Who goes first, and how far that is known.
package struct Arrangement: Sendable {
    /// The index.
    package var order: HandOutOrder
    /// Per partition, the offset before which everything is in the index.
    fileprivate var scanned: [Offset] = []
    /// Per partition, the items that are not in the index yet, the least last.
    fileprivate var unseen: [[Offset]] = []
    /// Events that came back although they were settled, because that could not be written down.
    fileprivate var strays: [Position] = []
    /// Parked and not written down.
    fileprivate var unwritten: [Position] = []
}

extension DeliveryState.Phase {
    fileprivate var hold: HandOutOrder.Hold {
        switch self {
        case .ready: .ready
        case .waiting, .blocked: .waiting
        case .leased, .closing: .busy
        }
    }
}

extension DeliveryState {
    /// Hands out in the order of `shape` from now on; with nil, and then nothing may be parked, in the order of the log.
    package mutating func arrange(_ shape: HandOutOrder.Shape?) {
        guard let shape else {
            arrangement = nil
            return listReady()
        }
        var new = Arrangement(order: HandOutOrder(shape), unwritten: arrangement?.unwritten ?? [])
        for position in items.positions {
            while new.unseen.count <= position.partition { new.unseen.append([]) }
            new.unseen[position.partition].append(position.offset)
        }
        for partition in new.unseen.indices { new.unseen[partition].sort(by: >) }
        arrangement = new
    }

    // MARK: Looking through the topic

    /// Where to look on in `partition`: at the next event that is not in the order yet.
    package mutating func scanOffset(_ partition: Int) -> Offset {
        grow(to: partition)
        guard let scanned = arrangement?.scanned(partition), scanned < next[partition] else {
            return max(next[partition], arrangement?.scanned(partition) ?? .zero)
        }
        var item = arrangement?.firstUnseen(partition, from: scanned)
        // Some were settled since they were listed.
        while let offset = item, items[Position(partition: partition, offset: offset)] == nil {
            item = arrangement?.firstUnseen(partition, from: offset.advanced(by: 1))
        }
        return min(item ?? next[partition], firstParked(partition, from: scanned) ?? next[partition])
    }

    /// Whether the event at `position` is still to be put into the order: it is new, or not settled.
    package func isWanted(_ position: Position) -> Bool {
        guard let arrangement, position.offset >= arrangement.scanned(position.partition) else {
            return false
        }
        let isNew = position.partition >= next.count || position.offset >= next[position.partition]
        return isNew || items[position] != nil || isParked(position)
    }

    /// Whether the event was looked at before: whether it matches has been decided.
    package func isKnown(_ position: Position) -> Bool {
        position.partition < next.count && position.offset < next[position.partition]
    }

    /// Puts an event that is wanted into the order.
    package mutating func discover(_ position: Position, _ tags: EventTags) {
        findMissing(position.partition, before: position.offset)
        put(position, tags)
    }

    private mutating func put(_ position: Position, _ tags: EventTags) {
        if let item = items[position] {
            arrangement?.order.add(position, tags, hold: item.phase.hold)
        } else {
            if !isParked(position) {
                park(position)
                arrangement?.unwritten.append(position)
            }
            arrangement?.order.add(position, tags)
        }
        arrangement?.scan(position.partition, to: position.offset.advanced(by: 1))
    }

    /// What should have been in `partition` before `offset` and was not is put into the order without a key, so that whoever takes it finds out
    /// why: it may have been lost with the power.
    private mutating func findMissing(_ partition: Int, before offset: Offset) {
        let known = min(offset, partition < next.count ? next[partition] : .zero)
        while arrangement != nil, scanOffset(partition) < known {
            put(Position(partition: partition, offset: scanOffset(partition)), EventTags())
        }
    }

    /// Everything of `partition` before `offset` was looked through.
    package mutating func finishScan(_ partition: Int, to offset: Offset) {
        findMissing(partition, before: offset)
        arrangement?.scan(partition, to: offset)
        advance(partition: partition, to: offset)
        see(partition: partition, before: offset)
    }

    /// An event that came back after it had left the order, to be put into it again.
    package mutating func takeStray() -> Position? { arrangement?.strays.popLast() }

    /// Puts a stray into the order.
    package mutating func readmit(_ position: Position, _ tags: EventTags) {
        guard let item = items[position], arrangement?.order.knows(position) == false else { return }
        arrangement?.order.add(position, tags, hold: item.phase.hold)
    }

    // MARK: Handing out

    /// The event whose turn it is; whoever takes it has to lease, close, settle or postpone it.
    package mutating func takeNext() -> Position? {
        while let position = arrangement?.order.take() {
            if isParked(position) || items[position]?.phase == .ready { return position }
            arrangement?.order.note(position, items[position]?.phase.hold)
        }
        return nil
    }

    /// Events that were found and not written down yet, but those whose attempt is: to be written before anything else about events behind them,
    /// which moves the log past them.
    package mutating func takeUnwritten() -> [Position] {
        guard let unwritten = arrangement?.unwritten, !unwritten.isEmpty else { return [] }
        arrangement?.unwritten = []
        return unwritten.filter { isParked($0) || items[$0]?.attempts == 0 }
    }

    mutating func note(_ position: Position, _ phase: Phase?) {
        if arrangement?.order.knows(position) == false, phase == .ready,
            let scanned = arrangement?.scanned(position.partition), position.offset < scanned
        {
            arrangement?.strays.append(position)
        }
        arrangement?.order.note(position, phase?.hold)
    }
}

extension Arrangement {
    func scanned(_ partition: Int) -> Offset { partition < scanned.count ? scanned[partition] : .zero }

    fileprivate mutating func scan(_ partition: Int, to offset: Offset) {
        while scanned.count <= partition { scanned.append(.zero) }
        scanned[partition] = max(scanned[partition], offset)
    }

    fileprivate mutating func firstUnseen(_ partition: Int, from offset: Offset) -> Offset? {
        guard partition < unseen.count else { return nil }
        while let last = unseen[partition].last, last < offset { unseen[partition].removeLast() }
        return unseen[partition].last
    }
}
