// SPDX-License-Identifier: Apache-2.0

// One transactional id and what may become of its transaction: a value that says for every request whether it may be, and what holds afterwards.
// No time of its own, no log, no partition. After KIP-98, with the recovery of producers of KIP-360: a producer that goes on after an error names
// the identity that it believes to have, and gets the next epoch only if nobody else has taken over. And with KIP-890: a producer that asks for it
// goes on with the next epoch after each of its transactions, so that nothing of one can be mistaken for a part of the next.
//
//     empty ──▶ ongoing ──▶ prepareCommit ──▶ completeCommit
//                  │                                │
//                  └──────▶ prepareAbort ───▶ completeAbort      and from a complete one back to ongoing, or to empty in the next life

import ApusModel

/// A transactional id with its transaction.
struct Transaction: Hashable, Sendable {
    /// The last epoch is left for fencing: a producer that has it gets another id.
    static let epochMax = Int16.max - 1

    var state = TransactionState.empty
    var producer: ProducerIdentity
    /// Who asked when the present identity was given, if it said so: its repeat gets the same answer.
    var previous: ProducerIdentity?
    /// Who the producer is once every partition knows of the decision, where its epochs were used up; nil when it stays who it is.
    var next: ProducerIdentity?
    var timeout: Duration
    var places: Set<OffsetPlace> = []
    var groups: Set<String> = []
    /// When the transaction was begun, while it is not complete.
    var started: Timestamp?
    /// When anything last happened.
    var updated: Timestamp

    /// A transactional id that was not known, with the first life of its producer.
    init(producer id: Int64, timeout: Duration, at time: Timestamp) {
        producer = ProducerIdentity(id: id, epoch: 0)
        self.timeout = timeout
        updated = time
    }

    var isPrepared: Bool { state == .prepareCommit || state == .prepareAbort }
    var isCommit: Bool { state == .prepareCommit || state == .completeCommit }

    // MARK: Identity

    /// What became of a request for an identity.
    enum Initialisation: Hashable {
        /// The producer may go on.
        case ready
        /// A transaction was under way, and is being aborted.
        case aborting
    }

    /// Begins the next life of the producer.
    ///
    /// - Parameters:
    ///   - expected: who the producer believes to be; nil for one that has just started.
    ///   - allocate: gives another producer id, should the epochs of this one be used up.
    mutating func initialise(
        expected: ProducerIdentity?, timeout: Duration, at time: Timestamp,
        allocate: () throws(CoordinatorError) -> Int64
    ) throws(CoordinatorError) -> Initialisation {
        if let expected, expected != producer, expected != previous { throw .producerFenced }
        switch state {
        case .prepareCommit, .prepareAbort, .dead: throw .concurrentTransactions
        case .ongoing:
            // With what it was before, it asks for what it has long been given.
            guard expected == nil || expected == producer else { throw .producerFenced }
            fence(at: time)
            return .aborting
        case .empty, .completeCommit, .completeAbort: break
        }
        if let expected, expected == previous, expected != producer { return .ready }
        if producer.epoch >= Transaction.epochMax {
            producer = ProducerIdentity(id: try allocate(), epoch: 0)
        } else {
            producer.epoch += 1
        }
        previous = expected
        self.timeout = timeout
        state = .empty
        clear(at: time)
        return .ready
    }

    /// Aborts what is under way, of which nobody is left who could decide it: the next epoch keeps the producer from going on with it.
    mutating func fence(at time: Timestamp) {
        guard state == .ongoing else { return }
        if producer.epoch < .max { producer.epoch += 1 }
        previous = nil
        state = .prepareAbort
        updated = time
    }

    // MARK: The transaction

    /// Who the producer is to go on as.
    var successor: ProducerIdentity { next ?? producer }

    private func check(_ asking: ProducerIdentity) throws(CoordinatorError) {
        // It was told already who it is going to be.
        if let next, asking == next { throw .concurrentTransactions }
        guard asking.id == producer.id, state != .dead else { throw .unknownProducer }
        guard asking.epoch == producer.epoch else { throw .producerFenced }
    }

