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
                    (
                        "fetch.message.max.bytes",
                        "\(max(1_048_576, transport.configuration.eventBytesMax + 65_536))"
                    ),
                ])
            guard let main = rd_kafka_queue_new(handle.pointer),
                let retry = rd_kafka_queue_new(handle.pointer),
                let control = rd_kafka_queue_get_consumer(handle.pointer)
            else { throw .unavailable("librdkafka has no queue") }
            let queues = Queues(
                main: KafkaQueue(main, handle, ringing: bell), retry: KafkaQueue(retry, handle, ringing: bell)
            )
            state = Mutex(
                State(queues: queues, pacer: CommitPacer(interval: transport.configuration.commitInterval)))
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

        // MARK: Receive

        /// An event that is being handed out.
        private struct Handed {
            let record: KafkaRecord
            let attempt: Int
            let reference: Reference
        }

        func receive(limit: Int, wait: Duration) async throws(BusError) -> [ReceivedEvent] {
            guard limit > 0 else { return [] }
            let deadline = ContinuousClock.now + min(wait, .seconds(1 << 30))
            while true {
                let rings = bell.rings
                let (handed, next, ended) = state.withLock { state in
                    (take(limit, &state), state.due.next, state.ended)
                }
                if let ended { throw ended }
                let events = try await decode(handed)
                if !events.isEmpty { return events }
                guard handed.isEmpty else { continue }
                guard wait > .zero, .now < deadline, !Task.isCancelled else { return [] }
                await bell.wait(beyond: rings, until: min(deadline, next ?? deadline))
            }
        }

        private func take(_ limit: Int, _ state: inout State) -> [Handed] {
            var handed: [Handed] = []
            guard state.ended == nil, let queues = state.queues else { return handed }
            let now = ContinuousClock.now
            let room = min(limit, subscription.prefetch - state.out)
            while state.retriesAhead < KafkaLimits.retriesAheadMax {
                let count = queues.retry.take(KafkaLimits.retriesAheadMax - state.retriesAhead) {
                    admit($0, isRetry: true, now, &state)
                }
                guard count > 0 else { break }
            }
            while let reference = state.due.pop(at: now) { state.ready.append(reference) }
            guard room > 0 else { return handed }
            handed.reserveCapacity(min(room, KafkaLimits.sliceRecords))
            while true {
                while handed.count < room, let reference = state.ready.popFirst() {
                    if let one = handOut(reference, &state) { handed.append(one) }
                }
                guard handed.count < room, state.waiting - state.retriesAhead < KafkaLimits.waitingMax,
                    state.waitingBytes < KafkaLimits.waitingBytesMax, state.full.isEmpty
                else { return handed }
                let count = queues.main.take(room - handed.count) {
                    admit($0, isRetry: false, now, &state)
                }
                guard count > 0 else { return handed }
            }
        }

        /// A record that was consumed: into its partition's ledger, and to be handed out unless it has to wait.
        private func admit(
            _ record: KafkaRecord, isRetry: Bool, _ now: ContinuousClock.Instant, _ state: inout State
        ) {
            guard !record.error.isError else { return note(record, &state) }
            let source = Source(isRetry: isRetry, partition: record.partition)
            // Records of partitions that were revoked may still be on their way.
            guard let assignment = state.sources[source] else { return }
            var (attempt, wait) = (1, Duration.zero)
            if isRetry {
                let notes = CopyNotes(record)
                attempt = notes.attempts + 1
                if let due = notes.due {
                    wait = .milliseconds(max(0, min(due - WallClock.milliseconds, 1 << 40)))
                }
                state.retriesAhead += 1
            }
            state.waiting += 1
            state.waitingBytes += record.byteCount
            let number = assignment.ledger.append(Held(record: record, attempt: attempt), at: record.offset)
            if assignment.ledger.span >= KafkaLimits.spanMax { state.full.insert(assignment.session) }
            let reference = Reference(assignment: assignment, number: number)
            if wait > .zero { return state.due.insert(reference, due: now + wait) }
            if subscription.ordering == .byKey, !isRetry, let key = record.key,
                !assignment.lanes.admit(number, of: key)
            {
                return
            }
            state.ready.append(reference)
        }

        private func handOut(_ reference: Reference, _ state: inout State) -> Handed? {
            let assignment = reference.assignment
            // What is not assigned any more has an empty ledger.
            guard !assignment.isLeaving, var held = assignment.ledger[reference.number], !held.isOut else {
                return nil
            }
            held.isOut = true
            assignment.ledger[reference.number] = held
            assignment.out += 1
            state.out += 1
            noLongerWaits(held, assignment.source, &state)
            return Handed(record: held.record, attempt: held.attempt, reference: reference)
        }

        func noLongerWaits(_ held: Held, _ source: Source, _ state: inout State) {
            state.waiting -= 1
            state.waitingBytes -= held.record.byteCount
            if source.isRetry { state.retriesAhead -= 1 }
        }

        /// An error that came in the place of a record.
        func note(_ record: KafkaRecord, _ state: inout State) {
            switch record.error {
            case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
                if state.ended == nil {
                    state.ended = record.error.busError("subscription '\(subscription.name)'")
                }
            case let error:
                transport.configuration.logger.warning(
                    "a subscription cannot read for now",
                    metadata: ["reason": "\(error.text)", "group": "\(groupID)"])
            }
        }

        /// Records as events; those that nobody is to get are settled instead.
        private func decode(_ handed: [Handed]) async throws(BusError) -> [ReceivedEvent] {
            guard !handed.isEmpty else { return [] }
            var events: [ReceivedEvent] = []
            events.reserveCapacity(handed.count)
            var others: [Settlement] = []
            for one in handed {
                var (partition, offset) = (Int(one.record.partition), one.record.offset)
                if one.reference.assignment.source.isRetry {
                    let notes = CopyNotes(one.record)
                    (partition, offset) = (notes.partition ?? partition, notes.offset ?? offset)
                }
                let decoded = KafkaEvents.decode(
                    one.record, topic: subscription.topic, partition: partition, offset: offset)
                let token = DeliveryToken.number(
                    one.reference.number, session: one.reference.assignment.session)
                if one.attempt > subscription.attemptsMax {
                    others.append(
                        Settlement(
                            token, .deadLetter(reason: "all \(subscription.attemptsMax) attempts are used up")
                        ))
                } else if let types = subscription.types, decoded.problem == nil,
                    !types.contains(decoded.event.type)
                {
                    others.append(Settlement(token, .acknowledge))
                } else {
                    events.append(
                        ReceivedEvent(
                            event: decoded.event, problem: decoded.problem, topic: subscription.topic,
                            partition: partition, offset: offset, publishedAt: one.record.time,
                            attempt: one.attempt, token: token))
                }
            }
            if !others.isEmpty { _ = try await settle(others) }
            return events
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
