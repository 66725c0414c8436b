// SPDX-License-Identifier: Apache-2.0

// Consume, transform, produce, exactly once: what is published while an event is handled, and the note that it was handled, are one transaction of Kafka's. A
// program that dies in between has done neither, and one that was taken for dead can do neither any more.

#if Kafka
    public import ApusBus
    internal import CRDKafka
    internal import CloudEvents
    internal import Synchronization

    extension KafkaTransport {
        /// Begins to make transactions. Whoever made some under the same `id` before cannot any more.
        ///
        /// - Parameter id: who makes them, the same through restarts and another for each that runs at the same time; at most 249 characters.
        /// - Throws: ``BusError``.
        public func transactions(id: String) async throws(BusError) -> any BusTransactions {
            guard !id.isEmpty, id.utf8.count <= KafkaLimits.nameBytesMax else {
                throw .invalid("transactions need an id of 1 to \(KafkaLimits.nameBytesMax) bytes")
            }
            guard !isClosed else { throw .closed }
            let producer = try KafkaProducer(configuration, transactionalID: id)
            let timeout = configuration.publishTimeout
            do throws(BusError) {
                try await KafkaThread.attempt { () throws(BusError) in
                    let error = KafkaError(
                        rd_kafka_init_transactions(producer.handle.pointer, timeout.milliseconds))
                    if let error { throw error.code.busError("transactions of '\(id)' (\(error.text))") }
                }
            } catch {
                KafkaThread.start { producer.close(flushing: .zero) }
                throw error
            }
            let transactions = KafkaTransactions(id, producer, self)
            guard keep(transactions) else {
                await transactions.close()
                throw .closed
            }
            return transactions
        }
    }

    /// Transactions of one program, one at a time.
    final class KafkaTransactions: BusTransactions {
        private struct State {
            var isBusy = false
            /// Why there can be no more.
            var ended: BusError?
        }

        private let id: String
        private let producer: KafkaProducer
        private let transport: KafkaTransport
        private let state = Mutex(State())
        private let bell = Bell()

        init(_ id: String, _ producer: KafkaProducer, _ transport: KafkaTransport) {
            (self.id, self.producer, self.transport) = (id, producer, transport)
        }

        func commit(
            _ handled: [HandledEvent], of receiver: any Receiver
        ) async throws(BusError) -> [CommitResult] {
            guard let receiver = receiver as? KafkaReceiver, receiver.transport === transport else {
                throw .invalid("a transaction acknowledges events of a receiver of the same Kafka bus")
            }
            let events = handled.flatMap(\.publishing)
            for (_, topic) in events {
                try KafkaName.check(topic, "topic")
                try await transport.prepare(topic)
            }
            try await takeTurn()
            defer { endTurn() }
            let (plan, results) = try await receiver.plan(handled.map(\.event))
            var publishing: [(event: CloudEvent, topic: String)] = []
            for (one, result) in zip(handled, results) where result == .committed {
                publishing += one.publishing
            }
            // Nobody asks for a transaction in which nothing happens.
            guard !plan.settled.isEmpty else {
                receiver.finish(plan, hasHappened: false)
                return results
            }
            do throws(BusError) {
                try await carryOut(plan, publishing, receiver)
                receiver.finish(plan, hasHappened: true)
                return results
            } catch {
                receiver.finish(plan, hasHappened: false)
                throw error
            }
        }

        private func carryOut(
            _ plan: KafkaReceiver.TransactionPlan, _ events: [(event: CloudEvent, topic: String)],
            _ receiver: KafkaReceiver
        ) async throws(BusError) {
            try check(KafkaError(rd_kafka_begin_transaction(producer.handle.pointer)))
            var topics: [KafkaTopic] = []
            for (_, topic) in events { topics.append(try producer.topic(topic)) }
            let retries = plan.moved.isEmpty ? nil : try producer.topic(receiver.subscription.retryTopic)
            var writer = KafkaEventWriter(transport.configuration.contentMode)
            let reports = try await producer.produce(events.count + plan.moved.count) {
                index, client, opaque in
                guard index >= events.count, let retries else {
                    return writer.produce(events[index].event, topics[index], client, opaque)
                }
                let record = plan.moved[index - events.count].record
                var headers = KafkaHeaders(copyingAll: record)
                return headers.produce(again: record, retries, client, opaque)
            }
            for (report, (_, topic)) in zip(reports, events) {
                do throws(BusError) {
                    _ = try transport.receipts([report], topic)
                } catch {
                    await abort()
                    throw isOver ?? error
                }
            }
            if let failed = reports.first(where: { $0.error.isError }) {
                await abort()
                throw isOver ?? failed.error.busError("a copy of an event")
            }
            let (producer, timeout) = (producer, transport.configuration.publishTimeout)
            let offsets = plan.offsets
            let (isMember, error) = await KafkaThread.run { () -> (Bool, KafkaError?) in
                let list = KafkaPartitions(capacity: offsets.count)
                for (topic, partition, offset) in offsets { list.append(topic, partition, offset) }
                guard let member = rd_kafka_consumer_group_metadata(receiver.handle.pointer) else {
                    return (false, nil)
                }
                defer { rd_kafka_consumer_group_metadata_destroy(member) }
                let error = Self.repeating(for: timeout) { left in
                    rd_kafka_send_offsets_to_transaction(producer.handle.pointer, list.pointer, member, left)
                }
                return (true, error)
            }
            guard isMember else {
                await abort()
                throw .unavailable("group '\(receiver.groupID)' was left")
            }
            try await checkOrAbort(error)
            let ended = await KafkaThread.run { () -> KafkaError? in
                Self.repeating(for: timeout) { left in
                    rd_kafka_commit_transaction(producer.handle.pointer, left)
                }
            }
            if let ended, ended.isRetriable {
                // Whether it happened is not known, and nobody but a new client of this id can find out.
                fail(.undecided("transactions of '\(id)' have to begin anew: \(ended.text)"))
                throw .undecided("a transaction of '\(id)' did not end in time: \(ended.text)")
            }
            try await checkOrAbort(ended)
        }

        /// Repeats what can be repeated.
        private static func repeating(for time: Duration, _ body: (Int32) -> OpaquePointer?) -> KafkaError? {
            let deadline = ContinuousClock.now + time
            while true {
                let left = max(.milliseconds(1), ContinuousClock.now.duration(to: deadline))
                guard let error = KafkaError(body(left.milliseconds)) else { return nil }
                guard error.isRetriable, ContinuousClock.now < deadline else { return error }
                Signal().wait(beyond: 0, for: .milliseconds(50))
            }
        }

        private func check(_ error: KafkaError?) throws(BusError) {
            guard let error else { return }
            if error.isFatal || error.isFenced {
                let reason = BusError.refused("transactions of '\(id)' are over: \(error.text)")
                fail(reason)
                throw reason
            }
            let reason = error.code.busError("a transaction of '\(id)'")
            if case .undecided(let text) = reason { throw .unavailable(text) }
            throw reason
        }

        private func checkOrAbort(_ error: KafkaError?) async throws(BusError) {
            guard let error else { return }
            if !error.isFatal, !error.isFenced { await abort() }
            try check(error)
        }

        private func abort() async {
            let (producer, timeout) = (producer, transport.configuration.publishTimeout)
            let error = await KafkaThread.run { () -> KafkaError? in
                Self.repeating(for: timeout) { left in
                    rd_kafka_abort_transaction(producer.handle.pointer, left)
                }
            }
            guard let error else { return }
            guard !error.isFatal, !error.isFenced else {
                return fail(.refused("transactions of '\(id)' are over: \(error.text)"))
            }
            fail(.undecided("transactions of '\(id)' have to begin anew: \(error.text)"))
        }

        /// The error with which everything ended, where it has.
        private var isOver: BusError? { state.withLock(\.ended) }

        private func fail(_ reason: BusError) { state.withLock { if $0.ended == nil { $0.ended = reason } } }

        private func takeTurn() async throws(BusError) {
            while true {
                let rings = bell.rings
                let (isMine, ended) = state.withLock { state in
                    guard state.ended == nil, !state.isBusy else { return (false, state.ended) }
                    state.isBusy = true
                    return (true, nil)
                }
                if let ended { throw ended }
                if isMine { return }
                if Task.isCancelled { throw .unavailable("the task was cancelled") }
                await bell.wait(beyond: rings, until: nil)
            }
        }

        private func endTurn() {
            state.withLock { $0.isBusy = false }
            bell.ring()
        }

        func close() async {
            while true {
                let rings = bell.rings
                let isBusy = state.withLock { state in
                    if state.ended == nil { state.ended = .closed }
                    return state.isBusy
                }
                guard isBusy else { break }
                await bell.wait(beyond: rings, until: nil)
                if Task.isCancelled { break }
            }
            transport.forget(self)
            let producer = producer
            await KafkaThread.run { producer.close(flushing: .zero) }
        }
    }
#endif
