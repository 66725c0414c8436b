// SPDX-License-Identifier: Apache-2.0

// The bridge from the engine's turns to targets, which are async: one task for each attempt, in a group that ends with the service. Each
// attempt is a span, child of the trace that the event carries.

public import ApusTransport
import CloudEvents
import Tracing

/// Runs attempts on targets as child tasks of ``run()``.
public final class TargetDispatcher: DeliveryDispatcher {
    private struct Job: Sendable {
        var settings: PushSettings
        var work: Work
    }

    private enum Work: Sendable {
        case deliver([Delivery], @Sendable (Outcome) -> Void)
        case ask(@Sendable (Permission) -> Void)
    }

    private let target: any Target
    private let jobs: AsyncStream<Job>
    private let input: AsyncStream<Job>.Continuation

    /// A dispatcher to `target`.
    public init(target: any Target) {
        self.target = target
        // Unbounded here is bounded by the subscriptions' concurrency: nobody dispatches more than may run.
        (jobs, input) = AsyncStream.makeStream()
    }

    public func dispatch(
        _ deliveries: [Delivery], to settings: PushSettings, completion: @escaping @Sendable (Outcome) -> Void
    ) {
        // After `finish()` nobody takes it, as if the process had ended already: the lease ends with the life.
        input.yield(Job(settings: settings, work: .deliver(deliveries, completion)))
    }

    public func requestPermission(
        _ settings: PushSettings, completion: @escaping @Sendable (Permission) -> Void
    ) {
        input.yield(Job(settings: settings, work: .ask(completion)))
    }

    public func objection(to settings: PushSettings) -> String? { target.objection(to: settings) }

    /// Runs attempts until ``finish()`` is called and those that had begun have ended, or until the task is cancelled.
    public func run() async {
        await withDiscardingTaskGroup { group in
            for await job in jobs {
                group.addTask { [target] in
                    switch job.work {
                    case .deliver(let deliveries, let completion):
                        completion(await TargetDispatcher.attempt(deliveries, job.settings, target))
                    case .ask(let completion):
                        completion(await target.requestPermission(job.settings))
                    }
                }
            }
        }
    }

    /// Takes no more attempts.
    public func finish() { input.finish() }

    private static func attempt(
        _ deliveries: [Delivery], _ settings: PushSettings, _ target: any Target
    ) async -> Outcome {
        guard let first = deliveries.first else { return .delivered }
        var context = ServiceContext.topLevel
        // The events of a batch each carry their own trace; the request can continue one.
        InstrumentationSystem.instrument.extract(first.event, into: &context, using: EventTrace())
        return await withSpan("deliver \(first.subscription)", context: context, ofKind: .producer) {
            span in
            describe(span, deliveries, first)
            var deliveries = deliveries
            InstrumentationSystem.instrument.inject(
                span.context, into: &deliveries[0], using: DeliveryTrace())
            let outcome = await target.deliver(deliveries, to: settings)
            switch outcome {
            case .delivered: break
            case .retry(_, let status, let reason), .refused(let status, let reason):
                if let status { span.attributes["http.response.status_code"] = status }
                span.setStatus(SpanStatus(code: .error, message: reason))
            }
            return outcome
        }
    }

    private static func describe(_ span: any Span, _ deliveries: [Delivery], _ first: Delivery) {
        guard span.isRecording else { return }
        span.attributes["messaging.system"] = "apus"
        span.attributes["messaging.destination.name"] = "\(first.topic)"
        span.attributes["messaging.message.id"] = first.event.id
        span.attributes["apus.subscription"] = "\(first.subscription)"
        span.attributes["apus.attempt"] = first.attempt
        if deliveries.count > 1 { span.attributes["messaging.batch.message_count"] = deliveries.count }
    }
}

/// Reads trace context from an event's attributes (CloudEvents' distributed tracing extension).
private struct EventTrace: Extractor {
    func extract(key: String, from event: CloudEvent) -> String? {
        guard case .string(let text)? = event.extensions[key] else { return nil }
        return text
    }
}

/// Writes trace context of an attempt beside the event, which stays as it is.
private struct DeliveryTrace: Injector {
    func inject(_ value: String, forKey key: String, into delivery: inout Delivery) {
        if key == "traceparent" { delivery.traceparent = value }
    }
}
