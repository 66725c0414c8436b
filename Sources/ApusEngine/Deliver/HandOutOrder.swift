// SPDX-License-Identifier: Apache-2.0

// Which event a subscription hands out next, when the order of keys, fairness between them or priorities decide: a value without I/O. It is an index
// over what `DeliveryState` holds and can be made anew from that and the topic; nothing of it is written down.
//
// Events lie in *lanes*. The lane of a key that is kept in order is serial: its first event is offered when none of its events is with a consumer, and
// the next when that one is done. Other events lie in lanes without such care. An event that is offered belongs to a *flow* (its key or
// tenant), and to a priority.
//
// Invariants:
//  - A serial lane offers its least event or nothing; it offers nothing while one of its events is busy, or the least one waits.
//  - `offered` counts the events that can be taken; each priority's count adds up to it.
//  - `moving` counts the waiting events that are a reason not to look further ahead: of each flow no more than `flowWindow`, and none that is behind an
//    event that waits for a retry, because what fails must not hide the rest.

import ApusModel

/// What decides about one event's turn.
package struct EventTags: Sendable, Hashable {
    /// The key whose events come one after another; nil when the event is in no order.
    package var orderKey: Int?
    /// Whose share it takes from.
    package var flow: Int
    /// How large that share is, from 1 to 1000.
    package var weight: Int
    /// From 0 to 9, the highest first.
    package var priority: UInt8

    package init(orderKey: Int? = nil, flow: Int = 0, weight: Int = 1, priority: UInt8 = 0) {
        self.orderKey = orderKey
        self.flow = flow
        self.weight = weight
        self.priority = priority
    }
}

