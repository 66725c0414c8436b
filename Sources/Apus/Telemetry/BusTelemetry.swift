// SPDX-License-Identifier: Apache-2.0

// Spans around publishing and handling, and trace context from one to the other. Without a tracer nothing of it costs more than a test of a flag; the
// context of the event that is handled is then passed on as it came.

import CloudEvents
import Tracing

/// What tells of publishing and handling.
struct BusTelemetry: Sendable {
    /// Nil when the program has none.
    let tracer: (any Tracer)?
    let transport: String

    init(tracer: (any Tracer)?, transport: String) {
        let tracer = tracer ?? InstrumentationSystem.tracer
        self.tracer = tracer is NoOpTracer ? nil : tracer
        self.transport = transport
    }

    /// Puts the context of the current task into an event's attributes, unless it has one.
    func inject(into extensions: inout CloudEventExtensions) {
        guard extensions[.traceParent] == nil else { return }
        if let tracer {
            guard let context = ServiceContext.current else { return }
            tracer.inject(context, into: &extensions, using: TraceInjector())
        } else if let handled = EventContext.current?.event.extensions, let parent = handled[.traceParent] {
            // Nobody here makes spans; who does, further on, still sees one trace.
            try? extensions.set(.traceParent, to: parent)
            try? extensions.set(.traceState, to: handled[.traceState])
        }
    }

    /// Publishes in a span of its own, if anybody makes spans.
    func publishing<Result>(
        _ count: Int, to topic: String,
        _ body: () async throws(BusError) -> Result
    ) async throws(BusError) -> Result {
        guard let tracer else { return try await body() }
        let span = tracer.startSpan("publish \(topic)", ofKind: .producer)
        defer { span.end() }
        span.attributes["messaging.system"] = transport
        span.attributes["messaging.operation.type"] = "send"
        span.attributes["messaging.destination.name"] = topic
        if count > 1 { span.attributes["messaging.batch.message_count"] = count }
        let outcome = await ServiceContext.$current.withValue(span.context) {
            () async -> Swift.Result<Result, BusError> in
            do throws(BusError) { return .success(try await body()) } catch { return .failure(error) }
        }
        if case .failure(let error) = outcome {
            span.recordError(error)
            span.setStatus(SpanStatus(code: .error, message: error.description))
        }
        return try outcome.get()
    }

    /// Handles several events in a span that is linked to the trace of each, if anybody makes spans.
    ///
    /// - Returns: what `body` did: one outcome for each event, nil for done; none at all when all of them are.
    func handling(
        _ contexts: [EventContext], group: String, _ body: ([EventContext]) async -> [(any Error)?]
    ) async -> [(any Error)?] {
        guard let tracer, let first = contexts.first else { return await body(contexts) }
        let span = tracer.startSpan("process \(first.topic)", ofKind: .consumer)
        defer { span.end() }
        for context in contexts.prefix(Self.linksMax) {
            var service = ServiceContext.topLevel
            tracer.extract(context.event.extensions, into: &service, using: TraceExtractor())
            span.addLink(SpanLink(context: service, attributes: [:]))
        }
        span.attributes["messaging.system"] = transport
        span.attributes["messaging.operation.type"] = "process"
        span.attributes["messaging.destination.name"] = first.topic
        span.attributes["messaging.consumer.group.name"] = group
        span.attributes["messaging.batch.message_count"] = contexts.count
        let outcomes = await ServiceContext.$current.withValue(span.context) { await body(contexts) }
        let failures = outcomes.compactMap(\.self)
        if let error = failures.first {
            span.recordError(error)
            span.setStatus(
                SpanStatus(
                    code: .error, message: "\(failures.count) of \(contexts.count): \(ErrorText.of(error))"))
        }
        return outcomes
    }

    /// Links of one span; more say nothing that these do not.
    private static let linksMax = 127

    /// Handles in a span that continues the event's trace, if anybody makes spans.
    func handling(_ context: EventContext, group: String, _ body: () async throws -> Void) async throws {
        guard let tracer else { return try await body() }
        var service = ServiceContext.current ?? .topLevel
        tracer.extract(context.event.extensions, into: &service, using: TraceExtractor())
        let span = tracer.startSpan("process \(context.topic)", context: service, ofKind: .consumer)
        defer { span.end() }
        span.attributes["messaging.system"] = transport
        span.attributes["messaging.operation.type"] = "process"
        span.attributes["messaging.destination.name"] = context.topic
        span.attributes["messaging.consumer.group.name"] = group
        span.attributes["messaging.message.id"] = context.event.id
        span.attributes["cloudevents.event_type"] = context.event.type
        do {
            try await ServiceContext.$current.withValue(span.context, operation: body)
        } catch {
            span.recordError(error)
            span.setStatus(SpanStatus(code: .error, message: ErrorText.of(error)))
            throw error
        }
    }
}
