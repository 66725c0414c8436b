// SPDX-License-Identifier: Apache-2.0

// What gateways ask of the broker on behalf of Kafka's consumer groups and producers: positions that groups have committed, identities of
// producers, and transactions. Who is a member of a group is the gateway's; what has to survive is here.

public import ApusModel

/// A partition of a topic, by name.
public struct TopicPartition: Sendable, Hashable {
    /// The topic.
    public var topic: ResourceName
    /// The partition's number.
    public var partition: Int

    /// A partition of a topic.
    public init(_ topic: ResourceName, _ partition: Int) {
        self.topic = topic
        self.partition = partition
    }
}

/// How far a group says that it has come in a partition.
public struct CommittedOffset: Sendable, Hashable {
    /// The first offset that the group has not dealt with.
    public var offset: Offset
    /// The leader epoch that the consumer saw there; nil when it said none.
    public var leaderEpoch: Int32?
    /// Whatever the consumer wants to find again; ``Defaults/offsetMetadataBytesMax`` bytes at most.
    public var metadata: String
    /// When it was committed; filled in by the broker.
    public var time: Timestamp

    /// How far a group says that it has come in a partition.
    public init(
        _ offset: Offset, leaderEpoch: Int32? = nil, metadata: String = "",
        time: Timestamp = Timestamp(milliseconds: 0)
    ) {
        self.offset = offset
        self.leaderEpoch = leaderEpoch
        self.metadata = metadata
        self.time = time
    }
}

/// One position that is to be committed.
public struct OffsetCommit: Sendable, Hashable {
    /// The partition that it is a position in.
    public var place: TopicPartition
    /// The position; its time is ignored.
    public var position: CommittedOffset

    /// One position that is to be committed.
    public init(_ place: TopicPartition, _ position: CommittedOffset) {
        self.place = place
        self.position = position
    }
}

/// What is known of a group in one partition.
public struct GroupOffset: Sendable, Hashable {
    /// The partition.
    public var place: TopicPartition
    /// The committed position; nil while only a transaction that is not decided has one.
    public var position: CommittedOffset?
    /// Whether a transaction that is not decided yet will set it if it commits: who wants what is stable asks again later.
    public var isPending: Bool

    /// What is known of a group in one partition.
    public init(_ place: TopicPartition, _ position: CommittedOffset?, isPending: Bool) {
        self.place = place
        self.position = position
        self.isPending = isPending
    }
}

/// Who a producer is: the id that the broker gave it, and which of its lives it is in.
public struct ProducerIdentity: Sendable, Hashable {
    /// The id; below 2⁴⁸, never given twice.
    public var id: Int64
    /// The life, from 0 on.
    public var epoch: Int16

    /// Who a producer is.
    public init(id: Int64, epoch: Int16) {
        self.id = id
        self.epoch = epoch
    }
}

/// How far a transaction has come.
public enum TransactionState: UInt8, Sendable, Hashable, CaseIterable {
    /// The transactional id is known, and nothing was begun in this life of its producer.
    case empty
    /// Partitions were added, and it is not decided.
    case ongoing
    /// It will commit, whatever happens; markers are being written.
    case prepareCommit
    /// It will abort, whatever happens; markers are being written.
    case prepareAbort
    /// It has committed, and every partition knows.
    case completeCommit
    /// It was aborted, and every partition knows.
    case completeAbort
    /// The transactional id is being forgotten.
    case dead
}

/// A transactional id as it stands.
public struct TransactionDescription: Sendable, Hashable {
    /// The transactional id.
    public var id: String
    /// How far its transaction has come.
    public var state: TransactionState
    /// Its producer.
    public var producer: ProducerIdentity
    /// For how long its transactions may be undecided.
    public var timeout: Duration
    /// When the transaction was begun; nil when none is under way.
    public var started: Timestamp?
    /// The partitions that take part; those of topics that were deleted are left out.
    public var partitions: [TopicPartition]
    /// The groups whose positions it commits.
    public var groups: [String]
}

/// How all transactions stand.
public struct TransactionStanding: Sendable, Hashable {
    /// How many are under way and not decided.
    public var open = 0
    /// How many are decided and not known by all their partitions.
    public var ending = 0
    /// When the oldest of those was begun that are not decided.
    public var oldest: Timestamp?
}

