// SPDX-License-Identifier: Apache-2.0

// The broker's errors in Kafka's own codes. Clients decide by the code whether they try again, ask for metadata or give up, so that each case
// has to say the same thing there: what is retryable here has a code that clients retry, and what says "nothing was stored" none that says more.

internal import ApusEngine
internal import ApusGroups
internal import ApusKafkaCodec
internal import ApusModel

extension KafkaErrorCode {
    /// What goes wrong with topics and partitions.
    init(_ error: BrokerError) {
        switch error {
        case .unknownTopic, .unknownPartition: self = .unknownTopicOrPartition
        case .tooLarge: self = .messageTooLarge
        case .violations: self = .invalidRecord
        case .trimmed, .beyondEnd: self = .offsetOutOfRange
        case .corrupt: self = .corruptMessage
        case .unavailable(.diskFull), .unavailable(.diskFailed), .storage: self = .kafkaStorageError
        // May be there, may be not: the one code that clients retry and that says so.
        case .unavailable(.undecided), .partial: self = .notEnoughReplicasAfterAppend
        case .unavailable(.overloaded): self = .notEnoughReplicas
        case .unavailable(.stopping): self = .notLeaderOrFollower
        case .unavailable(.notOpen): self = .leaderNotAvailable
        case .unknownSubscription, .unknownRule, .unknownSchedule, .unknownConnection, .unknownFeed,
            .unknownWaitingEvent, .conflict, .invalid:
            self = .invalidRequest
        }
    }

    /// What goes wrong with a batch.
    init(_ error: BatchError) {
        switch error {
        case .broker(let error): self.init(error)
        case .invalidBatch, .violations: self = .invalidRecord
        case .unsupportedCompression: self = .unsupportedCompressionType
        case .invalidTimestamp: self = .invalidTimestamp
        case .outOfOrderSequence: self = .outOfOrderSequenceNumber
        case .invalidProducerEpoch: self = .invalidProducerEpoch
        case .invalidTransactionState: self = .invalidTxnState
        case .concurrentTransactions: self = .concurrentTransactions
        }
    }

    /// Why a partition was not added to a transaction, in an answer to the batch that should have brought it in.
    init(adding error: CoordinatorError) {
        switch error {
        // Nothing is stored, and producers send it again.
        case .broker(.unavailable), .limitReached: self = .notEnoughReplicas
        case .broker(.storage): self = .kafkaStorageError
        case .producerFenced: self = .invalidProducerEpoch
        default: self.init(error)
        }
    }

    /// What is wrong with bytes that should be a batch.
    init(_ error: RecordBatchError) {
        switch error {
        case .truncated, .badLength, .checksumMismatch: self = .corruptMessage
        case .unsupportedMagic: self = .unsupportedForMessageFormat
        case .compressed: self = .unsupportedCompressionType
        case .malformed, .tooLarge: self = .invalidRecord
        }
    }

    /// What a group has against a request.
    init(_ error: GroupError) { self = KafkaErrorCode(rawValue: error.rawValue) ?? .unknownServerError }

    /// What a group has against a request, if anything.
    init(_ error: GroupError?) { self = error.map { KafkaErrorCode($0) } ?? .noError }

    /// What the broker has against positions and transactions.
    init(_ error: CoordinatorError) {
        switch error {
        // The coordinator's disk is the coordinator's affair: what a client retries here is to ask for it again.
        case .broker(.unavailable), .broker(.storage): self = .coordinatorNotAvailable
        case .broker(let error): self.init(error)
        case .unknownPartition: self = .unknownTopicOrPartition
        case .metadataTooLarge: self = .offsetMetadataTooLarge
        case .invalidGroup: self = .invalidGroupID
        case .unknownGroup: self = .groupIDNotFound
        case .limitReached: self = .coordinatorNotAvailable
        case .invalidRequest: self = .invalidRequest
        case .invalidTimeout: self = .invalidTransactionTimeout
        case .concurrentTransactions: self = .concurrentTransactions
        case .invalidTransactionState: self = .invalidTxnState
        case .producerFenced: self = .producerFenced
        case .unknownProducer: self = .invalidProducerIDMapping
        case .unknownTransaction: self = .transactionalIDNotFound
        case .notAttempted: self = .operationNotAttempted
        }
    }
}
