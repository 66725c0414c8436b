// SPDX-License-Identifier: Apache-2.0

// Decides over all transactional ids: a value, without log or partitions. What is decided holds for whoever asks next, although it is not
// written down yet; it is answered when it is. Should it not get written down, everything that is not durable is taken back at once, because
// what came later was decided on the strength of what came before.

import ApusModel

/// What is decided, and what has to be durable before anybody is told.
struct TransactionStep<Value: Sendable>: Sendable {
    var changes: [TransactionChange]
    var value: Value

    /// The same step with something else to tell.
    func telling<Other>(_ value: Other) -> TransactionStep<Other> {
        TransactionStep<Other>(changes: changes, value: value)
    }
}

/// What came of a request to end a transaction.
struct TransactionEnd: Sendable, Hashable {
    /// Whether partitions have to be told.
    var hasMarkers: Bool
    /// Who the producer is to go on as.
    var producer: ProducerIdentity
}

/// Decides over transactions.
struct TransactionCoordinator: Sendable {
    /// What is decided and not durable, with how many writes of it are under way.
    private var decided: [String: (transaction: Transaction, writes: Int)] = [:]
    private var numbers: ProducerNumbers
    private let idsMax: Int
    private let partitionsMax: Int

    init(_ table: TransactionTable, idsMax: Int, partitionsMax: Int) {
        numbers = ProducerNumbers(reserved: table.reserved)
        self.idsMax = idsMax
        self.partitionsMax = partitionsMax
    }

    /// A transactional id as it is decided to stand.
    func current(_ name: String, _ table: TransactionTable) -> Transaction? {
        decided[name]?.transaction ?? table.transactions[name]
    }

    // MARK: Producers

    /// An identity for a producer without transactions.
    mutating func allocate(
        _ table: TransactionTable
    ) throws(CoordinatorError) -> TransactionStep<ProducerIdentity> {
        let (id, change) = try numbers.allocate(durable: table.reserved)
        return TransactionStep(
            changes: [change].compactMap(\.self), value: ProducerIdentity(id: id, epoch: 0))
    }

    /// The next life of the producer with this transactional id. Its identity is nil when a transaction has to be aborted before.
    mutating func initialise(
        _ name: String, timeout: Duration, expected: ProducerIdentity?, _ table: TransactionTable,
        at time: Timestamp
    ) throws(CoordinatorError) -> TransactionStep<ProducerIdentity?> {
        guard !name.isEmpty, name.utf8.count <= Defaults.groupNameBytesMax else {
            throw .invalidRequest("a transactional id has 1 to \(Defaults.groupNameBytesMax) bytes")
        }
        guard timeout >= .milliseconds(1), timeout <= Defaults.transactionTimeoutMax else {
            throw .invalidTimeout
        }
        guard var transaction = current(name, table) else {
            guard table.transactions.count + decided.count < idsMax else {
                throw .limitReached("no more than \(idsMax) transactional ids can be known")
            }
            let (id, change) = try numbers.allocate(durable: table.reserved)
            var new = Transaction(producer: id, timeout: timeout, at: time)
            new.previous = expected
            return decide(name, new, after: [change].compactMap(\.self)).telling(new.producer)
        }
        var numbers = numbers
        var reservation: TransactionChange?
        let outcome = try transaction.initialise(expected: expected, timeout: timeout, at: time) {
            () throws(CoordinatorError) in
            let (id, change) = try numbers.allocate(durable: table.reserved)
            reservation = change
            return id
        }
        self.numbers = numbers
        guard current(name, table) != transaction else { return restate(name).telling(transaction.producer) }
        let step = decide(name, transaction, after: [reservation].compactMap(\.self))
        return step.telling(outcome == .ready ? transaction.producer : nil)
    }

    // MARK: Transactions

    /// Adds what takes part in a transaction.
    mutating func add(
        _ places: [OffsetPlace], groups: [String], to name: String, of producer: ProducerIdentity,
        _ table: TransactionTable, at time: Timestamp
    ) throws(CoordinatorError) -> TransactionStep<Void> {
        var transaction = try require(name, table)
        let isNew = try transaction.add(
            places, groups: groups, of: producer, limit: partitionsMax, at: time)
        return isNew ? decide(name, transaction) : restate(name)
    }

    /// Decides a transaction, whose producer stays who it is.
    mutating func end(
        _ name: String, isCommit: Bool, of producer: ProducerIdentity, _ table: TransactionTable,
        at time: Timestamp
    ) throws(CoordinatorError) -> TransactionStep<TransactionEnd> {
        var transaction = try require(name, table)
        let isNew = try transaction.end(isCommit: isCommit, of: producer, at: time)
        return (isNew ? decide(name, transaction) : restate(name)).telling(
            TransactionEnd(hasMarkers: isNew, producer: producer))
    }

