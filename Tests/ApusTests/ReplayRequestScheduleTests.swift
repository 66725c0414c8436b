// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Apus

struct GetQuote: Event {
    static let type = "quote.get", topic = "quotes"
    var symbol: String
}

struct Quote: Event, Equatable {
    static let type = "quote", topic = "quotes.given"
    var price: Double
}

@Suite struct ReplayTests {
    let bench = Bench()

    @Test func `stored events of the kind come again, with their place`() async throws {
        try await bench.bus.publish(
            [
                OrderPlaced(orderID: "1", total: 1), OrderCancelled(orderID: "2"),
                OrderPlaced(orderID: "3", total: 3),
            ]
                as [any Event])
        var seen: [String] = []
        for try await past in bench.bus.replay(OrderPlaced.self, from: .earliest) {
            seen.append("\(past.event.orderID)@\(past.context.offset ?? -1)")
        }
        #expect(seen == ["1@0", "3@2"])
        var later: [String] = []
        for try await past in bench.bus.replay(OrderPlaced.self, from: .offset(1)) {
            later.append(past.event.orderID)
        }
        #expect(later == ["3"])
    }

    @Test func `where the broker cannot choose, this program does`() async throws {
        let bench = Bench(without: [.filterByContent])
        try await bench.bus.publish([
            OrderPlaced(orderID: "1", total: 1), OrderPlaced(orderID: "3", total: 3),
        ])
        var seen: [String] = []
        for try await past in try bench.bus.replay(OrderPlaced.self, from: .earliest, where: \.total > 2) {
            seen.append(past.event.orderID)
        }
        #expect(seen == ["3"])
    }

    @Test func `data that cannot be read ends a replay with its place`() async throws {
        try await bench.bus.publish(RawEvent(type: OrderCancelled.type, topic: "orders", data: []))
        let error = await #expect(throws: UnreadableReplay.self) {
            for try await _ in bench.bus.replay(OrderCancelled.self, from: .earliest) {}
        }
        #expect(error?.offset == 0 && error?.topic == "orders")
    }

    @Test func `a broker that keeps nothing says so`() async throws {
        let bench = Bench(without: [.replay])
        await #expect(throws: BusError.unsupported(.replay, transport: "scripted")) {
            for try await _ in bench.bus.replay(OrderCancelled.self, from: .earliest) {}
        }
    }
}

@Suite struct RequestTests {
    let bench = Bench()

    @Test func `a request gets its own answer`() async throws {
        let consumer = try bench.bus.consumer(group: "quotes") {
            Handle(GetQuote.self, replying: Quote.self) { request, _ in
                Quote(price: Double(request.symbol.count))
            }
        }
        let bus = bench.bus
        try await bench.running(consumer) {
            try await withThrowingTaskGroup(of: Bool.self) { tasks in
                for length in 1...20 {
                    tasks.addTask {
                        let symbol = String(repeating: "x", count: length)
                        return try await bus.request(GetQuote(symbol: symbol), as: Quote.self)
                            == Quote(price: Double(length))
                    }
                }
                for try await isRight in tasks { #expect(isRight) }
            }
        }
        let temporary = bench.transport.change { state in
            state.groups.values.count { $0.subscription.isTemporary }
        }
        #expect(temporary == 1)
        await bus.close()
    }

    @Test func `without an answer there is a timeout`() async throws {
        let bus = bench.bus
        let clock = bench.clock
        let answer = Task {
            try await bus.request(GetQuote(symbol: "x"), as: Quote.self, timeout: .seconds(3))
        }
        await clock.sleepers(until: .seconds(3))
        clock.advance(by: .seconds(3))
        await #expect(throws: RequestError.timedOut(.seconds(3))) { try await answer.value }
        await bus.close()
    }

    @Test func `a request that is given up says why`() async throws {
        let consumer = try bench.bus.consumer(group: "quotes") {
            Handle(GetQuote.self, replying: Quote.self) { _, _ in throw Reject("no such symbol") }
        }
        let bus = bench.bus
        try await bench.running(consumer) {
            await #expect(throws: RequestError.failed("no such symbol")) {
                try await bus.request(GetQuote(symbol: "x"), as: Quote.self)
            }
        }
        #expect(bench.dead("quotes.quotes").map(\.reason) == ["no such symbol"])
        await bus.close()
    }

    @Test func `an answer of another kind is told`() async throws {
        let consumer = try bench.bus.consumer(group: "quotes") {
            Handle(GetQuote.self, replying: OrderCancelled.self) { _, _ in OrderCancelled(orderID: "1") }
        }
        let bus = bench.bus
        try await bench.running(consumer) {
            let error = await #expect(throws: RequestError.self) {
                try await bus.request(GetQuote(symbol: "x"), as: Quote.self)
            }
            guard case .unexpected = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
        await bus.close()
    }

