// SPDX-License-Identifier: Apache-2.0

// The spans of events that consumers pull: one for each lease, from its hand-out until its end, whichever that is.

import ApusModel
import ApusTelemetry
import ApusTesting
import ApusTransport
import CloudEvents
import Synchronization
import Testing
import Tracing

@testable import ApusEngine

private final class SpanList: SpanSink {
    let wantsSpans: Bool
    private let list = Mutex<[FinishedSpan]>([])
    var spans: [FinishedSpan] { list.withLock { $0 } }

    init(wantsSpans: Bool = true) { self.wantsSpans = wantsSpans }

    func receive(_ span: FinishedSpan) { list.withLock { $0.append(span) } }
}

extension FinishedSpan {
    fileprivate func text(_ name: String) -> String? {
        guard case .string(let text)? = attributes.get(name) else { return nil }
        return text
    }

    fileprivate var outcome: String? { text("apus.outcome") }
    fileprivate var failure: String? { status?.code == .error ? status?.message : nil }
}

@Suite struct LeaseTraceTests {
    private static let trace = "0af7651916cd43dd8448eb211c80319c"
    private static let parent = "b7ad6b7169203331"
    private let sink = SpanList()

    private func rig(_ sink: SpanList? = nil, isTracing: Bool = true) async throws -> EngineRig {
        let tracer = ApusTracer(sink: sink ?? self.sink)
        let rig = try EngineRig { options in
            options.tracesEvents = isTracing
            options.tracer = tracer
        }
        try await rig.topic("orders")
        try await rig.subscription("pull", .shared("orders") { $0.attemptsMax = 4 })
        return rig
    }

    private func publish(_ rig: EngineRig, _ ids: String..., flags: String? = "01") async throws {
        let topic = try ResourceName("orders")
        let events = try ids.map { id in
            var event = try CloudEvent(id: id, source: "/test", type: "t")
            if let flags {
                try event.extensions.set(.traceParent, to: "00-\(Self.trace)-\(Self.parent)-\(flags)")
            }
            return event
        }
        _ = try await rig.driving { [rig] in try await rig.engine.publish(events, to: topic, key: nil) }
    }

    @Test func `an acknowledged event's span is part of its trace and tells where it was`() async throws {
        let rig = try await rig()
        try await publish(rig, "a")
        let leased = try await rig.receive("pull")
        #expect(sink.spans.isEmpty)
        try await rig.settle("pull", leased.map(\.lease), .acknowledge)
        let span = try #require(sink.spans.first)
        #expect(sink.spans.count == 1 && span.name == "deliver pull" && span.kind == .producer)
        #expect("\(span.traceContext.traceID)" == Self.trace)
        #expect(span.parentSpanID.map { "\($0)" } == Self.parent)
        #expect(span.text("messaging.system") == "apus" && span.text("messaging.operation.type") == "send")
        #expect(
            span.text("messaging.destination.name") == "orders" && span.text("messaging.message.id") == "a")
        #expect(span.text("apus.subscription") == "pull" && span.outcome == "delivered")
        #expect(span.status == nil)
    }

    @Test func `each lease is a span of its own, and how it ended is its status`() async throws {
        let rig = try await rig()
        try await publish(rig, "a")
        var lease = try await rig.receive("pull").map(\.lease)
        try await rig.settle("pull", lease, .release(delay: .zero, counted: true))
        lease = try await rig.receive("pull").map(\.lease)
        try await rig.settle("pull", lease, .release(delay: .zero, counted: false))
        _ = try await rig.receive("pull")
        rig.pass(.seconds(40))
        lease = try await rig.receive("pull").map(\.lease)
        try await rig.settle("pull", lease, .extend(.seconds(60)))
        try await rig.settle("pull", lease, .reject(reason: "cannot read it"))
        #expect(sink.spans.map(\.outcome) == ["released", "released", "expired", "rejected"])
        #expect(
            sink.spans.map(\.failure) == [
                "released by the consumer", nil, "the consumer's lease ran out", "cannot read it",
            ])
        #expect(Set(sink.spans.map { "\($0.traceContext.traceID)" }) == [Self.trace])
        #expect(Set(sink.spans.map(\.traceContext.spanID)).count == 4)
    }

    @Test func `what holders of Kafka's share groups have is no different`() async throws {
        let rig = try await rig()
        let holder = LeaseHolder(nonce: 5)
        try await publish(rig, "a", "b", "c")
        #expect(try await rig.acquire("pull", holder).count == 3)
        _ = try await rig.settle(
            "pull", holder,
            [OffsetVerdict(Offset(0), .acknowledge), OffsetVerdict(Offset(1), .reject(reason: "no"))])
        try await rig.release("pull", holder, counted: true)
        #expect(sink.spans.map(\.outcome) == ["delivered", "rejected", "released"])
        #expect(sink.spans.map(\.failure) == [nil, "no", "released by the consumer"])
    }

    @Test func `a replay and the end of the subscription take leases back`() async throws {
        let rig = try await rig()
        let name = try ResourceName("pull")
        try await publish(rig, "a")
        _ = try await rig.receive("pull")
        try await rig.driving { [rig] in try await rig.engine.replay(name, from: .earliest) }
        #expect(sink.spans.map(\.outcome) == ["withdrawn"] && sink.spans.first?.failure == nil)
        #expect(try await rig.receive("pull").count == 1)
        _ = try await rig.driving { [rig] in try await rig.engine.deleteSubscription(name) }
        #expect(sink.spans.map(\.outcome) == ["withdrawn", "withdrawn"])
    }

    @Test func `of a trace that is not recorded there is no span, of an event without one there is`()
        async throws
    {
        let rig = try await rig()
        try await publish(rig, "quiet", flags: "00")
        try await publish(rig, "own", flags: nil)
        let leased = try await rig.receive("pull")
        try await rig.settle("pull", leased.map(\.lease), .acknowledge)
        #expect(leased.count == 2 && sink.spans.count == 1)
        #expect(sink.spans.first?.text("messaging.message.id") == "own")
        #expect(sink.spans.first.map { $0.parentSpanID == nil } == true)
    }

    @Test func `pushes have theirs elsewhere, and where nothing is exported there are none`() async throws {
        let rig = try await rig()
        var push = SubscriptionSettings(topic: try ResourceName("orders"))
        push.push = PushSettings(url: "https://example.org/")
        try await rig.subscription("push", push)
        try await publish(rig, "a")
        rig.settle()
        #expect(rig.target.deliveries.count == 1 && sink.spans.isEmpty)
        for (sink, isTracing) in [(SpanList(), false), (SpanList(wantsSpans: false), true)] {
            let rig = try await self.rig(sink, isTracing: isTracing)
            try await publish(rig, "a")
            let leased = try await rig.receive("pull")
            try await rig.settle("pull", leased.map(\.lease), .acknowledge)
            #expect(leased.count == 1 && sink.spans.isEmpty)
        }
    }
}
