// SPDX-License-Identifier: Apache-2.0

// Consume, transform, produce: both or neither. The mock cluster takes transactions down and does nothing about them: it keeps no offsets that come by one, and fences nobody. That
// the offsets hold and that the second of two programs fences the first is tested against Apus's own server (Tests/interop/kafka/test_library_transport.py, test_exactly_once.py).

#if Kafka
    import ApusBus
    import CRDKafka
    import CloudEvents
    import Testing

    @testable import ApusKafka

    @Suite struct TransactionTests {
        private func cluster() throws -> MockCluster {
            let cluster = try MockCluster(brokers: 1)
            for topic in ["orders", "billing.orders.retry", "invoices"] {
                cluster.makeTopic(topic, partitions: 1)
            }
            return cluster
        }

        @Test func `what was published is there, and what was handled is settled`() async throws {
            let cluster = try cluster()
            let bus = try await cluster.connect()
            let receiver = try await bus.subscribe(Subscription(group: "billing", topic: "orders"))
            _ = try await bus.publish((0..<3).map { try event("\($0)") }, to: "orders")
            let taken = try await take(3, from: receiver, settling: false)
            let transactions = try await bus.transactions(id: "t-1")
            let handled = try taken.map {
                HandledEvent($0, publishing: [(try event("invoice-\($0.event.id)"), "invoices")])
            }
            #expect(
                try await transactions.commit(handled, of: receiver) == [.committed, .committed, .committed])
            // They are settled by it.
            #expect(try await receiver.settle([Settlement(taken[0].token, .acknowledge)]) == [.expired])
            #expect(try await transactions.commit(handled, of: receiver) == [.expired, .expired, .expired])
            let reader = try await bus.replay("invoices", from: .earliest, pattern: nil)
            var invoices: [String] = []
            while invoices.count < 3 {
                let some = try await reader.next(limit: 10, wait: .seconds(30))
                try #require(!some.isEmpty)
                invoices += some.map(\.event.id)
            }
            #expect(invoices == ["invoice-0", "invoice-1", "invoice-2"])
            await bus.close()
        }

        @Test func `events ahead that are not settled make it wait, and those of other partitions do not`()
            async throws
        {
            let cluster = try cluster()
            cluster.makeTopic("parcels", partitions: 2)
            cluster.makeTopic("billing.parcels.retry", partitions: 2)
            let bus = try await cluster.connect()
            let receiver = try await bus.subscribe(Subscription(group: "billing", topic: "parcels"))
            _ = try await bus.publish(
                (0..<20).map { try event("\($0)", key: "k-\($0 % 8)") }, to: "parcels")
            let taken = try await take(20, from: receiver, settling: false)
            let first = try #require(taken.first { $0.partition == 0 })
            let others = taken.filter { $0.event.id != first.event.id }
            let transactions = try await bus.transactions(id: "t-1")
            let results = try await transactions.commit(others.map { HandledEvent($0) }, of: receiver)
            #expect(results == others.map { $0.partition == 0 ? .waiting : .committed })
            #expect(results.contains(.waiting) && results.contains(.committed))
            #expect(try await receiver.settle([Settlement(first.token, .acknowledge)]) == [.settled])
            let rest = others.filter { $0.partition == 0 }
            #expect(
                try await transactions.commit(rest.map { HandledEvent($0) }, of: receiver)
                    .allSatisfy { $0 == .committed })
            await bus.close()
        }

        @Test(
            arguments: [
                Request.addOffsetsToTransaction, Request.txnOffsetCommit, Request.endTransaction,
            ], [RD_KAFKA_RESP_ERR_PRODUCER_FENCED, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH])
        func `who makes transactions under an id that somebody else took over is refused`(
            request: Int16, error: rd_kafka_resp_err_t
        ) async throws {
            let cluster = try cluster()
            let bus = try await cluster.connect()
            let receiver = try await bus.subscribe(Subscription(group: "billing", topic: "orders"))
            _ = try await bus.publish([try event("1")], to: "orders")
            let taken = try await take(1, from: receiver, settling: false)
            let handled = [HandledEvent(taken[0], publishing: [(try event("invoice"), "invoices")])]
            let transactions = try await bus.transactions(id: "t-1")
            cluster.fail(request, [error])
            for _ in 0..<2 {
                // Once refused, always refused.
                do {
                    _ = try await transactions.commit(handled, of: receiver)
                    Issue.record("it was fenced")
                } catch {
                    guard case .refused = error else {
                        Issue.record("\(error)")
                        continue
                    }
                }
            }
            // The events are still its own, to be settled otherwise.
            #expect(try await receiver.settle([Settlement(taken[0].token, .release)]) == [.settled])
            await bus.close()
        }
    }
#endif
