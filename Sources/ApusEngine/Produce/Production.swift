// SPDX-License-Identifier: Apache-2.0

// The producers of one partition at work: the lock around their table, and the way of their batches to the store. What was decided in one order is
// appended in that order, and the lock is not held while appending, since a store may complete while an append is being made.

import ApusModel
import ApusStorage
import DequeModule
import Synchronization

/// The producers of one partition at work.
final class Production: Sendable {
    typealias MarkerCompletion = @Sendable (Result<Offset, BatchError>) -> Void

    fileprivate enum Kind: Sendable {
        case batch(producerID: Int64, completion: BatchCompletion)
        case marker(isCommit: Bool, completion: MarkerCompletion)
    }

    fileprivate struct Outgoing: Sendable {
        var ticket: UInt64
        var batch: RecordBatch
        var kind: Kind
    }

    struct State {
        var table = ProducerTable()
        /// How many bytes the partition had when the last snapshot was made of the table, and how many that had itself.
        var bytesAtSnapshot: Int64 = 0
        var snapshotBytes = 0
        /// How far the snapshot reached that the last life left.
        var seen = Offset.zero
        /// From where on a start would look at batches: what is before this is in a snapshot that is durable. Nil without producers.
        var covered: Offset?
        /// Whether somebody waits for a snapshot that covers more.
        var wantsSnapshot = false
        fileprivate var outgoing: Deque<Outgoing> = []
        fileprivate var isAppending = false
        /// Those who sent a batch again that was under way.
        fileprivate var repeats: [UInt64: [BatchCompletion]] = [:]
    }

    let written: AdvanceSignal
    let signal: AdvanceSignal
    private let isTransactional = Atomic(false)
    let state = Mutex(State())

    init(written: AdvanceSignal, signal: AdvanceSignal) {
        self.written = written
        self.signal = signal
    }

    // MARK: What is decided

    /// Whether there are or were transactions that concern readers. Once it is true it stays so.
    var hasTransactions: Bool { isTransactional.load(ordering: .acquiring) }

    /// The log has grown.
    func advanced(to end: Offset) {
        written.advanced(to: end)
        signal.advanced(to: hasTransactions ? state.withLock { $0.table.stableEnd(upTo: end) } : end)
    }

    /// The aborted transactions that any batch in `range` may belong to, which is decided; nil when that is so long ago that it has to be looked for.
    func aborted(in range: Range<Offset>) -> [AbortedTransactions.Entry]? {
        guard hasTransactions else { return [] }
        return state.withLock { state in
            let aborted = state.table.aborted
            return range.lowerBound < aborted.knownFrom ? nil : aborted.overlapping(range)
        }
    }

    /// Takes over what is stored, before anybody reads or appends: the last snapshot, if there is one, and what came after it.
    func restore(
        _ snapshot: ProducerSnapshot?, from log: LogID, _ bounds: LogBounds, in context: EngineContext
    ) throws(LogError) {
        var table = snapshot?.table ?? ProducerTable()
        var offset = max(snapshot?.next ?? .zero, bounds.start)
        while offset < bounds.end {
            let batches: [RecordBatch]
            do { batches = try context.store.read(log, from: offset, byteLimit: 1 << 20) } catch {
                guard let next = LookAhead.wayAround(error), next > offset else { throw error }
                offset = next
                continue
            }
            guard let last = batches.last else { break }
            for batch in batches where batch.hasProducer { table.fold(batch, now: context.clock.wall) }
            offset = last.nextOffset
        }
        isTransactional.store(table.hasTransactions, ordering: .releasing)
        let restored = table
        state.withLock { state in
            state.table = restored
            state.seen = snapshot?.next ?? .zero
            state.covered = snapshot?.next ?? .zero
        }
    }

    /// The offset before which there certainly was something.
    var seen: Offset { state.withLock(\.seen) }

    /// Whether a start can do without what is before `offset`; when it cannot, a snapshot is made as soon as anybody looks.
    func covers(_ offset: Offset) -> Bool {
        state.withLock { state in
            guard let covered = state.covered, covered < offset else { return true }
            state.wantsSnapshot = true
            return false
        }
    }

    /// What is before `offset` is in a durable snapshot.
    func cover(_ offset: Offset) {
        state.withLock { $0.covered = max($0.covered ?? offset, offset) }
    }

    // MARK: Appending

    /// Where batches go, and what is told of them.
    struct Way: Sendable {
        var store: any LogStore
        var partition: Partition
        /// Whether the topic gives records their time.
        var stamps: Bool
        var producersMax: Int
        var topic: Topic

        /// Whoever decides about a transaction forgets it once it has ended everywhere: the power must not take its end, whatever else it may take. True
        /// when that needed a change.
        fileprivate func flushes(_ next: Outgoing) -> Bool {
            guard case .marker = next.kind, topic.definition.settings.durability != .flush else {
                return false
            }
            configure(isFlushed: true)
            return true
        }

        fileprivate func configure(isFlushed: Bool) {
            var configuration = topic.definition.settings.logConfiguration
            if isFlushed { configuration.durability = .flush }
            try? store.configure(partition.claim, configuration)
        }
    }

