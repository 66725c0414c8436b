// SPDX-License-Identifier: Apache-2.0

// Rules that transform: what targets get, where events go that cannot be transformed, and what is the same after a restart.

import ApusEngine
import ApusModel
import ApusRules
import ApusStorage
import ApusTesting
import ApusTransform
import ApusTransport
import CloudEvents
import Testing

@Suite struct TransformationTests {
    private let shout =
        #"{"input_paths": {"id": "$.data.id"}, "input_template": "{\"was\": <id>, \"rule\": <apus.rule>}", "attributes": {"set": {"type": "<id>.done"}}}"#
    /// Fails for every event but those with `ok` in their data.
    private let picky = #"{"input_path": "$.data.ok"}"#

    private func settings(
        _ topic: String = "orders", _ targets: RuleTarget...
    ) throws -> RuleSettings {
        RuleSettings(topic: try ResourceName(topic), pattern: .matchAll, targets: targets)
    }

    private func target(_ topic: String, _ transformation: String? = nil) throws -> RuleTarget {
        .topic(
            try ResourceName(topic),
            transformation: try transformation.map { try Transformation(parsing: $0) })
    }

    private func events(_ rig: EngineRig, _ topic: String) async throws -> [StoredEvent] {
        try await rig.engine.fetch(
            try ResourceName(topic), partition: 0, from: .earliest, limit: 1000, pattern: nil, wait: .zero
        ).events
    }

    private func header(_ event: StoredEvent?, _ name: String) -> String? {
        event?.headers.first { $0.name == name }?.value.map { String(decoding: $0, as: UTF8.self) }
    }

    private func letters(_ rig: EngineRig) async throws -> [DeadLetter] {
        try await rig.engine.deadLetters(DeadLetterSelection(), Page())
    }

    private func publish(_ rig: EngineRig, _ data: [String]) async throws {
        let events = try data.enumerated().map {
            try CloudEvent(
                id: "e\($0)", source: "/test", type: "t", dataContentType: "application/json",
                data: CloudEventData(text: $1))
        }
        let name = try ResourceName("orders")
        _ = try await rig.driving { [rig] in try await rig.engine.publish(events, to: name, key: nil) }
        rig.settle()
    }

    // MARK: - Topics

    @Test func `a copy is transformed and says so, and other targets get the event as it is`() async throws {
        let rig = try EngineRig()
        for name in ["orders", "plain", "shaped"] { try await rig.topic(name) }
        try await rig.rule("vip", try settings("orders", target("plain"), target("shaped", shout)))
        try await rig.publish(["a"], to: "orders", key: "k")
        rig.settle()
        let copy = try await events(rig, "shaped").first
        #expect(copy?.event.data?.text == #"{"was":"a","rule":"vip"}"#)
        #expect(copy?.event.type == "a.done")
        #expect(copy?.event.id == "a")
        #expect(copy?.key == "k")
        #expect(header(copy, "apus-transformed") == "true")
        #expect(header(copy, "apus-rule") == "vip")
        #expect(header(copy, "apus-place") == "orders/0/0")
        let plain = try await events(rig, "plain").first
        #expect(plain?.event.data?.text == #"{"id":"a"}"#)
        #expect(header(plain, "apus-transformed") == nil)
    }

