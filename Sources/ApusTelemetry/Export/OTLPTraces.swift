// SPDX-License-Identifier: Apache-2.0

// Spans as an ExportTraceServiceRequest.

internal import JSONText
import Tracing

/// Spans in the collector's words.
enum OTLPTraces {
    /// The body of a request with these spans.
    static func encode(_ spans: [FinishedSpan], of resource: ExportResource) -> [UInt8] {
        var writer = JSONWriter(capacity: 512 * (spans.count + 1))
        writer.object { writer in
            writer.list("resourceSpans", CollectionOfOne(resource)) { writer, resource in
                writer.object { writer in
                    resource.write(to: &writer)
                    writer.list("scopeSpans", CollectionOfOne(spans)) { writer, spans in
                        writer.object { writer in
                            writer.scope(resource.scope.name, resource.scope.version)
                            writer.list("spans", spans) { writer, span in
                                writer.object { write(span, to: &$0) }
                            }
                        }
                    }
                }
            }
        }
        return writer.bytes
    }

    private static func write(_ span: FinishedSpan, to writer: inout JSONWriter) {
        place(span.traceContext, to: &writer)
        if let parent = span.parentSpanID { writer.member("parentSpanId", parent.description) }
        writer.member("name", span.name)
        writer.member("kind", number: number(of: span.kind))
        writer.member("startTimeUnixNano", time: span.start)
        // A wall clock that was set back meanwhile must not make a span that ends before it began.
        writer.member(
            "endTimeUnixNano",
            time: span.end.nanosecondsSinceEpoch < span.start.nanosecondsSinceEpoch ? span.start : span.end)
        writer.attributes(span.attributes)
        if span.droppedCount > 0 { writer.member("droppedAttributesCount", number: span.droppedCount) }
        if !span.events.isEmpty {
            writer.list("events", span.events) { writer, event in
                writer.object { writer in
                    writer.member("timeUnixNano", wide: event.nanosecondsSinceEpoch)
                    writer.member("name", event.name)
                    writer.attributes(event.attributes)
                }
            }
        }
        let links = span.links.compactMap { link in link.context.traceContext.map { ($0, link.attributes) } }
        if !links.isEmpty {
            writer.list("links", links) { writer, link in
                writer.object { writer in
                    place(link.0, to: &writer)
                    writer.attributes(link.1)
                }
            }
        }
        guard let status = span.status else { return }
        writer.key("status")
        writer.object { writer in
            writer.member("code", number: status.code == .ok ? 1 : 2)
            if let message = status.message { writer.member("message", message) }
        }
    }

    private static func place(_ context: TraceContext, to writer: inout JSONWriter) {
        writer.member("traceId", context.traceID.description)
        writer.member("spanId", context.spanID.description)
        if !context.state.isEmpty { writer.member("traceState", context.state.description) }
        writer.member("flags", number: Int(context.flags.rawValue))
    }

    private static func number(of kind: SpanKind) -> Int {
        switch kind {
        case .server: 2
        case .client: 3
        case .producer: 4
        case .consumer: 5
        default: 1
        }
    }
}
