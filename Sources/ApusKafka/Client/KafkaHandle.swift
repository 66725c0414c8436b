// SPDX-License-Identifier: Apache-2.0

// One client of librdkafka. Its calls may be made from any thread; what it owns is released when it is destroyed, which waits for its threads.

#if Kafka
    internal import ApusBus
    internal import CRDKafka
    internal import Logging
    internal import Synchronization

    /// What librdkafka tells a client.
    final class KafkaHooks: @unchecked Sendable {
        let logger: Logger
        private let lastError = Mutex<(code: rd_kafka_resp_err_t, text: String)?>(nil)
        /// What was assigned or revoked; on the thread that polls.
        var rebalance:
            (
                (
                    _ client: OpaquePointer, _ error: rd_kafka_resp_err_t,
                    UnsafeMutablePointer<rd_kafka_topic_partition_list_t>
                ) -> Void
            )?
        init(_ logger: Logger) { self.logger = logger }

        /// Something went wrong that librdkafka goes on to try.
        func note(_ code: rd_kafka_resp_err_t, _ text: String) {
            // It says that all brokers are down behind each reason why one is; the reason is worth more.
            lastError.withLock { last in
                if code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || last == nil { last = (code, text) }
            }
            logger.debug("librdkafka: \(text)")
        }

        /// Why the cluster is not reached, in words.
        func unreachable(_ subject: String) -> BusError {
            guard let last = lastError.withLock({ $0 }) else {
                return .unavailable("\(subject) does not answer")
            }
            let error = last.code.busError(subject)
            guard case .unauthorized = error else { return .unavailable("\(subject): \(last.text)") }
            return .unauthorized("\(subject): \(last.text)")
        }
    }

    /// One client.
    final class KafkaHandle: @unchecked Sendable {
        /// What a client is for.
        enum Kind {
            case producer
            case consumer
        }

        let pointer: OpaquePointer
        let hooks: KafkaHooks
        private let opaque: Unmanaged<KafkaHooks>

        /// - Throws: ``BusError/invalid(_:)`` for a property that librdkafka does not know or take.
        init(
            _ kind: Kind, _ configuration: KafkaConfiguration, _ hooks: KafkaHooks, _ own: [(String, String)]
        ) throws(BusError) {
            guard let conf = rd_kafka_conf_new() else { throw .unavailable("librdkafka has no memory") }
            let common = [
                ("bootstrap.servers", configuration.bootstrap), ("client.id", configuration.clientName),
                ("topic.metadata.refresh.fast.interval.ms", "100"), ("reconnect.backoff.max.ms", "2000"),
            ]
            var problem: BusError?
            let all =
                common.map { (name: $0.0, value: $0.1) } + own.map { (name: $0.0, value: $0.1) }
                + configuration.properties
            withUnsafeTemporaryAllocation(of: CChar.self, capacity: 512) { reason in
                for (name, value) in all where problem == nil {
                    let result = rd_kafka_conf_set(conf, name, value, reason.baseAddress, reason.count)
                    guard result != RD_KAFKA_CONF_OK else { continue }
                    // Reasons repeat the value, which can be a secret.
                    problem = .invalid(
                        result == RD_KAFKA_CONF_UNKNOWN
                            ? "the bus URL has '\(name)', which librdkafka does not know"
                            : "the bus URL has a value for '\(name)' that librdkafka does not take")
                }
            }
            if let problem {
                rd_kafka_conf_destroy(conf)
                throw problem
            }
            let opaque = Unmanaged.passRetained(hooks)
            rd_kafka_conf_set_opaque(conf, opaque.toOpaque())
            Self.setCallbacks(conf, kind, hooks)
            var text = ""
            let made = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 512) { reason in
                let type = kind == .producer ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER
                let made = rd_kafka_new(type, conf, reason.baseAddress, reason.count)
                if made == nil, let start = reason.baseAddress { text = String(cString: start) }
                return made
            }
            guard let made else {
                // Only a client that was made owns its configuration.
                rd_kafka_conf_destroy(conf)
                opaque.release()
                throw .invalid("librdkafka does not take the settings of the bus URL: \(text)")
            }
            (pointer, self.hooks, self.opaque) = (made, hooks, opaque)
            if kind == .consumer { rd_kafka_poll_set_consumer(made) }
        }

        private static func setCallbacks(_ conf: OpaquePointer, _ kind: Kind, _ hooks: KafkaHooks) {
            rd_kafka_conf_set_log_cb(conf) { client, level, _, text in
                guard let client, let text, let opaque = rd_kafka_opaque(client) else { return }
                let hooks = Unmanaged<KafkaHooks>.fromOpaque(opaque).takeUnretainedValue()
                // Brokers that are away are told as errors, too, and are nothing that a program's log has to be filled with.
                hooks.logger.log(level: level <= 2 ? .error : .debug, "librdkafka: \(String(cString: text))")
            }
            rd_kafka_conf_set_error_cb(conf) { _, code, text, opaque in
                guard let opaque else { return }
                let hooks = Unmanaged<KafkaHooks>.fromOpaque(opaque).takeUnretainedValue()
                hooks.note(rd_kafka_resp_err_t(code), text.map { String(cString: $0) } ?? "")
            }
            switch kind {
            case .producer: rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR)
            case .consumer where hooks.rebalance != nil:
                rd_kafka_conf_set_rebalance_cb(conf) { client, code, partitions, opaque in
                    guard let client, let partitions, let opaque else { return }
                    let hooks = Unmanaged<KafkaHooks>.fromOpaque(opaque).takeUnretainedValue()
                    hooks.rebalance?(client, code, partitions)
                }
            case .consumer: break
            }
        }

        deinit {
            nonisolated(unsafe) let pointer = pointer
            let opaque = opaque
            KafkaThread.start {
                rd_kafka_destroy(pointer)
                opaque.release()
            }
        }
    }

    extension Duration {
        /// For C functions that wait.
        var milliseconds: Int32 { Int32(clamping: Int64(self / .milliseconds(1))) }
    }
#endif