    @Test func `rules that make different things of an event each copy it, those that make the same do once`()
        async throws
    {
        let rig = try EngineRig()
        for name in ["orders", "copies"] { try await rig.topic(name) }
        try await rig.rule("a", try settings("orders", target("copies", #"{"input": 1}"#)))
        try await rig.rule("b", try settings("orders", target("copies", #"{"input": 2}"#)))
        try await rig.rule("c", try settings("orders", target("copies", #"{ "input" : 2 }"#)))
        try await rig.rule("d", try settings("orders", target("copies")))
        try await rig.publish(["x"], to: "orders")
        rig.settle()
        let texts = try await events(rig, "copies").map { $0.event.data?.text }
        #expect(texts == ["1", "2", #"{"id":"x"}"#])
    }

    @Test func `rules whose copies tell of them each make one`() async throws {
        let rig = try EngineRig()
        for name in ["orders", "copies"] { try await rig.topic(name) }
        for rule in ["a", "b"] {
            try await rig.rule(
                rule, try settings("orders", target("copies", #"{"input_template": "<apus.rule>"}"#)))
        }
        try await rig.publish(["x"], to: "orders")
        rig.settle()
        #expect(try await events(rig, "copies").map { $0.event.data?.text } == [#""a""#, #""b""#])
    }

    @Test func `an event that cannot be transformed is a dead letter of its rule, and nobody else notices`()
        async throws
    {
        let rig = try EngineRig()
        for name in ["orders", "plain", "shaped"] { try await rig.topic(name) }
        try await rig.rule("vip", try settings("orders", target("plain"), target("shaped", picky)))
        try await publish(rig, [#"{"ok": 1}"#, #"{"no": 1}"#, "{", #"{"ok": 2}"#])
        #expect(try await rig.ids(of: "plain") == ["e0", "e1", "e2", "e3"])
        #expect(try await events(rig, "shaped").map { $0.event.data?.text } == ["1", "2"])
        let letters = try await letters(rig)
        #expect(letters.map(\.stored.event.id) == ["e1", "e2"])
        #expect(letters.map(\.stored.event.data?.text) == [#"{"no": 1}"#, "{"])
        #expect(letters.allSatisfy { $0.rule?.description == "vip" && $0.target?.description == "shaped" })
        #expect(letters.allSatisfy { $0.subscription == nil && $0.attempts == 1 })
        #expect(letters.first?.reason.contains("the event has nothing at $.data.ok") == true)
        #expect(letters.last?.reason.contains("the data is not JSON") == true)
        #expect(letters.first?.origin == "orders/0/1")
        #expect(letters.first?.stored.topic.description == "orders.dead-letter")
    }

    @Test func `a dead letter of a rule is sent back to the target that failed, and to nobody else`()
        async throws
    {
        let rig = try EngineRig()
        for name in ["orders", "plain", "shaped"] { try await rig.topic(name) }
        try await rig.rule("vip", try settings("orders", target("plain"), target("shaped", picky)))
        try await rig.subscription("all", SubscriptionSettings(topic: try ResourceName("orders")))
        try await publish(rig, [#"{"no": 1}"#])
        // Mended: and the event would not match any more.
        var mended = try settings(
            "orders", target("plain"), target("shaped", #"{"input_path": "$.data.no"}"#))
        mended.pattern = try Pattern(parsing: #"{"type": ["other"]}"#)
        try await rig.rule("vip", mended)
        let result = try await rig.driving { [rig] in
            try await rig.engine.redrive(DeadLetterSelection(), dryRun: false)
        }
        rig.settle()
        #expect(result == DeadLetterResult(matched: 1, moved: 1))
        #expect(try await events(rig, "shaped").map { $0.event.data?.text } == ["1"])
        #expect(try await rig.ids(of: "shaped") == ["e0"])
        #expect(try await rig.ids(of: "plain") == ["e0"])
        #expect(try await rig.receive("all").count == 1)
        #expect(try await letters(rig).isEmpty)
    }

    @Test func `a redriven event that fails again, or whose target is gone, is a dead letter again`()
        async throws
    {
        let rig = try EngineRig()
        for name in ["orders", "plain", "shaped"] { try await rig.topic(name) }
        try await rig.rule("vip", try settings("orders", target("plain"), target("shaped", picky)))
        try await publish(rig, [#"{"no": 1}"#])
        for _ in 0..<2 {
            _ = try await rig.driving { [rig] in
                try await rig.engine.redrive(DeadLetterSelection(), dryRun: false)
            }
            rig.settle()
        }
        #expect(try await letters(rig).map(\.origin) == ["orders/0/2"])
        // Without the target there is nobody to send it back to.
        try await rig.rule("vip", try settings("orders", target("plain")))
        let result = try await rig.driving { [rig] in
            try await rig.engine.redrive(DeadLetterSelection(), dryRun: false)
        }
        #expect(result == DeadLetterResult(matched: 1, moved: 0))
        #expect(try await letters(rig).count == 1)
    }

    @Test func `copies and dead letters that no note knows of are recognised after a restart`() async throws {
        var rig = try EngineRig()
        let orders = try await rig.topic("orders").id
        try await rig.topic("shaped")
        try await rig.rule("vip", try settings("orders", target("shaped", picky)))
        // The topic of dead letters is there, and a note names it.
        try await publish(rig, ["0"])
        rig.pass(.seconds(3))
        rig.store.refuseAppends(to: orders.member(0xFF_FFFF), with: .failed("simulated"))
        try await publish(rig, [#"{"ok": 1}"#, #"{"no": 1}"#, #"{"ok": 2}"#])
        rig.store.refuseAppends(to: orders.member(0xFF_FFFF), with: nil)
        rig = try rig.restarted()
        rig.pass(.seconds(3))
        #expect(try await events(rig, "shaped").map { $0.event.data?.text } == ["1", "2"])
        #expect(try await letters(rig).map { $0.stored.event.data?.text } == ["0", #"{"no": 1}"#])
    }

    @Test func `the first dead letter is not written twice by a crash before any note`() async throws {
        var rig = try EngineRig()
        let orders = try await rig.topic("orders").id
        try await rig.topic("shaped")
        try await rig.rule("vip", try settings("orders", target("shaped", picky)))
        rig.settle()
        let name = try ResourceName("orders")
        let event = try CloudEvent(id: "e", source: "/test", type: "t", data: CloudEventData(text: "{}"))
        _ = try await rig.driving { [rig] in try await rig.engine.publish([event], to: name, key: nil) }
        // The letter is there; progress cannot be written down.
        rig.settle()
        rig.store.refuseAppends(to: orders.member(0xFF_FFFF), with: .failed("simulated"))
        rig.pass(.seconds(3))
        rig.store.refuseAppends(to: orders.member(0xFF_FFFF), with: nil)
        rig = try rig.restarted()
        rig.pass(.seconds(3))
        #expect(try await letters(rig).count == 1)
    }

    @Test func `dead letters find another topic when theirs is deleted`() async throws {
        let rig = try EngineRig()
        for name in ["orders", "shaped"] { try await rig.topic(name) }
        try await rig.rule("vip", try settings("orders", target("shaped", picky)))
        try await publish(rig, ["1"])
        #expect(try await letters(rig).count == 1)
        let name = try ResourceName("orders.dead-letter")
        try await rig.driving { [rig] in try await rig.engine.deleteTopic(name, cascade: true) }
        try await publish(rig, ["2", #"{"ok": 3}"#])
        rig.pass(.seconds(5))
        #expect(try await letters(rig).map { $0.stored.event.data?.text } == ["2"])
        #expect(try await events(rig, "shaped").map { $0.event.data?.text } == ["3"])
    }

    @Test func `events that grow are copied in pieces`() async throws {
        let rig = try EngineRig()
        for name in ["orders", "shaped"] { try await rig.topic(name) }
        let many = "[" + Array(repeating: "<x>", count: 100).joined(separator: ",") + "]"
        let growing = #"{"input_paths": {"x": "$.data"}, "input_template": "\#(many)"}"#
        try await rig.rule("vip", try settings("orders", target("shaped", growing)))
        let data = "\"" + String(repeating: "x", count: 5000) + "\""
        try await publish(rig, Array(repeating: data, count: 40))
        var ids: [String] = []
        // An answer has a bound, too.
        while ids.count < 40 {
            let more = try await rig.engine.fetch(
                try ResourceName("shaped"), partition: 0, from: .offset(Offset(Int64(ids.count))),
                limit: 1000,
                pattern: nil, wait: .zero
            ).events
            guard !more.isEmpty else { break }
            ids += more.map(\.event.id)
        }
        #expect(ids == (0..<40).map { "e\($0)" })
    }

    @Test func `a rule that would feed its topic with its own dead letters is refused`() async throws {
        let rig = try EngineRig()
        for name in ["orders", "shaped", "orders.dead-letter"] { try await rig.topic(name) }
        try await rig.rule("back", try settings("orders.dead-letter", target("orders")))
        await #expect(throws: BrokerError.self) {
            try await rig.rule("vip", try settings("orders", target("shaped", picky)))
        }
    }

    // MARK: - Webhooks

    @Test func `a webhook gets the same transformed event on every attempt`() async throws {
        let target = ScriptedTarget {
            $0.attempt < 3 ? .retry(after: nil, status: 500, reason: "no") : .delivered
        }
        let rig = try EngineRig(target: target)
        try await rig.topic("orders")
        let push = PushSettings(url: "http://example.org/")
        try await rig.rule(
            "hook", try settings("orders", .webhook(push, transformation: try Transformation(parsing: shout)))
        )
        try await rig.publish(["a"], to: "orders")
        rig.pass(.seconds(60))
        #expect(target.deliveries.map(\.attempt) == [1, 2, 3])
        #expect(Set(target.deliveries.map(\.event)).count == 1)
        #expect(target.deliveries.first?.event.data?.text == #"{"was":"a","rule":"hook"}"#)
        #expect(target.deliveries.first?.event.id == "a")
    }

    @Test func `a webhook's event that cannot be transformed is a dead letter at once, as it was made`()
        async throws
    {
        let rig = try EngineRig()
        try await rig.topic("orders")
        let push = PushSettings(url: "http://example.org/")
        try await rig.rule(
            "hook", try settings("orders", .webhook(push, transformation: try Transformation(parsing: picky)))
        )
        try await publish(rig, [#"{"no": 1}"#, #"{"ok": 1}"#])
        rig.settle()
        #expect(rig.target.deliveries.map(\.event.id) == ["e1"])
        let letters = try await letters(rig)
        #expect(letters.map(\.stored.event.data?.text) == [#"{"no": 1}"#])
        #expect(letters.first?.subscription?.description == "hook.webhook-1")
        #expect(letters.first?.reason.contains("nothing at $.data.ok") == true)
        // Mended, it goes to the webhook after a redrive.
        try await rig.rule(
            "hook",
            try settings(
                "orders",
                .webhook(push, transformation: try Transformation(parsing: #"{"input_path": "$.data.no"}"#))))
        _ = try await rig.driving { [rig] in
            try await rig.engine.redrive(DeadLetterSelection(), dryRun: false)
        }
        rig.settle()
        #expect(rig.target.deliveries.map(\.event.id) == ["e1", "e0"])
        #expect(rig.target.deliveries.last?.event.data?.text == "1")
    }

    @Test func `transformations are there after a restart`() async throws {
        var rig = try EngineRig()
        for name in ["orders", "shaped"] { try await rig.topic(name) }
        let push = PushSettings(url: "http://example.org/")
        let settings = try settings(
            "orders", target("shaped", shout),
            .webhook(push, transformation: try Transformation(parsing: shout)))
        try await rig.rule("vip", settings)
        rig = try rig.restarted()
        #expect(try rig.engine.rule(try ResourceName("vip")).settings == settings)
        try await rig.publish(["a"], to: "orders")
        rig.pass(.seconds(1))
        #expect(try await events(rig, "shaped").first?.event.type == "a.done")
        #expect(rig.target.deliveries.first?.event.type == "a.done")
    }
}
