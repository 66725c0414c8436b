// SPDX-License-Identifier: Apache-2.0

// Trace context in records: what an event carries stays, what other protocols put beside it becomes the event's where that has none, and the header of the
// last hop goes from copy to copy up to the attempt. Spans themselves are seen in Tests/interop/test_otlp.py, by a collector.

import ApusModel
import ApusRules
import ApusStorage
import ApusTesting
import ApusTransport
import CloudEvents
import Testing

@testable import ApusEngine

@Suite struct TraceHopTests {
    private let origin = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    private let hop = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01"

    private func event(_ id: String, trace: String? = nil) throws -> CloudEvent {
        var event = try CloudEvent(id: id, source: "/test", type: "t")
        if let trace {
            try event.extensions.set(.traceParent, to: trace)
            try event.extensions.set(.traceState, to: "a=1")
        }
        return event
    }

    private func header(_ event: StoredEvent, _ name: String) -> String? {
        event.headers.first { $0.name == name }?.value.map { String(decoding: $0, as: UTF8.self) }
    }

    private func events(_ rig: EngineRig, _ topic: String) async throws -> [StoredEvent] {
        try await rig.engine.fetch(
            try ResourceName(topic), partition: 0, from: .earliest, limit: 1000, pattern: nil, wait: .zero
        ).events
    }

    /// A batch as a client of Kafka's makes it, its one record with these headers.
    private func produce(_ rig: EngineRig, _ headers: [String: String]) async throws {
        var builder = RecordBatchBuilder(capacity: 256)
        for (name, value) in headers { builder.addHeader(name, value) }
        builder.append(timestamp: rig.clock.wall, key: nil, value: Array("x".utf8))
        let finished = builder.finish()
        let batch = try #require(finished)
        let name = try ResourceName("a")
        _ = try await rig.driving { [rig] in
            try await withCheckedThrowingContinuation { continuation in
                rig.engine.append(batch, to: name, partition: 0) { continuation.resume(with: $0) }
            }
        }
    }

    @Test func `an event that carries a trace has it as a header too, which clients of Kafka look at`()
        async throws
    {
        let rig = try EngineRig()
        try await rig.topic("a")
        let (traced, plain) = (try event("1", trace: origin), try event("2"))
        let name = try ResourceName("a")
        _ = try await rig.driving { [rig] in
            try await rig.engine.publish([traced, plain], to: name, key: nil)
        }
        _ = try await rig.driving { [rig] in try await rig.engine.publish([traced], to: name, key: nil) }
        let stored = try await events(rig, "a")
        #expect(stored.map { header($0, "traceparent") } == [origin, nil, origin])
        #expect(stored.map { header($0, "tracestate") } == ["a=1", nil, "a=1"])
        #expect(stored.map(\.event) == [traced, plain, traced])
    }

    @Test func `a header becomes the event's trace where it has none, and a copy's parent either way`()
        async throws
    {
        let rig = try EngineRig()
        for name in ["a", "b"] { try await rig.topic(name) }
        let copies = RuleSettings(
            topic: try ResourceName("a"), pattern: .matchAll, targets: [.topic(try ResourceName("b"))])
        try await rig.rule("r", copies)
        var push = SubscriptionSettings(topic: try ResourceName("b"))
        push.start = .earliest
        push.push = PushSettings(url: "https://example.org/")
        try await rig.subscription("s", push)
        try await produce(rig, ["traceparent": hop, "tracestate": "b=2"])
        let attributes = ["ce_specversion": "1.0", "ce_id": "e", "ce_source": "/s", "ce_type": "t"]
        try await produce(rig, attributes.merging(["ce_traceparent": origin, "traceparent": hop]) { $1 })
        try await produce(rig, attributes)
        rig.settle()
        let found = try await events(rig, "b")
        #expect(found.map { $0.event.extensions[.traceParent] } == [hop, origin, nil])
        #expect(found.first?.event.extensions[.traceState] == "b=2")
        #expect(found.map { header($0, "traceparent") } == [hop, hop, nil])
        #expect(rig.target.deliveries.map(\.traceparent) == [hop, hop, nil])
    }

    @Test func `headers that are too long, no text or no trace context are nobody's trace`() async throws {
        let rig = try EngineRig()
        try await rig.topic("a")
        try await produce(rig, ["traceparent": String(repeating: "0", count: 600)])
        try await produce(rig, ["traceparent": "\u{0}"])
        try await produce(rig, ["traceparent": hop.uppercased()])
        #expect(try await events(rig, "a").map { $0.event.extensions[.traceParent] } == [nil, nil, nil])
    }

    @Test(arguments: [
        ("00", false), ("01", true), ("02", false), ("03", true), ("09", true), ("0a", false), ("0b", true),
        ("ff", true),
        ("fe", false),
    ])
    func `whether a trace is recorded is the last bit of its flags`(flags: String, isSampled: Bool) throws {
        var builder = RecordBatchBuilder(capacity: 256)
        builder.addHeader("traceparent", String(hop.dropLast(2)) + flags)
        builder.append(timestamp: Timestamp(milliseconds: 0), key: nil, value: [])
        var found: TraceHop?
        let batch = builder.finish()
        try #require(batch).forEachRecord { record in
            found = TraceHop(record)
            return true
        }
        #expect(found?.isSampled == isSampled)
    }
}
