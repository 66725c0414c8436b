// SPDX-License-Identifier: Apache-2.0

// One history of a broker while it happens: its parts, and what is known.

import ApusEngine
import ApusModel
import ApusStorage
import Logging

/// One history of a broker.
final class BrokerRun {
    let options: BrokerSimulation.Options
    let disk: SimulatedDisk
    let clock: ManualClock
    let truth = LogTruth()
    var report: BrokerSimulation.Report
    var random: SplitMix64
    /// Decides what has to do with order, shares and priorities.
    var orderRandom: SplitMix64
    /// Decides what has to do with bounded replays.
    var replayRandom: SplitMix64
    /// Decides what is retried before its time.
    var retryRandom: SplitMix64
    /// Decides what has to do with producers that number their batches.
    var producerRandom: SplitMix64
    /// Decides what has to do with topics that keep the last event of each key.
    var compactRandom: SplitMix64
    /// Decides what has to do with watching.
    var watchRandom: SplitMix64
    /// Whether journeys are noted and events are counted.
    let isWatched: Bool
    /// How large segments become where such topics may be.
    let segmentBytes: Int?
    let weights: [Int]
    let configuration: FileLogStoreConfiguration

    // The present life.
    var store: FileLogStore?
    var engine: Engine?
    var target = SimulatedTarget()
    var executor = DrivenExecutor()
    var calls: [Int: PendingCall] = [:]
    var lastCall = 0
    let board = CallBoard()

    // The model.
    var topics: [TopicModel] = []
    var subscriptions: [SubscriptionModel] = []
    var rules: [RuleModel] = []
    var delayed: [String: DelayedModel] = [:]
    var schedules: [ScheduleModel] = []
    var producers: [ProducerModel] = []
    var nextProducer: Int64 = 0
    /// Of each event that belongs to a transaction.
    var transactions: [String: TransactionFate] = [:]
    /// Sent again although it was not known whether the first one would be found after a restart.
    var mayRepeat: Set<String> = []
    /// Published more than once.
    var republished: Set<String> = []
    var published: [String: PublishedEvent] = [:]
    var held: [HeldLease] = []
    var attempts: [HeldAttempt] = []
    /// Until when every attempt fails.
    var targetsAreDownUntil = Duration.zero
    var change: PendingChange?
    var nextEvent = 0
    var nextName = 0
    var step = 0
    var hasJumped = false
    /// The latest time that the clock showed before somebody set it.
    var latestWall = Timestamp(milliseconds: 0)
    /// When the store last had nothing left to do: what was asked of it before that is done.
    var idleAt = Duration.zero
    var idleStep = 0
    /// Dead letters that somebody may have dealt with, by id.
    var touchedLetters: Set<String> = []
    /// When a log last lost its end with the power: the topic that it belongs to may become known later.
    var cuts: [LogID: Int] = [:]
    /// Redrives and discards without an answer.
    var letterMoves = 0

    init(seed: UInt64, _ options: BrokerSimulation.Options) {
        self.options = options
        report = BrokerSimulation.Report(seed: seed)
        random = SplitMix64(seed: seed)
        orderRandom = SplitMix64(seed: ~seed)
        replayRandom = SplitMix64(seed: ~seed &+ 1 << 32)
        retryRandom = SplitMix64(seed: ~seed &+ 2 << 32)
        producerRandom = SplitMix64(seed: ~seed &+ 1 << 33)
        var compactRandom = SplitMix64(seed: ~seed &+ 1 << 34)
        let isCompacted = options.usesCompaction && compactRandom.oneIn(2)
        segmentBytes = isCompacted ? 400 + compactRandom.below(4_000) : nil
        self.compactRandom = compactRandom
        var watchRandom = SplitMix64(seed: ~seed &+ 1 << 35)
        isWatched = options.usesWatching && watchRandom.oneIn(2)
        self.watchRandom = watchRandom
        disk = SimulatedDisk(seed: random.next())
        clock = ManualClock()
        weights = Action.weights(&random)
        var configuration = FileLogStoreConfiguration()
        configuration.journalFileBytes = [16 << 10, 64 << 10][random.below(2)]
        configuration.journalFiles = 2 + random.below(3)
        configuration.firstJournalBytes = 8 << 10
        configuration.blockBytesMax = [4 << 10, 32 << 10][random.below(2)]
        configuration.queueBytesMax = 256 << 10
        configuration.tailBytesMax = [16 << 10, 64 << 10][random.below(2)]
        configuration.checkpointBytes = [4 << 10, 32 << 10][random.below(2)]
        configuration.descriptorsMax = 8
        configuration.freeBytesReserve = 64 << 10
        self.configuration = configuration
        if options.liesAboutSync { disk.lieAboutSync() }
    }

    // MARK: Saying

    func violate(_ what: String) {
        note("VIOLATION \(what)")
        report.violations.append(what)
    }

    func note(_ what: @autoclosure () -> String) {
        if options.isVerbose { print("[\(step) \(clock.now.milliseconds) ms] \(what())") }
    }

    /// Folds a number into the digest of this history.
    func mix(_ number: some BinaryInteger) {
        report.digest = (report.digest ^ UInt64(truncatingIfNeeded: number)) &* 0x100_0000_01B3
    }

    /// Takes over what the truth found to be wrong.
    func collectViolations() {
        let found = truth.withState { state in
            defer { state.violations = [] }
            return state.violations
        }
        for what in found { violate(what) }
        checkLeftOut()
    }

    // MARK: The history

    func run() {
        disk.setCapacity(8 << 20)
        open(afterPowerCut: false)
        createTopic()
        for number in 0..<options.steps {
            guard report.isSound, engine != nil else { break }
            step = number
            truth.withState { $0.step = number }
            act()
            replayPart()
            retrySome()
            produceSome()
            watchSome()
            settleCalls()
            if disk.isOff { crash(isPowerCut: true) }
            collectViolations()
            mix(disk.operations)
        }
        if report.isSound, engine != nil { finish() }
        shutDown()
        report.diskOperations = disk.operations
        report.simulatedTime = clock.now
        mix(disk.operations)
    }
}
