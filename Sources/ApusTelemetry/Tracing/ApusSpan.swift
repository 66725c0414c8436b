// SPDX-License-Identifier: Apache-2.0

// A span while it lasts: swift-distributed-tracing's `Span` over a small state behind a lock.

import Synchronization
public import Tracing

/// A span of `ApusTracer`.
///
/// Invariant: its sink receives it at most once, at its first end; what is set afterwards is ignored.
public final class ApusSpan: Span {
    /// The most attributes, events and links a span keeps, of each.
    public static let entriesMax = 128

    /// The context that what happens within the span carries.
    public let context: ServiceContext
    /// The span's place in its trace.
    public let traceContext: TraceContext
    /// Whether anything is kept of what is said about the span.
    public let isRecording: Bool

    private let kind: SpanKind
    private let parentSpanID: SpanID?
    private let start: WallTime
    private let sink: any SpanSink
    private let state: Mutex<State>

    private struct State {
        var name: String
        var status: SpanStatus?
        var attributes = SpanAttributes()
        var events: [SpanEvent] = []
        var links: [SpanLink] = []
        var droppedCount = 0
        var hasEnded = false
    }

    init(
        name: String, kind: SpanKind, context: ServiceContext, traceContext: TraceContext,
        parentSpanID: SpanID?, start: WallTime, isRecording: Bool, sink: any SpanSink
    ) {
        self.context = context
        self.traceContext = traceContext
        self.isRecording = isRecording
        self.kind = kind
        self.parentSpanID = parentSpanID
        self.start = start
        self.sink = sink
        state = Mutex(State(name: name))
    }

    /// What is done within the span.
    public var operationName: String {
        get { state.withLock { $0.name } }
        set { record { $0.name = newValue } }
    }

    /// What is known about the span. Beyond `entriesMax` names, those last in the alphabet are dropped.
    public var attributes: SpanAttributes {
        get { state.withLock { $0.attributes } }
        set { record { Self.keep(newValue, in: &$0) } }
    }

    /// Says how the span went; an `ok` is not taken back by a later `error`.
    public func setStatus(_ status: SpanStatus) {
        record { state in
            if state.status?.code != .ok { state.status = status }
        }
    }

    /// Adds what happened on the way.
    public func addEvent(_ event: SpanEvent) {
        record { Self.append(event, to: \.events, of: &$0) }
    }

    /// Adds a span that this one has to do with.
    public func addLink(_ link: SpanLink) {
        record { Self.append(link, to: \.links, of: &$0) }
    }

    /// Adds an error as the event `exception`, in OpenTelemetry's words.
    public func recordError<Instant: TracerInstant>(
        _ error: any Error, attributes: SpanAttributes, at instant: @autoclosure () -> Instant
    ) {
        guard isRecording else { return }
        var attributes = attributes
        attributes["exception.type"] = String(describing: type(of: error))
        attributes["exception.message"] = String(describing: error)
        addEvent(SpanEvent(name: "exception", at: instant(), attributes: attributes))
    }

    /// Ends the span and hands it to the sink.
    public func end<Instant: TracerInstant>(at instant: @autoclosure () -> Instant) {
        guard isRecording else { return }
        let finished: State? = state.withLock { state in
            guard !state.hasEnded else { return nil }
            state.hasEnded = true
            return state
        }
        guard let finished else { return }
        sink.receive(
            FinishedSpan(
                name: finished.name, kind: kind, traceContext: traceContext, parentSpanID: parentSpanID,
                start: start, end: WallTime(instant()), status: finished.status,
                attributes: finished.attributes, events: finished.events, links: finished.links,
                droppedCount: finished.droppedCount))
    }

    private func record(_ change: (inout State) -> Void) {
        guard isRecording else { return }
        state.withLock { if !$0.hasEnded { change(&$0) } }
    }

    private static func append<Element>(
        _ element: Element, to list: WritableKeyPath<State, [Element]>, of state: inout State
    ) {
        if state[keyPath: list].count < entriesMax {
            state[keyPath: list].append(element)
        } else {
            state.droppedCount += 1
        }
    }

    private static func keep(_ attributes: SpanAttributes, in state: inout State) {
        guard attributes.count > entriesMax else {
            state.attributes = attributes
            return
        }
        var named: [(name: String, value: SpanAttribute)] = []
        attributes.forEach { named.append(($0, $1)) }
        let kept = named.sorted { $0.name < $1.name }.prefix(entriesMax)
        state.attributes = SpanAttributes(Dictionary(kept.map { ($0.name, $0.value) }) { $1 })
        state.droppedCount += named.count - kept.count
    }
}

extension WallTime {
    /// The time of a tracer's clock.
    init(_ instant: some TracerInstant) {
        self.init(nanosecondsSinceEpoch: Int64(clamping: instant.nanosecondsSinceEpoch))
    }
}
