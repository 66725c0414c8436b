// SPDX-License-Identifier: Apache-2.0

// Where one shared subscription stands, as a value without I/O: how far it has looked into each partition, and which of the events
// it has seen are not settled.
//
// Invariants:
//  - Every event before `next` of its partition is either in `items`, or parked, or settled (or did not match).
//  - An event is parked when it was looked at and never handed out: only where the order of events, fairness or priorities let later ones go first.
//  - The cursor of a partition is its least item or parked event, or `next` when it has none, but not after what is left of a bounded replay;
//    everything before the cursor is settled.
//  - `leased`, `waiting` and `blocked` count the items in those phases; `times` knows the same leases.
//  - An item's attempts never go down, except when a consumer gives an attempt back uncounted.
//  - `ready` and `timers` may hold entries that no longer apply, never the other way round; they are checked when taken.

package import ApusModel
import HeapModule

/// The place of an event among all partitions of a topic.
package struct Position: Hashable, Comparable, Sendable {
    /// The partition.
    package var partition: Int
    /// The place in it.
    package var offset: Offset

    package init(partition: Int, offset: Offset) {
        self.partition = partition
        self.offset = offset
    }

    package static func < (left: Position, right: Position) -> Bool {
        (left.offset, left.partition) < (right.offset, right.partition)
    }
}

