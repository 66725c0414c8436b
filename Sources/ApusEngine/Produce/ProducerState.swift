// SPDX-License-Identifier: Apache-2.0

// What a partition knows of one producer: its epoch, its last batches by their sequence numbers, and the transaction that it has open. Batches count
// from when they are accepted, before they are stored: a producer sends the next ones without waiting.

import ApusModel

/// What of a batch decides whether it is taken.
struct ProducedBatch: Sendable, Hashable {
    var producerID: Int64
    var epoch: Int16
    /// The numbers of its first and last record, which count from 0 to `Int32.max` and then from 0 again.
    var first: Int32
    var last: Int32
    var isTransactional = false

    init(producerID: Int64, epoch: Int16, first: Int32, last: Int32, isTransactional: Bool = false) {
        self.producerID = producerID
        self.epoch = epoch
        self.first = first
        self.last = last
        self.isTransactional = isTransactional
    }

    init(_ batch: RecordBatch) {
        self.init(
            producerID: batch.producerID, epoch: batch.producerEpoch, first: batch.baseSequence,
            last: Sequences.advance(batch.baseSequence, by: batch.lastOffsetDelta),
            isTransactional: batch.isTransactional)
    }
}

/// Arithmetic of sequence numbers.
enum Sequences {
    /// The number `distance` later.
    static func advance(_ sequence: Int32, by distance: Int32) -> Int32 {
        Int32(truncatingIfNeeded: (Int64(sequence) + Int64(distance)) & Int64(Int32.max))
    }

    static func next(_ sequence: Int32) -> Int32 { advance(sequence, by: 1) }

    /// How far `earlier` is before `later`.
    static func distance(from earlier: Int32, to later: Int32) -> Int32 { (later &- earlier) & Int32.max }
}

/// What a partition knows of one producer.
struct ProducerState: Sendable, Hashable {
    /// How many stored batches are remembered: a producer has no more under way than these.
    static let batchesMax = 5

    /// A batch that was accepted.
    struct Batch: Sendable, Hashable {
        var epoch: Int16
        var first: Int32
        var last: Int32
        var time: Timestamp
        var isTransactional = false
        /// Where it is; nil while it is under way.
        var offset: Offset?
        /// Tells those under way apart.
        var ticket: UInt64 = 0
        /// An offset that its own is not before.
        var floor = Offset.zero
    }

    /// Numbers of a batch that could not be stored, while later ones were.
    struct Gap: Sendable, Hashable {
        var first: Int32
        var last: Int32
    }

    /// A transaction that has not ended.
    struct Transaction: Sendable, Hashable {
        /// Where it begins, or an offset that is not after that.
        var first: Offset
        /// Whether a batch of it is stored, so that `first` is where it begins.
        var isExact: Bool
        /// How many batches of it are stored or under way.
        var batches: Int
    }

    enum Standing: Sendable, Hashable {
        case new
        case stored(at: Offset, time: Timestamp)
        case underWay(ticket: UInt64)
        case refused(BatchError)
    }

    var epoch: Int16
    /// The number that the next batch begins with; nil for any.
    var expected: Int32?
    /// Oldest first: stored ones, and all that are under way.
    var batches: [Batch] = []
    /// In the order of their numbers. While there are any, only the first is taken, so that order is kept as far as can be.
    var gaps: [Gap] = []
    /// The offset of the last batch or marker that is known to be stored; -1 for none.
    var newest = Offset(-1)
    /// When it was last heard of.
    var seen: Timestamp
    var transaction: Transaction?
    /// How many ends of its transaction are being written.
    var markersUnderWay = 0

    init(epoch: Int16, seen: Timestamp) {
        self.epoch = epoch
        self.seen = seen
    }

    /// Whether nothing depends on its being remembered but the recognition of repeats.
    var isIdle: Bool {
        transaction == nil && markersUnderWay == 0 && !batches.contains { $0.offset == nil }
    }

    // MARK: Accepting

