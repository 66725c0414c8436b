// SPDX-License-Identifier: Apache-2.0

// Whole batches in and out, for protocols that carry Kafka's record format: what is appended is what the producer made, and what is read is
// what is stored. Events published otherwise are batches too, and those appended here are events for everybody else.

public import ApusModel

/// Proof of an append of a whole batch.
public struct BatchReceipt: Sendable, Hashable {
    /// The offset of the batch's first record.
    public var baseOffset: Offset
    /// The first offset that the partition keeps.
    public var logStart: Offset
    /// The time that all records were given, where the topic does so.
    public var appendTime: Timestamp?
    /// Whether the batch was there already, and this is where.
    public var isDuplicate: Bool

    /// Proof of an append of a whole batch.
    public init(
        baseOffset: Offset, logStart: Offset, appendTime: Timestamp? = nil, isDuplicate: Bool = false
    ) {
        self.baseOffset = baseOffset
        self.logStart = logStart
        self.appendTime = appendTime
        self.isDuplicate = isDuplicate
    }
}

/// Why a batch or a marker was not appended.
public enum BatchError: Error, Sendable, Hashable {
    /// What can go wrong with every append: no such topic or partition, too large, no space, the disk failed, and so on.
    case broker(BrokerError)
    /// The batch contradicts itself, or is one that clients may not send; says how.
    case invalidBatch(String)
    /// Compressed with a codec that this server does not open, so that nobody could read the events; the value is Kafka's codec number.
    case unsupportedCompression(UInt8)
    /// Schemas do not accept some of its records; nothing was stored.
    case violations(SchemaRefusal)
    /// A record's timestamp is further in the future than ``Defaults/batchTimestampAhead`` allows; `latest` is the latest that is taken now.
    case invalidTimestamp(Timestamp, latest: Timestamp)
    /// The producer's numbers do not go on where they ended. `expected` is the number that would.
    case outOfOrderSequence(expected: Int32, got: Int32)
    /// A later life of the producer is known, or, for a marker, a later epoch.
    case invalidProducerEpoch(current: Int16, got: Int16)
    /// A batch of a transaction that its coordinator does not know to be under way in this partition, or a batch outside of a transaction from a
    /// producer that has one open.
    case invalidTransactionState
    /// The end of the producer's transaction is being written: the same request can succeed when that is done.
    case concurrentTransactions
}

extension BatchError {
    /// Whether the same request can succeed later without anybody changing anything.
    public var isRetryable: Bool {
        switch self {
        case .broker(let error): error.isRetryable
        case .concurrentTransactions: true
        case .invalidBatch, .unsupportedCompression, .violations, .invalidTimestamp, .outOfOrderSequence,
            .invalidProducerEpoch,
            .invalidTransactionState:
            false
        }
    }
}

extension BatchError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .broker(let error): "\(error)"
        case .invalidBatch(let reason): "the batch is not valid: \(reason)"
        case .unsupportedCompression(let codec): "batches compressed with codec \(codec) cannot be opened"
        case .violations(let refusal): refusal.description
        case .invalidTimestamp(let time, let latest):
            "a record's timestamp \(time) is in the future; the latest that is taken now is \(latest)"
        case .outOfOrderSequence(let expected, let got):
            "the producer's sequence goes on at \(expected), and the batch begins with \(got)"
        case .invalidProducerEpoch(let current, let got):
            "epoch \(got) of the producer has ended: the partition knows epoch \(current)"
        case .invalidTransactionState:
            "the batch is of a transaction that is not under way in this partition, or the producer has one that it does not belong to"
        case .concurrentTransactions: "the end of the producer's transaction is being written"
        }
    }
}

/// Called once, on a thread of the broker's: hand over and return.
public typealias BatchCompletion = @Sendable (Result<BatchReceipt, BatchError>) -> Void

/// How much of a partition a reader of batches sees.
public enum Isolation: Sendable, Hashable {
    /// Everything that is readable, whether its transaction has ended or not.
    case uncommitted
    /// Up to where the first open transaction begins. Batches of aborted ones are among what is read, and listed.
    case committed
}

/// A transaction whose batches do not count.
public struct AbortedTransaction: Sendable, Hashable {
    /// Who began it.
    public var producerID: Int64
    /// Its first batch's offset; it ends at the producer's next marker.
    public var firstOffset: Offset

