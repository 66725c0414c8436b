// SPDX-License-Identifier: Apache-2.0

// All producers of one partition: a value, so that it can be tested against a slower one that is right by the look of it. It decides whether a
// batch is new, there already, or out of its order, and knows where the first transaction begins that has not ended. The log is what it is
// folded from: everything in it follows from the headers of the batches that are stored and those that are under way.

import ApusModel

/// All producers of one partition.
struct ProducerTable: Sendable {
    /// What is to become of a batch.
    enum Admission: Sendable, Hashable {
        /// It is new, and counts from now on as under way: `stored` or `failed` has to follow.
        case append(ticket: UInt64)
        /// It is there.
        case stored(at: Offset, time: Timestamp)
        /// It is under way.
        case underWay(ticket: UInt64)
        case refused(BatchError)
    }

    private struct Marker: Sendable {
        var producerID: Int64
        var floor: Offset
    }

    private(set) var producers: [Int64: ProducerState] = [:]
    private(set) var aborted = AbortedTransactions()
    /// Where the first transaction begins that has not ended, or an offset that is not after that; nil when there is none.
    private(set) var firstUnstable: Offset?
    private var open: Set<Int64> = []
    private var markers: [UInt64: Marker] = [:]
    private var lastTicket: UInt64 = 0

    init() {}

    init(producers: [Int64: ProducerState], aborted: AbortedTransactions) {
        self.producers = producers
        self.aborted = aborted
        open = Set(producers.filter { $0.value.transaction != nil }.keys)
        findUnstable()
    }

    /// Whether anything of it concerns those who read.
    var hasTransactions: Bool { !open.isEmpty || !aborted.isEmpty }

    /// An offset that nothing under way is before; nil when nothing is.
    var floor: Offset? {
        let batches = producers.values.lazy.flatMap(\.batches).filter { $0.offset == nil }.map(\.floor)
        return [batches.min(), markers.values.lazy.map(\.floor).min()].compactMap { $0 }.min()
    }

    // MARK: Batches

    /// Takes a batch, unless there is a reason not to.
    ///
    /// - Parameter floor: an offset that the batch's own will not be before.
    mutating func admit(
        _ batch: ProducedBatch, floor: Offset, time: Timestamp, now: Timestamp
    ) -> Admission {
        var producer = producers[batch.producerID] ?? ProducerState(epoch: batch.epoch, seen: now)
        switch producer.standing(of: batch) {
        case .stored(let offset, let time): return .stored(at: offset, time: time)
        case .underWay(let ticket): return .underWay(ticket: ticket)
        case .refused(let error): return .refused(error)
        case .new: break
        }
        lastTicket += 1
        producers[batch.producerID] = nil
        producer.accept(batch, ticket: lastTicket, floor: floor, time: time, now: now)
        producers[batch.producerID] = producer
        if batch.isTransactional { transactionChanged(batch.producerID) }
        return .append(ticket: lastTicket)
    }

    /// A batch that was taken is stored.
    mutating func stored(_ ticket: UInt64, of producerID: Int64, at offset: Offset) {
        producers[producerID]?.stored(ticket, at: offset)
        transactionChanged(producerID)
    }

    /// A batch that was taken is not stored. Its producer stays known even if that was the first of it: the next one may be on its way already, and
    /// would be taken for the beginning otherwise.
    mutating func failed(_ ticket: UInt64, of producerID: Int64) {
        producers[producerID]?.failed(ticket)
        transactionChanged(producerID)
    }

    // MARK: Ends of transactions

    /// Takes the end of a transaction; its epoch is the producer's from now on.
    ///
    /// - Returns: the ticket that `markerStored` or `markerFailed` has to follow with.
    mutating func admitMarker(
        of producerID: Int64, epoch: Int16, floor: Offset, now: Timestamp
    ) -> Result<UInt64, BatchError> {
        if let current = producers[producerID]?.epoch, epoch < current {
            return .failure(.invalidProducerEpoch(current: current, got: epoch))
        }
        lastTicket += 1
        markers[lastTicket] = Marker(producerID: producerID, floor: floor)
        change(producerID, epoch, now) { producer in
            producer.seen = now
            producer.markersUnderWay += 1
        }
        return .success(lastTicket)
    }

