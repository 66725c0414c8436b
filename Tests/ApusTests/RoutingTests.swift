// SPDX-License-Identifier: Apache-2.0

import ApusRules
import Foundation
import Testing

@testable import Apus

/// An order with everything that makes fields hard to find.
struct Order: Event {
    static let type = "order", topic = "orders"

    enum State: String, Codable, CaseIterable { case open, paid, lost }
    struct Address: Codable, Equatable {
        var city: String
        var zip: String?
    }
    struct Customer: Codable {
        var name: String
        var address: Address
        enum CodingKeys: String, CodingKey {
            case name = "full_name"
            case address
        }
    }

    var total: Double
    var region: String
    var count: Int
    var gift: Bool
    var state: State
    var note: String?
    var discount: Double?
    var tags: [String]
    var customer: Customer
    var id: UUID
    var parent: Link?

    final class Link: Codable, Sendable {
        let name: String
        let next: Link?
    }

    var loud: String { region.uppercased() }
    var label: String { region + "/" + customer.name }

    enum CodingKeys: String, CodingKey {
        case total = "amount"
        case region, count, gift, state, note, discount, tags, customer, id, parent
    }
}

@Suite struct PredicateTests {
    private func text(_ predicate: EventPredicate<Order>) throws -> String {
        // Every pattern that is made has to be one.
        try Pattern(parsing: predicate.pattern()).text
    }

    private func canonical(_ text: String) throws -> String { try Pattern(parsing: text).text }

