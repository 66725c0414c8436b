// SPDX-License-Identifier: Apache-2.0

// Who goes first, as a value: order of keys, shares, priorities.

import ApusEngine
import ApusModel
import ApusTesting
import Testing

@Suite struct HandOutOrderTests {
    private static func place(_ offset: Int) -> Position {
        Position(partition: 0, offset: Offset(Int64(offset)))
    }

    private static func order(
        priorities: Bool = false, window: Int = 100, flowWindow: Int = 10
    ) -> HandOutOrder {
        HandOutOrder(
            HandOutOrder.Shape(hasPriorities: priorities, window: window, flowWindow: flowWindow))
    }

    @Test func `the next event of a key comes when the one before it is done`() {
        var order = Self.order()
        for offset in 0..<3 { order.add(Self.place(offset), EventTags(orderKey: 1)) }
        order.add(Self.place(3), EventTags(orderKey: 2))
        #expect(order.take() == Self.place(0))
        #expect(order.take() == Self.place(3))
        #expect(order.take() == nil)
        order.note(Self.place(0), .waiting)
        #expect(order.take() == nil)
        order.note(Self.place(0), .ready)
        #expect(order.take() == Self.place(0))
        order.note(Self.place(0), nil)
        #expect(order.take() == Self.place(1))
        order.note(Self.place(1), nil)
        order.note(Self.place(3), nil)
        #expect(order.take() == Self.place(2))
        order.note(Self.place(2), nil)
        #expect(order.size.lanes == 0)
        #expect(order.size.references == 0)
    }

    @Test func `an earlier event that turns up late goes before those that wait`() {
        var order = Self.order()
        order.add(Self.place(5), EventTags(orderKey: 1))
        order.add(Self.place(6), EventTags(orderKey: 1))
        order.add(Self.place(2), EventTags(orderKey: 1), hold: .ready)
        #expect(order.take() == Self.place(2))
        #expect(order.take() == nil)
        order.note(Self.place(2), nil)
        #expect(order.take() == Self.place(5))
    }

    @Test func `flows get turns by their weights, whatever they have waiting`() {
        var order = Self.order(window: 10_000, flowWindow: 10_000)
        for offset in 0..<3_000 { order.add(Self.place(offset), EventTags(flow: 1)) }
        for offset in 3_000..<3_300 { order.add(Self.place(offset), EventTags(flow: 2, weight: 3)) }
        for offset in 3_300..<3_400 { order.add(Self.place(offset), EventTags(flow: 3)) }
        var counts: [Int: Int] = [:]
        for _ in 0..<400 {
            guard let offset = order.take()?.offset.rawValue else { break }
            counts[offset < 3_000 ? 1 : offset < 3_300 ? 2 : 3, default: 0] += 1
        }
        // One, three and one of every five.
        #expect((78...82).contains(counts[1] ?? 0))
        #expect((237...243).contains(counts[2] ?? 0))
        #expect((78...82).contains(counts[3] ?? 0))
    }

    @Test func `somebody quiet never waits for more than a turn of everybody else`() {
        var order = Self.order()
        for offset in 0..<1_000 { order.add(Self.place(offset), EventTags(flow: 1)) }
        for _ in 0..<500 { _ = order.take() }
        order.add(Self.place(1_000), EventTags(flow: 2))
        #expect([order.take(), order.take()].contains(Self.place(1_000)))
    }

    @Test func `higher priorities go first and the lowest is not forgotten`() {
        var order = Self.order(priorities: true, window: 10_000, flowWindow: 10_000)
        order.add(Self.place(0), EventTags(priority: 0))
        order.add(Self.place(1), EventTags(priority: 4))
        for offset in 2..<1_000 { order.add(Self.place(offset), EventTags(priority: 9)) }
        var taken: [Position] = []
        for _ in 0..<64 { if let position = order.take() { taken.append(position) } }
        #expect(taken.first == Self.place(2))
        let lowest = taken.firstIndex(of: Self.place(0)) ?? 64
        let middle = taken.firstIndex(of: Self.place(1)) ?? 64
        // Of sixteen one goes to whom has waited longest.
        #expect(max(lowest, middle) < 3 * Int(HandOutOrder.agingInterval))
    }

