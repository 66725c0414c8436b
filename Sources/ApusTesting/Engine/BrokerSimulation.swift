// SPDX-License-Identifier: Apache-2.0

// The whole broker (engine on files on a simulated disk) under a random workload, through power cuts, killed processes, failing and
// full disks, clock jumps, slow and failing consumers; a model says what must come of it. One seed, one history: everything runs on
// one thread, in an order that the seed decides.
//
// Invariants, checked whenever they can be seen, after every start, and at the end, when faults have stopped and everything is drained:
//   I1  what was acknowledged is readable, at its place, once, with the same bytes, and in the order of its key;
//   I2  offsets grow and are never given out again;
//   I4  what was refused never appears;
//   I5  a committed position never moves by itself;
//   I6  each event of a shared subscription is delivered at least once, and ends acknowledged or as one dead letter; then it never comes
//       again; while it is leased nobody else gets it; a retry does not come before its time;
//   I7  the number of an attempt never goes down, not over crashes either;
//   I8  rules copy what matches, once per target, in the order of the source's partition;
//   I11 where events are ordered by key, none is handed out before its consumer is done with the one ahead of it, or that is a dead letter;
//   I12 a delayed event comes once, when it is due and not before, unless it was cancelled; then it never comes;
//   I13 an occurrence of a recurring schedule comes once, and the last one that was due is there;
//   I15 what a bounded replay covers comes at least once more, and the subscription stays where it is; nothing comes from beyond its end;
//   I14 a topic that tells duplicates stores no event twice, however often it is published;
//   I16 what a producer sends again is stored once; of a transaction nobody sees anything before it is committed, and nothing if it is aborted;
//   I17 of a topic that keeps the last event of each key nothing goes that is the last of its key;
//   I18 the catalogue of events has seen no more of a topic than was appended to it, and in the end all of what stayed there;
//   I19 what is noted of an event's journey happened, and the other invariants hold whatever becomes of the notes;
//   I10 what is defined changes as a whole: after a crash all of a change is there or nothing of it.
// Topics without `flush` may lose the end of their log when the power goes, and nothing else.

import ApusModel
import ApusStorage

/// Seeded histories of a broker.
public enum BrokerSimulation {
    /// What one history is made of.
    public struct Options: Sendable {
        /// Steps of the workload.
        public var steps = 250
        /// Whether the disk says that it synced and does not: the simulation has to notice.
        public var liesAboutSync = false
        /// Whether subscriptions have orders, shares and priorities.
        public var usesOrder = true
        /// Whether there are bounded replays and subscriptions with an end.
        public var usesReplays = true
        /// Whether there are producers that number their batches, and transactions.
        public var usesProducers = true
        /// Whether there are topics that keep the last event of each key.
        public var usesCompaction = true
        /// Whether there are histories in which journeys are noted and events are counted.
        public var usesWatching = true
        /// Prints what happens.
        public var isVerbose = false

        /// The defaults.
        public init() {}
    }

    /// What came of one history.
    public struct Report: Sendable, CustomStringConvertible {
        /// The seed that gives this history again.
        public let seed: UInt64
        /// What must not happen and did.
        public internal(set) var violations: [String] = []
        /// Events whose publishing was acknowledged.
        public internal(set) var published = 0
        /// Events handed to consumers and targets.
        public internal(set) var delivered = 0
        /// Copies made by rules.
        public internal(set) var copied = 0
        /// Dead letters.
        public internal(set) var buried = 0
        /// Power cuts.
        public internal(set) var powerCuts = 0
        /// Killed processes.
        public internal(set) var kills = 0
        /// Operations of the disk.
        public internal(set) var diskOperations: UInt64 = 0
        /// How much time passed in the history.
        public internal(set) var simulatedTime = Duration.zero
        /// A number that two runs of one seed agree on.
        public internal(set) var digest: UInt64 = 0xCBF2_9CE4_8422_2325

        /// Whether every invariant held.
        public var isSound: Bool { violations.isEmpty }

        public var description: String {
            "seed \(seed): \(published) published, \(delivered) delivered, \(copied) copied, \(buried) dead letters, "
                + "\(powerCuts) power cuts, \(kills) kills, \(diskOperations) disk operations"
                + (isSound ? "" : "\n  " + violations.joined(separator: "\n  "))
        }
    }

    /// Runs the history of `seed`.
    public static func run(seed: UInt64, _ options: Options = Options()) -> Report {
        let run = BrokerRun(seed: seed, options)
        run.run()
        return run.report
    }
}
