// SPDX-License-Identifier: Apache-2.0

// Items by position and their deadlines, against plain tables: what is handed out, comes back, waits and is settled in any order.

import ApusEngine
import ApusModel
import ApusTesting
import Testing

@Suite struct DeliveryStateTests {
    /// What a plain table knows of an item.
    private struct Plain: Equatable {
        var isLeased: Bool
        var attempts: Int
        var until: Duration
    }

    @Test(arguments: 0..<10)
    func `items end when a plain table says so`(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var (state, plain) = (DeliveryState(next: [.zero]), [Position: Plain]())
        var ends: [Int64] = [0, 0, 0]
        var now = Duration.zero
        // More leases than timers may be left behind: they are made anew on the way.
        for _ in 0..<15_000 {
            switch random.below(10) {
            case 0..<5:
                // What is handed out together ends together.
                let deadline = now + .seconds(Int64(1 + random.below(2)) * 30)
                for _ in 0...random.below(4) {
                    let partition = random.below(ends.count)
                    let position = Position(partition: partition, offset: Offset(ends[partition]))
                    ends[partition] += 1
                    let attempt = state.lease(position, nonce: 7, deadline: deadline)
                    #expect(attempt == 1)
                    plain[position] = Plain(isLeased: true, attempts: 1, until: deadline)
                }
            case 5..<8:
                for (position, item) in plain where item.isLeased && random.oneIn(2) {
                    #expect(state.leasedItem(position, nonce: 7)?.attempts == item.attempts)
                    state.settle(position)
                    plain[position] = nil
                }
            case 8:
                guard let (position, item) = plain.first(where: \.value.isLeased) else { continue }
                let due = now + .seconds(Int64(random.below(100)))
                state.postpone(position, attempts: item.attempts, due: due, wall: Timestamp(milliseconds: 0))
                plain[position] = Plain(isLeased: false, attempts: item.attempts, until: due)
            default:
                now += .seconds(Int64(random.below(20)))
                let over = plain.filter { $0.value.until <= now }
                let expired = state.elapse(now: now)
                let leases = over.filter(\.value.isLeased).keys
                #expect(Set(expired) == Set(leases) && expired.count == leases.count)
                #expect(
                    expired
                        == expired.sorted {
                            (over[$0]?.until ?? .zero, $0) < (over[$1]?.until ?? .zero, $1)
                        })
                for position in over.keys {
                    state.settle(position)
                    plain[position] = nil
                }
            }
            #expect(state.items.count == plain.count)
            #expect(plain.isEmpty || state.deadline ?? .zero <= plain.values.map(\.until).min() ?? .zero)
        }
        #expect(Set(state.items.positions) == Set(plain.keys))
        for partition in ends.indices {
            let first = plain.keys.filter { $0.partition == partition }.map(\.offset).min()
            #expect(state.cursor(partition: partition) == first ?? Offset(ends[partition]))
        }
    }

    @Test(arguments: [-1, 1, Int.min, Int.max])
    func `a lease of a partition that is not there is none`(partition: Int) {
        var state = DeliveryState(next: [.zero])
        _ = state.lease(Position(partition: 0, offset: .zero), nonce: 1, deadline: .seconds(1))
        #expect(state.leasedItem(Position(partition: partition, offset: .zero), nonce: 1) == nil)
    }

    @Test func `only the lease that holds an event settles it`() {
        let (first, second) = (
            Position(partition: 0, offset: .zero), Position(partition: 0, offset: Offset(1))
        )
        var state = DeliveryState(next: [.zero])
        for position in [first, second] { _ = state.lease(position, nonce: 7, deadline: .seconds(30)) }
        #expect(state.settle(first, nonce: 8) == nil)
        #expect(state.settle(Position(partition: 5, offset: .zero), nonce: 7) == nil)
        #expect(state.settle(Position(partition: -1, offset: .zero), nonce: 7) == nil)
        #expect(state.leased == 2)
        #expect(state.settle(first, nonce: 7)?.attempts == 1)
        #expect(state.settle(first, nonce: 7) == nil)
        #expect(state.leased == 1)
        state.postpone(second, attempts: 1, due: .seconds(1), wall: Timestamp(milliseconds: 0))
        #expect(state.settle(second, nonce: 7) == nil)
        #expect(state.waiting == 1)
        #expect(state.cursor(partition: 0) == Offset(1))
    }

    @Test func `an event that is parked since its lease ended stays so when the lease is settled`() {
        var state = DeliveryState(next: [.zero])
        state.arrange(HandOutOrder.Shape(hasPriorities: false, window: 0, flowWindow: 0))
        let position = Position(partition: 0, offset: .zero)
        _ = state.lease(position, nonce: 7, deadline: .seconds(30))
        // Moved back, and looked through again.
        state.rewind(to: [.zero])
        state.park(position)
        #expect(state.settle(position, nonce: 7) == nil)
        #expect(state.isParked(position))
        #expect(state.cursor(partition: 0) == .zero)
    }

    @Test func `how long leases were held is known, however they ended`() {
        var state = DeliveryState(next: [.zero])
        let positions = (0..<4).map { Position(partition: 0, offset: Offset($0)) }
        state.times.tell(.seconds(1))
        for position in positions { _ = state.lease(position, nonce: 1, deadline: .seconds(4)) }
        state.times.tell(.seconds(3))
        #expect(state.settle(positions[0], nonce: 1) != nil)
        state.postpone(positions[1], attempts: 1, due: .seconds(9), wall: Timestamp(milliseconds: 9))
        state.extend(positions[2], nonce: 1, deadline: .seconds(60))
        #expect(state.times.ended == 2 && state.times.held == 4 * 10_000)
        #expect(state.elapse(now: .seconds(5)) == [positions[3]])
        state.putBack(positions[3], attempts: 1)
        // One is out still.
        #expect(state.times.ended == 3 && state.times.held == 8 * 10_000)
        #expect(state.times.occupied(leased: state.leased) == 12 * 10_000)
        state.rewind(to: [.zero])
        state.times.tell(.seconds(100))
        #expect(state.times.ended == 4 && state.times.held == 12 * 10_000)
        #expect(state.times.occupied(leased: state.leased) == 12 * 10_000)
    }

    @Test func `items are the same whatever was settled in other partitions`() {
        var (state, other) = (DeliveryState(next: [.zero]), DeliveryState(next: [.zero]))
        let (here, there) = (Position(partition: 0, offset: .zero), Position(partition: 3, offset: .zero))
        for position in [here, there] { _ = state.lease(position, nonce: 1, deadline: .seconds(1)) }
        _ = other.lease(here, nonce: 1, deadline: .seconds(1))
        #expect(state.items != other.items)
        state.settle(there)
        #expect(state.items == other.items)
    }
}
