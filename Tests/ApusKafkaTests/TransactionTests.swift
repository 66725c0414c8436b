// SPDX-License-Identifier: Apache-2.0

// Consume, transform, produce: both or neither. The mock cluster takes transactions down and does nothing about them: it keeps no offsets that come by one, and fences nobody. That
// the offsets hold and that the second of two programs fences the first is tested against Apus's own server (Tests/interop/kafka/test_library_transactions.py).

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
            let receipts = try await transactions.commit(
                publishing: [(try event("invoice"), "invoices")], handled: taken, of: receiver)
            #expect(receipts.map(\.topic) == ["invoices"])
            // They are settled by it.
            #expect(try await receiver.settle([Settlement(taken[0].token, .acknowledge)]) == [.expired])
            let reader = try await bus.replay("invoices", from: .earliest, pattern: nil)
            #expect(try await reader.next(limit: 10, wait: .seconds(30)).map(\.event.id) == ["invoice"])
            await bus.close()
        }

        @Test func `events ahead that are not settled make it wait, and leave everything as it was`()
            async throws
        {
            let cluster = try cluster()
            let bus = try await cluster.connect()
            let receiver = try await bus.subscribe(Subscription(group: "billing", topic: "orders"))
            _ = try await bus.publish((0..<2).map { try event("\($0)") }, to: "orders")
            let taken = try await take(2, from: receiver, settling: false)
            let transactions = try await bus.transactions(id: "t-1")
            await #expect {
                _ = try await transactions.commit(publishing: [], handled: [taken[1]], of: receiver)
            } throws: { error in
                (error as? BusError)?.isRetryable == true
            }
            #expect(try await receiver.settle([Settlement(taken[0].token, .acknowledge)]) == [.settled])
            _ = try await transactions.commit(publishing: [], handled: [taken[1]], of: receiver)
            await bus.close()
        }

        @Test(arguments: [
            Request.addOffsetsToTransaction, Request.txnOffsetCommit, Request.endTransaction,
        ])
        func `who makes transactions under an id that somebody else took over is refused`(
            request: Int16
        ) async throws {
            let cluster = try cluster()
            let bus = try await cluster.connect()
            let receiver = try await bus.subscribe(Subscription(group: "billing", topic: "orders"))
            _ = try await bus.publish([try event("1")], to: "orders")
            let taken = try await take(1, from: receiver, settling: false)
            let transactions = try await bus.transactions(id: "t-1")
            cluster.fail(request, [RD_KAFKA_RESP_ERR_PRODUCER_FENCED])
            for _ in 0..<2 {
                // Once refused, always refused.
                do {
                    _ = try await transactions.commit(
                        publishing: [(try event("invoice"), "invoices")], handled: taken, of: receiver)
                    Issue.record("it was fenced")
                } catch let error as BusError {
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
