// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Apus

@Suite struct PublishingTests {
    let bench = Bench()

    private func published(_ topic: String) -> [CloudEvent] {
        bench.transport.change { $0.topics[topic] ?? [] }
    }

    @Test func `an event has its kind's attributes, and identity and time filled in`() async throws {
        let receipt = try await bench.bus.publish(PaymentTaken(orderID: "o-1"))
        #expect(receipt.topic == "payments" && receipt.offset == 0)
        let event = try #require(published("payments").first)
        #expect(event.type == "com.shop.payment.taken" && event.source == "/shop/payments")
        #expect(event.subject == "order/o-1" && event.dataContentType == "application/json")
        #expect(event.time == bench.clock.wallTime)
        #expect(event.data?.text == #"{"orderID":"o-1"}"#)
        #expect(event.dataVersion == 1 && event.extensions.isEmpty)
    }

    @Test func `key and version travel as attributes, and the program's name is the source of who says none`()
        async throws
    {
        try await bench.bus.publish(OrderPlaced(orderID: "o-1", total: 1))
        let event = try #require(published("orders").first)
        #expect(event.extensions[.partitionKey] == "o-1" && event.dataVersion == 2)
        #expect(event.source == OrderPlaced.source && event.source.hasPrefix("/") && event.source.count > 1)
    }

    @Test func `events published together are what they are one by one`() async throws {
        let events = [
            RawEvent(type: "a", topic: "raw", data: [1]), RawEvent(type: "a", topic: "raw", data: [2]),
            RawEvent(type: "a", topic: "raw", data: [3], key: "k"),
            RawEvent(type: "a", topic: "raw", data: [4], key: "l"),
            RawEvent(type: "a", topic: "raw", data: [5], key: ""),
            RawEvent(type: "a", topic: "raw", data: [6]),
            RawEvent(type: "b", topic: "raw", data: [7], subject: "s"),
            RawEvent(type: "b", topic: "raw", data: [8], subject: ""),
            RawEvent(type: "b", topic: "raw", data: [9], contentType: "text/plain", source: "/other"),
            RawEvent(type: "b", topic: "raw", data: [9], contentType: "text/plain"),
        ]
        for event in events { try await bench.bus.publish(event) }
        try await bench.bus.publish(events)
        let found = published("raw")
        #expect(found.count == 20 && Set(found.map(\.id)).count == 20)
        for (alone, together) in zip(found.prefix(10), found.suffix(10)) {
            var together = together
            together.id = alone.id
            #expect(together == alone)
        }
    }

    @Test func `one that breaks a rule among events published together refuses all of them`() async throws {
        let events = [
            RawEvent(type: "a", topic: "raw", data: [], key: "k"),
            RawEvent(type: "a", topic: "raw", data: [], key: "\u{0}"),
        ]
        await #expect(throws: BusError.self) { try await bench.bus.publish(events) }
        #expect(published("raw").isEmpty)
    }

