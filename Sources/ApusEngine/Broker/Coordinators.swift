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
    /// Forgets the positions of a group in these partitions.
    func deleteOffsets(
        group: String, in places: [TopicPartition], completion: @escaping CoordinatorCompletion)
    /// Forgets all positions of groups; ``CoordinatorError/unknownGroup`` for one that has none.
    func deleteGroups(_ groups: [String], completion: @escaping CoordinatorCompletion)
    /// The groups of which positions are known, in order.
    func groupsWithOffsets() throws(CoordinatorError) -> [String]
    /// Says that these groups have members, or had some until now: their positions are kept for ``Defaults/offsetsRetention`` from then on.
    /// To be called when a group becomes empty, and while it is not at least once in ``Defaults/groupTouchInterval``.
    func touchGroups(_ groups: [String])
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

    public func groupsWithOffsets() throws(CoordinatorError) -> [String] { throw refusal }

    public func touchGroups(_ groups: [String]) {}
}
