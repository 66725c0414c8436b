// SPDX-License-Identifier: Apache-2.0

import CoreMetrics
import Instrumentation
import Synchronization
import Testing
import Tracing

@testable import Apus

/// A tracer that writes its spans down, with the W3C header as its context.
final class NotingTracer: Tracer {
    enum ParentKey: ServiceContextKey { typealias Value = String }

    final class Span: Tracing.Span {
        let context: ServiceContext
        let kind: SpanKind
        private let state: Mutex<(name: String, attributes: SpanAttributes, errors: [String])>
        let links = Mutex<[String?]>([])

        init(_ name: String, _ kind: SpanKind, _ context: ServiceContext) {
            self.kind = kind
            self.context = context
            state = Mutex((name, [:], []))
        }

        var isRecording: Bool { true }
        var operationName: String {
            get { state.withLock(\.name) }
            set { state.withLock { $0.name = newValue } }
        }
        var attributes: SpanAttributes {
            get { state.withLock(\.attributes) }
            set { state.withLock { $0.attributes = newValue } }
        }
        var errors: [String] { state.withLock(\.errors) }
        func setStatus(_ status: SpanStatus) {}
        func addEvent(_ event: SpanEvent) {}
        func addLink(_ link: SpanLink) { links.withLock { $0.append(link.context[ParentKey.self]) } }
        func recordError<Instant: TracerInstant>(
            _ error: any Error, attributes: SpanAttributes, at instant: @autoclosure () -> Instant
        ) {
            state.withLock { $0.errors.append("\(error)") }
        }
        func end<Instant: TracerInstant>(at instant: @autoclosure () -> Instant) {}
    }

    let spans = Mutex<[Span]>([])

    func startSpan<Instant: TracerInstant>(
        _ operationName: String, context: @autoclosure () -> ServiceContext, ofKind kind: SpanKind,
        at instant: @autoclosure () -> Instant, function: String, file fileID: String, line: UInt
    ) -> Span {
        var context = context()
        return spans.withLock { spans in
            context[ParentKey.self] = (context[ParentKey.self].map { $0 + "/" } ?? "") + "\(spans.count)"
            let span = Span(operationName, kind, context)
            spans.append(span)
            return span
        }
    }

    func forceFlush() {}

    func inject<Carrier, Inject: Injector>(
        _ context: ServiceContext, into carrier: inout Carrier, using injector: Inject
    ) where Inject.Carrier == Carrier {
        if let parent = context[ParentKey.self] {
            injector.inject(parent, forKey: "traceparent", into: &carrier)
        }
    }

    func extract<Carrier, Extract: Extractor>(
        _ carrier: Carrier, into context: inout ServiceContext, using extractor: Extract
    ) where Extract.Carrier == Carrier {
        context[ParentKey.self] = extractor.extract(key: "traceparent", from: carrier)
    }
}

@Suite struct TelemetryTests {
    @Test func `handling continues the trace of the event, and what it publishes goes on with it`()
        async throws
    {
        let clock = TestClock()
        let transport = ScriptedTransport(clock: clock)
        let tracer = NotingTracer()
        let bus = Bus(transport: transport, options: BusOptions(tracer: tracer, clock: clock))
        let consumer = try bus.consumer(group: "g") {
            Handle(OrderCancelled.self) { order, context in
                try await context.bus.publish(PaymentTaken(orderID: order.orderID))
                throw Reject("no")
            }
        }
        try await consumer.subscribe()
        let task = Task { try await consumer.run() }
        let root = tracer.startSpan("root", context: .topLevel, ofKind: .server)
        try await ServiceContext.$current.withValue(root.context) {
            try await bus.publish(OrderCancelled(orderID: "1"))
        }
        _ = await transport.settled(1)
        consumer.stop()
        try await task.value
        let spans = tracer.spans.withLock(\.self)
        #expect(
            spans.map(\.operationName) == ["root", "publish orders", "process orders", "publish payments"])
        #expect(spans.map(\.kind) == [.server, .producer, .consumer, .producer])
        let first = transport.change { $0.topics["orders"]?.first?.extensions[.traceParent] }
        let second = transport.change { $0.topics["payments"]?.first?.extensions[.traceParent] }
        #expect(first == "0")
        #expect(second == "0/2")
        #expect(spans[2].errors == ["no"])
        #expect(spans[2].attributes["messaging.consumer.group.name"]?.toSpanAttribute() == .string("g"))
    }

    @Test func `a batch is handled in a span that is linked to the trace of each of its events`() async throws
    {
        let clock = TestClock()
        let transport = ScriptedTransport(clock: clock)
        let tracer = NotingTracer()
        let bus = Bus(transport: transport, options: BusOptions(tracer: tracer, clock: clock))
        let consumer = try bus.consumer(group: "g", options: .init(retry: .none, timeout: nil)) {
            Handle(batchesOf: OrderCancelled.self, size: 2) { batch in
                try await bus.publish(PaymentTaken(orderID: batch[0].event.orderID))
                throw BatchFailure([1: Reject("no")])
            }
        }
        try await consumer.subscribe()
        let task = Task { try await consumer.run() }
        let root = tracer.startSpan("root", context: .topLevel, ofKind: .server)
        try await ServiceContext.$current.withValue(root.context) {
            for id in ["1", "2"] { try await bus.publish(OrderCancelled(orderID: id)) }
        }
        #expect(await Set(transport.settled(2)) == [.acknowledge, .deadLetter(reason: "no")])
        consumer.stop()
        try await task.value
        let spans = tracer.spans.withLock(\.self)
        #expect(
            spans.map(\.operationName) == [
                "root", "publish orders", "publish orders", "process orders", "publish payments",
            ])
        #expect(spans[3].links.withLock(\.self) == ["0", "0"])
        #expect(spans[3].errors == ["no"])
        let published = transport.change { $0.topics["payments"]?.first?.extensions[.traceParent] }
        #expect(published == "3")
    }

    @Test func `the span of a handler that took too long says that, and not that it was cancelled`()
        async throws
    {
        let clock = TestClock()
        let transport = ScriptedTransport(clock: clock)
        let tracer = NotingTracer()
        let bus = Bus(transport: transport, options: BusOptions(tracer: tracer, clock: clock))
        let consumer = try bus.consumer(group: "g", options: .init(retry: .none, timeout: .seconds(2))) {
            Handle(OrderCancelled.self) { _, _ in try await clock.sleep(for: .seconds(1000)) }
        }
        try await consumer.subscribe()
        let task = Task { try await consumer.run() }
        try await bus.publish(OrderCancelled(orderID: "1"))
        await clock.sleepers(until: .seconds(1000))
        clock.advance(by: .seconds(2))
        _ = await transport.settled(1)
        consumer.stop()
        try await task.value
        let span = try #require(tracer.spans.withLock(\.self).first { $0.kind == .consumer })
        #expect(span.errors == ["the handler took longer than 2.0 seconds"])
    }

    @Test func `topics beyond a limit share a label`() {
        let metrics = PublishMetrics()
        for number in 0..<300 { _ = metrics.handles(for: "topic-\(number)") }
        #expect(metrics.handles(for: "topic-299").published === metrics.handles(for: "elsewhere").published)
        #expect(metrics.handles(for: "topic-1").published !== metrics.handles(for: "topic-2").published)
    }
}
