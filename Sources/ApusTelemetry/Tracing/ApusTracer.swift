// SPDX-License-Identifier: Apache-2.0

// swift-distributed-tracing's tracer: continues the trace that a request came with or begins one,
// carries it through the task's context, and passes it on in W3C headers.

import Synchronization
public import Tracing

/// The key of the trace context in a service context.
public enum TraceContextKey: ServiceContextKey {
    /// What is kept.
    public typealias Value = TraceContext
    /// The key's name where contexts are shown.
    public static let nameOverride: String? = "trace-context"
}

extension ServiceContext {
    /// The place in a trace that work in this context belongs to.
    public var traceContext: TraceContext? {
        get { self[TraceContextKey.self] }
        set { self[TraceContextKey.self] = newValue }
    }
}

/// Which new traces are recorded. Traces begun elsewhere are recorded if their `sampled` flag says so.
public enum TraceSampling: Hashable, Sendable {
    /// None.
    case never
    /// All.
    case always
    /// This share of them, from 0 to 1.
    case ratio(Double)

    func samples(_ trace: TraceID) -> Bool {
        switch self {
        case .never: false
        case .always: true
        // The last 56 bits are random by the specification.
        case .ratio(let ratio): Double(trace.randomBits & (1 << 56 - 1)) < ratio * Double(UInt64(1) << 56)
        }
    }
}

/// A tracer that speaks W3C Trace Context and hands ended spans to a `SpanSink`.
public final class ApusTracer: Tracer {
    /// The spans it makes.
    public typealias Span = ApusSpan

    private let sink: any SpanSink
    private let sampling: TraceSampling
    private let generator: Mutex<AnyGenerator>

    /// A tracer that gives spans to `sink`.
    ///
    /// - Parameters:
    ///   - sampling: which traces that begin here are recorded.
    ///   - generator: makes the identities; a seeded one makes them repeatable.
    public init(
        sink: any SpanSink = NoSpanSink(), sampling: TraceSampling = .always,
        generator: any RandomNumberGenerator & Sendable = IdentityGenerator()
    ) {
        self.sink = sink
        self.sampling = sampling
        self.generator = Mutex(AnyGenerator(base: generator))
    }

    /// Begins a span below the context's, or a new trace where there is none.
    public func startSpan<Instant: TracerInstant>(
        _ operationName: String, context: @autoclosure () -> ServiceContext, ofKind kind: SpanKind,
        at instant: @autoclosure () -> Instant, function: String, file fileID: String, line: UInt
    ) -> ApusSpan {
        var context = context()
        let parent = context.traceContext
        let traceContext = place(below: parent)
        context.traceContext = traceContext
        return ApusSpan(
            name: operationName, kind: kind, context: context, traceContext: traceContext,
            parentSpanID: parent?.spanID, start: WallTime(instant()),
            isRecording: traceContext.flags.contains(.sampled) && sink.wantsSpans, sink: sink)
    }

    /// Spans are handed on when they end, so there is nothing to flush.
    public func forceFlush() {}

    private func place(below parent: TraceContext?) -> TraceContext {
        generator.withLock { generator in
            if let parent { return parent.child(using: &generator) }
            let trace = TraceID(using: &generator)
            return TraceContext(
                traceID: trace, spanID: SpanID(using: &generator),
                flags: sampling.samples(trace) ? [.sampled, .random] : .random)
        }
    }
}

// MARK: - Instrument

extension ApusTracer {
    /// Takes the trace context from a request's headers; without a valid `traceparent` the context is left
    /// as it is.
    public func extract<Carrier, Extract: Extractor>(
        _ carrier: Carrier, into context: inout ServiceContext, using extractor: Extract
    ) where Extract.Carrier == Carrier {
        guard let traceparent = extractor.extract(key: "traceparent", from: carrier),
            let received = TraceContext(
                traceparent: traceparent, tracestate: extractor.extract(key: "tracestate", from: carrier))
        else { return }
        context.traceContext = received
    }

    /// Puts the trace context into a request's headers, if there is one.
    public func inject<Carrier, Inject: Injector>(
        _ context: ServiceContext, into carrier: inout Carrier, using injector: Inject
    ) where Inject.Carrier == Carrier {
        guard let traceContext = context.traceContext else { return }
        injector.inject(traceContext.traceparent, forKey: "traceparent", into: &carrier)
        guard !traceContext.state.isEmpty else { return }
        injector.inject(traceContext.state.description, forKey: "tracestate", into: &carrier)
    }
}

/// Makes identities. The system is asked for chance once: to ask it for each span costs a call of the kernel or two, and nobody is kept from guessing an
/// identity by anything but its length. (David Blackman's and Sebastiano Vigna's xoshiro256**.)
public struct IdentityGenerator: RandomNumberGenerator, Sendable {
    private var state: (UInt64, UInt64, UInt64, UInt64)

    /// A generator that nobody can foresee.
    public init() {
        var system = SystemRandomNumberGenerator()
        state = (system.next(), system.next(), system.next(), system.next() | 1)
    }

    /// The next 64 bits.
    public mutating func next() -> UInt64 {
        func rotated(_ value: UInt64, _ count: UInt64) -> UInt64 { value << count | value >> (64 - count) }
        let result = rotated(state.1 &* 5, 7) &* 9
        let shifted = state.1 << 17
        state.2 ^= state.0
        state.3 ^= state.1
        state.1 ^= state.2
        state.0 ^= state.3
        state.2 ^= shifted
        state.3 = rotated(state.3, 45)
        return result
    }
}

/// A generator of any type as one of a known type, which generic functions can take by reference.
private struct AnyGenerator: RandomNumberGenerator {
    var base: any RandomNumberGenerator & Sendable

    mutating func next() -> UInt64 { base.next() }
}
