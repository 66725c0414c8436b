// SPDX-License-Identifier: Apache-2.0

import ApusCatalog
import ApusEngine
import ApusModel
import CloudEvents
import Testing

@Suite("Types of events that are discovered in topics")
struct EventDiscoveryTests {
    private func rig() async throws -> EngineRig {
        let rig = try EngineRig { $0.catalogsEvents = true }
        try await rig.topic("orders")
        return rig
    }

    private func sightings(_ rig: EngineRig, _ topic: String = "orders") throws -> TopicSightings? {
        try rig.engine.eventCatalog().sightings[try ResourceName(topic)]
    }

    @Test("what was published is seen a second later, with its source, and once only")
    func seen() async throws {
        let rig = try await rig()
        try await rig.publish(["1", "2"], to: "orders", type: "order.placed")
        try await rig.publish(["3"], to: "orders", type: "order.paid")
        rig.pass(.seconds(3))
        let seen = try #require(try sightings(rig))
        #expect(seen.types.keys.sorted() == ["order.paid", "order.placed"])
        #expect(seen.types["order.placed"]?.seen.count == 2)
        #expect(seen.types["order.placed"]?.sources.keys.map(\.name) == ["/test"])
        #expect(seen.types["order.placed"]?.sources.keys.first?.way == nil)
        #expect(seen.positions == [0: 3])
    }

    @Test("events that wait to be seen are counted once when their topic is given more partitions meanwhile")
    func grown() async throws {
        let rig = try await rig()
        try await rig.publish(["1", "2"], to: "orders", type: "a")
        let name = try ResourceName("orders")
        var changes = TopicChanges()
        changes.partitions = 2
        let wanted = changes
        _ = try await rig.driving { [rig] in try await rig.engine.alterTopic(name, wanted) }
        rig.pass(.seconds(3))
        #expect(try sightings(rig)?.types["a"]?.seen.count == 2)
        try await rig.publish(["3", "4", "5", "6"], to: "orders", type: "a")
        rig.pass(.seconds(3))
        #expect(try sightings(rig)?.types["a"]?.seen.count == 6)
    }

    @Test("what was seen is there after a restart, and what was not is seen then")
    func restart() async throws {
        let rig = try await rig()
        try await rig.publish(["1"], to: "orders", type: "a")
        rig.pass(.seconds(2))
        try await rig.publish(["2"], to: "orders", type: "a")
        let next = try rig.restarted { $0.catalogsEvents = true }
        #expect(try sightings(next)?.types["a"]?.seen.count == 1)
        next.pass(.seconds(2))
        #expect(try sightings(next)?.types["a"]?.seen.count == 2)
        #expect(try sightings(try next.restarted { $0.catalogsEvents = true })?.types["a"]?.seen.count == 2)
    }

    @Test("copies of rules are told apart from what producers publish, dead letters are nobody's")
    func copies() async throws {
        let rig = try await rig()
        try await rig.topic("vip")
        try await rig.rule("vip", .copying("orders", to: "vip"))
        try await rig.subscription("s", .shared("orders"))
        try await rig.publish(["1"], to: "orders", type: "a")
        let leased = try await rig.receive("s")
        try await rig.settle("s", leased.map(\.lease), .reject(reason: "no"))
        rig.pass(.seconds(3))
        #expect(try sightings(rig, "vip")?.types["a"]?.sources.keys.first?.way == .rule)
        #expect(try sightings(rig, "orders.dead-letter")?.types.isEmpty ?? true)
        #expect(try #require(try sightings(rig, "orders.dead-letter")).positions[0] == 1)
    }