    @Test func `what waits behind a key that fails is no reason to stop looking ahead`() {
        var order = Self.order(window: 10, flowWindow: 10)
        for offset in 0..<1_000 { order.add(Self.place(offset), EventTags(orderKey: 1, flow: 1)) }
        #expect(!order.wantsMore)
        #expect(order.take() == Self.place(0))
        order.note(Self.place(0), .waiting)
        #expect(order.wantsMore)
        order.note(Self.place(0), .ready)
        #expect(!order.wantsMore)
    }

    @Test func `one flow is no reason to stop looking ahead`() {
        var order = Self.order(window: 30, flowWindow: 10)
        for offset in 0..<1_000 { order.add(Self.place(offset), EventTags(flow: 1)) }
        #expect(order.moving == 10)
        #expect(order.wantsMore)
        for offset in 1_000..<1_100 { order.add(Self.place(offset), EventTags(flow: offset)) }
        #expect(!order.wantsMore)
    }

    @Test func `flows that come once are forgotten`() {
        var order = Self.order()
        for offset in 0..<5_000 {
            order.add(Self.place(offset), EventTags(orderKey: offset, flow: offset))
            #expect(order.take() == Self.place(offset))
            order.note(Self.place(offset), nil)
        }
        #expect(order.size.lanes == 0)
        #expect(order.size.references == 0)
        #expect(order.flowsRemembered <= 1_100)
    }

    /// Everything at random, against a list that says what may be taken.
    @Test(arguments: 0..<60)
    func `no history takes an event that must wait, and all come in the end`(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var order = Self.order(priorities: random.oneIn(2))
        var open: [Int: (key: Int?, hold: HandOutOrder.Hold?)] = [:]
        var next = 0
        func mayBeTaken(_ offset: Int) -> Bool {
            guard let event = open[offset], event.hold == nil || event.hold == .ready else { return false }
            guard let key = event.key else { return true }
            return !open.contains { $0.value.key == key && ($0.key < offset || $0.value.hold == .busy) }
        }
        func takeOne() {
            let taken = order.take()
            let possible = taken == nil ? open.keys.filter(mayBeTaken) : []
            guard let taken else {
                #expect(possible.isEmpty)
                return
            }
            let offset = Int(taken.offset.rawValue)
            #expect(mayBeTaken(offset))
            open[offset]?.hold = .busy
        }
        for _ in 0..<400 {
            let held = open.filter { $0.value.hold != nil }.keys.sorted()
            switch random.below(8) {
            case 0..<3:
                let key = random.oneIn(3) ? nil : random.below(4)
                let tags = EventTags(
                    orderKey: key, flow: key ?? random.below(3), weight: 1 + random.below(5),
                    priority: UInt8(random.below(10)))
                // Some are found that somebody had before.
                let hold: HandOutOrder.Hold? =
                    random.oneIn(8) ? [.ready, .waiting, .busy][random.below(3)] : nil
                order.add(Self.place(next), tags, hold: hold)
                open[next] = (key, hold)
                next += 1 + random.below(3)
            case 3..<5: takeOne()
            case 5..<7:
                guard !held.isEmpty else { break }
                let offset = held[random.below(held.count)]
                order.note(Self.place(offset), nil)
                open[offset] = nil
            default:
                guard !held.isEmpty else { break }
                let offset = held[random.below(held.count)]
                let hold: HandOutOrder.Hold = random.oneIn(2) ? .ready : .waiting
                order.note(Self.place(offset), hold)
                open[offset]?.hold = hold
            }
        }
        for _ in 0..<5_000 where !open.isEmpty {
            for (offset, event) in open.sorted(by: { $0.key < $1.key }) where event.hold == .waiting {
                order.note(Self.place(offset), .ready)
                open[offset]?.hold = .ready
            }
            takeOne()
            for (offset, event) in open.sorted(by: { $0.key < $1.key }) where event.hold == .busy {
                order.note(Self.place(offset), nil)
                open[offset] = nil
            }
        }
        #expect(open.isEmpty)
        #expect(order.offered == 0)
        #expect(order.moving == 0)
        #expect(order.size.lanes == 0)
        #expect(order.size.references == 0)
    }
}
