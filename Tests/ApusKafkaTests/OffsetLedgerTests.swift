// SPDX-License-Identifier: Apache-2.0

// What may be committed, whatever the order in which events are settled.

import Testing

@testable import ApusKafka

@Suite struct OffsetLedgerTests {
    @Test func `only the run of settled events from the first on is committed`() {
        var ledger = OffsetLedger<String>()
        let numbers = (0..<5).map { ledger.append("e\($0)", at: Int64(10 + $0)) }
        #expect(ledger.settle(numbers[1]) == "e1")
        #expect(ledger.takeCommit() == nil)
        #expect(ledger.settle(numbers[0]) == "e0")
        #expect(ledger.takeCommit() == 12)
        #expect(ledger.takeCommit() == nil)
        #expect(ledger.settle(numbers[4]) == "e4")
        #expect(ledger.settle(numbers[2]) == "e2")
        #expect(ledger.takeCommit() == 13)
        #expect(ledger.settle(numbers[3]) == "e3")
        #expect(ledger.takeCommit() == 15)
        #expect(ledger.span == 0 && ledger.openCount == 0)
    }

    @Test func `an event is settled once`() {
        var ledger = OffsetLedger<String>()
        let (first, second) = (ledger.append("a", at: 0), ledger.append("b", at: 1))
        #expect(ledger.settle(second) == "b")
        #expect(ledger.settle(second) == nil)
        #expect(ledger.settle(first) == "a")
        #expect(ledger.settle(first) == nil)
        #expect(ledger.settle(99) == nil)
        #expect(ledger[first] == nil)
    }

    @Test func `gaps in offsets are passed over`() {
        var ledger = OffsetLedger<Int>()
        let numbers = [3, 7, 20].map { ledger.append($0, at: Int64($0)) }
        for number in numbers.dropLast() { _ = ledger.settle(number) }
        #expect(ledger.takeCommit() == 8)
        _ = ledger.settle(numbers[2])
        #expect(ledger.takeCommit() == 21)
    }

    @Test func `a commit that failed is there again, unless a later one is`() {
        var ledger = OffsetLedger<Int>()
        let numbers = (0..<3).map { ledger.append($0, at: Int64($0)) }
        _ = ledger.settle(numbers[0])
        #expect(ledger.takeCommit() == 1)
        ledger.giveBackCommit(1)
        #expect(ledger.takeCommit() == 1)
        _ = ledger.settle(numbers[1])
        ledger.giveBackCommit(1)
        #expect(ledger.takeCommit() == 2)
    }

    @Test func `a transaction commits what it settles, if nothing else is missing before it`() {
        var ledger = OffsetLedger<Int>()
        let numbers = (0..<4).map { ledger.append($0, at: Int64($0)) }
        _ = ledger.settle(numbers[1])
        let first = ledger.commit(settling: [numbers[0]])
        #expect(first?.offset == 2 && first?.coversAll == true)
        let behind = ledger.commit(settling: [numbers[0], numbers[3]])
        #expect(behind?.coversAll == false)
        let all = ledger.commit(settling: [numbers[0], numbers[2], numbers[3]])
        #expect(all?.offset == 4 && all?.coversAll == true)
    }

    @Test func `what is stranded is open and has something settled behind it`() {
        var ledger = OffsetLedger<Int>()
        let numbers = (0..<5).map { ledger.append($0, at: Int64($0)) }
        #expect(ledger.stranded.isEmpty)
        _ = ledger.settle(numbers[1])
        _ = ledger.settle(numbers[3])
        #expect(ledger.stranded == [numbers[0], numbers[2]])
    }

    @Test func `whatever the order of settling, a commit never passes an open event and ends behind the last`() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<200 {
            var ledger = OffsetLedger<Int64>()
            var open: Set<Int64> = []
            var numbers: [UInt64] = []
            for offset in 0..<Int64(20) {
                numbers.append(ledger.append(offset, at: offset))
                open.insert(offset)
            }
            for number in numbers.shuffled(using: &generator) {
                guard let offset = ledger.settle(number) else { continue }
                open.remove(offset)
                if let commit = ledger.takeCommit() { #expect(commit == open.min() ?? 20) }
            }
            #expect(ledger.span == 0)
        }
    }
}

@Suite struct KeyLanesTests {
    @Test func `of a key one goes at a time, in order, and keys do not wait for each other`() {
        var lanes = KeyLanes<Int>()
        #expect(lanes.admit(1, of: [1]))
        #expect(!lanes.admit(2, of: [1]))
        #expect(lanes.admit(3, of: [2]))
        #expect(!lanes.admit(4, of: [1]))
        #expect(lanes.advance([1]) == 2)
        #expect(lanes.advance([2]) == nil)
        #expect(lanes.admit(5, of: [2]))
        #expect(lanes.advance([1]) == 4)
        #expect(lanes.advance([1]) == nil)
        #expect(lanes.admit(6, of: [1]))
    }
}

@Suite struct DueQueueTests {
    @Test func `what is due first comes first, and of the same time what came first`() {
        let start = ContinuousClock.now
        var queue = DueQueue<Int>()
        let delays = [5, 1, 3, 1, 9, 0, 3, 3]
        for (index, delay) in delays.enumerated() { queue.insert(index, due: start + .seconds(delay)) }
        #expect(queue.next == start)
        #expect(queue.pop(at: start) == 5)
        #expect(queue.pop(at: start) == nil)
        var order: [Int] = []
        while let next = queue.pop(at: start + .seconds(10)) { order.append(next) }
        #expect(order == [1, 3, 2, 6, 7, 0, 4])
        #expect(queue.count == 0 && queue.next == nil)
    }
}

@Suite struct CommitPacerTests {
    @Test func `one commit at a time, not more often than the interval`() {
        let start = ContinuousClock.now
        var pacer = CommitPacer(interval: .milliseconds(100))
        #expect(pacer.due(start) == nil)
        #expect(pacer.settled())
        #expect(!pacer.settled())
        #expect(pacer.due(start) == start)
        pacer.begin(start)
        #expect(pacer.settled())
        #expect(pacer.due(start) == nil)
        pacer.ended(failed: false)
        #expect(pacer.due(start) == start + .milliseconds(100))
    }

    @Test func `a commit that failed is sent again, and none while a transaction commits`() {
        let start = ContinuousClock.now
        var pacer = CommitPacer(interval: .zero)
        #expect(pacer.settled())
        pacer.begin(start)
        #expect(!pacer.hold())
        pacer.ended(failed: true)
        #expect(pacer.hold())
        #expect(!pacer.hold())
        #expect(pacer.due(start) == nil)
        pacer.release()
        #expect(pacer.due(start) == start)
    }
}