/// The order in which events are handed out.
package struct HandOutOrder: Sendable {
    /// How it chooses, and how far it wants to look ahead.
    package struct Shape: Sendable, Hashable {
        /// Whether events have priorities.
        package var hasPriorities: Bool
        /// How many events it wants to choose from.
        package var window: Int
        /// How many of them may be of one flow.
        package var flowWindow: Int

        package init(hasPriorities: Bool, window: Int, flowWindow: Int) {
            self.hasPriorities = hasPriorities
            self.window = window
            self.flowWindow = flowWindow
        }
    }

    /// What an event that was handed out before is doing.
    package enum Hold: Sendable, Hashable {
        /// It can be handed out again.
        case ready
        /// It will be, later.
        case waiting
        /// Somebody has it, or its end is being written down.
        case busy
    }

    /// One of how many hand-outs goes to the priority that has waited longest.
    package static let agingInterval: UInt64 = 16

    private struct LaneID: Hashable {
        var partition: Int
        var key: Int
        var isSerial: Bool
        var priority: UInt8
    }

    /// What is remembered of an event that left its lane's queue.
    private struct Reference {
        var lane: LaneID
        var tags: EventTags
    }

    private struct Held {
        var offset: Offset
        var hold: Hold
        var priority: UInt8
    }

    private struct Lane {
        var tags: EventTags
        var pending: OffsetQueue
        /// Those that were handed out and are not done, in order; mostly one.
        var held: [Held] = []
        var offer: (offset: Offset, priority: UInt8)?
        var isStuck = false
    }

    private struct Candidate {
        var position: Position
        var lane: LaneID
        var isReturned: Bool
    }

    private struct Priority {
        var flows = FlowQueue<Candidate>()
        var count = 0
        var lastServed: UInt64 = 0
    }

    package let shape: Shape
    /// How many events can be taken now.
    package private(set) var offered = 0
    /// How many waiting events are a reason not to look further ahead.
    package private(set) var moving = 0
    private var lanes: [LaneID: Lane] = [:]
    private var references: [Position: Reference] = [:]
    /// Events without order that came back.
    private var returned: Set<Position> = []
    private var flowCounts: [Int: Int] = [:]
    private var priorities: [Priority]
    private var handOuts: UInt64 = 0

    package init(_ shape: Shape) {
        self.shape = shape
        priorities = Array(repeating: Priority(), count: shape.hasPriorities ? 10 : 1)
    }

    /// Whether there is too little to choose from.
    package var wantsMore: Bool { offered == 0 || moving < shape.window }

    /// Lanes and references, and bytes of waiting events, for measurements.
    package var size: (lanes: Int, references: Int, pendingBytes: Int) {
        (lanes.count, references.count, lanes.values.reduce(0) { $0 + $1.pending.byteCount })
    }

    /// Flows whose share is remembered, for measurements.
    package var flowsRemembered: Int { priorities.reduce(0) { $0 + $1.flows.flowCount } }

    // MARK: Finding events

    /// Takes an event that was found: one that nobody had yet, or with `hold` one that somebody had.
    package mutating func add(_ position: Position, _ tags: EventTags, hold: Hold? = nil) {
        var tags = tags
        tags.priority = min(tags.priority, UInt8(priorities.count - 1))
        let id = LaneID(
            partition: position.partition, key: tags.orderKey ?? tags.flow, isSerial: tags.orderKey != nil,
            priority: tags.orderKey != nil ? 0 : tags.priority)
        // What is found late does not fit into the queue, and is treated like something that came back.
        let isLate = lanes[id].map { !$0.pending.isEmpty && $0.pending.last >= position.offset } ?? false
        guard let hold = hold ?? (isLate ? .ready : nil) else {
            if lanes[id] == nil { lanes[id] = emptyLane(tags) }
            lanes[id]?.pending.append(position.offset, priority: tags.priority)
            if let lane = lanes[id], !lane.isStuck { count(lane.tags.flow, 1) }
            return refresh(id)
        }
        references[position] = Reference(lane: id, tags: tags)
        guard id.isSerial else {
            if hold == .ready { offerReturned(position, id, tags) }
            return
        }
        if lanes[id] == nil { lanes[id] = emptyLane(tags) }
        let held = Held(offset: position.offset, hold: hold, priority: tags.priority)
        let earlier = lanes[id]?.held.count { $0.offset < position.offset } ?? 0
        lanes[id]?.held.insert(held, at: earlier)
        refresh(id)
    }

    private func emptyLane(_ tags: EventTags) -> Lane {
        Lane(tags: tags, pending: OffsetQueue(hasPriorities: shape.hasPriorities))
    }

    /// Whether the event is known here beside waiting in its lane.
    package func knows(_ position: Position) -> Bool { references[position] != nil }

    // MARK: Handing out

    /// The event whose turn it is. Until it is told otherwise (`note`) somebody has it.
    package mutating func take() -> Position? {
        while offered > 0, let number = nextPriority() {
            guard let (candidate, flow) = priorities[number].flows.take() else { return nil }
            let stands = accept(candidate)
            if stands {
                handOuts += 1
                priorities[number].lastServed = handOuts
                hold(candidate)
            }
            priorities[number].flows.finish(flow, isCharged: stands)
            if stands { return candidate.position }
        }
        return nil
    }

    /// The highest priority that offers anything; now and then the one that has waited longest, so that none starves.
    private func nextPriority() -> Int? {
        if priorities.count > 1, handOuts % HandOutOrder.agingInterval == HandOutOrder.agingInterval - 1 {
            return priorities.indices.filter { priorities[$0].count > 0 }
                .min { priorities[$0].lastServed < priorities[$1].lastServed }
        }
        return priorities.lastIndex { $0.count > 0 }
    }

    /// Whether what is offered still stands: offers that were taken back stay in their queue.
    private func accept(_ candidate: Candidate) -> Bool {
        candidate.isReturned
            ? returned.contains(candidate.position)
            : lanes[candidate.lane]?.offer?.offset == candidate.position.offset
    }

    /// Somebody has the event now.
    private mutating func hold(_ candidate: Candidate) {
        let position = candidate.position
        guard !candidate.isReturned else {
            returned.remove(position)
            if let priority = references[position]?.tags.priority { offered(-1, Int(priority)) }
            return
        }
        guard var tags = lanes[candidate.lane]?.tags, let offer = lanes[candidate.lane]?.offer else { return }
        tags.priority = offer.priority
        lanes[candidate.lane]?.offer = nil
        offered(-1, Int(offer.priority))
        if lanes[candidate.lane]?.pending.first?.offset == position.offset {
            lanes[candidate.lane]?.pending.popFirst()
            count(tags.flow, -1)
            references[position] = Reference(lane: candidate.lane, tags: tags)
            if candidate.lane.isSerial {
                let held = Held(offset: position.offset, hold: .busy, priority: offer.priority)
                lanes[candidate.lane]?.held.insert(held, at: 0)
            }
        } else if let index = lanes[candidate.lane]?.held.firstIndex(where: { $0.offset == position.offset })
        {
            lanes[candidate.lane]?.held[index].hold = .busy
        }
        refresh(candidate.lane)
    }

    // MARK: What becomes of them

    /// What an event that was handed out does now; nil when it is done.
    package mutating func note(_ position: Position, _ hold: Hold?) {
        guard let reference = references[position] else { return }
        if hold == nil { references[position] = nil }
        guard reference.lane.isSerial else {
            if hold == .ready {
                offerReturned(position, reference.lane, reference.tags)
            } else if returned.remove(position) != nil {
                offered(-1, Int(reference.tags.priority))
            }
            return
        }
        guard let index = lanes[reference.lane]?.held.firstIndex(where: { $0.offset == position.offset })
        else { return }
        if let hold {
            lanes[reference.lane]?.held[index].hold = hold
        } else {
            lanes[reference.lane]?.held.remove(at: index)
        }
        refresh(reference.lane)
    }

    private mutating func offerReturned(_ position: Position, _ lane: LaneID, _ tags: EventTags) {
        guard returned.insert(position).inserted else { return }
        offer(Candidate(position: position, lane: lane, isReturned: true), tags)
    }

    private mutating func offer(_ candidate: Candidate, _ tags: EventTags) {
        let number = Int(tags.priority)
        // A priority that had nothing to offer has not waited.
        if priorities[number].count == 0 { priorities[number].lastServed = handOuts }
        priorities[number].flows.append(candidate, flow: tags.flow, weight: tags.weight)
        offered(1, number)
    }

    private mutating func offered(_ change: Int, _ priority: Int) {
        offered += change
        priorities[priority].count += change
    }

    /// Sees to it that a lane offers what it should.
    private mutating func refresh(_ id: LaneID) {
        guard let lane = lanes[id] else { return }
        if lane.pending.isEmpty, lane.held.isEmpty {
            if let offer = lane.offer { offered(-1, Int(offer.priority)) }
            lanes[id] = nil
            return
        }
        let head = lane.pending.first
        let held = lane.held.first.flatMap { held in
            head.map { held.offset < $0.offset } ?? true ? held : nil
        }
        let isStuck = held?.hold == .waiting
        if isStuck != lane.isStuck {
            lanes[id]?.isStuck = isStuck
            count(lane.tags.flow, isStuck ? -lane.pending.count : lane.pending.count)
        }
        var wanted: (offset: Offset, priority: UInt8)?
        if !lane.held.contains(where: { $0.hold == .busy }) {
            wanted = held.map { ($0.offset, $0.priority) } ?? head
            if let held, held.hold != .ready { wanted = nil }
        }
        guard wanted?.offset != lane.offer?.offset else { return }
        lanes[id]?.offer = wanted
        if let old = lane.offer { offered(-1, Int(old.priority)) }
        guard let wanted else { return }
        var tags = lane.tags
        tags.priority = wanted.priority
        let position = Position(partition: id.partition, offset: wanted.offset)
        offer(Candidate(position: position, lane: id, isReturned: false), tags)
    }

    private mutating func count(_ flow: Int, _ change: Int) {
        guard change != 0 else { return }
        let before = flowCounts[flow] ?? 0
        let after = before + change
        flowCounts[flow] = after == 0 ? nil : after
        moving += min(after, shape.flowWindow) - min(before, shape.flowWindow)
    }
}
