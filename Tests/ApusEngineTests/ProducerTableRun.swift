// SPDX-License-Identifier: Apache-2.0

// A random history of producers, batches, failures, markers and crashes, played to the table and to a model of it that keeps everything and looks
// through it for each answer.

import ApusModel
import ApusTesting
import NIOCore

@testable import ApusEngine

/// What the model remembers of one batch. Every batch of a producer has two records; batch `number` has the sequences that follow from that.
private struct ModelBatch {
    enum Fate: Equatable { case underWay, stored(Int64), failed }
    var epoch: Int16
    var number: Int
    var isTransactional: Bool
    var fate = Fate.underWay
    var ticket: UInt64
    var floor: Int64
}

/// What the model remembers of one producer.
private struct ModelProducer {
    var epoch: Int16 = 0
    /// The first batch of the epoch: zero where an epoch began after another one.
    var base: Int?
    /// In the order in which they were accepted.
    var batches: [ModelBatch] = []
    /// Gaps are forgotten with a restart.
    var lowest = 0

    private var current: [ModelBatch] { batches.filter { $0.epoch == epoch && $0.fate != .failed } }

    var isUnknown: Bool { base == nil }
    var next: Int { max((current.map(\.number).max() ?? -1) + 1, base ?? 0) }

    var firstGap: Int? {
        let there = Set(current.map(\.number))
        let from = max(base ?? 0, lowest)
        return from < next ? (from..<next).first { !there.contains($0) } : nil
    }

    func known(_ number: Int) -> ModelBatch? {
        let stored = current.filter { $0.fate != .underWay }.suffix(5)
        let kept = current.filter { $0.fate == .underWay } + stored
        return kept.first { $0.number == number }
    }
}

struct ProducerTableRun {
    private enum LogEntry {
        case batch(producer: Int64, ModelBatch)
        case marker(producer: Int64, epoch: Int16, isCommit: Bool)
        case other
    }

    private var chance: SplitMix64
    private var table = ProducerTable()
    private var model: [Int64: ModelProducer] = [:]
    /// What is stored, one offset each two records; markers and others one.
    private var log: [(offset: Int64, entry: LogEntry)] = []
    private var end: Int64 = 0
    private var underWay: [(producer: Int64, ticket: UInt64)] = []
    private var start: [Int64: Int32]
    private var now: Int64 = 0

    init(seed: UInt64) {
        chance = SplitMix64(seed: seed)
        // Close to where numbers begin again.
        start = [1: 0, 2: Int32.max - 7, 3: Int32.max - 10]
    }

    private func sequences(_ producer: Int64, _ epoch: Int16, _ number: Int) -> (Int32, Int32) {
        // Later epochs begin at zero.
        let base = epoch == 0 ? start[producer] ?? 0 : 0
        let first = Sequences.advance(base, by: Int32(number * 2))
        return (first, Sequences.next(first))
    }

    private func produced(
        _ producer: Int64, _ epoch: Int16, _ number: Int, _ isTransactional: Bool
    ) -> ProducedBatch {
        let (first, last) = sequences(producer, epoch, number)
        return ProducedBatch(
            producerID: producer, epoch: epoch, first: first, last: last, isTransactional: isTransactional)
    }

    /// Plays; what went wrong, if anything.
    mutating func play() -> String? {
        for step in 0..<120 {
            now += 1
            let problem: String? =
                switch chance.below(12) {
                case 0...5: send()
                case 6...8: finish()
                case 9: mark()
                case 10: chance.oneIn(3) ? restart() : nil
                default: append()
                }
            if let problem = problem ?? check() { return "step \(step): \(problem)" }
        }
        return nil
    }

    // MARK: Steps

