// SPDX-License-Identifier: Apache-2.0

// Kafka as applications use it. One client produces for all; each receiver and each reader has a client of its own, because librdkafka's groups are of a client.

#if Kafka
    public import ApusBus
    internal import CRDKafka
    public import CloudEvents
    internal import Logging
    internal import Synchronization

    /// A bus on a Kafka cluster, or another broker that speaks Kafka's protocol.
    public final class KafkaTransport: BusTransport {
        public let capabilities: Capabilities
        let configuration: KafkaConfiguration

        private struct State {
            var producer: KafkaProducer?
            var isClosed = false
            var knownTopics: Set<String> = []
            var receivers: [ObjectIdentifier: KafkaReceiver] = [:]
            var readers: [ObjectIdentifier: KafkaReplay] = [:]
            var transactions: [ObjectIdentifier: KafkaTransactions] = [:]
        }

        private let state = Mutex(State())

        init(_ configuration: KafkaConfiguration) {
            self.configuration = configuration
            capabilities = KafkaCapabilities.with(configuration.eventBytesMax)
        }

        /// Reaches a cluster.
        ///
        /// - Throws: ``BusError/invalid(_:)`` for a URL that says what there is not, ``BusError/unauthorized(_:)`` when the brokers do not believe who this is,
        ///   ``BusError/unavailable(_:)`` when none is reached in time.
        public static func connect(
            _ url: BusURL, _ options: ConnectionOptions
        ) async throws(BusError) -> KafkaTransport {
            let transport = KafkaTransport(try KafkaConfiguration(url, options))
            let producer = try transport.producer()
            let hosts = transport.configuration.bootstrap
            do throws(BusError) {
                try await KafkaThread.attempt { () throws(BusError) in
                    try KafkaAdmin.reach(producer.handle, hosts, timeout: options.connectTimeout)
                }
            } catch {
                await transport.close()
                throw error
            }
            return transport
        }

        var isClosed: Bool { state.withLock { $0.isClosed } }

        /// The client that produces; another one when the last has come to an end that it cannot get over.
        func producer() throws(BusError) -> KafkaProducer {
            let configuration = configuration
            let (result, broken) = state.withLock {
                state -> (Result<KafkaProducer, BusError>, KafkaProducer?) in
                guard !state.isClosed else { return (.failure(.closed), nil) }
                if let producer = state.producer, !producer.isBroken { return (.success(producer), nil) }
                let broken = state.producer
                do throws(BusError) {
                    let producer = try KafkaProducer(configuration)
                    state.producer = producer
                    return (.success(producer), broken)
                } catch { return (.failure(error), nil) }
            }
            if let broken { KafkaThread.start { broken.close(flushing: .seconds(5)) } }
            return try result.get()
        }

        /// The client that copies are made with, also by receivers that close with the bus.
        func copier() throws(BusError) -> KafkaProducer {
            if let producer = state.withLock({ $0.producer }), !producer.isBroken { return producer }
            return try producer()
        }

        // MARK: Topics

        /// Sees to it that a topic is there, and says how many partitions it has.
        func ensure(_ topic: String, partitions: Int? = nil) async throws(BusError) -> Int {
            let producer = try copier()
            let configuration = configuration
            let count = try await KafkaThread.attempt { () throws(BusError) -> Int in
                let deadline = ContinuousClock.now + configuration.connectTimeout
                var isMade = false
                while true {
                    // Where topics are made here, nobody else is asked to by asking.
                    if configuration.makesTopics, !isMade {
                        try KafkaAdmin.make(
                            topic, configuration, partitions: partitions ?? configuration.partitions,
                            producer.handle)
                        isMade = true
                    }
                    switch try KafkaAdmin.state(
                        of: topic, producer.handle, timeout: configuration.connectTimeout)
                    {
                    case .ready(let partitions): return partitions
                    case .missing where !isMade && !configuration.makesTopics:
                        // The broker may be making it because it was asked for; once more tells.
                        isMade = true
                    case .missing where !configuration.makesTopics:
                        throw .unknown(
                            "topic '\(topic)', and the brokers make none by themselves; create_topics=true in the bus URL has it made"
                        )
                    case .missing, .settling:
                        guard ContinuousClock.now < deadline else {
                            throw .unavailable("topic '\(topic)' has no leader")
                        }
                    }
                    Signal().wait(beyond: 0, for: .milliseconds(50))
                }
            }
            _ = state.withLock { $0.knownTopics.insert(topic) }
            return count
        }

        /// Makes topics known before the first record goes there.
        func prepare(_ topic: String, partitions: Int? = nil) async throws(BusError) {
            guard !state.withLock({ $0.knownTopics.contains(topic) }) else { return }
            _ = try await ensure(topic, partitions: partitions)
        }

        // MARK: Publish

        public func publish(_ events: [CloudEvent], to topic: String) async throws(BusError) -> [Receipt] {
            guard !isClosed else { throw .closed }
            try KafkaName.check(topic, "topic")
            for event in events {
                let size = event.data?.bytes.count ?? 0
                guard size <= configuration.eventBytesMax else {
                    throw .tooLarge(bytes: size, limit: configuration.eventBytesMax)
                }
            }
            guard !events.isEmpty else { return [] }
            try await prepare(topic)
            let producer = try producer()
            let destination = try producer.topic(topic)
            var writer = KafkaEventWriter(configuration.contentMode)
            let reports = try await producer.produce(events.count) { index, client, opaque in
                writer.produce(events[index], destination, client, opaque)
            }
            return try receipts(reports, topic)
        }

        /// Receipts of reports; what failed as an error for all, or one for each.
        func receipts(_ reports: [DeliveryReport], _ topic: String) throws(BusError) -> [Receipt] {
            var errors: Set<BusError> = []
            var failed = 0
            for report in reports where report.error.isError {
                failed += 1
                errors.insert(error(report, topic))
            }
            guard failed > 0 else {
                return reports.map { receipt($0, topic) }
            }
            if failed == reports.count, errors.count == 1, let error = errors.first {
                // A topic that is gone is asked for again the next time.
                if case .unknown = error { state.withLock { _ = $0.knownTopics.remove(topic) } }
                throw error
            }
            throw .partial(
                reports.map { report in
                    guard report.error.isError else { return .success(receipt(report, topic)) }
                    let error = error(report, topic)
                    return .failure(
                        BusError.Failure(reason: error.description, isRetryable: error.isRetryable))
                })
        }

        private func receipt(_ report: DeliveryReport, _ topic: String) -> Receipt {
            // Of a record that was there already, when an answer had been lost, the broker does not say the place.
            Receipt(
                topic: topic, partition: Int(report.partition),
                offset: report.offset < 0 ? nil : report.offset, durability: capabilities.durability)
        }

        private func error(_ report: DeliveryReport, _ topic: String) -> BusError {
            switch report.error {
            case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE,
                RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
                .tooLarge(bytes: configuration.eventBytesMax + 1, limit: configuration.eventBytesMax)
            case RD_KAFKA_RESP_ERR__PURGE_INFLIGHT, RD_KAFKA_RESP_ERR__PURGE_QUEUE:
                report.mayBeStored
                    ? .undecided("the bus was closed before topic '\(topic)' answered") : .closed
            case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT where !report.mayBeStored:
                .unavailable("topic '\(topic)': no broker took the event in \(configuration.publishTimeout)")
            case RD_KAFKA_RESP_ERR__FATAL: .unavailable("topic '\(topic)': the client had to begin anew")
            case let error: error.busError("topic '\(topic)'")
            }
        }

        // MARK: Consume

        public func subscribe(_ subscription: Subscription) async throws(BusError) -> any Receiver {
            try check(subscription)
            guard !isClosed else { throw .closed }
            let receiver = try await KafkaReceiver.open(subscription, self)
            let isClosed = state.withLock { state in
                if !state.isClosed { state.receivers[ObjectIdentifier(receiver)] = receiver }
                return state.isClosed
            }
            if isClosed {
                await receiver.close()
                throw .closed
            }
            return receiver
        }

        private func check(_ subscription: Subscription) throws(BusError) {
            try capabilities.requireTopic(subscription)
            if subscription.pattern != nil { try capabilities.require(.filterByContent) }
            guard !subscription.group.isEmpty else { throw .invalid("a subscription needs a group") }
            try KafkaName.check(subscription.topic, "topic")
            try KafkaName.check(subscription.retryTopic, "topic of retries")
            try KafkaName.check(subscription.deadLetterTopic, "topic of dead letters")
            guard subscription.prefetch >= 1 else {
                throw .invalid("prefetch is 1 at least, not \(subscription.prefetch)")
            }
            guard subscription.attemptsMax >= 1 else {
                throw .invalid("attemptsMax is 1 at least, not \(subscription.attemptsMax)")
            }
        }

        public func unsubscribe(_ subscription: Subscription) async throws(BusError) {
            try check(subscription)
            let mine = state.withLock { state in
                state.receivers.values.filter { $0.subscription.name == subscription.name }
            }
            for receiver in mine { await receiver.end(.unknown("subscription '\(subscription.name)'")) }
            try await delete(group: subscription.name)
        }

        /// Has a group forgotten, once its members are gone.
        func delete(group: String) async throws(BusError) {
            let producer = try copier()
            try await KafkaThread.attempt { () throws(BusError) in
                let deadline = ContinuousClock.now + KafkaLimits.answerTimeout
                while try !KafkaAdmin.delete(group: group, producer.handle) {
                    guard ContinuousClock.now < deadline else {
                        throw .unavailable("subscription '\(group)' is in use by other programs")
                    }
                    Signal().wait(beyond: 0, for: .milliseconds(100))
                }
            }
        }

        public func deadLetters(
            of subscription: Subscription, limit: Int
        ) async throws(BusError) -> [DeadLetter] {
            try check(subscription)
            guard !isClosed else { throw .closed }
            let (topic, configuration) = (subscription.deadLetterTopic, configuration)
            return try await KafkaThread.attempt { () throws(BusError) in
                try KafkaLetters.read(topic, of: subscription, limit: limit, configuration)
            }
        }

        public func replay(
            _ topic: String, from start: ReplayStart, pattern: String?
        ) async throws(BusError) -> any ReplayReader {
            guard pattern == nil else {
                throw .unsupported(.filterByContent, transport: capabilities.transport)
            }
            guard !isClosed else { throw .closed }
            try KafkaName.check(topic, "topic")
            let configuration = configuration
            let reader = try await KafkaThread.attempt { () throws(BusError) in
                try KafkaReplay.open(topic, from: start, configuration)
            }
            reader.whenClosed = { [weak self] reader in
                _ = self?.state.withLock { $0.readers.removeValue(forKey: ObjectIdentifier(reader)) }
            }
            let isClosed = state.withLock { state in
                if !state.isClosed { state.readers[ObjectIdentifier(reader)] = reader }
                return state.isClosed
            }
            if isClosed {
                await reader.close()
                throw .closed
            }
            return reader
        }

        func forget(_ receiver: KafkaReceiver) {
            _ = state.withLock { $0.receivers.removeValue(forKey: ObjectIdentifier(receiver)) }
        }

        func keep(_ transactions: KafkaTransactions) -> Bool {
            state.withLock { state in
                if !state.isClosed { state.transactions[ObjectIdentifier(transactions)] = transactions }
                return !state.isClosed
            }
        }

        func forget(_ transactions: KafkaTransactions) {
            _ = state.withLock { $0.transactions.removeValue(forKey: ObjectIdentifier(transactions)) }
        }

        // MARK: End

        public func close() async {
            let (receivers, readers, transactions) = state.withLock { state in
                state.isClosed = true
                return (
                    Array(state.receivers.values), Array(state.readers.values),
                    Array(state.transactions.values)
                )
            }
            await withTaskGroup { group in
                // Retries that wait are moved by them, for which the producer is needed.
                for receiver in receivers { group.addTask { await receiver.close() } }
                for reader in readers { group.addTask { await reader.close() } }
                for transaction in transactions { group.addTask { await transaction.close() } }
            }
            let producer = state.withLock { state in
                defer { state.producer = nil }
                return state.producer
            }
            guard let producer else { return }
            await KafkaThread.run { producer.close(flushing: .seconds(2)) }
        }
    }

    extension Subscription {
        /// Where its events wait for another attempt.
        var retryTopic: String { "\(name).retry" }
        /// Whether its retries wait in the receiver, so that the order of keys is kept, or because nothing of it is to outlive the receiver.
        var parksRetries: Bool { ordering == .byKey || isTemporary }
    }

    /// Names that brokers take.
    enum KafkaName {
        static func check(_ name: String, _ what: String) throws(BusError) {
            guard !name.isEmpty else { throw .invalid("a \(what) needs a name") }
            guard name.utf8.count <= KafkaLimits.nameBytesMax else {
                throw .invalid("the \(what) '\(name)' has more than \(KafkaLimits.nameBytesMax) bytes")
            }
            let isPlain = name.utf8.allSatisfy { byte in
                byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z") || byte &- 0x30 < 10
                    || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
            }
            guard isPlain, name != ".", name != ".." else {
                throw .invalid(
                    "the \(what) '\(name)' has characters other than letters, digits, '.', '_' and '-'")
            }
        }
    }
#endif
