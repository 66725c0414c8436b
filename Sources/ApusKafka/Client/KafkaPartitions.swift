// SPDX-License-Identifier: Apache-2.0

// Lists of partitions with offsets, as librdkafka wants and gives them.

#if Kafka
    internal import CRDKafka

    /// A list that is released with its owner.
    struct KafkaPartitions: ~Copyable {
        let pointer: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>

        init(capacity: Int = 8) { pointer = rd_kafka_topic_partition_list_new(Int32(clamping: capacity)) }
        init(owning pointer: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>) { self.pointer = pointer }
        deinit { rd_kafka_topic_partition_list_destroy(pointer) }

        var count: Int { Int(pointer.pointee.cnt) }

        subscript(index: Int) -> rd_kafka_topic_partition_t {
            get { pointer.pointee.elems[index] }
            nonmutating set { pointer.pointee.elems[index] = newValue }
        }

        func append(_ topic: String, _ partition: Int32, _ offset: Int64 = Int64(RD_KAFKA_OFFSET_INVALID)) {
            rd_kafka_topic_partition_list_add(pointer, topic, partition).pointee.offset = offset
        }
    }

    extension rd_kafka_topic_partition_t {
        var name: String { String(cString: topic) }
    }

    /// A queue of a client, released with its owner.
    final class KafkaQueue: @unchecked Sendable {
        let pointer: OpaquePointer
        /// A client must not be destroyed before its queues.
        private let handle: KafkaHandle
        private let bell: Bell?

        /// - Parameter bell: rings when something comes into the empty queue.
        init(_ pointer: OpaquePointer, _ handle: KafkaHandle, ringing bell: Bell? = nil) {
            (self.pointer, self.handle, self.bell) = (pointer, handle, bell)
            guard let bell else { return }
            rd_kafka_queue_cb_event_enable(
                pointer,
                { _, opaque in
                    if let opaque { Unmanaged<Bell>.fromOpaque(opaque).takeUnretainedValue().ring() }
                }, Unmanaged.passUnretained(bell).toOpaque())
        }

        deinit {
            // Partitions that are forwarded to it keep the queue itself for longer.
            if bell != nil { rd_kafka_queue_cb_event_enable(pointer, nil, nil) }
            rd_kafka_queue_destroy(pointer)
        }

        /// How much is in it.
        var count: Int { rd_kafka_queue_length(pointer) }

        /// Takes what is there, at most `limit`, without waiting.
        func take(_ limit: Int, _ body: (KafkaRecord) -> Void) -> Int {
            let limit = min(limit, KafkaLimits.sliceRecords)
            return withUnsafeTemporaryAllocation(
                of: UnsafeMutablePointer<rd_kafka_message_t>?.self, capacity: limit
            ) { messages in
                let count = rd_kafka_consume_batch_queue(pointer, 0, messages.baseAddress, limit)
                guard count > 0 else { return 0 }
                for case let message? in messages[..<count] { body(KafkaRecord(message, handle)) }
                return count
            }
        }
    }
#endif
