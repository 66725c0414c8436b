// SPDX-License-Identifier: Apache-2.0

// The table of what a reader holds, against a plain one.

import ApusModel
import ApusTesting
import Testing

@testable import ApusEngine

@Suite struct HeldLeasesTests {
    private func lease(_ offset: Int64, until deadline: Duration = .seconds(1)) -> HeldLeases.Lease {
        let position = Position(partition: 0, offset: Offset(offset))
        return HeldLeases.Lease(token: LeaseToken(position: position, nonce: 7), deadline: deadline)
    }

    @Test(arguments: 0..<10)
    func `what is held is what a plain table holds, and no number comes twice`(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var (held, plain, used) = (HeldLeases(), [UInt64: HeldLeases.Lease](), Set<UInt64>([0]))
        for step in 0..<5_000 {
            switch random.below(8) {
            case 0..<4:
                let new = lease(Int64(step), until: .seconds(Int64(step + random.below(100))))
                let number = held.add(new)
                #expect(used.insert(number).inserted)
                plain[number] = new
            case 4..<7:
                guard let number = used.randomElement(using: &random) else { continue }
                #expect(held[number] == plain[number])
                held.extend(number, until: .seconds(Int64(step)))
                plain[number]?.deadline = .seconds(Int64(step))
                #expect(held.remove(number) == plain.removeValue(forKey: number))
            default:
                held.removeAll(until: .seconds(Int64(step)))
                plain = plain.filter { $0.value.deadline > .seconds(Int64(step)) }
            }
            #expect(held.count == plain.count)
        }
        #expect(Set(held.leases.map(\.token)) == Set(plain.values.map(\.token)))
    }

    @Test(arguments: [0, 1, 1 << 32 | 1, .max] as [UInt64])
    func `a number that was never given is of nothing`(number: UInt64) {
        var held = HeldLeases()
        _ = held.add(lease(0))
        #expect(held[number] == nil && held.remove(number) == nil && held.count == 1)
    }
}
