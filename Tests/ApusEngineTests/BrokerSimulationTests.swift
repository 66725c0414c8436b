// SPDX-License-Identifier: Apache-2.0

// The simulation of the broker, held against itself: it repeats, it notices what is broken, and it keeps finding nothing where it once
// found something.

import ApusTesting
import Synchronization
import TestThreads
import Testing

@Suite(.ownThread) struct BrokerSimulationTests {
    private static let reports = Mutex<[UInt64: BrokerSimulation.Report]>([:])

    /// The report of a seed at which several tests look; each history is told once.
    private static func report(_ seed: UInt64) -> BrokerSimulation.Report {
        if let report = reports.withLock({ $0[seed] }) { return report }
        let report = BrokerSimulation.run(seed: seed)
        reports.withLock { $0[seed] = report }
        return report
    }

    @Test(arguments: 1...25 as ClosedRange<UInt64>)
    func `every invariant holds`(seed: UInt64) {
        let report = Self.report(seed)
        #expect(report.isSound, "\(report)")
    }

    @Test(arguments: [UInt64(3), 5, 16])
    func `a seed gives the same history again`(seed: UInt64) {
        let first = Self.report(seed)
        let second = BrokerSimulation.run(seed: seed)
        #expect(first.digest == second.digest)
        #expect(first.diskOperations == second.diskOperations)
    }

    @Test func `a disk that lies about syncs is noticed`() {
        var options = BrokerSimulation.Options()
        options.liesAboutSync = true
        let noticed = (1...40 as ClosedRange<UInt64>).first {
            !BrokerSimulation.run(seed: $0, options).isSound
        }
        #expect(noticed != nil)
    }

    @Test func `histories come to something`() {
        let reports = (1...25 as ClosedRange<UInt64>).map { Self.report($0) }
        #expect(reports.contains { $0.copied > 0 })
        #expect(reports.contains { $0.buried > 0 })
        #expect(reports.reduce(0) { $0 + $1.delivered } > 100)
        #expect(reports.reduce(0) { $0 + $1.published } > 500)
        #expect(reports.contains { $0.powerCuts > 1 && $0.kills > 1 })
    }

    /// Seeds that once failed, each with what it showed then.
    struct Finding: CustomTestStringConvertible, Sendable {
        let seed: UInt64
        let what: String
        let usesOrder: Bool
        let usesReplays: Bool
        let usesProducers: Bool
        let usesCompaction: Bool
        var testDescription: String { "seed \(seed): \(what)" }

        init(
            _ seed: UInt64, _ what: String, usesOrder: Bool = false, usesReplays: Bool = false,
            usesProducers: Bool = false, usesCompaction: Bool = false
        ) {
            self.usesCompaction = usesCompaction
            self.usesProducers = usesProducers
            self.seed = seed
            self.what = what
            self.usesOrder = usesOrder
            self.usesReplays = usesReplays
        }
    }

