// SPDX-License-Identifier: Apache-2.0

// Exactly once, whatever happens: see TransactionSimulation for what does.

import Synchronization
import TestThreads
import Testing

@Suite(.ownThread) struct TransactionSimulationTests {
    @Test(arguments: 0..<10 as Range<UInt64>)
    func `every event is committed once, through crashes and failing disks`(block: UInt64) async throws {
        try await run(seedsToTry(block: block, of: 100), isWhole: false)
    }

    @Test(arguments: 0..<10 as Range<UInt64>)
    func `so it is with partitions that lose what was not flushed`(block: UInt64) async throws {
        try await run(seedsToTry(block: block, of: 100, from: 1000), isWhole: true)
    }

    private func run(_ seeds: Range<UInt64>, isWhole: Bool) async throws {
        var (committed, crashes, fenced) = (0, 0, 0)
        for seed in seeds {
            var simulation = try await TransactionSimulation(seed: seed, isWhole: isWhole)
            let report = try simulation.run(steps: 3000)
            #expect(report.breaches.isEmpty, "seed \(seed): \(report.breaches)")
            committed += report.committed
            crashes += report.crashes
            fenced += report.fenced
        }
        // It comes to something.
        #expect(committed > 50 && crashes > 50 && fenced > 0)
    }
}