    /// A transaction whose batches do not count.
    public init(producerID: Int64, firstOffset: Offset) {
        self.producerID = producerID
        self.firstOffset = firstOffset
    }
}

/// Where a partition begins and ends.
public struct PartitionBounds: Sendable, Hashable {
    /// The first offset that is kept.
    public var start: Offset
    /// The last stable offset: everything before it is decided. At most `end`.
    public var stableEnd: Offset
    /// The first offset that cannot be read yet.
    public var end: Offset

    /// Where a partition begins and ends.
    public init(start: Offset, stableEnd: Offset, end: Offset) {
        self.start = start
        self.stableEnd = stableEnd
        self.end = end
    }
}

/// What was read of a partition.
public struct BatchRead: Sendable {
    /// Whole batches, in order; the first may begin before the offset that was asked for.
    public var batches: [RecordBatch]
    /// The partition's bounds when it was read.
    public var bounds: PartitionBounds
    /// With ``Isolation/committed``: the aborted transactions that any of the batches may belong to, in the order of their first offsets.
    public var aborted: [AbortedTransaction]

    /// What was read of a partition.
    public init(batches: [RecordBatch], bounds: PartitionBounds, aborted: [AbortedTransaction] = []) {
        self.batches = batches
        self.bounds = bounds
        self.aborted = aborted
    }
}

/// A record's place in its partition, and its time.
public struct TimedOffset: Sendable, Hashable {
    /// Its place.
    public var offset: Offset
    /// Its timestamp.
    public var timestamp: Timestamp

    /// A record's place in its partition, and its time.
    public init(offset: Offset, timestamp: Timestamp) {
        self.offset = offset
        self.timestamp = timestamp
    }
}

/// What a partition knows of one producer that numbers its batches.
public struct ProducerDescription: Sendable, Hashable {
    /// Who it is.
    public var producerID: Int64
    /// Its life.
    public var epoch: Int16
    /// The number of its last record; -1 when none of this epoch is known.
    public var lastSequence: Int32
    /// When it last appended anything.
    public var lastSeen: Timestamp
    /// Where its transaction begins; nil when it has none open.
    public var transactionStart: Offset?
}

/// Somebody who waits for a partition to grow.
public struct BatchWait: Sendable {
    private let end: @Sendable () -> Void

    /// `cancel` ends the wait.
    public init(cancel: @escaping @Sendable () -> Void) { end = cancel }

    /// Ends the wait: what it would have called is not called any more, unless that is happening already.
    public func cancel() { end() }
}

// What a broker says that has no batches.
extension Broker {
    public func append(
        _ batch: consuming RecordBatch, to topic: ResourceName, partition: Int,
        completion: @escaping BatchCompletion
    ) {
        completion(.failure(.broker(.invalid("this broker does not take whole batches"))))
    }

    public func readBatches(
        _ topic: ResourceName, partition: Int, from offset: Offset, byteLimit: Int, isolation: Isolation
    ) throws(BrokerError) -> BatchRead {
        throw .invalid("this broker does not give whole batches")
    }

    public func whenBeyond(
        _ offset: Offset, of topic: ResourceName, partition: Int, isolation: Isolation,
        _ body: @escaping @Sendable () -> Void
    ) -> BatchWait? {
        body()
        return nil
    }

    public func bounds(_ topic: ResourceName, partition: Int) throws(BrokerError) -> PartitionBounds {
        throw .invalid("this broker does not give whole batches")
    }

    public func offset(
        _ topic: ResourceName, partition: Int, at time: Timestamp
    ) throws(BrokerError) -> TimedOffset? {
        throw .invalid("this broker does not give whole batches")
    }

    public func newest(_ topic: ResourceName, partition: Int) throws(BrokerError) -> TimedOffset? {
        throw .invalid("this broker does not give whole batches")
    }

    public func producers(
        _ topic: ResourceName, partition: Int
    ) throws(BrokerError) -> [ProducerDescription] { [] }

    public func deleteRecords(
        _ topic: ResourceName, partition: Int, before offset: Offset
    ) async throws(BrokerError) -> Offset {
        throw .invalid("this broker does not delete records")
    }
}
