// SPDX-License-Identifier: Apache-2.0

// What is left of a span when it ends, and where it goes: the seam behind which spans are exported.

public import Logging
public import Tracing

/// A span that has ended, as values.
public struct FinishedSpan: Sendable {
    /// What was done.
    public let name: String
    /// Which side of a call or a message it was.
    public let kind: SpanKind
    /// The span's place in its trace.
    public let traceContext: TraceContext
    /// The span that it was part of, if any; it may belong to another system.
    public let parentSpanID: SpanID?
    /// When it began, in wall time.
    public let start: WallTime
    /// When it ended, in wall time.
    public let end: WallTime
    /// How it ended, if that was said.
    public let status: SpanStatus?
    /// What is known about it.
    public let attributes: SpanAttributes
    /// What happened on the way, errors included.
    public let events: [SpanEvent]
    /// Spans of this or other traces that it has to do with.
    public let links: [SpanLink]
    /// How many attributes, events and links were dropped because there were too many.
    public let droppedCount: Int
}

/// Takes spans that have ended.
///
/// Implementations return at once: they are called on the thread that ended the span. They drop what
/// they cannot keep up with.
public protocol SpanSink: Sendable {
    /// Whether anything is done with spans; if not, none are recorded.
    var wantsSpans: Bool { get }

    /// Takes one span; called once for each.
    func receive(_ span: FinishedSpan)
}

/// Does nothing with spans. Trace contexts are passed on all the same.
public struct NoSpanSink: SpanSink {
    /// Never.
    public let wantsSpans = false

    /// A sink for nothing.
    public init() {}

    /// Does nothing.
    public func receive(_ span: FinishedSpan) {}
}

/// Writes a log line for each span.
public struct LogSpanSink: SpanSink {
    private let logger: Logger
    private let level: Logger.Level

    /// A sink that logs at `level`.
    public init(logger: Logger, level: Logger.Level = .debug) {
        self.logger = logger
        self.level = level
    }

    /// Whether the logger writes lines of this level.
    public var wantsSpans: Bool { level >= logger.logLevel }

    /// Writes one line: the span's name, and the rest as metadata.
    public func receive(_ span: FinishedSpan) {
        var metadata: Logger.Metadata = [
            "trace_id": .stringConvertible(span.traceContext.traceID),
            "span_id": .stringConvertible(span.traceContext.spanID),
            "kind": .string("\(span.kind)"),
            "start": .string(span.start.rfc3339),
            "duration_us": .stringConvertible(
                (span.end.nanosecondsSinceEpoch - span.start.nanosecondsSinceEpoch) / 1000),
        ]
        if let parent = span.parentSpanID { metadata["parent_span_id"] = .stringConvertible(parent) }
        if let status = span.status {
            metadata["status"] = .string(status.message.map { "\(status.code): \($0)" } ?? "\(status.code)")
        }
        span.attributes.forEach { name, value in metadata[name] = .string(Self.text(of: value)) }
        if !span.events.isEmpty { metadata["events"] = .array(span.events.map { .string($0.name) }) }
        logger.log(level: level, "span: \(span.name)", metadata: metadata)
    }

    private static func text(of attribute: SpanAttribute) -> String {
        switch attribute {
        case .int32(let value): "\(value)"
        case .int64(let value): "\(value)"
        case .double(let value): "\(value)"
        case .bool(let value): "\(value)"
        case .string(let value): value
        case .stringConvertible(let value): "\(value)"
        case .int32Array(let values): "\(values)"
        case .int64Array(let values): "\(values)"
        case .doubleArray(let values): "\(values)"
        case .boolArray(let values): "\(values)"
        case .stringArray(let values): "\(values)"
        case .stringConvertibleArray(let values): "\(values.map { "\($0)" })"
        default: "\(attribute)"
        }
    }
}
