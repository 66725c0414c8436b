// SPDX-License-Identifier: Apache-2.0

// Seeded histories: some here, thousands with `apus-sim`. Seeds that found something stay, with what they
// found.

import ApusTesting
import TestThreads
import Testing

@Suite(.ownThread) struct StorageSimulationTests {
    @Test(arguments: 0..<8)
    func `a store comes through crashes and faults`(_ block: UInt64) {
        for seed in seedsToTry(block: block, of: 10) {
            var options = StorageSimulation.Options()
            options.steps = 150
            let report = StorageSimulation.run(seed: seed, options)
            #expect(report.isSound, "\(report)")
        }
    }

    @Test(arguments: 0..<8)
    func `segments that are written anew are the old or the new, through crashes and faults`(
        _ block: UInt64
    ) {
        for seed in seedsToTry(block: block, of: 10) {
            var options = StorageSimulation.Options()
            options.rewrites = true
            let report = StorageSimulation.run(seed: seed, options)
            #expect(report.isSound, "\(report)")
        }
    }

    /// What went wrong with a seed once; the histories change with the code, so the numbers only say where it began.
    static let found: [(UInt64, String)] = [
        (1, "a refused batch came back: it stood whole before the write that failed"),
        (2, "the store's folder was not durable in its parent"),
        (6, "a log trimmed in the middle of a batch lost that batch"),
        (93, "batches without flush were taken back with journaled ones, and the process died"),
        (103, "a new log in the slot of a deleted one got its batches into the wrong files"),
        (170, "an empty last segment hid that the one before it had not been looked into"),
        (193, "an empty first segment made the journal's batches before the second look written"),
        (200, "a log made by a process that did not live to flush its folder was lost"),
        (298, "a first segment that never got its name took the journal's first batches with it"),
        (383, "a segment that was taken back came back with the next power cut"),
        (509, "what recovery had cut off came back behind newer batches"),
        (842, "segments below a start that was not durable yet were removed"),
        (1590, "a header whose sum was lost with a sector was believed, with an offset that was not its own"),
        (140, "a recycled file still held a block that was void, under a number that was given out again"),
        (1399, "a deleted log was taken apart before its deletion was durable, and came back in parts"),
        (8431, "a frame of a void block was picked out with the damaged blocks before it"),
        (36029, "a removed segment that came back hid the journal's batches behind its successor's base"),
        (36948, "a batch of a torn block appeared once the one before it was known to be durable"),
        (5867, "the header of the journal's last file was lost after it had been read"),
        (6189, "a header without a sum was believed after a power cut, and a bit in it had flipped"),
        (
            1363,
            "a header whose sum was cut off with damage at a segment's end was believed, and a bit in it had flipped"
        ),
        (2826, "a loss was cut off before it was written down, and the next opening had nothing to report"),
        (
            8912,
            "a segment that grew where a lost one should have begun was not looked at, for an empty one came after it"
        ),
        (1377, "a full disk stopped readers that only needed an index made again"),
        (63255, "a flipped bit in the journal's last block passed for a torn one, unreported"),
        (61203, "the model wanted a log to start before a hole that nothing had ever filled"),
        (66391, "the model wanted back what was trimmed before the log forgot where it starts"),
    ]

    @Test(arguments: StorageSimulationTests.found)
    func `a fault that was found once stays mended`(_ seed: UInt64, _ what: String) {
        let report = StorageSimulation.run(seed: seed)
        #expect(report.isSound, "\(what)\n\(report)")
    }

    @Test(arguments: [199, 1632] as [UInt64])
    func `a segment that was written anew, and grew when a power cut had taken the next one, outlives a trim`(
        _ seed: UInt64
    ) {
        var options = StorageSimulation.Options()
        options.rewrites = true
        let report = StorageSimulation.run(seed: seed, options)
        #expect(report.isSound, "\(report)")
    }

    @Test func `one seed gives one history`() {
        for seed in UInt64(300)..<305 {
            let (first, second) = (StorageSimulation.run(seed: seed), StorageSimulation.run(seed: seed))
            #expect(first.digest == second.digest)
            #expect(first.diskOperations == second.diskOperations)
        }
    }

    @Test func `a disk that lies about flushing is noticed within a hundred seeds`() {
        var options = StorageSimulation.Options()
        options.liesAboutSync = true
        let noticed = (UInt64(0)..<100).first { !StorageSimulation.run(seed: $0, options).isSound }
        #expect(noticed != nil)
    }
}