    /// The end of a transaction is stored.
    mutating func markerStored(_ ticket: UInt64, isCommit: Bool, at offset: Offset) {
        guard let marker = markers.removeValue(forKey: ticket) else { return }
        producers[marker.producerID]?.markersUnderWay -= 1
        end(marker.producerID, isCommit: isCommit, at: offset)
    }

    /// The end of a transaction is not stored: it goes on.
    mutating func markerFailed(_ ticket: UInt64) {
        guard let marker = markers.removeValue(forKey: ticket) else { return }
        producers[marker.producerID]?.markersUnderWay -= 1
    }

    private mutating func end(_ producerID: Int64, isCommit: Bool, at offset: Offset) {
        guard let transaction = producers[producerID]?.transaction else {
            producers[producerID]?.newest = offset
            return
        }
        producers[producerID]?.newest = offset
        producers[producerID]?.transaction = nil
        transactionChanged(producerID)
        guard !isCommit else { return }
        aborted.append(
            AbortedTransactions.Entry(
                producerID: producerID, first: transaction.first, last: offset,
                stable: min(firstUnstable ?? offset.advanced(by: 1), offset.advanced(by: 1))))
    }

    // MARK: Start

    /// Takes in a batch that is stored, in the order of the log; what the table knows already changes nothing.
    mutating func fold(_ batch: RecordBatch, now: Timestamp) {
        let id = batch.producerID
        guard id >= 0, batch.baseOffset > producers[id]?.newest ?? Offset(-1) else { return }
        if let marker = batch.marker {
            change(id, batch.producerEpoch, now) { $0.seen = now }
            end(id, isCommit: marker.isCommit, at: batch.baseOffset)
        } else if !batch.isControl, batch.baseSequence >= 0 {
            let produced = ProducedBatch(batch)
            var producer =
                producers.removeValue(forKey: id) ?? ProducerState(epoch: produced.epoch, seen: now)
            producer.fold(produced, at: batch.baseOffset, time: batch.maxTimestamp)
            producer.seen = now
            producers[id] = producer
            transactionChanged(id)
        }
    }

    // MARK: Forgetting

    /// Forgets producers that nobody has heard of since `time`, and aborted transactions before `start`.
    mutating func forget(notSeenSince time: Timestamp, before start: Offset) {
        aborted.forget(before: start)
        guard producers.contains(where: { $0.value.seen < time && $0.value.isIdle }) else { return }
        producers = producers.filter { !($0.value.seen < time && $0.value.isIdle) }
    }

    /// Forgets the eighth of the producers that nobody has heard of for the longest time.
    ///
    /// - Returns: whether there is room now.
    mutating func makeRoom() -> Bool {
        let idle = producers.filter(\.value.isIdle).sorted {
            ($0.value.seen, $0.key) < ($1.value.seen, $1.key)
        }
        guard !idle.isEmpty else { return false }
        for (id, _) in idle.prefix(max(1, producers.count / 8)) { producers[id] = nil }
        return true
    }

    // MARK: Parts

    private mutating func change(
        _ producerID: Int64, _ epoch: Int16, _ now: Timestamp, _ body: (inout ProducerState) -> Void
    ) {
        var producer: ProducerState
        if let known = producers.removeValue(forKey: producerID) {
            producer = known
            producer.begin(epoch: epoch)
        } else {
            // The epoch began with the end of a transaction; its batches begin with the number zero.
            producer = ProducerState(epoch: epoch, seen: now)
            producer.expected = 0
        }
        body(&producer)
        producers[producerID] = producer
    }

    private mutating func transactionChanged(_ producerID: Int64) {
        if producers[producerID]?.transaction != nil {
            open.insert(producerID)
        } else if open.remove(producerID) == nil {
            return
        }
        findUnstable()
    }

    private mutating func findUnstable() {
        firstUnstable = nil
        for id in open {
            guard let first = producers[id]?.transaction?.first else { continue }
            firstUnstable = min(firstUnstable ?? first, first)
        }
    }
}
