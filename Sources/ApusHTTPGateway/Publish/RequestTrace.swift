// SPDX-License-Identifier: Apache-2.0

// Publishers that are instrumented send their trace as the HTTP header `traceparent`, as with any request. Events that carry no
// trace of their own get that one, so that their deliveries are part of it; a trace that an event carries is never touched
// (CloudEvents' distributed tracing extension).

internal import ApusHTTPCodec
internal import ApusTelemetry
internal import CloudEvents

/// The trace that a request is part of.
enum RequestTrace {
    /// Gives events without a trace that of their request, if it names a valid one.
    static func adopt(_ head: HTTPRequestHead, into events: inout [CloudEvent]) {
        guard let parent = head.firstValue(of: "traceparent"),
            let context = TraceContext(
                traceparent: parent, tracestate: head.values(of: "tracestate").joined(separator: ","))
        else { return }
        let state = context.state.description
        for index in events.indices where events[index].extensions[.traceParent] == nil {
            // Both are made of characters that any attribute may have, so nothing is lost here.
            try? events[index].extensions.set(.traceParent, to: context.traceparent)
            if !state.isEmpty { try? events[index].extensions.set(.traceState, to: state) }
        }
    }
}
