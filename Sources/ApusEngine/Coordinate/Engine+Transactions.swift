// SPDX-License-Identifier: Apache-2.0

// Producers and transactions, by the names of topics: what is asked is resolved to identities here and handed to the worker, which decides.

import ApusModel
import ApusStorage
import Synchronization

extension Engine {
    /// Opens the coordinator of transactions, unless it is open.
    func openTransactions() throws(LogError) {
        guard coordinators.withLock({ $0.transactions == nil }) else { return }
        let neighbours = TransactionNeighbours(
            markers: context.options.markerWriter ?? { [weak self] in
                self?.writeMarker($0, $1, $2, $3, $4)
                    ?? $4(.failure(MarkerFailure("the engine has ended", isFinal: false)))
            },
            topic: { [weak self] in self?.topicName($0) },
            offsets: { [weak self] in self?.coordinators.withLock { $0.offsets } })
        let transactions = try Transactions(context: context, neighbours)
        coordinators.withLock { $0.transactions = transactions }
        transactions.start()
    }

    private func writeMarker(
        _ topic: ResourceName, _ partition: Int, _ producer: ProducerIdentity, _ isCommit: Bool,
        _ completion: @escaping @Sendable (Result<Offset, MarkerFailure>) -> Void
    ) {
        appendMarker(
            topic, partition: partition, producerID: producer.id, epoch: producer.epoch, isCommit: isCommit
        ) { result in
            completion(result.mapError { MarkerFailure("\($0)", isFinal: $0.endsMarking) })
        }
    }

    private func requireTransactions() throws(CoordinatorError) -> Transactions {
        guard !isStopped else { throw .broker(.unavailable(.stopping)) }
        guard let transactions = coordinators.withLock({ $0.transactions }) else {
            throw .broker(.unavailable(.notOpen("transactions could not be opened; that is tried again")))
        }
        return transactions
    }

    /// Runs something of the coordinator's in a turn of the worker; `refuse` says why it cannot be.
    private func coordinate(
        _ body: @escaping @Sendable (Transactions) -> Void, refuse: (CoordinatorError) -> Void
    ) {
        do throws(CoordinatorError) {
            let transactions = try requireTransactions()
            context.inbox.post { body(transactions) }
        } catch { refuse(error) }
    }

    /// The name of a topic that transactions name by identity; nil when it was deleted.
    func topicName(_ id: LogID) -> ResourceName? {
        catalog.withLock { $0.definitions.topicName(id) }
    }

    // MARK: Producers

    public func allocateProducer(
        transactionalID: String?, timeout: Duration, expected: ProducerIdentity?,
        completion: @escaping @Sendable (Result<ProducerIdentity, CoordinatorError>) -> Void
    ) {
        coordinate(
            { transactions in
                guard let transactionalID else { return transactions.allocate(completion: completion) }
                transactions.initialise(
                    transactionalID, timeout: timeout, expected: expected, completion: completion)
            }, refuse: { completion(.failure($0)) })
    }

    // MARK: Transactions

    public func addPartitions(
        _ partitions: [TopicPartition], to transactionalID: String, of producer: ProducerIdentity,
        completion: @escaping CoordinatorCompletion
    ) {
        let found = places(partitions)
        let places = found.compactMap(\.self)
        guard places.count == found.count else {
            return completion(found.map { $0 == nil ? .unknownPartition : .notAttempted })
        }
        coordinate(
            { transactions in
                transactions.add(places, groups: [], to: transactionalID, of: producer) { failure in
                    completion(places.map { _ in failure })
                }
            }, refuse: { error in completion(places.map { _ in error }) })
    }

    public func addOffsets(
        group: String, to transactionalID: String, of producer: ProducerIdentity,
        completion: @escaping @Sendable (CoordinatorError?) -> Void
    ) {
        do throws(CoordinatorError) { try check(group: group) } catch { return completion(error) }
        coordinate(
            { transactions in
                transactions.add(
                    [], groups: [group], to: transactionalID, of: producer, completion: completion)
            }, refuse: { completion($0) })
    }

    public func commitOffsets(
        group: String, _ commits: [OffsetCommit], in transactionalID: String, of producer: ProducerIdentity,
        addsGroup: Bool, completion: @escaping CoordinatorCompletion
    ) {
        do throws(CoordinatorError) {
            let (positions, errors) = try resolve(group, commits)
            coordinate(
                { transactions in
                    guard !positions.isEmpty else { return completion(errors) }
                    transactions.commit(
                        positions, of: group, adding: addsGroup, in: transactionalID, by: producer
                    ) { failure in completion(errors.map { $0 ?? failure }) }
                }, refuse: { error in completion(commits.map { _ in error }) })
        } catch {
            completion(commits.map { _ in error })
        }
    }

    public func endTransaction(
        _ transactionalID: String, of producer: ProducerIdentity, isCommit: Bool, bumpsEpoch: Bool,
        completion: @escaping @Sendable (Result<ProducerIdentity, CoordinatorError>) -> Void
    ) {
        coordinate(
            { transactions in
                transactions.end(
                    transactionalID, isCommit: isCommit, of: producer, bumpsEpoch: bumpsEpoch,
                    completion: completion)
            }, refuse: { completion(.failure($0)) })
    }

    // MARK: Questions

    public func transactions() throws(CoordinatorError) -> [TransactionDescription] {
        try requireTransactions().transactions(nil).map { describe($0.name, $0.transaction) }
    }

    public func transaction(_ transactionalID: String) throws(CoordinatorError) -> TransactionDescription {
        guard let found = try requireTransactions().transactions(transactionalID).first else {
            throw .unknownTransaction
        }
        return describe(found.name, found.transaction)
    }

    /// How many transactions are under way; nil while the coordinator is not open.
    public var transactionStanding: TransactionStanding? {
        (try? requireTransactions())?.standing
    }

    private func describe(_ name: String, _ transaction: Transaction) -> TransactionDescription {
        let partitions = transaction.places.sorted().compactMap { place in
            topicName(place.topic).map { TopicPartition($0, Int(place.partition)) }
        }
        return TransactionDescription(
            id: name, state: transaction.state, producer: transaction.producer, timeout: transaction.timeout,
            started: transaction.started, partitions: partitions, groups: transaction.groups.sorted())
    }

    public func isInTransaction(_ place: TopicPartition, _ producer: ProducerIdentity) -> Bool {
        guard let transactions = try? requireTransactions(), let place = places([place])[0] else {
            return false
        }
        return transactions.isInTransaction(place, producer)
    }
}

extension BatchError {
    /// Whether there is nothing left in the partition that a marker could end: it is gone, or a later life of the producer has ended it.
    fileprivate var endsMarking: Bool {
        switch self {
        case .broker(.unknownTopic), .broker(.unknownPartition), .invalidProducerEpoch: true
        default: false
        }
    }
}
