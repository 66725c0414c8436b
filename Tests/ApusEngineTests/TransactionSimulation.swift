// SPDX-License-Identifier: Apache-2.0

// Producers that read, write and commit in transactions, as Kafka's clients do it, over a broker that is killed and whose disk fails at any moment.
// Each transactional id reads one endless input (its offsets are its events), writes every event to some partition and commits its position with it;
// from time to time another process takes over, while the old one does not know. In the end every event up to the committed position has to have
// been written and committed once, and nothing else.

import ApusModel
import ApusStorage
import ApusTesting
import Logging
import NIOCore
import Synchronization

@testable import ApusEngine

/// A partition's own view of transactions, as far as it is needed to tell who sees what.
struct SimulatedPartition: Sendable {
    var epochs: [Int64: Int16] = [:]
    var open: [Int64: [String]] = [:]
    var committed: [String] = []

    mutating func write(_ value: String, by producer: ProducerIdentity) -> Bool {
        guard producer.epoch >= epochs[producer.id] ?? 0 else { return false }
        epochs[producer.id] = producer.epoch
        // Sequence numbers would tell.
        if open[producer.id]?.contains(value) != true { open[producer.id, default: []].append(value) }
        return true
    }

    /// - Returns: false when a later epoch is known.
    mutating func mark(_ producer: ProducerIdentity, isCommit: Bool) -> Bool {
        guard producer.epoch >= epochs[producer.id] ?? 0 else { return false }
        epochs[producer.id] = producer.epoch
        let values = open.removeValue(forKey: producer.id) ?? []
        if isCommit { committed += values }
        return true
    }
}

/// Partitions that outlive the broker, and markers on their way to them.
final class SimulatedPartitions: Sendable {
    private struct Pending: Sendable {
        var partition: Int
        var producer: ProducerIdentity
        var isCommit: Bool
        var completion: @Sendable (Result<Offset, MarkerFailure>) -> Void
    }

    private struct State {
        var partitions: [SimulatedPartition]
        var pending: [Pending] = []
        var random: SplitMix64
        var isCalm = false
    }

    private let state: Mutex<State>

    init(count: Int, seed: UInt64) {
        let partitions = Array(repeating: SimulatedPartition(), count: count)
        state = Mutex(State(partitions: partitions, random: SplitMix64(seed: seed)))
    }

    var writer: MarkerWriter {
        { [self] _, partition, producer, isCommit, completion in
            state.withLock { state in
                state.pending.append(
                    Pending(
                        partition: partition, producer: producer, isCommit: isCommit, completion: completion))
            }
        }
    }

    var partitions: [SimulatedPartition] { state.withLock(\.partitions) }

    func setCalm() { state.withLock { $0.isCalm = true } }

    func write(_ value: String, to partition: Int, by producer: ProducerIdentity) -> Bool {
        state.withLock { $0.partitions[partition].write(value, by: producer) }
    }

    /// Deals with one marker, any of those that wait; false when none does.
    @discardableResult
    func step() -> Bool {
        let told = state.withLock { state -> (Pending, Result<Offset, MarkerFailure>)? in
            guard !state.pending.isEmpty else { return nil }
            let pending = state.pending.remove(at: state.random.below(state.pending.count))
            let chance = state.isCalm ? 19 : state.random.below(20)
            if chance == 0 { return (pending, .failure(MarkerFailure("not written", isFinal: false))) }
            let isTaken = state.partitions[pending.partition].mark(
                pending.producer, isCommit: pending.isCommit)
            if !isTaken { return (pending, .failure(MarkerFailure("fenced", isFinal: true))) }
            if chance == 1 { return (pending, .failure(MarkerFailure("maybe written", isFinal: false))) }
            return (pending, .success(.zero))
        }
        guard let (pending, result) = told else { return false }
        pending.completion(result)
        return true
    }

    /// The process ends: some of the markers on their way arrive, and nobody is told.
    func crash() {
        state.withLock { state in
            for pending in state.pending where state.random.oneIn(2) {
                _ = state.partitions[pending.partition].mark(pending.producer, isCommit: pending.isCommit)
            }
            state.pending = []
        }
    }
}

/// One process with a transactional id.
struct SimulatedProcess: Sendable {
    enum Phase: Sendable, Hashable {
        case start, read, begin, produce, group, commit, end(isCommit: Bool), gone
    }

