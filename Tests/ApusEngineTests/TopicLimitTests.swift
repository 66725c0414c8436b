// SPDX-License-Identifier: Apache-2.0

// The largest batch that a topic takes, on every way into it and on both sides of the limit; and when its segments are closed.

import ApusModel
import ApusStorage
import ApusTesting
import CloudEvents
import Testing

@testable import ApusEngine

@Suite struct TopicLimitTests {
    /// The size of a batch with one event, with data of this length.
    private func size(_ length: Int, key: String? = nil) throws -> Int {
        var builder = RecordBatchBuilder()
        builder.append(try event("e", length), key: key, timestamp: Timestamp(milliseconds: 0))
        return builder.length
    }

    private func event(_ id: String, _ length: Int) throws -> CloudEvent {
        try CloudEvent(
            id: id, source: "/test", type: "t",
            data: CloudEventData(text: String(repeating: "x", count: length)))
    }

    private func publish(_ rig: EngineRig, _ events: [CloudEvent], to topic: String = "orders") async throws {
        let name = try ResourceName(topic)
        _ = try await rig.driving { [rig] in try await rig.engine.publish(events, to: name) }
        rig.settle()
    }

    private func alter(_ rig: EngineRig, _ topic: String, _ change: (inout TopicChanges) -> Void) async throws
    {
        var changes = TopicChanges()
        change(&changes)
        let (name, changed) = (try ResourceName(topic), changes)
        _ = try await rig.driving { [rig] in try await rig.engine.alterTopic(name, changed) }
    }

    @Test func `an event, several and whole batches are taken up to the limit and not beyond`() async throws {
        var rig = try EngineRig()
        let limit = try size(500)
        try await rig.topic("orders", TopicSettings(batchBytesMax: limit))
        for _ in 0..<2 {
            try await publish(rig, [try event("e", 500)])
            await #expect(throws: BrokerError.tooLarge(bytes: limit + 1, limit: limit)) {
                try await publish(rig, [try event("e", 501)])
            }
            await #expect(throws: BrokerError.self) {
                try await publish(rig, [try event("e", 300), try event("e", 300)])
            }
            try await publish(rig, [try event("e", 100), try event("e", 100)])
            let batch = try rig.batch([String(repeating: "y", count: limit)])
            #expect(
                rig.refusal(batch, to: "orders") == .broker(.tooLarge(bytes: batch.length, limit: limit)))
            let overhead = try rig.batch([String(repeating: "y", count: 400)]).length - 400
            _ = try rig.append(
                try rig.batch([String(repeating: "y", count: limit - overhead)]), to: "orders")
            #expect(
                rig.refusal(
                    try rig.batch([String(repeating: "y", count: limit - overhead + 1)]), to: "orders")
                    == .broker(.tooLarge(bytes: limit + 1, limit: limit)))
            rig = try rig.restarted()
        }
        // What a topic takes can be changed, within what the server takes.
        try await alter(rig, "orders") { $0.batchBytesMax = limit + 1 }
        try await publish(rig, [try event("e", 501)])
        for wrong in [0, -1, Defaults.batchBytesMax + 1] {
            await #expect(throws: BrokerError.self) {
                try await alter(rig, "orders") { $0.batchBytesMax = wrong }
            }
        }
        #expect(try rig.engine.topic(try ResourceName("orders")).settings.batchBytesMax == limit + 1)
    }

    @Test func `what waits for its time is refused at once or comes whatever the topic takes by then`()
        async throws
    {
        let rig = try EngineRig()
        try await rig.topic("orders", TopicSettings(batchBytesMax: 1000))
        await #expect(throws: BrokerError.self) {
            try await rig.schedule([(String(repeating: "x", count: 800), .seconds(5))], to: "orders")
        }
        try await rig.schedule([("small", .seconds(5))], to: "orders")
        try await alter(rig, "orders") { $0.batchBytesMax = 10 }
        rig.pass(.seconds(6))
        #expect(try await rig.ids(of: "orders") == ["small"])
        let (name, topic) = (try ResourceName("daily"), try ResourceName("orders"))
        let template = try event("t", 10)
        await #expect(throws: BrokerError.self) {
            try await rig.driving { [rig] in
                try await rig.engine.putSchedule(
                    name, ScheduleSettings(topic: topic, expression: "rate(1 minute)", template: template))
            }
        }
    }

    @Test func `a copy that is too large for its topic is a dead letter and the others are copies`()
        async throws
    {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.topic("wide")
        try await rig.topic("narrow", TopicSettings(batchBytesMax: 600))
        try await rig.rule("all", .copying("orders", to: "wide", "narrow"))
        // Together they are more than the limit, which only each of them has to keep.
        try await publish(rig, [try event("a", 100), try event("large", 700), try event("b", 100)])
        #expect(try await rig.ids(of: "wide") == ["a", "large", "b"])
        #expect(try await rig.ids(of: "narrow") == ["a", "b"])
        let letters = try await rig.engine.deadLetters(DeadLetterSelection(), Page())
        #expect(letters.map(\.stored.event.id) == ["large"])
        #expect(letters.first?.reason.contains("topic 'narrow'") == true)
        // Once it takes more, the letter can be sent again.
        try await alter(rig, "narrow") { $0.batchBytesMax = Defaults.batchBytesMax }
        _ = try await rig.driving { [rig] in
            try await rig.engine.redrive(DeadLetterSelection(), dryRun: false)
        }
        rig.settle()
        #expect(try await rig.ids(of: "narrow") == ["a", "b", "large"])
    }

    @Test
    func `a segment is closed by its age, and earlier where events are kept for less than four times that`() {
        #expect(TopicSettings().logConfiguration.segmentAgeMax == .seconds(7 * 86_400) / 4)
        #expect(TopicSettings(retentionAge: nil).logConfiguration.segmentAgeMax == .seconds(7 * 86_400))
        let hour = TopicSettings(retentionAge: nil, segmentAge: .seconds(3600))
        #expect(hour.logConfiguration.segmentAgeMax == .seconds(3600))
        let short = TopicSettings(retentionAge: .seconds(1200), segmentAge: .seconds(3600))
        #expect(short.logConfiguration.segmentAgeMax == .seconds(300))
        #expect(
            TopicSettings(segmentAge: .milliseconds(5)).logConfiguration.segmentAgeMax == .milliseconds(5))
    }

    @Test func `settings that a definition does not name have their defaults`() throws {
        let name = try ResourceName("orders")
        for settings in [
            TopicSettings(),
            TopicSettings(segmentAge: .seconds(60), batchBytesMax: 4096, timestamps: .append),
        ] {
            let definition = TopicDefinition(
                name: name, id: LogID(high: 1, low: 2), created: Timestamp(milliseconds: 3),
                settings: settings)
            let bytes = RegistryChange.topic(definition).encoded()
            let text = String(decoding: bytes, as: UTF8.self)
            #expect(text.contains("batchBytesMax") == (settings != TopicSettings()))
            guard case .topic(let read) = try RegistryChange(decoding: bytes) else {
                Issue.record("not a topic: \(text)")
                return
            }
            #expect(read.settings == settings)
        }
    }
}
