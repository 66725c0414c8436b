// SPDX-License-Identifier: Apache-2.0

// Producing. librdkafka's queue has a bound; who finds it full waits until delivery reports have made room. A thread takes the reports, many at a time, and writes
// each to the place that its record was given when it was produced.

#if Kafka
    internal import ApusBus
    internal import CRDKafka
    internal import Synchronization

    /// What became of one record.
    struct DeliveryReport {
        var partition: Int32 = -1
        var offset: Int64 = -1
        var error = RD_KAFKA_RESP_ERR_NO_ERROR
        /// Whether the broker may have it although it failed.
        var mayBeStored = false
    }

    /// The records of one call on their way.
    final class ProduceCall: @unchecked Sendable {
        /// Records carry the address of theirs.
        struct Slot {
            unowned(unsafe) var call: ProduceCall
            var report = DeliveryReport()
        }

        let slots: UnsafeMutableBufferPointer<Slot>
        /// Records without a report, and one for who waits.
        private let open: Atomic<Int>
        private var continuation: CheckedContinuation<Void, Never>?

        init(count: Int) {
            slots = .allocate(capacity: count)
            open = Atomic(count + 1)
            slots.initialize(repeating: Slot(call: self))
        }

        deinit { slots.deallocate() }

        /// That many reports were written.
        func arrived(_ count: Int) {
            guard open.subtract(count, ordering: .acquiringAndReleasing).newValue == 0 else { return }
            continuation?.resume()
        }

        /// Waits for all reports.
        func finish() async -> [DeliveryReport] {
            await withCheckedContinuation { continuation in
                self.continuation = continuation
                arrived(1)
            }
            return slots.map(\.report)
        }
    }

    /// A client that produces.
    final class KafkaProducer: @unchecked Sendable {
        let handle: KafkaHandle
        private let room = Bell()
        private let topics = Mutex<[String: KafkaTopic]>([:])
        private let isClosing = Atomic(false)
        /// Calls that wait for reports.
        private let calls = Atomic(0)
        private let hasFailed = Atomic(false)
        private let stopped = Signal()

        /// - Parameter transactionalID: nil for one that takes part in no transaction.
        init(_ configuration: KafkaConfiguration, transactionalID: String? = nil) throws(BusError) {
            var own = [
                ("enable.idempotence", "true"), ("acks", "all"), ("partitioner", "murmur2_random"),
                ("message.timeout.ms", "\(configuration.publishTimeout.milliseconds)"),
                ("message.max.bytes", "\(configuration.eventBytesMax + 16_384)"),
                ("queue.buffering.max.messages", "\(KafkaLimits.unconfirmedMax)"),
                (
                    "queue.buffering.max.kbytes",
                    "\(max(KafkaLimits.unconfirmedKilobytesMax, configuration.eventBytesMax / 512))"
                ), ("linger.ms", "1"),
            ]
            if let transactionalID {
                own.append(("transactional.id", transactionalID))
                // No shorter than what it waits for.
                own.append(
                    ("transaction.timeout.ms", "\(max(60_000, configuration.publishTimeout.milliseconds))"))
            }
            handle = try KafkaHandle(.producer, configuration, KafkaHooks(configuration.logger), own)
            KafkaThread.start { [self] in poll() }
        }

        /// Whether it cannot go on, so that another one is needed.
        var isBroken: Bool { hasFailed.load(ordering: .acquiring) }

        /// Takes reports until it is closed and each call has its own.
        private func poll() {
            let queue = rd_kafka_queue_get_main(handle.pointer)
            var messages = [UnsafePointer<rd_kafka_message_t>?](repeating: nil, count: 1024)
            while case let isClosing = isClosing.load(ordering: .sequentiallyConsistent),
                !isClosing || calls.load(ordering: .sequentiallyConsistent) > 0
            {
                guard let event = rd_kafka_queue_poll(queue, isClosing ? 10 : 1000) else { continue }
                switch rd_kafka_event_type(event) {
                case RD_KAFKA_EVENT_DR:
                    while case let count = rd_kafka_event_message_array(event, &messages, messages.count),
                        count > 0
                    {
                        report(messages[..<count])
                    }
                case RD_KAFKA_EVENT_ERROR:
                    let code = rd_kafka_event_error(event)
                    handle.hooks.note(code, String(cString: rd_kafka_event_error_string(event)))
                    if code == RD_KAFKA_RESP_ERR__FATAL { hasFailed.store(true, ordering: .releasing) }
                default: break
                }
                // Records count as queued until they are released.
                rd_kafka_event_destroy(event)
                room.ring()
            }
            rd_kafka_queue_destroy(queue)
            stopped.give()
        }

        private func report(_ messages: ArraySlice<UnsafePointer<rd_kafka_message_t>?>) {
            var (last, run): (ProduceCall?, Int) = (nil, 0)
            for case let message? in messages {
                guard let slot = message.pointee._private?.assumingMemoryBound(to: ProduceCall.Slot.self)
                else {
                    continue
                }
                let error = message.pointee.err
                var report = DeliveryReport(
                    partition: message.pointee.partition, offset: message.pointee.offset, error: error)
                if error.isError {
                    report.mayBeStored = rd_kafka_message_status(message) != RD_KAFKA_MSG_STATUS_NOT_PERSISTED
                }
                slot.pointee.report = report
                let call = slot.pointee.call
                if call !== last {
                    last?.arrived(run)
                    (last, run) = (call, 0)
                }
                run += 1
            }
            last?.arrived(run)
        }

        /// The topic's handle; librdkafka keeps one for as long as it is used.
        func topic(_ name: String) throws(BusError) -> KafkaTopic {
            let known = topics.withLock { topics -> KafkaTopic? in
                if let known = topics[name] { return known }
                guard let made = rd_kafka_topic_new(handle.pointer, name, nil) else { return nil }
                let topic = KafkaTopic(made, handle)
                topics[name] = topic
                return topic
            }
            guard let known else { throw rd_kafka_last_error().busError("topic '\(name)'") }
            return known
        }

        /// Produces `count` records and waits until all are reported, one report for each in order. `produce` is called again for a record that found no room.
        func produce(
            _ count: Int,
            _ produce: (_ index: Int, _ client: OpaquePointer, _ opaque: UnsafeMutableRawPointer)
                throws(BusError)
                -> rd_kafka_resp_err_t
        ) async throws(BusError) -> [DeliveryReport] {
            let call = ProduceCall(count: count)
            guard let slots = call.slots.baseAddress else { return [] }
            calls.add(1, ordering: .sequentiallyConsistent)
            defer { calls.subtract(1, ordering: .sequentiallyConsistent) }
            var index = 0
            while index < count {
                let rings = room.rings
                guard !isClosing.load(ordering: .sequentiallyConsistent) else {
                    for index in index..<count { slots[index].report.error = RD_KAFKA_RESP_ERR__PURGE_QUEUE }
                    call.arrived(count - index)
                    break
                }
                let error: rd_kafka_resp_err_t
                do throws(BusError) {
                    error = try produce(index, handle.pointer, slots + index)
                } catch {
                    // Those that are on their way write to this call's places.
                    call.arrived(count - index)
                    _ = await call.finish()
                    throw error
                }
                switch error {
                case RD_KAFKA_RESP_ERR_NO_ERROR: index += 1
                case RD_KAFKA_RESP_ERR__QUEUE_FULL: await room.wait(beyond: rings, until: .now + .seconds(1))
                default:
                    slots[index].report.error = error
                    if error == RD_KAFKA_RESP_ERR__FATAL { hasFailed.store(true, ordering: .releasing) }
                    call.arrived(1)
                    index += 1
                }
            }
            return await call.finish()
        }

        /// Takes no more records, waits for a while for those that are on their way, and gives up the rest. On a thread that may wait. The client itself ends
        /// with whoever uses it last.
        func close(flushing: Duration) {
            isClosing.store(true, ordering: .sequentiallyConsistent)
            rd_kafka_flush(handle.pointer, flushing.milliseconds)
            rd_kafka_purge(handle.pointer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT)
            rd_kafka_flush(handle.pointer, 1000)
            let queue = rd_kafka_queue_get_main(handle.pointer)
            rd_kafka_queue_yield(queue)
            stopped.wait(beyond: 0, for: .seconds(5))
            rd_kafka_queue_destroy(queue)
        }
    }

    /// A topic as a producer knows it.
    final class KafkaTopic: @unchecked Sendable {
        let pointer: OpaquePointer
        /// A client must not be destroyed before its topics.
        private let handle: KafkaHandle

        init(_ pointer: OpaquePointer, _ handle: KafkaHandle) {
            (self.pointer, self.handle) = (pointer, handle)
        }
        deinit { rd_kafka_topic_destroy(pointer) }
    }
#endif