    let number: Int
    var phase = Phase.start
    var identity: ProducerIdentity?
    /// Who it believes to be when it goes on after an error.
    var expected: ProducerIdentity?
    var position: Int64 = 0
    var partition = 0
    /// What it waits for.
    var one: Answer<CoordinatorError?>?
    var many: Answer<[CoordinatorError?]>?
    var producer: Answer<Result<ProducerIdentity, CoordinatorError>>?
    var ended: Answer<Result<ProducerIdentity, CoordinatorError>>?
    var wrote: Answer<Bool>?
    /// The number of the next batch, per partition.
    var sequences: [Int: Int32] = [:]
    /// Another one has taken over: it does not begin anew.
    var isReplaced = false
    /// Whether it has the next epoch after each transaction, and groups are added with their positions (KIP-890).
    let isBumping: Bool

    var name: String { "tx-\(number)" }
    var group: String { "group-\(number)" }

    var isWaiting: Bool { one != nil || many != nil || producer != nil || ended != nil || wrote != nil }

    mutating func forgetAnswers() { (one, many, producer, ended, wrote) = (nil, nil, nil, nil, nil) }

    /// Begins anew, or as who it was: then one that was replaced may try too.
    mutating func restart(keepingIdentity isSame: Bool = false) {
        forgetAnswers()
        expected = isSame ? identity : nil
        (phase, identity) = (isReplaced && expected == nil ? .gone : .start, nil)
    }
}

/// What came of a simulation.
struct TransactionReport: Sendable {
    var committed = 0
    var crashes = 0
    var fenced = 0
    var breaches: [String] = []
}

/// A run that follows from its seed.
struct TransactionSimulation {
    private static let partitions = 3
    private static let logs: Set<LogID> = [
        LogID(high: 0x6170_7573, low: 3 << 24), LogID(high: 0x6170_7573, low: 4 << 24),
    ]

    private var random: SplitMix64
    private let store: UncertainStore
    private let clock = ManualClock()
    private let world: SimulatedPartitions
    private var engine: Engine
    private var processes: [SimulatedProcess]
    private var report = TransactionReport()
    private let input: ResourceName
    private let output: ResourceName
    private let isWhole: Bool

    /// - Parameter isWhole: whether events go to the engine's own partitions, with what these do about transactions, or to simple ones of the
    ///   test's.
    init(seed: UInt64, isWhole: Bool) async throws {
        self.isWhole = isWhole
        random = SplitMix64(seed: seed)
        store = UncertainStore(TransactionSimulation.logs, seed: random.next())
        world = SimulatedPartitions(count: TransactionSimulation.partitions, seed: random.next())
        processes = (0..<3).map { SimulatedProcess(number: $0, isBumping: ($0 + Int(seed % 2)) % 2 == 0) }
        (input, output) = (try ResourceName("in"), try ResourceName("out"))
        let rig = try EngineRig(store: store.memory, clock: clock)
        try await rig.topic("in", TopicSettings(partitions: 3))
        try await rig.topic("out", TopicSettings(partitions: TransactionSimulation.partitions))
        engine = rig.engine
        if isWhole {
            let id = try engine.topic(output).id
            store.add((0..<TransactionSimulation.partitions).map { id.member($0) })
        }
        try revive()
        store.setCalm(false)
    }

    private mutating func revive() throws {
        engine.stop()
        var options = EngineOptions()
        options.snapshotBytes = 1 << random.below(14)
        if !isWhole { options.markerWriter = world.writer }
        engine = try Engine(
            store: store, clock: clock, entropy: Entropy(seed: random.next()), options: options,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, dispatcher: ScriptedTarget(),
            isDriven: true)
    }

    private mutating func crash() throws {
        report.crashes += 1
        store.crash()
        world.crash()
        try revive()
        for index in processes.indices {
            // A client whose connection broke asks again, or its process went with the server.
            if random.oneIn(3) { processes[index].restart() } else { processes[index].forgetAnswers() }
        }
    }

    mutating func run(steps: Int) throws -> TransactionReport {
        for _ in 0..<steps {
            switch random.below(1000) {
            case 0..<3: try crash()
            case 3..<6: replace()
            case 6..<8: clock.advance(by: .milliseconds(Int64(random.below(40_000))))
            case 8..<50: clock.advance(by: .milliseconds(Int64(random.below(1000))))
            case 50..<350: _ = engine.turn()
            case 350..<500: store.step()
            case 500..<600: world.step()
            default: step(random.below(processes.count))
            }
        }
        try finish()
        return report
    }

