// SPDX-License-Identifier: Apache-2.0

// A LogStore in memory: for tests of everything above the seam, and for buses that need not outlive their
// process. Appends complete before `append` returns, so what it promises is what memory can keep.

public import ApusModel
import Synchronization

/// A ``LogStore`` whose logs are gone with the process.
public final class MemoryLogStore: LogStore {
    private struct Log {
        var id: LogID
        var epoch: UInt64 = 0
        var configuration: LogConfiguration
        var batches: [RecordBatch] = []
        var start = Offset.zero
        var end = Offset.zero
        var bytes: Int64 = 0
        var onAdvance: @Sendable (Offset) -> Void
        /// Batches that were written anew, with the time noted.
        var rewritten: [Offset: Timestamp] = [:]
    }

    private struct State {
        var logs: [LogID: Log] = [:]
        var refusal: LogError?
        var refusals: [LogID: Refusals] = [:]
        /// Claims given so far: each has a number of its own, across logs and their lives.
        var claims: UInt64 = 0
    }

    /// What of one log fails, for tests.
    public struct Refusals: Sendable {
        /// Whether it can be claimed.
        public var claims: LogError?
        /// Whether it can be appended to.
        public var appends: LogError?
        /// Whether it can be read.
        public var reads: LogError?

        /// Nothing fails.
        public init() {}
    }

    private let state = Mutex(State())

    /// An empty store.
    public init() {}

    /// Makes every append fail with `error` until called with nil: fault injection for tests of what is above.
    public func refuseAppends(with error: LogError?) {
        state.withLock { $0.refusal = error }
    }

    /// Makes what is done with one log fail until told otherwise: fault injection for tests of what is above.
    public func refuse(_ log: LogID, _ refusals: Refusals) {
        state.withLock { $0.refusals[log] = refusals }
    }

    /// Forgets everything of a log from `offset` on, where a batch begins: what a power cut may do to logs without `flush`. Its writer
    /// does not notice before it claims the log again.
    public func lose(_ log: LogID, from offset: Offset) {
        state.withLock { state in
            guard var entry = state.logs.removeValue(forKey: log) else { return }
            entry.batches.removeAll { $0.baseOffset >= offset }
            entry.end = max(entry.start, entry.batches.last?.nextOffset ?? .zero)
            entry.bytes = entry.batches.reduce(0) { $0 + Int64($1.length) }
            state.logs[log] = entry
        }
    }

    /// As ``LogStore/claim(_:_:onAdvance:)``.
    public func claim(
        _ log: LogID, _ configuration: LogConfiguration, onAdvance: @escaping @Sendable (Offset) -> Void
    ) throws(LogError) -> LogClaim {
        if let refusal = state.withLock({ $0.refusals[log]?.claims }) { throw refusal }
        return state.withLock { state in
            var entry = state.logs[log] ?? Log(id: log, configuration: configuration, onAdvance: onAdvance)
            state.claims += 1
            entry.epoch = state.claims
            entry.configuration = configuration
            entry.onAdvance = onAdvance
            state.logs[log] = entry
            return LogClaim(log: log, epoch: entry.epoch, slot: 0)
        }
    }

    /// As ``LogStore/create(_:)``.
    public func create(_ logs: [LogID]) throws(LogError) {
        state.withLock { state in
            for log in logs where state.logs[log] == nil {
                state.logs[log] = Log(id: log, configuration: LogConfiguration(), onAdvance: { _ in })
            }
        }
    }

    /// As ``LogStore/configure(_:_:)``.
    public func configure(_ claim: LogClaim, _ configuration: LogConfiguration) throws(LogError) {
        let failure: LogError? = state.withLock { state in
            guard let entry = state.logs[claim.log] else { return .unknownLog(claim.log) }
            guard entry.epoch == claim.epoch else { return .fenced(claim.log) }
            state.logs[claim.log]?.configuration = configuration
            return nil
        }
        if let failure { throw failure }
    }

    /// As ``LogStore/append(_:holding:completion:)``.
    public func append(
        _ batch: consuming RecordBatch, holding claim: LogClaim, completion: @escaping AppendCompletion
    ) {
        var batch = batch
        let outcome: Result<(Offset, Offset, @Sendable (Offset) -> Void), LogError> = state.withLock {
            state in
            if let refusal = state.refusal ?? state.refusals[claim.log]?.appends { return .failure(refusal) }
            guard var entry = state.logs.removeValue(forKey: claim.log) else {
                return .failure(.unknownLog(claim.log))
            }
            defer { state.logs[claim.log] = entry }
            guard entry.epoch == claim.epoch else { return .failure(.fenced(claim.log)) }
            batch.baseOffset = entry.end
            entry.end = batch.nextOffset
            entry.bytes += Int64(batch.length)
            entry.batches.append(batch)
            return .success((batch.baseOffset, entry.end, entry.onAdvance))
        }
        switch outcome {
        case .success(let (base, end, onAdvance)):
            onAdvance(end)
            completion(.success(base))
        case .failure(let error): completion(.failure(error))
        }
    }

    /// As ``LogStore/read(_:from:byteLimit:)``.
    public func read(_ log: LogID, from offset: Offset, byteLimit: Int) throws(LogError) -> [RecordBatch] {
        if let refusal = state.withLock({ $0.refusals[log]?.reads }) { throw refusal }
        return try withLog(log) { entry in
            guard offset >= entry.start else { return .failure(.trimmed(start: entry.start)) }
            guard offset <= entry.end else { return .failure(.beyondEnd(end: entry.end)) }
            var found: [RecordBatch] = []
            var size = 0
            for batch in entry.batches[MemoryLogStore.index(of: offset, in: entry.batches)...] {
                size += batch.length
                if !found.isEmpty, size > byteLimit { break }
                found.append(batch)
            }
            return .success(found)
        }
    }

