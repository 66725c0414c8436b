// SPDX-License-Identifier: Apache-2.0

// The compact sets and queues of offsets against plain ones, and what they take up.

import ApusEngine
import ApusModel
import ApusTesting
import Testing

@Suite struct OffsetSetTests {
    @Test(arguments: 0..<20)
    func `a set of offsets is what a plain set would be`(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var (set, plain) = (OffsetSet(), Set<Int64>())
        // Close together and far apart, so that lists become bitmaps and bitmaps lists.
        let span = [200, 30_000, 9_000_000][random.below(3)]
        for step in 0..<9_000 {
            let offset = Int64(random.below(span))
            let isGrowing = (step / 3_000).isMultiple(of: 2)
            if random.oneIn(isGrowing ? 5 : 2) {
                #expect(set.remove(Offset(offset)) == (plain.remove(offset) != nil))
            } else {
                #expect(set.insert(Offset(offset)) == plain.insert(offset).inserted)
            }
        }
        #expect(set.count == plain.count)
        let sorted = plain.sorted()
        var found: [Int64] = []
        set.forEach { found.append($0.rawValue) }
        #expect(found == sorted)
        for _ in 0..<200 {
            let offset = Int64(random.below(span))
            #expect(set.contains(Offset(offset)) == plain.contains(offset))
            #expect(set.first(from: Offset(offset))?.rawValue == sorted.first { $0 >= offset })
        }
        let cut = Int64(random.below(span))
        set.removeAll(from: Offset(cut))
        found = []
        set.forEach { found.append($0.rawValue) }
        #expect(found == sorted.filter { $0 < cut })
        #expect(set.count == found.count)
    }

    @Test(arguments: 0..<10)
    func `a queue gives back offsets and priorities in order`(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let hasPriorities = random.oneIn(2)
        var queue = OffsetQueue(hasPriorities: hasPriorities)
        var plain: [(Offset, UInt8)] = []
        var last: Int64 = -1
        for _ in 0..<5_000 {
            if random.oneIn(3), !plain.isEmpty {
                let first = plain.removeFirst()
                #expect(queue.first?.offset == first.0)
                #expect(queue.first?.priority == first.1)
                #expect(queue.popFirst() == first.0)
            } else {
                last += 1 + Int64(random.below([1, 100, 1 << 30][random.below(3)]))
                let priority = hasPriorities ? UInt8(random.below(10)) : 0
                queue.append(Offset(last), priority: priority)
                plain.append((Offset(last), priority))
            }
            #expect(queue.count == plain.count)
        }
        while !plain.isEmpty { #expect(queue.popFirst() == plain.removeFirst().0) }
        #expect(queue.isEmpty)
        #expect(queue.popFirst() == nil)
    }

    @Test func `offsets take up a bit or two bytes each`() {
        var (dense, sparse, queue) = (OffsetSet(), OffsetSet(), OffsetQueue(hasPriorities: false))
        for number in 0..<200_000 {
            dense.insert(Offset(Int64(number)))
            sparse.insert(Offset(Int64(number) * 10))
            queue.append(Offset(Int64(number) * 10))
        }
        #expect(dense.byteCount < 50_000)
        #expect(sparse.byteCount < 300_000)
        // An array has room to grow.
        #expect(queue.byteCount < 450_000)
    }
}