/// Why a coordinator did not do as asked. Each stands for one error of Kafka's protocol.
public enum CoordinatorError: Error, Sendable, Hashable {
    /// The broker cannot, now or at all; says why.
    case broker(BrokerError)
    /// There is no such topic, or the topic has no such partition.
    case unknownPartition
    /// The metadata is longer than ``Defaults/offsetMetadataBytesMax``.
    case metadataTooLarge
    /// A group cannot be called that.
    case invalidGroup
    /// No position of the group is known.
    case unknownGroup
    /// More groups, transactional ids or positions than there may be; says which.
    case limitReached(String)
    /// The request makes no sense; says why.
    case invalidRequest(String)
    /// A transaction's timeout is not between one millisecond and ``Defaults/transactionTimeoutMax``.
    case invalidTimeout
    /// The transaction before is still being completed: ask again soon.
    case concurrentTransactions
    /// What was asked does not fit the state of the transaction.
    case invalidTransactionState
    /// A producer with a later epoch has taken over.
    case producerFenced
    /// The transactional id does not belong to this producer id, or is not known.
    case unknownProducer
    /// No such transactional id is known.
    case unknownTransaction
    /// Another element of the request is wrong, so this one was not tried.
    case notAttempted
}

/// Called once with what became of each element of a request, in its order; nil for one that is durable. Comes in a turn of the engine's
/// worker, or at once when nothing had to be written: hand over and return.
public typealias CoordinatorCompletion = @Sendable ([CoordinatorError?]) -> Void

/// The part of a ``Broker`` that coordinates consumer groups and transactions.
public protocol Coordinating: Sendable {
    // MARK: Offsets of groups

    /// Commits positions of a group. Neither waits nor blocks; commits that come while others are being written share the next flush.
    func commitOffsets(group: String, _ commits: [OffsetCommit], completion: @escaping CoordinatorCompletion)
    /// What is committed by a group, or about to be, by topic and partition. Topics that do not exist any more are left out; nothing for a group
    /// that is not known.
    func committedOffsets(group: String) throws(CoordinatorError) -> [GroupOffset]
    /// What is committed by a group in these partitions, or about to be; those without are left out.
    func committedOffsets(
        group: String, in places: [TopicPartition]
    ) throws(CoordinatorError) -> [GroupOffset]
    /// Forgets the positions of a group in these partitions; ``CoordinatorError/unknownGroup`` for all when it has none anywhere.
    func deleteOffsets(
        group: String, in places: [TopicPartition], completion: @escaping CoordinatorCompletion)
    /// Forgets all positions of groups; ``CoordinatorError/unknownGroup`` for one that has none.
    func deleteGroups(_ groups: [String], completion: @escaping CoordinatorCompletion)
    /// Whether positions of a group are known.
    func hasOffsets(group: String) throws(CoordinatorError) -> Bool
    /// The groups of which positions are known, in order.
    func groupsWithOffsets() throws(CoordinatorError) -> [String]
    /// Says that these groups have members, or had some until now: their positions are kept for ``Defaults/offsetsRetention`` from then on.
    /// To be called when a group becomes empty, and while it is not at least once in ``Defaults/groupTouchInterval``.
    func touchGroups(_ groups: [String])

    // MARK: Producers and transactions

