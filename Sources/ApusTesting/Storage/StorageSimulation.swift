// SPDX-License-Identifier: Apache-2.0

// A file store on a simulated disk, under a random workload, through power cuts, killed processes, torn writes, failed
// syncs, full disks, flipped bits and clock jumps; a model says what must come of it. One seed, one history.
//
// Invariants, checked after every start and at random in between:
//   I1  what was acknowledged reads back with the same bytes (without `flush`: unless the power went);
//   I2  offsets grow in the order of the appends, and one that was acknowledged is never given out again;
//   I3  nothing is read that was not appended, and never with other bytes;
//   I4  what was refused never appears;
//   I5  of segments that were written anew all of the old is read or all of the new, and once the new was promised, that.
// A flipped bit may cost one batch, which then has to be reported.

import ApusModel
package import ApusStorage
import Logging
import Synchronization

/// Seeded histories of a ``FileLogStore``.
public enum StorageSimulation {
    /// What one history is made of.
    public struct Options: Sendable {
        /// Steps of the workload.
        public var steps = 300
        /// Whether the disk says that it synced and does not: the simulation has to notice.
        public var liesAboutSync = false
        /// Whether closed segments are written anew, without some of their records.
        public var rewrites = false
        /// Prints every step, for finding out what happened.
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
        /// Batches acknowledged.
        public internal(set) var acknowledged = 0
        /// Batches refused.
        public internal(set) var refused = 0
        /// Power cuts.
        public internal(set) var powerCuts = 0
        /// Killed processes.
        public internal(set) var kills = 0
        /// Flipped bits.
        public internal(set) var flips = 0
        /// Operations of the disk.
        public internal(set) var diskOperations: UInt64 = 0
        /// A number that two runs of one seed agree on.
        public internal(set) var digest: UInt64 = 0

        /// Whether every invariant held.
        public var isSound: Bool { violations.isEmpty }

        /// In words, for reports.
        public var description: String {
            "seed \(seed): \(acknowledged) acknowledged, \(refused) refused, \(powerCuts) power cuts, \(kills) kills, "
                + "\(flips) flips, \(diskOperations) disk operations"
                + (isSound ? "" : "\n  " + violations.joined(separator: "\n  "))
        }
    }

    /// Runs the history of `seed`.
    public static func run(seed: UInt64, _ options: Options = Options()) -> Report {
        let run = SimulationRun(seed: seed, options)
        run.run()
        return run.report
    }
}

/// One history while it happens.
final class SimulationRun {
    let options: StorageSimulation.Options
    let disk: SimulatedDisk
    let clock: SimulatedClock
    var report: StorageSimulation.Report
    var random: SplitMix64
    var logs: [SimulatedLog] = []
    var store: FileLogStore?
    var configuration = FileLogStoreConfiguration()
    /// Whether bits may be flipped in this history.
    let rots: Bool
    /// Whether the store, when it was last opened, had to reckon with sectors that went with the power.
    var couldBeTorn = false
    let results = SimulationResults()
    var nextTag = 1

    init(seed: UInt64, _ options: StorageSimulation.Options) {
        self.options = options
        report = StorageSimulation.Report(seed: seed)
        random = SplitMix64(seed: seed)
        disk = SimulatedDisk(seed: random.next())
        clock = SimulatedClock()
        rots = random.oneIn(4)
        if options.liesAboutSync { disk.lieAboutSync() }
        configuration.journalFileBytes = [16 << 10, 32 << 10, 128 << 10][random.below(3)]
        configuration.journalFiles = 2 + random.below(3)
        configuration.firstJournalBytes = 8 << 10
        configuration.blockBytesMax = [2 << 10, 8 << 10, 32 << 10][random.below(3)]
        configuration.queueBytesMax = 64 << 10
        configuration.tailBytesMax = [16 << 10, 64 << 10][random.below(2)]
        configuration.checkpointBytes = [4 << 10, 32 << 10][random.below(2)]
        configuration.descriptorsMax = 8
        configuration.freeBytesReserve = 64 << 10
        configuration.patience = .seconds([1, 5][random.below(2)])
    }

