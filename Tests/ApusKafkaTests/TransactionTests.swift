// SPDX-License-Identifier: Apache-2.0

// Consume, transform, produce: what is refused before a transaction begins. The mock cluster of librdkafka 2.0 keeps no offsets that a transaction
// commits and fences nobody; that both or neither happen is shown against a server, by programs that are killed (Tests/interop).

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
    }
#endif