    /// A process takes over from another one that does not know.
    private mutating func replace() {
        let index = random.below(processes.count)
        guard !processes[index].isReplaced else { return }
        let number = processes[index].number
        processes[index].isReplaced = true
        processes.append(SimulatedProcess(number: number, isBumping: random.oneIn(2)))
        processes.removeAll { $0.phase == .gone }
    }

    // MARK: What processes do

    private mutating func step(_ index: Int) {
        var process = processes[index]
        defer { processes[index] = process }
        if process.isWaiting { return hear(&process) }
        switch process.phase {
        case .gone: break
        case .start:
            guard !process.isReplaced || process.expected != nil else { return process.restart() }
            let answer = Answer<Result<ProducerIdentity, CoordinatorError>>()
            engine.allocateProducer(
                transactionalID: process.name, timeout: .seconds(20), expected: process.expected
            ) { answer.set($0) }
            process.producer = answer
        case .read:
            let place = TopicPartition(input, process.number)
            guard let found = try? engine.committedOffsets(group: process.group, in: [place]) else { return }
            guard found.first?.isPending != true else { return }
            process.position = found.first?.position?.offset.rawValue ?? 0
            process.phase = .begin
        case .begin, .group, .commit, .end: ask(&process)
        case .produce:
            guard let identity = process.identity else { return process.restart() }
            // The partition asks the coordinator, and knows epochs of its own.
            let place = TopicPartition(output, process.partition)
            guard engine.isInTransaction(place, identity) else { return fail(&process) }
            let answer = Answer<Bool>()
            process.wrote = answer
            write("\(process.number)-\(process.position)", by: process, identity, answer)
        }
    }

    private mutating func ask(_ process: inout SimulatedProcess) {
        guard let identity = process.identity else { return process.restart() }
        let one = Answer<CoordinatorError?>()
        let many = Answer<[CoordinatorError?]>()
        switch process.phase {
        case .begin:
            process.partition = random.below(TransactionSimulation.partitions)
            engine.addPartitions(
                [TopicPartition(output, process.partition)], to: process.name, of: identity
            ) { many.set($0) }
            process.many = many
        case .group:
            engine.addOffsets(group: process.group, to: process.name, of: identity) { one.set($0) }
            process.one = one
        case .commit:
            let commit = OffsetCommit(
                TopicPartition(input, process.number), CommittedOffset(Offset(process.position + 1)))
            engine.commitOffsets(
                group: process.group, [commit], in: process.name, of: identity, addsGroup: process.isBumping
            ) { many.set($0) }
            process.many = many
        case .end(let isCommit):
            let ended = Answer<Result<ProducerIdentity, CoordinatorError>>()
            engine.endTransaction(
                process.name, of: identity, isCommit: isCommit, bumpsEpoch: process.isBumping
            ) { ended.set($0) }
            process.ended = ended
        case .start, .read, .produce, .gone: break
        }
    }

    private func write(
        _ value: String, by process: SimulatedProcess, _ identity: ProducerIdentity, _ answer: Answer<Bool>
    ) {
        guard isWhole else {
            return answer.set(world.write(value, to: process.partition, by: identity))
        }
        var builder = RecordBatchBuilder(
            producerID: identity.id, producerEpoch: identity.epoch,
            baseSequence: process.sequences[process.partition] ?? 0)
        builder.append(timestamp: clock.wall, key: nil, value: Array(value.utf8))
        guard var bytes = builder.finish()?.bytes else { return answer.set(false) }
        // The flag of transactions, and with it another checksum, which stamping the times makes.
        bytes.setInteger(Int16(0x10), at: bytes.readerIndex + 21)
        var batch = RecordBatch(trusted: bytes)
        batch.setGreatestTimestamp(clock.wall)
        engine.append(batch, to: output, partition: process.partition) { result in
            if case .success = result { answer.set(true) } else { answer.set(false) }
        }
    }

