// SPDX-License-Identifier: Apache-2.0

// A store that tells the truth about another one.

import ApusModel
import ApusStorage

/// Passes everything on to `store`, and what comes of it to `truth`.
final class ObservedStore: LogStore {
    let store: FileLogStore
    private let truth: LogTruth

    /// How large the segments of topics become at most, if not as large as they are asked for.
    private let segmentBytes: Int?

    init(_ store: FileLogStore, truth: LogTruth, segmentBytes: Int? = nil) {
        self.store = store
        self.truth = truth
        self.segmentBytes = segmentBytes
    }

    private func shrunk(_ configuration: LogConfiguration) -> LogConfiguration {
        guard let segmentBytes, !configuration.isEssential else { return configuration }
        var configuration = configuration
        configuration.segmentBytesMax = segmentBytes
        return configuration
    }

    func claim(
        _ log: LogID, _ configuration: LogConfiguration, onAdvance: @escaping @Sendable (Offset) -> Void
    ) throws(LogError) -> LogClaim {
        let claim = try store.claim(log, shrunk(configuration), onAdvance: onAdvance)
        truth.began(log, configuration)
        return claim
    }

    func create(_ logs: [LogID]) throws(LogError) { try store.create(logs) }

    func configure(_ claim: LogClaim, _ configuration: LogConfiguration) throws(LogError) {
        try store.configure(claim, shrunk(configuration))
        truth.began(claim.log, configuration)
    }

    func append(
        _ batch: consuming RecordBatch, holding claim: LogClaim, completion: @escaping AppendCompletion
    ) {
        let (log, truth) = (claim.log, truth)
        let number = truth.append(copy batch, to: log)
        store.append(batch, holding: claim) { result in
            truth.ended(number, of: log, result)
            completion(result)
        }
    }

    func trim(_ log: LogID, before offset: Offset) throws(LogError) {
        // One that fails may have moved the start nevertheless.
        truth.withState { state in
            let before = state.logs[log]?.trimmedTo ?? .zero
            state.logs[log]?.trimmedTo = max(before, offset)
        }
        try store.trim(log, before: offset)
    }

    func delete(_ log: LogID) throws(LogError) {
        truth.withState { $0.logs[log]?.isMaybeGone = true }
        try store.delete(log)
    }

    func read(_ log: LogID, from offset: Offset, byteLimit: Int) throws(LogError) -> [RecordBatch] {
        try store.read(log, from: offset, byteLimit: byteLimit)
    }

    func bounds(_ log: LogID) throws(LogError) -> LogBounds { try store.bounds(log) }

    func offset(_ log: LogID, at time: Timestamp) throws(LogError) -> Offset {
        try store.offset(log, at: time)
    }

    func closedSegments(_ log: LogID) throws(LogError) -> [SegmentDescription] {
        try store.closedSegments(log)
    }

    func rewrite(
        _ log: LogID, _ range: Range<Offset>, noting time: Timestamp?, _ thin: (RecordBatch) -> Thinned
    ) throws(LogError) -> RewriteOutcome {
        try store.rewrite(log, range, noting: time) { [truth] batch in
            let thinned = thin(batch)
            truth.rewriting(batch, as: thinned, in: log)
            return thinned
        }
    }

    func logs() throws(LogError) -> [LogID] { try store.logs() }

    func statistics() -> StoreStatistics { store.statistics() }
}