    /// Adds what takes part, which begins the transaction if none is under way.
    ///
    /// - Returns: whether anything is new.
    mutating func add(
        _ places: some Sequence<OffsetPlace>, groups: some Sequence<String>, of asking: ProducerIdentity,
        limit: Int, at time: Timestamp
    ) throws(CoordinatorError) -> Bool {
        try check(asking)
        guard !isPrepared else { throw .concurrentTransactions }
        var next = self
        if state != .ongoing {
            next.clear(at: time)
            next.state = .ongoing
            next.started = time
        }
        next.places.formUnion(places)
        next.groups.formUnion(groups)
        guard next.places.count + next.groups.count <= limit else {
            throw .limitReached("a transaction can have \(limit) partitions and groups")
        }
        guard next != self else { return false }
        next.updated = time
        self = next
        return true
    }

    /// Checks that positions of a group can be committed in this transaction.
    func checkOffsets(of group: String, by asking: ProducerIdentity) throws(CoordinatorError) {
        try check(asking)
        guard !isPrepared else { throw .concurrentTransactions }
        guard state == .ongoing, groups.contains(group) else { throw .invalidTransactionState }
    }

    /// Decides the transaction.
    ///
    /// - Returns: whether that is new; false when it is decided so and complete already.
    mutating func end(
        isCommit: Bool, of asking: ProducerIdentity, at time: Timestamp
    ) throws(CoordinatorError) -> Bool {
        try check(asking)
        switch state {
        case .ongoing:
            state = isCommit ? .prepareCommit : .prepareAbort
            updated = time
            return true
        case .prepareCommit, .prepareAbort:
            throw self.isCommit == isCommit ? .concurrentTransactions : .invalidTransactionState
        case .completeCommit, .completeAbort:
            guard self.isCommit == isCommit else { throw .invalidTransactionState }
            return false
        case .empty, .dead: throw .invalidTransactionState
        }
    }

    /// What became of a decision after which the producer goes on with another epoch.
    enum Ending: Hashable {
        /// Partitions have to be told.
        case decided
        /// There is nobody to tell.
        case blank
        /// It was decided so before, and this is asked again.
        case repeated
    }

    /// Decides the transaction, and gives its producer the next epoch at once, with which its markers are written too. A producer whose adding failed
    /// may not know whether it has a transaction: it can always abort.
    ///
    /// - Parameter allocate: gives another producer id, should the epochs of this one be used up.
    mutating func end(
        isCommit: Bool, bumping asking: ProducerIdentity, at time: Timestamp,
        allocate: () throws(CoordinatorError) -> Int64
    ) throws(CoordinatorError) -> Ending {
        let isRepeated = asking == previous && asking != producer
        switch state {
        case .ongoing:
            try check(asking)
            try bump(allocate)
            state = isCommit ? .prepareCommit : .prepareAbort
            updated = time
            return .decided
        case .prepareCommit, .prepareAbort:
            // Without a repeat it is the next transaction's end.
            if !isRepeated { try check(asking) }
            guard isRepeated, self.isCommit != isCommit else { throw .concurrentTransactions }
            throw .invalidTransactionState
        case .completeCommit, .completeAbort:
            if isRepeated {
                guard self.isCommit == isCommit else { throw .invalidTransactionState }
                return .repeated
            }
        case .empty, .dead: break
        }
        try check(asking)
        guard !isCommit else { throw .invalidTransactionState }
        try bump(allocate)
        producer = next ?? producer
        next = nil
        state = .completeAbort
        clear(at: time)
        return .blank
    }

    private mutating func bump(_ allocate: () throws(CoordinatorError) -> Int64) throws(CoordinatorError) {
        let isUsedUp = producer.epoch >= Transaction.epochMax
        next = isUsedUp ? ProducerIdentity(id: try allocate(), epoch: 0) : nil
        previous = producer
        producer.epoch = isUsedUp ? .max : producer.epoch + 1
    }

    /// Every partition knows of the decision.
    mutating func complete(at time: Timestamp) {
        guard isPrepared else { return }
        state = state == .prepareCommit ? .completeCommit : .completeAbort
        producer = next ?? producer
        next = nil
        clear(at: time)
    }

    private mutating func clear(at time: Timestamp) {
        (places, groups, started, updated) = ([], [], nil, time)
    }
}
