// SPDX-License-Identifier: Apache-2.0

// What every log must hold, whoever wrote it: publishers, rules, subscriptions, the registry. The store under test is wrapped, so that
// nothing can be appended without the truth knowing; after every start the two are held against each other.

import ApusModel
import ApusStorage
import NIOCore
import Synchronization

/// A record of a topic as it must be.
struct TrueRecord: Sendable {
    let offset: Offset
    let timestamp: Timestamp
    let key: String?
    let headers: [String: String]
    let value: [UInt8]
    /// Whether it has no value at all, which deletes its key.
    let isTombstone: Bool
    /// When it was known to be there, in steps of the history.
    let step: Int

    /// The event's id; nil for what is no event.
    var id: String? { headers["ce_id"] }
    var type: String { headers["ce_type"] ?? "" }
    /// `topic id/partition/offset` of what it is a copy of.
    var origin: String? { headers["apus-origin"] }
    var rule: String? { headers["apus-rule"] }
    /// The subscription that gave it up, in dead letters.
    var buriedBy: String? { headers["apus-subscription"] }
    /// The one subscription that it is for.
    var recipient: String? { headers["apus-for"] }
    /// Whether it is a dead letter or was sent again.
    var isAside: Bool { headers["apus-reason"] != nil || recipient != nil }
}

/// One append.
struct TrueBatch: Sendable {
    enum Fate: Sendable {
        case pending
        case there
        case refused
        /// Nobody was told: both are right until it has been seen, or seen to be missing.
        case unknown
    }

    var batch: RecordBatch
    /// Whether it was to survive a power cut before it was acknowledged.
    let isFlushed: Bool
    var fate = Fate.pending
    var base: Offset?
    /// What it may have become when segments were written anew.
    var versions: [RecordBatch] = []
    /// Whether nothing may have been left of it then.
    var mayBeGone = false

    var next: Offset { (base ?? .zero).advanced(by: Int64(batch.lastOffsetDelta) + 1) }
}

/// One log.
struct TrueLog: Sendable {
    var batches: [TrueBatch] = []
    /// By offset; what was trimmed stays here.
    var records: [Offset: TrueRecord] = [:]
    var isFlushed = true
    /// How far it may have been trimmed.
    var trimmedTo = Offset.zero
    /// The offset after the last that is in use.
    var floor = Offset.zero
    var isMaybeGone = false
    /// Records that were left out when segments were written anew, or were to be, with the step of the history. They stay in `records`.
    var gone: [Offset: Int] = [:]
    /// Whether the power went while not everything was flushed: pieces may be left, which are reported and read around.
    var mayBeDamaged = false
    /// Events that were ever placed, by type: without those that were put aside or sent again, which nobody has published here.
    var counts: [String: Int64] = [:]

    /// The records that are there, in order.
    var ordered: [TrueRecord] { records.values.sorted { $0.offset < $1.offset } }
}

/// What every log must hold.
final class LogTruth: Sendable {
    struct State {
        var logs: [LogID: TrueLog] = [:]
        var violations: [String] = []
        var step = 0
        var acknowledged = 0
        var refused = 0
        /// What was left out when segments were written anew and nobody has looked at yet.
        var leftOut: [(log: LogID, offset: Offset)] = []
        /// Steps at which dead letters were found to be there, by subscription and origin.
        var buried: [String: [Int]] = [:]
    }

    private let state = Mutex(State())

    func withState<Value>(_ body: (inout State) -> sending Value) -> sending Value { state.withLock(body) }

    func log(_ id: LogID) -> TrueLog? { state.withLock { $0.logs[id] } }

    /// When this event was dead-lettered by this subscription, and in which steps.
    func burials(of place: String, by subscription: ResourceName, in steps: Range<Int>) -> Int {
        state.withLock { $0.buried["\(subscription)|\(place)"]?.count { steps.contains($0) } ?? 0 }
    }

    // MARK: What happens

    func began(_ log: LogID, _ configuration: LogConfiguration) {
        state.withLock { $0.logs[log, default: TrueLog()].isFlushed = configuration.durability == .flush }
    }

    /// - Returns: the number to end the append with.
    func append(_ batch: RecordBatch, to log: LogID) -> Int {
        state.withLock { state in
            let isFlushed = state.logs[log]?.isFlushed ?? true
            state.logs[log, default: TrueLog()].batches.append(TrueBatch(batch: batch, isFlushed: isFlushed))
            return (state.logs[log]?.batches.count ?? 1) - 1
        }
    }

    func ended(_ number: Int, of log: LogID, _ result: Result<Offset, LogError>) {
        state.withLock { state in
            switch result {
            case .success(let base):
                state.acknowledged += 1
                if base < state.logs[log]?.floor ?? .zero {
                    state.violations.append("I2: log \(log) gave offset \(base) twice")
                }
                state.place(number, of: log, at: base)
            case .failure(.closed), .failure(.unknownLog), .failure(.undecided):
                state.logs[log]?.batches[number].fate = .unknown
            case .failure:
                state.refused += 1
                state.logs[log]?.batches[number].fate = .refused
            }
        }
    }

    /// The process ended: nobody will be told any more.
    func crashed() {
        state.withLock { state in
            for id in state.logs.keys {
                for number in state.logs[id]?.batches.indices ?? 0..<0
                where state.logs[id]?.batches[number].fate == .pending {
                    state.logs[id]?.batches[number].fate = .unknown
                }
            }
        }
    }
}

extension LogTruth.State {
    /// A batch is where `base` says.
    mutating func place(_ number: Int, of log: LogID, at base: Offset) {
        guard var truth = logs.removeValue(forKey: log) else { return }
        truth.batches[number].fate = .there
        truth.batches[number].base = base
        truth.batches[number].batch.baseOffset = base
        truth.floor = max(truth.floor, truth.batches[number].next)
        let step = step
        _ = try? truth.batches[number].batch.forEachRecord { view in
            let record = TrueRecord(view, step: step)
            if !record.isAside { truth.counts[record.type, default: 0] += 1 }
            guard !record.headers.isEmpty else { return true }
            truth.records[record.offset] = record
            if let name = record.buriedBy, let origin = record.origin {
                buried["\(name)|\(origin)", default: []].append(step)
            }
            return true
        }
        logs[log] = truth
    }
}

extension TrueRecord {
    init(_ view: RecordView, step: Int) {
        var headers: [String: String] = [:]
        view.forEachHeader { name, value in
            headers[String(decoding: name, as: UTF8.self)] =
                value.map { String(decoding: $0, as: UTF8.self) } ?? ""
            return true
        }
        self.init(
            offset: view.offset, timestamp: view.timestamp,
            key: view.key.map { String(decoding: $0, as: UTF8.self) },
            headers: headers, value: view.value.map(Array.init) ?? [], isTombstone: view.value == nil,
            step: step)
    }
}