    func run() {
        disk.setCapacity(4 << 20)
        open()
        for _ in 0..<2 + random.below(3) { createLog() }
        for step in 0..<options.steps {
            guard report.violations.isEmpty else { break }
            if options.isVerbose { print("step \(step)", terminator: " ") }
            act()
            collect()
            if disk.isOff { restart(isPowerCut: true) }
        }
        finish()
        report.diskOperations = disk.operations
    }

    private func finish() {
        guard report.violations.isEmpty else { return }
        disk.setFaults(DiskFaults())
        disk.setCapacity(1 << 40)
        disk.crash(after: nil)
        restart(isPowerCut: true)
        for log in logs { appendNow(log) }
        checkAll()
        store?.close()
        collect()
    }

    func violate(_ what: String) { report.violations.append(what) }

    func note(_ what: @autoclosure () -> String) {
        if options.isVerbose { print(what()) }
    }

    // MARK: Opening

    /// Opens the store, through crashes while it opens.
    func open() {
        for attempt in 0..<50 {
            // Faults while opening are met with another attempt; after a few the disk behaves.
            if attempt > 5 {
                disk.setFaults(DiskFaults())
                disk.setCapacity(64 << 20)
            }
            let seed = random.next()
            if rots {
                let found = try? BootMark(of: "/store", on: disk.duplicate(seed: 0))
                couldBeTorn = found?.mayBeTorn ?? true
            }
            let generator = Mutex(SplitMix64(seed: seed))
            do throws(LogError) {
                store = try FileLogStore(
                    directory: "/store", on: disk, configuration: configuration, clock: clock.clock,
                    random: { generator.withLock { $0.next() } },
                    logger: logger)
                return
            } catch {
                note("open failed: \(error)")
                if disk.isOff { cutPower() } else { disk.killProcess() }
            }
        }
        violate("the store does not open any more")
    }

    private var logger: Logger {
        guard options.isVerbose else { return Logger(label: "simulation") { _ in SwiftLogNoOpLogHandler() } }
        var logger = Logger(label: "simulation") { StreamLogHandler.standardOutput(label: $0) }
        logger.logLevel = .trace
        return logger
    }

    private func cutPower() {
        disk.powerCut()
        report.powerCuts += 1
        for log in logs { log.losePower() }
    }

    func restart(isPowerCut: Bool) {
        note("restart \(isPowerCut ? "power cut" : "kill")")
        store = nil
        if isPowerCut {
            cutPower()
        } else {
            disk.killProcess()
            report.kills += 1
        }
        results.abandon()
        for log in logs { log.forgetPending() }
        if random.oneIn(3) { disk.crash(after: UInt64(random.below(60))) }
        open()
        disk.crash(after: nil)
        reclaim()
        checkAll()
    }

    func reclaim() {
        for log in logs where log.isAlive { claim(log) }
    }
}

/// Clocks that go on when told.
package final class SimulatedClock: Sendable {
    private let times = Mutex((monotonic: Duration.seconds(1), wall: Int64(1_700_000_000_000)))

    package init() {}

    package var clock: StoreClock {
        StoreClock(
            monotonic: { self.times.withLock { $0.monotonic } },
            wall: { Timestamp(milliseconds: self.times.withLock { $0.wall }) })
    }

    package func advance(_ duration: Duration) {
        times.withLock { times in
            times.monotonic += duration
            times.wall += duration.milliseconds
        }
    }

    func jump(milliseconds: Int64) { times.withLock { $0.wall += milliseconds } }
}

/// Outcomes of appends, by tag, until they are taken.
final class SimulationResults: Sendable {
    private let list = Mutex<(generation: Int, results: [(Int, Result<Offset, LogError>)])>((0, []))

    var generation: Int { list.withLock { $0.generation } }

    func add(_ tag: Int, _ result: Result<Offset, LogError>, _ generation: Int) {
        list.withLock { list in
            if list.generation == generation { list.results.append((tag, result)) }
        }
    }

    func take() -> [(Int, Result<Offset, LogError>)] {
        list.withLock { list in
            defer { list.results = [] }
            return list.results
        }
    }

    /// What is told from now on about earlier appends comes from the dead.
    func abandon() {
        list.withLock { list in
            list.generation += 1
            list.results = []
        }
    }
}