    @Test("records of Kafka clients have a way, those without attributes a type of their own")
    func kafka() async throws {
        let rig = try await rig()
        var builder = RecordBatchBuilder(producerID: 5, producerEpoch: 0, baseSequence: 0)
        builder.append(timestamp: Timestamp(milliseconds: 5), key: nil, value: Array("plain".utf8))
        for (name, value) in [
            ("ce_specversion", "1.0"), ("ce_id", "1"), ("ce_source", "/k"), ("ce_type", "b"),
        ] { builder.addHeader(name, value) }
        builder.append(timestamp: Timestamp(milliseconds: 6), key: nil, value: Array("{}".utf8))
        let finished = builder.finish()
        let batch = try #require(finished)
        let name = try ResourceName("orders")
        _ = try await rig.driving { [engine = rig.engine] in
            await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
                engine.append(batch, to: name, partition: 0) { _ in done.resume() }
            }
        }
        rig.pass(.seconds(2))
        let seen = try #require(try sightings(rig))
        #expect(
            seen.types["b"]?.sources == [
                EventSource("/k", .kafka): SightingCount(count: 1, first: 6, last: 6)
            ])
        #expect(seen.types["apus.record"]?.seen.count == 1)
    }

    @Test("a flood is sampled: what is behind for ten looks is passed over and counted")
    func flood() async throws {
        let rig = try await rig()
        let data = CloudEventData(text: String(repeating: "x", count: 60_000))
        let name = try ResourceName("orders")
        for _ in 0..<30 {
            let events = try (0..<16).map {
                try CloudEvent(
                    id: "\($0)", source: "/s", type: "t", dataContentType: "text/plain", data: data)
            }
            _ = try await rig.driving { [engine = rig.engine] in
                try await engine.publish(events, to: name, key: nil)
            }
        }
        rig.pass(.seconds(5))
        let early = try #require(try sightings(rig))
        #expect(early.types["t"].map { $0.seen.count > 0 && $0.seen.count < 480 } == true)
        rig.pass(.seconds(40))
        let seen = try #require(try sightings(rig))
        #expect(seen.positions[0] == 480)
        #expect(seen.passedOver > 0)
        #expect((seen.types["t"]?.seen.count ?? 0) + seen.passedOver == 480)
    }

    @Test("a deleted topic is forgotten, and one made again begins with nothing")
    func deleted() async throws {
        let rig = try await rig()
        try await rig.publish(["1"], to: "orders", type: "a")
        rig.pass(.seconds(2))
        try await rig.driving { [engine = rig.engine] in
            try await engine.deleteTopic(try ResourceName("orders"), cascade: true)
        }
        try await rig.topic("orders")
        try await rig.publish(["2"], to: "orders", type: "b")
        rig.pass(.seconds(2))
        #expect(try sightings(rig)?.types.keys.sorted() == ["b"])
        try await rig.driving { [engine = rig.engine] in
            try await engine.deleteTopic(try ResourceName("orders"), cascade: true)
        }
        try await rig.topic("busy")
        for number in 0..<70 {
            try await rig.publish(["\(number)"], to: "busy")
            rig.pass(.seconds(1))
        }
        #expect(try sightings(rig) == nil)
    }

    @Test("nobody is woken when nothing comes")
    func idle() async throws {
        let rig = try await rig()
        try await rig.publish(["1"], to: "orders")
        rig.pass(.seconds(3))
        let before = try rig.engine.eventCatalog().sightings
        rig.pass(.seconds(9))
        #expect(try rig.engine.eventCatalog().sightings == before)
    }

    @Test("declarations are durable when they are answered, and can be taken back")
    func declarations() async throws {
        let rig = try await rig()
        let isNew = try await rig.driving { [engine = rig.engine] in
            try await engine.declareEvent(EventDeclaration(type: "a", owner: "shop"))
        }
        #expect(isNew)
        let next = try rig.restarted { $0.catalogsEvents = true }
        #expect(try next.engine.eventCatalog().declarations["a"]?.owner == "shop")
        let wasThere = try await next.driving { [engine = next.engine] in
            try await engine.withdrawEvent("a")
        }
        #expect(wasThere)
        #expect(try next.engine.eventCatalog().declarations.isEmpty)
        await #expect(throws: BrokerError.self) {
            try await next.driving { [engine = next.engine] in
                try await engine.declareEvent(EventDeclaration(type: ""))
            }
        }
    }

    @Test("an engine that is not to keep a catalogue says so")
    func none() async throws {
        let rig = try EngineRig()
        #expect(throws: BrokerError.self) { try rig.engine.eventCatalog() }
    }
}
