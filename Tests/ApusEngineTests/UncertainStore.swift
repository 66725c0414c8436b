// SPDX-License-Identifier: Apache-2.0

// A store whose appends take their time and fail in the three ways in which disks do: nothing was stored; nothing was stored as far as anybody can
// see, but it is found after a restart; or the process ends before anybody is told. And one that tells late of what can be read already, as
// a store on files does whose thread that tells is held up. Time and chance are the test's.

import ApusModel
import ApusStorage
import ApusTesting
import Synchronization

/// Memory with the manners of a disk, for some of its logs.
final class UncertainStore: LogStore {
    private struct Append: Sendable {
        var batch: RecordBatch
        var claim: LogClaim
        var completion: AppendCompletion
    }

    private struct State {
        var random: SplitMix64
        var isCalm = true
        var waiting: [Append] = []
        var uncertain: Set<LogID> = []
        /// Logs that are read while they are written: what was not acknowledged must not be found there before a restart.
        var read: Set<LogID> = []
        /// What has happened and is not told yet, in order; nil when everything is told at once.
        var untold: [@Sendable () -> Void]?
    }

    let memory = MemoryLogStore()
    private let state: Mutex<State>

    /// A store in which appends to `uncertain` are as the name says.
    init(_ uncertain: Set<LogID>, seed: UInt64) {
        state = Mutex(State(random: SplitMix64(seed: seed), uncertain: uncertain))
    }

    /// Makes appends to more logs uncertain, which are read all the time.
    func add(_ logs: [LogID]) {
        state.withLock { state in
            state.uncertain.formUnion(logs)
            state.read.formUnion(logs)
        }
    }

    /// Whether everything succeeds at once from now on.
    func setCalm(_ isCalm: Bool) {
        state.withLock { $0.isCalm = isCalm }
        if isCalm { while step() {} }
    }

    /// Ends the append that has waited longest; false when none waits.
    @discardableResult
    func step() -> Bool {
        let (append, chance, isCalm) = state.withLock { state -> (Append?, Int, Bool) in
            guard !state.waiting.isEmpty else { return (nil, 0, true) }
            let append = state.waiting.removeFirst()
            let chance = state.random.below(20)
            return (append, chance == 1 && state.read.contains(append.claim.log) ? 0 : chance, state.isCalm)
        }
        guard let append else { return false }
        switch isCalm ? 19 : chance {
        case 0: append.completion(.failure(.diskFull))
        case 1:
            memory.append(append.batch, holding: append.claim) { _ in }
            append.completion(.failure(.undecided("simulated")))
        default: memory.append(append.batch, holding: append.claim, completion: append.completion)
        }
        return true
    }

    /// From now on what happens can be read, and is not told until ``tell()``.
    func holdNews() { state.withLock { $0.untold = [] } }

    /// Tells what has happened, and from now on at once.
    func tell() {
        let untold = state.withLock { state in
            defer { state.untold = nil }
            return state.untold ?? []
        }
        for news in untold { news() }
    }

    private func say(_ news: @escaping @Sendable () -> Void) {
        let isHeld = state.withLock { state in
            state.untold?.append(news)
            return state.untold != nil
        }
        if !isHeld { news() }
    }

    /// The process ends: of what waits, the first so many are there nevertheless.
    func crash() {
        let survivors = state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting.prefix(state.random.below(state.waiting.count + 1))
        }
        for append in survivors { memory.append(append.batch, holding: append.claim) { _ in } }
    }

    func append(
        _ batch: consuming RecordBatch, holding claim: LogClaim, completion: @escaping AppendCompletion
    ) {
        let append = Append(batch: batch, claim: claim, completion: completion)
        let isTaken = state.withLock { state in
            guard !state.isCalm, state.uncertain.contains(claim.log) else { return false }
            state.waiting.append(append)
            return true
        }
        guard !isTaken else { return }
        memory.append(append.batch, holding: claim) { [self] result in say { completion(result) } }
    }

    func claim(
        _ log: LogID, _ configuration: LogConfiguration, onAdvance: @escaping @Sendable (Offset) -> Void
    ) throws(LogError) -> LogClaim {
        try memory.claim(log, configuration) { [self] end in say { onAdvance(end) } }
    }

    func create(_ logs: [LogID]) throws(LogError) { try memory.create(logs) }
    func configure(_ claim: LogClaim, _ configuration: LogConfiguration) throws(LogError) {
        try memory.configure(claim, configuration)
    }
    func read(_ log: LogID, from offset: Offset, byteLimit: Int) throws(LogError) -> [RecordBatch] {
        try memory.read(log, from: offset, byteLimit: byteLimit)
    }
    func bounds(_ log: LogID) throws(LogError) -> LogBounds { try memory.bounds(log) }
    func offset(_ log: LogID, at time: Timestamp) throws(LogError) -> Offset {
        try memory.offset(log, at: time)
    }
    func closedSegments(_ log: LogID) throws(LogError) -> [SegmentDescription] {
        try memory.closedSegments(log)
    }
    func rewrite(
        _ log: LogID, _ range: Range<Offset>, noting time: Timestamp?, _ thin: (RecordBatch) -> Thinned
    ) throws(LogError) -> RewriteOutcome { try memory.rewrite(log, range, noting: time, thin) }
    func trim(_ log: LogID, before offset: Offset) throws(LogError) { try memory.trim(log, before: offset) }
    func delete(_ log: LogID) throws(LogError) { try memory.delete(log) }
    func logs() throws(LogError) -> [LogID] { try memory.logs() }
    func statistics() -> StoreStatistics { memory.statistics() }
}
