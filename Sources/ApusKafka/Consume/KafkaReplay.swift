// SPDX-License-Identifier: Apache-2.0

// Stored events read again: partitions are assigned without a group, from given offsets on. A reader that is asked for what is there now waits until it has
// reached the end of every partition, which the brokers tell.

#if Kafka
    internal import ApusBus
    internal import CRDKafka
    internal import CloudEvents
    internal import Synchronization

    /// A client that reads partitions from given offsets on, by itself.
    final class KafkaReader: @unchecked Sendable {
        let handle: KafkaHandle
        private let queue: Mutex<KafkaQueue?>

        init(_ configuration: KafkaConfiguration, _ bell: Bell) throws(BusError) {
            handle = try KafkaHandle(
                .consumer, configuration, KafkaHooks(configuration.logger),
                [
                    ("group.id", "apus-reader"), ("enable.auto.commit", "false"),
                    ("enable.auto.offset.store", "false"), ("enable.partition.eof", "true"),
                    ("auto.offset.reset", "earliest"), ("isolation.level", "read_committed"),
                    ("fetch.error.backoff.ms", "100"),
                    ("fetch.message.max.bytes", "\(KafkaLimits.fetchBytes)"),
                ])
            guard let own = rd_kafka_queue_get_consumer(handle.pointer) else {
                throw .unavailable("librdkafka has no queue")
            }
            queue = Mutex(KafkaQueue(own, handle, ringing: bell))
        }

        /// Begins to read.
        func assign(_ list: borrowing KafkaPartitions, _ topic: String) throws(BusError) {
            let error = rd_kafka_assign(handle.pointer, list.pointer)
            guard !error.isError else { throw error.busError("topic '\(topic)'") }
        }

        /// Takes what is there.
        func take(_ limit: Int, _ body: (KafkaRecord) -> Void) -> Int {
            queue.withLock { $0?.take(limit, body) ?? 0 }
        }

        /// Ends it. On a thread that may wait.
        func destroy() {
            queue.withLock { $0 = nil }
            rd_kafka_consumer_close(handle.pointer)
        }
    }

    /// Reads the partitions of a topic from given offsets on.
    final class KafkaReplay: ReplayReader, @unchecked Sendable {
        private struct State {
            /// Whether the end of each partition was reached.
            var isAtEnd: [Bool]
            var error: BusError?
            var isClosed = false
        }

        private let topic: String
        private let reader: KafkaReader
        private let bell: Bell
        private let state: Mutex<State>
        /// Told once when it is closed; set before anybody else has it.
        var whenClosed: ((KafkaReplay) -> Void)?

        private init(_ topic: String, _ partitions: Int, _ reader: KafkaReader, _ bell: Bell) {
            (self.topic, self.reader, self.bell) = (topic, reader, bell)
            state = Mutex(State(isAtEnd: Array(repeating: false, count: partitions)))
        }

        /// On a thread that may wait.
        static func open(
            _ topic: String, from start: ReplayStart, _ configuration: KafkaConfiguration
        ) throws(BusError) -> KafkaReplay {
            let bell = Bell()
            let reader = try KafkaReader(configuration, bell)
            do throws(BusError) {
                let count: Int
                switch try KafkaAdmin.state(of: topic, reader.handle, timeout: KafkaLimits.answerTimeout) {
                case .missing: throw .unknown("topic '\(topic)'")
                case .settling: throw .unavailable("topic '\(topic)' has no leader")
                case .ready(let partitions): count = partitions
                }
                let list = KafkaPartitions(capacity: count)
                for partition in 0..<count { list.append(topic, Int32(partition)) }
                try place(list, topic, start, reader.handle)
                try reader.assign(list, topic)
                return KafkaReplay(topic, count, reader, bell)
            } catch {
                reader.destroy()
                throw error
            }
        }

        /// Sets the offsets to begin with.
        private static func place(
            _ list: borrowing KafkaPartitions, _ topic: String, _ start: ReplayStart, _ handle: KafkaHandle
        ) throws(BusError) {
            let timeout = KafkaLimits.answerTimeout.milliseconds
            if case .time(let time) = start {
                for index in 0..<list.count { list[index].offset = time.millisecondsSinceEpoch }
                let error = rd_kafka_offsets_for_times(handle.pointer, list.pointer, timeout)
                guard !error.isError else { throw error.busError("topic '\(topic)'") }
            }
            for index in 0..<list.count {
                // A partition without such an event begins with its next one.
                if case .time = start, list[index].offset >= 0 { continue }
                var (low, high): (Int64, Int64) = (0, 0)
                let error = rd_kafka_query_watermark_offsets(
                    handle.pointer, topic, list[index].partition, &low, &high, timeout)
                guard !error.isError else { throw error.busError("topic '\(topic)'") }
                switch start {
                case .earliest: list[index].offset = low
                case .latest, .time: list[index].offset = high
                case .offset(let offset):
                    guard offset >= 0 else { throw .invalid("offsets begin at 0, not at \(offset)") }
                    guard offset >= low else { throw .trimmed(start: low) }
                    list[index].offset = min(offset, high)
                }
            }
        }

        func next(limit: Int, wait: Duration) async throws(BusError) -> [ReceivedEvent] {
            let start = ContinuousClock.now
            let deadline = start + min(max(wait, .zero), .seconds(1 << 30))
            // How long a broker may take to say that there is no more.
            let patience = start + KafkaLimits.answerTimeout
            while true {
                let rings = bell.rings
                let events = try take(max(1, limit))
                if !events.isEmpty { return events }
                let isAtEnd = state.withLock { !$0.isAtEnd.contains(false) }
                let until = isAtEnd ? deadline : max(deadline, patience)
                guard ContinuousClock.now < until, !Task.isCancelled else {
                    guard isAtEnd || wait > .zero else {
                        throw .unavailable("topic '\(topic)' is not answered for")
                    }
                    return []
                }
                await bell.wait(beyond: rings, until: until)
            }
        }

        private func take(_ limit: Int) throws(BusError) -> [ReceivedEvent] {
            var records: [KafkaRecord] = []
            let error = state.withLock { state -> BusError? in
                guard !state.isClosed else { return .closed }
                while records.count < limit {
                    let count = reader.take(limit - records.count) { record in
                        let partition = Int(record.partition)
                        switch record.error {
                        case RD_KAFKA_RESP_ERR_NO_ERROR:
                            if state.isAtEnd.indices.contains(partition) { state.isAtEnd[partition] = false }
                            records.append(record)
                        case RD_KAFKA_RESP_ERR__PARTITION_EOF:
                            if state.isAtEnd.indices.contains(partition) { state.isAtEnd[partition] = true }
                        case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION,
                            RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
                            state.error = record.error.busError("topic '\(topic)'")
                        default: break
                        }
                    }
                    if count == 0 { break }
                }
                defer { if records.isEmpty { state.error = nil } }
                return records.isEmpty ? state.error : nil
            }
            if let error { throw error }
            var events = KafkaEventReader(topic: topic)
            var received = ReceivedEvent(
                event: KafkaEventReader.beginning, topic: topic, token: .number(0, session: 0))
            return records.map { record in
                let (partition, offset) = (Int(record.partition), record.offset)
                received.problem = events.read(
                    record, partition: partition, offset: offset, into: &received.event)
                (received.partition, received.offset) = (partition, offset)
                received.publishedAt = record.time
                received.token = .number(UInt64(bitPattern: offset), session: 0)
                return received
            }
        }

        func close() async {
            let wasClosed = state.withLock { state in
                defer { state.isClosed = true }
                return state.isClosed
            }
            guard !wasClosed else { return }
            bell.ring()
            let reader = reader
            await KafkaThread.run { reader.destroy() }
            whenClosed?(self)
        }
    }

    /// Looks at dead letters.
    enum KafkaLetters {
        /// Those of a subscription, oldest first. On a thread that may wait.
        static func read(
            _ topic: String, of subscription: Subscription, limit: Int, _ configuration: KafkaConfiguration
        ) throws(BusError) -> [DeadLetter] {
            let bell = Bell()
            let reader = try KafkaReader(configuration, bell)
            defer { reader.destroy() }
            let timeout = KafkaLimits.answerTimeout
            guard case .ready(let count) = try KafkaAdmin.state(of: topic, reader.handle, timeout: timeout)
            else {
                return []
            }
            let list = KafkaPartitions(capacity: count)
            for partition in 0..<count {
                list.append(topic, Int32(partition), Int64(RD_KAFKA_OFFSET_BEGINNING))
            }
            try reader.assign(list, topic)
            var found = [[(time: Int64, letter: DeadLetter)]](repeating: [], count: count)
            var isDone = [Bool](repeating: false, count: count)
            var (events, event) = (KafkaEventReader(topic: topic), KafkaEventReader.beginning)
            let deadline = ContinuousClock.now + timeout
            while isDone.contains(false) {
                guard ContinuousClock.now < deadline else {
                    throw .unavailable("topic '\(topic)' was not read to its end in time")
                }
                guard let message = rd_kafka_consumer_poll(reader.handle.pointer, 100) else { continue }
                let record = KafkaRecord(message, reader.handle)
                let partition = Int(record.partition)
                guard found.indices.contains(partition) else { continue }
                if record.error == RD_KAFKA_RESP_ERR__PARTITION_EOF { isDone[partition] = true }
                guard !record.error.isError, found[partition].count < limit, isOf(subscription, record) else {
                    continue
                }
                let notes = CopyNotes(record)
                _ = events.read(record, partition: partition, offset: record.offset, into: &event)
                found[partition].append(
                    (
                        record.time?.millisecondsSinceEpoch ?? 0,
                        DeadLetter(event: event, reason: notes.reason, attempts: notes.attempts)
                    ))
                if found[partition].count >= limit { isDone[partition] = true }
            }
            return found.joined().sorted { $0.time < $1.time }.prefix(max(0, limit)).map(\.letter)
        }

        /// Several subscriptions can have one topic for what they give up.
        private static func isOf(_ subscription: Subscription, _ record: KafkaRecord) -> Bool {
            var isForeign = false
            record.forEachHeader { name, value in
                if let value, name.elementsEqual(KafkaHeader.subscription.utf8) {
                    isForeign = !value.elementsEqual(subscription.name.utf8)
                }
            }
            return !isForeign
        }
    }
#endif
