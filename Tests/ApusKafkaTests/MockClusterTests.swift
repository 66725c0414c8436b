// SPDX-License-Identifier: Apache-2.0

// The transport against librdkafka's own mock cluster, which real brokers' faults can be asked of: brokers that go down, requests that fail.

#if Kafka
    import ApusBus
    import ApusTesting
    import CRDKafka
    import CloudEvents
    import Logging
    import Synchronization
    import Testing

    @testable import ApusKafka

    /// Brokers in this process.
    final class MockCluster: @unchecked Sendable {
        private let client: OpaquePointer
        private let cluster: OpaquePointer
        let url: String

        init(brokers: Int = 3) throws {
            guard let client = rd_kafka_new(RD_KAFKA_PRODUCER, nil, nil, 0),
                let cluster = rd_kafka_mock_cluster_new(client, Int32(brokers)),
                let hosts = rd_kafka_mock_cluster_bootstraps(cluster)
            else { throw BusError.unavailable("no mock cluster") }
            (self.client, self.cluster) = (client, cluster)
            url = "kafka://\(String(cString: hosts))"
        }

        deinit {
            rd_kafka_mock_cluster_destroy(cluster)
            rd_kafka_destroy(client)
        }

        func makeTopic(_ name: String, partitions: Int) {
            rd_kafka_mock_topic_create(cluster, name, Int32(partitions), 1)
        }

        func setLeader(_ topic: String, _ partition: Int32, _ broker: Int32) {
            rd_kafka_mock_partition_set_leader(cluster, topic, partition, broker)
        }

        func setCoordinator(_ group: String, _ broker: Int32) {
            rd_kafka_mock_coordinator_set(cluster, "group", group, broker)
        }

        func setBroker(_ broker: Int32, isUp: Bool) {
            if isUp {
                rd_kafka_mock_broker_set_up(cluster, broker)
            } else {
                rd_kafka_mock_broker_set_down(cluster, broker)
            }
        }

        /// Has the next requests of a kind fail, one after the other.
        func fail(_ requests: Int16, _ errors: [rd_kafka_resp_err_t]) {
            var errors = errors
            rd_kafka_mock_push_request_errors_array(cluster, requests, errors.count, &errors)
        }

        /// Produces records as another program does.
        func produce(_ topic: String, _ records: [(headers: [(String, String)], value: String)]) throws {
            guard let hosts = rd_kafka_mock_cluster_bootstraps(cluster), let conf = rd_kafka_conf_new(),
                rd_kafka_conf_set(conf, "bootstrap.servers", hosts, nil, 0) == RD_KAFKA_CONF_OK,
                let producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, nil, 0)
            else { throw BusError.unavailable("no producer") }
            defer { rd_kafka_destroy(producer) }
            let place = rd_kafka_topic_new(producer, topic, nil)
            defer { rd_kafka_topic_destroy(place) }
            for record in records {
                let headers = rd_kafka_headers_new(8)
                for (name, value) in record.headers {
                    rd_kafka_header_add(headers, name, -1, value, value.utf8.count)
                }
                let error = apus_rd_kafka_produce(
                    producer, place, record.value, record.value.utf8.count, nil, 0, headers, nil)
                if error != RD_KAFKA_RESP_ERR_NO_ERROR { throw BusError.unavailable("not produced") }
            }
            guard rd_kafka_flush(producer, 30_000) == RD_KAFKA_RESP_ERR_NO_ERROR else {
                throw BusError.unavailable("not flushed")
            }
        }

        /// Sessions are short because the mock cluster, once a member has left, lets a group wait for all but a second of a session before those who come after get anything:
        /// 44 s of the usual 45. They are longer than the 3 s for which it has the first member wait, since it takes who waits longer than a session for dead.
        func connect(_ settings: String = "") async throws -> KafkaTransport {
            try await KafkaTransport.connect(
                BusURL("\(url)?session.timeout.ms=4000\(settings)"),
                ConnectionOptions(logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }))
        }
    }

    /// Keys of Kafka's requests.
    enum Request {
        static let produce: Int16 = 0, offsetCommit: Int16 = 8, metadata: Int16 = 3,
            txnOffsetCommit: Int16 = 28
        static let addOffsetsToTransaction: Int16 = 25, endTransaction: Int16 = 26
    }

    func event(_ id: String, key: String? = nil) throws -> CloudEvent {
        var extensions = CloudEventExtensions()
        if let key { try extensions.set("partitionkey", to: .string(key)) }
        return try CloudEvent(id: id, source: "/test", type: "test.event", extensions: extensions)
    }

    /// Takes and settles until there are `count`.
    func take(
        _ count: Int, from receiver: any Receiver, settling: Bool = true
    ) async throws -> [ReceivedEvent] {
        var taken: [ReceivedEvent] = []
        while taken.count < count {
            let some = try await receiver.receive(limit: count - taken.count, wait: .seconds(30))
            if some.isEmpty { throw BusError.unavailable("only \(taken.count) of \(count) events came") }
            if settling { _ = try await receiver.settle(some.map { Settlement($0.token, .acknowledge) }) }
            taken += some
        }
        return taken
    }

    @Suite struct MockClusterTests {
        /// What the mock cluster cannot do itself: forget groups.
        private static let left: Set = [
            "a deleted subscription has forgotten everything",
            "a temporary subscription goes away with its receiver",
        ]
        private static let kept = [
            "each group", "acknowledged does not", "failed comes again", "same key", "dead letter is kept",
        ]
        private static let promises = BusContract.all.filter { promise in
            !left.contains(promise.name)
                && promise.needs.isSubset(of: [.orderByKey, .delayedRetry, .offsets, .deadLetters])
                && kept.contains { promise.name.contains($0) }
        }

        @Test func `what is chosen of the contract is there`() {
            for part in Self.kept { #expect(Self.promises.contains { $0.name.contains(part) }, "\(part)") }
            for name in Self.left { #expect(BusContract.all.contains { $0.name == name }, "\(name)") }
        }

        @Test(arguments: promises)
        func `keeps the contract`(_ promise: BusContract.Promise) async throws {
            let cluster = try MockCluster(brokers: 1)
            try await promise.run(BusContract.Subject(patience: .seconds(60)) { try await cluster.connect() })
        }

        @Test func `a broker that goes down and comes back costs no event and no order within a partition`()
            async throws
        {
            let cluster = try MockCluster()
            cluster.makeTopic("orders", partitions: 1)
            cluster.makeTopic("billing.orders.retry", partitions: 1)
            cluster.setLeader("orders", 0, 2)
            cluster.setCoordinator("billing.orders", 1)
            // One request at a time: the mock cluster takes a later one although an earlier one never came, and librdkafka concludes that it had.
            let bus = try await cluster.connect("&max.in.flight.requests.per.connection=1")
            let receiver = try await bus.subscribe(Subscription(group: "billing", topic: "orders"))
            _ = try await bus.publish((0..<10).map { try event("\($0)") }, to: "orders")
            let first = try await take(10, from: receiver)
            cluster.setBroker(2, isUp: false)
            async let receipts = bus.publish((10..<20).map { try event("\($0)") }, to: "orders")
            cluster.setLeader("orders", 0, 3)
            cluster.setBroker(2, isUp: true)
            #expect(try await receipts.count == 10)
            let rest = try await take(10, from: receiver)
            #expect((first + rest).map(\.event.id) == (0..<20).map(String.init))
            await bus.close()
        }

        @Test func `errors that pass are tried again, and publish each event once`() async throws {
            let cluster = try MockCluster()
            cluster.makeTopic("orders", partitions: 1)
            let bus = try await cluster.connect()
            // One request at a time: the mock cluster does not look at sequence numbers, and takes a later one while an earlier one is refused. No broker does, and librdkafka concludes that
            // the earlier one was stored.
            for id in 0..<5 {
                cluster.fail(
                    Request.produce,
                    [RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS])
                let receipts = try await bus.publish([event("\(id)")], to: "orders")
                // Where an answer was lost, nobody knows the place of what is there already.
                #expect(receipts.allSatisfy { $0.offset == nil || $0.offset == Int64(id) })
            }
            let reader = try await bus.replay("orders", from: .earliest, pattern: nil)
            var found: [String] = []
            while found.count < 5 {
                let some = try await reader.next(limit: 10, wait: .seconds(30))
                try #require(!some.isEmpty)
                found += some.map(\.event.id)
            }
            #expect(found == ["0", "1", "2", "3", "4"])
            await bus.close()
        }

        @Test func `a trace in plain headers is the event's where that has none, and of no other event`()
            async throws
        {
            let (place, own) = (
                "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
            )
            let attributes = [
                ("ce_specversion", "1.0"), ("ce_id", "e"), ("ce_source", "/s"), ("ce_type", "t"),
            ]
            let structured = [("content-type", "application/cloudevents+json")]
            let json = #"{"specversion":"1.0","id":"e","source":"/s","type":"t"}"#
            let trace = [("traceparent", place), ("tracestate", "a=1")]
            let cluster = try MockCluster(brokers: 1)
            cluster.makeTopic("orders", partitions: 1)
            try cluster.produce(
                "orders",
                [
                    (attributes + trace, "x"), (attributes, "x"), (trace, "plain"), ([], "plain"),
                    (structured + trace, json), (structured, json),
                    (attributes + trace + [("ce_traceparent", own)], "x"),
                    (attributes + [("traceparent", "00-no")], "x"),
                    (attributes + [("ce_id", "")] + trace, "x"),
                ])
            let bus = try await cluster.connect()
            let reader = try await bus.replay("orders", from: .earliest, pattern: nil)
            var found: [CloudEvent] = []
            while found.count < 9 {
                let some = try await reader.next(limit: 10, wait: .seconds(30))
                try #require(!some.isEmpty)
                found += some.map(\.event)
            }
            #expect(
                found.map { $0.extensions[.traceParent] } == [
                    place, nil, place, nil, place, nil, own, nil, place,
                ])
            #expect(
                found.map { $0.extensions[.traceState] } == [
                    "a=1", nil, "a=1", nil, "a=1", nil, nil, nil, "a=1",
                ])
            await bus.close()
        }

        @Test func `errors that do not pass say so, each in its own way`() async throws {
            let cluster = try MockCluster()
            cluster.makeTopic("orders", partitions: 1)
            let cases: [(rd_kafka_resp_err_t, (BusError) -> Bool)] = [
                (
                    RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
                    { if case .unauthorized = $0 { true } else { false } }
                ),
                (RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, { if case .tooLarge = $0 { true } else { false } }),
                (RD_KAFKA_RESP_ERR_POLICY_VIOLATION, { if case .refused = $0 { true } else { false } }),
            ]
            for (code, isMeant) in cases {
                let bus = try await cluster.connect()
                cluster.fail(Request.produce, [code])
                do {
                    _ = try await bus.publish([try event("1")], to: "orders")
                    Issue.record("\(code.text) was not told")
                } catch let error as BusError {
                    #expect(isMeant(error) && !error.isRetryable, "\(code.text) is told as \(error)")
                }
                await bus.close()
            }
        }

        @Test func `nobody there is unavailable, and says who`() async throws {
            let options = ConnectionOptions(
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
                connectTimeout: .milliseconds(800))
            do {
                _ = try await KafkaTransport.connect(BusURL("kafka://127.0.0.1:1"), options)
                Issue.record("there is nobody")
            } catch {
                #expect(error.isRetryable && error.description.contains("127.0.0.1:1"))
            }
        }

        @Test func `a commit that fails is sent again`() async throws {
            let cluster = try MockCluster(brokers: 1)
            cluster.makeTopic("orders", partitions: 1)
            cluster.makeTopic("billing.orders.retry", partitions: 1)
            let bus = try await cluster.connect()
            let subscription = Subscription(group: "billing", topic: "orders")
            let receiver = try await bus.subscribe(subscription)
            _ = try await bus.publish((0..<3).map { try event("\($0)") }, to: "orders")
            cluster.fail(Request.offsetCommit, [RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS])
            _ = try await take(3, from: receiver)
            await receiver.close()
            let again = try await bus.subscribe(subscription)
            _ = try await bus.publish([try event("marker")], to: "orders")
            #expect(try await take(1, from: again).map(\.event.id) == ["marker"])
            await bus.close()
        }

        @Test func `a full queue is waited for`() async throws {
            let cluster = try MockCluster(brokers: 1)
            cluster.makeTopic("orders", partitions: 1)
            let bus = try await cluster.connect("&queue.buffering.max.messages=10")
            let receipts = try await bus.publish((0..<500).map { try event("\($0)") }, to: "orders")
            #expect(receipts.map(\.offset) == (0..<500).map { Int64($0) })
            await bus.close()
        }

        @Test
        func
            `a retry that waits is taken along when its receiver closes, and nothing that is done comes again`()
            async throws
        {
            let cluster = try MockCluster(brokers: 1)
            cluster.makeTopic("orders", partitions: 1)
            cluster.makeTopic("billing.orders.retry", partitions: 1)
            let bus = try await cluster.connect()
            let subscription = Subscription(group: "billing", topic: "orders")
            let receiver = try await bus.subscribe(subscription)
            _ = try await bus.publish([try event("slow"), try event("fast")], to: "orders")
            let both = try await take(2, from: receiver, settling: false)
            _ = try await receiver.settle([
                Settlement(both[0].token, .retry(after: .seconds(10), reason: "later"))
            ])
            _ = try await receiver.settle([Settlement(both[1].token, .retry(after: .zero, reason: "now"))])
            let retried = try await take(1, from: receiver)
            #expect(retried.map(\.event.id) == ["fast"] && retried.first?.attempt == 2)
            #expect(retried.first?.offset == both[1].offset)
            await receiver.close()
            let again = try await bus.subscribe(subscription)
            let late = try await take(1, from: again)
            #expect(late.map(\.event.id) == ["slow"] && late.first?.attempt == 2)
            #expect(try await again.receive(limit: 1, wait: .milliseconds(200)).isEmpty)
            await bus.close()
        }

        @Test func `where keys are kept in order a failure holds up its own key only`() async throws {
            let cluster = try MockCluster(brokers: 1)
            cluster.makeTopic("orders", partitions: 1)
            let bus = try await cluster.connect()
            let receiver = try await bus.subscribe(
                Subscription(group: "billing", topic: "orders", ordering: .byKey))
            _ = try await bus.publish(
                [event("a1", key: "a"), event("a2", key: "a"), event("b1", key: "b"), event("b2", key: "b")],
                to: "orders")
            var order: [String] = []
            var hasFailed = false
            while order.count < 4 {
                for one in try await receiver.receive(limit: 10, wait: .seconds(30)) {
                    if one.event.id == "a1", !hasFailed {
                        hasFailed = true
                        _ = try await receiver.settle([
                            Settlement(one.token, .retry(after: .milliseconds(300), reason: "later"))
                        ])
                    } else {
                        order.append(one.event.id)
                        _ = try await receiver.settle([Settlement(one.token, .acknowledge)])
                    }
                }
            }
            #expect(order == ["b1", "b2", "a1", "a2"])
            await bus.close()
        }
    }
#endif