    func standing(of batch: ProducedBatch) -> Standing {
        guard batch.epoch >= epoch else {
            return .refused(.invalidProducerEpoch(current: epoch, got: batch.epoch))
        }
        if batch.epoch == epoch {
            let known = batches.last {
                $0.epoch == epoch && $0.first == batch.first && $0.last == batch.last
            }
            if let known {
                return known.offset.map { .stored(at: $0, time: known.time) }
                    ?? .underWay(ticket: known.ticket)
            }
            if let gap = gaps.first {
                guard gap == Gap(first: batch.first, last: batch.last) else {
                    return .refused(.outOfOrderSequence(expected: gap.first, got: batch.first))
                }
            } else if let expected, expected != batch.first {
                return .refused(.outOfOrderSequence(expected: expected, got: batch.first))
            }
        } else if batch.first != 0 {
            return .refused(.outOfOrderSequence(expected: 0, got: batch.first))
        }
        if markersUnderWay > 0 { return .refused(.concurrentTransactions) }
        if transaction != nil, !batch.isTransactional { return .refused(.invalidTransactionState) }
        return .new
    }

    /// Takes a batch that is new.
    mutating func accept(
        _ batch: ProducedBatch, ticket: UInt64, floor: Offset, time: Timestamp, now: Timestamp
    ) {
        begin(epoch: batch.epoch)
        if gaps.isEmpty { expected = Sequences.next(batch.last) } else { gaps.removeFirst() }
        batches.append(
            Batch(
                epoch: batch.epoch, first: batch.first, last: batch.last, time: time,
                isTransactional: batch.isTransactional, ticket: ticket, floor: floor))
        seen = now
        guard batch.isTransactional else { return }
        transaction =
            transaction.map {
                Transaction(first: $0.first, isExact: $0.isExact, batches: $0.batches + 1)
            } ?? Transaction(first: floor, isExact: false, batches: 1)
    }

    /// Takes note of an epoch; those before it have ended, even if what brought it is not stored in the end.
    mutating func begin(epoch: Int16) {
        guard epoch > self.epoch else { return }
        self.epoch = epoch
        batches.removeAll { $0.offset != nil }
        (gaps, expected) = ([], 0)
    }

    // MARK: Outcomes

    /// The batch under way with this ticket is stored.
    mutating func stored(_ ticket: UInt64, at offset: Offset) {
        guard let index = batches.firstIndex(where: { $0.offset == nil && $0.ticket == ticket }) else {
            return
        }
        newest = max(newest, offset)
        if batches[index].isTransactional, let open = transaction, !open.isExact {
            transaction = Transaction(first: offset, isExact: true, batches: open.batches)
        }
        guard batches[index].epoch == epoch else {
            batches.remove(at: index)
            return
        }
        batches[index].offset = offset
        trim()
    }

    /// The batch under way with this ticket is not stored.
    mutating func failed(_ ticket: UInt64) {
        guard let index = batches.firstIndex(where: { $0.offset == nil && $0.ticket == ticket }) else {
            return
        }
        let batch = batches.remove(at: index)
        if batch.isTransactional, var open = transaction {
            open.batches -= 1
            transaction = open.batches > 0 ? open : nil
        }
        guard batch.epoch == epoch, let expected else { return }
        gaps.append(Gap(first: batch.first, last: batch.last))
        gaps.sort {
            Sequences.distance(from: $0.first, to: expected)
                > Sequences.distance(from: $1.first, to: expected)
        }
        // What nothing came after is as if it had never been.
        while let gap = gaps.last, Sequences.next(gap.last) == self.expected {
            gaps.removeLast()
            self.expected = gap.first
        }
    }

    private mutating func trim() {
        var stored = batches.count { $0.offset != nil }
        while stored > ProducerState.batchesMax, let oldest = batches.firstIndex(where: { $0.offset != nil })
        {
            batches.remove(at: oldest)
            stored -= 1
        }
    }

    // MARK: Start

    /// Takes in a batch that is stored.
    mutating func fold(_ batch: ProducedBatch, at offset: Offset, time: Timestamp) {
        newest = max(newest, offset)
        if batch.isTransactional {
            transaction =
                transaction.map { Transaction(first: $0.first, isExact: true, batches: $0.batches + 1) }
                ?? Transaction(first: offset, isExact: true, batches: 1)
        }
        guard batch.epoch >= epoch else { return }
        begin(epoch: batch.epoch)
        let next = Sequences.next(batch.last)
        // One that could not be stored at first comes after later ones.
        if expected.map({ Sequences.distance(from: $0, to: next) < 1 << 30 }) ?? true { expected = next }
        batches.append(
            Batch(
                epoch: batch.epoch, first: batch.first, last: batch.last, time: time,
                isTransactional: batch.isTransactional, offset: offset))
        trim()
    }
}