/// The state of one shared subscription.
package struct DeliveryState: Sendable {
    /// What an event that is not settled is waiting for.
    package enum Phase: Sendable, Hashable {
        /// To be handed out.
        case ready
        /// Its consumer, until the deadline; the nonce tells this lease from earlier ones.
        case leased(nonce: UInt64, deadline: Duration)
        /// Its next attempt.
        case waiting(due: Duration, wall: Timestamp)
        /// Its settlement or its dead letter to become durable.
        case closing
        /// Somebody to deal with its dead letter; until then its key waits with it.
        case blocked
    }

    /// An event that is not settled.
    package struct Item: Sendable, Hashable {
        /// How often it was handed out.
        package var attempts: Int
        /// What it is waiting for.
        package var phase: Phase
        /// When its lease began, as ``LeaseTimes`` has it; in the room that is left beside the phase.
        package fileprivate(set) var began: UInt32 = 0
    }

    /// Per partition, the first offset not looked at yet.
    package private(set) var next: [Offset]
    /// Per partition, the offset after the last event that was certainly there. `next` may be after it: a subscription can begin at an
    /// offset that is still to come.
    package private(set) var seen: [Offset] = []
    /// Everything seen and not settled.
    package private(set) var items = Items()
    /// How many items are leased.
    package private(set) var leased = 0
    /// How many items wait for their next attempt.
    package private(set) var waiting = 0
    /// Per partition, the part of the past that is handed out once more: never anything from `next` on.
    package var replays: [Int: ReplayWindow] = [:]
    /// Per partition, the events that were looked at and never handed out.
    package private(set) var parked: [OffsetSet] = []
    /// How many those are.
    package private(set) var parkedCount = 0
    /// Who goes first, where that is not simply the order of the log.
    package var arrangement: Arrangement?
    /// How many items keep their key waiting for their dead letter.
    package private(set) var blocked = 0
    /// How long events are out. Who hands out or takes verdicts tells it the time first.
    package var times = LeaseTimes()
    private var ready = Heap<Position>()
    private var timers = DeliveryTimers()

    /// A subscription that begins at `next`.
    package init(next: [Offset]) { self.next = next }

    // MARK: Looking ahead

    /// Everything of `partition` before `offset` has been looked at.
    package mutating func advance(partition: Int, to offset: Offset) {
        grow(to: partition)
        next[partition] = max(next[partition], offset)
    }

    /// A partition that the topic grew begins at its first event: nothing in it came before the subscription.
    package mutating func grow(to partition: Int) {
        while next.count <= partition { next.append(.zero) }
    }

    /// Events of `partition` were there, up to `end`.
    package mutating func see(partition: Int, before end: Offset) {
        while seen.count <= partition { seen.append(.zero) }
        seen[partition] = max(seen[partition], end)
    }

    /// The event at `position` was there, and looked at.
    mutating func pass(_ position: Position) {
        let end = position.offset.advanced(by: 1)
        advance(partition: position.partition, to: end)
        see(partition: position.partition, before: end)
    }

    /// The offset before which everything of `partition` is settled.
    package func cursor(partition: Int) -> Offset {
        guard partition < next.count else { return .zero }
        let item = items.offsets(in: partition).min()
        let replayed = replays[partition]?.next ?? next[partition]
        return min(item ?? next[partition], firstParked(partition) ?? next[partition], replayed)
    }

    /// The cursors of all partitions, in one pass.
    package func cursors() -> [Offset] {
        var cursors = next
        for position in items.positions {
            cursors[position.partition] = min(cursors[position.partition], position.offset)
        }
        for (partition, window) in replays { cursors[partition] = min(cursors[partition], window.next) }
        for partition in parked.indices {
            if let offset = parked[partition].first() { cursors[partition] = min(cursors[partition], offset) }
        }
        return cursors
    }

    /// Whether the event at `position` was looked at and is not among the items: it was settled, or did not match.
    package func isPast(_ position: Position) -> Bool {
        position.partition < next.count && position.offset < next[position.partition]
            && items[position] == nil && !isParked(position)
    }

    // MARK: Parking

    /// Whether the event was looked at and never handed out.
    package func isParked(_ position: Position) -> Bool {
        position.partition < parked.count && parked[position.partition].contains(position.offset)
    }

    /// The first parked event of `partition` at or after `offset`.
    package func firstParked(_ partition: Int, from offset: Offset = .zero) -> Offset? {
        partition < parked.count ? parked[partition].first(from: offset) : nil
    }

    /// Whether the event was never handed out, since the subscription was made or moved.
    package func isUntouched(_ position: Position) -> Bool {
        position.partition >= next.count || position.offset >= next[position.partition] || isParked(position)
    }

    /// Looks at an event that others are to be handed out before.
    package mutating func park(_ position: Position) {
        pass(position)
        guard items[position] == nil else { return }
        while parked.count <= position.partition { parked.append(OffsetSet()) }
        if parked[position.partition].insert(position.offset) { parkedCount += 1 }
    }

    private mutating func unpark(_ position: Position) {
        guard position.partition < parked.count, parked[position.partition].remove(position.offset) else {
            return
        }
        parkedCount -= 1
    }

    private mutating func unpark(_ partition: Int, from offset: Offset) {
        guard partition < parked.count else { return }
        parkedCount -= parked[partition].count
        parked[partition].removeAll(from: offset)
        parkedCount += parked[partition].count
    }

    // MARK: Handing out

    /// The first item that is ready to be handed out again, which is then no longer listed as such.
    package mutating func takeReady() -> Position? {
        while let position = ready.popMin() {
            if items[position]?.phase == .ready { return position }
        }
        return nil
    }

    /// Lists items again that were taken and are still to be handed out.
    package mutating func list(_ positions: [Position]) {
        for position in positions where items[position]?.phase == .ready { ready.insert(position) }
    }

    /// Everything that the leases with `nonce` hold, in order.
    package func leased(with nonce: UInt64) -> [Position] {
        items.lazy.filter { if case .leased(nonce, _) = $0.value.phase { true } else { false } }.map(\.key)
            .sorted()
    }

    /// Whether any item may be ready.
    package var mayHaveReady: Bool { !ready.isEmpty }

    /// Lists anew what is ready, after it was listed elsewhere.
    mutating func listReady() {
        ready = Heap(items.lazy.filter { $0.value.phase == .ready }.map(\.key))
    }

    /// Hands out the event at `position`, new or ready, and counts the attempt.
    ///
    /// - Returns: which attempt this is, from 1.
    package mutating func lease(_ position: Position, nonce: UInt64, deadline: Duration) -> Int {
        var attempts = 1
        let began = times.begin()
        change(position) { old in
            attempts = (old?.attempts ?? 0) + 1
            return Item(
                attempts: attempts, phase: .leased(nonce: nonce, deadline: deadline), began: began)
        }
        pass(position)
        addTimer(deadline, position)
        return attempts
    }

    /// The item at `position` if the lease with `nonce` still holds it.
    package func leasedItem(_ position: Position, nonce: UInt64) -> Item? {
        guard let item = items[position], case .leased(nonce, _) = item.phase else { return nil }
        return item
    }

    // MARK: Verdicts

    /// Settles an event for good, if the lease with `nonce` still holds it.
    ///
    /// - Returns: the item, if it did.
    package mutating func settle(_ position: Position, nonce: UInt64) -> Item? {
        guard items.hasPartition(of: position) else { return nil }
        var held: Item?
        items.replace(position) { item in
            guard let item, case .leased(nonce, _) = item.phase else { return item }
            held = item
            return nil
        }
        // Nothing else may follow from a lease that is over: its event may be parked since.
        guard let held else { return nil }
        leased -= 1
        times.end(held.began)
        if arrangement != nil { note(position, nil) }
        return held
    }

    /// Settles an event for good.
    package mutating func settle(_ position: Position) { set(position, nil) }

    /// Marks an event whose end is being written down.
    package mutating func close(_ position: Position) {
        guard items[position] != nil || isParked(position) else { return }
        change(position) { Item(attempts: $0?.attempts ?? 0, phase: .closing) }
    }

    /// Keeps a dead-lettered event, and its key with it, until somebody deals with the letter.
    package mutating func block(_ position: Position, attempts: Int) {
        set(position, Item(attempts: attempts, phase: .blocked))
    }

    /// Puts an event back to be handed out at once, with `attempts` behind it.
    package mutating func putBack(_ position: Position, attempts: Int) {
        set(position, Item(attempts: attempts, phase: .ready))
        if arrangement == nil { ready.insert(position) }
    }

    /// Puts an event aside until `due`.
    package mutating func postpone(_ position: Position, attempts: Int, due: Duration, wall: Timestamp) {
        set(position, Item(attempts: attempts, phase: .waiting(due: due, wall: wall)))
        addTimer(due, position)
    }

    /// Which of the events that wait are meant.
    package enum Wanted: Sendable {
        case all
        case some(Set<Position>)
        /// In each partition those from this offset on.
        case from([Offset])
    }

    /// Makes what waits for its next attempt ready now; attempts stay as they are.
    ///
    /// - Returns: what did wait, in order, each with the attempts behind it.
    package mutating func hasten(_ wanted: Wanted = .all) -> [(position: Position, attempts: Int)] {
        var found: [(position: Position, attempts: Int)] = []
        // Those that are named may be few where millions wait.
        if case .some(let positions) = wanted {
            for position in positions {
                if let item = items[position], case .waiting = item.phase {
                    found.append((position, item.attempts))
                }
            }
        } else {
            var begins: [Offset] = []
            if case .from(let offsets) = wanted { begins = offsets }
            for (position, item) in items {
                guard case .waiting = item.phase else { continue }
                if begins.indices.contains(position.partition), position.offset < begins[position.partition] {
                    continue
                }
                found.append((position, item.attempts))
            }
        }
        found.sort { $0.position < $1.position }
        for (position, attempts) in found { putBack(position, attempts: attempts) }
        return found
    }

    /// Moves the end of a lease.
    package mutating func extend(_ position: Position, nonce: UInt64, deadline: Duration) {
        guard leasedItem(position, nonce: nonce) != nil else { return }
        // The same lease goes on, with the same beginning.
        items.replace(position) { item in
            var item = item
            item?.phase = .leased(nonce: nonce, deadline: deadline)
            return item
        }
        addTimer(deadline, position)
    }

    /// Looks at every partition again from the given offsets on, none of them after the partition's end.
    ///
    /// Backwards, what is not settled before the offset stays so; forwards, everything before the offset is given up, because
    /// that is what moving forwards asks for.
    ///
    /// - Parameter givingUpAll: whether what is not settled is given up also where everything was looked at already: somebody asked for the end.
    package mutating func rewind(to offsets: [Offset], givingUpAll: Bool = false) {
        for (position, item) in items {
            let target = position.partition < offsets.count ? offsets[position.partition] : .zero
            let looked = position.partition < next.count ? next[position.partition] : Offset(.max)
            // A key that waits for its dead letter is let go by whoever goes to the end.
            let isForward = givingUpAll || target > looked || (target == looked && item.phase == .blocked)
            if isForward || position.offset >= target { set(position, nil) }
        }
        for partition in parked.indices {
            let target = partition < offsets.count ? offsets[partition] : .zero
            // Looking ahead has come further than anybody asked for, so going to where it is goes forwards too.
            let isForward = partition < next.count && target >= next[partition]
            unpark(partition, from: isForward ? .zero : target)
        }
        next = offsets
        replays = [:]
        for (partition, offset) in offsets.enumerated() { see(partition: partition, before: offset) }
        if let shape = arrangement?.order.shape { arrange(shape) }
    }

    /// Events of `partition` from `end` on were lost with the power: nobody waits for them. Their offsets stay passed.
    package mutating func forget(partition: Int, from end: Offset) {
        for offset in items.offsets(in: partition) where offset >= end {
            set(Position(partition: partition, offset: offset), nil)
        }
        if let window = replays[partition] {
            replayed(
                partition: partition, to: ReplayWindow(next: window.next, end: min(window.end, end)))
        }
        unpark(partition, from: end)
    }

    // MARK: Time

    /// When `elapse` next has something to do.
    package var deadline: Duration? { timers.first }

    /// Makes waiting items whose time has come ready, and returns those whose lease has run out, with their attempts.
    package mutating func elapse(now: Duration) -> [Position] {
        times.tell(now)
        var expired: [Position] = []
        for position in timers.takeAll(until: now) {
            switch items[position]?.phase {
            case .leased(_, let deadline) where deadline <= now: expired.append(position)
            case .waiting(let due, _) where due <= now:
                putBack(position, attempts: items[position]?.attempts ?? 0)
            default: break
            }
        }
        return expired
    }

    private mutating func addTimer(_ deadline: Duration, _ position: Position) {
        timers.add(deadline, position)
        // Leases that were settled leave their timers behind; when those are the majority, start afresh.
        guard timers.count > 2 * items.count + DeliveryTimers.idleMax else { return }
        timers = DeliveryTimers(
            items.lazy.compactMap { position, item in
                switch item.phase {
                case .leased(_, let deadline), .waiting(let deadline, _): (deadline, position)
                case .ready, .closing, .blocked: nil
                }
            })
    }

    private mutating func set(_ position: Position, _ item: Item?) { change(position) { _ in item } }

    @inline(__always)
    private mutating func change(_ position: Position, _ body: (Item?) -> Item?) {
        var new: Item?
        let old = items.replace(position) {
            new = body($0)
            return new
        }
        if let old, case .leased = old.phase { times.end(old.began) }
        count(old, -1)
        count(new, 1)
        if parkedCount > 0 { unpark(position) }
        if arrangement != nil { note(position, new?.phase) }
    }

    private mutating func count(_ item: Item?, _ change: Int) {
        switch item?.phase {
        case .leased: leased += change
        case .waiting: waiting += change
        case .blocked: blocked += change
        case .ready, .closing, nil: break
        }
    }
}