    /// Gives a producer its identity. One with a transactional id gets the same id as before with the next epoch, which fences its earlier
    /// lives; a transaction that one of them left behind is aborted first, and ``CoordinatorError/concurrentTransactions`` says to ask again.
    ///
    /// - Parameters:
    ///   - timeout: for how long its transactions may be undecided, up to ``Defaults/transactionTimeoutMax``. Ignored without a transactional id.
    ///   - expected: who the producer believes to be, when it goes on after an error: refused if somebody else has taken over.
    func allocateProducer(
        transactionalID: String?, timeout: Duration, expected: ProducerIdentity?,
        completion: @escaping @Sendable (Result<ProducerIdentity, CoordinatorError>) -> Void)
    /// Adds partitions to a transaction, all or none; the first ones begin it.
    func addPartitions(
        _ partitions: [TopicPartition], to transactionalID: String, of producer: ProducerIdentity,
        completion: @escaping CoordinatorCompletion)
    /// Adds the positions of a group to a transaction.
    func addOffsets(
        group: String, to transactionalID: String, of producer: ProducerIdentity,
        completion: @escaping @Sendable (CoordinatorError?) -> Void)
    /// Commits positions of a group when the transaction commits, and not if it is aborted.
    ///
    /// - Parameter addsGroup: whether the group is added to the transaction, which is begun if none is under way; otherwise it has to be in it.
    func commitOffsets(
        group: String, _ commits: [OffsetCommit], in transactionalID: String, of producer: ProducerIdentity,
        addsGroup: Bool, completion: @escaping CoordinatorCompletion)
    /// Decides a transaction. Once that is durable it stays decided; the answer comes when all partitions know, or after a second, and says who
    /// the producer is to go on as. The same decision once more is fine, the opposite is ``CoordinatorError/invalidTransactionState``.
    ///
    /// - Parameter bumpsEpoch: whether the producer goes on with the next epoch (KIP-890), or with the first one of another id when there is none. It
    ///   can then abort even if no transaction is under way, and asks again as who it was before.
    func endTransaction(
        _ transactionalID: String, of producer: ProducerIdentity, isCommit: Bool, bumpsEpoch: Bool,
        completion: @escaping @Sendable (Result<ProducerIdentity, CoordinatorError>) -> Void)
    /// All transactional ids that are known, in order.
    func transactions() throws(CoordinatorError) -> [TransactionDescription]
    /// One transactional id; ``CoordinatorError/unknownTransaction`` when it is not known.
    func transaction(_ transactionalID: String) throws(CoordinatorError) -> TransactionDescription
    /// Whether the producer has a transaction under way, in this epoch, that the partition was added to: without that a batch of a
    /// transaction would stay undecided for ever.
    func isInTransaction(_ place: TopicPartition, _ producer: ProducerIdentity) -> Bool
}

// What a broker without coordinators says.
extension Coordinating {
    private var refusal: CoordinatorError {
        .broker(.invalid("this broker coordinates no groups or transactions"))
    }

    public func commitOffsets(
        group: String, _ commits: [OffsetCommit], completion: @escaping CoordinatorCompletion
    ) {
        completion(commits.map { _ in refusal })
    }

    public func committedOffsets(group: String) throws(CoordinatorError) -> [GroupOffset] { throw refusal }

    public func committedOffsets(
        group: String, in places: [TopicPartition]
    ) throws(CoordinatorError) -> [GroupOffset] { throw refusal }

    public func deleteOffsets(
        group: String, in places: [TopicPartition], completion: @escaping CoordinatorCompletion
    ) {
        completion(places.map { _ in refusal })
    }

    public func deleteGroups(_ groups: [String], completion: @escaping CoordinatorCompletion) {
        completion(groups.map { _ in refusal })
    }

    public func hasOffsets(group: String) throws(CoordinatorError) -> Bool { throw refusal }

    public func groupsWithOffsets() throws(CoordinatorError) -> [String] { throw refusal }

    public func touchGroups(_ groups: [String]) {}

    public func allocateProducer(
        transactionalID: String?, timeout: Duration, expected: ProducerIdentity?,
        completion: @escaping @Sendable (Result<ProducerIdentity, CoordinatorError>) -> Void
    ) { completion(.failure(refusal)) }

    public func addPartitions(
        _ partitions: [TopicPartition], to transactionalID: String, of producer: ProducerIdentity,
        completion: @escaping CoordinatorCompletion
    ) { completion(partitions.map { _ in refusal }) }

    public func addOffsets(
        group: String, to transactionalID: String, of producer: ProducerIdentity,
        completion: @escaping @Sendable (CoordinatorError?) -> Void
    ) { completion(refusal) }

    public func commitOffsets(
        group: String, _ commits: [OffsetCommit], in transactionalID: String, of producer: ProducerIdentity,
        addsGroup: Bool, completion: @escaping CoordinatorCompletion
    ) { completion(commits.map { _ in refusal }) }

    public func endTransaction(
        _ transactionalID: String, of producer: ProducerIdentity, isCommit: Bool, bumpsEpoch: Bool,
        completion: @escaping @Sendable (Result<ProducerIdentity, CoordinatorError>) -> Void
    ) { completion(.failure(refusal)) }

    public func transactions() throws(CoordinatorError) -> [TransactionDescription] { throw refusal }

    public func transaction(_ transactionalID: String) throws(CoordinatorError) -> TransactionDescription {
        throw refusal
    }

    public func isInTransaction(_ place: TopicPartition, _ producer: ProducerIdentity) -> Bool { false }
}