    @Test(arguments: [
        Finding(74, "events whose hand-out was not written down were never delivered"),
        Finding(7027, "the same, with news of earlier events in between"),
        Finding(9600, "the same, with events handed out again in between"),
        Finding(28, "a subscription stood behind the end of a topic that had lost events with the power"),
        Finding(1407, "webhooks of a rule stayed when the topic it copied to was deleted"),
        Finding(1593, "copies to a topic that had lost events were made twice"),
        Finding(2175, "a commit that failed moved the position"),
        Finding(2581, "an event with an extended lease was dead-lettered twice"),
        Finding(3737, "a dead letter of the time before a replay settled what was replayed"),
        Finding(5007, "a rule began after the end of a topic that had lost events"),
        Finding(8172, "a push subscription stood still after its leases ran out while the disk failed"),
        Finding(8247, "an event was copied again to another partition of a topic that had grown"),
        Finding(10655, "a lost settlement and a later mark repeated dead letters"),
        Finding(16781, "readers stood still before offsets that failed appends had left"),
        Finding(4627, "an event at an offset that had been lost was taken for the copied one before it"),
        Finding(20451, "the same, with the copies of another partition in between"),
        Finding(25626, "an event at an offset that had been lost was taken for the settled one before it"),
        Finding(45242, "a subscription waited for events that had been lost"),
        Finding(4650, "a note forgot copies of events that rules still had to pass"),
        Finding(37835, "retention took copies that no note knew of, so that they were made again"),
        Finding(23125, "the same, with several copies"),
        Finding(3397, "events were lost with a log whose making had failed to be flushed"),
        Finding(398, "a log was gone that a process made whose flushes had failed"),
        Finding(1478, "pushes of a life that was still opening things were held against the one before"),
        Finding(24701, "dead letters were repeated that a start had settled and failed to write down"),
        Finding(26467, "copies to a partition that was new were made again after two restarts"),
        Finding(
            36252, "events that a rule's old targets alone were meant for came to a new one after a restart"),
        Finding(741, "what was delayed while a clock was set back waited for the old time", usesOrder: true),
        Finding(756, "the same, with one event", usesOrder: true),
        Finding(1787, "the same, with a batch", usesOrder: true),
        Finding(
            185, "a bounded replay handed out what lies beyond the subscription's end", usesOrder: true,
            usesReplays: true),
        Finding(
            1146, "a circuit waited for a probe that was gathered for a batch and then taken out of it",
            usesOrder: true, usesReplays: true),
        Finding(
            795,
            "what came after lost events lay before the end of a subscription that was to end with those",
            usesOrder: true, usesReplays: true),
        Finding(
            203_287,
            "retention took the copy of a delayed event whose note was lost, so that it was made again",
            usesOrder: true, usesReplays: true),
        Finding(
            206_173, "a key waited for a letter that somebody had dealt with just before keys began to wait",
            usesOrder: true, usesReplays: true),
        Finding(
            208_242,
            "events whose leases ran out before their batch was sent waited for the room they had kept",
            usesOrder: true, usesReplays: true),
        Finding(
            3421, "the model did not know of a loss in a topic whose making was not answered yet",
            usesOrder: true, usesReplays: true),
        Finding(
            2586, "the model missed the first attempt of a redriven event, which waited for a batch too long",
            usesOrder: true, usesReplays: true),
        Finding(
            201_766, "the model gave up on a key that fifty dead letters had stopped, one after the other",
            usesOrder: true, usesReplays: true),
        Finding(
            88, "retention took batches that no snapshot of their producers knew of", usesOrder: true,
            usesReplays: true, usesProducers: true),
        Finding(
            284, "the model took what was sent again for what had been sent before", usesOrder: true,
            usesReplays: true, usesProducers: true),
        Finding(
            8618, "what followed a producer's first batch, which failed, was taken for its beginning",
            usesOrder: true, usesReplays: true, usesProducers: true),
        Finding(
            8819, "a bounded replay went on after a restart behind what the log had looked at",
            usesOrder: true, usesReplays: true, usesProducers: true),
        Finding(
            15088, "a release that failed undid the acknowledgement that came after it", usesOrder: true,
            usesReplays: true, usesProducers: true),
        Finding(
            15077, "the model did not wait for what was overdue by a clock that was set back",
            usesOrder: true, usesReplays: true, usesProducers: true),
        Finding(
            15124, "the model forgot that a clock set back has a first batch refused and not a later one",
            usesOrder: true, usesReplays: true, usesProducers: true),
        Finding(
            95, "settling a lease that a replay had ended took its event out of the order",
            usesOrder: true, usesReplays: true, usesProducers: true, usesCompaction: true),
    ])
    func `what was found stays mended`(finding: Finding) {
        var options = BrokerSimulation.Options()
        options.usesOrder = finding.usesOrder
        options.usesReplays = finding.usesReplays
        options.usesProducers = finding.usesProducers
        options.usesCompaction = finding.usesCompaction
        let report = BrokerSimulation.run(seed: finding.seed, options)
        #expect(report.isSound, "\(report)")
    }
}
