// SPDX-License-Identifier: Apache-2.0

// What may be committed, whatever the order in which events are settled.

import Testing

@testable import ApusKafka

@Suite struct OffsetLedgerTests {
    @Test func `only the run of settled events from the first on is committed`() {
        var ledger = OffsetLedger<String>()
        let numbers = (0..<5).map { ledger.append("e\($0)", at: Int64(10 + $0)) }
        let found1 = ledger.settle(numbers[1])
        #expect(found1 == "e1")
        let found2 = ledger.takeCommit()
        #expect(found2 == nil)
        let found3 = ledger.settle(numbers[0])
        #expect(found3 == "e0")
        let found4 = ledger.takeCommit()
        #expect(found4 == 12)
        let found5 = ledger.takeCommit()
        #expect(found5 == nil)
        let found6 = ledger.settle(numbers[4])
        #expect(found6 == "e4")
        let found7 = ledger.settle(numbers[2])
        #expect(found7 == "e2")
        let found8 = ledger.takeCommit()
        #expect(found8 == 13)
        let found9 = ledger.settle(numbers[3])
        #expect(found9 == "e3")
        let found10 = ledger.takeCommit()
        #expect(found10 == 15)
        #expect(ledger.span == 0 && ledger.openCount == 0)
    }

    @Test func `an event is settled once`() {
        var ledger = OffsetLedger<String>()
        let (first, second) = (ledger.append("a", at: 0), ledger.append("b", at: 1))
        let found11 = ledger.settle(second)
        #expect(found11 == "b")
        let found12 = ledger.settle(second)
        #expect(found12 == nil)
        let found13 = ledger.settle(first)
        #expect(found13 == "a")
        let found14 = ledger.settle(first)
        #expect(found14 == nil)
        let found15 = ledger.settle(99)
        #expect(found15 == nil)
        #expect(ledger[first] == nil)
    }

    @Test func `gaps in offsets are passed over`() {
        var ledger = OffsetLedger<Int>()
        let numbers = [3, 7, 20].map { ledger.append($0, at: Int64($0)) }
        for number in numbers.dropLast() { _ = ledger.settle(number) }
        let found16 = ledger.takeCommit()
        #expect(found16 == 8)
        _ = ledger.settle(numbers[2])
        let found17 = ledger.takeCommit()
        #expect(found17 == 21)
    }

    @Test func `a commit that failed is there again, unless a later one is`() {
        var ledger = OffsetLedger<Int>()
        let numbers = (0..<3).map { ledger.append($0, at: Int64($0)) }
        _ = ledger.settle(numbers[0])
        let found18 = ledger.takeCommit()
        #expect(found18 == 1)
        ledger.giveBackCommit(1)
        let found19 = ledger.takeCommit()
        #expect(found19 == 1)
        _ = ledger.settle(numbers[1])
        ledger.giveBackCommit(1)
        let found20 = ledger.takeCommit()
        #expect(found20 == 2)
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

    @Test
    func `whatever the order of settling, a commit never passes an open event and ends behind the last`() {
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
        let found21 = lanes.admit(1, of: [1])
        #expect(found21)
        let found22 = lanes.admit(2, of: [1])
        #expect(!found22)
        let found23 = lanes.admit(3, of: [2])
        #expect(found23)
        let found24 = lanes.admit(4, of: [1])
        #expect(!found24)
        let found25 = lanes.advance([1])
        #expect(found25 == 2)
        let found26 = lanes.advance([2])
        #expect(found26 == nil)
        let found27 = lanes.admit(5, of: [2])
        #expect(found27)
        let found28 = lanes.advance([1])
        #expect(found28 == 4)
        let found29 = lanes.advance([1])
        #expect(found29 == nil)
        let found30 = lanes.admit(6, of: [1])
        #expect(found30)
    }
}

@Suite struct DueQueueTests {
    @Test func `what is due first comes first, and of the same time what came first`() {
        let start = ContinuousClock.now
        var queue = DueQueue<Int>()
        let delays = [5, 1, 3, 1, 9, 0, 3, 3]
        for (index, delay) in delays.enumerated() { queue.insert(index, due: start + .seconds(delay)) }
        #expect(queue.next == start)
        let found31 = queue.pop(at: start)
        #expect(found31 == 5)
        let found32 = queue.pop(at: start)
        #expect(found32 == nil)
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
        let found33 = pacer.settled()
        #expect(found33)
        let found34 = pacer.settled()
        #expect(!found34)
        #expect(pacer.due(start) == start)
        pacer.begin(start)
        let found35 = pacer.settled()
        #expect(found35)
        #expect(pacer.due(start) == nil)
        pacer.ended(failed: false)
        #expect(pacer.due(start) == start + .milliseconds(100))
    }

    @Test func `a commit that failed is sent again, and none while a transaction commits`() {
        let start = ContinuousClock.now
        var pacer = CommitPacer(interval: .zero)
        let found36 = pacer.settled()
        #expect(found36)
        pacer.begin(start)
        let found37 = pacer.hold()
        #expect(!found37)
        pacer.ended(failed: true)
        let found38 = pacer.hold()
        #expect(found38)
        let found39 = pacer.hold()
        #expect(!found39)
        #expect(pacer.due(start) == nil)
        pacer.release()
        #expect(pacer.due(start) == start)
    }
}
