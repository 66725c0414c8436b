// SPDX-License-Identifier: Apache-2.0

// The bridge from the engine's turns to targets, which are async: one task for each attempt, in a group that ends with the service. Each
// attempt is a span, child of the trace that the event carries.

public import ApusTransport
import CloudEvents
import Tracing

/// Runs attempts on targets as child tasks of ``run()``.
public final class TargetDispatcher: DeliveryDispatcher {
    private struct Job: Sendable {
        var delivery: Delivery
        var settings: PushSettings
        var completion: @Sendable (Outcome) -> Void
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
        _ delivery: Delivery, to settings: PushSettings, completion: @escaping @Sendable (Outcome) -> Void
    ) {
        input.yield(Job(delivery: delivery, settings: settings, completion: completion))
    }

    public func objection(to settings: PushSettings) -> String? { target.objection(to: settings) }

    /// Runs attempts until ``finish()`` is called and those that had begun have ended, or until the task is cancelled.
    public func run() async {
        await withDiscardingTaskGroup { group in
            for await job in jobs {
                group.addTask { [target] in
                    let outcome = await TargetDispatcher.attempt(job.delivery, job.settings, target)
                    job.completion(outcome)
                }
            }
        }
    }

    /// Takes no more attempts.
    public func finish() { input.finish() }

    private static func attempt(
        _ delivery: Delivery, _ settings: PushSettings, _ target: any Target
    ) async -> Outcome {
        var context = ServiceContext.topLevel
        InstrumentationSystem.instrument.extract(delivery.event, into: &context, using: EventTrace())
        return await withSpan("deliver \(delivery.subscription)", context: context, ofKind: .producer) {
            span in
            span.attributes["messaging.system"] = "apus"
            span.attributes["messaging.destination.name"] = "\(delivery.topic)"
            span.attributes["messaging.message.id"] = delivery.event.id
            span.attributes["apus.subscription"] = "\(delivery.subscription)"
            span.attributes["apus.attempt"] = delivery.attempt
            var delivery = delivery
            InstrumentationSystem.instrument.inject(span.context, into: &delivery, using: DeliveryTrace())
            let outcome = await target.deliver(delivery, to: settings)
            switch outcome {
            case .delivered: break
            case .retry(_, let status, let reason), .refused(let status, let reason):
                if let status { span.attributes["http.response.status_code"] = status }
                span.setStatus(SpanStatus(code: .error, message: reason))
            }
            return outcome
        }
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
