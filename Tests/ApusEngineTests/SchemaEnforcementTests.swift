// SPDX-License-Identifier: Apache-2.0

import ApusEngine
import ApusModel
import ApusSchemas
import CloudEvents
import JSONSchemaEvolution
import Testing

@Suite("Events judged where they come in")
struct SchemaEnforcementTests {
    private static let orders =
        "{\"type\":\"object\",\"required\":[\"id\"],\"properties\":{\"id\":{\"type\":\"integer\",\"minimum\":1}}}"

    private func rig(
        _ settings: SchemaSettings, _ change: (inout TopicSettings) -> Void = { _ in }
    ) async throws -> EngineRig {
        let rig = try EngineRig()
        try await rig.register(Self.orders, "orders-value")
        var topic = TopicSettings()
        topic.schema = settings
        change(&topic)
        try await rig.topic("orders", topic)
        return rig
    }

    private func event(
        _ data: String?, id: String = "1", type: String = "order", schema: String? = nil,
        contentType: String? = "application/json"
    ) throws -> CloudEvent {
        try CloudEvent(
            id: id, source: "/t", type: type, dataContentType: contentType, dataSchema: schema,
            data: data.map { CloudEventData(text: $0) })
    }

    private func publish(_ events: [CloudEvent], _ rig: EngineRig) async throws -> [PublishReceipt] {
        let name = try ResourceName("orders")
        return try await rig.driving { [engine = rig.engine] in try await engine.publish(events, to: name) }
    }

    /// What is told of a refused publish.
    private func refusal(_ events: [CloudEvent], _ rig: EngineRig) async throws -> SchemaRefusal? {
        do {
            _ = try await publish(events, rig)
            return nil
        } catch BrokerError.violations(let refusal) { return refusal }
    }

