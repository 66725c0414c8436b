// SPDX-License-Identifier: Apache-2.0

// What is asked of a cluster beside records: which topics there are, that one be made, that a group be forgotten. All of it waits for answers, on threads that may.

#if Kafka
    internal import ApusBus
    internal import CRDKafka

    /// What a cluster says of a topic.
    enum TopicState: Sendable, Equatable {
        case missing
        /// Its number of partitions, once all have a leader.
        case ready(partitions: Int)
        /// It is being made, or has no leader now.
        case settling(rd_kafka_resp_err_t)

        static func == (left: TopicState, right: TopicState) -> Bool {
            switch (left, right) {
            case (.missing, .missing): true
            case (.ready(let left), .ready(let right)): left == right
            case (.settling(let left), .settling(let right)): left == right
            default: false
            }
        }
    }

    /// Requests that wait for their answer.
    enum KafkaAdmin {
        /// Asks for a topic. A producer's asking makes the topic where brokers do that.
        static func state(
            of topic: String, _ handle: KafkaHandle, timeout: Duration
        ) throws(BusError) -> TopicState {
            guard let reference = rd_kafka_topic_new(handle.pointer, topic, nil) else {
                throw rd_kafka_last_error().busError("topic '\(topic)'")
            }
            defer { rd_kafka_topic_destroy(reference) }
            var metadata: UnsafePointer<rd_kafka_metadata>?
            let error = rd_kafka_metadata(handle.pointer, 0, reference, &metadata, timeout.milliseconds)
            guard !error.isError, let metadata else { throw unreachable(error, handle, "topic '\(topic)'") }
            defer { rd_kafka_metadata_destroy(metadata) }
            guard metadata.pointee.topic_cnt == 1, let found = metadata.pointee.topics else {
                return .missing
            }
            switch found.pointee.err {
            case RD_KAFKA_RESP_ERR_NO_ERROR: break
            case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC: return .missing
            case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE: return .settling(found.pointee.err)
            default: throw found.pointee.err.busError("topic '\(topic)'")
            }
            let count = Int(found.pointee.partition_cnt)
            guard count > 0, let partitions = found.pointee.partitions else {
                return .settling(RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE)
            }
            for index in 0..<count where partitions[index].leader < 0 {
                return .settling(RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE)
            }
            return .ready(partitions: count)
        }

        /// Reaches the cluster.
        static func reach(_ handle: KafkaHandle, _ hosts: String, timeout: Duration) throws(BusError) {
            let deadline = ContinuousClock.now + timeout
            while true {
                let left = ContinuousClock.now.duration(to: deadline)
                var metadata: UnsafePointer<rd_kafka_metadata>?
                let error = rd_kafka_metadata(
                    handle.pointer, 0, nil, &metadata, max(1, min(left, .milliseconds(500)).milliseconds))
                if let metadata { rd_kafka_metadata_destroy(metadata) }
                guard error.isError else { return }
                let reason = unreachable(error, handle, "Kafka at \(hosts)")
                if case .unauthorized = reason { throw reason }
                guard left > .milliseconds(500) else { throw reason }
            }
        }

        private static func unreachable(
            _ error: rd_kafka_resp_err_t, _ handle: KafkaHandle, _ subject: String
        ) -> BusError {
            switch error {
            case RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__TIMED_OUT,
                RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN,
                RD_KAFKA_RESP_ERR__RESOLVE:
                handle.hooks.unreachable(subject)
            default: error.busError(subject)
            }
        }

        /// Makes a topic; nothing happens where it is.
        static func make(
            _ topic: String, _ configuration: KafkaConfiguration, partitions: Int, _ handle: KafkaHandle
        ) throws(BusError) {
            var text = ""
            let made = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { reason in
                let made = rd_kafka_NewTopic_new(
                    topic, Int32(clamping: partitions), Int32(clamping: configuration.replicas),
                    reason.baseAddress, reason.count)
                if made == nil, let start = reason.baseAddress { text = String(cString: start) }
                return made
            }
            guard let made else { throw .invalid("topic '\(topic)': \(text)") }
            defer { rd_kafka_NewTopic_destroy(made) }
            try answer(handle, RD_KAFKA_ADMIN_OP_CREATETOPICS) { queue, options in
                var topics: [OpaquePointer?] = [made]
                rd_kafka_CreateTopics(handle.pointer, &topics, 1, options, queue)
            } read: { event throws(BusError) in
                var count = 0
                guard
                    let results = rd_kafka_CreateTopics_result_topics(
                        rd_kafka_event_CreateTopics_result(event), &count)
                else { return }
                for index in 0..<count {
                    let error = rd_kafka_topic_result_error(results[index])
                    guard error.isError, error != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS else { continue }
                    let reason = rd_kafka_topic_result_error_string(results[index]).map {
                        String(cString: $0)
                    }
                    throw error.busError("topic '\(topic)' cannot be made (\(reason ?? ""))")
                }
            }
        }

        /// Has a group forgotten; false while it has members.
        static func delete(group: String, _ handle: KafkaHandle) throws(BusError) -> Bool {
            guard let deleted = rd_kafka_DeleteGroup_new(group) else { return true }
            defer { rd_kafka_DeleteGroup_destroy(deleted) }
            var isDone = true
            try answer(handle, RD_KAFKA_ADMIN_OP_DELETEGROUPS) { queue, options in
                var groups: [OpaquePointer?] = [deleted]
                rd_kafka_DeleteGroups(handle.pointer, &groups, 1, options, queue)
            } read: { event throws(BusError) in
                var count = 0
                guard
                    let results = rd_kafka_DeleteGroups_result_groups(
                        rd_kafka_event_DeleteGroups_result(event), &count)
                else { return }
                for index in 0..<count {
                    guard let error = rd_kafka_group_result_error(results[index]) else { continue }
                    switch rd_kafka_error_code(error) {
                    case RD_KAFKA_RESP_ERR_NO_ERROR, RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND: break
                    case RD_KAFKA_RESP_ERR_NON_EMPTY_GROUP: isDone = false
                    case let code: throw code.busError("group '\(group)'")
                    }
                }
            }
            return isDone
        }

        private static func answer(
            _ handle: KafkaHandle, _ operation: rd_kafka_admin_op_t,
            ask: (_ queue: OpaquePointer?, _ options: OpaquePointer?) -> Void,
            read: (_ event: OpaquePointer) throws(BusError) -> Void
        ) throws(BusError) {
            let options = rd_kafka_AdminOptions_new(handle.pointer, operation)
            defer { rd_kafka_AdminOptions_destroy(options) }
            rd_kafka_AdminOptions_set_request_timeout(options, KafkaLimits.answerTimeout.milliseconds, nil, 0)
            let queue = rd_kafka_queue_new(handle.pointer)
            defer { rd_kafka_queue_destroy(queue) }
            ask(queue, options)
            guard let event = rd_kafka_queue_poll(queue, KafkaLimits.answerTimeout.milliseconds + 5000) else {
                throw .unavailable("Kafka did not answer in time")
            }
            defer { rd_kafka_event_destroy(event) }
            let error = rd_kafka_event_error(event)
            guard !error.isError else {
                throw error.busError(String(cString: rd_kafka_event_error_string(event)))
            }
            try read(event)
        }
    }
#endif
