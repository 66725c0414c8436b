// SPDX-License-Identifier: Apache-2.0

// librdkafka's error codes as errors of the bus: what the program can do next is what decides.

#if Kafka
    internal import ApusBus
    internal import CRDKafka

    extension rd_kafka_resp_err_t {
        var isError: Bool { self != RD_KAFKA_RESP_ERR_NO_ERROR }

        /// For a person.
        var text: String { String(cString: rd_kafka_err2str(self)) }

        /// Whether the broker has not got to know of a record that failed with this.
        var isCertainlyNotStored: Bool {
            switch self {
            case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, RD_KAFKA_RESP_ERR__TIMED_OUT,
                RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
                RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND, RD_KAFKA_RESP_ERR__TRANSPORT,
                RD_KAFKA_RESP_ERR__PURGE_INFLIGHT:
                false
            default: true
            }
        }

        /// What this means for a call about `subject`, such as "topic 'orders'".
        func busError(_ subject: String) -> BusError {
            switch self {
            case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
                RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED,
                RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR__AUTHENTICATION,
                RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM,
                RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE, RD_KAFKA_RESP_ERR__SSL:
                .unauthorized("\(subject): \(text)")
            case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC,
                RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND:
                .unknown(subject)
            case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, RD_KAFKA_RESP_ERR_INVALID_GROUP_ID,
                RD_KAFKA_RESP_ERR_INVALID_PARTITIONS, RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR,
                RD_KAFKA_RESP_ERR_INVALID_CONFIG, RD_KAFKA_RESP_ERR__INVALID_ARG:
                .invalid("\(subject): \(text)")
            case RD_KAFKA_RESP_ERR_POLICY_VIOLATION, RD_KAFKA_RESP_ERR_INVALID_RECORD,
                RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, RD_KAFKA_RESP_ERR_INVALID_REQUIRED_ACKS,
                RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT, RD_KAFKA_RESP_ERR__FENCED,
                RD_KAFKA_RESP_ERR_PRODUCER_FENCED, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
                .refused("\(subject): \(text)")
            case RD_KAFKA_RESP_ERR__DESTROY, RD_KAFKA_RESP_ERR__PURGE_QUEUE: .closed
            default:
                isCertainlyNotStored
                    ? .unavailable("\(subject): \(text)") : .undecided("\(subject): \(text)")
            }
        }
    }

    /// An error object of librdkafka, which is released.
    struct KafkaError: Error {
        var code: rd_kafka_resp_err_t
        var text: String
        var isRetriable: Bool
        var isFatal: Bool
        /// The transaction has to be aborted.
        var abortsTransaction: Bool

        /// Somebody else makes transactions under the same id. librdkafka does not take every way of saying so for the end.
        var isFenced: Bool {
            switch code {
            case RD_KAFKA_RESP_ERR__FENCED, RD_KAFKA_RESP_ERR_PRODUCER_FENCED,
                RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
                true
            default: false
            }
        }

        /// nil where there is no error.
        init?(_ error: OpaquePointer?) {
            guard let error else { return nil }
            code = rd_kafka_error_code(error)
            text = String(cString: rd_kafka_error_string(error))
            isRetriable = rd_kafka_error_is_retriable(error) != 0
            isFatal = rd_kafka_error_is_fatal(error) != 0
            abortsTransaction = rd_kafka_error_txn_requires_abort(error) != 0
            rd_kafka_error_destroy(error)
        }
    }
#endif