    @Test func `fields have the names of the coding keys, nested ones too`() throws {
        #expect(
            try text(\.total > 1000)
                == canonical(#"{"type":["order"],"data":{"amount":[{"numeric":[">",1000]}]}}"#))
        #expect(
            try text(\.customer.name == "Ada")
                == canonical(#"{"type":["order"],"data":{"customer":{"full_name":["Ada"]}}}"#))
        #expect(
            try text(\.customer.address.city == "Bern" && \.region == "eu")
                == canonical(
                    #"{"type":["order"],"data":{"customer":{"address":{"city":["Bern"]}},"region":["eu"]}}"#))
    }

    @Test func `every operator becomes what patterns call it`() throws {
        func data(_ inner: String) throws -> String { try canonical(#"{"type":["order"],"data":\#(inner)}"#) }
        #expect(try text(\.gift == true) == data(#"{"gift":[true]}"#))
        #expect(try text(\.state == .paid) == data(#"{"state":["paid"]}"#))
        #expect(try text(\.count <= 5) == data(#"{"count":[{"numeric":["<=",5]}]}"#))
        #expect(try text(\.discount >= 0.5) == data(#"{"discount":[{"numeric":[">=",0.5]}]}"#))
        #expect(try text(\.note == nil) == data(#"{"note":[null,{"exists":false}]}"#))
        let there =
            #"{"$and":[{"type":["order"],"data":{"note":[{"exists":true}]}},{"data":{"note":[{"none":[null]}]}}]}"#
        #expect(try text(.exists(\.note)) == canonical(there))
        #expect(try text(\.note != nil) == canonical(there))
        #expect(try text(.isMissing(\.note)) == data(#"{"note":[null,{"exists":false}]}"#))
        #expect(try text(.hasPrefix(\.region, "eu-")) == data(#"{"region":[{"prefix":"eu-"}]}"#))
        #expect(try text(.hasSuffix(\.note, "!")) == data(#"{"note":[{"suffix":"!"}]}"#))
        #expect(try text(.isLike(\.region, "e*")) == data(#"{"region":[{"wildcard":"e*"}]}"#))
        #expect(try text(.isIn(\.region, ["eu", "us"])) == data(#"{"region":["eu","us"]}"#))
        #expect(try text(.isIn(\.count, 1...5)) == data(#"{"count":[{"numeric":[">=",1,"<=",5]}]}"#))
        #expect(try text(.contains(\.tags, "new")) == data(#"{"tags":["new"]}"#))
        #expect(
            try text(\.customer.address.zip == "3000") == data(#"{"customer":{"address":{"zip":["3000"]}}}"#))
        #expect(
            try text(\.region != "eu") == data(#"{"region":[{"anything-but":["eu"]},null,{"exists":false}]}"#)
        )
    }

    /// What a predicate says of events, by the code that brokers run.
    @Test func `conditions mean in the broker what they mean in Swift`() throws {
        func order(_ region: String, _ total: Double, _ tags: [String] = [], note: String? = nil) -> Order {
            Order(
                total: total, region: region, count: 1, gift: false, state: .open, note: note, tags: tags,
                customer: .init(name: "Ada", address: .init(city: "Bern")), id: UUID())
        }
        let orders = [
            order("eu", 5), order("eu", 5000, ["new"]), order("us", 5000, note: "x"),
            order("us", 50, ["old", "new"]),
        ]
        let cases: [(EventPredicate<Order>, (Order) -> Bool)] = [
            (\.total > 1000 && \.region == "eu", { $0.total > 1000 && $0.region == "eu" }),
            (\.total > 1000 || \.region == "eu", { $0.total > 1000 || $0.region == "eu" }),
            (!(\.total > 1000 && \.region == "eu"), { !($0.total > 1000 && $0.region == "eu") }),
            (
                !(\.total > 1000 || .contains(\.tags, "new")),
                { !($0.total > 1000 || $0.tags.contains("new")) }
            ),
            (\.note != "x", { $0.note != "x" }),
            (.exists(\.note) || !.hasPrefix(\.region, "e"), { $0.note != nil || !$0.region.hasPrefix("e") }),
            (
                \.total > 10 && \.total < 100 && \.total != 50,
                { $0.total > 10 && $0.total < 100 && $0.total != 50 }
            ),
            (\.region == "eu" && \.region != "us", { $0.region == "eu" && $0.region != "us" }),
            (.isIn(\.region, []), { _ in false }), (.always, { _ in true }),
            (
                (\.region == "eu" || \.total < 100) && (\.total > 1000 || \.region == "us"),
                { ($0.region == "eu" || $0.total < 100) && ($0.total > 1000 || $0.region == "us") }
            ),
        ]
        let bus = Bench().bus
        for (index, (predicate, swift)) in cases.enumerated() {
            let pattern = try predicate.pattern()
            let check = PatternCheck(try Pattern(parsing: pattern))
            for order in orders {
                let event = try bus.envelope(order, .none)
                #expect(
                    check.matches(event) == swift(order),
                    "case \(index), \(order.region) \(order.total): \(pattern)")
            }
        }
    }

    @Test func `what reads no single field is refused with the reason`() throws {
        func reason(_ predicate: EventPredicate<Order>) -> String {
            do throws(BusError) {
                return try predicate.pattern()
            } catch { return error.description }
        }
        #expect(reason(\.loud == "EU").contains("made from it"))
        #expect(
            reason(\.label == "EU").contains("made from it")
                || reason(\.label == "EU").contains("several fields"))
        #expect(reason(\.region.count == 3).contains("made from it"))
        #expect(reason(\.tags[0] == "new").contains("element of a list"))
    }

    @Test func `strategies of the encoder are followed`() throws {
        struct Snake: Event {
            static let type = "snake", topic = "t"
            static let codec: any EventCodec = JSONEventCodec { encoder, _ in
                encoder.keyEncodingStrategy = .convertToSnakeCase
            }
            var orderTotal: Int
        }
        let predicate: EventPredicate<Snake> = \.orderTotal == 5
        #expect(try predicate.pattern().contains(#""order_total":[5]"#))
    }

    @Test func `a type that cannot be made up is known by the value given, or says what to do`() throws {
        enum Plain: String, Codable, Equatable { case a, b }
        struct One: Event {
            static let type = "one", topic = "t"
            var name: String
            var kind: Plain
        }
        struct Two: Event {
            static let type = "two", topic = "t"
            var kind: Plain
            var other: Plain
        }
        let one: EventPredicate<One> = \.kind == .a && \.name == "x"
        let error = #expect(throws: BusError.self) { try one.pattern() }
        #expect(error?.description.contains("CaseIterable") == true)
        let known: EventPredicate<One> = \.kind == .a
        #expect(try known.pattern().contains(#""kind":["a"]"#))
        let two: EventPredicate<Two> = \.kind == .a
        #expect(throws: BusError.self) { try two.pattern() }
    }
}

@Suite struct RoutingTests {
    let bench = Bench()

    @Test func `a typed rule arrives as a pattern with its targets`() async throws {
        try await bench.bus.route(
            "vip", Order.self, where: \.total > 1000 && \.region == "eu", to: .topic("vip"),
            .webhook("https://crm.example/hook", secret: "whsec_x"))
        let rule = try #require(bench.transport.change { $0.rules.first })
        #expect(rule.name == "vip" && rule.topic == "orders" && rule.targets.count == 2)
        #expect(
            rule.pattern == #"{"data":{"amount":[{"numeric":[">",1000]}],"region":["eu"]},"type":["order"]}"#)
        try await bench.bus.route("text", topic: "orders", matching: #"{"subject":["a"]}"#, to: .topic("a"))
        try await bench.bus.unroute("vip")
        #expect(bench.transport.change { $0.rules.map(\.name) } == ["text"])
        await #expect(throws: BusError.self) {
            try await bench.bus.route("bad", topic: "orders", matching: "{", to: .topic("a"))
        }
        await #expect(throws: BusError.self) { try await bench.bus.route("none", topic: "orders") }
    }

    @Test func `a broker without rules says so`() async throws {
        let bench = Bench(without: [.rules])
        await #expect(throws: BusError.unsupported(.rules, transport: "scripted")) {
            try await bench.bus.route("vip", Order.self, to: .topic("vip"))
        }
        let webhooks = Bench(without: [.webhooks])
        await #expect(throws: BusError.unsupported(.webhooks, transport: "scripted")) {
            try await webhooks.bus.route("vip", Order.self, to: .webhook("https://x.example", secret: nil))
        }
    }

    @Test(arguments: [EventFilter.Place.broker, .client, .either])
    func `a handler sees only what its filter lets through, wherever that is evaluated`(
        _ place: EventFilter.Place
    ) async throws {
        let notes = Notes<String>()
        let consumer = try bench.bus.consumer(group: "g", options: .init(concurrency: 1)) {
            Handle(OrderPlaced.self) { order, _ in notes.add(order.orderID) }
                .where(OrderPlaced.self, \.total > 100, evaluated: place)
            Handle(OrderCancelled.self) { order, _ in notes.add("cancelled") }
        }
        #expect((consumer.subscriptions[0].pattern == nil) == (place == .client))
        try await bench.running(consumer) {
            try await bench.bus.publish(
                [OrderPlaced(orderID: "small", total: 1), OrderPlaced(orderID: "large", total: 1000)])
            try await bench.bus.publish(OrderCancelled(orderID: "1"))
            #expect(await notes.wait(2) == ["large", "cancelled"])
        }
    }

    @Test func `where the broker cannot filter, that is an error unless the client may`() throws {
        let bench = Bench(without: [.filterByContent])
        func consumer(_ place: EventFilter.Place) throws -> Consumer {
            try bench.bus.consumer(group: "g") {
                Handle(OrderPlaced.self) { _, _ in }.where(OrderPlaced.self, \.total > 100, evaluated: place)
            }
        }
        #expect(throws: AssemblyError.self) { try consumer(.broker) }
        #expect(try consumer(.either).subscriptions[0].pattern == nil)
    }
}
