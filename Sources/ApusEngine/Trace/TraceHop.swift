// SPDX-License-Identifier: Apache-2.0

// Where trace context stands in records. The attribute `traceparent` of an event tells where it began and stays (CloudEvents' distributed tracing
// extension); the record header of that name tells of the last hop, is what instrumented Kafka clients write and read, and comes first.

import ApusModel
import CloudEvents
import Tracing

/// Trace context as it stands in a record header.
struct TraceHop: Sendable, Hashable {
    static let name = "traceparent"
    static let nameBytes = Array(name.utf8)
    static let stateName = "tracestate"
    /// Longer ones are of nobody who keeps to the specification.
    private static let lengthMax = 128

    /// W3C `traceparent`.
    var parent: String

    /// The place that a context names, by the program's instrument; nil when there is none.
    init?(_ context: ServiceContext) {
        var found: String?
        InstrumentationSystem.instrument.inject(context, into: &found, using: HopInjector())
        guard let found else { return nil }
        parent = found
    }

    private init(_ parent: String) { self.parent = parent }

    /// What a record says: of its last hop, or of where the event began.
    init?(_ record: RecordView) {
        var (hop, origin): (String?, String?)
        record.forEachHeader { name, value in
            guard let value, value.count <= TraceHop.lengthMax else { return true }
            if name.count == 11, name.elementsEqual("traceparent".utf8) {
                hop = String(validating: value, as: UTF8.self)
            } else if name.count == 14, name.elementsEqual("ce_traceparent".utf8) {
                origin = String(validating: value, as: UTF8.self)
            }
            return hop == nil
        }
        guard let found = hop ?? origin else { return nil }
        self.init(found)
    }

    /// What a stored event says, in the same order.
    init?(_ stored: StoredEvent) {
        guard let found = stored.traceHop ?? stored.event.traceParent else { return nil }
        self.init(found)
    }

    /// The context to begin spans in.
    var context: ServiceContext { context(by: InstrumentationSystem.instrument) }

    /// The context to begin spans in, as an instrument reads it.
    func context(by instrument: any Instrument) -> ServiceContext {
        var context = ServiceContext.topLevel
        instrument.extract(parent, into: &context, using: HopExtractor())
        return context
    }

    /// Whether an event that began at `origin` is part of the same trace; one of which nobody knows where it began is.
    func continues(_ origin: String?) -> Bool {
        guard let origin else { return true }
        // Version, trace and span stand at fixed places.
        return parent.utf8.dropFirst(3).prefix(32).elementsEqual(origin.utf8.dropFirst(3).prefix(32))
    }

    /// Whether its trace is recorded, as far as anybody knows: the last bit of the flags.
    var isSampled: Bool {
        guard let last = parent.utf8.last, parent.utf8.count >= 55 else { return false }
        // Of hexadecimal digits those with an odd value, in the order of ASCII: 1 3 5 7 9, b d f.
        return last < UInt8(ascii: "a") ? last & 1 == 1 : last & 1 == 0
    }
}

private struct HopInjector: Injector {
    func inject(_ value: String, forKey key: String, into carrier: inout String?) {
        if key == TraceHop.name { carrier = value }
    }
}

private struct HopExtractor: Extractor {
    func extract(key: String, from parent: String) -> String? { key == TraceHop.name ? parent : nil }
}

/// The span of an append, from the call until it is durable.
final class AppendTrace: Sendable {
    /// What goes into the records: the span of whoever publishes, which what happens next is part of.
    let hop: TraceHop?
    private let span: any Span

    /// Begins a span below that of the task's context, if that is one of a recorded trace.
    static func begin(_ topic: ResourceName, _ count: Int) -> AppendTrace? {
        guard let context = ServiceContext.current, let hop = TraceHop(context), hop.isSampled else {
            return nil
        }
        return AppendTrace(hop, context, topic, count)
    }

    private init(_ hop: TraceHop, _ context: ServiceContext, _ topic: ResourceName, _ count: Int) {
        self.hop = hop
        span = startSpan("append \(topic)", context: context, ofKind: .internal)
        guard span.isRecording else { return }
        span.updateAttributes { attributes in
            attributes["messaging.system"] = "apus"
            attributes["messaging.destination.name"] = "\(topic)"
            if count > 1 { attributes["messaging.batch.message_count"] = count }
        }
    }

    /// Ends the span.
    func end(partition: Int, offset: Offset) {
        span.updateAttributes { attributes in
            attributes["messaging.destination.partition.id"] = "\(partition)"
            attributes["apus.offset"] = offset.rawValue
        }
        span.end()
    }

    /// Ends the span with an error.
    func end(_ error: some Error) {
        span.setStatus(SpanStatus(code: .error, message: "\(error)"))
        span.end()
    }
}

/// The span of a copy that a rule makes, from when the rule matched until the copy is durable.
struct CopyTrace: Sendable {
    let hop: TraceHop?
    private let span: any Span

    /// Begins a span below that of the record's last hop, if its trace is recorded.
    static func begin(
        _ record: RecordView, _ rule: ResourceName, from source: ResourceName, _ partition: Int,
        to target: ResourceName
    ) -> CopyTrace? {
        guard let parent = TraceHop(record), parent.isSampled else { return nil }
        let span = startSpan("copy \(target)", context: parent.context, ofKind: .producer)
        guard span.isRecording else { return nil }
        span.updateAttributes { attributes in
            attributes["messaging.system"] = "apus"
            attributes["messaging.operation.name"] = "copy"
            attributes["messaging.operation.type"] = "send"
            attributes["messaging.destination.name"] = "\(target)"
            attributes["apus.rule"] = "\(rule)"
            attributes["apus.source"] = "\(source)/\(partition)/\(record.offset)"
        }
        return CopyTrace(hop: TraceHop(span.context), span: span)
    }

    /// Says that the copy could not be made; it has still to end.
    func fail(_ reason: String) { span.setStatus(SpanStatus(code: .error, message: reason)) }

    /// Ends the span.
    func end(_ error: (any Error)?) {
        if let error { fail("\(error)") }
        span.end()
    }
}
