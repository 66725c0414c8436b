// SPDX-License-Identifier: Apache-2.0

// The tracer as libraries use it: spans in spans, headers in and out.

import ApusTelemetry
import Logging
import Synchronization
import Testing
import Tracing

/// Keeps the spans it receives.
private final class SpanList: SpanSink {
    let wantsSpans = true
    private let list = Mutex<[FinishedSpan]>([])
    var spans: [FinishedSpan] { list.withLock { $0 } }

    func receive(_ span: FinishedSpan) {
        list.withLock { $0.append(span) }
    }
}

private struct Headers: Injector, Extractor {
    func inject(_ value: String, forKey key: String, into carrier: inout [String: String]) {
        carrier[key] = value
    }

    func extract(key: String, from carrier: [String: String]) -> String? { carrier[key] }
}

private struct Refused: Error {}

private func instant(_ seconds: UInt64) -> DefaultTracerClock.Timestamp {
    DefaultTracerClock.Timestamp(nanosecondsSinceEpoch: seconds * 1_000_000_000)
}

@Suite struct ApusTracerTests {
    private let sink = SpanList()

    private func tracer(_ sampling: TraceSampling = .always) -> ApusTracer {
        ApusTracer(sink: sink, sampling: sampling, generator: CountingGenerator())
    }

    @Test func `a span inside a span is its child`() throws {
        let tracer = tracer()
        tracer.withSpan("outer", ofKind: .server) { _ in tracer.withSpan("inner") { _ in } }
        let inner = try #require(sink.spans.first)
        let outer = try #require(sink.spans.last)
        #expect([inner.name, outer.name] == ["inner", "outer"])
        #expect(outer.parentSpanID == nil)
        #expect(inner.parentSpanID == outer.traceContext.spanID)
        #expect(inner.traceContext.traceID == outer.traceContext.traceID)
    }

    @Test func `a span records what it is told, between its start and its first end`() throws {
        let span = tracer().startSpan("first name", context: .topLevel, at: instant(10))
        span.operationName = "publish"
        span.attributes["topic"] = "orders"
        span.addEvent("appended")
        span.addLink(SpanLink(context: .topLevel, attributes: [:]))
        span.setStatus(SpanStatus(code: .error, message: "first"))
        span.setStatus(SpanStatus(code: .ok))
        span.setStatus(SpanStatus(code: .error, message: "late"))
        span.end(at: instant(12))
        span.attributes["topic"] = "other"
        span.end(at: instant(13))
        let finished = try #require(sink.spans.first)
        #expect(sink.spans.count == 1)
        #expect(finished.name == "publish")
        #expect(finished.start.rfc3339 == "1970-01-01T00:00:10.000Z")
        #expect(finished.end.rfc3339 == "1970-01-01T00:00:12.000Z")
        #expect(finished.status == SpanStatus(code: .ok))
        #expect(finished.attributes.get("topic") == .string("orders"))
        #expect(finished.events.map(\.name) == ["appended"])
        #expect(finished.links.count == 1)
    }

    @Test func `an error thrown within a span is recorded and thrown on`() throws {
        #expect(throws: Refused.self) { try tracer().withSpan("fails") { _ in throw Refused() } }
        let finished = try #require(sink.spans.first)
        #expect(finished.status?.code == .error)
        #expect(finished.events.first?.name == "exception")
        #expect(finished.events.first?.attributes.get("exception.type") == .string("Refused"))
    }

    @Test func `a span keeps a bounded number of entries and counts the rest`() throws {
        let span = tracer().startSpan("busy", context: .topLevel)
        for number in 0..<130 { span.addEvent(SpanEvent(name: String(number))) }
        var attributes = SpanAttributes()
        for number in 0..<131 { attributes["a\(number + 1000)"] = number }
        span.attributes = attributes
        span.end()
        let finished = try #require(sink.spans.first)
        #expect(finished.events.count == 128)
        #expect(finished.attributes.count == 128)
        #expect(finished.attributes.get("a1130") == nil)
        #expect(finished.droppedCount == 5)
    }

    @Test func `headers carry a trace in and out`() {
        let tracer = tracer()
        let received = ["traceparent": TraceContextTests.valid, "tracestate": "a=1"]
        var context = ServiceContext.topLevel
        tracer.extract(received, into: &context, using: Headers())
        let span = tracer.startSpan("deliver", context: context)
        var sent: [String: String] = [:]
        tracer.inject(span.context, into: &sent, using: Headers())
        #expect(sent["tracestate"] == "a=1")
        #expect(sent["traceparent"] == span.traceContext.traceparent)
        #expect(span.traceContext.traceparent.hasPrefix(TraceContextTests.valid.prefix(36)))
    }

    @Test func `without a valid header nothing is taken in, and without a trace nothing goes out`() {
        var context = ServiceContext.topLevel
        tracer().extract(["traceparent": "nonsense"], into: &context, using: Headers())
        #expect(context.traceContext == nil)
        var sent: [String: String] = [:]
        tracer().inject(context, into: &sent, using: Headers())
        #expect(sent.isEmpty)
    }

    @Test func `a trace that is not sampled is passed on and not recorded`() {
        let tracer = tracer(.never)
        let span = tracer.startSpan("quiet", context: .topLevel)
        span.attributes["dropped"] = true
        span.end()
        #expect(!span.isRecording)
        #expect(sink.spans.isEmpty)
        #expect(span.context.traceContext?.flags.contains(.sampled) == false)
    }

    @Test func `a ratio samples about its share`() {
        let tracer = ApusTracer(sink: sink, sampling: .ratio(0.25), generator: SystemRandomNumberGenerator())
        let sampled = (0..<4000).filter { _ in
            tracer.startSpan("s", context: .topLevel).isRecording
        }
        // Ten standard deviations around 1000.
        #expect((726...1274).contains(sampled.count))
    }

    @Test func `a sink for nothing records nothing`() {
        let span = ApusTracer().startSpan("unseen", context: .topLevel)
        #expect(!span.isRecording)
        #expect(span.context.traceContext != nil)
    }

    @Test func `the logging sink writes a line for each span`() {
        let lines = LineList()
        var logger = Logger(label: "spans") { label in
            HumanLogHandler(label: label, level: .debug, output: lines.output) {
                WallTime(nanosecondsSinceEpoch: 0)
            }
        }
        let tracer = ApusTracer(sink: LogSpanSink(logger: logger), generator: CountingGenerator())
        let span = tracer.startSpan("publish", context: .topLevel, ofKind: .producer, at: instant(1))
        span.attributes["topic"] = "orders"
        span.setStatus(SpanStatus(code: .error, message: "full"))
        span.end(at: instant(2))
        #expect(
            lines.lines == [
                "1970-01-01T00:00:00.000Z DEBUG    span: publish duration_us=1000000 kind=producer "
                    + "span_id=\(span.traceContext.spanID) start=1970-01-01T00:00:01.000Z "
                    + "status=\"error: full\" topic=orders trace_id=\(span.traceContext.traceID)\n"
            ])
        logger.logLevel = .info
        #expect(!LogSpanSink(logger: logger).wantsSpans)
    }
}