    /// Appends a batch unless it is there, or out of its order.
    ///
    /// - Parameter isUnderWay: whether the coordinator knows the batch's transaction to be under way here. Asked under the lock under which the
    ///   end of a transaction takes its place too: a batch for which the answer is yes comes before that end, and none comes after it.
    func append(
        _ batch: RecordBatch, by way: Way, now: Timestamp, isUnderWay: (() -> Bool)?,
        completion: @escaping BatchCompletion
    ) {
        let produced = ProducedBatch(batch)
        let answer: Result<BatchReceipt, BatchError>?
        var appends = false
        (answer, appends) = state.withLock { state in
            if let isUnderWay, !isUnderWay() { return (.failure(.invalidTransactionState), false) }
            if state.table.producers.count >= way.producersMax,
                state.table.producers[produced.producerID] == nil, !state.table.makeRoom()
            {
                return (.failure(.broker(.unavailable(.overloaded))), false)
            }
            let admission = state.table.admit(
                produced, floor: written.end, time: batch.maxTimestamp, now: now)
            switch admission {
            case .append(let ticket):
                if batch.isTransactional { isTransactional.store(true, ordering: .releasing) }
                let kind = Kind.batch(producerID: produced.producerID, completion: completion)
                return (nil, state.enqueue(Outgoing(ticket: ticket, batch: batch, kind: kind)))
            case .underWay(let ticket):
                state.repeats[ticket, default: []].append(completion)
                return (nil, false)
            case .stored(let offset, let time):
                let receipt = BatchReceipt(
                    baseOffset: offset, logStart: way.partition.start,
                    appendTime: way.stamps ? time : nil, isDuplicate: true)
                return (.success(receipt), false)
            case .refused(let error): return (.failure(error), false)
            }
        }
        if let answer { completion(answer) }
        if appends { appendAll(by: way) }
    }

    /// Appends the end of a producer's transaction.
    func end(
        of producerID: Int64, epoch: Int16, _ marker: TransactionMarker, by way: Way, now: Timestamp,
        completion: @escaping MarkerCompletion
    ) {
        guard let batch = marker.batch(producerID: producerID, epoch: epoch, timestamp: now) else { return }
        let admission: Result<Bool, BatchError> = state.withLock { state in
            state.table.admitMarker(of: producerID, epoch: epoch, floor: written.end, now: now).map {
                ticket in
                let kind = Kind.marker(isCommit: marker.isCommit, completion: completion)
                return state.enqueue(Outgoing(ticket: ticket, batch: batch, kind: kind))
            }
        }
        switch admission {
        case .success(let appends): if appends { appendAll(by: way) }
        case .failure(let error): completion(.failure(error))
        }
    }

    /// Appends what waits for it, one after the other; whoever comes meanwhile leaves his to this.
    private func appendAll(by way: Way) {
        while let next = state.withLock({ $0.dequeue() }) {
            let isFlushed = way.flushes(next)
            defer { if isFlushed { way.configure(isFlushed: false) } }
            way.store.append(next.batch, holding: way.partition.claim) { [self] result in
                switch next.kind {
                case .batch(let producerID, let completion):
                    ended(next, of: producerID, result, way, completion)
                case .marker(let isCommit, let completion):
                    ended(next.ticket, isCommit: isCommit, result, completion)
                }
            }
        }
    }

    private func ended(
        _ appended: Outgoing, of producerID: Int64, _ result: Result<Offset, LogError>, _ way: Way,
        _ completion: BatchCompletion
    ) {
        let (ticket, batch) = (appended.ticket, appended.batch)
        let repeats = state.withLock { state in
            switch result {
            case .success(let offset): state.table.stored(ticket, of: producerID, at: offset)
            case .failure: state.table.failed(ticket, of: producerID)
            }
            return state.repeats.removeValue(forKey: ticket) ?? []
        }
        decide()
        switch result {
        case .success(let offset):
            way.topic.published.increment(by: Int64(batch.recordCount))
            var receipt = BatchReceipt(
                baseOffset: offset, logStart: way.partition.start,
                appendTime: batch.hasAppendTime ? batch.maxTimestamp : nil)
            completion(.success(receipt))
            receipt.isDuplicate = true
            for completion in repeats { completion(.success(receipt)) }
        case .failure(let error):
            let error = BatchError.broker(BrokerError(error))
            completion(.failure(error))
            for completion in repeats { completion(.failure(error)) }
        }
    }

    private func ended(
        _ ticket: UInt64, isCommit: Bool, _ result: Result<Offset, LogError>, _ completion: MarkerCompletion
    ) {
        state.withLock { state in
            switch result {
            case .success(let offset):
                state.table.markerStored(ticket, isCommit: isCommit, at: offset)
            case .failure: state.table.markerFailed(ticket)
            }
            if state.table.hasTransactions { isTransactional.store(true, ordering: .releasing) }
        }
        decide()
        completion(result.mapError { .broker(BrokerError($0)) })
    }

    /// Lets readers go as far as things are decided now.
    private func decide() {
        guard hasTransactions else { return }
        // The end before the lock: what the table says then holds for everything before that end.
        let end = written.end
        let stable = state.withLock { $0.table.stableEnd(upTo: end) }
        if stable > signal.end { signal.advanced(to: stable) }
    }
}

extension ProducerTable {
    /// How far things are decided, of a log that is readable up to `end`.
    func stableEnd(upTo end: Offset) -> Offset { min(end, firstUnstable ?? end) }
}

extension Production.State {
    /// - Returns: whether the caller is to append what waits; otherwise somebody does already.
    fileprivate mutating func enqueue(_ next: Production.Outgoing) -> Bool {
        outgoing.append(next)
        defer { isAppending = true }
        return !isAppending
    }

    fileprivate mutating func dequeue() -> Production.Outgoing? {
        guard let next = outgoing.popFirst() else {
            isAppending = false
            return nil
        }
        return next
    }
}