    private mutating func send() -> String? {
        let id = Int64(1 + chance.below(3))
        var producer = model[id] ?? ModelProducer()
        let epoch =
            producer.epoch + (chance.oneIn(12) ? 1 : 0) - (producer.epoch > 0 && chance.oneIn(12) ? 1 : 0)
        let number: Int =
            epoch > producer.epoch
            ? chance.below(2)
            : chance.oneIn(3)
                ? max(0, producer.next - 7 + chance.below(9)) : producer.firstGap ?? producer.next
        let isOpen = transactionStart(of: id) != nil
        let isTransactional = isOpen ? !chance.oneIn(8) : chance.oneIn(3)
        let batch = produced(id, epoch, number, isTransactional)
        let admission = table.admit(
            batch, floor: Offset(end), time: Timestamp(milliseconds: 0), now: Timestamp(milliseconds: now))
        let expected = answer(to: batch, number: number, epoch: epoch, of: id, producer, isOpen)
        switch (admission, expected) {
        case (.append(let ticket), nil):
            if producer.isUnknown { (producer.epoch, producer.base) = (epoch, number) }
            if epoch > producer.epoch { (producer.epoch, producer.base, producer.lowest) = (epoch, 0, 0) }
            producer.batches.append(
                ModelBatch(
                    epoch: epoch, number: number, isTransactional: isTransactional, ticket: ticket, floor: end
                ))
            model[id] = producer
            underWay.append((id, ticket))
            return nil
        case (let admission, let expected?) where admission == expected: return nil
        default: return "\(batch) was answered \(admission), not \(String(describing: expected))"
        }
    }

    /// What the table has to answer; nil when it has to take the batch.
    private func answer(
        to batch: ProducedBatch, number: Int, epoch: Int16, of id: Int64, _ producer: ModelProducer,
        _ isOpen: Bool
    ) -> ProducerTable.Admission? {
        if producer.isUnknown { return nil }
        if epoch < producer.epoch {
            return .refused(.invalidProducerEpoch(current: producer.epoch, got: epoch))
        }
        if epoch == producer.epoch {
            if let known = producer.known(number) {
                if case .stored(let offset) = known.fate {
                    return .stored(at: Offset(offset), time: Timestamp(milliseconds: 0))
                }
                return .underWay(ticket: known.ticket)
            }
            let wanted = producer.firstGap ?? producer.next
            if number != wanted {
                return .refused(
                    .outOfOrderSequence(expected: sequences(id, epoch, wanted).0, got: batch.first))
            }
        } else if batch.first != 0 {
            return .refused(.outOfOrderSequence(expected: 0, got: batch.first))
        }
        return isOpen && !batch.isTransactional ? .refused(.invalidTransactionState) : nil
    }

    /// The oldest batch under way is stored, or fails.
    private mutating func finish() -> String? {
        guard !underWay.isEmpty else { return nil }
        let (id, ticket) = underWay.removeFirst()
        guard
            let index = model[id]?.batches.firstIndex(where: { $0.ticket == ticket && $0.fate == .underWay })
        else { return "a batch was lost" }
        if chance.oneIn(4) {
            model[id]?.batches[index].fate = .failed
            table.failed(ticket, of: id)
        } else {
            store(id, index)
            table.stored(ticket, of: id, at: Offset(end - 2))
        }
        return nil
    }

    private mutating func store(_ id: Int64, _ index: Int) {
        model[id]?.batches[index].fate = .stored(end)
        guard let batch = model[id]?.batches[index] else { return }
        log.append((end, .batch(producer: id, batch)))
        end += 2
    }

    /// A marker, which is stored at once after everything that is under way.
    private mutating func mark() -> String? {
        while !underWay.isEmpty { if let problem = finish() { return problem } }
        let id = Int64(1 + chance.below(3))
        var producer = model[id] ?? ModelProducer()
        let epoch = producer.epoch + (chance.oneIn(4) ? 1 : 0)
        let isCommit = chance.oneIn(2)
        guard
            case .success(let ticket) = table.admitMarker(
                of: id, epoch: epoch, floor: Offset(end), now: Timestamp(milliseconds: now))
        else { return "a marker was refused" }
        if producer.isUnknown { start[id] = 0 }
        if producer.isUnknown || epoch > producer.epoch {
            (producer.epoch, producer.base, producer.lowest) = (epoch, 0, 0)
        }
        model[id] = producer
        table.markerStored(ticket, isCommit: isCommit, at: Offset(end))
        log.append((end, .marker(producer: id, epoch: epoch, isCommit: isCommit)))
        end += 1
        return nil
    }

    /// Somebody who does not number his batches.
    private mutating func append() -> String? {
        guard underWay.isEmpty else { return nil }
        log.append((end, .other))
        end += 1
        return nil
    }