    @Test("an event that the schema does not accept is refused, with every violation, and nothing is stored")
    func refused() async throws {
        let rig = try await rig(SchemaSettings(.enforce))
        #expect(try await publish([try event("{\"id\":1}", id: "good")], rig).count == 1)
        let refusal = try #require(
            try await refusal([try event("{\"id\":0}", id: "bad"), try event("{\"id\":2}", id: "fine")], rig))
        #expect((refusal.events, refusal.refused) == (2, 1))
        let violations = try #require(refusal.violations.first)
        #expect(violations.index == 0)
        #expect(violations.subject?.description == "orders-value")
        #expect((violations.version, violations.schema?.rawValue) == (1, 1))
        #expect(violations.violations.map(\.path) == ["/id"])
        #expect(violations.violations.map(\.rule) == ["minimum"])
        #expect(violations.violations.map(\.got) == ["0"])
        #expect(try await rig.ids(of: "orders") == ["good"])
    }

    @Test("a topic that only warns takes everything, and one that is off looks at nothing")
    func warning() async throws {
        for enforcement in [SchemaEnforcement.warn, .off] {
            let rig = try await rig(SchemaSettings(enforcement))
            #expect(try await publish([try event("no"), try event("{}")], rig).count == 2)
        }
    }

    @Test("formats are annotations unless it is decided for the subject or for all that they are checked")
    func formats() async throws {
        let rig = try await rig(SchemaSettings(.enforce, subject: try SubjectName("days")))
        let (subject, engine) = (try SubjectName("days"), rig.engine)
        try await rig.register(#"{"properties":{"day":{"format":"date"}}}"#, "days")
        let (bad, good) = (try event(#"{"day":"today"}"#), try event(#"{"day":"2026-11-26"}"#))
        #expect(try await refusal([bad], rig) == nil)
        func decide(_ name: SubjectName?, _ asserts: Bool?) async throws {
            _ = try await rig.driving {
                try await engine.configureSchemas(name, SubjectSettingsChange(assertsFormats: .some(asserts)))
            }
        }
        try await decide(nil, true)
        #expect(try await refusal([bad], rig)?.violations.first?.violations.map(\.rule) == ["format"])
        #expect(try await refusal([good], rig) == nil)
        try await decide(subject, false)
        #expect(try await refusal([bad], rig) == nil)
        try await decide(nil, nil)
        try await decide(subject, true)
        #expect(try await refusal([bad], rig) != nil)
        // An event that names the schema by its id is judged as the topic's subject is.
        let byID = try event(#"{"day":"today"}"#, schema: "https://any.example/v1/schema-ids/2")
        #expect(try await refusal([byID], rig) != nil)
        let data = Array(#"{"day":"today"}"#.utf8)
        for (name, count) in [(subject, 1), (try SubjectName("others"), 0)] {
            let found = try await rig.driving {
                try await engine.judge(data, by: SchemaID(rawValue: 2), of: name, limit: 9)
            }
            #expect(found.count == count)
        }
    }

    @Test("what is decided about formats counts where versions are compared, too")
    func comparedFormats() async throws {
        let rig = try EngineRig()
        let (subject, engine) = (try SubjectName("days"), rig.engine)
        try await rig.register(#"{"type":"object","properties":{"day":{"type":"string"}}}"#, "days")
        let stricter = SchemaContent(
            .json, #"{"type":"object","properties":{"day":{"type":"string","format":"date"}}}"#)
        func isCompatible() async throws -> Bool {
            try await rig.driving {
                try await engine.checkSchema(stricter, against: subject, version: nil).isCompatible
            }
        }
        #expect(try await isCompatible())
        _ = try await rig.driving {
            try await engine.configureSchemas(subject, SubjectSettingsChange(assertsFormats: true))
        }
        #expect(try await !isCompatible())
    }

    @Test("what the topic says holds from the answer on, and after a restart")
    func altered() async throws {
        let rig = try await rig(SchemaSettings())
        #expect(try await refusal([try event("{}")], rig) == nil)
        var changes = TopicChanges()
        let quarantine = try ResourceName("bad")
        changes.schema = SchemaSettings(.enforce, subject: try SubjectName("orders-value"))
        let name = try ResourceName("orders")
        let wanted = changes
        _ = try await rig.driving { [engine = rig.engine] in try await engine.alterTopic(name, wanted) }
        #expect(try await refusal([try event("{}")], rig) != nil)
        let next = try rig.restarted()
        #expect(try next.engine.topic(name).settings.schema == wanted.schema)
        #expect(try await refusal([try event("{}")], next) != nil)
        changes.schema = SchemaSettings(.enforce, quarantine: name)
        let wrong = changes
        await #expect(throws: BrokerError.self) {
            try await next.driving { [engine = next.engine] in try await engine.alterTopic(name, wrong) }
        }
        changes.schema = SchemaSettings(.warn, quarantine: quarantine)
        let right = changes
        let topic = try await next.driving { [engine = next.engine] in
            try await engine.alterTopic(name, right)
        }
        #expect(topic.settings.schema.quarantine == quarantine)
    }

    @Test("the schema is what dataschema names, else the subject of the type, else the topic's own")
    func resolution() async throws {
        let rig = try await rig(SchemaSettings(.enforce))
        try await rig.register("{\"required\":[\"sku\"]}", "stock")
        try await rig.register("{\"required\":[\"name\"]}", "people")
        _ = try await rig.driving { [engine = rig.engine] in
            try await engine.configureSchemas(
                try SubjectName("stock"), SubjectSettingsChange(eventTypes: ["stock.moved"]))
        }
        #expect(try await refusal([try event("{\"sku\":1}", type: "stock.moved")], rig) == nil)
        #expect(try await refusal([try event("{\"id\":1}", type: "stock.moved")], rig) != nil)
        let people = "https://apus.example/v1/schemas/people/versions/1"
        #expect(
            try await refusal([try event("{\"name\":1}", type: "stock.moved", schema: people)], rig) == nil)
        #expect(
            try await refusal([try event("{\"sku\":1}", type: "stock.moved", schema: people)], rig) != nil)
        #expect(try await refusal([try event("{\"name\":1}", schema: "http://x/schemas/ids/3")], rig) == nil)
        // What names no schema of this registry says nothing.
        #expect(
            try await refusal([try event("{\"id\":1}", schema: "https://else.example/x.json")], rig) == nil)
        let missing = try await refusal(
            [try event("{\"id\":1}", schema: "http://x/v1/schemas/people/versions/9")], rig)
        #expect(missing?.violations.first?.violations.first?.rule == "schema")
    }

    @Test("the topic's subject wins, and an event may name another version of it")
    func ownSubject() async throws {
        let rig = try await rig(SchemaSettings(.enforce, subject: try SubjectName("s")))
        #expect(try await refusal([try event("{\"id\":1}")], rig) != nil)
        try await rig.register("{\"required\":[\"a\"]}", "s", compatibility: true)
        try await rig.register("{\"required\":[\"b\"]}", "s")
        #expect(try await refusal([try event("{\"b\":1}")], rig) == nil)
        #expect(try await refusal([try event("{\"a\":1}")], rig) != nil)
        #expect(
            try await refusal([try event("{\"a\":1}", schema: "http://x/v1/schemas/s/versions/1")], rig)
                == nil)
        let foreign = "http://x/v1/schemas/orders-value/versions/1"
        #expect(try await refusal([try event("{\"id\":1}", schema: foreign)], rig) != nil)
    }

    @Test("a new version holds from the moment at which it is answered")
    func newVersion() async throws {
        let rig = try await rig(SchemaSettings(.enforce))
        #expect(try await refusal([try event("{\"id\":1}")], rig) == nil)
        try await rig.register("{\"required\":[\"other\"]}", "orders-value", compatibility: true)
        #expect(try await refusal([try event("{\"id\":1}")], rig) != nil)
        #expect(try await refusal([try event("{\"other\":1}")], rig) == nil)
    }

    @Test("data of another kind, no data and no schema are refused, and say so")
    func others() async throws {
        let rig = try await rig(SchemaSettings(.enforce))
        for (event, rule) in [
            (try event("{\"id\":1}", contentType: "text/plain"), "datacontenttype"),
            (try event(nil), "data"), (try event("{\"id\":1", id: "x"), "json"),
        ] {
            let refusal = try await refusal([event], rig)
            #expect(refusal?.violations.first?.violations.map(\.rule) == [rule])
        }
        #expect(try await refusal([try event("{\"id\":1}", contentType: nil)], rig) == nil)
        let bare = try EngineRig()
        var topic = TopicSettings()
        topic.schema = SchemaSettings(.enforce)
        try await bare.topic("orders", topic)
        #expect(
            try await refusal([try event("{}")], bare)?.violations.first?.violations.map(\.rule) == ["schema"]
        )
    }

    @Test("where an event without data deletes its key, it passes")
    func tombstones() async throws {
        let rig = try await rig(SchemaSettings(.enforce)) { $0.cleanup = .compact }
        let name = try ResourceName("orders")
        let tombstone = try event(nil)
        _ = try await rig.driving { [engine = rig.engine] in
            try await engine.publish([tombstone], to: name, key: "k")
        }
    }

    @Test("a format that is only kept judges nothing")
    func unchecked() async throws {
        let rig = try await rig(SchemaSettings(.enforce, subject: try SubjectName("avro")))
        let name = try SubjectName("avro")
        _ = try await rig.driving { [engine = rig.engine] in
            try await engine.registerSchema(SchemaContent(.avro, "\"string\""), under: name, at: nil)
        }
        #expect(try await refusal([try event("anything", contentType: "avro/binary")], rig) == nil)
    }

    @Test("what is refused goes to the quarantine topic with the reason, and the rest goes its way")
    func quarantine() async throws {
        let rig = try await rig(SchemaSettings(.enforce, quarantine: try ResourceName("bad")))
        let events = [
            try event("{\"id\":1}", id: "a"), try event("{\"id\":\"x\"}", id: "b"),
            try event("{\"id\":3}", id: "c"),
            try event("{}", id: "d"),
        ]
        let receipts = try await publish(events, rig)
        #expect(receipts.map(\.topic.description) == ["orders", "bad", "orders", "bad"])
        #expect(receipts.map(\.isQuarantined) == [false, true, false, true])
        #expect(receipts.map(\.offset.rawValue) == [0, 0, 1, 1])
        #expect(try await rig.ids(of: "orders") == ["a", "c"])
        let stored = try await rig.engine.fetch(
            try ResourceName("bad"), partition: 0, from: .earliest, limit: 10, pattern: nil, wait: .zero
        ).events
        #expect(stored.map(\.event) == [events[1], events[3]])
        let headers = Dictionary(
            uniqueKeysWithValues: stored[0].headers.map {
                ($0.name, String(decoding: $0.value ?? [], as: UTF8.self))
            })
        #expect(headers["apus-place"] == "orders")
        #expect(headers["apus-reason"]?.contains("/id") == true)
        #expect(headers["apus-schema"] == "version 1 of subject 'orders-value' (id 1)")
        #expect(try await publish([events[1]], rig).map(\.isQuarantined) == [true])
        // Its journey tells the same, although the quarantine topic has no schema of its own.
        let place = try #require(EventPlace("bad/0/0"))
        let journey = try await rig.driving { [engine = rig.engine] in
            try await engine.journey(of: place, explaining: false)
        }
        #expect(journey.schema == headers["apus-reason"].map { .violated($0) })
    }

    @Test("events for later are judged when they come, and so is the event of a schedule")
    func delayed() async throws {
        let rig = try await rig(SchemaSettings(.enforce, quarantine: try ResourceName("bad")))
        let name = try ResourceName("orders")
        let (good, bad) = (try event("{\"id\":1}"), try event("{}"))
        let due = rig.engine.now.advanced(by: .seconds(60))
        func schedule(_ event: CloudEvent) async throws {
            try await rig.driving { [engine = rig.engine] in
                try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
                    engine.schedule([DelayedEvent(event, due: due)], to: name, key: nil) { result in
                        done.resume(with: result.map { _ in }.mapError { $0 as any Error })
                    }
                }
            }
        }
        try await schedule(good)
        await #expect(throws: BrokerError.self) { try await schedule(bad) }
        let settings = ScheduleSettings(topic: name, expression: "rate(1 hour)", template: bad)
        await #expect(throws: BrokerError.self) {
            try await rig.driving { [engine = rig.engine] in try await engine.putSchedule(name, settings) }
        }
    }
}
