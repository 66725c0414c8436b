// SPDX-License-Identifier: Apache-2.0

// Publishers that are instrumented send their trace as the HTTP header `traceparent`, as with any request. Events that carry no
// trace of their own get that one, so that their deliveries are part of it; a trace that an event carries is never touched
// (CloudEvents' distributed tracing extension). Where traces are exported the request is a span, and whoever publishes without a trace
// begins one.

internal import ApusHTTPCodec
internal import ApusModel
internal import ApusTelemetry
internal import CloudEvents
internal import Tracing

/// The trace that a publish is part of, and its span, if there is one. Made for those publishes only that have a trace.
final class RequestTrace: Sendable {
    /// Of several traces in one request, so many are linked to its span.
    private static let linksMax = 127

    /// The place in the trace: that of the span, or of whoever published.
    let place: TraceContext
    /// Whether the trace is recorded, here or elsewhere.
    var isRecorded: Bool { place.flags.contains(.sampled) }
    private let span: (any Span)?

    private init(_ place: TraceContext, _ span: (any Span)?) {
        (self.place, self.span) = (place, span)
    }

    /// Gives events without a trace that of their request, and begins the request's span where spans are wanted.
    ///
    /// - Parameter tracer: makes the request's span; nil where nobody wants one.
    static func begin(
        _ head: HTTPRequestHead, _ events: inout [CloudEvent], topic: ResourceName, tracer: (any Tracer)?
    ) -> RequestTrace? {
        let own = adopt(head, into: &events)
        // By index: handing an event out of the array would retain all that it has.
        let first = events.isEmpty ? nil : Self.context(of: events[0].extensions)
        // What an event says of itself goes before what its request says; of several events only the request speaks for all.
        let parent = events.count == 1 ? first ?? own : own ?? first
        guard let tracer else { return parent.map { RequestTrace($0, nil) } }
        var context = ServiceContext.topLevel
        context.traceContext = parent
        let span = tracer.startAnySpan("publish \(topic)", context: context, ofKind: .server)
        guard let place = span.context.traceContext else { return parent.map { RequestTrace($0, nil) } }
        if parent == nil { set(place, in: &events) }
        guard span.isRecording else { return RequestTrace(place, span) }
        span.updateAttributes { attributes in
            attributes["messaging.system"] = "apus"
            attributes["messaging.operation.name"] = "publish"
            attributes["messaging.operation.type"] = "send"
            attributes["messaging.destination.name"] = "\(topic)"
            attributes["network.protocol.name"] = "http"
            if events.count == 1 {
                attributes["messaging.message.id"] = events[0].id
            } else {
                attributes["messaging.batch.message_count"] = events.count
            }
        }
        link(events, own, to: span)
        return RequestTrace(place, span)
    }

    /// Publishes within the span, so that what the broker does becomes part of it.
    func within(_ body: () -> Void) {
        guard let span else { return body() }
        ServiceContext.$current.withValue(span.context, operation: body)
    }

    /// Measures within the trace, so that metrics have exemplars.
    func measuring(_ body: () -> Void) {
        var context = ServiceContext.topLevel
        context.traceContext = place
        ServiceContext.$current.withValue(context, operation: body)
    }

    /// Ends the span with the status of the answer.
    func end(_ status: HTTPStatus) {
        guard let span, span.isRecording else { return }
        span.attributes["http.response.status_code"] = Int(status.code)
        if status.code >= 400 {
            span.setStatus(SpanStatus(code: .error, message: "answered with status \(status.code)"))
        }
        span.end()
    }

    // MARK: Events

    /// Gives events without a trace that of their request, if it names a valid one; that one.
    private static func adopt(_ head: HTTPRequestHead, into events: inout [CloudEvent]) -> TraceContext? {
        guard let parent = head.firstValue(of: "traceparent"),
            let context = TraceContext(
                traceparent: parent, tracestate: head.values(of: "tracestate").joined(separator: ","))
        else { return nil }
        set(context, in: &events)
        return context
    }

    private static func set(_ context: TraceContext, in events: inout [CloudEvent]) {
        let state = context.state.description
        for index in events.indices where events[index].extensions[.traceParent] == nil {
            // Both are made of characters that any attribute may have, so nothing is lost here.
            try? events[index].extensions.set(.traceParent, to: context.traceparent)
            if !state.isEmpty { try? events[index].extensions.set(.traceState, to: state) }
        }
    }

    private static func context(of extensions: CloudEventExtensions) -> TraceContext? {
        guard !extensions.isEmpty, let parent = extensions[.traceParent] else { return nil }
        return TraceContext(traceparent: parent, tracestate: extensions[.traceState])
    }

    /// Links a span to the other traces that its events, or its request, are part of.
    private static func link(_ events: [CloudEvent], _ own: TraceContext?, to span: any Span) {
        var linked: Set<SpanID> = []
        for other in [own] + events.prefix(linksMax).map({ Self.context(of: $0.extensions) }) {
            guard let other, other.traceID != span.context.traceContext?.traceID,
                linked.insert(other.spanID).inserted
            else { continue }
            var context = ServiceContext.topLevel
            context.traceContext = other
            span.addLink(SpanLink(context: context, attributes: [:]))
        }
    }
}