    @Test func `keys can be texts, numbers, identities and optionals of those`() async throws {
        struct ByNumber: Event {
            static let type = "n", topic = "keys"
            var key: Int? = 7
        }
        struct ByIdentity: Event {
            static let type = "i", topic = "keys"
            var key: UUID
        }
        let id = UUID()
        try await bench.bus.publish([ByNumber(), ByNumber(key: nil), ByIdentity(key: id)] as [any Event])
        #expect(
            published("keys").map { $0.extensions[.partitionKey] } == ["7", nil, id.uuidString.lowercased()])
    }

    @Test func `options win over what the kind and the value say`() async throws {
        var options = PublishOptions(
            id: "mine", topic: "elsewhere", source: "/s", key: "k", subject: "about", correlationID: "c")
        try options.extensions.set("tenant", to: "blue")
        try await bench.bus.publish(PaymentTaken(orderID: "o-1"), options: options)
        let event = try #require(published("elsewhere").first)
        #expect(event.id == "mine" && event.source == "/s" && event.subject == "about")
        #expect(event.extensions[.partitionKey] == "k" && event.extensions[.correlationID] == "c")
        #expect(event.extensions["tenant"] == "blue")
    }

    @Test
    func `identities are UUIDs of version 7 that ascend within a millisecond and after the clock went back`()
        throws
    {
        let ids = EventIDs()
        let texts = (0..<10_000).map { ids.next(at: 1_700_000_000_000 - Int64($0 % 3)) }
        #expect(texts == texts.sorted() && Set(texts).count == texts.count)
        let id = try #require(texts.first)
        #expect(id.hasPrefix("018bcfe5-6800-7") && id.count == 36)
        #expect(id.split(separator: "-").map(\.count) == [8, 4, 4, 4, 12])
        #expect(["8", "9", "a", "b"].contains(id.split(separator: "-")[3].prefix(1)))
    }

    @Test
    func `many events of one kind are one call, many kinds one call per topic, order and receipts kept`()
        async throws
    {
        try await bench.bus.publish([OrderCancelled(orderID: "1"), OrderCancelled(orderID: "2")])
        let receipts = try await bench.bus.publish(
            [
                OrderCancelled(orderID: "3"), PaymentTaken(orderID: "4"), OrderPlaced(orderID: "5", total: 1),
            ] as [any Event])
        #expect(receipts.map(\.topic) == ["orders", "payments", "orders"])
        #expect(receipts.map(\.offset) == [2, 0, 3])
        #expect(bench.transport.change { $0.publishCalls.map(\.count) } == [2, 2, 1])
        #expect(published("orders").map(\.type).suffix(2) == [OrderCancelled.type, OrderPlaced.type])
    }

    @Test func `when one topic fails, what was published of the others is told`() async throws {
        bench.transport.change { $0.publishFailures = [.unavailable("down")] }
        let error = await #expect(throws: BusError.self) {
            try await bench.bus.publish(
                [OrderCancelled(orderID: "1"), PaymentTaken(orderID: "2")] as [any Event])
        }
        guard case .partial(let outcomes) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(outcomes.count == 2 && (try? outcomes[0].get()) == nil)
        #expect(try outcomes[1].get().topic == "payments")
        #expect(error?.isRetryable == true)
    }

    @Test func `a delayed event is due by the clock, and its receipt takes it back once`() async throws {
        let receipt = try await bench.bus.publish(PaymentTaken(orderID: "1"), after: .seconds(90))
        let due = bench.transport.change { $0.delayed.first?.at.millisecondsSinceEpoch }
        #expect(due == bench.clock.start.millisecondsSinceEpoch + 90_000)
        #expect(try await bench.bus.cancel(receipt))
        #expect(try await !bench.bus.cancel(receipt))
        let plain = try await bench.bus.publish(PaymentTaken(orderID: "1"))
        await #expect(throws: BusError.self) { try await bench.bus.cancel(plain) }
    }

    @Test func `bytes go out as they are`() async throws {
        try await bench.bus.publish(
            RawEvent(
                type: "t", topic: "raw", data: [0, 255], contentType: "application/octet-stream", key: "k"))
        let event = try #require(published("raw").first)
        #expect(event.data?.bytes == [0, 255] && event.extensions[.partitionKey] == "k" && event.type == "t")
        let receipts = try await bench.bus.publish([
            RawEvent(type: "t", topic: "raw", data: []), RawEvent(type: "t", topic: "raw2", data: []),
        ])
        #expect(receipts.map(\.topic) == ["raw", "raw2"])
    }

    @Test func `what cannot be encoded is told with the kind and the reason`() async throws {
        struct Odd: Event {
            static let type = "odd", topic = "odd"
            var value = Double.nan
        }
        let error = await #expect(throws: BusError.self) { try await bench.bus.publish(Odd()) }
        guard case .invalid(let reason) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(reason.contains("Odd cannot be encoded"))
    }

    @Test func `an attribute that breaks the specification is told`() async throws {
        await #expect(throws: BusError.self) {
            try await bench.bus.publish(PaymentTaken(orderID: "1"), options: PublishOptions(id: ""))
        }
        await #expect(throws: BusError.self) {
            try await bench.bus.publish(PaymentTaken(orderID: "1"), options: PublishOptions(topic: ""))
        }
    }
}
