// SPDX-License-Identifier: Apache-2.0

// One open subscription: a member of its group. Events are taken straight from librdkafka's queues when they are asked for, without waiting; a thread of its own
// joins, rebalances, commits and leaves, which can block. What the group takes away is first waited for, then committed, then given.

#if Kafka
    internal import ApusBus
    internal import CRDKafka
    internal import CloudEvents
    internal import DequeModule
    internal import Logging
    internal import Synchronization

    /// One open subscription.
    final class KafkaReceiver: Receiver, @unchecked Sendable {
        /// A partition of the subscription's topic, or of its retries.
        struct Source: Hashable {
            var isRetry: Bool
            var partition: Int32
        }

        /// An event in a ledger.
        struct Reference {
            let assignment: Assignment
            let number: UInt64
        }

        /// An event that was consumed and is not settled.
        struct Held {
            let record: KafkaRecord
            /// Which try it is when it is handed out.
            var attempt: Int
            var isOut = false
            /// Its verdict is being carried out.
            var isSettling = false
        }

        /// A partition, from its assignment to its revocation. Tokens carry its session: those of another have expired. Only touched under the receiver's lock.
        final class Assignment: @unchecked Sendable {
            let source: Source
            let session: UInt64
            var ledger = OffsetLedger<Held>()
            /// Numbers of events by key.
            var lanes = KeyLanes<UInt64>()
            /// Handed out and not settled.
            var out = 0
            /// It is about to be given to somebody else: no more of it is handed out.
            var isLeaving = false
            /// The last record that came. One that is not behind it has come already: librdkafka may ask for some again after a pause.
            var lastOffset = Int64(-1)

            init(_ source: Source, session: UInt64) { (self.source, self.session) = (source, session) }
        }

        /// Where records come.
        struct Queues {
            let main: KafkaQueue
            let retry: KafkaQueue
        }

        struct State {
            /// nil once the group was left.
            var queues: Queues?
            var assignments: [UInt64: Assignment] = [:]
            var sources: [Source: Assignment] = [:]
            /// Sessions have numbers that no other receiver's have, so that tokens cannot be mistaken.
            var nextSession = UInt64.random(in: 0..<1 << 48) << 16
            /// To be handed out next: retries whose time has come, events that waited for one of their key.
            var ready: Deque<Reference> = []
            var due = DueQueue<Reference>()
            var out = 0
            /// Neither handed out nor settled.
            var waiting = 0
            var waitingBytes = 0
            /// Of them, those that were read ahead of their time from the topic of retries.
            var retriesAhead = 0
            /// Partitions of which too much is behind an event that is not settled.
            var full: Set<UInt64> = []
            var pacer: CommitPacer
            var readAhead: ReadAhead
            /// What the thread has to see to of it.
            var order: ReadAhead.Order?
            var hasJoined = false
            /// Why nothing is received any more.
            var ended: BusError?
        }

        let subscription: Subscription
        let transport: KafkaTransport
        let groupID: String
        let handle: KafkaHandle
        let state: Mutex<State>
        /// Rings when there may be something to receive.
        let bell = Bell()
        /// Given when something that the thread waits for was settled.
        let drained = Signal()
        let closed = Signal()
        /// What the thread polls; nil once it is closed.
        let control: Mutex<KafkaQueue?>

        private init(_ subscription: Subscription, _ transport: KafkaTransport) throws(BusError) {
            self.subscription = subscription
            self.transport = transport
            groupID =
                subscription.isTemporary
                ? "\(subscription.name).\(String(UInt64.random(in: .min ... .max), radix: 36))"
                : subscription.name
            let hooks = KafkaHooks(transport.configuration.logger)
            // Replaced before anything is subscribed to; that it is there has it asked for.
            hooks.rebalance = { _, _, _ in }
            handle = try KafkaHandle(
                .consumer, transport.configuration, hooks,
                [
                    ("group.id", groupID), ("enable.auto.commit", "false"),
                    ("enable.auto.offset.store", "false"),
                    ("auto.offset.reset", "earliest"), ("partition.assignment.strategy", "range"),
                    ("isolation.level", "read_committed"), ("heartbeat.interval.ms", "1000"),
                    ("fetch.error.backoff.ms", "100"), ("topic.metadata.refresh.interval.ms", "30000"),
                    ("fetch.message.max.bytes", "\(KafkaLimits.fetchBytes)"),
                ])
            guard let main = rd_kafka_queue_new(handle.pointer),
                let retry = rd_kafka_queue_new(handle.pointer),
                let control = rd_kafka_queue_get_consumer(handle.pointer)
            else { throw .unavailable("librdkafka has no queue") }
            let queues = Queues(
                main: KafkaQueue(main, handle, ringing: bell), retry: KafkaQueue(retry, handle, ringing: bell)
            )
            state = Mutex(
                State(
                    queues: queues, pacer: CommitPacer(interval: transport.configuration.commitInterval),
                    readAhead: transport.configuration.readAhead))
            self.control = Mutex(KafkaQueue(control, handle))
        }

        // MARK: Open

        /// Makes the subscription if it is new, and joins its group.
        static func open(
            _ subscription: Subscription, _ transport: KafkaTransport
        ) async throws(BusError) -> KafkaReceiver {
            let partitions = try await transport.ensure(subscription.topic)
            if !subscription.parksRetries {
                _ = try await transport.ensure(subscription.retryTopic, partitions: partitions)
            }
            let receiver = try KafkaReceiver(subscription, transport)
            receiver.handle.hooks.rebalance = { [unowned receiver] client, error, partitions in
                receiver.rebalance(client, error, partitions)
            }
            let isNew: Bool
            do throws(BusError) {
                isNew = try await KafkaThread.attempt { () throws(BusError) in try receiver.begin(partitions)
                }
            } catch {
                receiver.releaseQueues()
                throw error
            }
            KafkaThread.start { receiver.run() }
            // Another member that begins at the same time cannot move a group's beginning once this one is in it.
            let deadline = ContinuousClock.now + transport.configuration.connectTimeout
            while isNew, ContinuousClock.now < deadline, !Task.isCancelled {
                let rings = receiver.bell.rings
                if receiver.state.withLock({ $0.hasJoined || $0.ended != nil }) { break }
                await receiver.bell.wait(beyond: rings, until: deadline)
            }
            return receiver
        }

        /// Commits where a new group begins, and subscribes; true if it was new.
        private func begin(_ partitions: Int) throws(BusError) -> Bool {
            let timeout = KafkaLimits.answerTimeout
            var retries = 0
            if case .ready(let count) = try KafkaAdmin.state(
                of: subscription.retryTopic, handle, timeout: timeout)
            {
                retries = count
            }
            let known = KafkaPartitions(capacity: partitions)
            for partition in 0..<partitions { known.append(subscription.topic, Int32(partition)) }
            let error = rd_kafka_committed(handle.pointer, known.pointer, timeout.milliseconds)
            if error == RD_KAFKA_RESP_ERR__TIMED_OUT {
                throw .unavailable(
                    "group '\(groupID)' does not say where it is; a transaction that its program left open may have to end first"
                )
            }
            guard !error.isError else { throw error.busError("group '\(groupID)'") }
            let isNew = (0..<known.count).allSatisfy { known[$0].offset < 0 }
            if isNew { try commitBeginning(partitions, retries) }
            let topics = KafkaPartitions(capacity: 2)
            topics.append(subscription.topic, RD_KAFKA_PARTITION_UA)
            if retries > 0 { topics.append(subscription.retryTopic, RD_KAFKA_PARTITION_UA) }
            let refused = rd_kafka_subscribe(handle.pointer, topics.pointer)
            guard !refused.isError else { throw refused.busError("group '\(groupID)'") }
            return isNew
        }

        private func commitBeginning(_ partitions: Int, _ retries: Int) throws(BusError) {
            let beginning = KafkaPartitions(capacity: partitions + retries)
            for (topic, count) in [(subscription.topic, partitions), (subscription.retryTopic, retries)] {
                for partition in 0..<count {
                    var (low, high): (Int64, Int64) = (0, 0)
                    let error = rd_kafka_query_watermark_offsets(
                        handle.pointer, topic, Int32(partition), &low, &high,
                        KafkaLimits.answerTimeout.milliseconds)
                    guard !error.isError else { throw error.busError("topic '\(topic)'") }
                    let isFirst = subscription.start == .earliest && topic == subscription.topic
                    beginning.append(topic, Int32(partition), isFirst ? low : high)
                }
            }
            switch rd_kafka_commit(handle.pointer, beginning.pointer, 0) {
            case RD_KAFKA_RESP_ERR_NO_ERROR: break
            case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION,
                RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS:
                // The group has members already, who have said where it begins.
                break
            case let error: throw error.busError("group '\(groupID)'")
            }
        }

        // MARK: End

        func extend(_ tokens: [DeliveryToken], by duration: Duration) async throws(BusError) {
            // Membership in the group holds events, for as long as it lasts.
            if let ended = state.withLock({ $0.ended }) { throw ended }
        }

        func close() async { await end(.closed) }

        /// Ends for a reason, and waits until the group was left.
        func end(_ error: BusError) async {
            state.withLock { if $0.ended == nil { $0.ended = error } }
            bell.ring()
            drained.give()
            wakeThread()
            // Verdicts that are being carried out may take as long as a publish.
            let patience = transport.configuration.publishTimeout + .seconds(60)
            await KafkaThread.run { [closed] in closed.wait(beyond: 0, for: patience) }
            transport.forget(self)
        }

        /// Has the thread look again.
        func wakeThread() {
            control.withLock { queue in
                if let queue { rd_kafka_queue_yield(queue.pointer) }
            }
        }

        /// Where partitions' records come; partitions are forwarded before they are fetched.
        func forward(_ client: OpaquePointer, _ topic: String, _ partition: Int32, isRetry: Bool) {
            guard let own = rd_kafka_queue_get_partition(client, topic, partition),
                let queues = state.withLock({ $0.queues })
            else { return }
            rd_kafka_queue_forward(own, isRetry ? queues.retry.pointer : queues.main.pointer)
            rd_kafka_queue_destroy(own)
        }

        /// Nothing comes any more.
        func releaseQueues() {
            state.withLock { $0.queues = nil }
            control.withLock { $0 = nil }
        }
    }
#endif
