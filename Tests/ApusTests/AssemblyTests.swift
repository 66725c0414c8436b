// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Apus

@Suite struct AssemblyTests {
    private func error(_ bench: Bench, _ options: ConsumerOptions) -> AssemblyError? {
        do throws(AssemblyError) {
            _ = try bench.bus.consumer(group: "g", options: options) { Handle(OrderPlaced.self) { _, _ in } }
            return nil
        } catch { return error }
    }

    @Test func `what the broker lacks is named before anything is consumed, with who has it`() async throws {
        let clock = TestClock()
        let transport = ScriptedTransport(clock: clock, without: [.orderByKey, .delayedRetry])
        let other = TransportScheme(
            names: ["other"],
            capabilities: Capabilities(
                transport: "other", features: [.orderByKey, .delayedRetry], durability: .flushed)
        ) { _, _ throws(BusError) in throw .closed }
        let bus = Bus(transport: transport, options: BusOptions(clock: clock), schemes: [other])
        do throws(AssemblyError) {
            _ = try bus.consumer(group: "g", options: .init(ordering: .byKey)) {
                Handle(OrderPlaced.self) { _, _ in }
            }
            Issue.record("it was assembled")
        } catch {
            guard case .missing(let missing) = error else {
                Issue.record("\(error)")
                return
            }
            #expect(missing.needs.map(\.feature) == [.orderByKey, .delayedRetry])
            #expect(missing.alternatives == ["other"])
            #expect(
                error.description
                    == "scripted: cannot do order by key (ordering: .byKey), delayed retry (a retry policy with waits); these have: other"
            )
        }
        #expect(transport.change { $0.groups.isEmpty })
    }

    @Test func `a broker that lacks what the program says it needs is refused when the bus is connected`()
        async throws
    {
        let other = TransportScheme(
            names: ["other"],
            capabilities: Capabilities(
                transport: "other", features: [.webhooks, .delay, .temporarySubscriptions],
                durability: .flushed)
        ) { _, _ throws(BusError) in throw .closed }
        await #expect {
            _ = try await Bus.connect(
                "memory:", transports: [.memory, other], options: BusOptions(needs: [.webhooks, .delay]))
        } throws: { error in
            "\(error)" == "memory: cannot do webhooks (BusOptions.needs); these have: other"
                && (error as? BusError)?.isLack(of: .webhooks, in: "memory") == true
        }
        let bus = try await Bus.connect("memory:", options: BusOptions(needs: [.delay, .replay]))
        await bus.close()
    }

    @Test func `a call for what the broker lacks names those that have it`() async throws {
        let other = TransportScheme(
            names: ["other"],
            capabilities: Capabilities(
                transport: "other", features: [.delay], durability: .flushed)
        ) { _, _ throws(BusError) in throw .closed }
        let clock = TestClock()
        let bus = Bus(
            transport: ScriptedTransport(clock: clock, without: [.delay]), options: BusOptions(clock: clock),
            schemes: [other])
        await #expect {
            try await bus.publish(OrderPlaced(orderID: "o-1", total: 1), after: .seconds(1))
        } throws: {
            "\($0)" == "scripted: cannot do delayed events; these have: other"
        }
    }

    @Test func `retries at once need no broker that keeps events back`() {
        let bench = Bench(without: [.delayedRetry])
        #expect(error(bench, .init(retry: .immediate(3))) == nil)
        #expect(error(bench, .init(retry: .list([.zero]))) == nil)
        #expect(error(bench, .init(retry: .exponential())) != nil)
        #expect(error(bench, .init(retry: .immediate(1).on(GatewayDown.self, .list([.seconds(1)])))) != nil)
    }

    @Test func `parts that do not fit together are told`() {
        let bench = Bench()
        func reason(
            _ options: ConsumerOptions = .init(), @ConsumerBuilder _ parts: () -> [ConsumerPart]
        ) -> String {
            do throws(AssemblyError) {
                _ = try bench.bus.consumer(group: "g", options: options, parts)
                return "fine"
            } catch { return error.description }
        }
        #expect(reason {}.contains("needs a handler"))
        #expect(
            reason {
                Handle(OrderPlaced.self) { _, _ in }
                Handle(OrderPlaced.self) { _, _ in }
            }.contains("two handlers for version 2 of com.shop.order.placed"))
        #expect(
            reason {
                Throttle(1)
                Handle(batchesOf: OrderPlaced.self, size: 2) { _ in }
            }.contains("batch handlers"))
        #expect(
            reason(.init(concurrency: 0)) { Handle(OrderPlaced.self) { _, _ in } }.contains("concurrency"))
        #expect(
            reason { Handle(OrderPlaced.self) { _, _ in }.timeout(.zero) }.contains("timeout"))
        for retries in [1000, Int.max] {
            #expect(
                reason(.init(retry: .immediate(retries))) { Handle(OrderPlaced.self) { _, _ in } }
                    .contains("1000 times at most"))
        }
        #expect(
            reason(.init(retry: .immediate(.max).then(.immediate(2)))) {
                Handle(OrderPlaced.self) { _, _ in }
            }.contains("1000 times at most"))
        #expect(
            reason(.init(retry: .exponential(attempts: .min))) { Handle(OrderPlaced.self) { _, _ in } }
                == "fine")
        #expect(
            reason(.init(retry: .immediate(999))) { Handle(OrderPlaced.self) { _, _ in } } == "fine")
        #expect(
            reason { Handle(OrderPlaced.self) { _, _ in }.matching("{") }.contains("not valid"))
        #expect(
            reason(.init(selection: .everything)) { Handle(OrderPlaced.self) { _, _ in }.matching("{}") }
                .contains("evaluate in the client"))
    }

    @Test func `the subscription asks for what the handlers need`() throws {
        let bench = Bench()
        let consumer = try bench.bus.consumer(
            group: "g", options: .init(retry: .none, deadLetter: "dead", start: .earliest)
        ) {
            Handle(OrderPlaced.self) { _, _ in }.retry(.immediate(4))
            Handle(batchesOf: OrderCancelled.self, size: 500) { _ in }
        }
        let subscription = try #require(consumer.subscriptions.first)
        #expect(subscription.attemptsMax == 5 && subscription.prefetch == 1000)
        #expect(subscription.deadLetterTopic == "dead" && subscription.start == .earliest)
        #expect(subscription.pattern == nil && subscription.lease == .seconds(30))
    }
}