    /// As ``LogStore/bounds(_:)``.
    public func bounds(_ log: LogID) throws(LogError) -> LogBounds {
        try withLog(log) { entry in
            .success(
                LogBounds(
                    start: entry.start, end: entry.end, bytes: entry.bytes,
                    segments: entry.batches.isEmpty ? 0 : 1))
        }
    }

    /// As ``LogStore/offset(_:at:)``.
    public func offset(_ log: LogID, at time: Timestamp) throws(LogError) -> Offset {
        try withLog(log) { entry in
            for batch in entry.batches where batch.maxTimestamp >= time && batch.nextOffset > entry.start {
                var found = batch.baseOffset
                _ = Result { () throws(RecordBatchError) in
                    try batch.forEachRecord { record in
                        found = record.offset
                        return record.timestamp < time
                    }
                }
                return .success(max(found, entry.start))
            }
            return .success(entry.end)
        }
    }

    /// As ``LogStore/closedSegments(_:)``.
    public func closedSegments(_ log: LogID) throws(LogError) -> [SegmentDescription] {
        try withLog(log) { entry in
            .success(
                entry.batches.dropLast().map {
                    SegmentDescription(
                        base: $0.baseOffset, end: $0.nextOffset, bytes: Int64($0.length),
                        maxTimestamp: $0.maxTimestamp, rewritten: entry.rewritten[$0.baseOffset])
                })
        }
    }

    /// As ``LogStore/rewrite(_:_:noting:_:)``; every batch is a segment here.
    public func rewrite(
        _ log: LogID, _ range: Range<Offset>, noting time: Timestamp?, _ thin: (RecordBatch) -> Thinned
    ) throws(LogError) -> RewriteOutcome {
        let old = try withLog(log) { entry in
            .success(entry.batches.dropLast().filter { range.contains($0.baseOffset) })
        }
        guard old.first?.baseOffset == range.lowerBound, let last = old.last,
            last.nextOffset == range.upperBound
        else { return .notNow }
        var new: [RecordBatch] = []
        for batch in old {
            switch thin(batch) {
            case .stop: return .stopped
            case .keep(let kept): new.append(kept)
            case .drop where batch.baseOffset == last.baseOffset: new.append(batch.emptied())
            case .drop: continue
            }
        }
        let sizes = (old.reduce(0) { $0 + Int64($1.length) }, new.reduce(0) { $0 + Int64($1.length) })
        return try withLog(log) { entry in
            guard let first = entry.batches.firstIndex(where: { $0.baseOffset == range.lowerBound }),
                entry.batches.dropFirst(first).prefix(old.count).elementsEqual(old)
            else { return .success(.notNow) }
            entry.batches.replaceSubrange(first..<first + old.count, with: new)
            entry.bytes += sizes.1 - sizes.0
            for batch in old { entry.rewritten[batch.baseOffset] = nil }
            for batch in new { entry.rewritten[batch.baseOffset] = time }
            return .success(.done(before: sizes.0, after: sizes.1))
        }
    }

    /// As ``LogStore/trim(_:before:)``.
    public func trim(_ log: LogID, before offset: Offset) throws(LogError) {
        // What is forgotten is given back after the lock: there may be very many of them, and others append.
        let (failure, forgotten): (LogError?, [RecordBatch]) = state.withLock { state in
            guard var entry = state.logs.removeValue(forKey: log) else { return (.unknownLog(log), []) }
            defer { state.logs[log] = entry }
            guard offset <= entry.end else { return (.beyondEnd(end: entry.end), []) }
            guard offset > entry.start else { return (nil, []) }
            entry.start = offset
            let keep = MemoryLogStore.index(of: offset, in: entry.batches)
            guard keep > entry.batches.count / 2 else {
                entry.bytes -= entry.batches[..<keep].reduce(0) { $0 + Int64($1.length) }
                entry.batches.removeSubrange(..<keep)
                return (nil, [])
            }
            // Only those that stay are looked at.
            let before = entry.batches
            entry.batches = Array(before[keep...])
            entry.bytes = entry.batches.reduce(0) { $0 + Int64($1.length) }
            return (nil, before)
        }
        withExtendedLifetime(forgotten) {}
        if let failure { throw failure }
    }

    /// As ``LogStore/delete(_:)``.
    public func delete(_ log: LogID) throws(LogError) {
        guard state.withLock({ $0.logs.removeValue(forKey: log) }) != nil else { throw .unknownLog(log) }
    }

    /// As ``LogStore/logs()``.
    public func logs() throws(LogError) -> [LogID] {
        state.withLock { $0.logs.keys.sorted() }
    }

    /// As ``LogStore/statistics()``.
    public func statistics() -> StoreStatistics {
        state.withLock { state in
            var statistics = StoreStatistics()
            statistics.refusal = state.refusal
            statistics.storedBytes = state.logs.values.reduce(0) { $0 + $1.bytes }
            return statistics
        }
    }

    private func withLog<Value: Sendable>(
        _ log: LogID, _ body: (inout Log) -> Result<Value, LogError>
    ) throws(LogError) -> Value {
        let result: Result<Value, LogError> = state.withLock { state in
            guard var entry = state.logs.removeValue(forKey: log) else { return .failure(.unknownLog(log)) }
            defer { state.logs[log] = entry }
            return body(&entry)
        }
        return try result.get()
    }

    /// The first batch whose records reach `offset` or beyond.
    private static func index(of offset: Offset, in batches: [RecordBatch]) -> Int {
        var low = 0
        var high = batches.count
        while low < high {
            let middle = (low + high) / 2
            if batches[middle].nextOffset > offset { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
