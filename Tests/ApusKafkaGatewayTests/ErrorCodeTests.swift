// SPDX-License-Identifier: Apache-2.0

// The broker's errors in Kafka's codes. What can succeed later has a code that clients send again upon, and nothing else has.

import ApusEngine
import ApusGroups
import ApusKafkaCodec
import ApusModel
import Testing

@testable import ApusKafkaGateway

@Suite struct ErrorCodeTests {
    private static func broker(_ name: ResourceName) -> [(BrokerError, KafkaErrorCode)] {
        [
            (.unknownTopic(name), .unknownTopicOrPartition),
            (.unknownPartition(name, 3), .unknownTopicOrPartition),
            (.unknownSubscription(name), .invalidRequest), (.unknownRule(name), .invalidRequest),
            (.unknownSchedule(name), .invalidRequest), (.unknownWaitingEvent("x"), .invalidRequest),
            (.conflict("x"), .invalidRequest), (.invalid("x"), .invalidRequest),
            (.tooLarge(bytes: 2, limit: 1), .messageTooLarge), (.trimmed(start: .zero), .offsetOutOfRange),
            (.beyondEnd(end: .zero), .offsetOutOfRange),
            (.corrupt(offset: .zero, next: .zero, reason: "x"), .corruptMessage),
            (.unavailable(.diskFull), .kafkaStorageError),
            (.unavailable(.diskFailed("x")), .kafkaStorageError),
            (.unavailable(.undecided("x")), .notEnoughReplicasAfterAppend),
            (.unavailable(.overloaded), .notEnoughReplicas), (.unavailable(.stopping), .notLeaderOrFollower),
            (.unavailable(.notOpen("x")), .leaderNotAvailable), (.storage("x"), .kafkaStorageError),
            (.partial([]), .notEnoughReplicasAfterAppend),
        ]
    }

    @Test func `errors of the broker`() throws {
        for (error, code) in Self.broker(try ResourceName("t")) {
            #expect(KafkaErrorCode(error) == code, "\(error)")
            #expect(KafkaErrorCode(BatchError.broker(error)) == code, "\(error)")
            // What clients are told to try again upon is tried again; a disk that failed for good is the exception, since clients know no
            // code for it.
            if error.isRetryable { #expect(code.isRetriable, "\(error)") }
        }
    }

    @Test func `errors of batches`() {
        let codes: [(BatchError, KafkaErrorCode)] = [
            (.invalidBatch("x"), .invalidRecord), (.unsupportedCompression(7), .unsupportedCompressionType),
            (
                .invalidTimestamp(Timestamp(milliseconds: 2), latest: Timestamp(milliseconds: 1)),
                .invalidTimestamp
            ),
            (.outOfOrderSequence(expected: 1, got: 2), .outOfOrderSequenceNumber),
            (.invalidProducerEpoch(current: 2, got: 1), .invalidProducerEpoch),
            (.invalidTransactionState, .invalidTxnState), (.concurrentTransactions, .concurrentTransactions),
        ]
        for (error, code) in codes { #expect(KafkaErrorCode(error) == code, "\(error)") }
        let bytes: [(RecordBatchError, KafkaErrorCode)] = [
            (.badLength(3), .corruptMessage), (.unsupportedMagic(1), .unsupportedForMessageFormat),
            (.malformed("x"), .invalidRecord), (.tooLarge(limit: 1), .invalidRecord),
        ]
        for (error, code) in bytes { #expect(KafkaErrorCode(error) == code, "\(error)") }
    }

    @Test func `errors of coordinators, and of partitions that join a transaction with their first batch`() {
        let codes: [(CoordinatorError, KafkaErrorCode, adding: KafkaErrorCode)] = [
            (.broker(.unavailable(.diskFull)), .coordinatorNotAvailable, .notEnoughReplicas),
            (.broker(.storage("x")), .coordinatorNotAvailable, .kafkaStorageError),
            (.unknownPartition, .unknownTopicOrPartition, .unknownTopicOrPartition),
            (.metadataTooLarge, .offsetMetadataTooLarge, .offsetMetadataTooLarge),
            (.invalidGroup, .invalidGroupID, .invalidGroupID),
            (.unknownGroup, .groupIDNotFound, .groupIDNotFound),
            (.limitReached("x"), .coordinatorNotAvailable, .notEnoughReplicas),
            (.invalidRequest("x"), .invalidRequest, .invalidRequest),
            (.invalidTimeout, .invalidTransactionTimeout, .invalidTransactionTimeout),
            (.concurrentTransactions, .concurrentTransactions, .concurrentTransactions),
            (.invalidTransactionState, .invalidTxnState, .invalidTxnState),
            (.producerFenced, .producerFenced, .invalidProducerEpoch),
            (.unknownProducer, .invalidProducerIDMapping, .invalidProducerIDMapping),
            (.unknownTransaction, .transactionalIDNotFound, .transactionalIDNotFound),
            (.notAttempted, .operationNotAttempted, .operationNotAttempted),
        ]
        for (error, code, adding) in codes {
            #expect(KafkaErrorCode(error) == code, "\(error)")
            #expect(KafkaErrorCode(adding: error) == adding, "\(error)")
        }
    }

    @Test func `errors of groups have Kafka's numbers`() {
        for error in GroupError.allCases {
            #expect(KafkaErrorCode(error).rawValue == error.rawValue)
            #expect(KafkaErrorCode(error) != .unknownServerError)
        }
        #expect(KafkaErrorCode(nil as GroupError?) == .noError)
    }
}