    /// A snapshot, a while of the log, and a crash: some of what was under way is stored, the rest is not.
    private mutating func restart() -> String? {
        var buffer = ByteBuffer()
        let floor = table.floor.map { min($0, Offset(end)) } ?? Offset(end)
        ProducerSnapshot(partition: 0, next: floor, table: table).encode(into: &buffer)
        let kept = chance.below(underWay.count + 1)
        for (place, (id, ticket)) in underWay.enumerated() {
            guard
                let index = model[id]?.batches.firstIndex(where: {
                    $0.ticket == ticket && $0.fate == .underWay
                })
            else { continue }
            if place < kept, !chance.oneIn(4) {
                store(id, index)
            } else {
                model[id]?.batches[index].fate = .failed
            }
        }
        underWay = []
        for (id, producer) in model {
            model[id]?.lowest = producer.next
            // What only failed is forgotten. An epoch of which nothing is stored is known if it was in the snapshot, which has all that had
            // anything before.
            if producer.batches.allSatisfy({ $0.fate == .failed }), !hasMarker(of: id) { model[id] = nil }
        }
        guard let snapshot = buffer.readableBytesView.withUnsafeBytes({ ProducerSnapshot(decoding: $0) })
        else {
            return "the snapshot cannot be read"
        }
        table = snapshot.table
        for (offset, entry) in log where offset >= snapshot.next.rawValue {
            guard var batch = stored(entry) else { continue }
            batch.baseOffset = Offset(offset)
            table.fold(batch, now: Timestamp(milliseconds: now))
        }
        return nil
    }

    private func stored(_ entry: LogEntry) -> RecordBatch? {
        switch entry {
        case .other: return nil
        case .marker(let producer, let epoch, let isCommit):
            return TransactionMarker(isCommit: isCommit).batch(
                producerID: producer, epoch: epoch, timestamp: Timestamp(milliseconds: 0))
        case .batch(let producer, let batch):
            let sequences = sequences(producer, batch.epoch, batch.number)
            var builder = RecordBatchBuilder(
                producerID: producer, producerEpoch: batch.epoch, baseSequence: sequences.0)
            for _ in 0..<2 { builder.append(timestamp: Timestamp(milliseconds: 0), key: nil, value: [1]) }
            var stored = builder.finish()
            if batch.isTransactional { stored?.setAttributes(0x10) }
            return stored
        }
    }

    // MARK: Looking at everything

    private func hasMarker(of id: Int64) -> Bool {
        log.contains { if case .marker(id, _, _) = $0.entry { true } else { false } }
    }

    /// Where the producer's transaction begins, of what is stored or under way.
    private func transactionStart(of id: Int64) -> Int64? {
        var start: Int64?
        for (offset, entry) in log {
            switch entry {
            case .batch(id, let batch) where batch.isTransactional: start = start ?? offset
            case .marker(id, _, _): start = nil
            default: break
            }
        }
        let waiting = model[id]?.batches.filter { $0.fate == .underWay && $0.isTransactional }.map(\.floor)
            .min()
        return start ?? waiting
    }

    private func check() -> String? {
        let starts = (1...3).compactMap { transactionStart(of: $0) }
        guard underWay.isEmpty else {
            // While something is under way the table may be careful.
            guard let unstable = table.firstUnstable else {
                return starts.isEmpty ? nil : "a transaction was forgotten"
            }
            return starts.contains { $0 < unstable.rawValue }
                ? "a transaction begins before what is stable" : nil
        }
        guard table.firstUnstable?.rawValue == starts.min() else {
            return
                "stable up to \(String(describing: table.firstUnstable)), not \(String(describing: starts.min()))"
        }
        for (index, (offset, entry)) in log.enumerated() {
            guard case .batch(let producer, let batch) = entry, batch.isTransactional else { continue }
            let isAborted =
                log[index...].lazy.compactMap { later -> Bool? in
                    if case .marker(producer, _, let isCommit) = later.entry { !isCommit } else { nil }
                }.first ?? false
            let entries = table.aborted.overlapping(Offset(offset)..<Offset(offset + 2))
            let found = entries.contains {
                $0.producerID == producer && $0.first.rawValue <= offset && offset < $0.last.rawValue
            }
            guard found == isAborted else { return "the batch at \(offset) is aborted: \(isAborted)" }
        }
        return nil
    }
}
