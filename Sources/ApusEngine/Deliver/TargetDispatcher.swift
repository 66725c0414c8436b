// SPDX-License-Identifier: Apache-2.0

// The bridge from the engine's turns to targets. What can begin at once costs no task; what has to wait for something first, and questions for
// consent, are tasks in a group that ends with the service. Each attempt is a span, child of the event's last hop.

public import ApusTransport
import CloudEvents
import CoreMetrics
import Synchronization
import Tracing

/// Runs attempts on targets, those that wait as child tasks of ``run()``.
public final class TargetDispatcher: DeliveryDispatcher {
    private struct Job: Sendable {
        var settings: PushSettings
        var work: Work
    }

    private enum Work: Sendable {
        case deliver([Delivery], @Sendable ([Outcome]) -> Void)
        case ask(@Sendable (Permission) -> Void)
    }

    private let target: any Target
    private let jobs: AsyncStream<Job>
    private let input: AsyncStream<Job>.Continuation
    /// Attempts that have begun and not ended, and whether more may begin.
    private let attempts = Mutex<(underWay: Int, isFinished: Bool)>((0, false))
    /// Ends when nothing more begins and everything has ended.
    private let ending: AsyncStream<Never>
    private let ended: AsyncStream<Never>.Continuation
    private let durations = Timer(label: "apus_delivery_attempt_duration_seconds")

    /// A dispatcher to `target`.
    public init(target: any Target) {
        self.target = target
        // Unbounded here is bounded by the subscriptions' concurrency: nobody dispatches more than may run.
        (jobs, input) = AsyncStream.makeStream()
        (ending, ended) = AsyncStream.makeStream()
    }

    public func dispatch(
        _ deliveries: [Delivery], to settings: PushSettings, completion: @escaping @Sendable (Outcome) -> Void
    ) {
        dispatchEach(deliveries, to: settings) { completion($0.first ?? .delivered) }
    }

    public func dispatchEach(
        _ deliveries: [Delivery], to settings: PushSettings,
        completion: @escaping @Sendable ([Outcome]) -> Void
    ) {
        guard let first = deliveries.first else { return completion([]) }
        // After `finish()` nobody takes it, as if the process had ended already: the lease ends with the life.
        guard begin() else { return }
        let span = TargetDispatcher.span(deliveries, first)
        var deliveries = deliveries
        InstrumentationSystem.instrument.inject(span.context, into: &deliveries[0], using: DeliveryTrace())
        let count = deliveries.count
        let start = ContinuousClock.now
        let conclude: @Sendable ([Outcome]) -> Void = { [self] outcomes in
            // Within the span's context, from which the metric has its exemplar.
            ServiceContext.$current.withValue(span.context) {
                durations.recordNanoseconds(start.duration(to: .now).nanoseconds)
            }
            TargetDispatcher.end(span, outcomes.first { $0 != .delivered } ?? .delivered)
            completion(outcomes)
            end()
        }
        let hasBegun = target.begin(deliveries, to: settings) {
            conclude(Array(repeating: $0, count: count))
        }
        guard !hasBegun else { return }
        if case .terminated = input.yield(Job(settings: settings, work: .deliver(deliveries, conclude))) {
            end()
        }
    }

    public func requestPermission(
        _ settings: PushSettings, completion: @escaping @Sendable (Permission) -> Void
    ) {
        input.yield(Job(settings: settings, work: .ask(completion)))
    }

    public func objection(to settings: PushSettings) -> String? { target.objection(to: settings) }

    /// Returns when ``finish()`` has been called and the attempts that had begun have ended, or when the task is cancelled.
    public func run() async {
        await withDiscardingTaskGroup { group in
            for await job in jobs {
                group.addTask { [target] in
                    switch job.work {
                    case .deliver(let deliveries, let completion):
                        completion(await target.deliverEach(deliveries, to: job.settings))
                    case .ask(let completion):
                        completion(await target.requestPermission(job.settings))
                    }
                }
            }
        }
        for await _ in ending {}
    }

    /// Takes no more attempts.
    public func finish() {
        input.finish()
        let isIdle = attempts.withLock { attempts in
            attempts.isFinished = true
            return attempts.underWay == 0
        }
        if isIdle { ended.finish() }
    }

    private func begin() -> Bool {
        attempts.withLock { attempts in
            if !attempts.isFinished { attempts.underWay += 1 }
            return !attempts.isFinished
        }
    }

    private func end() {
        let isLast = attempts.withLock { attempts in
            attempts.underWay -= 1
            return attempts.isFinished && attempts.underWay == 0
        }
        if isLast { ended.finish() }
    }

    // MARK: Spans

    private static func span(_ deliveries: [Delivery], _ first: Delivery) -> any Span {
        // The events of a batch each carry their own trace; the request continues the first, and is linked to the others.
        let span = startSpan("deliver \(first.subscription)", context: context(of: first), ofKind: .client)
        guard span.isRecording else { return span }
        for other in deliveries.dropFirst().prefix(linksMax) {
            span.addLink(SpanLink(context: context(of: other), attributes: [:]))
        }
        span.updateAttributes { attributes in
            attributes["messaging.system"] = "apus"
            attributes["messaging.operation.name"] = "deliver"
            attributes["messaging.operation.type"] = "send"
            attributes["messaging.destination.name"] = "\(first.topic)"
            attributes["messaging.message.id"] = first.event.id
            attributes["apus.subscription"] = "\(first.subscription)"
            attributes["apus.attempt"] = first.attempt
            if deliveries.count > 1 { attributes["messaging.batch.message_count"] = deliveries.count }
        }
        return span
    }

    /// Links of one span; more say nothing that these do not.
    private static let linksMax = 127

    private static func context(of delivery: Delivery) -> ServiceContext {
        var context = ServiceContext.topLevel
        InstrumentationSystem.instrument.extract(delivery, into: &context, using: HopReader())
        return context
    }

    private static func end(_ span: any Span, _ outcome: Outcome) {
        switch outcome {
        case .delivered: break
        case .retry(_, let status, let reason), .refused(let status, let reason):
            if let status { span.attributes["http.response.status_code"] = status }
            span.setStatus(SpanStatus(code: .error, message: reason))
        }
        span.end()
    }
}

/// Reads trace context of the last hop, or of where the event began (CloudEvents' distributed tracing extension).
private struct HopReader: Extractor {
    func extract(key: String, from delivery: Delivery) -> String? {
        if key == TraceHop.name, let hop = delivery.traceparent { return hop }
        guard case .string(let text)? = delivery.event.extensions[key] else { return nil }
        return text
    }
}

extension Duration {
    fileprivate var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds &* 1_000_000_000 &+ attoseconds / 1_000_000_000
    }
}

/// Writes trace context of an attempt beside the event, which stays as it is.
private struct DeliveryTrace: Injector {
    func inject(_ value: String, forKey key: String, into delivery: inout Delivery) {
        if key == "traceparent" { delivery.traceparent = value }
    }
}
