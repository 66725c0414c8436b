// SPDX-License-Identifier: Apache-2.0

import ApusCatalog
import ApusModel
import Testing

@Suite("The catalogue of events as a fold")
struct EventCatalogTests {
    private func look(
        _ topic: String, id: String = "1", _ types: [String: EventSighting], position: Int64 = 1
    ) throws -> TopicLook {
        var look = TopicLook(name: try ResourceName(topic), topic: id)
        look.types = types
        look.positions = [0: position]
        return look
    }

    private func seen(_ count: Int64, _ first: Int64 = 1, _ last: Int64 = 9) -> SightingCount {
        SightingCount(count: count, first: first, last: last)
    }

    private func copy(_ catalog: EventCatalog) throws -> EventCatalog {
        var copy = EventCatalog()
        var changes: [CatalogChange] = []
        catalog.forEachChange {
            changes.append($0)
            return true
        }
        for change in changes { copy.apply(try #require(CatalogChange(decoding: change.encoded))) }
        return copy
    }

    @Test("looks add up, and a snapshot says the same")
    func looks() throws {
        var catalog = EventCatalog()
        let shop = EventSource("/shop", .kafka)
        catalog.apply(
            .seen(
                try look("orders", ["a": EventSighting(seen: seen(2, 5, 6), sources: [shop: seen(2, 5, 6)])]))
        )
        catalog.apply(
            .seen(
                try look(
                    "orders",
                    ["a": EventSighting(seen: seen(1, 3, 3), sources: [EventSource("/x"): seen(1)])],
                    position: 3)))
        let topic = try #require(catalog.sightings[ResourceName("orders")])
        #expect(topic.types["a"]?.seen == seen(3, 3, 6))
        #expect(topic.types["a"]?.sources.count == 2)
        #expect(topic.positions == [0: 3])
        #expect(try copy(catalog).sightings == catalog.sightings)
        #expect(catalog.types { _, _ in true } == ["a"])
    }

    @Test("a topic made again under its name begins with nothing")
    func madeAgain() throws {
        var catalog = EventCatalog()
        catalog.apply(.seen(try look("t", ["a": EventSighting(seen: seen(2))])))
        catalog.apply(.seen(try look("t", id: "2", ["b": EventSighting(seen: seen(1))])))
        #expect(catalog.sightings[try ResourceName("t")]?.types.keys.sorted() == ["b"])
        catalog.apply(.topicGone(try ResourceName("t")))
        #expect(catalog.sightings.isEmpty)
    }

    @Test("what is beyond the bounds is counted and not kept")
    func bounds() throws {
        var limits = CatalogLimits()
        limits.typesOfTopic = 3
        limits.sources = 2
        var catalog = EventCatalog(limits: limits)
        for number in 1..<6 {
            let source = EventSource("/\(number)")
            catalog.apply(
                .seen(
                    try look(
                        "t",
                        [
                            "t\(number)": EventSighting(seen: seen(1)),
                            "t0": EventSighting(seen: seen(1), sources: [source: seen(1)]),
                        ])))
        }
        let topic = try #require(catalog.sightings[ResourceName("t")])
        #expect(topic.types.count == 3)
        #expect(topic.others == 3)
        #expect(topic.types["t0"]?.sources.count == 2)
        #expect(topic.types["t0"]?.otherSources == 3)
    }

    @Test("declarations replace each other, can be taken back, and come through the log as they were")
    func declarations() throws {
        var catalog = EventCatalog()
        let declaration = EventDeclaration(
            type: "order.placed", title: "Order placed", owner: "shop", text: "Somebody bought something.",
            example: "{\"id\":1}", subject: "orders-value", topics: [try ResourceName("orders")],
            producers: ["web shop"], consumers: ["billing"], declared: 7)
        try catalog.check(declaration)
        catalog.apply(.declared(EventDeclaration(type: "order.placed")))
        catalog.apply(.declared(declaration))
        #expect(try copy(catalog).declarations == ["order.placed": declaration])
        catalog.apply(.withdrawn("order.placed"))
        #expect(catalog.declarations.isEmpty)
    }

    @Test("what is too large, empty or twice is refused with its name")
    func refused() throws {
        let long = String(repeating: "x", count: 256)
        for (declaration, word) in [
            (EventDeclaration(type: ""), "type"),
            (EventDeclaration(type: "a\u{7}"), "type"),
            (EventDeclaration(type: "a", owner: ""), "owner"),
            (EventDeclaration(type: "a", title: long), "title"),
            (EventDeclaration(type: "a", producers: ["p", "p"]), "producers"),
            (EventDeclaration(type: "a", consumers: (0...100).map { "\($0)" }), "consumers"),
        ] {
            #expect {
                try declaration.check()
            } throws: {
                "\($0)".contains(word)
            }
        }
    }

    @Test("what a newer server has written is passed over")
    func newer() throws {
        let change = CatalogChange(decoding: Array("{\"change\":\"dreamt\",\"type\":\"x\"}".utf8))
        #expect(change == .unknown)
        #expect(CatalogChange(decoding: Array("{}".utf8)) == nil)
        var catalog = EventCatalog()
        catalog.apply(.unknown)
        #expect(catalog.declarations.isEmpty)
    }
}
