// SPDX-License-Identifier: Apache-2.0

// Records that other programs produced, which are no events: what is known of them makes one, whatever came before.

#if Kafka
    import ApusBus
    import CRDKafka
    import CloudEvents
    import Testing

    @testable import ApusKafka

    @Suite struct PlainRecordTests {
        /// A record as any client produces it.
        private struct Plain {
            var value: [UInt8]?
            var key: [UInt8]?
            var headers: [(name: String, value: String)] = []
        }

        /// What the transport makes of records that were produced one after another.
        private func read(_ records: [Plain]) async throws -> [ReceivedEvent] {
            let cluster = try MockCluster(brokers: 1)
            cluster.makeTopic("orders", partitions: 1)
            let bus = try await cluster.connect()
            _ = try await bus.ensure("orders")
            let producer = try bus.copier()
            let topic = try producer.topic("orders")
            let reports = try await producer.produce(records.count) { index, client, opaque in
                let record = records[index]
                var headers = KafkaHeaders(capacity: 4)
                for header in record.headers { headers.append(header.name, header.value) }
                func produce(_ key: UnsafeRawBufferPointer?) -> rd_kafka_resp_err_t {
                    guard let value = record.value else {
                        return headers.produce(client, topic, value: nil, key: key, opaque)
                    }
                    return value.withUnsafeBytes {
                        headers.produce(client, topic, value: $0, key: key, opaque)
                    }
                }
                return record.key.map { $0.withUnsafeBytes { produce($0) } } ?? produce(nil)
            }
            #expect(reports.allSatisfy { !$0.error.isError })
            let reader = try await bus.replay("orders", from: .earliest, pattern: nil)
            var events: [ReceivedEvent] = []
            while events.count < records.count {
                let some = try await reader.next(limit: 100, wait: .seconds(30))
                try #require(!some.isEmpty)
                events += some
            }
            await bus.close()
            return events
        }

        private let order = Plain(
            value: Array("{}".utf8),
            headers: [
                ("ce_specversion", "1.0"), ("ce_id", "e-1"), ("ce_source", "/shop"),
                ("ce_type", "order.placed"),
                ("ce_tenant", "blue"), ("content-type", "application/json"),
            ])

        @Test func `a record that is no event has its place as its id and its bytes as its data`()
            async throws
        {
            let events = try await read((0..<12).map { Plain(value: [UInt8($0)]) })
            #expect(events.map(\.event.id) == (0..<12).map { "orders/0/\($0)" })
            #expect(events.map(\.event.data?.bytes) == (0..<12).map { [UInt8($0)] })
            for received in events {
                #expect(received.event.source == "/topics/orders" && received.event.type == "kafka.record")
                #expect(received.event.time == received.publishedAt && received.event.time != nil)
                #expect(received.problem == nil)
                try received.event.validate()
            }
        }

        @Test func `nothing of one record is left in the next`() async throws {
            let records: [Plain] = [
                Plain(value: [1]), order, Plain(value: [2]), Plain(value: [3], key: Array("k".utf8)),
                Plain(value: [4]), Plain(value: nil, key: [0xFF]), Plain(value: [5]),
                Plain(value: [6], headers: [("content-type", "text/plain"), ("other", "x")]),
                Plain(value: [7]),
                Plain(value: [8], headers: [("ce_id", "without the rest")]), Plain(value: [9]), order,
            ]
            let events = try await read(records)
            let (ids, types) = (events.map(\.event.id), events.map(\.event.type))
            #expect(
                ids == records.indices.map { $0 == 1 || $0 == 11 ? "e-1" : "orders/0/\($0)" })
            #expect(types == records.indices.map { $0 == 1 || $0 == 11 ? "order.placed" : "kafka.record" })
            #expect(events.map(\.event.data?.bytes) == records.map(\.value))
            #expect(
                events.map { $0.event.extensions["partitionkey"]?.text }
                    == records.indices.map { $0 == 3 ? "k" : nil })
            #expect(
                events.map { $0.event.extensions["tenant"]?.text }
                    == records.indices.map { $0 == 1 || $0 == 11 ? "blue" : nil })
            #expect(
                events.map(\.event.dataContentType)
                    == records.indices.map {
                        [1: "application/json", 7: "text/plain", 11: "application/json"][$0]
                    })
            #expect(events.map { $0.problem == nil } == records.indices.map { $0 != 9 })
            #expect(events[11].event.time == nil)
        }

        @Test func `a bus that is closed while events are published ends every call`() async throws {
            let cluster = try MockCluster(brokers: 1)
            cluster.makeTopic("orders", partitions: 1)
            let bus = try await cluster.connect()
            let some = try (0..<500).map { try event("\($0)") }
            _ = try await bus.publish([some[0]], to: "orders")
            await withTaskGroup { group in
                for _ in 0..<8 {
                    group.addTask {
                        do throws(BusError) {
                            while true { _ = try await bus.publish(some, to: "orders") }
                        } catch {
                            // Some of a call may have gone out before.
                            switch error {
                            case .closed, .partial, .undecided: break
                            default: Issue.record("closing is told as \(error)")
                            }
                        }
                    }
                }
                await bus.close()
            }
        }
    }
#endif