    /// Decides a transaction and gives its producer the next epoch.
    mutating func end(
        _ name: String, isCommit: Bool, bumping producer: ProducerIdentity, _ table: TransactionTable,
        at time: Timestamp
    ) throws(CoordinatorError) -> TransactionStep<TransactionEnd> {
        var transaction = try require(name, table)
        var numbers = numbers
        var reservation: TransactionChange?
        let ending = try transaction.end(isCommit: isCommit, bumping: producer, at: time) {
            () throws(CoordinatorError) in
            let (id, change) = try numbers.allocate(durable: table.reserved)
            reservation = change
            return id
        }
        self.numbers = numbers
        let end = TransactionEnd(hasMarkers: ending == .decided, producer: transaction.successor)
        guard ending != .repeated else { return restate(name).telling(end) }
        return decide(name, transaction, after: [reservation].compactMap(\.self)).telling(end)
    }

    /// Checks that positions of a group can be committed in a transaction.
    func checkOffsets(
        of group: String, in name: String, by producer: ProducerIdentity, _ table: TransactionTable
    ) throws(CoordinatorError) {
        try require(name, table).checkOffsets(of: group, by: producer)
    }

    /// The time of the transaction that was begun at `started` is over; nil when it is not under way any more.
    mutating func timeOut(
        _ name: String, started: Timestamp, _ table: TransactionTable, at time: Timestamp
    ) -> TransactionStep<Void>? {
        guard var transaction = current(name, table), transaction.state == .ongoing,
            transaction.started == started
        else { return nil }
        transaction.fence(at: time)
        return decide(name, transaction)
    }

    /// All partitions know how the transaction was decided; nil when it is not prepared any more.
    mutating func complete(
        _ name: String, _ table: TransactionTable, at time: Timestamp
    ) -> TransactionStep<Void>? {
        guard var transaction = current(name, table), transaction.isPrepared else { return nil }
        transaction.complete(at: time)
        return decide(name, transaction)
    }

    /// Forgets transactional ids that were last used before `limit` and have nothing under way, at most so many.
    mutating func forget(
        unusedSince limit: Timestamp, atMost count: Int, _ table: TransactionTable
    ) -> TransactionStep<Void>? {
        let old = table.transactions.lazy.filter { [decided] name, transaction in
            guard transaction.updated < limit, decided[name] == nil else { return false }
            return transaction.state != .ongoing && !transaction.isPrepared
        }
        var changes: [TransactionChange] = []
        for (name, transaction) in old.prefix(count).sorted(by: { $0.key < $1.key }) {
            var dead = transaction
            dead.state = .dead
            note(name, dead)
            changes.append(.forgotten(name))
        }
        return changes.isEmpty ? nil : TransactionStep(changes: changes, value: ())
    }

    // MARK: Outcome

    /// Changes are durable and in the table.
    mutating func confirmed(_ changes: [TransactionChange]) {
        for change in changes {
            switch change {
            case .transaction(let name, _), .forgotten(let name):
                guard let writes = decided[name]?.writes else { continue }
                if writes > 1 { decided[name]?.writes = writes - 1 } else { decided[name] = nil }
            case .reset, .reserved: break
            }
        }
    }

    /// A write failed, and everything that waited behind it.
    mutating func failed(_ table: TransactionTable) {
        decided = [:]
        numbers.failed(durable: table.reserved)
    }

    private func require(_ name: String, _ table: TransactionTable) throws(CoordinatorError) -> Transaction {
        guard !name.isEmpty else { throw .invalidRequest("no transactional id") }
        guard let transaction = current(name, table) else { throw .unknownProducer }
        return transaction
    }

    private mutating func note(_ name: String, _ transaction: Transaction) {
        decided[name] = (transaction, (decided[name]?.writes ?? 0) + 1)
    }

    private mutating func decide(
        _ name: String, _ transaction: Transaction, after changes: [TransactionChange] = []
    ) -> TransactionStep<Void> {
        note(name, transaction)
        return TransactionStep(changes: changes + [.transaction(name, transaction)], value: ())
    }

    /// Nothing is new. What that rests on may not be durable: then it is written once more, and the answer waits for it.
    private mutating func restate(_ name: String) -> TransactionStep<Void> {
        guard let transaction = decided[name]?.transaction else {
            return TransactionStep(changes: [], value: ())
        }
        return decide(name, transaction)
    }
}