    private mutating func hear(_ process: inout SimulatedProcess) {
        if let answer = process.wrote {
            guard let isWritten = answer.value else { return }
            process.forgetAnswers()
            guard isWritten else { return fail(&process) }
            process.sequences[process.partition, default: 0] += 1
            process.phase = process.isBumping ? .commit : .group
            return
        }
        if let answer = process.producer {
            guard let result = answer.value else { return }
            process.forgetAnswers()
            if case .failure(.producerFenced) = result { return fail(&process) }
            guard case .success(let identity) = result else { return }
            (process.identity, process.phase, process.sequences) = (identity, .read, [:])
            return
        }
        let heard: CoordinatorError?
        if let answer = process.ended {
            guard let value = answer.value else { return }
            heard = value.failure
            if case .success(let identity) = value {
                if process.identity != identity { process.sequences = [:] }
                process.identity = identity
            }
        } else if let answer = process.one {
            guard let value = answer.value else { return }
            heard = value
        } else {
            guard let value = process.many?.value else { return }
            heard = value.first.flatMap(\.self)
        }
        process.forgetAnswers()
        switch (heard, process.phase) {
        case (nil, .begin): process.phase = .produce
        case (nil, .group): process.phase = .commit
        case (nil, .commit): process.phase = .end(isCommit: !random.oneIn(6))
        case (nil, .end): process.phase = .read
        case (.concurrentTransactions, .begin), (.concurrentTransactions, .end): break
        case (.broker, .end): break
        case (.broker, .begin), (.broker, .group), (.broker, .commit):
            // Once more, or not.
            if random.oneIn(2) { process.phase = .end(isCommit: false) }
        default: fail(&process)
        }
    }

    private mutating func fail(_ process: inout SimulatedProcess) {
        if process.isReplaced { report.fenced += 1 }
        process.restart(keepingIdentity: random.oneIn(2))
    }

    // MARK: The end

    private mutating func finish() throws {
        store.setCalm(true)
        world.setCalm()
        calmDown()
        // What the disk could not say whether it was written is there now, or never will be.
        try revive()
        calmDown()
        let before = try state()
        try revive()
        let after = try state()
        if before != after { report.breaches.append("after a restart: \(after), before: \(before)") }
        let written = try isWhole ? committed() : world.partitions.flatMap(\.committed)
        if Set(written).count != written.count { report.breaches.append("written twice: \(written)") }
        var expected: Set<String> = []
        for (group, position) in after.positions {
            for number in 0..<position { expected.insert("\(group)-\(number)") }
        }
        if expected != Set(written) {
            report.breaches.append("expected \(expected.sorted()), found \(written.sorted())")
        }
        for (number, partition) in world.partitions.enumerated() where !partition.open.isEmpty {
            report.breaches.append("partition \(number) has open transactions: \(partition.open)")
        }
        for text in after.undecided { report.breaches.append("undecided: \(text)") }
        report.committed = written.count
    }

    /// Lets everything that is under way come to its end, and what nobody ends to the end of its time.
    private func calmDown() {
        for _ in 0..<100 {
            clock.advance(by: .seconds(2))
            for _ in 0..<10 {
                _ = engine.turn()
                while world.step() {}
            }
        }
    }

    /// What everybody sees who reads events of the engine's partitions.
    private mutating func committed() throws -> [String] {
        var values: [String] = []
        for number in 0..<TransactionSimulation.partitions {
            for producer in try engine.producers(output, partition: number)
            where producer.transactionStart != nil {
                report.breaches.append("partition \(number) has an open transaction: \(producer)")
            }
            let (_, partition) = try engine.requirePartition(output, number)
            var offset = Offset.zero
            while offset < partition.signal.end {
                let batches = try partition.readEvents(from: offset, byteLimit: 1 << 20, in: store)
                guard let last = batches.last else { break }
                for batch in batches where !batch.isControl {
                    try batch.forEachRecord { record in
                        if let value = record.value { values.append(String(decoding: value, as: UTF8.self)) }
                        return true
                    }
                }
                offset = last.nextOffset
            }
        }
        return values
    }

    private struct Outcome: Equatable {
        var positions: [Int: Int64] = [:]
        var undecided: [String] = []
    }

    private func state() throws -> Outcome {
        var outcome = Outcome()
        for number in 0..<3 {
            for found in try engine.committedOffsets(group: "group-\(number)") {
                outcome.positions[number] = found.position?.offset.rawValue
                if found.isPending { outcome.undecided.append("positions of group-\(number)") }
            }
        }
        for transaction in try engine.transactions()
        where ![.empty, .completeCommit, .completeAbort].contains(transaction.state) {
            outcome.undecided.append("\(transaction)")
        }
        return outcome
    }
}
