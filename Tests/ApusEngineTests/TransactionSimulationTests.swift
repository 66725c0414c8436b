// SPDX-License-Identifier: Apache-2.0

// Exactly once, whatever happens: see TransactionSimulation for what does.

import Synchronization
import TestThreads
import Testing

@Suite(.ownThread) struct TransactionSimulationTests {
    @Test(arguments: 0..<10 as Range<UInt64>)
    func `every event is committed once, through crashes and failing disks`(block: UInt64) async throws {
        var (committed, crashes, fenced) = (0, 0, 0)
        for seed in seedsToTry(block: block, of: 100) {
            var simulation = try await TransactionSimulation(seed: seed)
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