    @Test func `a broker without temporary subscriptions, and a failing publish, are told`() async throws {
        let poor = Bench(without: [.temporarySubscriptions])
        await #expect(throws: RequestError.bus(.unsupported(.temporarySubscriptions, transport: "scripted")))
        {
            try await poor.bus.request(GetQuote(symbol: "x"), as: Quote.self)
        }
        bench.transport.change { $0.publishFailures = [.refused("no")] }
        let bus = bench.bus
        await #expect(throws: RequestError.bus(.refused("no"))) {
            try await bus.request(GetQuote(symbol: "x"), as: Quote.self)
        }
        await bus.close()
    }
}

@Suite struct ReplyInboxTests {
    let bench = Bench()

    @Test func `a second request by an id that waits for its answer is refused, and the first goes on`()
        async throws
    {
        let bus = bench.bus
        let ask: @Sendable (Duration) async throws -> Quote = { timeout in
            try await bus.request(
                GetQuote(symbol: "x"), as: Quote.self, timeout: timeout, options: .init(id: "same"))
        }
        let first = Task { try await ask(.seconds(3)) }
        await bench.clock.sleepers(until: .seconds(3))
        let error = await #expect(throws: RequestError.self) { try await ask(.seconds(1)) }
        guard case .bus(.invalid(let reason)) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(reason.contains("'same'"))
        #expect(bench.transport.change { $0.topics["quotes"]?.count } == 1)
        // The first has its answer as if there had been no second.
        try await answer("same", with: 7)
        #expect(try await first.value == Quote(price: 7))
        // Answered, the id can be asked by again; what is left of the first does not end it.
        let again = Task { try await ask(.seconds(5)) }
        await bench.clock.sleepers(until: .seconds(5))
        bench.clock.advance(by: .seconds(3))
        try await answer("same", with: 8)
        #expect(try await again.value == Quote(price: 8))
        await bus.close()
    }

    private func answer(_ id: String, with price: Double) async throws {
        var options = PublishOptions(topic: "quotes.replies", causationID: id)
        try options.extensions.set(ApusAttribute.replyFor, to: .string(bench.bus.replies.name))
        try await bench.bus.publish(Quote(price: price), options: options)
    }

    private static func lines(_ state: ScriptedTransport.State) -> Int {
        state.groups.values.count { $0.subscription.isTemporary }
    }

    @Test func `a line that ends as soon as it is open is not taken for one that is open`() async throws {
        for _ in 0..<200 {
            let bench = Bench()
            bench.transport.change { $0.receiveFailures = [.refused("deleted")] }
            try await bench.bus.replies.open(bench.bus, topic: "quotes")
            await bench.transport.until { $0.receiveFailures.isEmpty && Self.lines($0) == 0 }
            try await bench.bus.replies.open(bench.bus, topic: "quotes")
            #expect(bench.transport.change { Self.lines($0) } == 1)
            await bench.bus.close()
        }
    }

    @Test func `a line that was being opened when the bus was closed is not left open`() async throws {
        let replies = bench.bus.replies
        // Closed in the midst of subscribing.
        bench.transport.change { $0.whenSubscribed = { await replies.close() } }
        await #expect(throws: BusError.closed) { try await replies.open(bench.bus, topic: "quotes") }
        #expect(bench.transport.change { Self.lines($0) } == 0)
    }
}

@Suite struct SchedulingTests {
    @Test func `recurring events are the broker's to keep`() async throws {
        let bench = Bench()
        try await bench.bus.schedule(
            "nightly", cron: "0 3 * * *", timeZone: "Europe/Berlin", OrderCancelled(orderID: "1"))
        try await bench.bus.schedule("tick", every: .seconds(10), OrderCancelled(orderID: "2"))
        let schedules = bench.transport.change(\.schedules)
        #expect(
            schedules.map(\.recurrence) == [
                .cron("0 3 * * *", timeZone: "Europe/Berlin"), .rate(.seconds(10)),
            ])
        #expect(schedules.map(\.topic) == ["orders", "orders"])
        try await bench.bus.unschedule("tick")
        #expect(bench.transport.change(\.schedules).map(\.name) == ["nightly"])
        await #expect(throws: BusError.self) {
            try await bench.bus.schedule("never", every: .zero, OrderCancelled(orderID: "2"))
        }
        let poor = Bench(without: [.recurring])
        await #expect(throws: BusError.unsupported(.recurring, transport: "scripted")) {
            try await poor.bus.schedule("tick", every: .seconds(10), OrderCancelled(orderID: "2"))
        }
    }
}
